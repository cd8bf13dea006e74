"""Fusion of exact depth against Open3D: speed, accuracy and completeness on the same frames in the same run.

    python3 dev.py bench reconstruct [--voxels 0.01 0.005] [--frames 60] [--repeats 3] [--no-pictures] [--only fusion|noise|job] [--tiny]

The scene is ``scenes/room.py``, frames are 640 x 480. Open3D is tuned: truncation 3 voxels, blocks of 8 voxels cubed, weight threshold 0.

``fps`` is integration alone, block allocation included, arrays in memory, compilation excluded, the best of ``--repeats`` runs that
alternate between the two; ``fps_color`` has colour too (Open3D fuses it, we project the finished mesh into the views, which includes
measuring the error report). ``extract`` is the surface in seconds. F is the harmonic mean of precision (400,000 samples of the mesh,
exact distance to the analytic scene) and recall (points of the true surface that a camera sees, exact point-to-triangle distance to
the mesh) at a part of a voxel; ``accuracy`` and ``completeness`` are the mean distances of the two in millimetres, ``complete`` is the
share of visible truth within a voxel of the mesh, ``normals`` the mean cosine between a face and the true surface at its samples.
``peak_mb`` is what a fresh process needs more at its peak than before the first frame, surface included.

``noise`` fuses the same room with noisy depth (``_depth_job.py`` has the levels): truncation fixed at 3 voxels, against what the
operation measures and sets. ``job`` runs the whole operation from EXR and PNG bytes, without and with a texture on 50,000 faces.

Where Open3D is not installed its row, the pictures, and what needs distances to a mesh (F, completeness) are left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

import numba
import numpy as np
import psutil

from ..backend.core.color import to_srgb
from ..backend.io.frames.frame import DepthFrame
from ..backend.reconstruct.fusion.fusion import Settings
from ..backend.reconstruct.fusion.projection import Projection
from ..backend.reconstruct.fusion.surface import Volumes
from . import _depth_job
from ._report import Report, Row, begin, installed, make_parser, print_table, to_bytes
from .scenes import room

TRUNCATION = 3.0
CAPACITY = 200_000
"""Blocks that Open3D reserves."""
Surface = tuple[np.ndarray, np.ndarray]
"""Vertices and faces."""
Run = Callable[[list[room.View], float, bool], tuple[dict[str, float], Surface]]
"""Views, voxel in metres, with colour or not; figures and the surface."""


def backlot_run(views: list[room.View], voxel: float, color: bool) -> tuple[dict[str, float], Surface]:
    """Ours; with colour the projection's time counts as fusion."""
    cameras = [_depth_job.camera_of(view) for view in views]
    settings = Settings(voxel, TRUNCATION)
    volumes = Volumes(settings, "cpu")
    frames = [DepthFrame(n, camera, view.depth, 0.0, view.color, None) for n, (view, camera) in enumerate(zip(views, cameras, strict=True))]
    start = time.perf_counter()
    for frame in frames:
        volumes.add(frame)
    fused = time.perf_counter()
    surface = volumes.surface(100)
    extracted = time.perf_counter()
    seconds = fused - start
    if color:
        projection = Projection(surface.vertices, surface.faces, settings, len(frames), 0)
        for frame in frames:
            projection.add(frame)
        projection.colors()
        seconds += time.perf_counter() - extracted
    return {"fps": len(views) / seconds, "extract": extracted - fused, "mb": surface.blocks * 2048 / 1e6}, (surface.vertices, surface.faces)


def open3d_run(views: list[room.View], voxel: float, color: bool, capacity: int = CAPACITY) -> tuple[dict[str, float], Surface]:
    """Open3D's, with the same truncation."""
    from ._open3d import fuse  # where it is installed

    return fuse(views, voxel, color, TRUNCATION, capacity)


def systems() -> dict[str, Run]:
    """What is compared: Open3D first where it is installed, then ours."""
    return ({"open3d": open3d_run} if installed("open3d") else {}) | {"backlot": backlot_run}


def peak(system: str, voxel: float, frames: int, tiny: bool) -> float:
    """Megabytes that a process which did nothing else needs more at its peak, surface included."""
    command = [sys.executable, "-m", __spec__.name, "--peak-of", system, "--voxels", str(voxel), "--frames", str(frames)]
    done = subprocess.run(command + ["--tiny"] * tiny, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def print_peak(system: str, voxel: float, views: list[room.View]) -> None:
    """What ``peak`` runs."""
    run: Run = backlot_run
    if system == "open3d":  # a capacity that just fits, as one would choose who knew it: blocks grow with 1 / voxel²

        def run(views: list[room.View], voxel: float, color: bool) -> tuple[dict[str, float], Surface]:
            return open3d_run(views, voxel, color, int(30_000 * (0.01 / voxel) ** 2))

    run(views[:2], 0.05, False)  # libraries and kernels are loaded
    process, done, highest = psutil.Process(), threading.Event(), [0]
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.005):
            highest[0] = max(highest[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    kept = run(views, voxel, False)
    highest[0] = max(highest[0], process.memory_info().rss)
    done.set()
    watcher.join()
    print(json.dumps((highest[0] - before) / 1e6 if len(kept[1][1]) else 0.0))


def sample_mesh(surface: Surface, count: int = 400_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points on a mesh, even by area, and the normals of their faces."""
    vertices, faces = surface
    generator = np.random.default_rng(seed)
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    normals = np.cross(b - a, c - a)
    area = np.cumsum(np.linalg.norm(normals, axis=1))
    chosen = np.searchsorted(area, generator.uniform(0, area[-1], count)).clip(0, len(faces) - 1)
    s, t = generator.uniform(0, 1, (2, count, 1))
    root = np.sqrt(s)
    points: np.ndarray = a[chosen] * (1 - root) + b[chosen] * root * (1 - t) + c[chosen] * root * t
    return points, normals[chosen] / np.maximum(np.linalg.norm(normals[chosen], axis=1, keepdims=True), 1e-30)


def true_normals(points: np.ndarray) -> np.ndarray:
    """Directions from points to the nearest true surface: the slope of its distance, from a little outside on each side."""
    step = 1e-4
    slope = np.stack([room.distance(points + step * axis) ** 2 - room.distance(points - step * axis) ** 2 for axis in np.eye(3)], 1)
    return slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-30)


def quality(surface: Surface, truth: np.ndarray, voxel: float) -> dict[str, float]:
    """Accuracy of a mesh, and where Open3D is installed completeness and F, see above."""
    points, normals = sample_mesh(surface)
    accuracy = room.distance(points)
    # On the surface its distance has no slope: the normal is that a hundredth of a voxel away from it.
    cosine = np.abs((true_normals(points + 0.3 * voxel * normals) * normals).sum(1))
    row = {"normals": float(cosine.mean()), "accuracy": float(accuracy.mean() * 1e3), "faces": len(surface[1])}
    if not installed("open3d"):
        return row
    from ._open3d import distances  # where it is installed

    completeness = distances(surface, truth)
    for part in (0.25, 0.5, 1.0):
        precision, recall = (accuracy < part * voxel).mean(), (completeness < part * voxel).mean()
        row[f"F@{part:g}v"] = float(2 * precision * recall / (precision + recall))
    return row | {"complete": float((completeness < voxel).mean()), "completeness": float(completeness.mean() * 1e3)}


def picture(surface: Surface | None, view: room.View, voxel: float, heat: bool) -> np.ndarray:
    """A mesh (None: the truth), shaded by flat normals or coloured by its error.

    Blue is 0, green a quarter of a voxel, red half a voxel and more; white is no surface.
    """
    from ._open3d import cast  # where it is installed

    height, width = view.depth.shape
    if surface is None:
        points = room.unproject(view.camera_to_world, view.focal, view.depth.astype(np.float64))
        normal = np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1))
        hit = np.ones((height, width), bool)
    else:
        points, normal, hit = cast(surface, view)
    normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    towards = view.camera_to_world[:3, 3] - points
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    shade = 0.15 + 0.5 * np.abs(normal @ (0.4, 0.3, 0.85)) + 0.3 * np.abs((normal * towards).sum(-1))
    color = np.repeat(shade[..., None], 3, -1) ** 2.2
    if heat:
        error = np.clip(room.distance(points.reshape(-1, 3)).reshape(height, width) / (0.5 * voxel), 0, 1)
        ramp = np.stack([np.clip(2 * error - 1, 0, 1), 1 - np.abs(2 * error - 1), np.clip(1 - 2 * error, 0, 1)], -1)
        color = (0.25 + 0.75 * color) * (0.1 + 0.9 * ramp)
    color[~hit] = 1.0
    return to_bytes(to_srgb(np.clip(color, 0, 1).astype(np.float32)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the three parts, or one."""
    parser = make_parser(__file__, __doc__)
    parser.add_argument("--voxels", type=float, nargs="+", default=[0.01, 0.005], help="metres")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-pictures", action="store_true")
    parser.add_argument("--only", choices=("fusion", "noise", "job"), help="one part of it")
    parser.add_argument("--peak-of", choices=("open3d", "backlot"), help=argparse.SUPPRESS)
    options, report = begin(parser, arguments)
    if options.tiny:
        options.voxels, options.frames, options.repeats = [_depth_job.TINY_VOXEL], 4, 1
    views = [room.render(pose, *(_depth_job.TINY if options.tiny else _depth_job.FULL)) for pose in room.poses(options.frames)]
    if options.peak_of:
        print_peak(options.peak_of, options.voxels[0], views)
        return
    if options.only in (None, "fusion"):
        compare(options, report, views)
    pictures = picture if not options.no_pictures and installed("open3d") else None
    if options.only in (None, "noise"):
        _depth_job.noise_study(report, options.frames, quality, pictures, tiny=options.tiny)
    if options.only in (None, "job"):
        _depth_job.whole_job(report, views, tiny=options.tiny)


def compare(options: argparse.Namespace, report: Report, views: list[room.View]) -> None:
    """Both systems on the same frames."""
    truth = room.surface_samples(views, density=400 if options.tiny else 4000)
    print(f"{len(views)} frames {views[0].depth.shape}, {len(truth)} points of visible truth, {numba.get_num_threads()} threads")
    compared = systems()
    for run in compared.values():  # compilation, thread pools
        for color in (False, True):
            run(views[:2], 0.05, color)
    rows = list[Row]()
    for voxel in options.voxels:
        best: dict[str, Row] = {}
        surfaces: dict[str, Surface] = {}
        for _ in range(options.repeats):
            for name, run in compared.items():
                figures, surfaces[name] = run(views, voxel, False)
                old = best.setdefault(name, {"system": name, "voxel_mm": voxel * 1e3} | figures)
                old["fps"], old["extract"] = max(old["fps"], figures["fps"]), min(old["extract"], figures["extract"])
                old["fps_color"] = max(old.get("fps_color", 0.0), run(views, voxel, True)[0]["fps"])
        for name, row in best.items():
            row |= quality(surfaces[name], truth, voxel)
            row["peak_mb"] = peak(name, voxel, options.frames, options.tiny)
            if "open3d" in best:
                row["fps_ratio"] = row["fps"] / best["open3d"]["fps"]
                row["fps_color_ratio"] = row["fps_color"] / best["open3d"]["fps_color"]
            rows.append(row)
        if "open3d" in best and not options.no_pictures and voxel == options.voxels[0]:
            columns = [(None, False), (surfaces["backlot"], False), (surfaces["open3d"], False)]
            columns += [(surfaces["backlot"], True), (surfaces["open3d"], True)]
            shown = [views[n] for n in (1, 3, 12) if n < len(views)]
            tiles = [[picture(surface, view, voxel, heat)[::2, ::2] for surface, heat in columns] for view in shown]
            report.save_picture("reconstruct_room.jpg", np.concatenate([np.concatenate(line, 1) for line in tiles]))
    print_table(rows)
    report.save_rows("reconstruct_cpu", rows)


if __name__ == "__main__":
    main()

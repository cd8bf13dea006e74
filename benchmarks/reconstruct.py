"""Fusion of exact depth against Open3D: speed, accuracy and completeness on the same frames in the same run.

    python -m benchmarks.reconstruct [--voxels 0.01 0.005] [--frames 60] [--repeats 3] [--no-pictures] [--only fusion|noise|job]

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
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import open3d as o3d
import open3d.core as o3c
import psutil
import torch

from backlot.backend.core.color import to_srgb
from backlot.backend.io.frames.depth import DepthFrame
from backlot.backend.reconstruct.fusion.fusion import Settings
from backlot.backend.reconstruct.fusion.projection import Projection
from backlot.backend.reconstruct.fusion.surface import Volumes
from backlot.shared.values import Camera

from . import _depth_job
from .report import print_table, save_picture, save_rows
from .scenes import room

TRUNCATION = 3.0
Surface = tuple[np.ndarray, np.ndarray]
"""Vertices and faces."""


def open3d_run(views: list[room.View], voxel: float, color: bool, capacity: int = 200_000) -> tuple[dict[str, float], Surface]:
    """Open3D's voxel block grid, tuned; its capacity is reserved at the start."""
    names, kinds, sizes = ("tsdf", "weight"), (o3c.float32, o3c.float32), ((1), (1))
    if color:
        names, kinds, sizes = (*names, "color"), (*kinds, o3c.float32), (*sizes, (3))
    grid = o3d.t.geometry.VoxelBlockGrid(names, kinds, sizes, voxel, 8, capacity, o3c.Device("CPU:0"))
    lens = o3c.Tensor([[views[0].focal, 0, 320.0], [0, views[0].focal, 240.0], [0, 0, 1]], o3c.float64)
    frames = []
    for view in views:
        pose = view.camera_to_world.copy()
        pose[:, 1:3] *= -1
        depth, picture = (
            o3d.t.geometry.Image(o3c.Tensor(np.ascontiguousarray(a))) for a in (view.depth[..., None], view.color.astype(np.float32))
        )
        frames.append((depth, picture, o3c.Tensor(np.linalg.inv(pose))))
    start = time.perf_counter()
    for depth, picture, extrinsic in frames:
        blocks = grid.compute_unique_block_coordinates(depth, lens, extrinsic, 1.0, 100.0, TRUNCATION)
        if color:
            grid.integrate(blocks, depth, picture, lens, lens, extrinsic, 1.0, 100.0, TRUNCATION)
        else:
            grid.integrate(blocks, depth, lens, extrinsic, 1.0, 100.0, TRUNCATION)
    fused = time.perf_counter()
    mesh = grid.extract_triangle_mesh(0.0)
    done = time.perf_counter()
    row = {"fps": len(views) / (fused - start), "extract": done - fused, "mb": grid.hashmap().size() * 512 * (20 if color else 8) / 1e6}
    return row, (mesh.vertex.positions.numpy(), mesh.triangle.indices.numpy().astype(np.int32))


def backlot_run(views: list[room.View], voxel: float, color: bool) -> tuple[dict[str, float], Surface]:
    """Ours; with colour the projection's time counts as fusion."""
    cameras = [Camera(640, 480, view.focal, view.focal, 320.0, 240.0, view.camera_to_world) for view in views]
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


def peak(system: str, voxel: float, frames: int) -> float:
    """Megabytes that a process which did nothing else needs more at its peak, surface included."""
    command = [sys.executable, "-m", "benchmarks.reconstruct", "--peak-of", system, "--voxels", str(voxel), "--frames", str(frames)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def print_peak(system: str, voxel: float, frames: int) -> None:
    """What ``peak`` runs."""
    run: Callable[..., Any] = SYSTEMS[system]
    if system == "open3d":  # a capacity that just fits, as one would choose who knew it: blocks grow with 1 / voxel²
        run = functools.partial(open3d_run, capacity=int(30_000 * (0.01 / voxel) ** 2))
    views = [room.render(pose) for pose in room.poses(frames)]
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


SYSTEMS = {"open3d": open3d_run, "backlot": backlot_run}


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


def scene_of(surface: Surface) -> o3d.t.geometry.RaycastingScene:
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(np.ascontiguousarray(surface[0], np.float32), np.ascontiguousarray(surface[1], np.uint32))
    return scene


def quality(surface: Surface, truth: np.ndarray, voxel: float) -> dict[str, float]:
    points, normals = sample_mesh(surface)
    accuracy = room.distance(points)
    # On the surface its distance has no slope: the normal is that a hundredth of a voxel away from it.
    cosine = np.abs((true_normals(points + 0.3 * voxel * normals) * normals).sum(1))
    completeness = scene_of(surface).compute_distance(truth.astype(np.float32)).numpy()
    row = {}
    for part in (0.25, 0.5, 1.0):
        precision, recall = (accuracy < part * voxel).mean(), (completeness < part * voxel).mean()
        row[f"F@{part:g}v"] = float(2 * precision * recall / (precision + recall))
    row |= {"complete": float((completeness < voxel).mean()), "normals": float(cosine.mean())}
    return row | {"accuracy": float(accuracy.mean() * 1e3), "completeness": float(completeness.mean() * 1e3), "faces": len(surface[1])}


def picture(surface: Surface | None, view: room.View, voxel: float, heat: bool) -> np.ndarray:
    """Shaded by flat normals, or coloured by error: blue 0, green a quarter voxel, red half a voxel and more; no surface is white."""
    height, width = view.depth.shape
    if surface is None:
        points = room.unproject(view.camera_to_world, view.focal, view.depth.astype(np.float64))
        normal = np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1))
        hit = np.ones((height, width), bool)
    else:
        pose = view.camera_to_world.copy()
        pose[:, 1:3] *= -1
        lens = np.array([[view.focal, 0, width / 2], [0, view.focal, height / 2], [0, 0, 1]])
        rays = o3d.t.geometry.RaycastingScene.create_rays_pinhole(o3c.Tensor(lens), o3c.Tensor(np.linalg.inv(pose)), width, height)
        found = scene_of(surface).cast_rays(rays)
        normal, distance = found["primitive_normals"].numpy(), found["t_hit"].numpy()
        hit = np.isfinite(distance)
        points = rays.numpy()[..., :3] + rays.numpy()[..., 3:] * np.where(hit, distance, 0)[..., None]
    normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    to_eye = view.camera_to_world[:3, 3] - points
    to_eye /= np.linalg.norm(to_eye, axis=-1, keepdims=True)
    shade = 0.15 + 0.5 * np.abs(normal @ (0.4, 0.3, 0.85)) + 0.3 * np.abs((normal * to_eye).sum(-1))
    color = np.repeat(shade[..., None], 3, -1) ** 2.2
    if heat:
        error = np.clip(room.distance(points.reshape(-1, 3)).reshape(height, width) / (0.5 * voxel), 0, 1)
        ramp = np.stack([np.clip(2 * error - 1, 0, 1), 1 - np.abs(2 * error - 1), np.clip(1 - 2 * error, 0, 1)], -1)
        color = (0.25 + 0.75 * color) * (0.1 + 0.9 * ramp)
    color[~hit] = 1.0
    return np.rint(255 * to_srgb(np.clip(color, 0, 1).astype(np.float32))).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=float, nargs="+", default=[0.01, 0.005], help="metres")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-pictures", action="store_true")
    parser.add_argument("--only", choices=("fusion", "noise", "job"), help="one part of it")
    parser.add_argument("--peak-of", choices=tuple(SYSTEMS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        print_peak(options.peak_of, options.voxels[0], options.frames)
        return
    if options.only in (None, "fusion"):
        compare(options)
    if options.only in (None, "noise"):
        _depth_job.noise_study(options.frames, quality, picture if not options.no_pictures else None)
    if options.only in (None, "job"):
        _depth_job.whole_job(options.frames)


def compare(options: argparse.Namespace) -> None:
    """Both systems on the same frames."""
    views = [room.render(pose) for pose in room.poses(options.frames)]
    truth = room.surface_samples(views, density=4000)
    print(f"{len(views)} frames 640 x 480, {len(truth)} points of visible truth, {numba.get_num_threads()} threads")
    for run in SYSTEMS.values():  # compilation, thread pools
        for color in (False, True):
            run(views[:2], 0.05, color)
    rows: list[dict[str, Any]] = []
    for voxel in options.voxels:
        best: dict[str, dict[str, Any]] = {}
        surfaces: dict[str, Surface] = {}
        for _ in range(options.repeats):
            for name, run in SYSTEMS.items():
                figures, surfaces[name] = run(views, voxel, color=False)
                old = best.setdefault(name, {"system": name, "voxel_mm": voxel * 1e3} | figures)
                old["fps"], old["extract"] = max(old["fps"], figures["fps"]), min(old["extract"], figures["extract"])
                old["fps_color"] = max(old.get("fps_color", 0.0), run(views, voxel, color=True)[0]["fps"])
        for name, row in best.items():
            row |= quality(surfaces[name], truth, voxel)
            row["peak_mb"] = peak(name, voxel, options.frames)
            row["fps_ratio"] = row["fps"] / best["open3d"]["fps"]
            row["fps_color_ratio"] = row["fps_color"] / best["open3d"]["fps_color"]
            rows.append(row)
        if not options.no_pictures and voxel == options.voxels[0]:
            columns = [(None, False), (surfaces["backlot"], False), (surfaces["open3d"], False)]
            columns += [(surfaces["backlot"], True), (surfaces["open3d"], True)]
            tiles = [[picture(surface, views[n], voxel, heat)[::2, ::2] for surface, heat in columns] for n in (1, 3, 12)]
            save_picture("reconstruct_room.jpg", np.concatenate([np.concatenate(line, 1) for line in tiles]))
    print_table(rows)
    save_rows("reconstruct_cpu", torch.device("cpu"), rows)


if __name__ == "__main__":
    main()

"""Fusion of exact depth against Open3D: speed, accuracy and completeness on the same frames in the same run.

    python -m benchmarks.reconstruct [--voxels 0.01 0.005] [--frames 60] [--repeats 3] [--no-pictures]

The scene is ``scenes/room.py``, frames are 640 x 480. Open3D is tuned: truncation 3 voxels, blocks of 8 voxels cubed, weight threshold 0.

``fps`` is integration alone, block allocation included, arrays in memory, compilation excluded, the best of ``--repeats`` runs that
alternate between the two; ``fps_color`` has colour too (Open3D fuses it, we project the finished mesh into the views, which includes
measuring the error report). ``extract`` is the surface in seconds. F is the harmonic mean of precision (400,000 samples of the mesh,
exact distance to the analytic scene) and recall (points of the true surface that a camera sees, exact point-to-triangle distance to
the mesh) at a part of a voxel; ``accuracy`` and ``completeness`` are the mean distances of the two in millimetres.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numba
import numpy as np
import open3d as o3d
import open3d.core as o3c
import torch
from backlot.backend.imaging import to_srgb
from backlot.backend.operations.reconstruct_depth import MAX_JUMP
from backlot.backend.reconstruct import marching
from backlot.backend.reconstruct.frames import DepthFrame
from backlot.backend.reconstruct.fusion import CpuFusion, Settings
from backlot.backend.reconstruct.projection import Projection
from backlot.shared.values import Camera

from .report import print_table, save_picture, save_rows
from .scenes import room

TRUNCATION = 3.0
Surface = tuple[np.ndarray, np.ndarray]
"""Vertices and faces."""


def open3d_run(views: list[room.View], voxel: float, color: bool) -> tuple[dict[str, float], Surface]:
    """Open3D's voxel block grid, tuned."""
    names, kinds, sizes = ("tsdf", "weight"), (o3c.float32, o3c.float32), ((1), (1))
    if color:
        names, kinds, sizes = (*names, "color"), (*kinds, o3c.float32), (*sizes, (3))
    grid = o3d.t.geometry.VoxelBlockGrid(names, kinds, sizes, voxel, 8, 200_000, o3c.Device("CPU:0"))
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
    fusion = CpuFusion(Settings(voxel, TRUNCATION))
    start = time.perf_counter()
    for view, camera in zip(views, cameras, strict=True):
        fusion.add(view.depth, camera)
    fused = time.perf_counter()
    blocks = fusion.blocks()
    vertices, normals, faces = marching.extract(blocks, voxel, TRUNCATION, MAX_JUMP)
    keep, _ = marching.large_components(len(vertices), faces, 100)
    vertices, normals, faces = marching.compact(vertices, normals, faces, keep)
    extracted = time.perf_counter()
    seconds = fused - start
    if color:
        projection = Projection(vertices, blocks, voxel, TRUNCATION, 0)
        for number, (view, camera) in enumerate(zip(views, cameras, strict=True)):
            projection.add(DepthFrame(number, camera, view.depth, 0.0, view.color, None))
        projection.colors(faces)
        seconds += time.perf_counter() - extracted
    return {"fps": len(views) / seconds, "extract": extracted - fused, "mb": blocks.bytes / 1e6}, (vertices, faces)


def sample_mesh(surface: Surface, count: int = 400_000, seed: int = 0) -> np.ndarray:
    """Points on a mesh, even by area."""
    vertices, faces = surface
    generator = np.random.default_rng(seed)
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    area = np.cumsum(np.linalg.norm(np.cross(b - a, c - a), axis=1))
    chosen = np.searchsorted(area, generator.uniform(0, area[-1], count)).clip(0, len(faces) - 1)
    s, t = generator.uniform(0, 1, (2, count, 1))
    root = np.sqrt(s)
    points: np.ndarray = a[chosen] * (1 - root) + b[chosen] * root * (1 - t) + c[chosen] * root * t
    return points


def scene_of(surface: Surface) -> o3d.t.geometry.RaycastingScene:
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(np.ascontiguousarray(surface[0], np.float32), np.ascontiguousarray(surface[1], np.uint32))
    return scene


def quality(surface: Surface, truth: np.ndarray, voxel: float) -> dict[str, float]:
    accuracy = room.distance(sample_mesh(surface))
    completeness = scene_of(surface).compute_distance(truth.astype(np.float32)).numpy()
    row = {}
    for part in (0.25, 0.5, 1.0):
        precision, recall = (accuracy < part * voxel).mean(), (completeness < part * voxel).mean()
        row[f"F@{part:g}v"] = float(2 * precision * recall / (precision + recall))
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
    options = parser.parse_args()
    views = [room.render(pose) for pose in room.poses(options.frames)]
    truth = room.surface_samples(views, density=4000)
    print(f"{len(views)} frames 640 x 480, {len(truth)} points of visible truth, {numba.get_num_threads()} threads")
    systems = {"open3d": open3d_run, "backlot": backlot_run}
    for run in systems.values():  # compilation, thread pools
        for color in (False, True):
            run(views[:2], 0.05, color)
    rows: list[dict[str, Any]] = []
    for voxel in options.voxels:
        best: dict[str, dict[str, Any]] = {}
        surfaces: dict[str, Surface] = {}
        for _ in range(options.repeats):
            for name, run in systems.items():
                figures, surfaces[name] = run(views, voxel, color=False)
                old = best.setdefault(name, {"system": name, "voxel_mm": voxel * 1e3} | figures)
                old["fps"], old["extract"] = max(old["fps"], figures["fps"]), min(old["extract"], figures["extract"])
                old["fps_color"] = max(old.get("fps_color", 0.0), run(views, voxel, color=True)[0]["fps"])
        for name, row in best.items():
            row |= quality(surfaces[name], truth, voxel)
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

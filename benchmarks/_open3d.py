"""Open3D as a peer of the fusion, and as a ray caster for distances and pictures. Only in the environment of benchmarks."""

from __future__ import annotations

import time

import numpy as np
import open3d as o3d
import open3d.core as o3c

from .scenes import room

Surface = tuple[np.ndarray, np.ndarray]
"""Vertices ``(N, 3)`` and faces ``(M, 3)``."""


def fuse(views: list[room.View], voxel: float, color: bool, truncation: float, capacity: int) -> tuple[dict[str, float], Surface]:
    """Open3D's voxel block grid, tuned; its capacity is reserved at the start.

    Args:
        views: Frames with exact depth.
        voxel: Metres.
        color: Fuse colour too.
        truncation: In voxels.
        capacity: Blocks of 8 voxels cubed.

    Returns:
        Frames a second, seconds of the extraction and megabytes of voxels; the surface.
    """
    names, kinds, sizes = ["tsdf", "weight"], [o3c.float32, o3c.float32], [1, 1]
    if color:
        names, kinds, sizes = [*names, "color"], [*kinds, o3c.float32], [*sizes, 3]
    grid = o3d.t.geometry.VoxelBlockGrid(tuple(names), tuple(kinds), tuple(sizes), voxel, 8, capacity, o3c.Device("CPU:0"))
    height, width = views[0].depth.shape
    lens = o3c.Tensor([[views[0].focal, 0, width / 2], [0, views[0].focal, height / 2], [0, 0, 1]], o3c.float64)
    frames = []
    for view in views:
        depth, picture = (
            o3d.t.geometry.Image(o3c.Tensor(np.ascontiguousarray(a))) for a in (view.depth[..., None], view.color.astype(np.float32))
        )
        frames.append((depth, picture, o3c.Tensor(_world_to_camera(view))))
    start = time.perf_counter()
    for depth, picture, extrinsic in frames:
        blocks = grid.compute_unique_block_coordinates(depth, lens, extrinsic, 1.0, 100.0, truncation)
        if color:
            grid.integrate(blocks, depth, picture, lens, lens, extrinsic, 1.0, 100.0, truncation)
        else:
            grid.integrate(blocks, depth, lens, extrinsic, 1.0, 100.0, truncation)
    fused = time.perf_counter()
    mesh = grid.extract_triangle_mesh(0.0)
    done = time.perf_counter()
    row = {"fps": len(views) / (fused - start), "extract": done - fused, "mb": grid.hashmap().size() * 512 * (20 if color else 8) / 1e6}
    return row, (mesh.vertex.positions.numpy(), mesh.triangle.indices.numpy().astype(np.int32))


def distances(surface: Surface, points: np.ndarray) -> np.ndarray:
    """Exact distances from points ``(N, 3)`` to the triangles, ``(N,)``."""
    found: np.ndarray = _scene(surface).compute_distance(points.astype(np.float32)).numpy()
    return found


def cast(surface: Surface, view: room.View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a camera sees: points and normals ``(H, W, 3)``, and where it sees anything ``(H, W)``."""
    height, width = view.depth.shape
    lens = np.array([[view.focal, 0, width / 2], [0, view.focal, height / 2], [0, 0, 1]])
    extrinsic = o3c.Tensor(_world_to_camera(view))
    rays = o3d.t.geometry.RaycastingScene.create_rays_pinhole(o3c.Tensor(lens), extrinsic, width, height)
    found = _scene(surface).cast_rays(rays)
    normal, distance = found["primitive_normals"].numpy(), found["t_hit"].numpy()
    hit = np.isfinite(distance)
    points = rays.numpy()[..., :3] + rays.numpy()[..., 3:] * np.where(hit, distance, 0)[..., None]
    return points, normal, hit


def _world_to_camera(view: room.View) -> np.ndarray:
    pose = view.camera_to_world.copy()
    pose[:, 1:3] *= -1
    return np.linalg.inv(pose)


def _scene(surface: Surface) -> o3d.t.geometry.RaycastingScene:
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(np.ascontiguousarray(surface[0], np.float32), np.ascontiguousarray(surface[1], np.uint32))
    return scene

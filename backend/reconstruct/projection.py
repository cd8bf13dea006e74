"""Looks at the mesh through the source views: vertex colours, and how far mesh and depth are apart."""

from __future__ import annotations

import numba
import numpy as np

from . import kernels
from .blocks import DISTANCE_ONE, EDGE, LIMIT, Blocks
from .compile import kernel
from .frames import DepthFrame
from .fusion import EDGE_WEIGHT, view_matrix

_f = np.float32
SAMPLES = 1024
"""Depth samples a frame that are held against the fused surface."""


class Projection:
    """Sums over views, vertex by vertex.

    Args:
        vertices: ``(N, 3)`` float32.
        blocks: The field, for the way from depth to surface.
        voxel: Scene units.
        truncation: Voxels.
        seed: Of the sampled pixels.
    """

    def __init__(self, vertices: np.ndarray, blocks: Blocks, voxel: float, truncation: float, seed: int) -> None:
        self._vertices, self._blocks, self._voxel, self._truncation = vertices, blocks, voxel, truncation
        self._generator = np.random.default_rng(seed)
        self._color = np.zeros((len(vertices), 3), np.float32)
        self._color_weight = np.zeros(len(vertices), np.float32)
        self._error = np.zeros(len(vertices), np.float32)
        self._views = np.zeros(len(vertices), np.float32)
        self._planes = np.zeros((1, 5), np.float32)
        self._depth_errors: list[np.ndarray] = []
        self._samples = 0

    def add(self, frame: DepthFrame) -> None:
        """Adds a view."""
        camera = frame.camera
        pose, view = view_matrix(camera)
        if len(self._planes) != frame.depth.size + 1:
            self._planes = np.empty((frame.depth.size + 1, 5), np.float32)
        lens = tuple(_f(k) for k in (camera.fl_x, camera.fl_y, camera.cx, camera.cy))
        band = _f(self._truncation * self._voxel)
        baseline = 3 if frame.noise > 0 else 1
        kernels.tangent_planes(frame.depth, *lens, baseline, _f(frame.noise), band, _f(EDGE_WEIGHT), self._planes)
        color = frame.color if frame.color is not None else np.zeros((1, 1, 3), np.float32)
        _project(
            self._vertices, view, *lens, camera.width, camera.height, self._planes, color, frame.color is not None,
            _f(1.5 * self._voxel + frame.noise), self._color, self._color_weight, self._error, self._views,
        )  # fmt: skip
        measured = np.flatnonzero(frame.depth)
        chosen = measured[self._generator.integers(0, len(measured), min(SAMPLES, len(measured)))] if len(measured) else measured
        v, u = np.divmod(chosen, frame.depth.shape[1])
        z = frame.depth[v, u].astype(np.float64)
        local = np.stack([(u + 0.5 - camera.cx) / camera.fl_x * z, (v + 0.5 - camera.cy) / camera.fl_y * z, z], 1)
        found = sample(self._blocks, self._voxel, self._truncation, local @ pose[:, :3].T + pose[:, 3])
        self._samples += len(found)
        self._depth_errors.append(np.abs(found[np.isfinite(found)]))

    def colors(self, faces: np.ndarray) -> np.ndarray | None:
        """``(N, 3)`` float32, scene-linear; vertices that no view shows take their neighbours' colour. None without any colour."""
        known = self._color_weight > 0
        if not known.any():
            return None
        colors = self._color / np.maximum(self._color_weight, 1e-30)[:, None]
        for _ in range(100):  # rings of vertices around the known ones
            if known.all():
                break
            total, count = np.zeros_like(colors), np.zeros(len(colors), np.float32)
            _spread(faces, known, colors, total, count)
            new = (count > 0) & ~known
            if not new.any():
                break
            colors[new] = total[new] / count[new, None]
            known |= new
        colors[~known] = colors[known].mean(0)
        return colors

    def errors(self) -> dict[str, object]:
        """Distances in scene units: from the mesh's vertices to the depth, and from the depth to the fused surface."""
        seen = self._views > 0
        depth = np.concatenate(self._depth_errors) if self._depth_errors else np.zeros(0)
        near = depth < self._voxel
        return {
            "mesh_to_depth": _statistics(self._error[seen] / self._views[seen]),
            "depth_to_mesh": _statistics(depth),
            "coverage": round(float(near.sum()) / max(self._samples, 1), 5),
            "vertices_seen": round(float(seen.mean()), 5) if len(seen) else 0.0,
        }


def sample(blocks: Blocks, voxel: float, truncation: float, points: np.ndarray) -> np.ndarray:
    """The field at points, trilinear.

    Args:
        blocks: The field.
        voxel: Scene units.
        truncation: Voxels.
        points: ``(N, 3)`` float64, world space.

    Returns:
        ``(N,)`` float64 signed distance in scene units; NaN where a corner of the cell was never observed.
    """
    grid = points / voxel
    low = np.floor(grid).astype(np.int64)
    part = grid - low
    result = np.zeros(len(points))
    for corner in range(8):
        offset = np.array([corner & 1, corner >> 1 & 1, corner >> 2])
        at = low + offset
        block = at // EDGE + LIMIT
        number = blocks.find((block[:, 0] << 42) | (block[:, 1] << 21) | block[:, 2])
        index = (at % EDGE) @ np.array([1, EDGE, EDGE * EDGE])
        observed = (number >= 0) & (blocks.weight[number, index] > 0)
        value = np.where(observed, blocks.distance[number, index], np.nan)
        result += value * np.where(offset, part, 1 - part).prod(1)
    return result * (truncation * voxel / DISTANCE_ONE)


def _statistics(values: np.ndarray) -> dict[str, float | None]:
    if not len(values):
        return {"median": None, "mean": None, "p95": None}
    median, p95 = np.percentile(values, [50, 95])
    return {"median": float(f"{median:.4g}"), "mean": float(f"{values.mean():.4g}"), "p95": float(f"{p95:.4g}")}


@kernel(parallel=True, fast=True)
def _project(  # type: ignore[no-untyped-def]
    vertices, view, fl_x, fl_y, cx, cy, width, height, planes, color, colored, tolerance, color_sum, color_weight, error, views,
):  # fmt: skip
    rows, columns = color.shape[0], color.shape[1]
    for i in numba.prange(len(vertices)):
        x = _f(view[0, 0] * vertices[i, 0] + view[0, 1] * vertices[i, 1] + view[0, 2] * vertices[i, 2] + view[0, 3])
        y = _f(view[1, 0] * vertices[i, 0] + view[1, 1] * vertices[i, 1] + view[1, 2] * vertices[i, 2] + view[1, 3])
        z = _f(view[2, 0] * vertices[i, 0] + view[2, 1] * vertices[i, 1] + view[2, 2] * vertices[i, 2] + view[2, 3])
        if z <= _f(1e-6):
            continue
        u, v = x / z * fl_x + cx, y / z * fl_y + cy
        if not (u >= 0 and v >= 0 and u < width and v < height):
            continue
        o = int(v) * width + int(u)
        trust = planes[o, 4]
        if trust <= 0:
            continue
        d = abs(planes[o, 3] - planes[o, 0] * x - planes[o, 1] * y - planes[o, 2] * z)
        if d > tolerance:
            continue
        error[i] += d * trust
        views[i] += trust
        if colored:
            weight = (trust / (z * z)) ** 2  # the nearest and most frontal views win
            cu = min(max(u * columns / width - _f(0.5), _f(0)), _f(columns - 1))
            cv = min(max(v * rows / height - _f(0.5), _f(0)), _f(rows - 1))
            u0, v0 = int(cu), int(cv)
            u1, v1 = min(u0 + 1, columns - 1), min(v0 + 1, rows - 1)
            fu, fv = cu - u0, cv - v0
            for k in range(3):
                top = color[v0, u0, k] * (1 - fu) + color[v0, u1, k] * fu
                bottom = color[v1, u0, k] * (1 - fu) + color[v1, u1, k] * fu
                color_sum[i, k] += weight * (top * (1 - fv) + bottom * fv)
            color_weight[i] += weight


@kernel()
def _spread(faces, known, colors, total, count):  # type: ignore[no-untyped-def]
    for f in range(len(faces)):
        for a in range(3):
            here = faces[f, a]
            if not known[here]:
                for b in range(3):
                    there = faces[f, b]
                    if known[there]:
                        for k in range(3):
                            total[here, k] += colors[there, k]
                        count[here] += 1

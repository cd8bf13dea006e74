"""Looks at the mesh through the source views: what colour and which object it is, and how far mesh and depth are apart."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from ...core.camera import Intrinsics, intrinsics, view_matrix
from ...core.compiled import Real, kernel
from ...io.frames.frame import DepthFrame
from .fusion import Settings
from .point_distances import NearestFace
from .sampling import pick, points_of

_f = np.float32
SAMPLES = 40_000
"""Depth samples of all frames together that are held against the mesh, and at most ``PER_FRAME`` of one."""
PER_FRAME = 1024
REACH = 2.0
FARTHEST = 8.0
"""Voxels from a depth sample within which the mesh is looked for: the first, or three standard deviations of the noise up to the second."""
NOTHING = -1
"""The object of a vertex that no frame with ids shows."""


class Projection:
    """Sums over views, vertex by vertex.

    Args:
        vertices: ``(N, 3)`` float32.
        faces: ``(M, 3)`` int32, from ``marching.extract``.
        settings: Of the fusion.
        frames: How many views will come.
        seed: Of the sampled pixels.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, settings: Settings, frames: int, seed: int) -> None:
        self._vertices, self._faces, self._settings = vertices, faces, settings
        self._finder = settings.planes()
        self._generator = np.random.default_rng(seed)
        self._per_frame = min(PER_FRAME, max(SAMPLES // max(frames, 1), 64))
        count = len(vertices)
        self._color = np.zeros((count, 3), np.float32)
        self._sums = np.zeros((count, 3), np.float32)
        """Weights of the colour, distances times weight, weights."""
        self._seen = np.zeros((count, 2), np.int32)
        """In how many views, and which one was the last."""
        self._votes = np.zeros((count, 2), np.int32)
        """The object, and by how much it leads (Boyer and Moore's majority vote)."""
        self._votes[:, 0] = NOTHING
        self._numbers: list[int] = []
        self._shown: list[int] = []
        noise = settings.noise.sigma(settings.far) / settings.voxel if settings.noise else 0.0
        self._nearest = NearestFace(vertices, faces, settings.voxel, min(max(REACH, 3 * noise), FARTHEST))
        self._distances: list[np.ndarray] = []
        self._allowed: list[np.ndarray] = []

    def add(self, frame: DepthFrame) -> None:
        """Adds a view."""
        camera = frame.camera
        _, view = view_matrix(camera)
        planes = self._finder.find(frame.depth, camera, frame.noise, None)
        color = frame.color if frame.color is not None else np.zeros((1, 1, 3), np.float32)
        ids = frame.object_id if frame.object_id is not None else np.zeros((1, 1), np.int32)
        noise = self._settings.noise
        tolerance = 1.5 * self._settings.voxel + frame.noise + (3 * noise.sigma(self._settings.far) if noise else 0.0)
        shown = _project(
            self._vertices, view, intrinsics(camera).single, camera.width, camera.height, planes, color, frame.color is not None, ids,
            frame.object_id is not None,
            _f(tolerance), len(self._numbers), self._color, self._sums, self._seen, self._votes,
        )  # fmt: skip
        self._numbers.append(frame.number)
        self._shown.append(int(shown))
        pixels = pick(frame, self._per_frame, self._generator)
        depth = frame.depth.reshape(-1)[pixels].astype(np.float64)
        self._distances.append(self._nearest.distances(points_of(frame, pixels)))
        sigma = np.sqrt(noise.variances(depth)) if noise else np.zeros(len(depth))
        self._allowed.append(np.maximum(self._settings.voxel, 3 * sigma))

    @property
    def objects(self) -> np.ndarray | None:
        """``(N,)`` int32: the object that most views show at each vertex; None if no frame has ids."""
        known = self._votes[:, 0] != NOTHING
        if not known.any():
            return None
        objects = self._votes[:, 0].copy()
        for _ in range(100):
            if known.all():
                break
            before = int(known.sum())
            _spread_objects(self._faces, known, objects)
            known = objects != NOTHING
            if int(known.sum()) == before:
                break
        return objects

    def colors(self) -> np.ndarray | None:
        """``(N, 3)`` float32, scene-linear; vertices that no view shows take their neighbours' colour. None without any colour."""
        known = self._sums[:, 0] > 0
        if not known.any():
            return None
        colors = self._color / np.maximum(self._sums[:, 0], 1e-30)[:, None]
        for _ in range(100):  # rings of vertices around the known ones
            if known.all():
                break
            total, count = np.zeros_like(colors), np.zeros(len(colors), np.float32)
            _spread(self._faces, known, colors, total, count)
            new = (count > 0) & ~known
            if not new.any():
                break
            colors[new] = total[new] / count[new, None]
            known |= new
        colors[~known] = colors[known].mean(0)
        return colors

    def errors(self) -> dict[str, object]:
        """Distances in scene units: from the mesh's vertices to the depth, and from the depth to the mesh's triangles.

        ``mesh_to_depth`` is over vertices that a view shows. ``depth_to_mesh`` is over samples of all measured pixels; those farther
        than ``limit``, of which there is the share ``beyond``, count as ``limit``. ``coverage`` is the share of them with the mesh within
        a voxel, or three standard deviations of the noise.
        """
        seen = self._seen[:, 0] > 0
        depth = np.concatenate(self._distances) if self._distances else np.zeros(0)
        limit = self._nearest.reach
        far = ~np.isfinite(depth)
        return {
            "mesh_to_depth": _statistics(self._sums[seen, 1] / self._sums[seen, 2]),
            "depth_to_mesh": _statistics(np.where(far, limit, depth)) | {"limit": limit, "beyond": _share(far)},
            "coverage": _share(depth < np.concatenate(self._allowed)) if self._allowed else 0.0,
            "vertices_seen": _share(seen),
            "samples": len(depth),
        }

    def overlap(self) -> dict[int, float]:
        """By frame number: the share of what the frame shows that another frame shows as well."""
        alone = np.bincount(self._seen[self._seen[:, 0] == 1, 1], minlength=len(self._numbers))
        return {
            number: 1 - float(only) / shown if shown else 0.0 for number, only, shown in zip(self._numbers, alone, self._shown, strict=True)
        }


def _share(flags: np.ndarray) -> float:
    return round(float(flags.mean()), 5) if len(flags) else 0.0


def _statistics(values: np.ndarray) -> dict[str, Any]:
    names = ("median", "p90", "p95", "p99")
    if not len(values):
        return dict.fromkeys((*names, "mean"))
    found = np.percentile(values, [50, 90, 95, 99])
    return {name: float(f"{x:.4g}") for name, x in zip(names, found, strict=True)} | {"mean": float(f"{values.mean():.4g}")}


@kernel(parallel=True, fast=True)
def _project(
    vertices: np.ndarray, view: np.ndarray, lens: Intrinsics, width: int, height: int, planes: np.ndarray,
    color: np.ndarray, colored: bool, ids: np.ndarray, labelled: bool, tolerance: Real, number: int, color_sum: np.ndarray,
    sums: np.ndarray, seen: np.ndarray, votes: np.ndarray,
) -> int:  # fmt: skip
    """Parameters: mesh, camera, frame and sums as arrays and scalars of the kernel."""
    fl_x, fl_y, cx, cy = lens
    rows, columns = color.shape[0], color.shape[1]
    shown = 0
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
        shown += 1
        sums[i, 1] += d * trust
        sums[i, 2] += trust
        seen[i, 0] += 1
        seen[i, 1] = number
        if labelled:
            here = ids[int(v), int(u)]
            if votes[i, 1] == 0:
                votes[i, 0] = here
            votes[i, 1] += 1 if votes[i, 0] == here else -1
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
            sums[i, 0] += weight
    return shown


@kernel()
def _spread(faces: np.ndarray, known: np.ndarray, colors: np.ndarray, total: np.ndarray, count: np.ndarray) -> None:
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


@kernel()
def _spread_objects(faces: np.ndarray, known: np.ndarray, objects: np.ndarray) -> None:
    for f in range(len(faces)):
        for a in range(3):
            here = faces[f, a]
            if not known[here]:
                for b in range(3):
                    if known[faces[f, b]]:
                        objects[here] = objects[faces[f, b]]

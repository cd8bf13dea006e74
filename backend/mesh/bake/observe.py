"""Colours texels from the frames that show them.

Each frame is looked at once. A texel takes a frame's colour where it faces the camera and its depth agrees with the frame's own; it keeps
the best few observations. What is best: facing the camera, near it (many pixels to a texel), away from the picture's border and from
edges in depth, of high confidence. When all frames have been seen, gains for the frames follow from the observations that share a
texel, and each texel becomes the robust mean of what it kept (``blend.py``).
"""

from __future__ import annotations

import dataclasses

import numba
import numpy as np
import torch

from ....shared.values import Mesh
from ...core.camera import Intrinsics, intrinsics, view_matrix
from ...core.compiled import Real, kernel
from ...core.depth_planes import PlaneFinder
from ...io.frames.frame import DepthFrame
from .. import raster, topology

_f = np.float32
KEPT = 4
"""Observations that a texel keeps: three outvote a bad one."""
LEAST_COSINE = 0.12
"""Beyond 83 degrees a pixel covers eight texels and more, and depth cannot tell front from back."""
_FEATHER = 0.06
"""Part of the picture's smaller side over which weights fade towards its border."""
_HOLE_TRUST = 0.2
"""Weight of pixels without depth of their own, where the mesh's depth stands in."""


@dataclasses.dataclass
class Observations:
    """What texels keep, best or not first.

    Attributes:
        colors: ``(T, KEPT, 3)`` float32, scene-linear, as in the frame.
        weights: ``(T, KEPT)`` float32; 0 = none. Pixels per unit of the surface's area times trust.
        frames: ``(T, KEPT)`` int32, which frame, in the order they were added.
    """

    colors: np.ndarray
    weights: np.ndarray
    frames: np.ndarray

    @classmethod
    def empty(cls, count: int) -> Observations:
        """For ``count`` texels."""
        shape = (count, KEPT)
        return cls(np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.int32))


class Baker:
    """Collects observations of an atlas' texels.

    Args:
        mesh: The mesh that is being textured.
        atlas: Its texels.
        tolerance: How far the mesh may lie from a frame's depth and still be what the frame shows, in scene units.
        estimated: Pixels without depth may show the mesh all the same: its own depth stands in for them. Otherwise they do not.
    """

    def __init__(self, mesh: Mesh, atlas: raster.Atlas, tolerance: float, estimated: bool = False) -> None:
        self._mesh, self._tolerance, self._estimated = mesh, tolerance, estimated
        self._finder = PlaneFinder(tolerance, 2 * tolerance)
        self._positions = atlas.at(np.asarray(mesh.vertices, np.float32), mesh.faces)
        vectors = topology.face_vectors(mesh.vertices, mesh.faces)
        area = np.linalg.norm(vectors, axis=1)
        self._normals = (vectors / np.maximum(area, 1e-300)[:, None]).astype(np.float32)
        self._starts = np.searchsorted(atlas.face, np.arange(len(mesh.faces) + 1)).astype(np.int64)
        self._corners = np.ascontiguousarray(mesh.vertices[mesh.faces], np.float32)
        self._texel = float(np.sqrt(0.5 * area.sum() / max(len(atlas.face), 1)))
        self.observations = Observations.empty(len(atlas.face))
        self.count = 0

    def add(self, frame: DepthFrame) -> int:
        """Adds a frame with colour; gives how many texels it shows."""
        number, self.count = self.count, self.count + 1
        if frame.color is None or (frame.empty and not self._estimated):
            return 0
        camera = frame.camera
        _, view = view_matrix(camera)
        lens = intrinsics(camera)
        depth, trust = self._depth(frame, view, lens)
        planes = self._finder.find(depth, camera, frame.noise, None)
        weight = _shrunk(planes[:-1, 4].reshape(depth.shape)) * trust
        color = self._color(frame, depth)
        kept = self.observations
        return int(
            _observe(
                self._positions, self._normals, self._starts, self._corners, view, lens.single, planes[:, :4], weight, color,
                _f(self._tolerance + frame.noise), _f(LEAST_COSINE), _f(_FEATHER * min(depth.shape)), number,
                kept.colors, kept.weights, kept.frames,
            )
        )  # fmt: skip

    def _depth(self, frame: DepthFrame, view: np.ndarray, lens: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
        """The depth to test against, and the trust in each pixel."""
        depth = np.ascontiguousarray(frame.depth, np.float32)
        trust = np.ones(depth.shape, np.float32) if frame.confidence is None else np.clip(frame.confidence, 0, 1).astype(np.float32)
        missing = depth <= 0
        if not self._estimated or not missing.any():
            return depth, trust
        own, _ = raster.view(self._mesh.vertices, self._mesh.faces, view, lens, depth.shape[1], depth.shape[0])
        if missing.all():
            return own, trust
        return np.where(missing, own, depth), np.where(missing, np.float32(_HOLE_TRUST) * np.maximum(trust, 0.5), trust)

    def _color(self, frame: DepthFrame, depth: np.ndarray) -> np.ndarray:
        """The picture, made smaller where many pixels fall on a texel: taking one of them would alias."""
        assert frame.color is not None
        color = frame.color
        seen = depth[depth > 0]
        if not len(seen):
            return color
        pixels = self._texel * frame.camera.fl_x / float(np.median(seen)) * color.shape[1] / depth.shape[1]
        factor = int(pixels + 0.5)
        if factor < 2:
            return color
        planes = torch.from_numpy(color).permute(2, 0, 1)[None]
        small = torch.nn.functional.avg_pool2d(planes, factor, ceil_mode=True, count_include_pad=False)
        return np.ascontiguousarray(small[0].permute(1, 2, 0).numpy())


def _shrunk(weight: np.ndarray) -> np.ndarray:
    """The least of each 3 x 3 pixels: next to an edge in depth, colours of both sides are mixed."""
    padded = np.pad(weight, 1, mode="edge")
    rows = np.minimum(np.minimum(padded[:-2], padded[1:-1]), padded[2:])
    result: np.ndarray = np.ascontiguousarray(np.minimum(np.minimum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:]))
    return result


@kernel(fast=True)
def sample(color: np.ndarray, u: Real, v: Real, out: np.ndarray) -> None:
    """Bilinear at pixel coordinates (centres at half pixels), into ``out``."""
    rows, columns = color.shape[0], color.shape[1]
    cu = min(max(u - _f(0.5), _f(0)), _f(columns - 1))
    cv = min(max(v - _f(0.5), _f(0)), _f(rows - 1))
    u0, v0 = int(cu), int(cv)
    u1, v1 = min(u0 + 1, columns - 1), min(v0 + 1, rows - 1)
    fu, fv = cu - _f(u0), cv - _f(v0)
    for k in range(3):
        top = color[v0, u0, k] * (_f(1) - fu) + color[v0, u1, k] * fu
        bottom = color[v1, u0, k] * (_f(1) - fu) + color[v1, u1, k] * fu
        out[k] = top * (_f(1) - fv) + bottom * fv


@kernel(fast=True)
def _in_sight(corners: np.ndarray, view: np.ndarray, lens: Intrinsics, width: int, height: int) -> bool:
    """Whether a triangle's box in the picture meets the picture."""
    fl_x, fl_y, cx, cy = lens
    x0, x1, y0, y1 = np.inf, -np.inf, np.inf, -np.inf
    for k in range(3):
        p = corners[k]
        x = view[0, 0] * p[0] + view[0, 1] * p[1] + view[0, 2] * p[2] + view[0, 3]
        y = view[1, 0] * p[0] + view[1, 1] * p[1] + view[1, 2] * p[2] + view[1, 3]
        z = view[2, 0] * p[0] + view[2, 1] * p[1] + view[2, 2] * p[2] + view[2, 3]
        if z <= 1e-6:
            return True  # reaches behind the camera: its texels decide
        u, v = x / z * fl_x + cx, y / z * fl_y + cy
        x0, x1, y0, y1 = min(x0, u), max(x1, u), min(y0, v), max(y1, v)
    return x1 >= 0 and y1 >= 0 and x0 < width and y0 < height


@kernel(parallel=True, fast=True)
def _observe(
    positions: np.ndarray, normals: np.ndarray, starts: np.ndarray, corners: np.ndarray, view: np.ndarray, lens: Intrinsics,
    planes: np.ndarray, weight: np.ndarray, color: np.ndarray, tolerance: Real, least: Real, feather: Real,
    number: int, colors: np.ndarray, weights: np.ndarray, frames: np.ndarray,
) -> int:  # fmt: skip
    """Parameters: mesh, camera, frame and result as arrays and scalars of the kernel."""
    fl_x, fl_y, cx, cy = lens
    height, width = weight.shape
    rows, columns = color.shape[0], color.shape[1]
    eye = np.empty(3, np.float32)
    for k in range(3):
        eye[k] = -(view[0, k] * view[0, 3] + view[1, k] * view[1, 3] + view[2, k] * view[2, 3])
    shown = 0
    for face in numba.prange(len(starts) - 1):
        if starts[face] == starts[face + 1]:
            continue
        n = normals[face]
        p = corners[face, 0]
        if n[0] * (eye[0] - p[0]) + n[1] * (eye[1] - p[1]) + n[2] * (eye[2] - p[2]) <= 0:
            continue
        if not _in_sight(corners[face], view, lens, width, height):
            continue
        found = np.empty(3, np.float32)
        for t in range(starts[face], starts[face + 1]):
            p = positions[t]
            x = _f(view[0, 0] * p[0] + view[0, 1] * p[1] + view[0, 2] * p[2] + view[0, 3])
            y = _f(view[1, 0] * p[0] + view[1, 1] * p[1] + view[1, 2] * p[2] + view[1, 3])
            z = _f(view[2, 0] * p[0] + view[2, 1] * p[1] + view[2, 2] * p[2] + view[2, 3])
            if z <= _f(1e-6):
                continue
            u, v = x / z * fl_x + cx, y / z * fl_y + cy
            if not (u >= 0 and v >= 0 and u < width and v < height):
                continue
            row, column = int(v), int(u)
            trust = weight[row, column]
            if trust <= 0:
                continue
            dx, dy, dz = eye[0] - p[0], eye[1] - p[1], eye[2] - p[2]
            cosine = (n[0] * dx + n[1] * dy + n[2] * dz) / np.sqrt(dx * dx + dy * dy + dz * dz)
            if cosine < least:
                continue
            plane = planes[row * width + column]
            if abs(plane[3] - plane[0] * x - plane[1] * y - plane[2] * z) > tolerance:
                continue
            shown += 1
            near = min(min(u, width - u), min(v, height - v)) / feather
            fade = max(near * near, _f(1e-3)) if near < 1 else _f(1)
            quality = trust * cosine * fl_x * fl_y / (z * z) * fade
            slot, worst = 0, weights[t, 0]
            for k in range(1, weights.shape[1]):
                if weights[t, k] < worst:
                    slot, worst = k, weights[t, k]
            if quality > worst:
                sample(color, u * columns / width, v * rows / height, found)
                weights[t, slot] = quality
                frames[t, slot] = number
                for k in range(3):
                    colors[t, slot, k] = found[k]
    return shown

"""Which position of the surface each texel of an atlas shows, and how deep a mesh is in a view."""

from __future__ import annotations

import dataclasses

import numba
import numpy as np
import torch

from ..core.compiled import Real, kernel

GUTTER = 2.0
"""Texels around each chart that show the nearest point of its rim: bilinear filtering reaches half of one, its mip level two."""


@dataclasses.dataclass(frozen=True)
class Atlas:
    """The texels that show some surface, sorted by face.

    Attributes:
        size: Width and height in texels.
        index: ``(T,)`` int32, row * size + column; row 0 is the top.
        face: ``(T,)`` int32, ascending.
        weights: ``(T, 3)`` float32, barycentric coordinates in that face; each in 0..1.
        inside: ``(T,)`` bool: the texel's centre is in the face, not in the gutter around a chart.
        overlaps: How many times a texel's centre lay in a second face.
    """

    size: int
    index: np.ndarray
    face: np.ndarray
    weights: np.ndarray
    inside: np.ndarray
    overlaps: int

    def at(self, values: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """Interpolates ``(N, K)`` or ``(N,)`` float32 values of vertices at the texels."""
        flat = values.reshape(len(values), -1)
        result = np.zeros((len(self.face), flat.shape[1]), np.float32)
        for k in range(3):
            result += flat[faces[self.face, k]] * self.weights[:, k, None]
        return result.reshape(len(self.face), *values.shape[1:])

    def image(self, values: np.ndarray, channels: int, background: float = 0.0) -> np.ndarray:
        """Spreads ``(T, C)`` or ``(T,)`` values over ``(size, size, channels)`` float32."""
        picture = np.full((self.size * self.size, channels), background, np.float32)
        picture[self.index] = values.reshape(len(values), -1)
        return picture.reshape(self.size, self.size, channels)


def rasterise(uvs: np.ndarray, faces: np.ndarray, size: int, gutter: float = GUTTER) -> Atlas:
    """Finds the face and the position in it for each texel.

    Args:
        uvs: ``(M, 3, 2)``; (0, 0) is the bottom left. What is beyond 0..1 is not shown.
        faces: ``(M, 3)`` int32; only tells which faces share an edge.
        size: Width and height in texels.
        gutter: Texels around the charts that take the nearest point of the surface.
    """
    flat, numbers = texel_corners(uvs, size), np.ascontiguousarray(faces, np.int32)
    owner = np.full((size, size), -1, np.int32)
    overlaps = int(_own(flat, numbers, owner, np.zeros(len(numbers), np.bool_)))
    inside = owner >= 0
    if gutter > 0:
        reach = np.full((size, size), np.float32(gutter * gutter))
        _gutter(flat, inside, reach, owner, gutter)
    index = np.flatnonzero(owner.ravel() >= 0).astype(np.int32)
    index = index[np.argsort(owner.ravel()[index], kind="stable")]
    face = owner.ravel()[index]
    weights = np.empty((len(index), 3), np.float32)
    _weights(flat, index, face, size, weights)
    return Atlas(size, index, face, weights, inside.ravel()[index], overlaps)


def overlapping(uvs: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
    """``(M,)`` bool: faces that hold the centre of a texel which an earlier face holds already."""
    found = np.zeros(len(faces), np.bool_)
    _own(texel_corners(uvs, size), np.ascontiguousarray(faces, np.int32), np.full((size, size), -1, np.int32), found)
    return found


def texel_corners(uvs: np.ndarray, size: int) -> np.ndarray:
    """Corners in texels from the top left, ``(M, 3, 2)`` float64."""
    flat = uvs.astype(np.float64) * size
    flat[..., 1] = size - flat[..., 1]
    return np.ascontiguousarray(flat)


def rasterise_reference(uvs: np.ndarray, size: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """The face of each texel in plain torch, ``(size, size)`` int64, -1 for none; the last face wins where several hold a texel."""
    flat = torch.from_numpy(texel_corners(uvs, size)).to(device)
    owner = torch.full((size, size), -1, dtype=torch.int64, device=device)
    y, x = torch.meshgrid(*(torch.arange(size, dtype=torch.float64, device=device) + 0.5,) * 2, indexing="ij")
    for number, corners in enumerate(flat):
        signs = []
        for k in range(3):
            a, b = corners[k], corners[(k + 1) % 3]
            signs.append((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]))
        e = torch.stack(signs)
        owner[((e > 0).all(0)) | ((e < 0).all(0))] = number
    return owner


def view(
    vertices: np.ndarray, faces: np.ndarray, pose: np.ndarray, lens: tuple[float, float, float, float], width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """What a camera sees of a mesh.

    Args:
        vertices: ``(N, 3)``, world space.
        faces: ``(M, 3)`` int32. Faces that reach behind the camera are left out.
        pose: ``(3, 4)`` world-to-camera, x right, y down, z forward.
        lens: fl_x, fl_y, cx, cy in pixels.
        width: Pixels.
        height: Pixels.

    Returns:
        ``(H, W)`` float32, planar z in scene units, 0 where there is no surface; ``(H, W)`` int32, the face, -1 for none.
    """
    local = vertices.astype(np.float64) @ pose[:, :3].T + pose[:, 3]
    depth = np.full((height, width), np.inf, np.float32)
    owner = np.full((height, width), -1, np.int32)
    _draw(np.ascontiguousarray(local), np.ascontiguousarray(faces, np.int32), *(float(k) for k in lens), depth, owner)
    depth[owner < 0] = 0
    return depth, owner


@kernel()
def row(flat: np.ndarray, f: int, faces: np.ndarray, y: Real) -> tuple[int, int]:
    """Columns ``first`` to ``end - 1`` whose centres a face holds at the height of a row's centres.

    An edge's crossing is reckoned from the smaller vertex number and both ends of a span are rounded up, so that of two faces that share
    an edge exactly one holds each centre, whichever way they turn.
    """
    low, high = np.inf, -np.inf
    for k in range(3):
        j = (k + 1) % 3
        if (flat[f, k, 1] <= y) != (flat[f, j, 1] <= y):
            if faces[f, k] > faces[f, j]:
                k, j = j, k
            x = flat[f, k, 0] + (y - flat[f, k, 1]) * (flat[f, j, 0] - flat[f, k, 0]) / (flat[f, j, 1] - flat[f, k, 1])
            low, high = min(low, x), max(high, x)
    if low > high:
        return 0, 0
    return int(np.ceil(low - 0.5)), int(np.ceil(high - 0.5))


@kernel()
def _own(flat: np.ndarray, faces: np.ndarray, owner: np.ndarray, second: np.ndarray) -> int:
    size = owner.shape[0]
    overlaps = 0
    for f in range(len(flat)):
        y0 = max(int(np.floor(min(flat[f, 0, 1], flat[f, 1, 1], flat[f, 2, 1]))), 0)
        y1 = min(int(max(flat[f, 0, 1], flat[f, 1, 1], flat[f, 2, 1])), size - 1)
        for y in range(y0, y1 + 1):
            first, end = row(flat, f, faces, y + 0.5)
            for x in range(max(first, 0), min(end, size)):
                if owner[y, x] >= 0:
                    overlaps += 1
                    second[f] = True
                else:
                    owner[y, x] = f
    return overlaps


@kernel()
def _closest(flat: np.ndarray, f: int, px: Real, py: Real, out: np.ndarray) -> Real:
    """Barycentric coordinates of the face's point nearest to p in ``out``; gives the squared distance (Ericson 2005, 5.1.5)."""
    ax, ay, bx, by, cx, cy = flat[f, 0, 0], flat[f, 0, 1], flat[f, 1, 0], flat[f, 1, 1], flat[f, 2, 0], flat[f, 2, 1]
    twice = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if twice != 0:
        u = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / twice
        v = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / twice
        if u >= 0 and v >= 0 and u + v <= 1:
            out[0], out[1], out[2] = u, v, 1 - u - v
            return 0.0
    best = np.inf
    for k in range(3):
        j = (k + 1) % 3
        ex, ey = flat[f, j, 0] - flat[f, k, 0], flat[f, j, 1] - flat[f, k, 1]
        length = ex * ex + ey * ey
        t = ((px - flat[f, k, 0]) * ex + (py - flat[f, k, 1]) * ey) / length if length > 0 else 0.0
        t = min(max(t, 0.0), 1.0)
        d = (flat[f, k, 0] + t * ex - px) ** 2 + (flat[f, k, 1] + t * ey - py) ** 2
        if d < best:
            best = d
            out[k], out[j], out[3 - k - j] = 1 - t, t, 0.0
    return best


@kernel()
def _gutter(flat: np.ndarray, inside: np.ndarray, reach: np.ndarray, owner: np.ndarray, gutter: Real) -> None:
    size = owner.shape[0]
    out = np.empty(3)
    for f in range(len(flat)):
        x0, x1 = int(max(flat[f, :, 0].min() - gutter, 0)), int(min(flat[f, :, 0].max() + gutter, size - 1))
        y0, y1 = int(max(flat[f, :, 1].min() - gutter, 0)), int(min(flat[f, :, 1].max() + gutter, size - 1))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                if inside[y, x]:
                    continue
                d = _closest(flat, f, x + 0.5, y + 0.5, out)
                if d < reach[y, x]:
                    reach[y, x] = d
                    owner[y, x] = f


@kernel(parallel=True)
def _weights(flat: np.ndarray, index: np.ndarray, face: np.ndarray, size: int, weights: np.ndarray) -> None:
    for t in numba.prange(len(index)):
        out = np.empty(3)
        _closest(flat, face[t], index[t] % size + 0.5, index[t] // size + 0.5, out)
        weights[t, 0], weights[t, 1], weights[t, 2] = out[0], out[1], out[2]


@kernel()
def _draw(local: np.ndarray, faces: np.ndarray, fl_x: Real, fl_y: Real, cx: Real, cy: Real, depth: np.ndarray, owner: np.ndarray) -> None:
    height, width = depth.shape
    for f in range(len(faces)):
        a, b, c = local[faces[f, 0]], local[faces[f, 1]], local[faces[f, 2]]
        if a[2] <= 1e-9 or b[2] <= 1e-9 or c[2] <= 1e-9:
            continue
        ax, ay = a[0] / a[2] * fl_x + cx, a[1] / a[2] * fl_y + cy
        bx, by = b[0] / b[2] * fl_x + cx, b[1] / b[2] * fl_y + cy
        px, py = c[0] / c[2] * fl_x + cx, c[1] / c[2] * fl_y + cy
        twice = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
        if twice == 0:
            continue
        x0, x1 = max(min(ax, bx, px) - 0.5, 0.0), min(max(ax, bx, px) - 0.5, width - 1.0)
        y0, y1 = max(min(ay, by, py) - 0.5, 0.0), min(max(ay, by, py) - 0.5, height - 1.0)
        for y in range(int(np.ceil(y0)), int(np.floor(y1)) + 1):
            for x in range(int(np.ceil(x0)), int(np.floor(x1)) + 1):
                u = ((bx - x - 0.5) * (py - y - 0.5) - (by - y - 0.5) * (px - x - 0.5)) / twice
                v = ((px - x - 0.5) * (ay - y - 0.5) - (py - y - 0.5) * (ax - x - 0.5)) / twice
                if u < -1e-9 or v < -1e-9 or u + v > 1 + 1e-9:
                    continue
                z = 1 / (u / a[2] + v / b[2] + (1 - u - v) / c[2])
                if z < depth[y, x]:
                    depth[y, x] = z
                    owner[y, x] = f

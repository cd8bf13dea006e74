"""Exact distances from points to the triangles of a mesh that marching cubes made."""

from __future__ import annotations

import numba
import numpy as np

from ...core.compiled import Real, kernel
from .blocks import EDGE, LIMIT


class NearestFace:
    """Finds how far points are from the nearest triangle, not its plane and not the field that it came from.

    Triangles lie in buckets of 8 x 8 x 8 voxels by their centroids; each is smaller than a voxel, so a point's neighbours are in the
    buckets within ``reach`` and a voxel of it.

    Args:
        vertices: ``(N, 3)`` float32.
        faces: ``(M, 3)`` int32, each within one voxel.
        voxel: Scene units.
        reach: In voxels: nothing farther is looked for.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, voxel: float, reach: float = 2.0) -> None:
        self._vertices, self._voxel, self.reach = vertices, voxel, reach * voxel
        keys = np.empty(len(faces), np.int64)
        _bucket(vertices, faces, 1 / (EDGE * voxel), keys)
        if np.all(keys[1:] >= keys[:-1]):
            self._faces = faces
        else:
            order = np.argsort(keys, kind="stable")  # nearly sorted already: faces come block by block
            self._faces, keys = faces[order], keys[order]
        first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, np.int64)
        self._keys, self._starts = keys[first], np.append(first, len(keys))

    def distances(self, points: np.ndarray) -> np.ndarray:
        """``(N,)`` float64 for ``(N, 3)`` float64 points, scene units; infinite beyond the reach."""
        result = np.empty(len(points))
        arrays = (np.ascontiguousarray(points, np.float64), self._vertices, self._faces, self._keys, self._starts)
        _distances(*arrays, self._voxel, self.reach, result)
        return result


@kernel(parallel=True)
def _bucket(vertices: np.ndarray, faces: np.ndarray, per_bucket: Real, keys: np.ndarray) -> None:
    for f in numba.prange(len(faces)):
        key = np.int64(0)
        for k in range(3):
            middle = (np.float64(vertices[faces[f, 0], k]) + vertices[faces[f, 1], k] + vertices[faces[f, 2], k]) / 3
            key = (key << 21) | (np.int64(np.floor(middle * per_bucket)) + LIMIT)
        keys[f] = key


@kernel(parallel=True)
def _distances(
    points: np.ndarray, vertices: np.ndarray, faces: np.ndarray, keys: np.ndarray, starts: np.ndarray, voxel: Real, reach: Real,
    result: np.ndarray,
) -> None:  # fmt: skip
    size, margin = EDGE * voxel, reach + voxel
    for p in numba.prange(len(points)):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        best = reach * reach
        found = False
        for a in range(int(np.floor((x - margin) / size)), int(np.floor((x + margin) / size)) + 1):
            for b in range(int(np.floor((y - margin) / size)), int(np.floor((y + margin) / size)) + 1):
                for c in range(int(np.floor((z - margin) / size)), int(np.floor((z + margin) / size)) + 1):
                    key = ((np.int64(a) + LIMIT) << 42) | ((np.int64(b) + LIMIT) << 21) | (np.int64(c) + LIMIT)
                    at = np.searchsorted(keys, key)
                    if at == len(keys) or keys[at] != key:
                        continue
                    for f in range(starts[at], starts[at + 1]):
                        i = faces[f, 0]
                        near = (vertices[i, 0] - x) ** 2 + (vertices[i, 1] - y) ** 2 + (vertices[i, 2] - z) ** 2
                        if near > (np.sqrt(best) + 1.8 * voxel) ** 2:  # a triangle is in a cell, whose diagonal is 1.73
                            continue
                        d = _to_triangle(x, y, z, vertices, i, faces[f, 1], faces[f, 2])
                        if d <= best:
                            best, found = d, True
        result[p] = np.sqrt(best) if found else np.inf


@kernel()
def _to_triangle(x: Real, y: Real, z: Real, vertices: np.ndarray, i: int, j: int, k: int) -> Real:
    """Squared distance to a triangle: Ericson, "Real-Time Collision Detection" (2005), 5.1.5."""
    ax, ay, az = np.float64(vertices[i, 0]), np.float64(vertices[i, 1]), np.float64(vertices[i, 2])
    ux, uy, uz = vertices[j, 0] - ax, vertices[j, 1] - ay, vertices[j, 2] - az
    vx, vy, vz = vertices[k, 0] - ax, vertices[k, 1] - ay, vertices[k, 2] - az
    px, py, pz = x - ax, y - ay, z - az
    d1, d2 = ux * px + uy * py + uz * pz, vx * px + vy * py + vz * pz
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    d3, d4, d5, d6 = d1 - uu, d2 - uv, d1 - uv, d2 - vv
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0 and d2 <= 0:
        s, t = 0.0, 0.0
    elif d3 >= 0 and d4 <= d3:
        s, t = 1.0, 0.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        s, t = d1 / (d1 - d3), 0.0
    elif d6 >= 0 and d5 <= d6:
        s, t = 0.0, 1.0
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        s, t = 0.0, d2 / (d2 - d6)
    elif va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        t = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        s = 1 - t
    else:
        total = va + vb + vc
        s, t = vb / total, vc / total
    return (px - s * ux - t * vx) ** 2 + (py - s * uy - t * vy) ** 2 + (pz - s * uz - t * vz) ** 2

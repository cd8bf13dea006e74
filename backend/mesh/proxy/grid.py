"""How far the nodes of a grid are from a mesh, and how much the mesh encloses them."""

from __future__ import annotations

import numpy as np
import torch

from ...core.compiled import Real, kernel
from .. import topology

_INSIDE_NODES = 2_000_000


def distances(points: np.ndarray, faces: np.ndarray, shape: tuple[int, int, int], reach: float) -> np.ndarray:
    """Distance of each node to the mesh.

    Args:
        points: ``(N, 3)`` float64 x, y, z in steps of the grid.
        faces: ``(M, 3)``.
        shape: Nodes along z, y, x.
        reach: Distances beyond this become this.

    Returns:
        ``shape`` float32, in steps.
    """
    squared = np.full(shape, np.float32(reach * reach))
    _distances(np.ascontiguousarray(points, np.float64), np.ascontiguousarray(faces, np.int32), squared, reach)
    return np.sqrt(squared)


def inside(points: np.ndarray, faces: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """How much the mesh encloses each node: 1 inside a closed surface, 0 outside, about the solid angle's part where it is open.

    The indicator whose gradient is the surface's inward normals, solved in Fourier space (Kazhdan, "Reconstruction of Solid Models
    from Oriented Point Sets", SGP 2005), on a coarser grid where the given one is large.

    Args:
        points: ``(N, 3)`` x, y, z in steps of the grid.
        faces: ``(M, 3)``, counter-clockwise from outside.
        shape: Nodes along z, y, x; the mesh must not reach the border.

    Returns:
        ``shape`` float32; rooms seen from inside are negative.
    """
    step = max(1, int(np.ceil((np.prod(shape) / _INSIDE_NODES) ** (1 / 3))))
    coarse = tuple(-(-(n - 1) // step) + 1 for n in shape)
    corners = points[faces] / step
    vectors = 0.5 * topology.face_vectors(points / step, faces)
    field = np.zeros((3, *coarse), np.float32)
    for k in range(3):  # the middles of the edges stand for the face
        _splat(0.5 * (corners[:, k] + corners[:, (k + 1) % 3]), vectors / 3, field)
    spectrum = torch.fft.rfftn(torch.from_numpy(field), dim=(1, 2, 3))
    waves = [torch.fft.fftfreq(n) for n in coarse[:2]] + [torch.fft.rfftfreq(coarse[2])]
    z, y, x = torch.meshgrid(*(2 * np.pi * w for w in waves), indexing="ij")
    total = x * spectrum[0] + y * spectrum[1] + z * spectrum[2]
    square = (x * x + y * y + z * z).clamp_min(1e-12)
    indicator = torch.fft.irfftn(1j * total / square, s=coarse)
    indicator -= indicator[0, 0, 0].clone()
    if step > 1:
        full = tuple((n - 1) * step + 1 for n in coarse)
        indicator = torch.nn.functional.interpolate(indicator[None, None], size=full, mode="trilinear", align_corners=True)[0, 0]
    result: np.ndarray = indicator[: shape[0], : shape[1], : shape[2]].contiguous().numpy()
    return result


@kernel()
def _splat(places: np.ndarray, vectors: np.ndarray, field: np.ndarray) -> None:
    for i in range(len(places)):
        x, y, z = int(places[i, 0]), int(places[i, 1]), int(places[i, 2])
        fx, fy, fz = places[i, 0] - x, places[i, 1] - y, places[i, 2] - z
        for corner in range(8):
            a, b, c = corner & 1, corner >> 1 & 1, corner >> 2
            w = (fx if a else 1 - fx) * (fy if b else 1 - fy) * (fz if c else 1 - fz)
            for k in range(3):
                field[k, z + c, y + b, x + a] += w * vectors[i, k]


@kernel(fast=True)
def _squared(px: int, py: int, pz: int, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> Real:
    """Squared distance of a point to a triangle (Ericson, "Real-Time Collision Detection", 2005, 5.1.5)."""
    abx, aby, abz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    acx, acy, acz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    apx, apy, apz = px - a[0], py - a[1], pz - a[2]
    d1, d2 = abx * apx + aby * apy + abz * apz, acx * apx + acy * apy + acz * apz
    v, w = 0.0, 0.0  # the nearest point is a + v ab + w ac
    d3, d4 = d1 - (abx * abx + aby * aby + abz * abz), d2 - (abx * acx + aby * acy + abz * acz)
    d5, d6 = d1 - (abx * acx + aby * acy + abz * acz), d2 - (acx * acx + acy * acy + acz * acz)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0 and d2 <= 0:
        v, w = 0.0, 0.0
    elif d3 >= 0 and d4 <= d3:
        v, w = 1.0, 0.0
    elif d6 >= 0 and d5 <= d6:
        v, w = 0.0, 1.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        v = d1 / max(d1 - d3, 1e-30)
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        w = d2 / max(d2 - d6, 1e-30)
    elif va <= 0 and d4 >= d3 and d5 >= d6:
        w = (d4 - d3) / max((d4 - d3) + (d5 - d6), 1e-30)
        v = 1 - w
    else:
        total = max(va + vb + vc, 1e-30)
        v, w = vb / total, vc / total
    return (apx - v * abx - w * acx) ** 2 + (apy - v * aby - w * acy) ** 2 + (apz - v * abz - w * acz) ** 2


@kernel(fast=True)
def _distances(points: np.ndarray, faces: np.ndarray, squared: np.ndarray, reach: Real) -> None:
    depth, height, width = squared.shape
    for f in range(len(faces)):
        a, b, c = points[faces[f, 0]], points[faces[f, 1]], points[faces[f, 2]]
        x0, x1 = max(int(min(a[0], b[0], c[0]) - reach), 0), min(int(max(a[0], b[0], c[0]) + reach) + 1, width - 1)
        y0, y1 = max(int(min(a[1], b[1], c[1]) - reach), 0), min(int(max(a[1], b[1], c[1]) + reach) + 1, height - 1)
        z0, z1 = max(int(min(a[2], b[2], c[2]) - reach), 0), min(int(max(a[2], b[2], c[2]) + reach) + 1, depth - 1)
        nx = (b[1] - a[1]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[1] - a[1])
        ny = (b[2] - a[2]) * (c[0] - a[0]) - (b[0] - a[0]) * (c[2] - a[2])
        nz = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        limit = reach * reach * (nx * nx + ny * ny + nz * nz)
        for z in range(z0, z1 + 1):
            for y in range(y0, y1 + 1):
                for x in range(x0, x1 + 1):
                    off = nx * (x - a[0]) + ny * (y - a[1]) + nz * (z - a[2])
                    if off * off > limit:  # too far from the plane already: most nodes around a large triangle
                        continue
                    d = _squared(x, y, z, a, b, c)
                    if d < squared[z, y, x]:
                        squared[z, y, x] = d

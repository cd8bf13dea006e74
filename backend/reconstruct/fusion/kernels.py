"""The fusion's inner loops for the CPU. ``reference.py`` says the same in torch, for any device, and documents the formulas."""

from __future__ import annotations

import numba
import numpy as np

from ...core.camera import Intrinsics
from ...core.compiled import Real, kernel
from .blocks import DISTANCE_ONE, EDGE, VOXELS, WEIGHT_MAX, WEIGHT_ONE

_f = np.float32


@kernel(parallel=True, fast=True)
def bounds(depth: np.ndarray, stride: int, lens: Intrinsics, pose: np.ndarray, result: np.ndarray) -> None:
    """The surface's bounding box in world space per row of samples: ``(rows, 6)`` float64, low then high, empty = (inf, -inf)."""
    height, width = depth.shape
    fl_x, fl_y, cx, cy = lens
    for row in numba.prange(len(result)):
        v = min(row * stride + stride // 2, height - 1)
        y = (v + 0.5 - cy) / fl_y
        for k in range(3):
            low, high = np.inf, -np.inf
            for u in range(min(stride // 2, width - 1), width, stride):
                z = np.float64(depth[v, u])
                p = (pose[k, 0] * ((u + 0.5 - cx) / fl_x) + pose[k, 1] * y + pose[k, 2]) * z + pose[k, 3]
                low = p if (z > 0) & (p < low) else low
                high = p if (z > 0) & (p > high) else high
            result[row, k], result[row, 3 + k] = low, high


@kernel(fast=True)
def _floor(x: Real) -> np.int64:
    i = np.int64(x)
    return i - 1 if x < i else i


@kernel(parallel=True)
def mark(
    depth: np.ndarray, stride: int, rows: int, lens: Intrinsics, pose: np.ndarray, per_block: Real, margin: Real, low: np.ndarray,
    grid: np.ndarray,
) -> None:  # fmt: skip
    """Sets ``grid[block - low]`` to 1 for all blocks within the margin of a sample (all threads write the same 1)."""
    height, width = depth.shape
    fl_x, fl_y, cx, cy = lens
    for row in numba.prange(rows):
        v = min(row * stride + stride // 2, height - 1)
        for u in range(min(stride // 2, width - 1), width, stride):
            z = np.float64(depth[v, u])
            if z > 0:
                x, y = (u + 0.5 - cx) / fl_x * z, (v + 0.5 - cy) / fl_y * z
                px = pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * z + pose[0, 3]
                py = pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * z + pose[1, 3]
                pz = pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * z + pose[2, 3]
                a0, a1 = _floor((px - margin) * per_block) - low[0], _floor((px + margin) * per_block) - low[0]
                b0, b1 = _floor((py - margin) * per_block) - low[1], _floor((py + margin) * per_block) - low[1]
                c0, c1 = _floor((pz - margin) * per_block) - low[2], _floor((pz + margin) * per_block) - low[2]
                for a in range(a0, a1 + 1):
                    for b in range(b0, b1 + 1):
                        for c in range(c0, c1 + 1):
                            grid[a, b, c] = 1


@kernel(parallel=True, fast=True)
def integrate(
    planes: np.ndarray, width: int, height: int, numbers: np.ndarray, coordinates: np.ndarray, view: np.ndarray, lens: Intrinsics,
    voxel: Real, truncation: Real, behind: Real, free_weight: Real, falloff: Real,
    distance: np.ndarray, weight: np.ndarray,
) -> None:  # fmt: skip
    """See ``reference.integrate``. Three loops a block: the first and the last become vector code, the lookup cannot.

    Parameters: those of ``reference.integrate``.
    """
    fl_x, fl_y, cx, cy = lens
    step = (view[:, :3] * voxel).astype(np.float32)
    to_stored = _f(DISTANCE_ONE) / truncation
    per_voxel = _f(1 / voxel)
    right, bottom, nowhere = _f(width), _f(height), np.int32(width * height)
    for q in numba.prange(len(numbers)):
        block = numbers[q]
        x0, y0, z0 = coordinates[block, 0] * EDGE * voxel, coordinates[block, 1] * EDGE * voxel, coordinates[block, 2] * EDGE * voxel
        bx = _f(view[0, 0] * x0 + view[0, 1] * y0 + view[0, 2] * z0 + view[0, 3])
        by = _f(view[1, 0] * x0 + view[1, 1] * y0 + view[1, 2] * z0 + view[1, 3])
        bz = _f(view[2, 0] * x0 + view[2, 1] * y0 + view[2, 2] * z0 + view[2, 3])
        pixel = np.empty(VOXELS, np.int32)
        signed = np.empty(VOXELS, np.float32)
        trust = np.empty(VOXELS, np.float32)
        for i in range(VOXELS):
            fi, fj, fk = _f(i & 7), _f((i >> 3) & 7), _f(i >> 6)
            z = bz + fi * step[2, 0] + fj * step[2, 1] + fk * step[2, 2]
            u = (bx + fi * step[0, 0] + fj * step[0, 1] + fk * step[0, 2]) / z * fl_x + cx
            v = (by + fi * step[1, 0] + fj * step[1, 1] + fk * step[1, 2]) / z * fl_y + cy
            seen = (z > _f(1e-6)) & (u >= _f(0)) & (u < right) & (v >= _f(0)) & (v < bottom)
            pixel[i] = np.int32(v) * np.int32(width) + np.int32(u) if seen else nowhere
        for i in range(VOXELS):
            fi, fj, fk = _f(i & 7), _f((i >> 3) & 7), _f(i >> 6)
            x = bx + fi * step[0, 0] + fj * step[0, 1] + fk * step[0, 2]
            y = by + fi * step[1, 0] + fj * step[1, 1] + fk * step[1, 2]
            z = bz + fi * step[2, 0] + fj * step[2, 1] + fk * step[2, 2]
            o = pixel[i]
            signed[i] = planes[o, 3] - planes[o, 0] * x - planes[o, 1] * y - planes[o, 2] * z
            trust[i] = planes[o, 4]
        for i in range(VOXELS):
            d = signed[i]
            r = d * per_voxel
            near = _f(1) / (_f(1) + falloff * r * r)
            near = near * max(_f(1) + min(d, _f(0)) / behind, _f(0))
            near = free_weight if d > truncation else near
            w = trust[i] * near * _f(WEIGHT_ONE)
            w = max(_f(np.int32(w + _f(0.5))), _f(1))
            w = w if (trust[i] > _f(0)) & (d > -behind) else _f(0)
            old = _f(weight[block, i])
            total = old + w
            mean = (_f(distance[block, i]) * old + min(d, truncation) * to_stored * w) / max(total, _f(1))
            distance[block, i] = np.int16(np.int32(mean + (_f(0.5) if mean >= _f(0) else _f(-0.5))))
            weight[block, i] = np.int16(np.int32(min(total, _f(WEIGHT_MAX))))

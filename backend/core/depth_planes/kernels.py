"""Tangent planes of exact depth, compiled for the CPU. ``reference.py`` has the same formulas in torch and documents them."""

from __future__ import annotations

import math

import numba
import numpy as np

from ..camera import Intrinsics
from ..compiled import Real, kernel

_f = np.float32


@kernel(fast=True)
def _gradient(w: Real, a2: Real, a1: Real, b1: Real, b2: Real, tolerance: Real) -> tuple[Real, Real]:
    """Slope of the inverse depth and how far the neighbours stray from it; see ``reference.tangent_planes``."""
    if a1 <= 0 and b1 <= 0:
        return _f(0), _f(np.inf)
    ga, gb = w - a1, b1 - w
    if a1 <= 0:
        return gb, _f(np.inf)
    if b1 <= 0:
        return ga, _f(np.inf)
    bend = abs(gb - ga)
    bend_a = abs(ga - (a1 - a2)) if a2 > 0 else bend
    bend_b = abs((b2 - b1) - gb) if b2 > 0 else bend
    slope = _f(0.5) * (ga + gb)
    if bend > _f(2) * min(bend_a, bend_b) + tolerance:
        slope = ga if bend_a < bend_b else gb
    return slope, max(abs(ga - slope), abs(gb - slope))


@kernel(parallel=True, fast=True)
def tangent_planes(
    depth: np.ndarray, lens: Intrinsics, baseline: int, noise: Real, edge: Real, edge_weight: Real, planes: np.ndarray,
) -> None:  # fmt: skip
    """See ``reference.tangent_planes``."""
    fl_x, fl_y, cx, cy = lens
    height, width = depth.shape
    for v in numba.prange(height):
        inverse = np.empty((3, width), np.float32)  # of this row and, further down, of its neighbours
        for u in range(width):
            z = depth[v, u]
            inverse[0, u] = _f(1) / z if z > 0 else _f(0)
        y = (_f(v) + _f(0.5) - cy) / fl_y
        for u in range(width):
            o = v * width + u
            z = depth[v, u]
            if not z > 0:
                for k in range(5):
                    planes[o, k] = 0
                continue
            w = inverse[0, u]
            tolerance = _f(1e-6) * w + _f(2) * noise * w * w
            # Beyond the image the slope goes on: mirror the neighbour through the pixel.
            a1 = inverse[0, u - baseline] if u >= baseline else _f(-1)
            b1 = inverse[0, u + baseline] if u + baseline < width else _f(-1)
            a2 = inverse[0, u - 2 * baseline] if u >= 2 * baseline else _f(0)
            b2 = inverse[0, u + 2 * baseline] if u + 2 * baseline < width else _f(0)
            if a1 < 0:
                a1 = _f(2) * w - b1 if b1 > 0 else w
            if b1 < 0:
                b1 = _f(2) * w - a1 if a1 > 0 else w
            slope_u, stray_u = _gradient(w, a2, a1, b1, b2, tolerance)
            a1 = _up(depth, v - baseline, u)
            b1 = _up(depth, v + baseline, u)
            a2 = max(_up(depth, v - 2 * baseline, u), _f(0))
            b2 = max(_up(depth, v + 2 * baseline, u), _f(0))
            if a1 < 0:
                a1 = _f(2) * w - b1 if b1 > 0 else w
            if b1 < 0:
                b1 = _f(2) * w - a1 if a1 > 0 else w
            slope_v, stray_v = _gradient(w, a2, a1, b1, b2, tolerance)
            x = (_f(u) + _f(0.5) - cx) / fl_x
            A = slope_u / _f(baseline) * fl_x
            B = slope_v / _f(baseline) * fl_y
            C = w - A * x - B * y
            D = _f(1) / math.sqrt(A * A + B * B + C * C)
            cosine2 = D * D * w * w / (x * x + y * y + _f(1))
            planes[o, 0] = A * D
            planes[o, 1] = B * D
            planes[o, 2] = C * D
            planes[o, 3] = D
            planes[o, 4] = cosine2 * (edge_weight if max(stray_u, stray_v) * z * z > edge else _f(1))
    for k in range(5):
        planes[height * width, k] = 0


@kernel(fast=True)
def _up(depth: np.ndarray, v: int, u: int) -> Real:
    """Inverse depth, 0 where there is none, -1 outside the image."""
    if v < 0 or v >= depth.shape[0]:
        return _f(-1)
    z = depth[v, u]
    return _f(1) / z if z > 0 else _f(0)

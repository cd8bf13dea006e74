"""Inner loops of the tracking for the CPU. ``reference.py`` says the same in torch, for any device, and documents the formulas."""

from __future__ import annotations

import math

import numba
import numpy as np

from ...core.camera import Intrinsics
from ...core.compiled import Real, kernel
from ..consistency import SHARE, SLACK

_f = np.float32


@kernel(parallel=True)
def project_moved(
    depth: np.ndarray, index: np.ndarray, matrices: np.ndarray, lens: Intrinsics, lens_k: Intrinsics, pixels: np.ndarray,
    landed: np.ndarray,
) -> None:  # fmt: skip
    """First half of ``reference.reproject``: ``landed`` is column, row and depth in the other camera, without its lens distortion.

    ``pixels`` are those of the frame without lens distortion; with none given they are the pixel centres.
    """
    height, width = depth.shape
    for v in numba.prange(height):
        for u in range(width):
            n = index[v, u]
            landed[v, u, 2] = 0.0
            if n < 0:
                continue
            z = depth[v, u]
            far = not z > 0
            s = 1.0 if far else z
            column, row = u + 0.5, v + 0.5
            if pixels.size:
                column, row = pixels[v, u, 0], pixels[v, u, 1]
            x, y = (column - lens.cx) / lens.fl_x * s, -(row - lens.cy) / lens.fl_y * s
            m = matrices[n]
            w = 0.0 if far else 1.0
            a = m[0, 0] * x + m[0, 1] * y - m[0, 2] * s + m[0, 3] * w
            b = m[1, 0] * x + m[1, 1] * y - m[1, 2] * s + m[1, 3] * w
            c = -(m[2, 0] * x + m[2, 1] * y - m[2, 2] * s + m[2, 3] * w)
            if c > 1e-9:
                landed[v, u, 0], landed[v, u, 1] = lens_k.cx + lens_k.fl_x * a / c, lens_k.cy - lens_k.fl_y * b / c
                landed[v, u, 2] = c


@kernel(parallel=True)
def visible(
    landed: np.ndarray, depth: np.ndarray, ids: np.ndarray, index: np.ndarray, depth_k: np.ndarray, ids_k: np.ndarray,
    places: np.ndarray, seen: np.ndarray,
) -> None:  # fmt: skip
    """Second half of ``reference.reproject``: whether the surface is seen where it landed, lens distortion included."""
    height, width = depth.shape
    height_k, width_k = depth_k.shape
    for v in numba.prange(height):
        for u in range(width):
            if index[v, u] < 0:
                continue
            far = not depth[v, u] > 0
            seen[v, u] = 0
            pu, pv, c = landed[v, u, 0], landed[v, u, 1], landed[v, u, 2]
            if not c > 1e-9 or math.isnan(pu):
                places[v, u, 0] = _f(-1e6)
                places[v, u, 1] = _f(-1e6)
                continue
            places[v, u, 0] = _f(pu)
            places[v, u, 1] = _f(pv)
            if not (0 <= pu < width_k and 0 <= pv < height_k):
                continue
            u0, v0 = math.floor(pu - 0.5), math.floor(pv - 0.5)
            low, high, count = 1e30, -1e30, 0
            for dv in range(2):
                for du in range(2):
                    i, j = min(max(v0 + dv, 0), height_k - 1), min(max(u0 + du, 0), width_k - 1)
                    if ids_k[i, j] != ids[v, u] or (depth_k[i, j] > 0) == far:
                        continue
                    low, high = min(low, depth_k[i, j]), max(high, depth_k[i, j])
                    count += 1
            if count == 0:
                continue
            if far:
                seen[v, u] = 1
                continue
            slack = 0.004 * c + 0.75 * (high - low)
            if low - slack <= c <= high + slack:
                seen[v, u] = 1


@kernel(parallel=True)
def follow(
    vectors: np.ndarray, vectors_back: np.ndarray, ids: np.ndarray, ids_n: np.ndarray, places_n: np.ndarray, seen_n: np.ndarray,
    todo: np.ndarray, places: np.ndarray, seen: np.ndarray,
) -> None:  # fmt: skip
    """One step along the motion vectors; ``style.trace.Trace.carried`` says the same in torch.

    A pixel's vector leads to a place in the neighbouring frame. Among the four pixels there that are of the same object, the vectors back
    must be consistent with it (``consistency.py``); then the neighbours' own displacements to the other frame, which are
    smooth on a surface, are interpolated and added.
    """
    height, width = ids.shape
    for v in numba.prange(height):
        for u in range(width):
            if todo[v, u] == 0:
                continue
            seen[v, u] = 0
            pu, pv = u + 0.5 + vectors[v, u, 0], v + 0.5 + vectors[v, u, 1]
            places[v, u, 0], places[v, u, 1] = _f(-1e6), _f(-1e6)
            if not (0 <= pu < width and 0 <= pv < height):
                continue
            u0, v0 = math.floor(pu - 0.5), math.floor(pv - 0.5)
            fu, fv = pu - 0.5 - u0, pv - 0.5 - v0
            total, back_u, back_v = 0.0, 0.0, 0.0
            known, move_u, move_v = 0.0, 0.0, 0.0
            for dv in range(2):
                for du in range(2):
                    i, j = v0 + dv, u0 + du
                    if not (0 <= i < height and 0 <= j < width) or ids_n[i, j] != ids[v, u]:
                        continue
                    weight = (fu if du else 1 - fu) * (fv if dv else 1 - fv) + 1e-4
                    total += weight
                    back_u += weight * vectors_back[i, j, 0]
                    back_v += weight * vectors_back[i, j, 1]
                    if seen_n[i, j]:
                        known += weight
                        move_u += weight * (places_n[i, j, 0] - (j + 0.5))
                        move_v += weight * (places_n[i, j, 1] - (i + 0.5))
            if total == 0 or known < 0.2:
                continue
            off = math.hypot(back_u / total + vectors[v, u, 0], back_v / total + vectors[v, u, 1])
            length = math.hypot(vectors[v, u, 0], vectors[v, u, 1])
            if off > SLACK + SHARE * length:
                continue
            places[v, u, 0] = _f(pu + move_u / known)
            places[v, u, 1] = _f(pv + move_v / known)
            seen[v, u] = 1


@kernel()
def _cubic(x: Real) -> tuple[Real, Real, Real, Real]:
    """Catmull and Rom's weights of four neighbours at the fraction ``x``."""
    return (
        ((-0.5 * x + 1.0) * x - 0.5) * x, (1.5 * x - 2.5) * x * x + 1.0, ((-1.5 * x + 2.0) * x + 0.5) * x, (0.5 * x - 0.5) * x * x
    )  # fmt: skip


@kernel(parallel=True)
def sample(picture: np.ndarray, ids_k: np.ndarray, places: np.ndarray, seen: np.ndarray, ids: np.ndarray, out: np.ndarray) -> None:
    """See ``reference.sample``."""
    height, width = seen.shape
    height_k, width_k, channels = picture.shape
    for v in numba.prange(height):
        for u in range(width):
            if seen[v, u] == 0:
                continue
            x, y = places[v, u, 0] - 0.5, places[v, u, 1] - 0.5
            u0, v0 = math.floor(x), math.floor(y)
            fu, fv = x - u0, y - v0
            smooth = u0 >= 1 and v0 >= 1 and u0 + 2 < width_k and v0 + 2 < height_k
            if smooth:
                for i in range(v0 - 1, v0 + 3):
                    for j in range(u0 - 1, u0 + 3):
                        if ids_k[i, j] != ids[v, u]:
                            smooth = False
            for c in range(channels):
                out[v, u, c] = _f(0)
            if smooth:
                wu, wv = _cubic(fu), _cubic(fv)
                for i in range(4):
                    for j in range(4):
                        weight = wv[i] * wu[j]
                        for c in range(channels):
                            out[v, u, c] += _f(weight * picture[v0 - 1 + i, u0 - 1 + j, c])
                continue
            total = 0.0
            for dv in range(2):
                for du in range(2):
                    i, j = min(max(v0 + dv, 0), height_k - 1), min(max(u0 + du, 0), width_k - 1)
                    if ids_k[i, j] != ids[v, u]:
                        continue
                    weight = (fu if du else 1 - fu) * (fv if dv else 1 - fv) + 1e-6
                    total += weight
                    for c in range(channels):
                        out[v, u, c] += _f(weight * picture[i, j, c])
            if total == 0:
                i, j = min(max(round(y), 0), height_k - 1), min(max(round(x), 0), width_k - 1)
                total = 1.0
                for c in range(channels):
                    out[v, u, c] = picture[i, j, c]
            for c in range(channels):
                out[v, u, c] = _f(out[v, u, c] / total)

"""Which depths other views confirm, and how far they are apart."""

from __future__ import annotations

import dataclasses
import math

import numba
import numpy as np

from ...core.compiled import Real, kernel
from .geometry import Pairs

_f = np.float32
MAX_PIXELS = 1.0
"""A confirmed point comes back within this distance."""
MAX_RELATIVE = 0.01
"""And its depth within this part of itself, or as much as half a pixel of movement means if that is more."""
MIN_REGION = 30
"""Pixels: smaller patches of confirmed depth that hang together are chance."""


@dataclasses.dataclass(frozen=True)
class Agreement:
    """What the other views say of one view's depth.

    Attributes:
        inverse: ``(H, W)`` float32, inverse depth averaged with those of the views that agree.
        count: ``(H, W)`` uint8, how many others agree.
        asked: ``(H, W)`` uint8, how many others show the point's place and know a depth there.
        spread: ``(H, W)`` float32, standard deviation of the agreeing inverse depths by inverse depth; 0 where nobody agrees.
    """

    inverse: np.ndarray
    count: np.ndarray
    asked: np.ndarray
    spread: np.ndarray


def agree(planes: np.ndarray, others: np.ndarray, link: Pairs, half_pixel: bool = False) -> Agreement:
    """Compares a view's planes with those of others.

    Args:
        planes: ``(H, W, 3)`` float32, see ``matching.Fields``.
        others: ``(S, H, W, 3)`` float32, likewise; inverse depth 0 = nothing.
        link: Of the view to the others, at this scale.
        half_pixel: Let depths differ by what half a pixel means where that is more than 1 %: for a pair with a short baseline.

    Returns:
        See ``Agreement``.
    """
    height, width = planes.shape[:2]
    result = Agreement(
        np.zeros((height, width), _f),
        np.zeros((height, width), np.uint8),
        np.zeros((height, width), np.uint8),
        np.zeros((height, width), _f),
    )
    _agree(
        planes, others, link.M, link.t, link.N, link.r, _f(MAX_PIXELS), _f(MAX_RELATIVE), half_pixel, result.inverse, result.count,
        result.asked, result.spread,
    )  # fmt: skip
    return result


@kernel(parallel=True, fast=True)
def _agree(
    planes: np.ndarray, others: np.ndarray, M: np.ndarray, t: np.ndarray, N: np.ndarray, r: np.ndarray, max_pixels: Real,
    max_relative: Real, half_pixel: bool, inverse: np.ndarray, count: np.ndarray, asked: np.ndarray, spread: np.ndarray,
) -> None:  # fmt: skip
    """Parameters: two sets of planes, ``geometry.Pairs`` and ``Agreement`` as arrays of the kernel."""
    height, width = planes.shape[:2]
    for v in numba.prange(height):
        for row_u in range(width):
            w = planes[v, row_u, 0]
            if w <= _f(0):
                continue
            u_c, v_c = _f(row_u + 0.5), _f(v + 0.5)
            total, squares, weight = w, w * w, _f(1)
            n, shown = 0, 0
            for s in range(len(others)):
                z = M[s, 2, 0] * u_c + M[s, 2, 1] * v_c + M[s, 2, 2] + t[s, 2] * w
                if z <= _f(1e-6):
                    continue
                x = (M[s, 0, 0] * u_c + M[s, 0, 1] * v_c + M[s, 0, 2] + t[s, 0] * w) / z
                y = (M[s, 1, 0] * u_c + M[s, 1, 1] * v_c + M[s, 1, 2] + t[s, 1] * w) / z
                if not (x >= _f(0) and y >= _f(0) and x < _f(width) and y < _f(height)):
                    continue
                ix, iy = int(x), int(y)
                there = others[s, iy, ix, 0]
                if there <= _f(0):
                    continue
                shown += 1
                there += others[s, iy, ix, 1] * (x - _f(ix) - _f(0.5)) + others[s, iy, ix, 2] * (y - _f(iy) - _f(0.5))
                if there <= _f(0):
                    continue
                # The source's point at (x, y), brought back: pixels away, and its own inverse depth seen from here.
                back = N[s, 2, 0] * x + N[s, 2, 1] * y + N[s, 2, 2] + r[s, 2] * there
                if back <= _f(1e-6):
                    continue
                du = (N[s, 0, 0] * x + N[s, 0, 1] * y + N[s, 0, 2] + r[s, 0] * there) / back - u_c
                dv = (N[s, 1, 0] * x + N[s, 1, 1] * y + N[s, 1, 2] + r[s, 1] * there) / back - v_c
                seen = there / back  # inverse depth of that point here: its depth there is 1 / there, here back / there
                allowed = max_relative
                if half_pixel:
                    dx, dy = (t[s, 0] - x * t[s, 2]) / z, (t[s, 1] - y * t[s, 2]) / z
                    allowed = max(allowed, _f(0.5) / max(math.sqrt(dx * dx + dy * dy) * w, _f(1e-9)))
                if du * du + dv * dv < max_pixels * max_pixels and abs(seen - w) < allowed * w:
                    n += 1
                    total += seen
                    squares += seen * seen
                    weight += _f(1)
            mean = total / weight
            inverse[v, row_u] = mean
            count[v, row_u] = n
            asked[v, row_u] = shown
            spread[v, row_u] = math.sqrt(max(squares / weight - mean * mean, _f(0))) / mean if n > 0 else _f(0)


def without_specks(inverse: np.ndarray, keep: np.ndarray, smallest: int = MIN_REGION) -> np.ndarray:
    """Drops small regions of ``keep`` ``(H, W)`` bool; neighbours hang together if their inverse depths differ by less than 3 %."""
    labels, sizes = _regions(np.ascontiguousarray(inverse), np.ascontiguousarray(keep))
    result: np.ndarray = keep & (sizes[labels] >= smallest)
    return result


@kernel()
def _regions(inverse: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height, width = keep.shape
    labels = np.zeros((height, width), np.int32)
    sizes = np.zeros(height * width + 1, np.int32)
    stack = np.empty(height * width, np.int32)
    label = 0
    for start in range(height * width):
        v, u = start // width, start % width
        if not keep[v, u] or labels[v, u] > 0:
            continue
        label += 1
        labels[v, u] = label
        stack[0] = start
        top = 1
        while top > 0:
            top -= 1
            at = stack[top]
            v, u = at // width, at % width
            sizes[label] += 1
            for k in range(4):
                y, x = v + (k == 0) - (k == 1), u + (k == 2) - (k == 3)
                if y < 0 or x < 0 or y >= height or x >= width or not keep[y, x] or labels[y, x] > 0:
                    continue
                if abs(inverse[y, x] - inverse[v, u]) < 0.03 * inverse[v, u]:
                    labels[y, x] = label
                    stack[top] = y * width + x
                    top += 1
    return labels, sizes

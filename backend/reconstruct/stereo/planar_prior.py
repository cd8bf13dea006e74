"""Planes through what is reliable, fitted over what looks alike: the planar prior, and what holes are filled with.

ACMP (Xu and Tao, AAAI 2020) triangulates reliable points. Here each pixel gets the plane that fits all reliable depths by weighted least
squares, the weight being how little colour changes on the way (the domain transform of Gastal and Oliveira, "Domain Transform for
Edge-Aware Image and Video Processing", SIGGRAPH 2011, as a recursive filter over the moments of the fit). A wall that ends at a colour
edge gets its own plane, however large and plain it is, and no triangle bridges the edge.
"""

from __future__ import annotations

import math

import numpy as np

from ...core.compiled import kernel

SIGMA_SPACE = 60.0
"""Reach in pixels over even colour."""
SIGMA_COLOR = 0.06
"""Reach in summed change of gray values (of 1)."""
ROUNDS = 3
_MOMENTS = 11


def fit_planes(inverse: np.ndarray, weight: np.ndarray, gray: np.ndarray, reach: float = SIGMA_SPACE) -> np.ndarray:
    """The plane of each pixel.

    Args:
        inverse: ``(H, W)`` float32 inverse depths.
        weight: ``(H, W)`` float32, 0 where they are not reliable.
        gray: ``(H, W)`` float32, 0..1, display-encoded.
        reach: Standard deviation of the weight by distance, in pixels.

    Returns:
        ``(H, W, 4)`` float32: inverse depth at the pixel, its slopes by column and by row, and a trust from 0 (nothing reliable within
        reach, or not a plane) to 1.
    """
    height, width = inverse.shape
    rows, columns = np.mgrid[:height, :width]
    x, y = (columns - width / 2) / width, (rows - height / 2) / width
    c, w = weight.astype(np.float64), inverse.astype(np.float64)
    unit = float(np.median(w[c > 0])) if (c > 0).any() else 1.0
    w = w / unit
    moments = np.stack([c, c * x, c * y, c * x * x, c * x * y, c * y * y, c * w, c * w * x, c * w * y, c * w * w, np.ones_like(c)], -1)
    across, down = np.zeros_like(gray), np.zeros_like(gray)
    across[:, 1:] = np.abs(np.diff(gray, axis=1))
    down[1:] = np.abs(np.diff(gray, axis=0))
    for i in range(ROUNDS):
        sigma = reach * math.sqrt(3) * 2.0 ** (ROUNDS - 1 - i) / math.sqrt(4.0**ROUNDS - 1)
        base = math.exp(-math.sqrt(2) / sigma)
        for change in (across, down):
            gain = base ** (1 + reach / SIGMA_COLOR * change.astype(np.float64))
            if change is across:
                _smooth_rows(moments, gain)
            else:
                turned = np.ascontiguousarray(moments.transpose(1, 0, 2))
                _smooth_rows(turned, np.ascontiguousarray(gain.T))
                moments = np.ascontiguousarray(turned.transpose(1, 0, 2))
    planes = np.zeros((height, width, 4), np.float32)
    _solve(moments, x, y, width, planes)
    planes[..., :3] *= np.float32(unit)
    return planes


def supported(planes: np.ndarray, inverse: np.ndarray, within: float) -> np.ndarray:
    """In how many of the four directions (left, right, up, down) the next known pixel is on the plane of each pixel.

    A hole in a wall has it on at least three sides; the sky next to a house, onto which the house's plane would go on, has not.

    Args:
        planes: ``(H, W, 4)`` from ``fit_planes``.
        inverse: ``(H, W)`` float32, 0 = unknown.
        within: Part of the inverse depth that the plane may be off.

    Returns:
        ``(H, W)`` uint8.
    """
    count = np.zeros(inverse.shape, np.uint8)
    for turned in (False, True):
        known, slope = (inverse.T, planes[..., 2].T) if turned else (inverse, planes[..., 1])
        here = planes[..., 0].T if turned else planes[..., 0]
        rows, places = np.arange(len(known))[:, None], np.broadcast_to(np.arange(known.shape[1]), known.shape)
        before = np.maximum.accumulate(np.where(known > 0, places, -1), 1)
        after = np.minimum.accumulate(np.where(known > 0, places, known.shape[1])[:, ::-1], 1)[:, ::-1]
        for found in (before, after):
            there = known[rows, np.clip(found, 0, known.shape[1] - 1)]
            on = (there > 0) & (np.abs(here + slope * (found - places) - there) < within * there)
            count += on.T if turned else on
    return count


@kernel()
def _smooth_rows(moments: np.ndarray, gain: np.ndarray) -> None:
    """Recursive filter from left to right and back; ``gain`` (H, W) is what is kept of the neighbour to the left."""
    for v in range(len(moments)):
        for u in range(1, moments.shape[1]):
            a = gain[v, u]
            for k in range(_MOMENTS):
                moments[v, u, k] += a * (moments[v, u - 1, k] - moments[v, u, k])
        for u in range(moments.shape[1] - 2, -1, -1):
            a = gain[v, u + 1]
            for k in range(_MOMENTS):
                moments[v, u, k] += a * (moments[v, u + 1, k] - moments[v, u, k])


@kernel()
def _solve(moments: np.ndarray, x: np.ndarray, y: np.ndarray, width: int, planes: np.ndarray) -> None:
    """Weighted least squares of w = a + b (x - x0) + c (y - y0); slopes are damped where the points lie on a line or a spot."""
    for v in range(len(planes)):
        for u in range(planes.shape[1]):
            m = moments[v, u]
            if m[0] <= 1e-9:
                continue
            mx, my, mw = m[1] / m[0], m[2] / m[0], m[6] / m[0]
            xx, xy, yy = m[3] / m[0] - mx * mx, m[4] / m[0] - mx * my, m[5] / m[0] - my * my
            xw, yw, ww = m[7] / m[0] - mx * mw, m[8] / m[0] - my * mw, m[9] / m[0] - mw * mw
            damp = 1e-6 + 0.01 * (xx + yy)
            xx, yy = xx + damp, yy + damp
            det = xx * yy - xy * xy
            b, c = (yy * xw - xy * yw) / det, (xx * yw - xy * xw) / det
            dx, dy = x[v, u] - mx, y[v, u] - my
            a = mw + b * dx + c * dy
            if a <= 0:
                continue
            residual = math.sqrt(max(ww - b * xw - c * yw, 0.0)) / mw
            # Far beyond the points' own extent a plane is a guess.
            outside = math.sqrt((dx * dx + dy * dy) / (xx + yy))
            trust = min(m[0] / m[10] * 20, 1.0) * math.exp(-((residual / 0.03) ** 2)) / (1 + (outside / 4) ** 4)
            planes[v, u, 0], planes[v, u, 1], planes[v, u, 2], planes[v, u, 3] = a, b / width, c / width, trust

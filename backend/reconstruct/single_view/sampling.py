"""A depth map at the positions of tracks, with what a pixel of noise there would change."""

from __future__ import annotations

import numpy as np

from .align import PIXEL_NOISE

_REACH = 2
"""Standard deviations of the pixel noise that the neighbourhood spans."""


def sample(values: np.ndarray, valid: np.ndarray, positions: np.ndarray, noise: float = PIXEL_NOISE) -> tuple[np.ndarray, np.ndarray]:
    """The map at each position, and its spread there.

    Args:
        values: ``(H, W)`` float.
        valid: ``(H, W)`` bool.
        positions: ``(N, 2)`` column and row in pixels of the map, inside it; pixel centres at + 0.5.
        noise: Standard deviation of the positions, in pixels of the map.

    Returns:
        Values bilinearly between the four nearest pixels, and the root mean square deviation from it over normally distributed
        positions. Both ``(N,)`` float64; NaN where one of the four pixels is not valid.
    """
    height, width = values.shape
    known = np.where(valid, values, np.nan).astype(np.float64)
    x = np.clip(positions[:, 0] - 0.5, 0, width - 1.0)
    y = np.clip(positions[:, 1] - 0.5, 0, height - 1.0)
    left, top = np.minimum(x.astype(int), max(0, width - 2)), np.minimum(y.astype(int), max(0, height - 2))
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    u, v = x - left, y - top
    here = (known[top, left] * (1 - u) + known[top, right] * u) * (1 - v) + (known[bottom, left] * (1 - u) + known[bottom, right] * u) * v
    reach = max(1, int(np.ceil(_REACH * noise)))
    total, weights = np.zeros(len(here)), np.zeros(len(here))
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            weight = np.exp(-0.5 * (dx * dx + dy * dy) / max(noise, 0.3) ** 2)
            rows = np.clip(np.rint(y).astype(int) + dy, 0, height - 1)
            columns = np.clip(np.rint(x).astype(int) + dx, 0, width - 1)
            other = known[rows, columns]
            there = np.isfinite(other)
            total += np.where(there, weight * (np.nan_to_num(other) - np.nan_to_num(here)) ** 2, 0)
            weights += weight * there
    return here, np.sqrt(total / np.maximum(weights, 1e-12))

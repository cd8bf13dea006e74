"""Exposure and white balance that change during a shot: one gain a frame and channel, from what several frames show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .depths import DepthMap
from .geometry import transfer
from .view_selection import Choice
from .views import View

SAMPLES = 1500
"""Pixels compared in each pair of frames."""
DARKEST, BRIGHTEST = 0.01, 0.9
"""Scene-linear values in between count; a clip's whites are clipped at 1."""
MIN_SAMPLES = 30


def find_gains(views: Sequence[View], maps: Sequence[DepthMap], choices: Sequence[Choice], seed: int) -> np.ndarray:
    """Factors that bring all frames to one exposure.

    Args:
        views: With colour.
        maps: Of the same frames.
        choices: Pairs to compare.
        seed: Of the samples.

    Returns:
        ``(V, 3)`` float32, to be multiplied with scene-linear colour; their geometric mean is 1.
    """
    generator = np.random.default_rng(seed)
    rows, values = [], []
    for i, choice in enumerate(choices):
        reliable = np.flatnonzero((maps[i].confidence > 0.5) & ~maps[i].filled)
        for j in choice.sources:
            if len(reliable) < MIN_SAMPLES:
                continue
            ratio = _ratio(views, maps, i, j, reliable[generator.integers(0, len(reliable), SAMPLES)])
            if ratio is not None:
                rows.append((i, j))
                values.append(ratio)
    count = len(views)
    if not rows:
        return np.ones((count, 3), np.float32)
    system = np.zeros((len(rows) + count, count))
    for k, (i, j) in enumerate(rows):
        system[k, i], system[k, j] = 1, -1
    system[len(rows) :] = 1e-2 * np.eye(count)  # frames without a pair stay as they are
    target = np.concatenate([np.stack(values), np.zeros((count, 3))])
    logs = np.linalg.lstsq(system, target, rcond=None)[0]
    gains: np.ndarray = np.exp(logs - logs.mean(0)).astype(np.float32)
    return gains


def _ratio(views: Sequence[View], maps: Sequence[DepthMap], i: int, j: int, chosen: np.ndarray) -> np.ndarray | None:
    """Median logarithm of the other frame's colour over this one's, by channel, where both show the same point."""
    width = maps[i].depth.shape[1]
    v, u = np.divmod(chosen, width)
    M, t = transfer(maps[i].camera, maps[j].camera)
    inverse = 1 / maps[i].depth[v, u].astype(np.float64)
    there = M @ np.stack([u + 0.5, v + 0.5, np.ones(len(u))]) + t[:, None] * inverse
    z = there[2] / inverse
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = np.floor(there[0] / there[2]), np.floor(there[1] / there[2])
    height = maps[j].depth.shape[0]
    inside = (z > 0) & (x >= 0) & (y >= 0) & (x < width) & (y < height)
    x, y = np.where(inside, x, 0).astype(int), np.where(inside, y, 0).astype(int)
    inside &= np.abs(maps[j].depth[y, x] - z) < 0.02 * z
    a, b = views[i].color[v, u].astype(np.float64), views[j].color[y, x].astype(np.float64)
    usable = inside[:, None] & (np.minimum(a, b) > DARKEST) & (np.maximum(a, b) < BRIGHTEST)
    if usable.sum(0).min() < MIN_SAMPLES:
        return None
    return np.array([np.median(np.log(b[usable[:, k], k] / a[usable[:, k], k])) for k in range(3)])

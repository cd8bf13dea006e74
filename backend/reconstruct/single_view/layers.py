"""Where to cut a picture into a few layers of depth.

The cuts are levels of log disparity, found by dynamic programming over a histogram: layers should hold pixels of like disparity (as in
Otsu's method, 1979), a cut should run along tears, and it should cross as little continuous surface as it can.
"""

from __future__ import annotations

import numpy as np

from .edges import Tears

_BINS = 128
_CROSSING = 0.3
"""Price of a cut through continuous surface as long as the picture's side, in units of the variance explained."""
_TORN = 0.6
"""Reward of a cut that follows all tears."""
_SMALLEST = 0.03
"""Part of the picture that a layer holds at least."""


def cut_layers(disparity: np.ndarray, valid: np.ndarray, tears: Tears, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The layer of each pixel.

    Args:
        disparity: ``(H, W)`` float32.
        valid: ``(H, W)`` bool.
        tears: Between its pixels.
        count: How many layers; fewer come out where the picture has not that many different distances.

    Returns:
        ``(H, W)`` int32, without specks: 0 is the nearest; -1 where not valid. And ``(H, W)`` bool, whether the pixel's own distance is
        that of its layer.
    """
    scaled = np.log(np.maximum(disparity, 1e-12))
    low, high = (float(q) for q in np.percentile(scaled[valid], (0.2, 99.8)))
    level = np.clip((scaled - low) / max(high - low, 1e-12) * _BINS, 0, _BINS - 1).astype(np.int32)
    level[~valid] = -1
    thresholds = _thresholds(level, valid, tears, count)
    layer = np.full(disparity.shape, -1, np.int32)
    layer[valid] = len(thresholds) - np.searchsorted(thresholds, level[valid], side="right")
    clean = layer
    for _ in range(2):
        clean = _majority(clean, valid, len(thresholds) + 1)
    own = clean == layer
    present = np.unique(clean[valid])
    clean[valid] = np.searchsorted(present, clean[valid]).astype(np.int32)
    return clean, own


def _thresholds(level: np.ndarray, valid: np.ndarray, tears: Tears, count: int) -> np.ndarray:
    """Levels at which a nearer layer begins, ascending."""
    histogram = np.bincount(level[valid], minlength=_BINS).astype(np.float64)
    total = histogram.sum()
    place = np.arange(_BINS)
    sums = [np.concatenate([[0.0], np.cumsum(histogram * place**k)]) for k in range(3)]
    n, s, ss = (a[None, :] - a[:, None] for a in sums)  # [from, to)
    spread = np.where(n > 0, ss - s * s / np.maximum(n, 1), 0)
    spread = spread / max(spread[0, -1], 1e-12)
    spread[n < _SMALLEST * total] = np.inf
    whole, torn = _crossings(level, tears)
    price = _CROSSING * whole / np.sqrt(level.size) - _TORN * torn / max(1.0, torn.max())
    best = spread[0].copy()  # best[e]: cost of [0, e) in one layer
    chosen: list[np.ndarray] = []
    for _ in range(count - 1):
        options = best[:, None] + price[:, None] + spread  # [cut, end]
        chosen.append(options.argmin(0))
        best = options.min(0)
        if not np.isfinite(best[-1]):
            return _thresholds(level, valid, tears, count - 1) if count > 2 else np.array([_BINS])
    end, cuts = _BINS, []
    for choice in reversed(chosen):
        end = int(choice[end])
        cuts.append(end)
    return np.array(sorted(cuts))


def _crossings(level: np.ndarray, tears: Tears) -> tuple[np.ndarray, np.ndarray]:
    """How many pairs of neighbours a cut below each level would part: joined ones, and torn ones. ``(_BINS + 1,)`` each."""
    whole, torn = np.zeros(_BINS + 2), np.zeros(_BINS + 2)
    for jump, first, second in ((tears.right, level[:, :-1], level[:, 1:]), (tears.down, level[:-1], level[1:])):
        low, high = np.minimum(first, second), np.maximum(first, second)
        both = low >= 0
        for counts, mask in ((whole, both & (jump == 0)), (torn, both & (jump > 0))):
            counts += np.bincount(low[mask] + 1, minlength=_BINS + 2) - np.bincount(high[mask] + 1, minlength=_BINS + 2)
    return np.cumsum(whole)[: _BINS + 1], np.cumsum(torn)[: _BINS + 1]


def _majority(layer: np.ndarray, valid: np.ndarray, count: int) -> np.ndarray:
    """Each pixel takes the layer that most of its 5 x 5 neighbours have: no specks."""
    votes = []
    for k in range(count):
        mask = np.pad((layer == k).astype(np.int32), 2, mode="edge")
        sums = np.sum([mask[dy : dy + layer.shape[0]] for dy in range(5)], axis=0)
        sums = np.pad(sums[:, 2:-2], ((0, 0), (2, 2)), mode="edge")
        votes.append(np.sum([sums[:, dx : dx + layer.shape[1]] for dx in range(5)], axis=0))
    ballot = np.stack(votes) + (np.stack([layer == k for k in range(count)]) * 0.5)
    return np.where(valid, ballot.argmax(0), -1).astype(np.int32)

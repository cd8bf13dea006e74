"""From what texels observed to one colour each: gains for the frames, and a robust mean.

Gains are solved in logarithms, least squares over pairs of frames that share a texel (as in Brown and Lowe, "Automatic Panoramic Image
Stitching", 2007), reweighted so that highlights and ghosts do not count.
"""

from __future__ import annotations

import numba
import numpy as np

from ...core.color_spaces import LUMINANCE
from ...core.compiled import Real, kernel
from .observe import Observations

_f = np.float32
_RED, _GREEN, _BLUE = (_f(weight) for weight in LUMINANCE)
_SAMPLES = 200_000
_DARK = 0.004
"""Values below this (1/255 of display white and less) tell nothing of a gain."""
_SPREAD = 0.06
"""Differences of logarithms beyond this are taken for something else than exposure."""
_NOTHING = 0.002
"""Gains this near to 1 are left at 1."""
_DISAGREEMENT = 0.07
"""Part of the brightness by which an observation may miss the median before its weight halves."""
_SHARPNESS = 3.0
"""Power of the weights in the mean: the best view dominates, near ties blend."""


def gains(observations: Observations, frames: int) -> np.ndarray:
    """Factors that make the frames agree.

    Returns:
        ``(frames, 3)`` float32, around 1; all 1 where exposures agree within 0.2 % or nothing overlaps.
    """
    shared = np.flatnonzero((observations.weights > 0).sum(1) > 1)
    result = np.ones((frames, 3), np.float32)
    if frames < 2 or not len(shared):
        return result
    shared = shared[:: max(1, len(shared) // _SAMPLES)]
    colors, weights, numbers = observations.colors[shared], observations.weights[shared], observations.frames[shared]
    usable = (weights > 0) & (colors > _DARK).all(2)
    first, second, gap = [], [], []
    kept = weights.shape[1]
    logs = np.log(np.maximum(colors, _DARK))
    for i in range(kept):
        for j in range(i + 1, kept):
            both = usable[:, i] & usable[:, j]
            first.append(numbers[both, i])
            second.append(numbers[both, j])
            gap.append(logs[both, i] - logs[both, j])
    a, b, d = np.concatenate(first), np.concatenate(second), np.concatenate(gap).astype(np.float64)
    if not len(a):
        return result
    for channel in range(3):
        g = np.zeros(frames)
        for spread in (10.0, 4 * _SPREAD, 2 * _SPREAD, _SPREAD, _SPREAD):
            off = d[:, channel] + g[a] - g[b]
            w = 1 / (1 + (off / spread) ** 2) ** 2
            flat = np.bincount(a * frames + b, w, frames * frames).reshape(frames, frames)
            flat = flat + flat.T
            matrix = np.diag(flat.sum(1)) - flat
            matrix += np.eye(frames) * max(1e-3 * flat.sum() / frames, 1e-9)
            right = np.bincount(b, w * d[:, channel], frames) - np.bincount(a, w * d[:, channel], frames)
            g = np.linalg.solve(matrix, right)
        result[:, channel] = np.exp(g - np.median(g))
    if np.abs(result - 1).max() < _NOTHING:
        result[:] = 1
    return result


def blend(observations: Observations, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One colour for each texel.

    Args:
        observations: Of T texels.
        gain: ``(frames, 3)``.

    Returns:
        ``(T, 3)`` float32 scene-linear colour, and ``(T,)`` float32 confidence in 0..1: how well the best view shows the texel against
        what is usual in this atlas, and how well the views agree; 0 = no view shows it.
    """
    best = observations.weights.max(1)
    usual = float(np.median(best[best > 0])) if (best > 0).any() else 1.0
    colors = np.zeros((len(best), 3), np.float32)
    confidence = np.zeros(len(best), np.float32)
    _blend(observations.colors, observations.weights, observations.frames, gain.astype(np.float32), _f(usual), colors, confidence)
    return colors, confidence


@kernel(parallel=True)
def _blend(
    colors: np.ndarray, weights: np.ndarray, frames: np.ndarray, gain: np.ndarray, usual: Real, result: np.ndarray,
    confidence: np.ndarray,
) -> None:  # fmt: skip
    kept = weights.shape[1]
    for t in numba.prange(len(weights)):
        light = np.empty(kept, np.float32)
        total, best = _f(0), _f(0)
        for i in range(kept):
            light[i] = 0
            if weights[t, i] > 0:
                g = gain[frames[t, i]]
                light[i] = _RED * colors[t, i, 0] * g[0] + _GREEN * colors[t, i, 1] * g[1] + _BLUE * colors[t, i, 2] * g[2]
                total += weights[t, i]
                best = max(best, weights[t, i])
        if best <= 0:
            continue
        # Weighted median of brightness.
        order = np.argsort(light)
        middle, sum_below = _f(0), _f(0)
        for i in order:
            if weights[t, i] <= 0:
                continue
            middle = light[i]
            sum_below += weights[t, i]
            if sum_below >= _f(0.5) * total:
                break
        scale = _f(_DISAGREEMENT) * (abs(middle) + _f(0.02))
        weight_sum, agree = _f(0), _f(0)
        for i in range(kept):
            if weights[t, i] <= 0:
                continue
            off = (light[i] - middle) / scale
            fit = _f(1) / (_f(1) + off * off)
            agree += fit * weights[t, i]
            w = (weights[t, i] / best) ** _f(_SHARPNESS) * fit * fit
            weight_sum += w
            for k in range(3):
                result[t, k] += w * colors[t, i, k] * gain[frames[t, i], k]
        for k in range(3):
            result[t, k] /= weight_sum
        confidence[t] = best / (best + _f(0.25) * usual) * _f(1.25) * agree / total
        confidence[t] = min(confidence[t], _f(1))

"""Whether a map's wrap lines can be distinguished from its interior lines."""

from __future__ import annotations

import numpy as np


def seam_percentiles(values: np.ndarray) -> dict[str, float]:
    """Where the wrap line's mean gradient is among the interior lines', 0..100.

    First and second differences across the line, averaged along it. Invisible is 5..95: lower would be a smeared line. Of maps that tile
    perfectly one in ten still falls outside, as any one interior line would.

    Args:
        values: ``(H, W)`` that is meant to tile in x and y.

    Returns:
        Percentiles ``x``, ``y`` (first difference across the left-right and the top-bottom seam), ``x2``, ``y2`` (second difference).
    """
    result = {}
    for axis, name in ((1, "x"), (0, "y")):
        along = 1 - axis
        first = np.abs(values - np.roll(values, 1, axis)).mean(along)
        # A second difference straddles the wrap line at the first and at the last pixel.
        second = np.abs(np.roll(values, -1, axis) - 2 * values + np.roll(values, 1, axis)).mean(along)
        result[name] = _percentile(first[:1].mean(), first[1:])
        result[name + "2"] = _percentile(0.5 * (second[0] + second[-1]), 0.5 * (second[1:-2] + second[2:-1]))
    return result


def _percentile(value: float, among: np.ndarray) -> float:
    return float(100 * ((among < value).mean() + 0.5 * (among == value).mean()))

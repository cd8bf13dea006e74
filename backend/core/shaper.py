"""An invertible curve from scene-linear light to numbers in which equal steps look alike, highlights included."""

from __future__ import annotations

import numpy as np

from .color import to_linear, to_srgb

_SLOPE = 1.055 / 2.4
"""Slope of the sRGB curve at 1, where the logarithm takes over."""


def shape_linear(linear: np.ndarray) -> np.ndarray:
    """Scene-linear light to display-like numbers: the sRGB curve up to 1, a logarithm of the same slope above; odd about 0.

    Args:
        linear: Any shape, float, any range.

    Returns:
        float32, same shape; 1 stays 1 and 1000 becomes 4.0.
    """
    x = np.abs(np.asarray(linear, np.float32))
    y = np.where(x <= 1, to_srgb(np.minimum(x, 1)), 1 + _SLOPE * np.log(np.maximum(x, 1)))
    return np.copysign(y, linear).astype(np.float32)


def unshape_linear(shaped: np.ndarray) -> np.ndarray:
    """The inverse of ``shape_linear``."""
    y = np.abs(np.asarray(shaped, np.float32))
    x = np.where(y <= 1, to_linear(np.minimum(y, 1)), np.exp((np.maximum(y, 1) - 1) / _SLOPE))
    return np.copysign(x, shaped).astype(np.float32)

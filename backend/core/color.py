"""The sRGB transfer curve, and the way between stored and floating pixels."""

from __future__ import annotations

import numpy as np


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """Undoes the sRGB curve (IEC 61966-2-1): display-encoded 0..1 to linear light.

    Args:
        srgb: Any shape, float. Values beyond 0..1 go on along the curve; the curve is odd about 0.

    Returns:
        float32, same shape.
    """
    x = np.abs(np.asarray(srgb, np.float32))
    y = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return np.copysign(y, srgb).astype(np.float32)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Applies the sRGB curve (IEC 61966-2-1): linear light to display-encoded; the inverse of ``to_linear``.

    Args:
        linear: Any shape, float.

    Returns:
        float32, same shape.
    """
    x = np.abs(np.asarray(linear, np.float32))
    y = np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.copysign(y, linear).astype(np.float32)


def to_float(pixels: np.ndarray) -> np.ndarray:
    """Stored pixels as float32; integer types become 0..1, floats keep their values."""
    if np.issubdtype(pixels.dtype, np.integer):
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return pixels.astype(np.float32)


def from_float(values: np.ndarray, dtype: np.dtype | type | str) -> np.ndarray:
    """Float pixels in a storage type: integers are clipped to 0..1 and rounded, halves are clipped to what a half can hold."""
    kind = np.dtype(dtype)
    if np.issubdtype(kind, np.integer):
        top = np.iinfo(kind).max
        return np.rint(np.clip(values, 0.0, 1.0).astype(np.float64) * top).astype(kind)
    if kind == np.float16:
        limit = np.finfo(np.float16).max
        return np.clip(values, -limit, limit).astype(np.float16)
    return values.astype(kind)


def associate(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colour times alpha; what is not finite stays as it is, but for colour behind an alpha of 0, which is nothing."""
    with np.errstate(invalid="ignore", over="ignore"):
        product = color * alpha
    product = np.where(alpha == 1, color, product)
    return np.where((alpha == 0) & ~np.isfinite(color), np.float32(0), product).astype(np.float32)


def to_half(values: np.ndarray) -> np.ndarray:
    """Float32 as half, rounded to the nearest: finite numbers stay finite, infinity and NaN stay."""
    limit = np.float32(np.finfo(np.float16).max)
    finite = np.isfinite(values)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(finite, np.clip(values, -limit, limit), values).astype(np.float16)

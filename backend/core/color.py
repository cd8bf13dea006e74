"""The sRGB transfer curve, and the way between stored and floating pixels. Without torch: the command line and the supervisor use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    import torch

_DISPLAY_STEP, _LINEAR_STEP = 0.04045, 0.0031308
"""Where the straight part of the curve ends (IEC 61966-2-1), display-encoded and linear."""


@overload
def to_linear(srgb: torch.Tensor) -> torch.Tensor: ...
@overload
def to_linear(srgb: np.ndarray | np.floating[Any]) -> np.ndarray: ...
def to_linear(srgb: Any) -> Any:
    """Undoes the sRGB curve (IEC 61966-2-1): display-encoded 0..1 to linear light.

    The bytes are those of ``kornia.color.rgb_to_linear_rgb``, which takes three channels and tensors only.

    Args:
        srgb: Any shape, float. Values above 1 go on along the curve. Below 0 an array's values mirror it (the curve is odd about 0) and a
            tensor's go on along the straight part; the gradient is finite everywhere.

    Returns:
        Same shape; float32 for arrays, the same dtype for tensors.
    """
    if isinstance(srgb, np.ndarray | np.generic):
        return np.copysign(_decoded(np.abs(np.asarray(srgb, np.float32)), np.where), srgb).astype(np.float32)
    return _decoded(srgb, _where)


@overload
def to_srgb(linear: torch.Tensor) -> torch.Tensor: ...
@overload
def to_srgb(linear: np.ndarray | np.floating[Any]) -> np.ndarray: ...
def to_srgb(linear: Any) -> Any:
    """Applies the sRGB curve (IEC 61966-2-1): linear light to display-encoded; the inverse of ``to_linear``.

    The bytes are those of ``kornia.color.linear_rgb_to_rgb``.

    Args:
        linear: Any shape, float, see ``to_linear``.

    Returns:
        Same shape; float32 for arrays, the same dtype for tensors.
    """
    if isinstance(linear, np.ndarray | np.generic):
        return np.copysign(_encoded(np.abs(np.asarray(linear, np.float32)), np.where), linear).astype(np.float32)
    return _encoded(linear, _where)


def _decoded(x: Any, where: Any) -> Any:
    curved = x.clip(_DISPLAY_STEP, None)  # a power of less would have no finite gradient
    return where(x <= _DISPLAY_STEP, x / 12.92, ((curved + 0.055) / 1.055) ** 2.4)


def _encoded(x: Any, where: Any) -> Any:
    curved = x.clip(_LINEAR_STEP, None)
    return where(x <= _LINEAR_STEP, x * 12.92, 1.055 * curved ** (1 / 2.4) - 0.055)


def _where(condition: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``torch.where`` by the tensors' own method, so that torch need not be imported here."""
    return a.where(condition, b)


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


def associate(color: np.ndarray, alpha: np.ndarray, *, light: bool) -> np.ndarray:
    """Colour times alpha; what is not finite stays as it is.

    Args:
        color: ``(..., C)`` float32, scene-linear.
        alpha: ``(..., 1)`` float32.
        light: Whether colour behind an alpha of 0 is light without alpha, such as glow or fire, and stays; else it is nothing and
            becomes 0. It is light in pictures that are ``linear``.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        product = color * alpha
    product = np.where(alpha == 1, color, product)
    return np.where(alpha == 0, color if light else np.float32(0), product).astype(np.float32)


def to_half(values: np.ndarray) -> np.ndarray:
    """Float32 as half, rounded to the nearest: finite numbers stay finite, infinity and NaN stay."""
    limit = np.float32(np.finfo(np.float16).max)
    finite = np.isfinite(values)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(finite, np.clip(values, -limit, limit), values).astype(np.float16)

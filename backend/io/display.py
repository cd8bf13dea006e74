"""Pictures as a screen shows them: 8 bits, sRGB, over black."""

from __future__ import annotations

import functools

import numpy as np

from ...shared.errors import InputError
from ...shared.values import Image
from .alpha import over_black
from .writing import stored


def displayed(image: Image, name: str) -> np.ndarray:
    """What a person sees of a picture: as in a PNG of it, without its alpha.

    Scene-linear light goes through the sRGB curve, what is brighter than 1 is white, NaN is black. Alpha is laid over black in linear
    light, so that a PNG and an EXR of the same picture look alike. Data such as masks is shown as it is, 0 black and 1 white.

    Args:
        image: 1, 3 or 4 channels, any type and colour space.
        name: What to call it in messages.

    Returns:
        ``(H, W, 3)`` uint8, display-encoded sRGB.

    Raises:
        InputError: Another number of channels.
    """
    count = image.pixels.shape[2]
    if count not in (1, 3, 4):
        raise InputError(expected=f"{name} to have 1, 3 or 4 channels", got=str(count), fix="Save it as grayscale, RGB or RGBA")
    image = over_black(image)
    pixels = image.pixels[..., :3]
    if pixels.dtype == np.float16 and image.color_space == "linear":
        shown = _of_halves()[pixels.view(np.uint16)]
    else:
        shown = _shown(pixels, image.color_space)
    return np.ascontiguousarray(np.broadcast_to(shown, (*shown.shape[:2], 3)))


def _shown(pixels: np.ndarray, color_space: str) -> np.ndarray:
    if np.issubdtype(pixels.dtype, np.floating) and not np.isfinite(pixels).all():
        pixels = np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0)
    return stored(Image(pixels, color_space), "jpg")[0]


@functools.cache
def _of_halves() -> np.ndarray:
    """What every half looks like, ``(65536,)`` uint8 by its bits: ten times as quick as the curve, and the same."""
    return _shown(np.arange(65536, dtype=np.uint16).view(np.float16).reshape(256, 256, 1), "linear").reshape(-1)

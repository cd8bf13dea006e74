"""Checks of pixels that image operations share; each says what an artist can do."""

from __future__ import annotations

import numpy as np

from ...shared.errors import InputError
from ...shared.values import Image
from .alpha import mask_values


def check_pixels(image: Image, name: str, minimum: int = 1, channels: tuple[int, ...] | None = (1, 3, 4), *, finite: bool = True) -> None:
    """Raises ``InputError`` unless the pixels can be worked on.

    Args:
        image: What was given.
        name: What to call it in messages, such as ``"style"``.
        minimum: Smallest allowed width and height in pixels.
        channels: Allowed numbers of channels; None allows any.
        finite: Whether NaN and infinity are refused.
    """
    height, width, count = image.pixels.shape
    if height < minimum or width < minimum:
        raise InputError(
            expected=f"the {name} to be at least {minimum} x {minimum} pixels", got=f"{width} x {height}", fix="Use a larger image"
        )
    if channels is not None and count not in channels:
        allowed = ", ".join(str(c) for c in channels)
        raise InputError(expected=f"the {name} to have one of {allowed} channels", got=f"{count}", fix="Save it as grayscale, RGB or RGBA")
    if finite and np.issubdtype(image.pixels.dtype, np.floating) and not np.isfinite(image.pixels).all():
        bad = int((~np.isfinite(image.pixels).all(axis=2)).sum())
        raise InputError(
            expected=f"the {name} to hold finite numbers",
            got=f"NaN or infinity in {bad} of {height * width} pixels",
            fix="Render it again, or replace those pixels in the compositor",
        )


def check_mask(mask: Image, size: tuple[int, int]) -> np.ndarray:
    """The mask as ``(H, W)`` float32 in 0..1, or ``InputError`` when it does not fit.

    Args:
        mask: See ``alpha.mask_values``.
        size: ``(height, width)`` that it has to have.
    """
    check_pixels(mask, "mask", channels=(1, 3, 4))
    if mask.pixels.shape[:2] != size:
        got = f"{mask.pixels.shape[1]} x {mask.pixels.shape[0]}"
        raise InputError(
            expected=f"a mask as large as the content, {size[1]} x {size[0]} pixels", got=got, fix="Render the mask at that size"
        )
    return mask_values(mask, "mask")

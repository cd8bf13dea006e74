"""Checks of pixels that image operations share; each says what an artist can do."""

from __future__ import annotations

import numpy as np

from ...shared.errors import InputError
from ...shared.values import Image
from ..core.camera import check_aspect
from .alpha import mask_values
from .frames.sizes import at_size, note_size


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
    """The mask as ``(H, W)`` float32 in 0..1; one of another size and the same shape is brought to the size, with a note.

    Args:
        mask: See ``alpha.mask_values``.
        size: ``(height, width)`` of what it is for.

    Raises:
        InputError: Another shape, NaN or infinity.
    """
    check_pixels(mask, "mask", channels=(1, 3, 4))
    values = mask_values(mask, "mask")
    height, width = values.shape
    if (height, width) == size:
        return values
    check_aspect((width, height), size[::-1], "the mask", "the content", "Render the mask with that shape")
    note_size("the mask", (width, height), "the content", size[::-1], "")
    return np.ascontiguousarray(at_size("mask", Image(values[..., None], "data"), size[1], size[0], strict=False).pixels[..., 0])

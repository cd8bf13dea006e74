"""Transparent pixels of pictures of materials: their colour never counts."""

from __future__ import annotations

import numpy as np

from ...shared.errors import InputError
from ...shared.notes import note
from ...shared.values import Image
from ..core.color import from_float, to_float
from ..core.fill import fill_holes

SOLID = 0.5
"""Alpha below which a pixel of a material's picture is a hole."""
MOST_HOLES = 0.02
"""Share of holes above which a picture of a material is a cut-out."""


def without_alpha(image: Image, name: str) -> Image:
    """A picture of a material without its alpha: few holes take the colours around them, many are refused.

    Args:
        image: 1 to 4 channels.
        name: What to call it in messages, such as ``photo``.

    Raises:
        InputError: A cut-out.
    """
    if image.pixels.shape[2] != 4:
        return image
    solid = to_float(image.pixels[..., 3]) >= SOLID
    share = 1 - float(solid.mean())
    if share > MOST_HOLES:
        raise InputError(expected=f"a {name} that fills its picture", got=f"alpha that hides {share:.1%} of it",
                         fix="Crop it to what is opaque, or fill it and save it without alpha")  # fmt: skip
    color = image.pixels[..., :3]
    if share:
        note(f"transparent pixels of the {name} take the colours around them: {int((~solid).sum())} of {solid.size}")
        color = _filled(color, solid)
    return Image(np.ascontiguousarray(color), image.color_space)


def with_filled_holes(image: Image) -> Image:
    """A picture whose alpha stays, but whose transparent pixels have the colours around them: what is hidden there counts for nothing."""
    if image.pixels.shape[2] != 4 or image.color_space == "data":
        return image
    solid = to_float(image.pixels[..., 3]) > 0
    if solid.all() or not solid.any():
        return image
    filled = _filled(image.pixels[..., :3], solid)
    return Image(np.ascontiguousarray(np.concatenate([filled, image.pixels[..., 3:]], axis=2)), image.color_space)


def _filled(color: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Colours ``(H, W, 3)`` of any type, those that are not solid from around them."""
    filled = from_float(fill_holes(to_float(color), solid), color.dtype)
    return np.where(solid[..., None], color, filled)

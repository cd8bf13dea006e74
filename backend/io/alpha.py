"""What alpha means, by the kind of input; docs/formats.md has the rules in words."""

from __future__ import annotations

import numpy as np

from ...shared.notes import note
from ...shared.values import Image
from ..core.color import associate, from_float, to_float, to_linear


def unassociate(pixels: np.ndarray, *, exact: bool = False) -> np.ndarray:
    """Divides colour by alpha (the last channel) where alpha is above 0; infinity and NaN stay, and light without alpha.

    Args:
        pixels: ``(H, W, 2 or 4)``.
        exact: Whether halves become float32 where there is an alpha between 0 and 1, so that they come back to the bit when they
            are multiplied again; else the storage type stays, unless it cannot hold the light.
    """
    alpha = to_float(pixels[..., -1:])
    soft = (alpha > 0) & (alpha != 1)
    if not soft.any():
        return pixels
    color = to_float(pixels[..., :-1])
    with np.errstate(over="ignore"):
        color = np.divide(color, alpha, out=color, where=soft)
    if pixels.dtype == np.float16 and (exact or bool((np.abs(color) > np.finfo(np.float16).max).any())):
        return np.concatenate([color, alpha], axis=2)
    odd = ~np.isfinite(pixels[..., :-1]) if pixels.dtype.kind == "f" else np.zeros(1, bool)
    return np.concatenate([np.where(odd, pixels[..., :-1], from_float(color, pixels.dtype)), pixels[..., -1:]], axis=2)


def straight(image: Image) -> Image:
    """A picture that was stored with straight alpha: in linear light, colour behind an alpha of 0 is not light, and becomes 0."""
    if image.pixels.shape[2] != 4 or image.color_space != "linear" or image.pixels.dtype.kind != "f":
        return image
    hidden = image.pixels[..., 3] == 0
    if not bool((hidden & (image.pixels[..., :3] != 0).any(2)).any()):
        return image
    pixels = image.pixels.copy()
    pixels[hidden] = 0
    return Image(pixels, image.color_space)


def over_black(image: Image) -> Image:
    """What is seen of a colour picture over black, in linear light and without its alpha; opaque pictures keep their numbers."""
    if image.pixels.shape[2] != 4 or image.color_space == "data":
        return image
    alpha = to_float(image.pixels[..., 3:])
    if alpha.min() >= 1:
        return Image(image.pixels[..., :3], image.color_space)
    color, light = to_float(image.pixels[..., :3]), image.color_space == "linear"
    return Image(associate(color if light else to_linear(color), alpha, light=light), "linear")


def transparent(alpha: np.ndarray) -> np.ndarray:
    """Where an alpha of any type is 0, bool; nowhere if it is 0 everywhere: such an alpha says nothing, and the light counts."""
    hidden = alpha == 0
    return hidden if not hidden.all() else np.zeros_like(hidden)


def mask_values(image: Image, name: str = "") -> np.ndarray:
    """A picture as a mask: what is to be seen of it over black, the mean of its colour channels as they are stored.

    Where alpha is 0 everywhere it does not count; where the colour is black everywhere, alpha is the mask. Both are noted.

    Args:
        image: 1 to 4 channels; NaN is 0. Whole numbers of 0 and 1 are no and yes.
        name: For notes.

    Returns:
        ``(H, W)`` float32 in 0..1.
    """
    flags = image.pixels.dtype.kind == "u" and image.pixels[..., :3].max(initial=0) == 1  # no and yes
    values = image.pixels.astype(np.float32) if flags else np.nan_to_num(to_float(image.pixels), nan=0.0, posinf=1.0, neginf=0.0)
    count = values.shape[2]
    color = values[..., : 3 if count > 2 else 1].mean(-1)
    if count in (2, 4) and image.color_space != "data":
        alpha = values[..., -1]
        light = (alpha == 0) & (image.color_space == "linear")  # light without alpha is seen
        if not bool((alpha > 0).any()):
            if image.color_space != "linear" and bool((color > 0).any()):
                note("the mask is transparent everywhere: its alpha is left out, its colour counts", name)
        elif not bool((color > 0).any()) and bool((alpha < 1).any()):
            note("the mask is black everywhere: its alpha counts", name)
            color = alpha
        else:
            color = np.where(light, color, color * alpha)
    result: np.ndarray = np.clip(color, 0, 1).astype(np.float32)
    return result

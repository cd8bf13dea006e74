"""Channels of a frame at one size: each may have its own, of the same picture."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from ....shared.notes import note
from ....shared.values import Image
from ...core.color import to_float, to_linear

NEAREST = ("depth", "object_id", "motion", "position")
"""Fields whose numbers must not be mixed across edges."""


def at_size(name: str, image: Image, width: int, height: int, *, strict: bool) -> Image:
    """A channel at another size in pixels; itself if it has that.

    Ids, depth, rest positions and motion take the nearest pixel, motion scaled to pixels of the new size. Everything else is averaged
    where it becomes smaller and interpolated where it becomes larger, colour in linear light. Normals have length 1 again. In a mask that
    is strict every pixel that is touched must be above 0, and it is 1 then or 0.

    Args:
        name: Field of ``Frame``.
        image: The channel; masks and confidence as floats in 0..1.
        width: Pixels across.
        height: Pixels down.
        strict: Whether pixels become points, so that a mask keeps none of which a part is masked out.
    """
    rows, columns = image.pixels.shape[:2]
    if (columns, rows) == (width, height):
        return image
    if name in NEAREST:
        v = np.minimum(((np.arange(height) + 0.5) * rows / height).astype(np.int64), rows - 1)
        u = np.minimum(((np.arange(width) + 0.5) * columns / width).astype(np.int64), columns - 1)
        pixels = image.pixels[v[:, None], u]
        if name == "motion":
            ratio = np.array([width / columns, height / rows] * 2, np.float32)
            pixels = pixels[..., :4].astype(np.float32) * ratio
        return Image(np.ascontiguousarray(pixels), image.color_space)
    if name == "mask" and strict:
        kept = _averaged((image.pixels[..., :1] > 0).astype(np.float32), width, height, exact=True)
        return Image((kept >= 1 - 1e-6).astype(np.float32), "data")
    values = np.nan_to_num(to_float(image.pixels), nan=0.0, posinf=0.0, neginf=0.0)
    if name == "normal" and image.pixels.dtype.kind == "u":
        values = values[..., :3] * 2 - 1
    elif image.color_space == "srgb":
        colors = values.shape[2] - (values.shape[2] in (2, 4))
        values = np.concatenate([to_linear(values[..., :colors]), values[..., colors:]], 2)
        image = Image(values, "linear")
    alpha = values[..., -1:] if name != "normal" and values.shape[2] in (2, 4) else None
    if alpha is not None:  # colour of transparent pixels is nothing
        values = np.concatenate([values[..., :-1] * alpha, alpha], 2)
    pixels = _averaged(values, width, height)
    if alpha is not None:
        pixels[..., :-1] /= np.maximum(pixels[..., -1:], 1e-12)
    if name == "normal":
        pixels = pixels / np.maximum(np.linalg.norm(pixels[..., :3], axis=2, keepdims=True), 1e-12)
    return Image(np.ascontiguousarray(pixels, np.float32), image.color_space)


def note_size(what: str, size: tuple[int, int], other: str, other_size: tuple[int, int], where: str) -> None:
    """Notes that a channel was brought to another's size; sizes are width and height."""
    note(f"{what} of {size[0]} x {size[1]} pixels was brought to the {other_size[0]} x {other_size[1]} of {other}", where)


def _averaged(values: np.ndarray, width: int, height: int, exact: bool = False) -> np.ndarray:
    """``(H, W, C)`` float32: the mean of the pixels that are touched where there are fewer or it is to be exact, else interpolated."""
    planes = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]
    if exact or (height <= values.shape[0] and width <= values.shape[1]):
        made = F.interpolate(planes, (height, width), mode="area")
    else:
        made = F.interpolate(planes, (height, width), mode="bilinear", antialias=True, align_corners=False)
    return made[0].permute(1, 2, 0).contiguous().numpy()

"""What every style operation does around one picture: checks, strength, mask, alpha, highlights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from ....shared.errors import InputError
from ....shared.notes import note
from ....shared.values import Image
from ...core.context import Context
from ...core.fill import fill_outside
from ...io.alpha import transparent
from ...io.checks import check_mask, check_pixels
from ...io.tensors import from_planes, preview, to_planes

_CEILING = 65504.0
"""What stands in for infinite light: the largest half."""
Paint = Callable[[torch.Tensor], torch.Tensor]
"""From display-like content ``(C, H, W)`` to the painted picture."""


def restyle(content: Image, mask: Image | None, strength: float, minimum: int, context: Context, paint: Paint) -> Image:
    """Paints a picture and mixes paint and content.

    Where the strength, the mask or alpha is 0 the content's numbers come back bit for bit, light without alpha too. Alpha passes
    through. Light above 1 and below 0 in scene-linear content is set aside and put back, so that highlights stay. What is transparent
    takes the colours around it before it is painted, so that it does not count in the match of tones. NaN is painted as 0, infinity as
    white, and noted.

    Args:
        content: What is painted.
        mask: Where, or None for everywhere.
        strength: 0..1.
        minimum: Least width and height in pixels.
        context: Of the job.
        paint: What paints; it is given all colour channels, and may give three for one.

    Raises:
        InputError: Too small, not colour, or a mask of another size.
    """
    check_color(content, "content", minimum, finite=False)
    size = (content.pixels.shape[0], content.pixels.shape[1])
    amount_map = None if mask is None else check_mask(mask, size)
    if strength == 0 or (amount_map is not None and not amount_map.any()):
        return content
    whole = to_planes(finite(content, "content"), context.device)
    color, alpha = whole[:3], whole[3:]
    painted = paint(fill_outside(color, alpha) if len(alpha) else color)
    amount = torch.full(size, strength) if amount_map is None else strength * torch.from_numpy(amount_map)
    base = color.clamp(0, 1)
    mixed = base + amount.to(context.device) * (painted - base) + (color - base)
    context.progress(0.98, "mixing", preview(mixed, content.color_space))
    result = from_planes(torch.cat([mixed, alpha]), content)
    untouched = np.zeros(size, bool) if amount_map is None else amount_map == 0
    if len(alpha):
        untouched |= transparent(content.pixels[..., 3])
    return _restored(result, content, untouched)


def report_to(context: Context) -> Callable[[float, str, torch.Tensor | None], None]:
    """Reports the painting, which is all but the last of the work, with previews in sRGB."""

    def report(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
        context.progress(0.97 * fraction, stage, None if picture is None else preview(picture, "srgb"))

    return report


def finite(content: Image, name: str) -> Image:
    """A render as a painter takes it: NaN and negative infinity as 0, infinity as the largest half; noted if there are any."""
    if content.pixels.dtype.kind != "f":
        return content
    bad = ~np.isfinite(content.pixels).all(axis=2)
    if not bad.any():
        return content
    note(f"{int(bad.sum())} pixels of the {name} are NaN or infinite; the paint takes them for 0 or white")
    return Image(np.nan_to_num(content.pixels, nan=0.0, posinf=_CEILING, neginf=0.0), content.color_space)


def check_color(image: Image, name: str, minimum: int, *, finite: bool = True) -> None:
    """Raises ``InputError`` unless the picture is colour, large enough and, if that is asked for, finite."""
    check_pixels(image, name, minimum=minimum, finite=finite)
    if image.color_space == "data":
        raise InputError(expected=f"the {name} to be a colour picture", got="data such as depth or ids", fix="Give a colour image")


def check_visible(alpha: torch.Tensor, name: str) -> None:
    """Raises ``InputError`` when a style is transparent everywhere."""
    if not bool((alpha > 0).any()):
        raise InputError(
            expected=f"the {name} to have opaque pixels", got="a picture that is transparent everywhere", fix="Save it without alpha"
        )


def style_planes(inputs: Mapping[str, Any], name: str, minimum: int, context: Context) -> torch.Tensor:
    """A style picture as planes without alpha, checked; what is transparent takes the colours around it."""
    check_color(inputs[name], name, minimum)
    planes = to_planes(inputs[name], context.device)
    if planes.shape[0] < 4:
        return planes
    check_visible(planes[3:], name)
    return fill_outside(planes[:3], planes[3:])


def _restored(result: Image, content: Image, untouched: np.ndarray) -> Image:
    """Puts the content's own numbers back: alpha everywhere, all channels where nothing was to change."""
    pixels = result.pixels
    if content.pixels.shape[2] == 4:
        pixels[..., 3] = content.pixels[..., 3]
    if untouched.any():
        original = np.broadcast_to(content.pixels[..., : pixels.shape[2]], pixels.shape) if content.pixels.shape[2] == 1 else content.pixels
        pixels[untouched] = original[untouched]
    return Image(pixels, content.color_space)

"""``style.image``: one image painted in the manner of another. Parameters: ``shared/operations/style_image.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ...shared.errors import InputError
from ...shared.values import Image
from ..context import Context
from ..imaging import check_mask, check_pixels, from_planes, preview, to_planes
from ..synthesis import pyramid
from ..synthesis.color_match import apply_curve, curve_between, luminance
from ..synthesis.style import LEAST_SIDE, paint

_VARIETY = 0.35
"""How strongly over-used strokes are avoided; above 0.6 strokes begin to contradict the content."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Paints ``image``.

    Where the strength or the mask is 0 the content's pixels come back bit for bit. Alpha passes through. Light above 1 and below 0
    in scene-linear content is set aside and put back, so that highlights stay.

    Raises:
        InputError: Pictures too small, with NaN or infinity, not colour, or a mask of another size.
    """
    content: Image = inputs["content"]
    style: Image = inputs["style"]
    for name, image in (("content", content), ("style", style)):
        check_pixels(image, name, minimum=LEAST_SIDE)
        if image.color_space == "data":
            raise InputError(expected=f"the {name} to be a colour picture", got="data such as depth or ids", fix="Give a colour image")
    strength = float(parameters["strength"])
    size = content.pixels.shape[:2]
    mask = None if inputs.get("mask") is None else check_mask(inputs["mask"], (size[0], size[1]))
    if strength == 0 or (mask is not None and not mask.any()):
        return {"image": content}
    keep = parameters["color"] == "keep"
    whole = to_planes(content, context.device)
    alpha = whole[3:]
    color, model = whole[:3], to_planes(style, context.device)[:3]
    if keep:
        painted = _keep_colors(color, model, parameters, context, content)
    else:
        channels = max(color.shape[0], model.shape[0])
        color, model = (t.expand(channels, -1, -1) for t in (color, model))
        painted = _paint(color.clamp(0, 1), model.clamp(0, 1), parameters, context)
    amount = torch.full(size, strength) if mask is None else strength * torch.from_numpy(mask)
    base = color.clamp(0, 1)
    mixed = base + amount.to(context.device) * (painted - base) + (color - base)
    context.progress(0.98, "mixing", preview(mixed, content.color_space))
    result = from_planes(torch.cat([mixed, alpha]), content)
    untouched = None if mask is None else mask == 0
    return {"image": _restore(result, content, untouched)}


def _paint(color: torch.Tensor, model: torch.Tensor, parameters: Mapping[str, Any], context: Context) -> torch.Tensor:
    def report(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
        context.progress(0.97 * fraction, stage, None if picture is None else preview(picture, "srgb"))

    generator = torch.Generator().manual_seed(context.seed & (2**63 - 1))
    return paint(color, model, float(parameters["stroke_size"]), float(parameters["structure"]), _VARIETY, generator, report)


def _keep_colors(color: torch.Tensor, model: torch.Tensor, parameters: Mapping[str, Any], context: Context, content: Image) -> torch.Tensor:
    """The style's strokes in luminance, carried back to the content's range; the content's colour differences, softened to a stroke."""
    base = color.clamp(0, 1)
    light, model_light = luminance(base), luminance(model.clamp(0, 1))
    painted = _paint(light, model_light, parameters, context)
    painted = apply_curve(painted, *curve_between(painted, light))
    chroma = base - light
    factor = max(1.0, float(parameters["stroke_size"]) / 100 * base.shape[1] / 3)
    small = pyramid.size_at((base.shape[1], base.shape[2]), 1 / factor, 1)
    soft = pyramid.resize(pyramid.resize(chroma, small), (base.shape[1], base.shape[2]))
    return (painted + soft).clamp(0, 1)


def _restore(result: Image, content: Image, untouched: np.ndarray | None) -> Image:
    """Puts the content's own numbers back: alpha everywhere, all channels where nothing was to change."""
    pixels = result.pixels
    if content.pixels.shape[2] == 4:
        pixels[..., 3] = content.pixels[..., 3]
    if untouched is not None:
        original = np.broadcast_to(content.pixels[..., : pixels.shape[2]], pixels.shape) if content.pixels.shape[2] == 1 else content.pixels
        pixels[untouched] = original[untouched]
    return Image(pixels, content.color_space)

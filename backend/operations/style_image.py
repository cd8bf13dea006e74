"""``style.image``: one image painted in the manner of another. Parameters: ``shared/operations/style_image.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...shared.values import Image
from ..context import Context
from ..imaging import preview
from ..style.still import restyle, style_planes
from ..synthesis import pyramid
from ..synthesis.color_match import apply_curve, curve_between, luminance
from ..synthesis.style import LEAST_SIDE, paint

_VARIETY = 0.35
"""How strongly over-used strokes are avoided; above 0.6 strokes begin to contradict the content."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Paints ``image``; strength, mask, alpha and highlights as in ``style.still.restyle``.

    Raises:
        InputError: Pictures too small, with NaN or infinity, not colour, or a mask of another size.
    """
    content: Image = inputs["content"]
    model = style_planes(inputs, "style", LEAST_SIDE, context)
    keep = parameters["color"] == "keep"

    def painted(color: torch.Tensor) -> torch.Tensor:
        if keep:
            return _keep_colors(color, model, parameters, context)
        channels = max(color.shape[0], model.shape[0])
        return _paint(color.expand(channels, -1, -1).clamp(0, 1), model.expand(channels, -1, -1).clamp(0, 1), parameters, context)

    return {"image": restyle(content, inputs.get("mask"), float(parameters["strength"]), LEAST_SIDE, context, painted)}


def _paint(color: torch.Tensor, model: torch.Tensor, parameters: Mapping[str, Any], context: Context) -> torch.Tensor:
    def report(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
        context.progress(0.97 * fraction, stage, None if picture is None else preview(picture, "srgb"))

    generator = torch.Generator().manual_seed(context.seed & (2**63 - 1))
    return paint(color, model, float(parameters["stroke_size"]), float(parameters["structure"]), _VARIETY, generator, report)


def _keep_colors(color: torch.Tensor, model: torch.Tensor, parameters: Mapping[str, Any], context: Context) -> torch.Tensor:
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

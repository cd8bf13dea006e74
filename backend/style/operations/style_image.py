"""``style.image``: one image painted in the manner of others. Parameters: ``shared/operations/style_image.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ....shared.values import Image
from ...core.color_match import apply_curve, curve_between
from ...core.color_spaces import luminance
from ...core.context import Context
from ...core.fill import fill_outside
from ...io.checks import check_mask
from ...io.tensors import to_planes
from ..image import directions
from ..image.painting import LEAST_SIDE, Direction, Model, paint
from ..image.still import check_color, check_visible, report_to, restyle

_VARIETY = 0.35
"""How strongly over-used strokes are avoided; above 0.6 strokes begin to contradict the content."""
_OPAQUE = 0.999
_LEAST_OPAQUE = 0.05
"""Part of a style that must be opaque for its transparent pixels to be left out; of less they are filled from what is around them."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Paints ``image``; strength, mask, alpha and highlights as in ``style/image/still.restyle``.

    Raises:
        InputError: Pictures too small, with NaN or infinity, not colour; a mask, ids or passes of another size; ids that are not there.
        ParameterError: Weights or regions that cannot be read.
    """
    content: Image = inputs["content"]
    check_color(content, "content", LEAST_SIDE, finite=False)
    size = (int(content.pixels.shape[0]), int(content.pixels.shape[1]))
    styles = [inputs["style"], *(inputs.get("styles") or [])]
    models = [_model(style, "style" if number == 0 else f"style {number}", context) for number, style in enumerate(styles)]
    weights = directions.read_weights(parameters["weights"], len(models))
    geometry = directions.read_geometry(inputs, parameters["region_ids"], size, context.device)
    regions = directions.read_regions(parameters["regions"], geometry.ids, len(models))
    mask = inputs.get("mask")
    if regions is not None and bool(regions[1].any()):
        mask = _without(mask, directions.coverage(regions[1].long(), 2)[1], size)

    def direct(color: torch.Tensor) -> Direction:
        owners = coverage = None
        if regions is not None:
            owners, coverage = regions[0], directions.coverage(regions[0], len(models))
        elif len(models) > 1:
            cell = directions.part_size(float(parameters["stroke_size"]) / 100 * size[0])
            generator = torch.Generator().manual_seed(context.seed & (2**63 - 1))
            owners = directions.shared_out(color, weights, cell, generator)
        return Direction(
            edges=float(parameters["edges"]),
            detail=float(parameters["detail"]),
            flow=str(parameters["orientation"]),
            angle=float(parameters["angle"]),
            geometry=geometry.planes,
            owners=owners,
            coverage=coverage,
        )

    def painted(color: torch.Tensor) -> torch.Tensor:
        direction = direct(color.clamp(0, 1))
        if parameters["color"] != "replace":
            return _content_colors(color, models, direction, parameters, context)
        channels = max([color.shape[0], *(m.planes.shape[0] for m in models)])
        colored = [Model(m.planes.expand(channels, -1, -1), m.usable) for m in models]
        return _paint(color.expand(channels, -1, -1).clamp(0, 1), colored, direction, parameters, context)

    return {"image": restyle(content, mask, float(parameters["strength"]), LEAST_SIDE, context, painted)}


def _model(style: Image, name: str, context: Context) -> Model:
    """A style picture; what is transparent is no source, and takes the colours around it."""
    check_color(style, name, LEAST_SIDE)
    planes = to_planes(style, context.device)
    color = planes[:3].clamp(0, 1)
    if planes.shape[0] < 4 or bool((planes[3] >= _OPAQUE).all()):
        return Model(color)
    alpha = planes[3:].clamp(0, 1)
    check_visible(alpha, name)
    usable = (alpha >= _OPAQUE).float()
    return Model(fill_outside(color, alpha), usable if float(usable.mean()) >= _LEAST_OPAQUE else None)


def _without(mask: Image | None, kept: torch.Tensor, size: tuple[int, int]) -> Image:
    """The mask less what stays as it is."""
    values = np.ones(size, np.float32) if mask is None else check_mask(mask, size)
    return Image((values * (1 - kept.cpu().numpy())).astype(np.float32)[..., None], "data")


def _paint(
    color: torch.Tensor, models: Sequence[Model], direction: Direction, parameters: Mapping[str, Any], context: Context
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(context.seed & (2**63 - 1))
    stroke, structure = float(parameters["stroke_size"]), float(parameters["structure"])
    return paint(color, models, stroke, structure, _VARIETY, generator, report_to(context), direction=direction)


def _content_colors(
    color: torch.Tensor, models: Sequence[Model], direction: Direction, parameters: Mapping[str, Any], context: Context
) -> torch.Tensor:
    """The style's strokes in luminance with the content's colours.

    ``keep`` carries the luminance back to the content's range and softens the colours to a stroke; ``luminance`` leaves the style's
    luminance as it is and the content's differences of colour exactly as they are.
    """
    base = color.clamp(0, 1)
    light = luminance(base)
    painted = _paint(light, [Model(luminance(m.planes), m.usable) for m in models], direction, parameters, context)
    if parameters["color"] == "luminance":
        return directions.full_chroma(painted, base)
    painted = apply_curve(painted, *curve_between(painted, light))
    soft = directions.reduced(base - light, float(parameters["stroke_size"]) / 100 * base.shape[1] / 3)
    return (painted + soft).clamp(0, 1)

"""``texture.synthesize``: a new texture of any size from an exemplar. Parameters: ``shared/operations/texture_synthesize.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ...shared.errors import InputError
from ...shared.values import Image
from ..context import Context
from ..imaging import check_pixels
from ..imaging.planes import from_planes, preview, to_planes
from ..synthesis import pyramid
from ..synthesis.texture import LEAST_EXEMPLAR, synthesize_texture

MAX_EXEMPLAR = 2048
"""Longest side of the exemplar that is searched, in pixels; of a larger one the middle is used. Bounds memory to about 2 GB for colour."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Synthesises ``base_color``.

    Raises:
        InputError: Exemplar that is too small for the scale asked, or with NaN, infinity or a number of channels without meaning.
    """
    exemplar: Image = inputs["exemplar"]
    check_pixels(exemplar, "exemplar", minimum=LEAST_EXEMPLAR, channels=None if exemplar.color_space == "data" else (1, 3, 4))
    scale = float(parameters["exemplar_scale"])
    planes = _prepare(exemplar, scale, context.device)
    width, height = parameters["size"]
    tile = str(parameters["tile"])

    def report(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
        small = None if picture is None else preview(picture, exemplar.color_space)
        context.progress(fraction, stage, small)

    texture = synthesize_texture(
        planes,
        (height, width),
        (tile in ("y", "both"), tile in ("x", "both")),
        float(parameters["variety"]),
        torch.Generator().manual_seed(context.seed & (2**63 - 1)),
        report,
    )
    return {"base_color": from_planes(texture.pixels, exemplar)}


def _prepare(exemplar: Image, scale: float, device: torch.device) -> torch.Tensor:
    """The exemplar as planes at the scale asked; of a very large one the middle."""
    pixels = exemplar.pixels
    limit = int(np.ceil(MAX_EXEMPLAR / scale))
    top, left = (max(0, (side - limit) // 2) for side in pixels.shape[:2])
    pixels = pixels[top : top + limit, left : left + limit]
    planes = to_planes(Image(np.ascontiguousarray(pixels), exemplar.color_space), device)
    if scale == 1:
        return planes
    size = round(planes.shape[1] * scale), round(planes.shape[2] * scale)
    if min(size) < LEAST_EXEMPLAR:
        raise InputError(
            expected=f"an exemplar of at least {LEAST_EXEMPLAR} x {LEAST_EXEMPLAR} pixels after scaling",
            got=f"{size[1]} x {size[0]} at an exemplar scale of {scale:g}",
            fix="Raise the exemplar scale or use a larger exemplar",
        )
    return pyramid.resize(planes, size)

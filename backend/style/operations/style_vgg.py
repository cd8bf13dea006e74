"""``style.vgg``: one image painted in the manner of others by VGG19. Parameters: ``shared/operations/style_vgg.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...core.color_spaces import luminance
from ...core.context import Context
from ..image.still import report_to, restyle, style_planes
from ..vgg.checkpoint import vgg
from ..vgg.transfer import Options, transfer

LEAST_SIDE = 64
"""Pixels: the network's deepest layer that is used sees 1/8 of them."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Paints ``image``; strength, mask, alpha and highlights as in ``style/image/still.restyle``.

    Raises:
        InputError: No weights, or pictures that cannot be used.
    """
    network = vgg(str(parameters["model"]), context.device)
    share = float(parameters["mix"]) if inputs.get("second_style") is not None else 0.0
    named = (("style", 1 - share), ("second_style", share))
    styles = [(_rgb(style_planes(inputs, name, LEAST_SIDE, context)), weight) for name, weight in named if weight > 0]
    options = Options(str(parameters["method"]), float(parameters["structure"]), float(parameters["scale"]), int(parameters["steps"]))

    def paint(color: torch.Tensor) -> torch.Tensor:
        whole = _rgb(color)
        random = torch.Generator().manual_seed(context.seed)
        painted = transfer(network, whole, styles, options, random, report_to(context))
        if parameters["color"] == "keep":
            painted = (whole + luminance(painted) - luminance(whole)).clamp(0, 1)
        return painted

    content = inputs["content"]
    return {"image": restyle(content, inputs.get("mask"), float(parameters["strength"]), LEAST_SIDE, context, paint)}


def _rgb(planes: torch.Tensor) -> torch.Tensor:
    return planes.expand(3, -1, -1).clamp(0, 1)

"""``texture.variations``: thumbnails of several seeds, to choose from. Parameters: ``shared/operations/texture_variations.py``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from ....shared.jobs import MAX_SEED
from ...core.context import Context
from ...io.tensors import preview
from ..generator.generate import Produced, produce, understood
from ..generator.model import material_model
from ..photo.shading import Surface, render_standard
from .texture_generate import _image, report_of, request_from

GAP = 4
"""Pixels between two thumbnails."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Makes the sheet and a report.

    Raises:
        InputError: As for ``texture.generate``.
    """
    context.progress(0.0, "reading")
    model = material_model(str(parameters["model"]), context.device)
    request = understood(model, request_from(inputs, parameters, context.device))
    count = int(parameters["count"])
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    height, width = request.size
    sheet = torch.zeros(3, rows * (height + GAP) - GAP, columns * (width + GAP) - GAP)
    reports = []
    for number in range(count):
        seed = (context.seed + number) % (MAX_SEED + 1)
        context.progress(number / count, f"variation {number + 1}/{count}", preview(sheet, "srgb"))
        made = produce(model, request, seed)
        y, x = number // columns * (height + GAP), number % columns * (width + GAP)
        sheet[:, y : y + height, x : x + width] = lit(made).cpu()
        reports.append(report_of(made, model))
    report = {**reports[0], "rows": rows, "columns": columns, "count": count, "gap": GAP, "seeds": [r["seed"] for r in reports]}
    report["attributes"] = [r["attributes"] for r in reports]
    report["families"] = [r["families"] for r in reports]
    return {"sheet": _image(sheet, "srgb"), "report": report}


def lit(made: Produced) -> torch.Tensor:
    """``(3, H, W)`` sRGB: the material under a light from the top left."""
    depth_px = made.depth_m / (made.width_m / made.stack.shape[2])
    direction = torch.nn.functional.normalize(torch.tensor([-0.5, 0.55, 0.75], device=made.stack.device), dim=0)
    return render_standard(Surface.from_stack(made.stack[None], depth_px), direction)[0].clamp(0, 1)

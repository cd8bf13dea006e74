"""``texture.variations``: thumbnails of several seeds of ``texture.generate``, to choose from."""

from __future__ import annotations

import dataclasses

from .schema import Operation, Output, Parameter, report
from .texture_generate import INPUTS, PARAMETERS

_SIZE = [256, 256]

OPERATION = Operation(
    name="texture.variations",
    version=1,
    label="Variations",
    summary="Show several variations of a material, to choose one",
    order=11,
    verb="variations",
    panel="materials",
    settings_of="texture.generate",
    apply="variations",
    inputs=INPUTS,
    parameters=(
        Parameter("count", "int", 9, "Count", "How many variations", minimum=1, maximum=16),
        *(dataclasses.replace(p, default=_SIZE, maximum=1024) if p.name == "size" else p for p in PARAMETERS),
    ),
    outputs=(
        Output("sheet", "image", ("png", "jpg"), "The variations under a light, side by side, row by row, sRGB"),
        report("Rows, columns, and for each variation its seed and attributes"),
    ),
)

"""``reconstruct.plate``: a relief or cards from one picture. Parameters: ``shared/operations/reconstruct_plate.py``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ....shared.values import Image, Mesh
from ...core.context import Context
from ...mesh.simplify import LEVELS
from ..near_origin import near_origin
from ..single_view.cards import make_cards
from ..single_view.plate import read_plate
from ..single_view.plate_surface import align_plate, make_surface
from ..single_view.relief import make_relief, tear_surface

COARSE = 128
"""Cells along the longer side of the mesh that comes early."""


@near_origin
def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Gives ``mesh`` (``Mesh`` in world space with UVs and texture), ``depth`` (``Image``, scene units) and ``report``.

    Raises:
        InputError: No picture or depth, depth that cannot be what it is declared to be, a model that cannot be read, tracks that
            contradict the picture.
        JobCancelled: From ``context.progress``.
    """
    start = time.perf_counter()
    context.progress(0.0, "reading the plate")
    plate = read_plate(inputs, parameters, context.device)
    context.progress(0.15, "aligning the depth")
    depth, facts = align_plate(plate, inputs.get("tracks"), parameters, context.seed)
    surface = make_surface(plate, depth, parameters)
    picture = np.where(surface.valid & ~surface.assumed, 1 / np.maximum(surface.disparity, 1e-12), 0).astype(np.float32)
    context.progress(0.2, "finding edges", _preview(surface.disparity))
    tears = tear_surface(plate, surface, float(parameters["tear"]) / 100, float(parameters["grazing"]))
    longest = max(surface.disparity.shape)
    fill = round(float(parameters["fill_width"]) / 100 * longest) if parameters["fill"] else 0

    def report(fraction: float, stage: str) -> None:
        context.progress(0.2 + 0.78 * fraction, stage)

    coarser: dict[str, Mesh] = {}
    if parameters["mode"] == "cards":
        mesh, more = make_cards(plate, surface, tears, parameters, fill, context.seed, context.device, report)
    else:
        gap = float(parameters["tear"]) / 200
        cells = [int(parameters["resolution"])]
        if fill and context.attempt == 1:  # something to look at while the paint is made
            coarse, _ = make_relief(plate, surface, tears, [min(cells[0], COARSE)], 0, gap, 0, context.device, lambda *_: None)
            context.emit("mesh", coarse[0])
        if parameters["lods"]:  # cut from the picture anew, so that outlines stay where they are
            cells += [max(4, round(cells[0] * share**0.5)) for share in LEVELS]
        meshes, more = make_relief(plate, surface, tears, cells, fill, gap, context.seed, context.device, report)
        mesh, coarser = meshes[0], {f"lod_{number}": made for number, made in enumerate(meshes[1:], 1)}
    context.progress(1.0, "done")
    return {
        "mesh": mesh,
        **coarser,
        "depth": Image(picture[..., None], "data"),
        "report": {
            "coverage": round(float(surface.valid.mean()), 4),
            "measured": round(float((surface.valid & ~surface.assumed).mean()), 4),
            **more,
            "vertices": len(mesh.vertices),
            "faces": len(mesh.faces),
            "alignment": facts["alignment"],
            "notes": [*plate.notes, *facts["notes"]],
            "seconds": round(time.perf_counter() - start, 2),
        },
    }


def _preview(disparity: np.ndarray) -> np.ndarray:
    """Near is bright, ``(h, w, 3)`` uint8."""
    step = max(1, max(disparity.shape) // 256)
    small = disparity[::step, ::step]
    low, high = np.percentile(small, (1, 99))
    gray = np.clip((small - low) / max(high - low, 1e-12), 0, 1)
    return np.repeat((gray * 255).astype(np.uint8)[..., None], 3, 2)

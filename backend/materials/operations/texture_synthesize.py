"""``texture.synthesize``: a new texture of any size from an exemplar. Parameters: ``shared/operations/texture_synthesize.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from ....shared.errors import InputError
from ....shared.values import Image
from ...core.context import Context
from ...core.operation_lookup import engine
from ...io.checks import check_mask
from ...io.tensors import preview
from ...patchmatch.texture import Keep, Options, enough_source, synthesize_texture
from ...patchmatch.texture_measures import exemplar_notes
from ...patchmatch.transforms import transforms_for
from ..exemplar.labels import match_labels
from ..exemplar.map_stack import WEIGHTS, check_same_size, cut, read_stack

MAX_EXEMPLAR = 2048
"""Side of the square of exemplar pixels that is searched, all copies together. Bounds memory to about 2 GB for colour."""

MAX_KEPT = 4096
"""Longest side of an exemplar of which a part is kept, in pixels: there the middle alone would not do."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Synthesises ``base_color`` and whatever other maps were given, and a ``report``.

    Raises:
        InputError: Exemplar that is flat, too small for the scale asked, or with NaN, infinity or a number of channels without
            meaning; maps, labels or masks that do not fit it.
    """
    if parameters["engine"] != "patch":
        return engine("texture.synthesize", str(parameters["engine"]))(inputs, parameters, context)
    exemplar: Image = inputs["exemplar"]
    rotation, scale_variation = str(parameters["rotation"]), float(parameters["scale_variation"])
    width, height = parameters["size"]
    tile = str(parameters["tile"])
    keeping = inputs.get("keep") is not None or bool(parameters["extend"])
    copies = sum((2.0 if t.eighths % 2 else 1.0) * t.scale**2 for t in transforms_for(rotation, scale_variation))
    limit = MAX_KEPT if keeping else MAX_EXEMPLAR / copies**0.5
    maps = {name: inputs[name] for name in WEIGHTS if inputs.get(name) is not None}
    scale = float(parameters["exemplar_scale"])
    stack = read_stack(exemplar, maps, limit, scale, context.device)
    notes = list(stack.notes)
    if inputs.get("keep") is None:  # else there may be anything in the rest of the exemplar
        notes += exemplar_notes(stack.planes[: stack.layers[0].channels])
    keep = _keep(inputs, parameters, context.device, notes) if keeping else None
    regions = _regions(inputs, (height, width), limit, scale, context.device)

    def report(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
        small = None if picture is None else preview(picture, exemplar.color_space)
        context.progress(fraction, stage, small)

    texture = synthesize_texture(
        stack.planes,
        (height, width),
        (tile in ("y", "both"), tile in ("x", "both")),
        Options(
            variety=float(parameters["variety"]),
            rotation=rotation,
            scale_variation=scale_variation,
            originality=float(parameters["originality"]),
            layers=stack.layers,
            regions=regions,
            keep=keep,
        ),
        torch.Generator().manual_seed(context.seed & (2**63 - 1)),
        report,
    )
    if texture.figures["most_repeated"] > max(6.0, 6.0 * height * width / max(1, stack.planes[0].numel())):
        notes.append("Some of the exemplar is repeated often; raise the variety, or use a larger exemplar")
    return {**stack.results(texture.pixels), "report": {**texture.figures, "notes": notes}}


def _keep(inputs: Mapping[str, Any], parameters: Mapping[str, Any], device: torch.device, notes: list[str]) -> Keep:
    """What is kept of the exemplar, and where it is."""
    exemplar: Image = inputs["exemplar"]
    width, height = parameters["size"]
    own_height, own_width = exemplar.pixels.shape[:2]
    if max(own_height, own_width) > MAX_KEPT:
        raise InputError(
            expected=f"an exemplar of at most {MAX_KEPT} pixels a side when a part of it is kept", got=f"{own_width} x {own_height}"
        )
    if float(parameters["exemplar_scale"]) != 1:
        raise InputError(
            expected="an exemplar scale of 1 when pixels are kept",
            got=f"{float(parameters['exemplar_scale']):g}",
            fix="Scale the exemplar itself beforehand",
        )
    extend = bool(parameters["extend"])
    if extend and (height < own_height or width < own_width):
        raise InputError(
            expected=f"a size of at least the exemplar's {own_width} x {own_height} pixels to extend it", got=f"{width} x {height}"
        )
    if not extend and (height, width) != (own_height, own_width):
        raise InputError(
            expected=f"the exemplar's size, {own_width} x {own_height}, when a part of it is kept",
            got=f"{width} x {height}",
            fix="Set that size, or switch on extend for a larger one",
        )
    mask = torch.ones(own_height, own_width)
    if inputs.get("keep") is not None:
        check_same_size("keep", inputs["keep"], exemplar)
        mask = torch.from_numpy(check_mask(inputs["keep"], (own_height, own_width)))
    top, left = (height - own_height) // 2, (width - own_width) // 2
    keep = Keep(mask[None].to(device), top, left, only=parameters["source_area"] == "kept")
    if keep.only and not enough_source(keep):
        raise InputError(
            expected="a mask that keeps enough of the exemplar to make the rest of it",
            got=f"white in {float((mask >= 0.999).float().mean()):.1%} of it",
            fix="Keep more of it, or set the source area to all",
        )
    tile = str(parameters["tile"])
    placed = F.pad(mask, (left, width - own_width - left, top, height - own_height - top))
    for name, first, last in (("x", placed[:, 0], placed[:, -1]), ("y", placed[0], placed[-1])):
        if tile in (name, "both") and bool(((first >= 0.5) & (last >= 0.5)).any()):
            notes.append(f"What is kept touches both ends along {name}, where the texture therefore does not tile")
    return keep


def _regions(
    inputs: Mapping[str, Any], size: tuple[int, int], limit: float, scale: float, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The regions of exemplar and texture, one channel each."""
    given = [name for name in ("exemplar_labels", "labels") if inputs.get(name) is not None]
    if not given:
        return None
    if len(given) == 1:
        missing = "labels" if given[0] == "exemplar_labels" else "exemplar_labels"
        raise InputError(expected=f"{missing} together with {given[0]}", got="none", fix="Give both label maps, or neither")
    exemplar: Image = inputs["exemplar"]
    check_same_size("exemplar_labels", inputs["exemplar_labels"], exemplar)
    there, wanted, count = match_labels(inputs["exemplar_labels"], inputs["labels"], size)
    one_hot = [F.one_hot(torch.from_numpy(n).to(device), count).permute(2, 0, 1).float() for n in (there, wanted)]
    # The exemplar may have been cut to its middle and scaled.
    return cut(one_hot[0], limit, scale), one_hot[1]

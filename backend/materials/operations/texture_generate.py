"""``texture.generate``: a whole material from a prompt, a photograph or both. Parameters: ``shared/operations/texture_generate.py``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ....shared.errors import InputError
from ....shared.material import ATTRIBUTES, FAMILIES
from ....shared.values import Image
from ...core.context import Context
from ...io.checks import check_mask, check_pixels
from ...io.holes import without_alpha
from ...io.tensors import preview, srgb_planes
from ..generator.generate import Produced, Request, produce
from ..generator.model import MaterialModel, material_model
from ..maps import ambient_occlusion, directx, normal_from_height
from ..stack import BASE_COLOR, HEIGHT, METALLIC, ROUGHNESS

LEAST_PHOTO = 48
"""Pixels: a smaller photograph shows too little of a material."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Makes the maps and a report.

    Raises:
        InputError: No such model, an image that cannot be used, or a prompt that cannot be read.
    """
    context.progress(0.0, "reading")
    model = material_model(str(parameters["model"]), context.device)
    request = request_from(inputs, parameters, context.device)
    made = produce(model, request, context.seed, lambda f: context.progress(0.05 + 0.7 * f, "generating"))
    context.progress(0.75, "deriving maps", preview(made.stack[BASE_COLOR], "srgb"))
    return maps_of(made, str(parameters["normals"])) | {"report": report_of(made, model)}


def request_from(inputs: Mapping[str, Any], parameters: Mapping[str, Any], device: torch.device) -> Request:
    """The request as the engine takes it.

    Raises:
        InputError: A photograph or a mask that cannot be used.
    """
    width, height = parameters["size"]
    return Request(
        size=(height, width),
        prompt=str(parameters["prompt"]),
        photo=_photo(inputs.get("photo"), "photograph", device),
        sliders={name: parameters[name] for name in ATTRIBUTES},
        layout=str(parameters["layout"]),
        pattern=_mask(inputs.get("pattern")),
        morph_prompt=str(parameters["morph_prompt"]),
        morph_photo=_photo(inputs.get("morph_photo"), "second photograph", device),
        morph=float(parameters["morph"]),
        morph_mask=_mask(inputs.get("morph_mask")),
        like_seed=parameters["like_seed"],
        like_path=_path(str(parameters["like_path"])),
        likeness=float(parameters["likeness"]),
    )


def _path(text: str) -> tuple[tuple[int, float], ...]:
    """``40:0.7,51:0.7`` as seeds and likenesses."""
    steps = []
    for part in text.replace(" ", "").split(",") if text.strip() else ():
        seed, _, likeness = part.partition(":")
        try:
            step = (int(seed), float(likeness))
        except ValueError:
            step = (-1, 0.0)
        if step[0] < 0 or not 0 <= step[1] <= 1:
            raise InputError(expected="like_path as seed:likeness with commas between, such as 40:0.7,51:0.7", got=text[:80])
        steps.append(step)
    return tuple(steps)


def maps_of(made: Produced, normals: str) -> dict[str, Image]:
    """The maps as images: 8 bits for what is seen, 16 bits for the height, whose steps would show in the shading."""
    stack = made.stack
    depth_px = made.depth_m / (made.width_m / stack.shape[2])
    normal = normal_from_height(stack[HEIGHT], depth_px)
    if normals == "directx":
        normal = directx(normal)
    return {
        "base_color": _image(stack[BASE_COLOR], "srgb"),
        "height": _image(stack[HEIGHT][None], "data", np.uint16),
        "normal": _image(normal, "data", np.uint16),
        "roughness": _image(stack[ROUGHNESS][None], "data"),
        "metallic": _image(stack[METALLIC][None], "data"),
        "ambient_occlusion": _image(ambient_occlusion(stack[HEIGHT], depth_px)[None], "data"),
    }


def report_of(made: Produced, model: MaterialModel) -> dict[str, Any]:
    """What was understood and what was made, for the panel and the sidecar."""
    attributes = made.brief.attributes
    values = {f.name: getattr(attributes, f.name) for f in dataclasses.fields(attributes) if f.name != "family"}
    return {
        "seed": made.seed,
        "model": model.name,
        "families": dict(attributes.family),
        "label": FAMILIES[attributes.main_family].label,
        "attributes": {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()},
        "layout": made.layout,
        "width_m": made.width_m,
        "depth_m": made.depth_m,
        "understood": made.brief.prompt.report()["understood"],
        "unknown": list(made.brief.prompt.unknown),
        "notes": list(made.brief.notes),
    }


def _image(planes: torch.Tensor, color_space: str, kind: type = np.uint8) -> Image:
    values = planes.clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    return Image(np.ascontiguousarray(np.rint(values * np.iinfo(kind).max).astype(kind)), color_space)


def _photo(image: Image | None, name: str, device: torch.device) -> torch.Tensor | None:
    if image is None:
        return None
    check_pixels(image, name, minimum=LEAST_PHOTO)
    return srgb_planes(without_alpha(image, name)).to(device)


def _mask(image: Image | None) -> torch.Tensor | None:
    return None if image is None else torch.from_numpy(check_mask(image, image.pixels.shape[:2]))

"""Engine ``gan`` of ``texture.synthesize``: the model that ships, adapted to the exemplar, then asked for the texture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ....shared.errors import InputError
from ....shared.operations import Engine, Parameter
from ....shared.values import Image
from ...core.color import from_float, to_float, to_linear
from ...core.context import Context
from ...io.checks import check_pixels
from ...io.holes import without_alpha
from ...io.tensors import srgb_planes
from ...patchmatch.texture_measures import exemplar_notes
from ..exemplar.adapted import adapted_model, more
from ..generator.tiled import fit
from ..maps import ambient_occlusion, normal_from_height
from ..photo.estimate import estimate, load_network
from ..photo.flatten import wraps
from ..stack import BASE_COLOR, HEIGHT, METALLIC, ROUGHNESS
from ..training.adapt import LEAST_SIDE, scale_of
from .texture_maps import unit_relief

ENGINE = Engine(
    "texture.synthesize",
    "gan",
    "Train a small network on the exemplar for some minutes; then any seed and size in a moment, copying nothing",
    (
        Parameter(
            "minutes",
            "float",
            10.0,
            "Training Minutes",
            "Engine gan: how long to train the first time; kept afterwards",
            minimum=0.05,
            maximum=600.0,
            advanced=True,
        ),
    ),
    order=10,
)
PATCH_ONLY = ("exemplar_labels", "labels", "keep")


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Adapts (minutes, once for each exemplar) and makes all maps; those that were not given are estimated from the exemplar.

    Raises:
        InputError: Too small, without texture, maps of another size, or something asked that only the patch engine can do.
    """
    exemplar = without_alpha(inputs["exemplar"], "exemplar")
    asked = [name for name in PATCH_ONLY if inputs.get(name) is not None] + (["extend"] if parameters["extend"] else [])
    if asked:
        got = f"{asked[0]} with the engine gan"
        raise InputError(expected="the patch engine for label maps and kept pixels", got=got, fix="Set the engine to patch")
    check_pixels(exemplar, "exemplar", minimum=LEAST_SIDE)
    context.progress(0.0, "estimating maps")
    photo = srgb_planes(exemplar)
    tiles = wraps(photo)
    stack, depth_px = _stack(photo.to(context.device), inputs, exemplar, tiles)

    def report(fraction: float, stage: str, picture: np.ndarray | None) -> None:
        context.progress(0.02 + 0.93 * fraction, stage, picture)

    adapted = adapted_model(stack, float(parameters["minutes"]), tiles, context.device, report)
    width, height = parameters["size"]
    scale = float(parameters["exemplar_scale"])
    wanted = (max(32, round(height / scale)), max(32, round(width / scale)))
    context.progress(0.96, "generating")
    made = more(adapted, wanted, context.seed)
    pixels = fit(made.stack, (height, width))
    shrunk = scale_of((exemplar.pixels.shape[0], exemplar.pixels.shape[1]))
    depth = depth_px * shrunk * scale
    notes = exemplar_notes(photo)
    if abs(shrunk * scale - 1) > 0.01:
        notes.append(f"Features are {shrunk * scale:.2f} times as large as in the exemplar")
    said = {
        "trained_minutes": adapted.minutes,
        "trained_now": adapted.trained_now,
        "model": adapted.model.name,
        "exemplar_scale": shrunk * scale,
        "notes": notes,
    }
    return {**_images(pixels, depth, exemplar), "report": said}


def _stack(photo: torch.Tensor, inputs: Mapping[str, Any], exemplar: Image, tiles: bool) -> tuple[torch.Tensor, float]:
    """The exemplar as a stack, and its depth in pixels. The base colour is the exemplar's own, light and all: that was asked for."""
    surface = estimate(load_network().to(photo.device), photo, tiles)
    height, depth = unit_relief(surface.height[0])
    stack = torch.cat([photo, height[None], surface.roughness, surface.metallic]).clamp(0, 1)
    for name, channel in (("height", HEIGHT), ("roughness", ROUGHNESS), ("metallic", METALLIC)):
        given: Image | None = inputs.get(name)
        if given is None:
            continue
        if given.pixels.shape[:2] != exemplar.pixels.shape[:2]:
            raise InputError(
                expected=f"a {name} map as large as the exemplar, {exemplar.pixels.shape[1]} x {exemplar.pixels.shape[0]}",
                got=f"{given.pixels.shape[1]} x {given.pixels.shape[0]}",
                fix="Export both at one size",
            )
        check_pixels(given, name)
        stack[channel] = torch.from_numpy(to_float(given.pixels[..., :1])[..., 0].clip(0, 1)).to(photo.device)
    return stack, depth


def _images(stack: torch.Tensor, depth_px: float, exemplar: Image) -> dict[str, Image]:
    color = stack[BASE_COLOR].permute(1, 2, 0).cpu().numpy()
    if exemplar.color_space == "linear":
        color = to_linear(color)
    base = Image(np.ascontiguousarray(from_float(color, exemplar.pixels.dtype)), exemplar.color_space)
    height = stack[HEIGHT]

    def data(planes: torch.Tensor, kind: type) -> Image:
        return Image(np.ascontiguousarray(from_float(planes.permute(1, 2, 0).cpu().numpy(), kind)), "data")

    return {
        "base_color": base,
        "normal": data(normal_from_height(height, depth_px), np.uint16),
        "height": data(height[None], np.uint16),
        "roughness": data(stack[ROUGHNESS][None], np.uint8),
        "metallic": data(stack[METALLIC][None], np.uint8),
        "occlusion": data(ambient_occlusion(height, depth_px)[None], np.uint8),
    }

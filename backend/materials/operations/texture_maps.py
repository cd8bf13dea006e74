"""``texture.maps``: maps from one photograph. Parameters: ``shared/operations/texture_maps.py``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ....shared.errors import InputError
from ....shared.values import Image
from ...core.color import from_float, to_linear
from ...core.context import Context
from ...io.checks import check_pixels
from ...io.holes import without_alpha
from ...io.tensors import preview, srgb_planes
from .. import maps
from ..photo.estimate import estimate, load_network
from ..photo.flatten import flatten_light, make_tileable, rectify, wraps

LEAST_SIDE, MOST_SIDE = 32, 8192
"""Of a photograph, in pixels: with less there is nothing to see relief by, with more the maps need over 8 GB."""

LEAST_CONTRAST = 0.004
"""Standard deviation of the brightness, one step of 8 bits, below which a photograph counts as flat."""

SHALLOWEST = 0.05
"""Least depth in pixels that height is stretched over: of a smooth surface, rounding is no relief."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Estimates ``base_color``, ``height``, ``normal``, ``roughness``, ``metallic``, ``ambient_occlusion`` and a ``report``.

    Raises:
        InputError: A photograph that is too small or too large, flat, cut out by its alpha, or with NaN or infinity; corners that are none.
    """
    image: Image = inputs["photo"]
    context.progress(0.0, "preparing")
    photo, notes = _prepare(image, str(parameters["corners"]))
    tile = wraps(photo)
    photo = flatten_light(photo, float(parameters["flatten"]), tile)
    if parameters["tileable"] and not tile:
        photo, tile = make_tileable(photo), True
        notes.append("opposite borders were joined; a photo with straight joints is better made to tile with texture.synthesize")
    photo = photo.to(context.device)
    small = preview(photo, "srgb")
    surface = estimate(
        load_network().to(context.device), photo, tile, lambda done: context.progress(0.05 + 0.8 * done, "estimating maps", small)
    )
    height, depth = unit_relief(surface.height[0])
    depth *= float(parameters["relief"])
    context.progress(0.87, "normals")
    normal = maps.normal_from_height(height, depth, tile)
    if parameters["normals"] == "directx":
        normal = maps.directx(normal)
    context.progress(0.9, "ambient occlusion")
    radius = min(max(max(height.shape) / 24, 8.0), 64.0)
    occlusion = maps.ambient_occlusion(height, depth, radius, tile)
    context.progress(0.98, "finishing")
    width = float(parameters["width"])
    report = {
        "tiles": tile,
        "size": [height.shape[1], height.shape[0]],
        "width_m": width,
        "depth_m": depth * width / height.shape[1],
        "depth_px": depth,
        "normals": parameters["normals"],
        "notes": notes,
    }
    return {
        "base_color": _color(surface.base_color[0], image),
        "height": _data(height[None], np.float32),
        "normal": _data(normal, np.float32),
        "roughness": _data(surface.roughness, np.uint8),
        "metallic": _data(surface.metallic, np.uint8),
        "ambient_occlusion": _data(occlusion[None], np.uint8),
        "report": report,
    }


def unit_relief(height_px: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Heights in pixels ``(H, W)`` as 0..1 and the depth that stands for; the outermost thousandths do not set the range."""
    some = height_px.flatten()[:: max(1, height_px.numel() // 2**20)]
    low, high = (float(v) for v in torch.quantile(some, torch.tensor([0.001, 0.999], device=some.device)))
    depth = max(high - low, SHALLOWEST)
    return ((height_px - (low + high) / 2) / depth + 0.5).clamp(0, 1), depth


def _prepare(image: Image, corners: str) -> tuple[torch.Tensor, list[str]]:
    """The photograph as ``(3, H, W)`` sRGB 0..1, rectified, and notes for the artist."""
    check_pixels(image, "photo", LEAST_SIDE)
    longest = max(image.pixels.shape[:2])
    if longest > MOST_SIDE:
        raise InputError(expected=f"a photo of at most {MOST_SIDE} pixels a side", got=f"{longest}", fix="Scale it down")
    notes = []
    image = without_alpha(image, "photo")
    if image.pixels.shape[2] == 1:
        notes.append("a grey photo: the base colour is grey too")
    photo = srgb_planes(image)
    share = float((photo >= 0.999).all(0).double().mean())
    if share > 0.02:
        notes.append(f"{share:.0%} of the photo is blown out: there the maps are guesses")
    if corners.strip():
        photo = _rectified(photo, corners)
    if float(photo.mean(0).std()) < LEAST_CONTRAST:
        raise InputError(expected="a photo with some texture", got="one flat colour", fix="Photograph the material in light from one side")
    return photo, notes


def _rectified(photo: torch.Tensor, text: str) -> torch.Tensor:
    numbers = re.findall(r"[-+]?\d*\.?\d+", text)
    if len(numbers) != 8 or re.search(r"[^\d\s.,;+-]", text):
        raise InputError(
            expected="four corners such as: 10,5 90,8 95,92 6,90", got=repr(text[:60]), fix="Give x,y of each in percent of the photo"
        )
    points = torch.tensor([float(n) for n in numbers]).reshape(4, 2) / 100 * torch.tensor([photo.shape[2], photo.shape[1]])
    sides = (points - points.roll(-1, 0)).norm(dim=1)
    width, height = (round(float((sides[i] + sides[i + 2]) / 2)) for i in (0, 1))
    if not (min(width, height) >= LEAST_SIDE and max(width, height) <= MOST_SIDE):
        raise InputError(
            expected=f"corners {LEAST_SIDE} to {MOST_SIDE} pixels apart", got=f"{width} x {height} pixels", fix="Choose a larger piece"
        )
    return rectify(photo, points, (height, width))


def _color(planes: torch.Tensor, like: Image) -> Image:
    """Base colour in the photograph's storage type and colour space."""
    values = planes.permute(1, 2, 0).cpu().numpy()
    space = "linear" if like.color_space == "linear" else "srgb"
    return Image(np.ascontiguousarray(from_float(to_linear(values) if space == "linear" else values, like.pixels.dtype)), space)


def _data(planes: torch.Tensor, dtype: type) -> Image:
    return Image(np.ascontiguousarray(from_float(planes.permute(1, 2, 0).cpu().numpy(), dtype)), "data")

"""The decoder of scene frames: from what a client sent to arrays in known units, checked."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ....shared.errors import InputError
from ....shared.values import DEPTH_BACKGROUND, Image, SceneFrame
from ...core.camera import check_aspect, check_camera, scaled
from ...core.color import to_float, to_linear
from .channels import SWITCHES, WORDS, FrameFiles, displacements
from .frame import Frame
from .object_ids import whole_ids

_CHANNELS = {"image": "color", "position": "rest"}
"""Field of ``Frame`` to its channel, where they have different names."""
_COMPONENTS = {"normal": 3, "motion": 4, "albedo": 3, "diffuse": 3, "position": 3}
"""Fewest numbers of each pixel."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is decoded of a frame.

    Attributes:
        fields: Fields of ``Frame`` (``motion`` for both displacements). The first one that a frame has gives the size, which all
            others must have.
        needed: Those without which a frame is refused.
        search: Whether passes without a file of their own are looked up among the layers of the other files.
        match_camera: Whether the frame must have the camera's aspect ratio, as it does where pixels become points. Then colour may have
            another resolution than depth. A renderer's frame may be cropped.
        far: Depth where there is nothing: 0, as for "no measurement", or infinity. Pixels that were not rendered are 0 in both cases.
        max_depth: Depth beyond it is no measurement, scene units; 0 keeps all.
    """

    fields: tuple[str, ...]
    needed: tuple[str, ...] = ()
    search: bool = False
    match_camera: bool = True
    far: float = 0.0
    max_depth: float = 0.0


def decode_frame(frame: SceneFrame, wanted: Wanted) -> Frame:
    """Decodes and checks one frame; its lens distortion stays.

    In depth, NaN, infinity, negative values and the background (>= 1e9) are ``Wanted.far``; others are scene units, ``depth_scale``
    applied. What is not finite in colour, motion and other passes is 0. Mask, albedo and confidence in whole numbers are 0..1.

    Raises:
        InputError: A needed channel is missing (with where Blender turns it on) or cannot be read, sizes that differ, a camera that
            cannot be one, depth in 8 bits or mostly negative, ids that are not whole numbers, too few components.
    """
    where = f"frame {frame.number}"
    check_camera(frame.camera, where)
    files = FrameFiles(frame, where, wanted.search)
    found: dict[str, Image] = {}
    for name in wanted.fields:
        channel = _CHANNELS.get(name, name)
        image = _diffuse(files) if name == "diffuse" else files.pick(channel)
        if image is None and name in wanted.needed:
            raise files.missing(channel)
        if image is not None and image.pixels.shape[2] < _COMPONENTS.get(name, 1):
            expected = f"{_COMPONENTS[name]} components in the {WORDS.get(name, name)} of {where}"
            raise InputError(expected=expected, got=str(image.pixels.shape[2]), fix=f"In Blender: {SWITCHES[name]}")
        if image is not None:
            found[name] = image
    width, height = _check_sizes(frame, found, wanted, where)
    values: dict[str, Any] = {}
    for name, image in found.items():
        values |= _depth(image, frame.depth_scale, wanted, where) if name == "depth" else _field(name, image, where)
    counts = {name: _count_not_finite(found[name].pixels, most) for name, most in (("image", 3), ("motion", 4)) if name in found}
    return Frame(frame.number, scaled(frame.camera, width, height), not_finite=counts, **values)


def linear_color(image: Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Scene-linear colour ``(H, W, 3)`` float32 with NaN and infinity as 0, and alpha ``(H, W)`` float32 in 0..1 or None."""
    pixels = to_float(image.pixels)
    alpha = None
    if pixels.shape[2] in (2, 4):
        alpha = np.clip(np.nan_to_num(pixels[..., -1]), 0, 1)
        pixels = pixels[..., :-1]
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, -1)
    if image.color_space == "srgb":
        pixels = to_linear(pixels)
    return np.ascontiguousarray(_finite(pixels[..., :3])), alpha


def mask_of(image: Image) -> np.ndarray:
    """A mask ``(H, W)`` float32 in 0..1: the mean of its colour channels, NaN as 0."""
    values = np.nan_to_num(to_float(image.pixels))
    return np.clip(values[..., : 3 if values.shape[2] > 2 else 1].mean(-1), 0, 1).astype(np.float32)


def _diffuse(files: FrameFiles) -> Image | None:
    """Diffuse light: its own channel, else the sum of direct and indirect light."""
    whole = files.pick("diffuse")
    if whole is not None:
        return whole
    parts = [image for image in (files.pick("diffuse_direct"), files.pick("diffuse_indirect")) if image is not None]
    return Image(np.ascontiguousarray(sum(_finite(part.pixels) for part in parts), np.float32), "data") if parts else None


def _check_sizes(frame: SceneFrame, found: dict[str, Image], wanted: Wanted, where: str) -> tuple[int, int]:
    """Width and height of the frame: those of its first field, or its camera's without any."""
    camera = (frame.camera.width, frame.camera.height)
    if not found:
        return camera
    first = next(iter(found))
    height, width = found[first].pixels.shape[:2]
    if wanted.match_camera:
        check_aspect((width, height), camera, f"the {WORDS.get(first, first)} of {where}", "its camera")
    for name, image in found.items():
        size = image.pixels.shape[1], image.pixels.shape[0]
        what = f"the {WORDS.get(name, name)} of {where}"
        if name == "color" and wanted.match_camera:
            check_aspect(size, (width, height), what, f"its {WORDS.get(first, first)}")
        elif size != (width, height):
            raise InputError(
                expected=f"{what} to be {width} x {height} pixels, like its {WORDS.get(first, first)}",
                got=f"{size[0]} x {size[1]}",
                fix="Render colour and passes at one resolution; with Crop to Render Region crop both, or neither",
            )
    return width, height


def _field(name: str, image: Image, where: str) -> dict[str, Any]:
    """The fields of ``Frame`` that an image gives."""
    if name == "image":
        return {"image": image}
    if name == "color":
        return dict(zip(("color", "alpha"), linear_color(image), strict=True))
    if name == "motion":
        return dict(zip(("to_previous", "to_next"), displacements(_finite(image.pixels)), strict=True))
    if name == "object_id":
        return {name: whole_ids(image, where)}
    if name == "confidence":
        return {name: np.nan_to_num(to_float(image.pixels[..., 0]), nan=0.0, posinf=1.0, neginf=0.0)}
    if name == "mask":
        return {name: mask_of(image)}
    return {name: linear_color(image)[0] if name == "albedo" else np.ascontiguousarray(_finite(image.pixels[..., :3]))}


def _depth(image: Image, scale: float, wanted: Wanted, where: str) -> dict[str, Any]:
    """Depth, its noise and the background."""
    pixels = image.pixels
    if pixels.dtype == np.uint8:
        fix = "Export float EXR, or 16-bit PNG with depth_unit_scale_factor; a colourised preview holds no distances"
        raise InputError(expected=f"the depth of {where} as float or 16-bit integer", got="8-bit", fix=fix)
    if pixels.shape[2] >= 3 and not np.array_equal(pixels[..., 0], pixels[..., 1], equal_nan=pixels.dtype.kind == "f"):
        raise InputError(
            expected=f"the depth of {where} to have one channel", got=f"{pixels.shape[2]} that differ", fix="Check which file is depth"
        )
    raw = pixels[..., 0].astype(np.float32)
    measured = np.isfinite(raw) & (raw < DEPTH_BACKGROUND) & (raw != 0)
    if pixels.dtype.kind == "f" and measured.any() and (raw[measured] < 0).mean() > 0.5:
        fix = "Depth is positive along the view; flip its sign"
        raise InputError(expected=f"the depth of {where} to be positive", got="mostly negative values", fix=fix)
    with np.errstate(invalid="ignore", over="ignore"):
        depth = np.where(measured & (raw > 0), raw * np.float32(scale), np.where(raw == 0, np.float32(0), np.float32(wanted.far)))
    if wanted.max_depth > 0:
        depth[depth > wanted.max_depth] = 0
    noise = 0.0
    if pixels.dtype.kind == "u":
        noise = scale
    elif pixels.dtype == np.float16 and (depth > 0).any():
        noise = float(np.median(depth[(depth > 0) & np.isfinite(depth)])) * 2.0**-10  # one step of half precision
    return {"depth": np.ascontiguousarray(depth), "noise": noise, "background": _background(pixels)}


def _background(pixels: np.ndarray) -> np.ndarray | None:
    """What a renderer marks as background, if anything; infinity may also be a sensor that failed."""
    if pixels.dtype != np.float32:
        return None
    with np.errstate(invalid="ignore"):
        background = (pixels[..., 0] >= DEPTH_BACKGROUND) & np.isfinite(pixels[..., 0])
    return background if background.any() else None


def _finite(pixels: np.ndarray) -> np.ndarray:
    """As float32, NaN and infinity as 0."""
    return np.nan_to_num(pixels.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _count_not_finite(pixels: np.ndarray, most: int) -> int:
    """Pixels with NaN or infinity in their first components; alpha does not count."""
    if pixels.dtype.kind != "f":
        return 0
    return int((~np.isfinite(pixels[..., : 1 if pixels.shape[2] == 2 else most]).all(2)).sum())

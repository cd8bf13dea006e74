"""The decoder of scene frames: from what a client sent to arrays in known units, checked."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ....shared.errors import InputError
from ....shared.notes import note
from ....shared.values import EncodedFile, Image, SceneFrame
from ...core.camera import SAME_CAMERA, check_aspect, check_camera, scaled
from ...core.color import to_float, to_linear
from ..alpha import mask_values
from .channels import SWITCHES, WORDS, FrameFiles, displacements
from .depth import read_depth
from .frame import Frame
from .object_ids import whole_ids
from .sizes import at_size, note_size

_CHANNELS = {"image": "color", "position": "rest"}
"""Field of ``Frame`` to its channel, where they have different names."""
JPEG = b"\xff\xd8"
"""How files begin whose numbers are not quite those that were saved."""
LOSS = 16 / 255
"""Values of a mask in a JPEG below it are 0: compression leaves such around edges."""
LEVELS = 2
"""The highest level of confidence of Apple's depth sensors: low, medium, high."""
_COUNTED = {"image": 3, "color": 3, "motion": 4}
"""Fields whose pixels with NaN or infinity are counted, and their components."""
_COMPONENTS = {"normal": 3, "motion": 4, "albedo": 3, "diffuse": 3, "position": 3}
"""Fewest numbers of each pixel."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is decoded of a frame.

    Attributes:
        fields: Fields of ``Frame`` (``motion`` for both displacements). The first one that a frame has gives the size, to which all
            others are brought (``sizes``); their aspect ratio must be the same.
        needed: Those without which a frame is refused.
        search: Whether passes without a file of their own are looked up among the layers of the other files.
        match_camera: Whether the frame must have the camera's aspect ratio, as it does where pixels become points. Then colour keeps
            its own resolution. A renderer's frame may be cropped.
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

    In depth, NaN, infinity, negative values and the background (>= 1e9) are ``Wanted.far``; others are scene units (``depth``). What
    is not finite in colour, motion and other passes is 0. Mask, albedo and confidence in whole numbers are 0..1.

    Raises:
        InputError: A needed channel is missing (with where Blender turns it on) or cannot be read, shapes that differ, a camera that
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
            found[name] = _share(name, image, frame, where) if name in ("mask", "confidence") else image
    width, height = _one_size(frame, found, wanted, where)
    values: dict[str, Any] = {}
    for name, image in found.items():
        if name == "depth":
            depth = read_depth(image, frame, wanted.far, wanted.max_depth, where)
            values |= {"depth": depth.values, "noise": depth.noise, "background": depth.background, "depth_stored": depth.stored}
        else:
            values |= _field(name, image, frame, where)
    counts = {name: _count_not_finite(found[name].pixels, most) for name, most in _COUNTED.items() if name in found}
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
    """A mask ``(H, W)`` float32 in 0..1, see ``alpha.mask_values``."""
    return mask_values(image)


def _diffuse(files: FrameFiles) -> Image | None:
    """Diffuse light: its own channel, else the sum of direct and indirect light."""
    whole = files.pick("diffuse")
    if whole is not None:
        return whole
    parts = [image for image in (files.pick("diffuse_direct"), files.pick("diffuse_indirect")) if image is not None]
    return Image(np.ascontiguousarray(sum(_finite(part.pixels) for part in parts), np.float32), "data") if parts else None


def _one_size(frame: SceneFrame, found: dict[str, Image], wanted: Wanted, where: str) -> tuple[int, int]:
    """Width and height of the frame: those of its first field, or its camera's without any; brings the others to that size."""
    camera = (frame.camera.width, frame.camera.height)
    if not found:
        return camera
    first = next(iter(found))
    height, width = found[first].pixels.shape[:2]
    if wanted.match_camera:
        check_aspect((width, height), camera, f"the {WORDS.get(first, first)} of {where}", "its camera")
    for name, image in found.items():
        size = image.pixels.shape[1], image.pixels.shape[0]
        if size == (width, height):
            continue
        fix = SAME_CAMERA if wanted.match_camera else "With Crop to Render Region crop colour and passes, or neither"
        check_aspect(size, (width, height), f"the {WORDS.get(name, name)} of {where}", f"its {WORDS.get(first, first)}", fix)
        if not (name == "color" and wanted.match_camera):
            note_size(WORDS.get(name, name), size, WORDS.get(first, first), (width, height), where)
            found[name] = at_size(name, image, width, height, strict=wanted.match_camera)
    return width, height


def _field(name: str, image: Image, frame: SceneFrame, where: str) -> dict[str, Any]:
    """The fields of ``Frame`` that an image gives."""
    whole = image.pixels.dtype.kind == "u"
    if whole and name in ("motion", "position"):
        expected = f"the {WORDS.get(name, name)} of {where} in floats"
        raise InputError(expected=expected, got=f"{image.pixels.dtype.itemsize * 8}-bit integers", fix="Export it as OpenEXR")
    if name == "image":
        return {"image": image}
    if name == "color":
        return dict(zip(("color", "alpha"), linear_color(image), strict=True))
    if name == "motion":
        return dict(zip(("to_previous", "to_next"), displacements(_finite(image.pixels)), strict=True))
    if name == "object_id":
        if _is_lossy(frame, name):
            fix = "Save it as PNG or OpenEXR: JPEG changes numbers"
            raise InputError(expected=f"the object_id of {where} without loss", got="a JPEG", fix=fix)
        return {name: whole_ids(image, where)}
    if name in ("mask", "confidence"):
        return {name: image.pixels[..., 0]}
    if name == "normal" and whole:
        return {name: np.ascontiguousarray(to_float(image.pixels[..., :3]) * 2 - 1)}
    return {name: linear_color(image)[0] if name == "albedo" else np.ascontiguousarray(_finite(image.pixels[..., :3]))}


def _share(name: str, image: Image, frame: SceneFrame, where: str) -> Image:
    """A mask or confidence as one channel in 0..1, float32."""
    if name == "mask":
        mask = mask_of(image)
        return Image((np.where(mask < LOSS, np.float32(0), mask) if _is_lossy(frame, name) else mask)[..., None], "data")
    pixels = image.pixels[..., :1]
    most = pixels.max(initial=0)
    if pixels.dtype.kind == "u" and most <= LEVELS:
        note(f"Confidence in whole numbers from 0 to {LEVELS} was read as levels: 0, a half and 1", f"confidence of {where}")
        return Image(pixels.astype(np.float32) / LEVELS, "data")
    if pixels.dtype.kind == "f" and most > 1:
        note("Confidence above 1 counts as 1; divide it by its largest number if it has another range", f"confidence of {where}")
    return Image(np.clip(np.nan_to_num(to_float(pixels), nan=0.0, posinf=1.0, neginf=0.0), 0, 1), "data")


def _is_lossy(frame: SceneFrame, channel: str) -> bool:
    file = frame.channels.get(channel)
    return isinstance(file, EncodedFile) and file.start(2) == JPEG


def _finite(pixels: np.ndarray) -> np.ndarray:
    """As float32, NaN and infinity as 0."""
    return np.nan_to_num(pixels.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _count_not_finite(pixels: np.ndarray, most: int) -> int:
    """Pixels with NaN or infinity in their first components; alpha does not count."""
    if pixels.dtype.kind != "f":
        return 0
    return int((~np.isfinite(pixels[..., : 1 if pixels.shape[2] == 2 else most]).all(2)).sum())

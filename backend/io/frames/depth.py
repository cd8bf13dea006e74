"""Depth as files store it, in scene units: by the type that is stored, not by the file's suffix."""

from __future__ import annotations

import dataclasses

import numpy as np

from ....shared.errors import InputError
from ....shared.notes import note
from ....shared.values import DEPTH_BACKGROUND, Image, SceneFrame

_LARGEST_HALF = 65504.0
_TYPES = {"u2": "16-bit integers", "u4": "32-bit integers", "f2": "half floats", "f4": "floats"}


@dataclasses.dataclass(frozen=True)
class Depth:
    """The depth of a frame.

    Attributes:
        values: ``(H, W)`` float32, planar z in scene units; 0 is no measurement.
        noise: Size of its quantisation steps in scene units, 0 for floats.
        background: ``(H, W)`` bool, where a renderer marks that there is nothing; None if there is no such pixel.
        stored: How it was stored and in which unit, in words.
    """

    values: np.ndarray
    noise: float
    background: np.ndarray | None
    stored: str


def read_depth(image: Image, frame: SceneFrame, far: float, max_depth: float, where: str) -> Depth:
    """Depth of an image: numbers times ``depth_scale``, and times ``integer_depth_unit`` where whole numbers are stored.

    Args:
        image: ``(H, W, 1 or more)``; of several channels all must be the same.
        frame: Which it is of.
        far: What NaN, infinity, negative values and the background (1e9 and more) become, and the largest number of an integer type
            or a half, which says that it is at least so far.
        max_depth: Depth beyond it is no measurement, scene units; 0 keeps all.
        where: Names the frame in messages.

    Raises:
        InputError: 8 bits, colours, or mostly negative values.
    """
    pixels = image.pixels
    if pixels.dtype == np.uint8:
        fix = "Export float EXR, or 16-bit PNG with depth_unit_scale_factor; a colourised preview holds no distances"
        raise InputError(expected=f"the depth of {where} as float or 16-bit integer", got="8-bit", fix=fix)
    if pixels.shape[2] >= 3 and not _same(pixels):
        raise InputError(
            expected=f"the depth of {where} to have one channel", got=f"{pixels.shape[2]} that differ", fix="Check which file is depth"
        )
    whole = pixels.dtype.kind == "u"
    scale = frame.depth_scale * (frame.integer_depth_unit if whole else 1.0)
    raw = pixels[..., 0].astype(np.float32)
    most = np.iinfo(pixels.dtype).max if whole else _LARGEST_HALF if pixels.dtype == np.float16 else DEPTH_BACKGROUND
    beyond = pixels[..., 0] >= most
    if most != DEPTH_BACKGROUND and (beyond & np.isfinite(raw)).any():
        note("The largest number that its type holds is no distance: such pixels count as not measured", f"depth of {where}")
    measured = np.isfinite(raw) & ~beyond & (raw != 0)
    negative = float((raw[measured] < 0).mean()) if measured.any() else 0.0
    if negative > 0.5:
        fix = "Depth is positive along the view; flip its sign"
        raise InputError(expected=f"the depth of {where} to be positive", got="mostly negative values", fix=fix)
    if negative:
        note("Negative depth counts as not measured", f"depth of {where}")
    with np.errstate(invalid="ignore", over="ignore"):
        depth = np.where(measured & (raw > 0), raw * np.float32(scale), np.where(raw == 0, np.float32(0), np.float32(far)))
    if max_depth > 0:
        depth[depth > max_depth] = 0
    noise = scale if whole else 0.0
    if pixels.dtype == np.float16 and (depth > 0).any():
        noise = float(np.median(depth[(depth > 0) & np.isfinite(depth)])) * 2.0**-10  # one step of half precision
    return Depth(np.ascontiguousarray(depth), noise, _background(pixels), _in_words(pixels, scale))


def _same(pixels: np.ndarray) -> bool:
    return all(np.array_equal(pixels[..., 0], pixels[..., n], equal_nan=pixels.dtype.kind == "f") for n in (1, 2))


def _in_words(pixels: np.ndarray, scale: float) -> str:
    kind = _TYPES.get(pixels.dtype.str[1:], pixels.dtype.name)
    if pixels.dtype.kind == "u":
        return f"{kind}, {scale:g} scene units each"
    return f"{kind} in scene units" if scale == 1 else f"{kind} times {scale:g}"


def _background(pixels: np.ndarray) -> np.ndarray | None:
    """What a renderer marks as background, if anything; infinity may also be a sensor that failed."""
    if pixels.dtype != np.float32:
        return None
    with np.errstate(invalid="ignore"):
        background = (pixels[..., 0] >= DEPTH_BACKGROUND) & np.isfinite(pixels[..., 0])
    return background if background.any() else None

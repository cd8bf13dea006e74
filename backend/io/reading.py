"""Decoding of image files: one still picture out of PNG, JPEG, TIFF, OpenEXR, TGA, BMP, WebP and whatever else OpenImageIO reads."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio  # noqa: N813 -- the name its own documentation uses

from ...shared.errors import InputError
from ...shared.values import COLOR_SPACES, EncodedFile, Image
from ..core.color import from_float, to_float
from .ocio import to_working

MAX_PIXELS = 2**28
"""Largest picture that is decoded, 16384 x 16384; a header that claims more is refused before any memory is taken."""

MAX_BYTES = 2**33
"""Largest decoded size of all channels of one part of a file, in bytes."""

_NATIVE = {
    "uint8": "uint8",
    "uint16": "uint16",
    "uint": "uint32",
    "uint32": "uint32",
    "half": "float16",
    "float": "float32",
    "double": "float32",
}
_LINEAR_FORMATS = ("openexr", "hdr")
_RGBA = {"r": 0, "red": 0, "g": 1, "green": 1, "b": 2, "blue": 2, "a": 3, "alpha": 3}


@contextlib.contextmanager
def open_file(file: EncodedFile) -> Iterator[Any]:
    """Opens the bytes as an ``OpenImageIO.ImageInput``, its header checked against the size limits.

    OpenImageIO's Python module cannot read from memory, so the bytes pass through a temporary file.

    Raises:
        InputError: Empty, no known image format, damaged header, or larger than the limits.
    """
    if not file.data.size:
        raise InputError(expected=f"{file.name} to be an image file", got="an empty file", fix="Export the file again")
    suffix = re.sub(r"[^a-z0-9.]", "", Path(file.name).suffix.lower())[:8]
    handle, path = tempfile.mkstemp(prefix="backlot-", suffix=suffix)
    source = None
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(np.ascontiguousarray(file.data).tobytes())
        config = oiio.ImageSpec()
        config.attribute("oiio:UnassociatedAlpha", 1)  # keep straight alpha straight: multiplying would lose bits
        source = oiio.ImageInput.open(path, config)
        if source is None:
            reason = _reason(oiio.geterror(), path)
            raise InputError(expected=f"{file.name} to be an image file", got=reason, fix="Save it as PNG, JPEG, TIFF or EXR")
        check_size(source.spec(), file.name)
        yield source
    finally:
        if source is not None:
            source.close()
        with contextlib.suppress(OSError):
            os.unlink(path)


def decode(file: EncodedFile) -> Image:
    """Decodes one still picture.

    Integer files keep their depth (8, 16 or 32 bit), half stays half, float stays float. Gray with alpha becomes RGBA; palettes and
    CMYK become RGB. Alpha comes out unassociated. Pictures are turned upright by their EXIF orientation. OpenEXR is cropped or
    padded to its display window, and a multilayer file gives its combined pass (``decode_layers`` gives all). The colour space is
    the file's own statement, ``linear`` for OpenEXR, Radiance and float TIFF, ``data`` for channels that are not colour, else ``srgb``.

    Raises:
        InputError: Unreadable, truncated, animated, too large, or with channels that make no picture.
    """
    with open_file(file) as source:
        _refuse_several(source, file)
        part, channels, is_color = _choose_channels(source, file.name)
        source.seek_subimage(part, 0)
        spec = source.spec()
        kinds = {str(spec.channelformats[c]) for c in channels} if spec.channelformats else {str(spec.format)}
        kind = _NATIVE.get(kinds.pop(), "float32") if len(kinds) == 1 else "float32"
        first = min(channels)
        whole = read_part(source, part, kind, file.name, first, max(channels) + 1)  # not all the passes next to it
        pixels = np.ascontiguousarray(whole[..., [c - first for c in channels]])
        associated = (
            pixels.shape[2] in (2, 4)
            and is_color
            and source.format_name() in ("openexr", "tiff")
            and spec.get_int_attribute("oiio:UnassociatedAlpha") != 1
        )
        given = file.color_space if file.color_space in COLOR_SPACES else ""
        space = given or _color_space(source.format_name(), spec, is_color, pixels)
        stated = spec.get_string_attribute("oiio:ColorSpace")
        orientation = spec.get_int_attribute("Orientation", 1)
    if is_color and pixels.shape[2] == 2:
        pixels = pixels[..., [0, 0, 0, 1]]
    if associated:
        pixels = unassociate(pixels)
    return to_working(Image(np.ascontiguousarray(_upright(pixels, orientation)), space), file.color_space, stated)


def check_size(spec: Any, name: str) -> None:
    """Raises ``InputError`` when a part's header claims more than ``MAX_PIXELS`` or ``MAX_BYTES``."""
    width, height = max(spec.width, spec.full_width), max(spec.height, spec.full_height)
    if spec.depth > 1:
        raise InputError(expected=f"{name} to be a flat picture", got=f"a volume of {spec.depth} slices")
    if spec.deep:
        raise InputError(expected=f"{name} to be a flat picture", got="deep pixels", fix="Render or flatten it without deep data")
    if width * height > MAX_PIXELS or width * height * spec.nchannels * 4 > MAX_BYTES:
        raise InputError(
            expected=f"{name} to have at most {MAX_PIXELS // 2**20} megapixels",
            got=f"{width} x {height} pixels with {spec.nchannels} channels",
            fix="Scale it down",
        )
    if width < 1 or height < 1 or spec.nchannels < 1:
        raise InputError(expected=f"{name} to hold pixels", got=f"{width} x {height} pixels with {spec.nchannels} channels")


def read_part(source: Any, part: int, kind: str, name: str, first: int = 0, last: int | None = None) -> np.ndarray:
    """Reads channels ``first`` to ``last`` of one part, placed in its display window.

    Returns:
        ``(H, W, C)`` of the numpy type ``kind``.

    Raises:
        InputError: The file is truncated or damaged.
    """
    if not source.seek_subimage(part, 0):
        raise InputError(expected=f"{name} to be a whole image file", got=f"no part {part}")
    spec = source.spec()
    check_size(spec, name)
    last = spec.nchannels if last is None else last
    oiio_kind = {"float16": "half", "float32": "float", "uint32": "uint"}.get(kind, kind)
    pixels = source.read_image(part, 0, first, last, oiio_kind)
    error = source.geterror()
    if pixels is None or (error and re.search(r"premature|truncat|corrupt|end of file|hit end", error, re.IGNORECASE)):
        raise InputError(expected=f"{name} to be a whole image file", got=_reason(error, ""), fix="Export the file again")
    pixels = np.asarray(pixels).reshape(spec.height, spec.width, last - first)
    if (spec.full_width, spec.full_height, spec.full_x, spec.full_y) == (spec.width, spec.height, spec.x, spec.y):
        return pixels
    frame = np.zeros((spec.full_height, spec.full_width, last - first), pixels.dtype)
    left, top = spec.x - spec.full_x, spec.y - spec.full_y
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + spec.width, spec.full_width), min(top + spec.height, spec.full_height)
    if x1 > x0 and y1 > y0:
        frame[y0:y1, x0:x1] = pixels[y0 - top : y1 - top, x0 - left : x1 - left]
    return frame


def unassociate(pixels: np.ndarray, *, exact: bool = False) -> np.ndarray:
    """Divides colour by alpha (the last channel) where alpha is above 0; infinity and NaN stay.

    Args:
        pixels: ``(H, W, 2 or 4)``.
        exact: Whether halves become float32 where there is an alpha between 0 and 1, so that they come back to the bit when they
            are multiplied again; else the storage type stays.
    """
    alpha = to_float(pixels[..., -1:])
    soft = (alpha > 0) & (alpha != 1)
    if not soft.any():
        return pixels
    color = to_float(pixels[..., :-1])
    with np.errstate(over="ignore"):
        color = np.divide(color, alpha, out=color, where=soft)
    if pixels.dtype == np.float16 and exact:
        return np.concatenate([color, alpha], axis=2)
    odd = ~np.isfinite(pixels[..., :-1]) if pixels.dtype.kind == "f" else np.zeros(1, bool)
    return np.concatenate([np.where(odd, pixels[..., :-1], from_float(color, pixels.dtype)), pixels[..., -1:]], axis=2)


def _refuse_several(source: Any, file: EncodedFile) -> None:
    name = file.name
    first = source.spec()
    size = (first.width, first.height)
    form = source.format_name()
    movie = first.get_int_attribute("oiio:Movie") == 1 or form in ("gif", "webp", "png", "tiff")
    if movie and source.seek_subimage(1, 0):
        second = source.spec()
        # A TIFF may carry its thumbnail as a second, smaller page: that is still one picture.
        if form != "tiff" or (second.width, second.height) == size:
            raise InputError(expected=f"{name} to be one still image", got="several frames or pages", fix="Export the frame that you want")
    if form == "png" and _is_animated_png(file.data):
        raise InputError(expected=f"{name} to be one still image", got="an animated PNG", fix="Export the frame that you want")
    source.seek_subimage(0, 0)


def _is_animated_png(data: np.ndarray) -> bool:
    """Whether a chunk ``acTL`` stands before the pixels; OpenImageIO shows the first frame of such a file and hides the others."""
    at = 8
    while at + 8 <= data.size:
        length, kind = int.from_bytes(data[at : at + 4].tobytes(), "big"), data[at + 4 : at + 8].tobytes()
        if kind in (b"acTL", b"IDAT"):
            return kind == b"acTL"
        at += 12 + length
    return False


def _choose_channels(source: Any, name: str) -> tuple[int, list[int], bool]:
    """The part, the channel numbers in R, G, B, A order and whether they are colour."""
    source.seek_subimage(0, 0)
    if source.format_name() != "openexr":
        spec = source.spec()
        count = spec.nchannels
        if count <= 4:
            return 0, list(range(count)), True
        if spec.alpha_channel == 3 or spec.channelnames[:3] == ("R", "G", "B"):
            return 0, list(range(4 if spec.alpha_channel == 3 else 3)), True
        raise InputError(expected=f"{name} to have 1 to 4 channels", got=f"{count}", fix="Save it as grayscale, RGB or RGBA")
    fallback: tuple[int, list[int], bool] | None = None
    best: tuple[int, tuple[int, list[int], bool]] | None = None
    part = 0
    while source.seek_subimage(part, 0):
        spec = source.spec()
        groups: dict[str, dict[int, int]] = {}
        for number, channel in enumerate(spec.channelnames):
            layer, _, component = channel.rpartition(".")
            if component.lower() in _RGBA:
                groups.setdefault(layer, {})[_RGBA[component.lower()]] = number
            elif component.lower() == "y" and channel.upper() == "Y":
                groups.setdefault("", {})[0] = number
        for layer, found in groups.items():
            chosen = (part, [found[i] for i in sorted(found)], True)
            if not (set(found) >= {0, 1, 2} or set(found) in ({0}, {0, 3})):
                continue
            part_name = spec.get_string_attribute("oiio:subimagename")
            rank = 0 if not layer and not part_name else 1 if "Combined" in layer or "Combined" in part_name else 2
            if best is None or rank < best[0]:
                best = (rank, chosen)
        if fallback is None and spec.nchannels <= 4:
            fallback = (part, list(range(spec.nchannels)), False)
        part += 1
    if best is not None:
        return best[1]
    if fallback is not None:
        return fallback
    raise InputError(expected=f"{name} to hold a colour picture", got="channels " + ", ".join(source.spec().channelnames[:8]))


def _color_space(form: str, spec: Any, is_color: bool, pixels: np.ndarray) -> str:
    if not is_color:
        return "data"
    stated = spec.get_string_attribute("oiio:ColorSpace").lower()
    if stated in ("linear", "scene_linear") or stated.startswith("lin_"):
        return "linear"
    if stated.startswith("srgb") or "rec709_scene" in stated:
        return "srgb"
    if form in _LINEAR_FORMATS or (form == "tiff" and np.issubdtype(pixels.dtype, np.floating)):
        return "linear"
    return "srgb"


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Applies the EXIF orientation, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _reason(error: str, path: str) -> str:
    lines = [line.strip() for line in error.replace(path, "the file").splitlines() if line.strip()] if path else error.splitlines()
    return (lines[0] if lines else "data that no reader knows")[:200]

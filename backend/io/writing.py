"""Encoding of pictures as file bytes."""

from __future__ import annotations

import numpy as np
import OpenImageIO as oiio  # noqa: N813 -- the name its own documentation uses

from ...shared.errors import InputError, StorageError
from ...shared.notes import note
from ...shared.values import Image
from ..core.color import associate, from_float, to_float, to_half, to_linear, to_srgb
from .alpha import over_black
from .temporary import no_room, temporary_file, words_of

_CHANNEL_NAMES = {1: ("Y",), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}
_OIIO_KIND = {"uint8": "uint8", "uint16": "uint16", "uint32": "uint", "float16": "half", "float32": "float"}

NO_DATE = "1970:01:01 00:00:00"
"""Instead of the time of writing, which would make the same pixels other bytes each second."""


def encode(image: Image, suffix: str) -> bytes:
    """Encodes a picture.

    | suffix | depth | colour |
    |---|---|---|
    | png | 8 bit for 8-bit pixels, else 16 bit | sRGB |
    | jpg | 8 bit, quality 95, what is seen over black | sRGB |
    | tif | as the pixels; halves become float | sRGB for integers, linear for floats |
    | exr | half for 8-bit and half pixels, float for 16-bit and float ones, uint32 for ids | linear, alpha associated |

    ``data`` is never converted by a curve.

    Args:
        image: 1, 3 or 4 channels; any number for exr and tif.
        suffix: ``png``, ``jpg``, ``jpeg``, ``tif``, ``tiff`` or ``exr``, with or without a dot.

    Raises:
        InputError: Suffix or channel count that cannot be written.
        StorageError: No room for the temporary file.
    """
    form = suffix.lower().lstrip(".")
    form = {"jpeg": "jpg", "tiff": "tif"}.get(form, form)
    if form not in ("png", "jpg", "tif", "exr"):
        raise InputError(expected="a file of type png, exr, tif or jpg", got=suffix)
    count = image.pixels.shape[2]
    if form in ("png", "jpg") and count not in _CHANNEL_NAMES:
        raise InputError(expected=f"1, 3 or 4 channels for a {form} file", got=str(count), fix="Write it as EXR")
    if form in ("png", "tif", "jpg") and count == 4 and image.color_space != "data":
        _note_alpha(image, form)
    pixels, space = stored(image, form)
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], _OIIO_KIND[pixels.dtype.name])
    spec.channelnames = _CHANNEL_NAMES.get(pixels.shape[2], tuple(f"channel{i}" for i in range(pixels.shape[2])))
    if image.color_space == "data" and form == "exr" and pixels.shape[2] == 1:
        spec.channelnames = ("V",)
    spec.attribute("oiio:ColorSpace", {"srgb": "srgb_rec709_scene", "linear": "lin_rec709_scene"}.get(space, "data"))
    spec.attribute("DateTime", NO_DATE)
    if form == "exr":
        spec.attribute("compression", "zip")
    else:
        spec.attribute("oiio:UnassociatedAlpha", 1)
    if form == "tif":
        spec.attribute("compression", "zip")
    if form == "jpg":
        spec.attribute("Compression", "jpeg:95")
        spec.attribute("jpeg:subsampling", "4:4:4")
    return _write(pixels, spec, form)


def _note_alpha(image: Image, form: str) -> None:
    """Notes what of a picture its file cannot hold."""
    hidden = image.pixels[..., 3] == 0
    if form == "jpg" and to_float(image.pixels[..., 3]).min() < 1:
        note("JPEG has no alpha: what is seen over black was written")
    elif form != "jpg" and image.color_space == "linear" and bool((hidden & (image.pixels[..., :3] != 0).any(2)).any()):
        note(f"light without alpha cannot be seen in a .{form}: write OpenEXR to keep it")


def stored(image: Image, form: str) -> tuple[np.ndarray, str]:
    """Pixels in the storage type and the colour space of a file of that type, see ``encode``; and the space's name."""
    if form == "jpg":
        image = over_black(image)
    pixels, space = image.pixels, image.color_space
    source = pixels.dtype.name
    if form == "exr":
        kind = {"uint8": "float16", "float16": "float16", "uint32": "uint32" if space == "data" else "float32"}.get(source, "float32")
    elif form == "tif":
        kind = {"float16": "float32"}.get(source, source)
    else:
        kind = "uint8" if form == "jpg" or source == "uint8" else "uint16"
    wanted = space
    if space != "data":
        wanted = "linear" if form == "exr" or (form == "tif" and kind == "float32") else "srgb"
    alpha = pixels.shape[2] == 4 and space != "data"
    if form == "jpg" and pixels.shape[2] == 4:
        pixels = pixels[..., :3]
        alpha = False
    if wanted == space and kind == pixels.dtype.name and not (alpha and form == "exr"):
        return np.ascontiguousarray(pixels), wanted
    values = to_float(pixels)
    color = values[..., :3] if alpha else values
    if wanted != space:
        color = to_linear(color) if wanted == "linear" else to_srgb(np.maximum(color, 0.0))
    if alpha and form == "exr":
        color = associate(color, values[..., 3:], light=space == "linear")
    values = np.concatenate([color, values[..., 3:]], axis=2) if alpha else color
    return np.ascontiguousarray(to_half(values) if kind == "float16" else from_float(values, kind)), wanted


def _write(pixels: np.ndarray, spec: oiio.ImageSpec, form: str) -> bytes:
    with temporary_file("." + form) as path:
        out = oiio.ImageOutput.create(path)
        if out is None or not out.open(path, spec) or not out.write_image(pixels) or not out.close():
            reason = (out.geterror() if out is not None else oiio.geterror()) or "the disk may be full"
            message = f"The {form} file could not be written: {words_of(reason)}"
            raise StorageError(message, fix="Free some space in the temporary folder")
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            raise no_room(error) from error

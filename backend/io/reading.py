"""Decoding of image files: one still picture out of PNG, JPEG, TIFF, OpenEXR, TGA, BMP, WebP and whatever else OpenImageIO reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...shared.errors import InputError
from ...shared.notes import note
from ...shared.values import EncodedFile, Image
from .alpha import straight, unassociate
from .color.coded import png_colors
from .color.encoding import LINEAR, SRGB, Encoding, converted
from .color.meaning import encoding_of
from .exr_combined import combined_channels
from .image_file import open_file, read_part
from .orientation import as_camera_sees, orientation_of, upright

_NATIVE = {
    "uint8": "uint8",
    "uint16": "uint16",
    "uint": "uint32",
    "uint32": "uint32",
    "half": "float16",
    "float": "float32",
    "double": "float32",
}
_SIGNED = {"int8": "uint8", "int16": "uint16", "int": "uint32", "int32": "uint32"}
"""Signed types, whose numbers are taken as they are where they are no colours, those below 0 as 0."""
_ASSOCIATED = ("openexr", "tiff", "psd", "jpegxl", "rla", "iff")
"""Formats whose alpha is associated unless the file says otherwise; that of all others is straight."""
_MAY_LACK_ALPHA = ("bmp", "targa")
"""Formats of 32 bits a pixel, of which eight may be unused."""


def decode(file: EncodedFile, *, camera: tuple[int, int] | None = None, use: str = "color") -> Image:
    """Decodes one still picture; the format is known by its content.

    Integer files keep their depth (8, 16 or 32 bit), half stays half, float stays float. Gray with alpha becomes RGBA; palettes and
    CMYK become RGB. Alpha comes out unassociated. OpenEXR is cropped or padded to its display window, and a multilayer file gives its
    combined pass (``decode_layers`` gives all). What the colours are, ``meaning.encoding_of`` says: what is neither sRGB nor linear
    Rec.709 becomes float32 of the latter. Channels that are no colour, and whole numbers in OpenEXR, are ``data``.

    Args:
        file: The file.
        camera: Width and height of the camera of a picture that has one: its pixels are then used as they are stored. Without,
            a photograph is turned upright by its EXIF orientation.
        use: ``color``; ``texture`` for those of meshes, which are sRGB and as they are stored, as glTF asks; ``numbers`` for what is
            no colour (depth, normals, maps): given as stored, as ``data``, whatever the file says of colours and alpha; or ``mask``,
            whose alpha counts and whose values are as stored: painting programs tag gray pictures with profiles, and half white is half.

    Raises:
        InputError: Unreadable, truncated, animated, too large, or with channels that make no picture.
    """
    with open_file(file) as source:
        _refuse_several(source, file)
        part, channels, is_color = _choose_channels(source, file)
        source.seek_subimage(part, 0)
        spec, form = source.spec(), source.format_name()
        kinds = {str(spec.channelformats[c]) for c in channels} if spec.channelformats else {str(spec.format)}
        stored = kinds.pop() if len(kinds) == 1 else ""
        signed = stored if use == "numbers" and stored in _SIGNED else ""
        kind = signed or _NATIVE.get(stored, "float32")
        is_color = is_color and use != "numbers" and not (form == "openexr" and kind == "uint32")
        first = min(channels)
        whole = read_part(source, part, kind, file.name, first, max(channels) + 1)  # not all the passes next to it
        pixels = np.ascontiguousarray(whole[..., [c - first for c in channels]])
        if signed:
            pixels = np.maximum(pixels, 0).astype(_SIGNED[signed])
        lines, orientation = orientation_of(spec, form)
        _note_shape(spec, file.name)
        encoding = _encoding(file, source, pixels, use) if is_color else None
        associated = form in _ASSOCIATED and spec.get_int_attribute("oiio:UnassociatedAlpha") != 1
    pixels = upright(pixels, lines)
    if camera is not None:
        pixels = as_camera_sees(pixels, orientation, camera, file.name)
    elif use != "texture" and orientation != 1:
        note("turned upright by its EXIF orientation", file.name)
        pixels = upright(pixels, orientation)
    if pixels.shape[2] == 2 and (encoding is not None or form != "openexr"):
        pixels = pixels[..., [0, 0, 0, 1]]
    if encoding is None:
        return Image(np.ascontiguousarray(pixels), "data")
    return _colored(pixels, encoding, form, associated, file.name)


def _colored(pixels: np.ndarray, encoding: Encoding, form: str, associated: bool, name: str) -> Image:
    """Stored colours as a picture: sRGB as it is, everything else in linear light; with straight alpha."""
    if form in _MAY_LACK_ALPHA and pixels.shape[2] == 4 and not pixels[..., 3].any():
        note("its alpha is 0 everywhere and is left out: programs that write none leave the byte empty", name)
        pixels = pixels[..., :3]
    alpha = pixels.shape[2] == 4
    if alpha and associated:
        pixels = unassociate(pixels)
    pixels = np.ascontiguousarray(pixels)
    if encoding is SRGB:
        image = Image(pixels, "srgb")
    elif encoding is LINEAR and pixels.dtype.kind == "f":
        image = Image(pixels, "linear")
    else:
        image = converted(Image(pixels, "linear"), encoding)
    return image if not alpha or associated else straight(image)


def _encoding(file: EncodedFile, source: Any, pixels: np.ndarray, use: str) -> Encoding | None:
    if use in ("mask", "texture"):
        return LINEAR if source.format_name() == "openexr" else SRGB
    whole = str(source.spec().format).startswith("int")  # signed: decoded as floats
    dtype = np.dtype(np.uint16) if whole else pixels.dtype
    return encoding_of(file, source.spec(), source.format_name(), dtype, 3 if pixels.shape[2] >= 3 else 1)


def _note_shape(spec: Any, name: str) -> None:
    ratio = spec.get_float_attribute("PixelAspectRatio", 1.0)
    if ratio > 0 and abs(ratio - 1) > 0.01:
        note(f"its pixels are said to be {ratio:.3g} times as wide as high; they are used as squares", name)


def _refuse_several(source: Any, file: EncodedFile) -> None:
    name = file.name
    first = source.spec()
    form = source.format_name()
    movie = first.get_int_attribute("oiio:Movie") == 1 or form in ("gif", "webp", "png", "tiff", "jpegxl")
    if movie and source.seek_subimage(1, 0):
        second = source.spec()
        # A TIFF may carry its thumbnail as a second, smaller page: that is still one picture.
        if form != "tiff" or second.width * second.height >= first.width * first.height:
            raise InputError(expected=f"{name} to be one still image", got="several frames or pages", fix="Export the frame that you want")
        note("its further, smaller pages are left out", name)
    if form == "png" and png_colors(file).animated:  # OpenImageIO shows the first frame and hides the others
        raise InputError(expected=f"{name} to be one still image", got="an animated PNG", fix="Export the frame that you want")
    source.seek_subimage(0, 0)


def _choose_channels(source: Any, file: EncodedFile) -> tuple[int, list[int], bool]:
    """The part, the channel numbers in R, G, B, A order and whether they are colour."""
    source.seek_subimage(0, 0)
    if source.format_name() == "openexr":
        return combined_channels(source, file)
    spec = source.spec()
    count, alpha = spec.nchannels, spec.alpha_channel
    if source.format_name() == "tiff" and count in (2, 4) and alpha != count - 1:
        note("its last channel is not said to be alpha and is left out", file.name)
        return 0, list(range(count - 1)), True
    if count <= 4:
        return 0, list(range(count)), True
    if alpha == 3 or spec.channelnames[:3] == ("R", "G", "B"):
        note("its channels beyond RGB and alpha are left out", file.name)
        return 0, list(range(4 if alpha == 3 else 3)), True
    raise InputError(expected=f"{file.name} to have 1 to 4 channels", got=f"{count}", fix="Save it as grayscale, RGB or RGBA")

"""What the colours of a file are, in one order: what the artist says, what the file says, the artist's file rules, the format's default.

What the file says is, the first that there is:

- PNG: ``cICP``, ``iCCP``, ``sRGB``, ``gAMA`` with ``cHRM``
- OpenEXR: ``colorInteropID``, then ``chromaticities`` with ``adoptedNeutral`` (ACES2065-1 for ``acesImageContainerFlag`` alone)
- Radiance: ``PRIMARIES``, or XYZ in place of RGB
- DPX, Cineon: the transfer characteristic
- others: code points (JPEG XL), an ICC profile, Exif's Adobe RGB (interoperability index R03), a colour space by name
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ....shared.errors import InputError
from ....shared.notes import note
from ....shared.values import COLOR_SPACES, EncodedFile
from . import ocio
from .coded import coded_encoding, png_colors
from .curves import VIDEO, cineon, gamma
from .encoding import LINEAR, SRGB, Encoding
from .exif import is_adobe_rgb
from .icc import ProfileError, read_profile
from .primaries import ADOBE_RGB, AP0, REC709, to_rec709

_UNSAID = ("", "unknown", "linear", "scene_linear", "lin_rec709")
"""What OpenImageIO says of OpenEXR files that say nothing."""
_LINEAR_FORMATS = ("openexr", "hdr")
_DENSITY = ("Printing density", "Logarithmic")
_VIDEO = ("SMPTE 274M", "ITU-R 709-4", "ITU-R 601-5 system B or G", "ITU-R 601-5 system M", "NTSC composite video", "PAL composite video")
_XYZ = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3)


def encoding_of(file: EncodedFile, spec: Any, form: str, dtype: np.dtype, channels: int) -> Encoding | None:
    """What takes the colours of a file, or of one part of it, to scene-linear Rec.709.

    Args:
        file: The file; its ``color_space`` is what the artist says.
        spec: OpenImageIO's of the part.
        form: OpenImageIO's name of the format.
        dtype: Of the pixels.
        channels: Colour channels, 1 or 3.

    Returns:
        ``SRGB`` and ``LINEAR`` themselves where the stored values are just that; None where the file says that it is no colour.

    Raises:
        InputError: The artist's config has no such space.
    """
    said = file.color_space
    if said in COLOR_SPACES:
        return {"srgb": SRGB, "linear": LINEAR}.get(said)
    if said:
        return _plain(ocio.encoding(said))
    if _interop(spec) == "data":
        return None
    stated = _STATED.get(form, _others)(file, spec, form, channels)
    if stated is not None:
        return _plain(stated)
    rule = _rule(file)
    if rule:
        return None if ocio.is_data(rule) else _plain(ocio.encoding(rule))
    return LINEAR if form in _LINEAR_FORMATS or dtype.kind == "f" else SRGB


def _rule(file: EncodedFile) -> str:
    try:
        return ocio.file_rule(file.name)
    except InputError as error:
        note(f"no file rules: {str(error).rstrip('.')}")
        return ""


def _plain(encoding: Encoding) -> Encoding:
    if encoding is SRGB or encoding is LINEAR:
        return encoding
    return {"srgb": SRGB, "linear": LINEAR}.get(encoding.usual(), encoding)


def _interop(spec: Any) -> str:
    return str(spec.get_string_attribute("colorInteropID")).strip()


def _png(file: EncodedFile, spec: Any, form: str, channels: int) -> Encoding | None:
    found = png_colors(file)
    for name in found.unknown:
        note(f"its colour information ({name}) is not understood and left out", file.name)
    return (_profile(file, found.profile, channels) if found.profile else None) or found.encoding


def _exr(file: EncodedFile, spec: Any, form: str, channels: int) -> Encoding | None:
    name = _interop(spec) or spec.get_string_attribute("oiio:ColorSpace")
    if name.lower() not in _UNSAID:
        known = ocio.interop_encoding(name)
        if known is not None:
            return known
        note(f"its colour space {name[:60]!r} is not known; its chromaticities count", file.name)
    values = _floats(spec, "chromaticities", 8)
    aces = spec.get_int_attribute("acesImageContainerFlag") == 1
    neutral = _floats(spec, "adoptedNeutral", 2)
    if values is None and neutral is None and not aces:
        return None
    chromaticities = values or (AP0 if aces else REC709)
    try:
        return Encoding("its chromaticities", (), to_rec709(chromaticities, neutral))
    except ValueError:
        note("its chromaticities span no colours and are left out: its colours are taken for linear Rec.709", file.name)
        return None


def _floats(spec: Any, name: str, count: int) -> tuple[float, ...] | None:
    value = spec.getattribute(name)
    if not isinstance(value, tuple) or len(value) != count or not all(isinstance(v, float) for v in value):
        return None
    return value


def _radiance(file: EncodedFile, spec: Any, form: str, channels: int) -> Encoding | None:
    head = file.start(8192).split(b"\n\n", 1)[0].decode("latin-1")
    exposures = [float(value) for value in re.findall(r"^EXPOSURE=\s*([-+0-9.eE]+)\s*$", head, re.MULTILINE) if _is_number(value)]
    if exposures and abs(float(np.prod(exposures)) - 1) > 1e-6:
        note("its EXPOSURE is left out: the pixels count as they are", file.name)
    given = re.search(r"^PRIMARIES=([-+0-9.eE \t]+)$", head, re.MULTILINE)
    values: tuple[float, ...] | None = _XYZ if "32-bit_rle_xyze" in head else None
    if given and values is None:
        numbers = given[1].split()
        values = tuple(float(n) for n in numbers) if len(numbers) == 8 and all(map(_is_number, numbers)) else ()
    if values is None:
        return None
    try:
        return Encoding("its PRIMARIES", (), to_rec709(values))
    except (ValueError, IndexError):
        note("its PRIMARIES span no colours and are left out: its colours are taken for linear Rec.709", file.name)
        return None


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _film(file: EncodedFile, spec: Any, form: str, channels: int) -> Encoding | None:
    transfer = "Printing density" if form == "cineon" else spec.get_string_attribute("dpx:Transfer")
    if transfer in _DENSITY:
        note("printing density (Cineon log) was made linear by Kodak's numbers, black 95 and white 685; "
             "say what it is with --color-space if it is the log of a camera", file.name)  # fmt: skip
        return Encoding("printing density", (cineon,))
    if transfer == "Linear":
        return LINEAR
    return Encoding("Rec.709 video", (VIDEO,)) if transfer in _VIDEO else None


def _others(file: EncodedFile, spec: Any, form: str, channels: int) -> Encoding | None:
    points = spec.getattribute("CICP")
    if isinstance(points, tuple) and len(points) == 4:
        stated = coded_encoding(*points)
        if stated is not None:
            return stated
        note("its colour information (cICP) is not understood and left out", file.name)
    if _inks(spec):
        note("its CMYK inks were converted to RGB by a plain formula, not by a profile; convert it to sRGB for true colours", file.name)
        return None
    data = spec.getattribute("ICCProfile")
    profile = None if data is None else _profile(file, np.asarray(data, np.uint8).tobytes(), channels)
    if profile is not None:
        return profile
    if form == "jpeg" and is_adobe_rgb(file):
        return Encoding("Adobe RGB", (gamma(563 / 256),), to_rec709(ADOBE_RGB))
    name = spec.get_string_attribute("oiio:ColorSpace")
    return None if form in ("jpeg", "webp", "bmp", "gif", "pnm", "ico", "jpeg2000") else ocio.interop_encoding(name)


def _profile(file: EncodedFile, data: bytes, channels: int) -> Encoding | None:
    try:
        return read_profile(data, channels)
    except ProfileError as error:
        note(f"its ICC profile {error} and is left out", file.name)
        return None


def _inks(spec: Any) -> bool:
    """Whether the file holds CMYK, which OpenImageIO converts."""
    names = ("jpeg:ColorSpace", "tiff:ColorSpace", "psd:ColorMode")
    return any("cmyk" in spec.get_string_attribute(name).lower() for name in names)


_STATED: dict[str, Callable[[EncodedFile, Any, str, int], Encoding | None]] = {
    "png": _png, "openexr": _exr, "hdr": _radiance, "dpx": _film, "cineon": _film,
}  # fmt: skip

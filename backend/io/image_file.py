"""Image files opened by OpenImageIO: by their content, within limits, whole, and without its words about temporary files."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import OpenImageIO as oiio  # noqa: N813 -- the name its own documentation uses

from ...shared.errors import InputError
from ...shared.notes import note
from ...shared.picture_header import format_suffix
from ...shared.values import EncodedFile
from .jpeg_end import END, has_every_scan, lacks_end
from .temporary import no_room, temporary_file, words_of

MAX_PIXELS = 2**28
"""Largest picture that is decoded, 16384 x 16384; a header that claims more is refused before any memory is taken."""

MAX_BYTES = 2**33
"""Largest decoded size of all channels of one part of a file, in bytes."""

_DAMAGED = re.compile(r"premature|truncat|corrupt|end of file|hit end", re.IGNORECASE)
_HARMLESS = re.compile(r"extraneous bytes before marker", re.IGNORECASE)


def is_exr(file: EncodedFile) -> bool:
    """Whether the bytes are OpenEXR, whatever the name says."""
    return format_suffix(file.start(16)) == ".exr"


@contextlib.contextmanager
def open_file(file: EncodedFile) -> Iterator[Any]:
    """Opens the bytes as an ``OpenImageIO.ImageInput``, its header checked against the size limits.

    OpenImageIO's Python module cannot read from memory, so the bytes pass through a temporary file.

    Raises:
        InputError: Empty, no known image format, damaged header, or larger than the limits.
    """
    data = file.data
    if not data.size:
        raise InputError(expected=f"{file.name} to be an image file", got="an empty file", fix="Export the file again")
    with temporary_file(_suffix(file)) as path:
        endless = _fill(path, data, file.name)
        source = None
        try:
            config = oiio.ImageSpec()
            config.attribute("oiio:UnassociatedAlpha", 1)  # keep straight alpha straight: multiplying would lose bits
            source = oiio.ImageInput.open(path, config)
            if source is None:
                raise _unreadable(file, oiio.geterror())
            check_size(source.spec(), file.name)
            yield source
            if endless:
                note("the JPEG lacks its end marker; all its pixels are there", file.name)
        except UnicodeDecodeError as error:  # of a channel, or of a damaged header
            expected = f"{file.name} with names in UTF-8"
            raise InputError(expected=expected, got="other bytes in its header", fix="Export the file again") from error
        finally:
            if source is not None:
                source.close()


def _fill(path: str, data: np.ndarray, name: str) -> bool:
    """Writes a file's bytes; whether they are a JPEG without its end marker, which is put there."""
    endless = lacks_end(data)
    if endless:
        _check_scans(data, name)
    try:
        with open(path, "wb") as out:
            out.write(np.ascontiguousarray(data).data)
            if endless:
                out.write(END)
    except OSError as error:
        raise no_room(error) from error
    return endless


def _check_scans(data: np.ndarray, name: str) -> None:
    if not has_every_scan(data.tobytes()):
        got = "a JPEG that ends before its last scan"
        raise InputError(expected=f"{name} to be a whole image file", got=got, fix="Export the file again")


def _suffix(file: EncodedFile) -> str:
    return format_suffix(file.start(16)) or re.sub(r"[^a-z0-9.]", "", os.path.splitext(file.name)[1].lower())[:8]


def _unreadable(file: EncodedFile, error: str) -> InputError:
    words = words_of(error)
    if is_exr(file) and "ubsampled" in words:
        return InputError(expected=f"{file.name} as RGB", got="luminance and chroma (Y, RY, BY)", fix="Save it as RGB")
    if file.start(12)[4:] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif", b"ftypmsf1", b"ftyphevc"):
        return InputError(expected=f"{file.name} as PNG, JPEG, TIFF or EXR", got="HEIC or AVIF", fix="Convert it to JPEG or PNG first")
    return InputError(expected=f"{file.name} to be an image file", got=words, fix="Save it as PNG, JPEG, TIFF or EXR")


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
    if width < 1 or height < 1 or min(spec.width, spec.height, spec.full_width, spec.full_height) < 1 or spec.nchannels < 1:
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
    if pixels is None or any(_DAMAGED.search(line) and not _HARMLESS.search(line) for line in error.splitlines()):
        raise InputError(expected=f"{name} to be a whole image file", got=words_of(error), fix="Export the file again")
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

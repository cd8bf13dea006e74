"""Colours by numbers: the code points of ITU-T H.273 (``cICP``), and the colour chunks of PNG."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Iterator

from ....shared.values import EncodedFile
from ...core.color import to_linear
from .curves import CODED as CURVES
from .curves import Curve, gamma
from .encoding import SRGB, Encoding
from .primaries import CODED as PRIMARIES
from .primaries import REC709, to_rec709

_SIGNATURE = 8
"""Bytes in front of the first chunk."""
_ENOUGH = 1 << 22
"""Bytes in which all chunks in front of the pixels are; profiles of printers have two megabytes."""


def coded_encoding(primaries: int, transfer: int, matrix: int, full: int) -> Encoding | None:
    """The encoding of four code points; None for those that mean nothing in an RGB file, or nothing known."""
    if primaries not in PRIMARIES or transfer not in CURVES or matrix != 0:
        return None
    curve = CURVES[transfer]
    return Encoding(f"cICP {primaries}/{transfer}", (curve if full else _narrow(curve),), to_rec709(PRIMARIES[primaries]))


def _narrow(curve: Curve) -> Curve:
    """A curve of values from 16/255 to 235/255."""
    return lambda values: curve((values - 16 / 255) * (255 / 219))


@dataclasses.dataclass(frozen=True)
class PngColors:
    """What the chunks of a PNG say.

    Attributes:
        encoding: By ``cICP``, else ``sRGB``, else ``gAMA`` and ``cHRM``; None where there is nothing to go by.
        profile: The ICC profile, if one counts: ``cICP`` counts before it. libpng hides those of RGB in gray pictures.
        unknown: Names of chunks that cannot be understood.
        animated: Whether there are more frames than the first (``acTL``).
    """

    encoding: Encoding | None
    profile: bytes
    unknown: tuple[str, ...]
    animated: bool


def png_colors(file: EncodedFile) -> PngColors:
    """The colour chunks in front of the pixels, in the order of PNG's third edition."""
    chunks = dict(_chunks(file.start(_ENOUGH)))
    unknown = []
    animated = b"acTL" in chunks
    if b"cICP" in chunks:
        stated = coded_encoding(*chunks[b"cICP"]) if len(chunks[b"cICP"]) == 4 else None
        if stated is not None:
            return PngColors(stated, b"", (), animated)
        unknown.append("cICP")
    profile = _inflated(chunks[b"iCCP"]) if b"iCCP" in chunks else b""
    if b"sRGB" in chunks:
        return PngColors(SRGB, profile, tuple(unknown), animated)
    exponent, chromaticities = 0.0, REC709
    if len(chunks.get(b"gAMA", b"")) == 4 and (stored := struct.unpack(">I", chunks[b"gAMA"])[0]) > 0:
        exponent = 100000 / stored
    if len(chunks.get(b"cHRM", b"")) == 32:
        white_x, white_y, *rest = (value / 100000 for value in struct.unpack(">8I", chunks[b"cHRM"]))
        chromaticities = (*rest, white_x, white_y)  # type: ignore[assignment]
    try:
        matrix = to_rec709(chromaticities)
    except ValueError:
        matrix = None
        unknown.append("cHRM")
    if not 0.1 <= exponent <= 10:
        if exponent:
            unknown.append("gAMA")
        exponent = 0.0
    if not exponent and matrix is None:
        return PngColors(None, profile, tuple(unknown), animated)
    curve = gamma(_usual(exponent)) if exponent else to_linear
    return PngColors(Encoding("gAMA and cHRM", (curve,), matrix), profile, tuple(unknown), animated)


def _usual(exponent: float) -> float:
    """2.2 and 1.8 are stored as rounded inverses."""
    return next((usual for usual in (1.0, 1.8, 2.2, 2.4, 2.6) if abs(exponent - usual) < 2e-4), exponent)


def _inflated(chunk: bytes) -> bytes:
    """The profile of an ``iCCP`` chunk: a name, a method and compressed bytes."""
    try:
        return zlib.decompressobj().decompress(chunk[chunk.index(b"\0") + 2 :], _ENOUGH)
    except (zlib.error, ValueError):
        return b"damaged"


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = _SIGNATURE
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IDAT":
            return
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length

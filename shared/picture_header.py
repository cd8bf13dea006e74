"""What the first bytes of a picture's file say, without decoding it: its format, and its size.

The size is that of the pixels as they are stored, which is what cameras are solved for. EXIF
orientation does not count here: a picture with a camera is not turned (docs/formats.md, "Pictures").
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

from .values import EncodedFile

_HEADER = 1 << 18
_MOST = 1 << 28
"""Bytes in which headers end: most, and all that are looked at."""
_Size = tuple[int, int]
_STARTS = (
    (b"\x89PNG", ".png"), (b"\xff\xd8", ".jpg"), (b"\x76\x2f\x31\x01", ".exr"), (b"II*\0", ".tif"), (b"MM\0*", ".tif"),
    (b"II+\0", ".tif"), (b"MM\0+", ".tif"), (b"#?", ".hdr"), (b"SDPX", ".dpx"), (b"XPDS", ".dpx"),
    (b"BM", ".bmp"), (b"GIF8", ".gif"), (b"8BPS", ".psd"), (b"PF\n", ".pfm"), (b"Pf\n", ".pfm"), (b"P5", ".pgm"), (b"P6", ".ppm"),
)  # fmt: skip
"""How files of formats begin, and their suffix."""


def format_suffix(start: bytes) -> str:
    """The suffix of a file's format by its first bytes (12 or more), such as ``.exr``; empty where they say nothing."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for begin, suffix in _STARTS if start.startswith(begin)), "")


def picture_size(channels: Mapping[str, Any]) -> _Size | None:
    """Width and height of the first file whose header says them: PNG, JPEG, OpenEXR, TIFF, WebP, Radiance, BMP, PNM and PFM."""
    for file in channels.values():
        if isinstance(file, EncodedFile):
            size = header_size(file)
            if size is not None:
                return size
    return None


def header_size(file: EncodedFile) -> _Size | None:
    """Width and height of a picture, or None for another format or a damaged header."""
    head = file.start(_HEADER)
    read = _READERS.get(format_suffix(head), _pnm if re.match(rb"P[1-6Ff]", head) else None)
    if read is None:
        return None
    size = _tried(read, head)
    if size is None and len(head) == _HEADER and read in (_jpeg, _tiff):  # pictures inside of the header; a directory at the end
        size = _tried(read, file.start(_MOST))
    return size


def _tried(read: Callable[[bytes], _Size | None], head: bytes) -> _Size | None:
    try:
        size = read(head)
    except (struct.error, IndexError, ValueError, KeyError):
        return None
    return size if size is not None and min(size) > 0 else None


def _png(head: bytes) -> _Size | None:
    if head[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    return struct.unpack(">II", head[16:24])


def _jpeg(head: bytes) -> _Size | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 1 if marker == 0xFF else 2 + struct.unpack(">H", head[at + 2 : at + 4])[0]
    return None


def _exr(head: bytes) -> _Size | None:
    """The display window, in which pictures are placed."""
    found = re.search(rb"displayWindow\0box2i\0\x10\0\0\0(.{16})", head, re.DOTALL)
    if found is None:
        return None
    left, top, right, bottom = struct.unpack("<4i", found[1])
    return right - left + 1, bottom - top + 1


def _tiff(head: bytes) -> _Size | None:
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    (start,) = struct.unpack(order + ("Q" if big else "I"), head[8:16] if big else head[4:8])
    (count,) = struct.unpack(order + ("Q" if big else "H"), head[start : start + (8 if big else 2)])
    length, values = (20, 12) if big else (12, 8)
    found: dict[int, int] = {}
    for number in range(min(count, 200)):
        entry = head[start + (8 if big else 2) + number * length :][:length]
        tag, kind = struct.unpack(order + "HH", entry[:4])
        if tag in (256, 257):
            found[tag] = struct.unpack(order + {3: "H", 4: "I", 16: "Q"}[kind], entry[values:][: {3: 2, 4: 4, 16: 8}[kind]])[0]
    return (found[256], found[257]) if len(found) == 2 else None


def _webp(head: bytes) -> _Size | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", head[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _radiance(head: bytes) -> _Size | None:
    found = re.search(rb"\n\n[-+]Y (\d+) [-+]X (\d+)\n", head[:8192])
    return None if found is None else (int(found[2]), int(found[1]))


def _bmp(head: bytes) -> _Size | None:
    width, height = struct.unpack("<ii", head[18:26])
    return width, abs(height)


def _pnm(head: bytes) -> _Size | None:
    words = re.sub(rb"#[^\n]*", b"", head[2:4096]).split(maxsplit=2)
    return int(words[0]), int(words[1])


_READERS: dict[str, Callable[[bytes], _Size | None]] = {
    ".png": _png, ".jpg": _jpeg, ".exr": _exr, ".tif": _tiff, ".webp": _webp, ".hdr": _radiance, ".bmp": _bmp,
}  # fmt: skip
"""By ``format_suffix``; PNM and PFM, of which there are many kinds, by their letter."""

"""Adobe RGB as cameras state it without a profile: Exif's interoperability index ``R03`` (DCF 2.0), which OpenImageIO does not pass on."""

from __future__ import annotations

import struct

from ....shared.values import EncodedFile

_ENOUGH = 1 << 17
"""Bytes in which the first blocks of a header are."""
_DETAILS, _INTEROPERABILITY, _INDEX = 0x8769, 0xA005, 1


def is_adobe_rgb(file: EncodedFile) -> bool:
    """Whether the Exif block of a JPEG says so."""
    head = file.start(_ENOUGH)
    at = head.find(b"Exif\0\0")
    if at < 0:
        return False
    block = head[at + 6 :]
    try:
        order = {b"II": "<", b"MM": ">"}[block[:2]]
        (start,) = struct.unpack_from(order + "I", block, 4)
        for tag in (_DETAILS, _INTEROPERABILITY):
            (start,) = struct.unpack(order + "I", _entry(block, order, start, tag))
        return _entry(block, order, start, _INDEX)[:3] == b"R03"
    except (struct.error, KeyError):
        return False


def _entry(block: bytes, order: str, start: int, wanted: int) -> bytes:
    """The four bytes of an entry's value."""
    (count,) = struct.unpack_from(order + "H", block, start)
    for number in range(min(count, 500)):
        tag, value = struct.unpack_from(order + "H6x4s", block, start + 2 + 12 * number)
        if tag == wanted:
            return bytes(value)
    raise KeyError(wanted)

"""What the header of an OpenEXR file says, without its pixels: Blender knows neither size nor layers of a sequence before it is shown."""

from __future__ import annotations

import struct
from pathlib import Path

from ...shared.errors import InputError

_MOST = 1 << 16
"""Bytes of a header that are looked at."""


def size(path: Path) -> tuple[int, int]:
    """Width and height in pixels.

    Raises:
        InputError: No OpenEXR file.
    """
    left, top, right, bottom = struct.unpack("<4i", _attribute(path, b"displayWindow\0box2i\0")[:16])
    return right - left + 1, bottom - top + 1


def has_layers(path: Path) -> bool:
    """Whether there are other channels than plain R, G, B, A.

    Raises:
        InputError: No OpenEXR file.
    """
    rest = _attribute(path, b"channels\0chlist\0")
    while rest and rest[0]:
        name, _, rest = rest.partition(b"\0")
        if b"." in name:
            return True
        rest = rest[16:]  # type, linearity, sampling
    return False


def _attribute(path: Path, name: bytes) -> bytes:
    """The value of an attribute of the header."""
    try:
        with path.open("rb") as file:
            head = file.read(_MOST)
        at = head.index(name) + len(name)
        length = struct.unpack_from("<i", head, at)[0]
        value = head[at + 4 : at + 4 + length]
    except (OSError, ValueError, struct.error) as error:
        fix = "File > External Data > Find Missing Files"
        raise InputError(expected=f"an OpenEXR frame at {path}", got=str(error), fix=fix) from error
    return value

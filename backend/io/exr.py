"""OpenEXR files written byte by byte: one part, scan lines, ZIP; channels of half, float and unsigned integers side by side.

OpenImageIO's Python module converts all channels of a part from one numpy type, which loses ids next to half colours, and it stamps
files with the time. The format is small: openexr.com/en/latest/OpenEXRFileLayout.html.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...shared.errors import InputError

Attribute = str | int | float | Sequence[float] | Sequence[str]
_MAGIC = 20000630
_LONG_NAMES = 0x400
_LINES = 16
"""Scan lines in one compressed block, as ZIP has it."""
_LEVEL = 4
"""OpenEXR's own choice since 3.0: level 6 takes twice as long for 2 % less."""
_TYPES = {"uint32": 0, "float16": 1, "float32": 2}
_VECTORS = {2: "v2f", 3: "v3f", 9: "m33f", 16: "m44f"}
_REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""Chromaticities x, y of red, green, blue and white."""
_RESERVED = ("channels", "compression", "dataWindow", "displayWindow", "lineOrder", "pixelAspectRatio", "screenWindowCenter",
             "screenWindowWidth", "chromaticities", "colorInteropID")  # fmt: skip


def write_exr(channels: Mapping[str, np.ndarray], attributes: Mapping[str, Attribute] | None = None) -> bytes:
    """The bytes of a file; the same channels give the same bytes.

    Args:
        channels: Name (``stylised.R``) to ``(H, W)`` float16, float32 or uint32, all of one size.
        attributes: More entries of the header. A list of 2, 3, 9 or 16 numbers becomes a vector or matrix.

    Raises:
        InputError: No channels, another type or size, a name that the format has no room for.
    """
    ordered = sorted(channels.items(), key=lambda item: item[0].encode())
    _check(ordered)
    height, width = ordered[0][1].shape
    planes = [np.ascontiguousarray(plane.astype(plane.dtype.newbyteorder("<"), copy=False)) for _, plane in ordered]
    header = _header(ordered, attributes or {}, width, height)
    starts = range(0, height, _LINES)
    with ThreadPoolExecutor(2) as pool:  # zlib lets go of the interpreter
        blocks = list(pool.map(lambda top: _block([plane[top : top + _LINES] for plane in planes]), starts))
    offset = len(header) + 8 * len(blocks)
    table, parts = [], []
    for top, block in zip(starts, blocks, strict=True):
        table.append(offset)
        parts.append(struct.pack("<ii", top, len(block)) + block)
        offset += 8 + len(block)
    return b"".join([header, struct.pack(f"<{len(table)}Q", *table), *parts])


def _check(ordered: list[tuple[str, np.ndarray]]) -> None:
    if not ordered:
        raise InputError(expected="at least one channel", got="none")
    shape = ordered[0][1].shape
    for name, plane in ordered:
        if plane.dtype.name not in _TYPES or plane.ndim != 2 or 0 in plane.shape:
            raise InputError(expected=f"the channel {name} as (height, width) of {', '.join(_TYPES)}", got=f"{plane.dtype} {plane.shape}")
        if plane.shape != shape:
            raise InputError(
                expected=f"all channels of {shape[1]} x {shape[0]} pixels", got=f"{name} of {plane.shape[1]} x {plane.shape[0]}"
            )
        _name(name)


def _name(name: str) -> bytes:
    data = name.encode()
    if not 0 < len(data) < 256 or not name.isprintable():
        raise InputError(expected="a printable name of at most 255 bytes in an EXR file", got=repr(name)[:80])
    return data + b"\0"


def _block(planes: list[np.ndarray]) -> bytes:
    """Lines of one block: each line has all channels one after the other."""
    raw = np.concatenate([plane.view(np.uint8) for plane in planes], axis=1).reshape(-1)
    apart = np.concatenate([raw[0::2], raw[1::2]])  # the bytes that change seldom together
    steps = apart.copy()
    steps[1:] = apart[1:] - apart[:-1] + np.uint8(128)
    packed = zlib.compress(steps.tobytes(), _LEVEL)
    return packed if len(packed) < raw.size else raw.tobytes()  # readers know by the size which it is


def _header(ordered: list[tuple[str, np.ndarray]], attributes: Mapping[str, Attribute], width: int, height: int) -> bytes:
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    listed = b"".join(_name(n) + struct.pack("<iBxxxii", _TYPES[plane.dtype.name], 0, 1, 1) for n, plane in ordered) + b"\0"
    entries: list[tuple[str, str, bytes]] = [
        ("channels", "chlist", listed), ("chromaticities", "chromaticities", struct.pack("<8f", *_REC709)),
        ("colorInteropID", "string", b"lin_rec709_scene"), ("compression", "compression", b"\3"),
        ("dataWindow", "box2i", window), ("displayWindow", "box2i", window), ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1)), ("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1)),
    ]  # fmt: skip
    for name in sorted(attributes):
        if name in _RESERVED:
            raise InputError(expected="attributes that the format does not use itself", got=name)
        entries.append((name, *_attribute(name, attributes[name])))
    long = any(len(name.encode()) > 31 for name in [*attributes, *(n for n, _ in ordered)])
    body = b"".join(_name(name) + _name(kind) + struct.pack("<i", len(data)) + data for name, kind, data in entries)
    return struct.pack("<ii", _MAGIC, 2 | (_LONG_NAMES if long else 0)) + body + b"\0"


def _attribute(name: str, value: Attribute) -> tuple[str, bytes]:
    try:
        if isinstance(value, str):
            return "string", value.encode()
        if isinstance(value, int) and not isinstance(value, bool):
            return "int", struct.pack("<i", value)
        if isinstance(value, float):
            return "float", struct.pack("<f", value)
        items = list(value)  # type: ignore[arg-type]
        if items and all(isinstance(item, str) for item in items):
            texts = [str(item).encode() for item in items]
            return "stringvector", b"".join(struct.pack("<i", len(text)) + text for text in texts)
        numbers = np.asarray(items, np.float64).reshape(-1).tolist()
        return _VECTORS.get(len(numbers), "floatvector"), struct.pack(f"<{len(numbers)}f", *numbers)
    except (TypeError, ValueError, struct.error, OverflowError) as error:
        raise InputError(expected=f"the attribute {name} as text, a number or a list of either", got=repr(value)[:80]) from error

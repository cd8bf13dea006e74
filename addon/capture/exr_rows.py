"""Some rows of an OpenEXR file that Blender has just written, with numpy and zlib alone: its Python has no decoder for passes.

Single-part scan-line files, uncompressed or ZIP (OpenEXR file layout, openexr.com/en/latest/OpenEXRFileLayout.html).
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

_MAGIC = 20000630
_LINES = {0: 1, 2: 1, 3: 16}
"""Compression to the lines of a block: none, ZIPS, ZIP."""
_TYPES = {0: "<u4", 1: "<f2", 2: "<f4"}


class Rows:
    """The blocks of a file.

    Attributes:
        width: In pixels.
        count: Number of blocks.
        channels: Names, in the file's order.

    Raises:
        ValueError: Another kind of file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            magic, version = struct.unpack("<iI", file.read(8))
            if magic != _MAGIC or version & ~0xFF & ~0x400:  # long names may be; tiles, deep and multi-part files not
                raise ValueError(path.name)
            header = _header(file)
            left, self._top, right, self._bottom = struct.unpack("<4i", header[b"dataWindow"])
            self.width = right - left + 1
            self._types = _channels(header[b"channels"])
            self.channels = list(self._types)
            compression = header[b"compression"][0]
            if compression not in _LINES:
                raise ValueError(path.name)
            self._lines = _LINES[compression]
            self.count = -(-(self._bottom - self._top + 1) // self._lines)
            self._offsets = struct.unpack(f"<{self.count}q", file.read(8 * self.count))

    def block(self, index: int) -> tuple[int, dict[str, np.ndarray]]:
        """One block: its first row, counted from the top, and ``(rows, width)`` float64 for each channel."""
        with self._path.open("rb") as file:
            file.seek(self._offsets[index])
            y, size = struct.unpack("<ii", file.read(8))
            data = file.read(size)
        lines = min(self._lines, self._bottom + 1 - y)
        line = sum(np.dtype(kind).itemsize for kind in self._types.values()) * self.width
        if size != lines * line:
            data = _unpacked(zlib.decompress(data))
        found: dict[str, list[np.ndarray]] = {name: [] for name in self.channels}
        position = 0
        for _ in range(lines):
            for name, kind in self._types.items():
                found[name].append(np.frombuffer(data, kind, self.width, position))
                position += np.dtype(kind).itemsize * self.width
        return y - self._top, {name: np.stack(rows).astype(np.float64) for name, rows in found.items()}


def _header(file: BinaryIO) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    while name := _text(file):
        _text(file)  # type
        (size,) = struct.unpack("<i", file.read(4))
        found[name] = file.read(size)
    return found


def _text(file: BinaryIO) -> bytes:
    found = bytearray()
    while (one := file.read(1)) not in (b"\0", b""):
        found += one
    return bytes(found)


def _channels(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    while data and data[0]:
        name, _, data = data.partition(b"\0")
        found[name.decode()] = _TYPES[struct.unpack_from("<i", data)[0]]
        data = data[16:]  # type, linearity, sampling
    return found


def _unpacked(data: bytes) -> bytes:
    """Undoes the differences, then puts together the bytes that were sorted into even and odd ones."""
    raw = np.frombuffer(data, np.uint8)
    steps = raw.astype(np.int64)
    steps[1:] -= 128
    whole = (np.cumsum(steps) & 255).astype(np.uint8)
    half = (len(whole) + 1) // 2
    mixed = np.empty_like(whole)
    mixed[0::2], mixed[1::2] = whole[:half], whole[half:]
    return mixed.tobytes()

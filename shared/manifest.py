"""Values with very many arrays: a blob that lists them, in place of a message that would be too long.

A manifest is JSON: ``{"value": tree, "buffers": [descriptions], "packs": [{"digest", "nbytes"}]}``. Its arrays are blobs of their own
(``transport`` ``blob``) or, if they are small, parts of packs of up to 4 MiB (``pack``): ten thousand cameras are one file. A message
names it by ``{"$": "manifest", "index": i}``, with ``field`` where only that member of the value is meant, and describes it as one buffer
with the ``layout`` ``manifest``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .deferred import Deferred
from .digest import CHUNK, DIGEST_PATTERN
from .errors import LimitError, ProtocolError
from .value_codec import Buffer, check_descriptor
from .wire import INLINE_LIMIT, json_object

LAYOUT = "manifest"
MAX_BYTES = 64 * 1024 * 1024
"""Of a manifest: some 100,000 frames."""
MAX_LISTED = 500_000
"""Arrays in a manifest."""
MAX_PACK = CHUNK
ALIGNED = 16
"""Bytes to which arrays in a pack are aligned, so that they can be used where they are."""
TOGETHER = 256
"""Entries that are made into JSON in one go: other threads wait for that long."""
Keep = Callable[[Buffer], dict[str, Any]]


class Pack(Deferred):
    """Small arrays one after the other, read when they are needed."""

    dtype = np.dtype(np.uint8)

    def __init__(self, parts: list[tuple[int, Buffer]], nbytes: int) -> None:
        self._parts, self.shape = parts, (nbytes,)

    def load(self) -> np.ndarray:
        """The bytes of all."""
        whole = np.zeros(self.shape, np.uint8)
        for offset, part in self._parts:
            whole[offset : offset + part.array.nbytes] = part.read(0, part.array.nbytes)
        return whole


def fold(tree: Any, buffers: list[Buffer], keep: Keep) -> dict[str, Any]:
    """Makes the manifest of a value.

    Args:
        tree: The value's JSON, as ``value_codec.encode`` makes it.
        buffers: Its arrays.
        keep: Stores an array, or has it sent; gives its description as a blob. The last one is the manifest.

    Returns:
        The manifest's own description.

    Raises:
        LimitError: More than a manifest may hold.
    """
    if len(buffers) > MAX_LISTED:
        raise LimitError(expected=f"at most {MAX_LISTED:,} arrays in one job", got=f"{len(buffers):,}",
                         fix="Do a part of the frames at a time")  # fmt: skip
    packs: list[dict[str, Any]] = []
    descriptions: list[dict[str, Any]] = []
    parts: list[tuple[int, Buffer]] = []
    at = 0

    def close_pack() -> None:
        nonlocal parts, at
        if parts:
            kept = keep(Buffer(Pack(parts, at), "bytes"))
            packs.append({"digest": kept["digest"], "nbytes": at})
        parts, at = [], 0

    for buffer in buffers:
        nbytes = buffer.array.nbytes
        if nbytes > INLINE_LIMIT:
            kept = keep(buffer)
            descriptions.append({**buffer.describe(), "transport": "blob", "digest": kept["digest"]})
            continue
        if at + nbytes > MAX_PACK:
            close_pack()
        descriptions.append({**buffer.describe(), "transport": "pack", "pack": len(packs), "offset": at})
        if nbytes:
            parts.append((at, buffer))
            at += nbytes + -nbytes % ALIGNED
    close_pack()
    pieces = b"".join([b"{", *_members({"value": tree, "buffers": descriptions, "packs": packs}), b"}"])
    if len(pieces) > MAX_BYTES:
        raise LimitError(expected=f"at most {MAX_BYTES >> 20} MiB that describe one job", got=f"{len(pieces) >> 20} MiB",
                         fix="Do a part of the frames at a time")  # fmt: skip
    return keep(Buffer(np.frombuffer(pieces, np.uint8), LAYOUT))


def _members(value: dict[str, Any]) -> Iterator[bytes]:
    for i, (name, member) in enumerate(value.items()):
        yield (b"," if i else b"") + json.dumps(name).encode() + b":"
        yield from _pieces(member, 3)


def _pieces(value: Any, depth: int) -> Iterator[bytes]:
    """The JSON of a value, long lists in parts."""
    if depth and isinstance(value, list) and len(value) > TOGETHER:
        for start in range(0, len(value), TOGETHER):
            text = json.dumps(value[start : start + TOGETHER], separators=(",", ":"), allow_nan=False)
            yield (b"," if start else b"[") + text[1:-1].encode()
        yield b"]"
    elif depth and isinstance(value, dict):
        yield b"{"
        for i, (name, member) in enumerate(value.items()):
            yield (b"," if i else b"") + json.dumps(name).encode() + b":"
            yield from _pieces(member, depth - 1)
        yield b"}"
    else:
        yield json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


@dataclasses.dataclass(frozen=True)
class Listing:
    """A manifest that was read and checked.

    Attributes:
        tree: The value's JSON.
        buffers: Descriptions of its arrays: blobs, or parts of packs.
        packs: Descriptions of the packs, as blobs.
    """

    tree: Any
    buffers: list[dict[str, Any]]
    packs: list[dict[str, Any]]

    @property
    def blobs(self) -> dict[str, dict[str, Any]]:
        """Descriptions of all blobs that it names, by digest."""
        return {b["digest"]: b for b in (*self.packs, *(b for b in self.buffers if b["transport"] == "blob"))}

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(b["nbytes"] for b in self.buffers)

    def arrays(self, open_blob: Callable[[dict[str, Any]], np.ndarray | Deferred]) -> list[np.ndarray | Deferred]:
        """Its arrays, small ones as views of their packs.

        Args:
            open_blob: Gives the array, or what stands for it, of a blob's description.
        """
        packs = [np.asarray(p.load() if isinstance(p, Deferred) else p) for p in map(open_blob, self.packs)]
        found: list[np.ndarray | Deferred] = []
        for b in self.buffers:
            if b["transport"] == "blob":
                found.append(open_blob(b))
                continue
            data = packs[b["pack"]][b["offset"] : b["offset"] + b["nbytes"]] if b["nbytes"] else np.zeros(0, np.uint8)
            found.append(data.view(b["dtype"]).reshape(b["shape"]))
        return found


def read_manifest(data: bytes | memoryview | np.ndarray) -> Listing:
    """Reads a manifest; only ``ProtocolError`` escapes, whatever the bytes are."""
    raw = bytes(data)
    if len(raw) > MAX_BYTES:
        raise LimitError(expected=f"a manifest of at most {MAX_BYTES >> 20} MiB", got=f"{len(raw) >> 20} MiB")
    body = json_object(raw, "manifest")
    buffers, packs = body.get("buffers"), body.get("packs")
    if not isinstance(buffers, list) or not isinstance(packs, list) or len(buffers) > MAX_LISTED or len(packs) > MAX_LISTED:
        raise ProtocolError(expected=f"a manifest with at most {MAX_LISTED:,} buffers and packs", got=repr((buffers, packs))[:80])
    sizes = [_check_pack(pack) for pack in packs]
    for buffer in buffers:
        check_descriptor(buffer)
        _check_entry(buffer, sizes)
    described = [
        {"dtype": "|u1", "shape": [n], "layout": "bytes", "nbytes": n, "transport": "blob", "digest": p["digest"]}
        for p, n in zip(packs, sizes, strict=True)
    ]
    return Listing(body.get("value"), buffers, described)


def _check_pack(pack: Any) -> int:
    nbytes = pack.get("nbytes") if isinstance(pack, dict) else None
    if not isinstance(nbytes, int) or not _is_count(nbytes) or not 0 < nbytes <= MAX_PACK or not _is_digest(pack.get("digest")):
        raise ProtocolError(expected=f"a pack's digest and size of at most {MAX_PACK} bytes", got=repr(pack)[:80])
    return nbytes


def _check_entry(buffer: dict[str, Any], packs: list[int]) -> None:
    if buffer.get("layout") == LAYOUT:
        raise ProtocolError(expected="a manifest that names arrays", got="one that names a manifest")
    if buffer.get("transport") == "blob" and _is_digest(buffer.get("digest")) and buffer["nbytes"]:
        return
    if buffer.get("transport") != "pack":
        raise ProtocolError(expected="a manifest's arrays as blobs or parts of packs", got=repr(buffer)[:80])
    pack, offset = buffer.get("pack"), buffer.get("offset")
    room = packs[pack] if isinstance(pack, int) and _is_count(pack) and pack < len(packs) else 0
    if not _is_count(pack) or not _is_count(offset) or (buffer["nbytes"] and offset + buffer["nbytes"] > room):
        raise ProtocolError(expected="an array within its pack", got=repr(buffer)[:80])


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and DIGEST_PATTERN.fullmatch(value) is not None

"""Content addresses: what identifies a blob.

The digest of a blob is SHA-256 over the SHA-256 digests of its 4 MiB chunks, in hex. Chunks can be hashed by several
threads at once (hashlib releases the interpreter lock) and are the same chunks that travel over tcp.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

CHUNK = 4 * 1024 * 1024
"""Bytes; also the fastest message size over tcp (docs/PROTOCOL.md)."""

DIGEST_PATTERN = re.compile(r"[0-9a-f]{64}")
Result = TypeVar("Result")
_POOL = ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1), thread_name_prefix="backlot-digest")


def as_bytes(array: np.ndarray) -> memoryview:
    """The array's memory as bytes, copied only if it is not contiguous."""
    return memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def digest(data: memoryview | bytes) -> str:
    """The content address of ``data``."""
    view = memoryview(data)
    leaves = _chunks(lambda offset: hashlib.sha256(view[offset : offset + CHUNK]).digest(), len(view))
    return root(leaves)


def root(leaves: Iterable[bytes]) -> str:
    """The content address of data whose chunks have these SHA-256 digests, in order."""
    return hashlib.sha256(b"".join(leaves)).hexdigest()


def same_as_file(data: bytes, path: Path) -> bool:
    """Whether the file at ``path`` holds exactly ``data``.

    Raises:
        OSError: It is there but cannot be read.
    """
    if not path.is_file() or path.stat().st_size != len(data):
        return False
    return not data or digest(memoryview(np.memmap(path, np.uint8, "r"))) == digest(data)


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file in one step: whoever looks sees the old one or the new one, never half of it.

    Raises:
        OSError: Disk full or no permission; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_file(data: memoryview, path: Path) -> None:
    """Writes ``data`` to the file at ``path``, chunk by chunk in parallel where the system can.

    A file that is there already is overwritten in place, which is several times faster than a new one: its memory
    need not be found and cleared first.

    Raises:
        OSError: Disk full or no permission.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)

    def write(offset: int) -> None:
        piece = data[offset : offset + CHUNK]
        while piece:
            written = os.pwrite(handle, piece, offset)
            piece, offset = piece[written:], offset + written

    try:
        os.ftruncate(handle, len(data))
        if hasattr(os, "pwrite"):
            list(_chunks(write, len(data)))
        else:  # Windows
            with os.fdopen(os.dup(handle), "wb") as file:
                file.write(data)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def _chunks(work: Callable[[int], Result], length: int) -> Iterable[Result]:
    """Does ``work`` for each chunk's offset, several at once if there are several."""
    offsets = range(0, max(1, length), CHUNK)
    return map(work, offsets) if len(offsets) == 1 else _POOL.map(work, offsets)

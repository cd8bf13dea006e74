"""Content addresses: what identifies a blob.

The digest of a blob is SHA-256 over the SHA-256 digests of its 4 MiB chunks, in hex. Chunks can be hashed by several
threads at once (hashlib releases the interpreter lock) and are the same chunks that travel over tcp.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

CHUNK = 4 * 1024 * 1024
"""Bytes; also the fastest message size over tcp (docs/PROTOCOL.md)."""

DIGEST_PATTERN = re.compile(r"[0-9a-f]{64}")
_POOL = ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1), thread_name_prefix="backlot-digest")


def as_bytes(array: np.ndarray) -> memoryview:
    """The array's memory as bytes, copied only if it is not contiguous."""
    return memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def digest(data: memoryview | bytes) -> str:
    """The content address of ``data``."""
    return _digest(memoryview(data), lambda piece, offset: None)


def write_and_digest(data: memoryview, path: Path) -> str:
    """Writes ``data`` to a new file at ``path`` and gives its content address; both are done chunk by chunk, in parallel.

    Raises:
        OSError: Disk full, no permission, or the file is there already.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o600)
    try:
        if not hasattr(os, "pwrite"):  # Windows
            with os.fdopen(os.dup(handle), "wb") as file:
                file.write(data)
            return digest(data)

        def write(piece: memoryview, offset: int) -> None:
            while piece:
                written = os.pwrite(handle, piece, offset)
                piece, offset = piece[written:], offset + written

        return _digest(data, write)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def _digest(data: memoryview, visit: Callable[[memoryview, int], None]) -> str:
    def chunk(offset: int) -> bytes:
        piece = data[offset : offset + CHUNK]
        visit(piece, offset)
        return hashlib.sha256(piece).digest()

    offsets = range(0, max(1, len(data)), CHUNK)
    leaves = map(chunk, offsets) if len(offsets) == 1 else _POOL.map(chunk, offsets)
    return hashlib.sha256(b"".join(leaves)).hexdigest()

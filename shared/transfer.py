"""Handing large arrays to a backend on the same host.

The client puts a file into the backend's spool folder and the backend takes it over by renaming it; results are mapped straight
from the backend's store (``stored.py``). From another host, arrays travel in chunks (``chunks.py``).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .deferred import Deferred
from .digest import CHUNK, as_bytes, digest, root, write_file
from .errors import InputError, StorageError
from .stored import blob_path
from .value_codec import Buffer
from .wire import new_id

RECYCLE_FROM = 1024 * 1024
"""Bytes; smaller files are written faster than a spare one is found."""
LEASE = 60.0
"""Seconds that a blob, once confirmed to a client, stays for the job that is about to name it: its time stamp is in the future."""


def spool_path(store: Path, name: str) -> Path:
    """Where a client leaves a file for the backend to take over."""
    return store / "spool" / name


def shared_store(announced: Any) -> Path | None:
    """The backend's store, if it is on this host: proven by a token file whose content the signed welcome repeats."""
    try:
        folder = Path(announced["folder"])
        same = json.loads((folder / "host.json").read_text())["token"] == announced["token"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return folder if same else None


def touch(path: Path) -> bool:
    """Whether a blob is there; if so it is not released within the next ``LEASE`` seconds, in which a job may refer to it."""
    until = time.time() + LEASE
    try:
        os.utime(path, (until, until))
    except OSError:
        return False
    return True


def deposit(buffer: Buffer, store: Path, *, place: bool = False) -> dict[str, Any]:
    """Leaves an array in the spool of a backend on this host, unless its store has it already; gives its description.

    Args:
        buffer: The array, or what stands for it: then no more than a chunk of it is in memory at once.
        store: The backend's store.
        place: Put it into the store itself, so that the backend need not take it over.

    Raises:
        StorageError: The disk is full or the folder cannot be written.
        InputError: A file that stands for the array has changed.
    """
    whole = buffer.read(0, buffer.array.nbytes) if not isinstance(buffer.array, Deferred) or buffer.array.nbytes <= CHUNK else None
    address = digest(as_bytes(whole)) if whole is not None else digest_of(buffer)
    blob, name = blob_path(store, address), new_id()
    description = {**buffer.describe(), "transport": "blob", "digest": address}
    if touch(blob):
        return description
    try:
        if whole is not None:
            write_spooled(as_bytes(whole), store, name)
        else:
            _write_pieces(buffer, spool_path(store, name), address)
        if place:
            take_over(spool_path(store, name), blob)
            touch(blob)
            return description
    except OSError as error:
        msg = f"Cannot hand data to the backend: {error.strerror}"
        raise StorageError(msg, fix=f"Free space in {store}") from error
    return {**description, "transport": "spool", "file": name}


def describe_blob(buffer: Buffer) -> dict[str, Any]:
    """The description of an array that travels over the data socket."""
    return {**buffer.describe(), "transport": "blob", "digest": digest_of(buffer)}


def digest_of(buffer: Buffer) -> str:
    """The content address of an array; of one that is not in memory, a chunk at a time."""
    if not isinstance(buffer.array, Deferred):
        return digest(as_bytes(buffer.array))
    return root(hashlib.sha256(piece).digest() for piece in _pieces(buffer))


def _pieces(buffer: Buffer) -> Iterator[np.ndarray]:
    for offset in range(0, max(1, buffer.array.nbytes), CHUNK):
        yield buffer.read(offset, CHUNK)


def _write_pieces(buffer: Buffer, path: Path, address: str) -> None:
    """Writes an array that is not in memory, and checks that it still is what its address says."""
    leaves = []
    try:
        with path.open("wb") as file:
            for piece in _pieces(buffer):
                leaves.append(hashlib.sha256(piece).digest())
                file.write(as_bytes(piece))
        if root(leaves) != address:
            raise InputError(expected="a file that stays as it is while it is sent", got="one that has changed", fix="Send the job again")
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_spooled(data: memoryview, store: Path, name: str) -> None:
    """Writes a file into the spool, over a spare one if there is one of about that size.

    Raises:
        OSError: Disk full or no permission.
    """
    part = spool_path(store, name)
    if len(data) >= RECYCLE_FROM:
        for spare in (store / "spare").glob("*"):
            with contextlib.suppress(OSError):  # somebody else was faster
                if len(data) <= spare.stat().st_size <= 2 * len(data):
                    os.rename(spare, part)
                    break
    write_file(data, part)


def take_over(part: Path, target: Path) -> None:
    """Makes a complete file of the spool the blob of that path.

    Raises:
        OSError: No permission.
    """
    if touch(target):  # somebody else sent the same: leave the file that may be in use
        part.unlink()
        return
    target.parent.mkdir(exist_ok=True, mode=0o700)
    try:
        os.replace(part, target)
    except PermissionError:  # Windows: somebody has the (same) blob mapped
        part.unlink(missing_ok=True)

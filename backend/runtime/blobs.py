"""The blob store: content-addressed files, shared with clients on the same host.

blobs/ab/abcdef…   the bytes whose digest is the name
held/              other names of blobs that clients on this host use, a folder for each result
spare/             files of removed blobs, to be overwritten: finding and clearing fresh memory takes longer than the copy
spool/             files that a client or worker hands over; complete ones are renamed into blobs/
host.json          a token by which a client on the same host recognises the folder as its own disk
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

from ...shared.digest import CHUNK, DIGEST_PATTERN, as_bytes, digest, root, write_file
from ...shared.errors import ProtocolError, StorageError
from ...shared.stored import HELD, blob_path, lock_alone
from ...shared.transfer import RECYCLE_FROM, spool_path, take_over, touch, write_spooled
from ...shared.wire import new_id

_SPOOL_NAME = re.compile(r"[0-9a-f]{32}")
SPARE_BYTES = 512 * 1024 * 1024
SPARE_FILES = 4
"""Two frames under way: each needs a file there and one back."""
SPARE_AFTER = 2.0
"""Seconds without a new blob: putting files aside must not compete with frames under way."""
SPARE_DISK = 8 * 1024**3
"""Bytes that have to be free on the disk before any are put aside."""
FRAME_4K = 3840 * 2160 * 4 * 2
"""Bytes of a 4K frame of four half floats: what is put aside until something else is seen."""
ABANDONED_AFTER = 3600.0
"""Seconds after which something in the spool is nobody's any more."""


def check_digest(value: object) -> str:
    """The digest, or ``ProtocolError``: nothing else may become part of a path."""
    if not isinstance(value, str) or not DIGEST_PATTERN.fullmatch(value):
        raise ProtocolError(expected="a digest of 64 hex digits", got=repr(value)[:80])
    return value


class BlobStore:
    """A folder of blobs. Safe to use from several threads and processes: files appear complete or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._wanted = FRAME_4K
        self._adopted = 0.0
        self._leaves: dict[str, list[bytes]] = {}
        self._counted, self._counted_until = 0, 0.0
        for name in ("blobs", "spool", "spare"):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def announce(self) -> dict[str, str]:
        """Writes a fresh token and gives what ``welcome`` tells clients of this store."""
        token = secrets.token_hex(16)
        handle = os.open(self.folder / "host.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump({"token": token}, file)
        return {"folder": str(self.folder), "token": token}

    def path(self, address: str) -> Path:
        """Where the blob is, or would."""
        return blob_path(self.folder, check_digest(address))

    def has(self, address: str) -> bool:
        """Whether the blob is there; if so it counts as just used."""
        return touch(self.path(address))

    def put(self, array: np.ndarray) -> str:
        """Stores an array's bytes; gives their digest.

        Raises:
            StorageError: The disk is full or read-only.
        """
        data, name = as_bytes(array), new_id()
        address = digest(data)
        target = self.path(address)
        try:
            if not touch(target):
                write_spooled(data, self.folder, name)
                take_over(spool_path(self.folder, name), target)
        except OSError as error:
            raise storage_error(error, self.folder) from error
        return address

    def adopt(self, name: object, address: str, nbytes: int) -> None:
        """Takes over a file that a client on this host left in the spool.

        The digest is the client's word: it has the key and may write into this folder anyway.

        Raises:
            ProtocolError: There is no such file, or of another size.
        """
        check_digest(address)
        if not isinstance(name, str) or not _SPOOL_NAME.fullmatch(name):
            raise ProtocolError(expected="a spool name of 32 hex digits", got=repr(name)[:80])
        part = spool_path(self.folder, name)
        try:
            size = part.stat().st_size
            if size != nbytes:
                raise ProtocolError(expected=f"a file of {nbytes} bytes in the spool", got=f"{size} bytes")
            take_over(part, self.path(address))
            self._adopted = time.monotonic()
            self._wanted = size if RECYCLE_FROM <= size <= SPARE_BYTES // SPARE_FILES else self._wanted
        except FileNotFoundError as error:
            if not self.has(address):  # else: taken over by an earlier copy of the same message
                raise ProtocolError(expected="a file in the spool", got="none of that name") from error
        except OSError as error:
            raise storage_error(error, self.folder) from error

    def write_chunk(self, owner: str, address: str, offset: int, total: int, chunk: np.ndarray) -> int:
        """Stores one chunk of a blob that comes in order over the network; gives how many bytes are there now.

        Raises:
            ProtocolError: Out of order, too long, or the whole is not what its digest says.
            StorageError: The disk is full or read-only.
        """
        part = self.folder / "spool" / f"{owner}-{check_digest(address)}"
        try:
            have = part.stat().st_size if part.exists() else 0
            if offset == 0 and have:
                have = 0  # the client starts again
            if offset != have or have + chunk.nbytes > total:
                raise ProtocolError(expected=f"the chunk at {have}", got=f"one at {offset}")
            try:
                with part.open("wb" if offset == 0 else "ab") as file:
                    file.write(as_bytes(chunk))
            except OSError:
                part.unlink(missing_ok=True)  # half an array must not keep a full disk full
                raise
            leaves = self._hash(part, offset, total, chunk)
            if have + chunk.nbytes < total:
                return have + chunk.nbytes
            found = root(leaves) if leaves else digest(memoryview(np.memmap(part, np.uint8, "r"))) if total else digest(b"")
            if found != address:
                part.unlink()
                msg = "An array arrived damaged"
                raise ProtocolError(msg, expected=f"digest {address[:12]}", got=found[:12], fix="Try again")
            take_over(part, self.path(address))
        except OSError as error:
            raise storage_error(error, self.folder) from error
        return total

    def _hash(self, part: Path, offset: int, total: int, chunk: np.ndarray) -> list[bytes]:
        """Hashes a blob as it comes: reading all of it at its end would keep everybody waiting.

        Gives the digests of its chunks when the last has come, none if they were not those that ``digest`` takes.
        """
        leaves = self._leaves.pop(part.name, []) if offset else []
        last = offset + chunk.nbytes == total
        if offset == len(leaves) * CHUNK and (last or chunk.nbytes == CHUNK):
            leaves.append(hashlib.sha256(chunk).digest())
        if not last:
            self._leaves[part.name] = leaves
        return leaves if len(leaves) == -(-total // CHUNK) else []

    def read_chunk(self, address: str, offset: int, length: int) -> np.ndarray:
        """``(length,)`` uint8 of a blob.

        Raises:
            ProtocolError: No such blob, or not so long.
        """
        try:
            chunk = np.fromfile(self.path(address), np.uint8, length, offset=offset)
        except OSError as error:
            msg = f"The blob {address[:12]} is not in the store (any more)"
            raise ProtocolError(msg) from error
        if chunk.nbytes != length:
            raise ProtocolError(expected=f"a range inside the blob {address[:12]}", got=f"{length} bytes at {offset}")
        return chunk

    def release(self, address: str) -> None:
        """Removes a blob, unless a client was just told that it is there.

        Its file becomes a spare one unless somebody still reads it or there are enough.
        """
        path = self.path(address)
        with contextlib.suppress(OSError):
            if path.stat().st_mtime > time.time():
                return  # collected later as old
        with contextlib.suppress(OSError):  # gone already is as good
            with path.open("r+b") as file:
                worth = os.fstat(file.fileno()).st_size >= RECYCLE_FROM and sum(self._spare_sizes()) < SPARE_BYTES
                if worth and lock_alone(file):
                    os.rename(path, self.folder / "spare" / new_id())
                    return
            path.unlink()  # closed first: Windows removes no open file

    def prepare(self) -> bool:
        """Makes one spare file of the size that was last needed, if there are too few; to be called when nothing else is to do.

        Gives whether it made one.
        """
        if time.monotonic() - self._adopted < SPARE_AFTER:
            return False
        sizes = self._spare_sizes()
        fitting = [size for size in sizes if self._wanted <= size <= 2 * self._wanted]
        if len(fitting) >= SPARE_FILES or sum(sizes) + self._wanted > SPARE_BYTES:
            return False
        if shutil.disk_usage(self.folder).free <= SPARE_DISK:
            return False
        part = spool_path(self.folder, new_id())
        with contextlib.suppress(OSError):
            write_file(memoryview(bytes(self._wanted)), part)
            os.rename(part, self.folder / "spare" / part.name)
        return True

    def _spare_sizes(self) -> list[int]:
        sizes = []
        for path in (self.folder / "spare").iterdir():
            with contextlib.suppress(OSError):  # a client takes it just now
                sizes.append(path.stat().st_size)
        return sizes

    def collect(self, keep: set[str], older_than: float = ABANDONED_AFTER) -> int:
        """Removes blobs that nothing refers to, and what was abandoned in the spool; gives the bytes freed."""
        freed, now = 0, time.time()
        for path in self._files():
            if path.name in keep:
                continue
            try:
                status = path.stat()
                if now - status.st_mtime > older_than:
                    os.unlink(path)
                    freed += status.st_size
            except OSError:
                continue  # in use (Windows) or gone
        self._collect_held(now - older_than)
        return freed

    def _collect_held(self, before: float) -> None:
        """Removes what clients held that were killed: each removes its own folder otherwise."""
        for folder in (self.folder / HELD).glob("backlot-*-*"):
            with contextlib.suppress(OSError, ValueError):
                if folder.stat().st_mtime < before and not psutil.pid_exists(int(folder.name.split("-")[1])):
                    shutil.rmtree(folder)

    def size(self) -> int:
        """Bytes in the store; of many files not counted anew each time, so that no more than a fiftieth of the time goes into it."""
        began, total = time.monotonic(), 0
        if began < self._counted_until:
            return self._counted
        for path in self._files():
            with contextlib.suppress(OSError):  # renamed or removed just now
                total += path.stat().st_size
        self._counted, self._counted_until = total, time.monotonic() + 50 * (time.monotonic() - began)
        return total

    def _files(self) -> Iterator[os.DirEntry[str]]:
        folders = [self.folder / "spool", self.folder / "spare", *(self.folder / "blobs").iterdir()]
        for folder in folders:
            with os.scandir(folder) as found:
                yield from found


def storage_error(error: OSError, folder: Path) -> StorageError:
    """Says what the disk refused, for a person."""
    return StorageError(
        f"Cannot write to {folder}: {error.strerror or error}", fix="Free space there, or start the backend with another --state"
    )

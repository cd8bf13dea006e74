"""Moving large arrays between client and backend.

On the same host the client puts a file into the backend's spool folder and the backend takes it over by renaming it;
results are mapped straight from the backend's store. From another host, arrays travel over the data socket in 4 MiB
chunks with a window of chunks under way, so that neither side's memory fills up.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import mmap
import os
import time
from collections import deque
from pathlib import Path
from typing import IO, Any

import numpy as np

from .digest import CHUNK, as_bytes, digest, root, write_file
from .errors import ProtocolError, StorageError
from .value_codec import Buffer, check_descriptor
from .wire import new_id

try:
    import fcntl
except ImportError:  # Windows: no spare files there, blobs are simply removed
    fcntl = None  # type: ignore[assignment]

RECYCLE_FROM = 1024 * 1024
"""Bytes; smaller files are written faster than a spare one is found."""
LEASE = 60.0
"""Seconds that a blob, once confirmed to a client, stays for the job that is about to name it: its time stamp is in the future."""
ENOUGH_FILES = 65536
READ_UP_TO = 64 * 1024
"""Bytes of a blob that is read rather than mapped: a map keeps a file open, and a process may have as few as 1024."""
WINDOW = 8
"""Chunks under way at once: 32 MiB."""


def blob_path(store: Path, name: str) -> Path:
    """Where a blob with that digest is in a store."""
    return store / "blobs" / name[:2] / name


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


def deposit(buffer: Buffer, store: Path) -> dict[str, Any]:
    """Leaves an array in the spool of a backend on this host, unless its store has it already; gives its description.

    Raises:
        StorageError: The disk is full or the folder cannot be written.
    """
    data, name = as_bytes(buffer.array), new_id()
    address = digest(data)
    if touch(blob_path(store, address)):
        return {**buffer.describe(), "transport": "blob", "digest": address}
    try:
        write_spooled(data, store, name)
    except OSError as error:
        msg = f"Cannot hand data to the backend: {error.strerror}"
        raise StorageError(msg, fix=f"Free space in {store}") from error
    return {**buffer.describe(), "transport": "spool", "file": name, "digest": address}


def describe_blob(buffer: Buffer) -> dict[str, Any]:
    """The description of an array that travels over the data socket."""
    return {**buffer.describe(), "transport": "blob", "digest": digest(as_bytes(buffer.array))}


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


def lock_alone(file: IO[bytes]) -> bool:
    """Whether nobody reads the blob, nor can from now on until the file is closed."""
    if fcntl is None:
        return False
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def lock_for_reading(file: IO[bytes]) -> None:
    """Keeps a blob's file from being recycled for as long as the file, or a map of it, is open."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_SH)


def _open_for_reading(path: Path) -> IO[bytes]:
    while True:
        file = path.open("rb")
        try:
            lock_for_reading(file)
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # recycled before it was locked, or replaced by the same blob: look again


def allow_many_files() -> None:
    """Lets this process open as many files as the system permits: each blob that is mapped keeps one open, and a shot has thousands."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # not on Windows, which has no such limit

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        enough = ENOUGH_FILES if most == resource.RLIM_INFINITY else min(most, ENOUGH_FILES)
        if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < enough:
            resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))


def map_blob(description: dict[str, Any], store: Path) -> np.ndarray:
    """A blob of a store on this host as an array; writing to it changes this process's copy only.

    Raises:
        ProtocolError: The file is missing or has another size than described.
    """
    dtype, shape = check_descriptor(description)
    path = blob_path(store, str(description.get("digest", "")))
    try:
        with _open_for_reading(path) as file:  # the map holds a duplicate of the handle, and with it the lock
            size = os.fstat(file.fileno()).st_size
            if size != description["nbytes"]:
                raise ProtocolError(expected=f"a blob of {description['nbytes']} bytes", got=f"{size} bytes")
            if size <= READ_UP_TO:
                return np.frombuffer(bytearray(file.read()), dtype).reshape(shape)
            try:
                memory: mmap.mmap | bytearray = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
            except OSError as error:
                if error.errno != errno.EMFILE:
                    raise
                memory = bytearray(file.read())  # as many maps as files may be open: the memory has to do
    except OSError as error:
        msg = f"The blob {path.name[:12]} is not in the store any more: {error.strerror}"
        raise ProtocolError(msg) from error
    return np.frombuffer(memory, dtype).reshape(shape)


@dataclasses.dataclass
class Upload:
    """An array on its way to the backend, chunk by chunk."""

    digest: str
    data: memoryview
    sent: int = 0
    acknowledged: int = 0

    @classmethod
    def of(cls, buffer: Buffer, description: dict[str, Any]) -> Upload:
        """The upload of a described buffer."""
        return cls(description["digest"], as_bytes(buffer.array))

    def next_chunk(self) -> tuple[dict[str, Any], np.ndarray] | None:
        """Body and array of the next ``blob.put``, or None while the window is full or nothing is left."""
        if self.sent >= len(self.data) or self.sent - self.acknowledged >= WINDOW * CHUNK:
            return None
        piece = np.frombuffer(self.data[self.sent : self.sent + CHUNK], np.uint8)
        body = {"digest": self.digest, "offset": self.sent, "total": len(self.data)}
        self.sent += len(piece)
        return body, piece

    @property
    def done(self) -> bool:
        """Whether the backend has all of it."""
        return self.acknowledged >= len(self.data)


class Download:
    """An array on its way from the backend."""

    def __init__(self, description: dict[str, Any]) -> None:
        dtype, shape = check_descriptor(description)
        self.array = np.empty(shape, dtype)
        self.digest = str(description.get("digest", ""))
        self._bytes = self.array.reshape(-1).view(np.uint8)
        self.key = (self.digest, dtype.str, shape)
        self._missing = set(range(0, self.array.nbytes, CHUNK))
        self._taken: dict[int, bytes] = {}
        self._to_ask = deque(sorted(self._missing))
        self._asked = 0

    def next_request(self) -> dict[str, Any] | None:
        """Body of the next ``blob.get``, or None while the window is full or all was asked for."""
        if not self._to_ask or self._asked >= WINDOW:
            return None
        offset = self._to_ask.popleft()
        self._asked += 1
        return {"digest": self.digest, "offset": offset, "length": min(CHUNK, self.array.nbytes - offset)}

    def restart(self) -> None:
        """Forgets what was asked for but has not come; after a reconnect."""
        self._to_ask, self._asked = deque(sorted(self._missing)), 0

    def take(self, offset: Any, chunk: np.ndarray) -> None:
        """Puts a chunk in its place.

        Raises:
            ProtocolError: It is not one that was asked for.
        """
        if offset in self._taken:
            return  # asked for twice, because a reconnect came in between
        if offset not in self._missing or chunk.nbytes != min(CHUNK, self.array.nbytes - offset):
            raise ProtocolError(expected="a chunk that was asked for", got=f"{chunk.nbytes} bytes at {offset}")
        self._bytes[offset : offset + chunk.nbytes] = chunk.reshape(-1).view(np.uint8)
        self._missing.discard(offset)
        self._taken[offset] = hashlib.sha256(chunk).digest()  # as it comes, so that the end does not have to wait for it
        self._asked = max(0, self._asked - 1)

    @property
    def done(self) -> bool:
        """Whether all of it has come."""
        return not self._missing

    def check(self) -> None:
        """Raises ``ProtocolError`` if the array is not what its digest says."""
        leaves = [self._taken[offset] for offset in sorted(self._taken)] or [hashlib.sha256().digest()]
        if root(leaves) != self.digest:
            msg = "An array arrived damaged"
            raise ProtocolError(msg, expected=f"digest {self.digest[:12]}", got="another", fix="Try again")

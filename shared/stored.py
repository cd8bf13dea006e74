"""Blobs that are files on this host, as arrays: the backend's store for workers and clients, and what a client downloaded."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import IO, Any

import numpy as np

from .deferred import Deferred
from .errors import ProtocolError
from .manifest import LAYOUT, read_manifest
from .value_codec import Opened, check_descriptor

try:
    import fcntl
except ImportError:  # Windows: no spare files there, blobs are simply removed
    fcntl = None  # type: ignore[assignment]

ENOUGH_FILES = 65536
READ_UP_TO = 64 * 1024
"""Bytes of a blob that is read rather than mapped: a map keeps a file open, and a process may have as few as 1024."""
TOO_MANY = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What the system says when a process has as many files open, or as many maps, as it may."""
HELD = "held"
"""Folder in a store for the files of results that clients use."""


def blob_path(store: Path, name: str) -> Path:
    """Where a blob with that digest is in a store."""
    return store / "blobs" / name[:2] / name


def lock_alone(file: IO[bytes]) -> bool:
    """Whether nobody reads the blob, nor can from now on until the file is closed."""
    if fcntl is None or os.fstat(file.fileno()).st_nlink > 1:  # a client holds it under another name
        return False
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(file.fileno()).st_nlink <= 1
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


def map_file(path: Path, nbytes: int) -> mmap.mmap | bytearray:
    """The bytes of a blob's file; writing to them changes this process's copy only.

    Raises:
        ProtocolError: The file is missing or has another size.
    """
    try:
        with _open_for_reading(path) as file:  # the map holds a duplicate of the handle, and with it the lock
            size = os.fstat(file.fileno()).st_size
            if size != nbytes:
                raise ProtocolError(expected=f"a blob of {nbytes} bytes", got=f"{size} bytes")
            if size <= READ_UP_TO:
                return bytearray(file.read())
            try:
                return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
            except OSError as error:
                if error.errno not in TOO_MANY:
                    raise
                return bytearray(file.read())  # the memory has to do
    except OSError as error:
        msg = f"The blob {path.name[:12]} is not in the store any more: {error.strerror}"
        raise ProtocolError(msg) from error


def map_blob(description: dict[str, Any], store: Path) -> np.ndarray:
    """A blob of a store on this host as an array; writing to it changes this process's copy only.

    Raises:
        ProtocolError: The file is missing or has another size than described.
    """
    dtype, shape = check_descriptor(description)
    memory = map_file(blob_path(store, str(description.get("digest", ""))), description["nbytes"])
    return np.frombuffer(memory, dtype).reshape(shape)


class StoredArray(Deferred):
    """A blob's file that is mapped whenever it is read, and let go with the array.

    Args:
        path: The file.
        description: As it travels.
        keep: See ``Deferred``.
        holder: What has to live as long as the file is needed.

    Raises:
        ProtocolError: The file is missing or has another size than described.
    """

    def __init__(self, path: Path, description: dict[str, Any], *, keep: bool = False, holder: object = None) -> None:
        self.dtype, self.shape = check_descriptor(description)
        self.path, self.keep, self.digest, self._holder = path, keep, str(description.get("digest", "")), holder
        try:
            size = path.stat().st_size
        except OSError as error:
            msg = f"The blob {path.name[:12]} is not in the store any more: {error.strerror}"
            raise ProtocolError(msg) from error
        if size != self.nbytes:
            raise ProtocolError(expected=f"a blob of {self.nbytes} bytes", got=f"{size} bytes")

    def load(self) -> np.ndarray:
        """The array; raises ``ProtocolError`` if the file is gone."""
        return np.frombuffer(map_file(self.path, self.nbytes), self.dtype).reshape(self.shape)


def open_buffers(buffers: list[dict[str, Any]], store: Path) -> list[np.ndarray | Deferred | Opened]:
    """What ``value_codec.decode`` needs of blobs in a store: large arrays stay on disk until they are used, manifests are read.

    Raises:
        ProtocolError: One is missing, or is not what its description says.
    """
    return [open_buffer(b, store) for b in buffers]


def open_buffer(description: dict[str, Any], store: Path) -> np.ndarray | Deferred | Opened:
    """One of ``open_buffers``."""
    if description.get("layout") == LAYOUT:
        listing = read_manifest(map_blob(description, store))
        return Opened(listing.tree, listing.arrays(lambda b: open_blob(b, store)))
    return open_blob(description, store)


def open_blob(description: dict[str, Any], store: Path) -> np.ndarray | Deferred:
    """A blob's array, or what stands for it if it is large."""
    if description["nbytes"] <= READ_UP_TO:
        return map_blob(description, store)
    return StoredArray(blob_path(store, str(description.get("digest", ""))), description)


class HeldFiles:
    """The files of a result, for as long as its arrays are in use: whatever the backend removes, and without keeping them open.

    Args:
        store: The store on this host that they come from, else they are somewhere in this host's folder for temporary files.
    """

    def __init__(self, store: Path | None = None) -> None:
        parent = None if store is None else store / HELD
        try:
            if parent is not None:
                parent.mkdir(exist_ok=True, mode=0o700)
            folder = tempfile.mkdtemp(prefix=f"backlot-{os.getpid()}-", dir=parent)
        except OSError as error:
            msg = f"There is no place for the files of a result: {error.strerror or error}"
            raise ProtocolError(msg, fix="Free space in the folder for temporary files") from error
        self.folder = Path(folder)
        self._end = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def take(self, store: Path, digest: str) -> Path:
        """Takes hold of a blob by another name of its file, or by a copy where the disk has no such names.

        Raises:
            ProtocolError: It is not in the store any more.
        """
        source, path = blob_path(store, digest), self.folder / digest
        if path.exists():
            return path
        try:
            with _open_for_reading(source):
                try:
                    os.link(source, path)
                except OSError:
                    shutil.copyfile(source, path)
        except OSError as error:
            msg = f"The blob {digest[:12]} is not in the store any more: {error.strerror or error}"
            raise ProtocolError(msg) from error
        return path

"""Arrays that are read when they are asked for.

A sequence has more files than a process may have open, and more bytes than fit into memory. ``EncodedFile.data`` and ``Image.pixels``
may therefore be given as a ``Deferred``: whoever reads the attribute gets an array, read or mapped at that moment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError


class Deferred:
    """What stands for an array until it is read.

    Attributes:
        dtype: As the array's.
        shape: As the array's.
        keep: Whether the array is kept once it is read, so that what is written to it stays.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    keep = False

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def load(self) -> np.ndarray:
        """The array."""
        raise NotImplementedError

    def read(self, offset: int, length: int) -> np.ndarray:
        """``(length,)`` uint8 of the array's bytes."""
        return self.load().reshape(-1).view(np.uint8)[offset : offset + length]


class FileOnDisk(Deferred):
    """The bytes of a file that stays where it is until they are needed.

    Args:
        path: The file. It must not change until the job that it is sent with is accepted.

    Raises:
        InputError: There is none, or it cannot be read.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:  # found out now rather than in the middle of an upload
                status = os.fstat(file.fileno())
        except OSError as error:
            raise InputError(expected=f"a readable file at {path}", got=error.strerror or str(error)) from error
        self.path, self.shape, self._stamp = path, (status.st_size,), (status.st_size, status.st_mtime_ns)

    def load(self) -> np.ndarray:
        """All bytes; raises ``InputError`` if the file is not the one that was found any more."""
        return self.read(0, self.shape[0])

    def read(self, offset: int, length: int) -> np.ndarray:
        """A part of the bytes; read rather than mapped, because a map of a file that somebody shortens ends the process."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                data = np.fromfile(file, np.uint8, length, offset=offset)
        except OSError as error:
            got = error.strerror or str(error)
            raise InputError(expected=f"a readable file at {self.path}", got=got, fix="Bring it back and send the job again") from error
        if (status.st_size, status.st_mtime_ns) != self._stamp or data.nbytes != length:
            raise InputError(expected=f"{self.path} as it was when the job was made", got="a file that has changed since",
                             fix="Send the job again when nothing writes to it any more")  # fmt: skip
        return data


class MayBeDeferred:
    """An attribute of a frozen record that may be set to a ``Deferred`` and is an array whenever it is read.

    Args:
        name: The attribute.
        written: Whether people write to the array: then it is kept if the ``Deferred`` says so.
    """

    def __init__(self, name: str, *, written: bool) -> None:
        self._name, self._written = name, written

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            raise AttributeError(self._name)
        value = vars(instance)[self._name]
        if not isinstance(value, Deferred):
            return value
        array = value.load()
        if value.keep and self._written:
            vars(instance)[self._name] = array
        return array

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self._name] = value


def as_given(record: object, name: str) -> Any:
    """An attribute as it was set: an array, or the ``Deferred`` that stands for one."""
    return vars(record)[name]


def loaded(value: Any) -> Any:
    """The array of a ``Deferred``; everything else as it is."""
    return value.load() if isinstance(value, Deferred) else value

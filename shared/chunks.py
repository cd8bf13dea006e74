"""Arrays that travel between hosts in 4 MiB chunks: what has left, what has come, and what is to follow.

A chunk counts as sent when the socket has taken it; one that does not fit into a full socket is sent later.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from .digest import CHUNK, as_bytes, root
from .errors import ProtocolError, StorageError
from .value_codec import Buffer, check_descriptor


class Upload:
    """An array on its way to the backend. Jobs with the same array share it.

    Attributes:
        jobs: Those that want it.
        sent: Bytes that have left.
        acknowledged: Bytes that the backend has.
        confirmed: When the backend said that it has all of it; None until then.
    """

    def __init__(self, buffer: Buffer, digest: str) -> None:
        self.buffer, self.digest, self.nbytes = buffer, digest, buffer.array.nbytes
        self.jobs: set[str] = set()
        self.restart()

    def restart(self) -> None:
        """Forgets what was under way; after a reconnect."""
        self.sent = self.acknowledged = 0
        self.confirmed: float | None = None
        self._flight: deque[int] = deque()

    @property
    def under_way(self) -> tuple[int, int]:
        """Messages and bytes that were not acknowledged yet."""
        return len(self._flight), self.sent - self.acknowledged

    def next_chunk(self) -> tuple[dict[str, Any], np.ndarray] | None:
        """Body and array of the next ``blob.put``, None when all has left. It is the same one until ``chunk_left`` is called.

        Raises:
            InputError: A file that stands for the array has changed.
        """
        if self.sent >= self.nbytes:
            return None
        return {"digest": self.digest, "offset": self.sent, "total": self.nbytes}, self.buffer.read(self.sent, CHUNK)

    def chunk_left(self, nbytes: int) -> None:
        """The socket has taken the next chunk."""
        self.sent += nbytes
        self._flight.append(nbytes)

    def acknowledge(self, received: int) -> None:
        """The backend has so many bytes of it."""
        while self._flight and self.acknowledged + self._flight[0] <= received:
            self.acknowledged += self._flight.popleft()
        if self.acknowledged >= self.nbytes:
            self.confirmed = time.monotonic()

    def confirm(self) -> None:
        """The backend has it already."""
        self.sent = self.acknowledged = self.nbytes
        self._flight.clear()
        self.confirmed = time.monotonic()


class Download:
    """An array on its way from the backend, into memory."""

    def __init__(self, description: dict[str, Any]) -> None:
        dtype, shape = check_descriptor(description)
        self.description, self.digest, self.nbytes = description, str(description.get("digest", "")), int(description["nbytes"])
        self.key = (self.digest, dtype.str, shape)
        self._missing = set(range(0, self.nbytes, CHUNK))
        self._taken: dict[int, bytes] = {}
        self._to_ask = deque(sorted(self._missing))
        self._begin(dtype, shape)

    def _begin(self, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        self.array = np.empty(shape, dtype)
        self._bytes = self.array.reshape(-1).view(np.uint8)

    def _write(self, offset: int, chunk: np.ndarray) -> None:
        self._bytes[offset : offset + chunk.nbytes] = chunk

    def next_request(self) -> dict[str, Any] | None:
        """Body of the next ``blob.get``, None when all was asked for. It is the same one until ``request_left`` is called."""
        while self._to_ask and self._to_ask[0] not in self._missing:  # it came for somebody else
            self._to_ask.popleft()
        if not self._to_ask:
            return None
        offset = self._to_ask[0]
        return {"digest": self.digest, "offset": offset, "length": min(CHUNK, self.nbytes - offset)}

    def request_left(self) -> None:
        """The socket has taken the next request."""
        self._to_ask.popleft()

    def give_up(self) -> None:
        """Asks for no more."""
        self._to_ask.clear()

    def restart(self) -> None:
        """Forgets what was asked for but has not come; after a reconnect."""
        self._to_ask = deque(sorted(self._missing))

    def take(self, offset: Any, chunk: np.ndarray) -> None:
        """Puts a chunk in its place.

        Raises:
            ProtocolError: It is not one that was asked for.
            StorageError: There is no space for it.
        """
        if offset in self._taken:
            return  # asked for twice, because a reconnect came in between
        if offset not in self._missing or chunk.nbytes != min(CHUNK, self.nbytes - offset):
            raise ProtocolError(expected="a chunk that was asked for", got=f"{chunk.nbytes} bytes at {offset}")
        self._write(offset, chunk.reshape(-1).view(np.uint8))
        self._missing.discard(offset)
        self._taken[offset] = hashlib.sha256(chunk).digest()  # as it comes, so that the end does not have to wait for it

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


class FileDownload(Download):
    """An array on its way from the backend, into a file: of a result that has more of them than fit into memory.

    Args:
        description: As it travels.
        path: The file.
        holder: What has to live as long as the file is needed.
    """

    def __init__(self, description: dict[str, Any], path: Path, holder: object = None) -> None:
        self.path, self.holder = path, holder
        super().__init__(description)

    def _begin(self, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        if not self.nbytes:
            self.path.touch()

    def _write(self, offset: int, chunk: np.ndarray) -> None:
        try:
            with self.path.open("r+b" if self._taken else "wb") as file:
                file.seek(offset)
                file.write(as_bytes(chunk))
        except OSError as error:
            raise StorageError.of(error, f"write to {self.path.parent}", "Free space in the folder for temporary files") from error

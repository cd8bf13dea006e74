"""Flow control of arrays to and from a backend on another host: one window of chunks under way for a client, jobs in turn.

The window keeps memory on both sides small whatever the number of arrays, and taking turns keeps a small job from waiting for a
large one. Nothing counts as sent before the socket has taken it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from .chunks import Download, Upload
from .digest import CHUNK
from .errors import BacklotError

WINDOW = 8
"""Chunks' bytes under way at once in each direction: 32 MiB."""
MESSAGES = 64
"""Messages under way at once in each direction, where arrays are smaller than chunks."""
ASK_AT_ONCE = 2000
"""Digests in one ``blob.has``."""
CONFIRM_AFTER = 30.0
"""Seconds after which a backend is asked again whether it still has an array: half of ``transfer.LEASE``."""
TURN = 0.015
"""Seconds of sending in one turn at most: whoever polls has other things to do."""


class DataLine(Protocol):
    """What is needed of the data socket."""

    ready: bool

    @property
    def writable(self) -> bool:
        """Whether a message that is sent now leaves at once."""

    def send(self, type: str, body: dict[str, Any], arrays: list[np.ndarray | None] | None = None) -> None:
        """Sends."""


class _Turns:
    """Queues by job, served in turn."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Any]] = {}

    def add(self, job: str, item: Any) -> None:
        self._queues.setdefault(job, deque()).append(item)

    def jobs(self) -> list[str]:
        return list(self._queues)

    def first(self, job: str) -> Any:
        queue = self._queues.get(job)
        return queue[0] if queue else None

    def drop_first(self, job: str) -> None:
        self._queues[job].popleft()
        if not self._queues[job]:
            del self._queues[job]

    def yield_turn(self, job: str) -> None:
        if job in self._queues:
            self._queues[job] = self._queues.pop(job)

    def take(self, job: str) -> Iterable[Any]:
        return self._queues.pop(job, ())


class FlowControl:
    """The arrays of all jobs of a client that are on their way."""

    def __init__(self) -> None:
        self.uploads: dict[str, Upload] = {}
        self._absent: dict[str, set[str]] = {}
        self._to_ask: deque[Upload] = deque()
        self._questions: deque[list[Upload]] = deque()
        self._sending = _Turns()
        self._fetching = _Turns()
        self._downloads: dict[str, list[tuple[str, Download]]] = {}
        self._asked: dict[tuple[str, int], int] = {}
        self._flying: dict[str, Upload] = {}

    # -- what a job wants --------------------------------------------------------------------------------------------

    def send(self, job: str, uploads: Iterable[Upload]) -> None:
        """Has arrays brought to the backend."""
        absent = self._absent.setdefault(job, set())
        for given in uploads:
            upload = self.uploads.get(given.digest)
            if upload is None:
                upload = self.uploads[given.digest] = given
                upload.restart()
                self._to_ask.append(upload)
            upload.jobs.add(job)
            if upload.confirmed is None:
                absent.add(upload.digest)

    def arrived(self, job: str) -> bool:
        """Whether the backend has all arrays of a job, and has said so lately enough to keep them until the job names them."""
        absent = self._absent.get(job, set())
        if absent:
            return False
        long_ago = time.monotonic() - CONFIRM_AFTER
        for upload in self.uploads.values():
            if job in upload.jobs and upload.confirmed is not None and upload.confirmed < long_ago:
                upload.restart()
                self._to_ask.append(upload)
                absent.add(upload.digest)
        return not absent

    def progress(self, job: str) -> tuple[int, int]:
        """Bytes of a job's arrays that are there, and of all."""
        mine = [u for u in self.uploads.values() if job in u.jobs]
        return sum(u.acknowledged for u in mine), sum(u.nbytes for u in mine)

    def fetch(self, job: str, downloads: Iterable[Download]) -> None:
        """Has arrays brought from the backend."""
        for download in downloads:
            if not download.done:
                self._downloads.setdefault(download.digest, []).append((job, download))
                self._fetching.add(job, download)

    def forget(self, job: str) -> None:
        """A job wants nothing any more: its arrays are there, or it was given up."""
        self._absent.pop(job, None)
        for upload in self._sending.take(job):
            others = upload.jobs - {job}
            if others:
                self._sending.add(min(others), upload)
        for upload in [u for u in self.uploads.values() if job in u.jobs]:
            upload.jobs.discard(job)
            if not upload.jobs:
                del self.uploads[upload.digest]
                self._flying.pop(upload.digest, None)
        self._fetching.take(job)
        for digest, wanted in list(self._downloads.items()):
            wanted[:] = [(owner, download) for owner, download in wanted if owner != job]
            if not wanted:
                del self._downloads[digest]

    def drop(self, digest: str) -> set[str]:
        """Gives up an array that the backend does not take or give; gives the jobs that wait for it."""
        sending = self.uploads[digest].jobs if digest in self.uploads and self.uploads[digest].confirmed is None else set()
        fetching = self._downloads.pop(digest, ())
        for key in [key for key in self._asked if key[0] == digest]:
            del self._asked[key]
        for _, download in fetching:
            download.give_up()
        return {*sending, *(job for job, _ in fetching)}

    # -- what the backend says ---------------------------------------------------------------------------------------

    def restart(self) -> None:
        """The connection is a new one: what was under way starts again."""
        for waiting in (self._questions, self._asked, self._flying):
            waiting.clear()
        self._to_ask = deque(u for u in self.uploads.values() if u.confirmed is None)
        for upload in self._to_ask:
            upload.restart()
        self._sending, self._fetching = _Turns(), _Turns()
        for wanted in self._downloads.values():
            for job, download in wanted:
                if not download.done:
                    download.restart()
                    self._fetching.add(job, download)

    def hear_present(self, present: Iterable[str]) -> None:
        """The answer to the oldest question which arrays the backend has."""
        there = set(present)
        for upload in self._questions.popleft() if self._questions else ():
            if upload.digest in there:
                upload.confirm()
                self._note_confirmed(upload)
            elif upload.jobs:
                self._sending.add(min(upload.jobs), upload)

    def hear_received(self, digest: str, received: int) -> None:
        """The backend has so many bytes of an array."""
        upload = self.uploads.get(digest)
        if upload is not None:
            upload.acknowledge(received)
            if upload.confirmed is not None:
                self._note_confirmed(upload)

    def hear_chunk(self, digest: str, offset: int, chunk: np.ndarray) -> None:
        """A chunk has come.

        Raises:
            BacklotError: It is not one that was asked for, or there is no space for it.
        """
        self._asked.pop((digest, offset), None)
        for _, download in self._downloads.get(digest, ()):
            if not download.done:
                download.take(offset, chunk)
        wanted = [entry for entry in self._downloads.get(digest, ()) if not entry[1].done]
        if wanted:
            self._downloads[digest] = wanted
        else:
            self._downloads.pop(digest, None)

    def _note_confirmed(self, upload: Upload) -> None:
        self._flying.pop(upload.digest, None)
        for job in upload.jobs:
            self._absent.get(job, set()).discard(upload.digest)

    # -- what leaves -------------------------------------------------------------------------------------------------

    def advance(self, line: DataLine) -> list[tuple[str, BacklotError]]:
        """Sends as much as the window and the socket take, for ``TURN`` at most; gives jobs that cannot go on, and why."""
        end, failed = time.monotonic() + TURN, []
        while line.ready and line.writable and time.monotonic() < end:
            if not (self._ask(line) or self._request(line)):
                try:
                    if not self._put(line):
                        break
                except BacklotError as error:  # a file has changed
                    job = self._sending.jobs()[0]
                    failed += [(one, error) for one in self._sending.first(job).jobs]
                    self._sending.drop_first(job)
        return failed

    def _ask(self, line: DataLine) -> bool:
        asked = [self._to_ask.popleft() for _ in range(min(ASK_AT_ONCE, len(self._to_ask)))]
        if not asked:
            return False
        line.send("blob.has", {"digests": [upload.digest for upload in asked]})
        self._questions.append(asked)
        return True

    def _request(self, line: DataLine) -> bool:
        if len(self._asked) >= MESSAGES or sum(self._asked.values()) > (WINDOW - 1) * CHUNK:
            return False
        for job in self._fetching.jobs():
            download = self._fetching.first(job)
            request = download.next_request()
            if request is None:
                self._fetching.drop_first(job)
                return True
            key = (request["digest"], request["offset"])
            if key not in self._asked:  # else it comes for another one of the same array
                line.send("blob.get", request)
                self._asked[key] = request["length"]
            download.request_left()
            self._fetching.yield_turn(job)
            return True
        return False

    def _put(self, line: DataLine) -> bool:
        flights = [u.under_way for u in self._flying.values()]
        if sum(m for m, _ in flights) >= MESSAGES or sum(n for _, n in flights) > (WINDOW - 1) * CHUNK:
            return False
        for job in self._sending.jobs():
            upload = self._sending.first(job)
            chunk = upload.next_chunk()
            if chunk is None or not upload.jobs:
                self._sending.drop_first(job)
                return True
            line.send("blob.put", chunk[0], [chunk[1]])
            upload.chunk_left(chunk[1].nbytes)
            self._flying[upload.digest] = upload
            self._sending.yield_turn(job)
            return True
        return False

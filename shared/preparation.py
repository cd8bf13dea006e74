"""Getting a job's arrays ready to leave: hashed, and left with a backend on the same host. On threads of its own.

A job with few arrays names each in its message. One with many names a manifest (``manifest.py``), if the backend reads them.
"""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .chunks import Upload
from .deferred import Deferred
from .errors import JobCancelled, LimitError
from .jobs import Job
from .manifest import fold
from .stored import blob_path
from .transfer import deposit, describe_blob, touch
from .value_codec import Buffer
from .wire import INLINE_LIMIT

MANY = 256
"""Arrays in one message; more make a manifest."""
LONG_LIST = 256
"""Values in an input beyond which even looking at them is left to the thread."""
INLINE_TOTAL = 4 * 1024 * 1024
"""Bytes of small arrays in one message; beyond that even small ones become blobs."""
AT_ONCE = 64
"""Arrays handed to the threads that hash; between two lots it is looked whether the job was cancelled."""
TRIES = 3


class Preparation:
    """One job that is made ready.

    Args:
        job: The job, checked.
        executor: Threads that hash.

    Attributes:
        store: The one that it is, or was, made ready for.
        body: Of ``job.submit``.
        arrays: Of the same; None for those that are blobs.
        descriptions: Of the same.
        uploads: What has to be brought to a backend on another host.
        progress: 0..1.

    Raises:
        InputError: The job cannot work. One with long lists says so later, by ``finish``.
    """

    def __init__(self, job: Job, executor: concurrent.futures.Executor) -> None:
        job.check()
        self._job, self._executor = job, executor
        self._cancelled = threading.Event()
        self._done: concurrent.futures.Future[None] | None = None
        self.store: Path | None = None
        self.body: dict[str, Any] = {}
        self.arrays: list[np.ndarray | None] = []
        self.descriptions: list[dict[str, Any]] = []
        self.uploads: list[Upload] = []
        self.progress = 0.0
        self._encoded: tuple[dict[str, Any], list[Buffer]] | None = None
        if not any(isinstance(v, (list, tuple)) and len(v) > LONG_LIST for v in job.inputs.values()):
            self._encoded = job.encode()

    def check(self, limits: Mapping[str, int]) -> None:
        """Raises ``LimitError`` if the job is already known to be larger than the backend takes."""
        if self._encoded is not None:
            check_limits(self._encoded[1], limits)

    def start(self, store: Path | None, limits: Mapping[str, int]) -> None:
        """Begins, also once more for a backend that was started again.

        Args:
            store: Of a backend on this host.
            limits: What the backend announced.
        """
        self.cancel()
        self._cancelled, self.store = threading.Event(), store
        done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._done = done
        threading.Thread(target=self._run, args=(store, limits, self._cancelled, done), name="backlot-prepare", daemon=True).start()

    def cancel(self) -> None:
        """Ends it soon; what is in the backend's store by then is collected there."""
        self._cancelled.set()

    def wait(self, seconds: float) -> None:
        """Waits until it is done, for so long at most."""
        if self._done is not None:
            concurrent.futures.wait([self._done], seconds)

    @property
    def done(self) -> bool:
        """Whether it is, also with an error."""
        return self._done is not None and self._done.done()

    def finish(self) -> None:
        """Raises what went wrong.

        Raises:
            BacklotError: An input has no position on the wire or has changed, a limit, the disk.
        """
        assert self._done is not None
        self._done.result()

    def _run(
        self, store: Path | None, limits: Mapping[str, int], cancelled: threading.Event, done: concurrent.futures.Future[None]
    ) -> None:
        try:
            _Work(self, store, cancelled).run(limits)
            done.set_result(None)
        except BaseException as error:
            done.set_exception(error)

    def encoded(self) -> tuple[dict[str, Any], list[Buffer]]:
        """The job as JSON and arrays."""
        if self._encoded is None:
            self._encoded = self._job.encode()
        return self._encoded

    def map(self, work: Any, items: list[Any], cancelled: threading.Event) -> list[Any]:
        """Does the work for all items on the threads that hash, unless the job is cancelled."""
        found: list[Any] = []
        for start in range(0, len(items), AT_ONCE):
            if cancelled.is_set():
                msg = "The job was cancelled"
                raise JobCancelled(msg)
            found += self._executor.map(work, items[start : start + AT_ONCE])
            self.progress = len(found) / len(items)
        return found


class _Work:
    def __init__(self, preparation: Preparation, store: Path | None, cancelled: threading.Event) -> None:
        self._preparation, self._store, self._cancelled = preparation, store, cancelled
        self._uploads: dict[str, Upload] = {}

    def run(self, limits: Mapping[str, int]) -> None:
        body, buffers = self._preparation.encoded()
        check_limits(buffers, limits)
        if len(buffers) > MANY and limits.get("manifest_bytes"):
            body, arrays, descriptions = self._by_manifest(body, buffers)
        else:
            arrays, descriptions = self._by_message(buffers)
        if self._cancelled.is_set():
            msg = "The job was cancelled"
            raise JobCancelled(msg)
        mine = self._preparation
        mine.body, mine.arrays, mine.descriptions, mine.uploads = body, arrays, descriptions, list(self._uploads.values())

    def _by_message(self, buffers: list[Buffer]) -> tuple[list[np.ndarray | None], list[dict[str, Any]]]:
        inline = 0
        arrays: list[np.ndarray | None] = []
        descriptions: list[dict[str, Any]] = []
        large: list[int] = []
        for i, buffer in enumerate(buffers):
            if buffer.array.nbytes <= min(INLINE_LIMIT, INLINE_TOTAL - inline):
                inline += buffer.array.nbytes
                arrays.append(buffer.array.load() if isinstance(buffer.array, Deferred) else buffer.array)
                descriptions.append({**buffer.describe(), "transport": "inline"})
                continue
            arrays.append(None)
            descriptions.append({})
            large.append(i)
        keep = self._keep if self._store is None else self._leave
        for i, description in zip(large, self._preparation.map(keep, [buffers[i] for i in large], self._cancelled), strict=True):
            descriptions[i] = description
        return arrays, descriptions

    def _by_manifest(
        self, body: dict[str, Any], buffers: list[Buffer]
    ) -> tuple[dict[str, Any], list[np.ndarray | None], list[dict[str, Any]]]:
        large = [b for b in buffers if b.array.nbytes > INLINE_LIMIT]
        place = self._keep if self._store is None else self._place
        kept: dict[int, dict[str, Any]] = dict(zip(map(id, large), self._preparation.map(place, large, self._cancelled), strict=True))
        more: list[Buffer] = []

        def keep(buffer: Buffer) -> dict[str, Any]:
            if id(buffer) not in kept:
                kept[id(buffer)] = place(buffer)
                more.append(buffer)
            return kept[id(buffer)]

        manifest = fold(body["inputs"], buffers, keep)
        for _ in range(TRIES if self._store is not None else 0):  # a blob that was there may have been removed before it was named
            gone = [b for b in (*large, *more) if not touch(blob_path(self._store, kept[id(b)]["digest"]))]  # type: ignore[arg-type]
            if not gone:
                break
            self._preparation.map(place, gone, self._cancelled)
        inputs = {name: {"$": "manifest", "index": 0, "field": name} for name in body["inputs"]}
        return {**body, "inputs": inputs}, [None], [manifest]

    def _keep(self, buffer: Buffer) -> dict[str, Any]:
        description = describe_blob(buffer)
        self._uploads[description["digest"]] = Upload(buffer, description["digest"])
        return description

    def _leave(self, buffer: Buffer) -> dict[str, Any]:
        assert self._store is not None
        return deposit(buffer, self._store)

    def _place(self, buffer: Buffer) -> dict[str, Any]:
        assert self._store is not None
        return deposit(buffer, self._store, place=True)


def check_limits(buffers: list[Buffer], limits: Mapping[str, int]) -> None:
    """Raises ``LimitError`` for more than the backend announced it would take."""
    most, total = limits.get("job_bytes", 0), sum(b.array.nbytes for b in buffers)
    if most and total > most:
        raise LimitError(expected=f"at most {most / 2**20:.0f} MiB of input for one job", got=f"{total / 2**20:.0f} MiB",
                         fix="Send fewer or smaller frames, or raise the backend's limit: backlot serve --max-job-mib")  # fmt: skip
    listed = limits.get("manifest_buffers", 0) if limits.get("manifest_bytes") else limits.get("buffers", 0)
    if listed and len(buffers) > listed:
        fix = (
            "Do a part of the frames at a time"
            if limits.get("manifest_bytes")
            else "Update the backend, or do a part of the frames at a time"
        )
        raise LimitError(expected=f"at most {listed:,} arrays in one job, which is the backend's limit", got=f"{len(buffers):,}", fix=fix)

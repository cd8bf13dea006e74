"""What is kept of finished jobs, and what is given up first when it becomes too much."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import Any

from .blobs import BlobStore
from .contents import Contents
from .journal import FINISHED, Journal

RECENT_BYTES = 512 * 1024 * 1024
"""Inputs of finished jobs kept in case they are sent again, with other parameters or another seed."""


MANY = 64
"""Blobs to remove that take a while."""


class Retention:
    """Keeps the store within bounds, job by job.

    Inputs are needed until their job ends, what it gave until ``outcome_bytes`` newer ones are there. A result that was
    released can be made again from the same job file; the client that waited for it had it long before.
    """

    def __init__(self, journal: Journal, blobs: BlobStore, contents: Contents, outcome_bytes: int) -> None:
        self._journal, self._blobs, self._contents, self._outcome_bytes = journal, blobs, contents, outcome_bytes
        self._recent: OrderedDict[str, int] = OrderedDict()
        self._outcomes: OrderedDict[str, list[dict[str, Any]]] = OrderedDict(journal.outcomes())
        self._kept = sum(self._size(b) for b in self._outcomes.values())

    def finished(self, job_id: str, replaced: list[dict[str, Any]]) -> None:
        """Takes note of a job that has just ended and releases what is too much.

        Args:
            job_id: The job.
            replaced: Buffers of the partial results that its outputs stand for now.
        """
        row = self._journal.get(job_id)
        if row is None:
            return
        self._outlived([*json.loads(row["buffers"]), *replaced])
        given = [*json.loads(row["outcome_buffers"] or "[]"), *self._journal.partial_buffers(job_id)]
        if given and row["state"] in FINISHED:  # which it is not when the disk was too full to note it
            self._outcomes[job_id] = given
            self._kept += self._size(given)
        self._release()

    def replaced(self, buffers: list[dict[str, Any]]) -> None:
        """Takes note of a partial result that a later one stands for now."""
        if buffers:
            self._outlived(buffers)
            self._release()

    def _outlived(self, buffers: list[dict[str, Any]]) -> None:
        for digest, nbytes in self._contents.of(buffers):
            self._recent[digest] = nbytes
            self._recent.move_to_end(digest)

    def _release(self) -> None:
        stale: list[str] = []
        while self._kept > self._outcome_bytes and len(self._outcomes) > 1:
            old, buffers = self._outcomes.popitem(last=False)
            self._kept -= self._size(buffers)
            stale += [digest for digest, _ in self._contents.of(buffers)]
            self._journal.forget(old)
        recent = sum(self._recent.values())
        enough = RECENT_BYTES if recent <= RECENT_BYTES else RECENT_BYTES * 3 // 4  # not again for each small one: it reads the journal
        while recent > enough:
            digest, nbytes = self._recent.popitem(last=False)
            recent -= nbytes
            stale.append(digest)
        if stale:
            needed = self._journal.referenced(self._contents.of)
            self._remove([digest for digest in stale if digest not in needed])

    def _remove(self, digests: list[str]) -> None:
        """Many on a thread of their own: nobody has to wait. A job that names one in the meantime has it kept, see ``BlobStore.has``."""
        if len(digests) > MANY:
            threading.Thread(target=self._release_all, args=(digests,), name="backlot-release", daemon=True).start()
        else:
            self._release_all(digests)

    def _release_all(self, digests: list[str]) -> None:
        for digest in digests:
            self._blobs.release(digest)

    def _size(self, buffers: list[dict[str, Any]]) -> int:
        return sum(nbytes for _, nbytes in self._contents.of(buffers))

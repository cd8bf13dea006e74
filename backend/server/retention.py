"""What is kept of finished jobs, and what is given up first when it becomes too much."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from .blobs import BlobStore
from .journal import Journal

RECENT_BYTES = 512 * 1024 * 1024
"""Inputs of finished jobs kept in case they are sent again, with other parameters or another seed."""


class Retention:
    """Keeps the store within bounds, job by job.

    Inputs are needed until their job ends, outputs until ``outcome_bytes`` newer ones are there. A result that was
    released can be made again from the same job file; the client that waited for it had it long before.
    """

    def __init__(self, journal: Journal, blobs: BlobStore, outcome_bytes: int) -> None:
        self._journal, self._blobs, self._outcome_bytes = journal, blobs, outcome_bytes
        self._recent: OrderedDict[str, int] = OrderedDict()
        self._outcomes: OrderedDict[str, list[dict[str, Any]]] = OrderedDict(journal.outcomes())
        self._kept = sum(_size(b) for b in self._outcomes.values())

    def finished(self, job_id: str) -> None:
        """Takes note of a job that has just ended and releases what is too much."""
        row = self._journal.get(job_id)
        if row is None:
            return
        for buffer in json.loads(row["buffers"]):
            self._recent[buffer["digest"]] = buffer["nbytes"]
            self._recent.move_to_end(buffer["digest"])
        if row["state"] == "done":
            self._outcomes[job_id] = json.loads(row["outcome_buffers"])
            self._kept += _size(self._outcomes[job_id])
        stale: list[str] = []
        while self._kept > self._outcome_bytes and len(self._outcomes) > 1:
            old, buffers = self._outcomes.popitem(last=False)
            self._kept -= _size(buffers)
            stale += [b["digest"] for b in buffers]
            self._journal.forget(old)
        recent = sum(self._recent.values())
        while recent > RECENT_BYTES:
            digest, nbytes = self._recent.popitem(last=False)
            recent -= nbytes
            stale.append(digest)
        if stale:
            needed = self._journal.referenced()
            for digest in stale:
                if digest not in needed:
                    self._blobs.release(digest)


def _size(buffers: list[dict[str, Any]]) -> int:
    return sum(int(b["nbytes"]) for b in buffers)

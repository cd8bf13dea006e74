"""Who follows which job, and what they are informed of it: its turn, progress, partial results, the end."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ...shared.errors import BacklotError, LimitError
from ...shared.manifest import LAYOUT
from ..core.context import PRIVATE
from .journal import FINISHED, Journal, Partial
from .peers import Peers

PARTIALS_SINCE = 1
"""Minor version of the protocol from which clients know ``job.partial``."""
QUEUED_SINCE = 2
"""The same for ``job.queued``."""
NEAR = 20
"""Jobs before one that gets each change; one further back gets one now and then, or a thousand jobs would get a thousand messages each."""
FAR_EVERY = 1.0
"""Seconds."""
MANIFESTS_SINCE = 4
"""The same for results that a manifest names."""


class Followers:
    """News of jobs, to those who submitted or attached and to nobody else."""

    def __init__(self, peers: Peers, journal: Journal) -> None:
        self._peers, self._journal = peers, journal
        self._routes: dict[str, set[bytes]] = defaultdict(set)
        self._progress: dict[str, tuple[float, str]] = {}
        self._before: dict[str, int] = {}
        self._sent = self._sent_near = -1
        self._far_at, self._far_left = 0.0, False

    def attach(self, route: bytes, row: Any) -> None:
        """Tells a client how far a job is and what it gave so far, and lets it follow, unless the job has ended."""
        job_id = row["id"]
        self._peers.send(route, "job.accepted", {"job": job_id})
        if row["state"] != "done":
            for partial in self._journal.partials(job_id):
                self._send_partial(route, job_id, partial)
        if row["state"] in FINISHED:
            self._tell_outcome([route], row)
            return
        self._routes[job_id].add(route)
        self._before.pop(job_id, None)  # ``queue`` says it anew, also to this client
        self._sent = self._sent_near = -1
        if job_id in self._progress:
            fraction, stage = self._progress[job_id]
            self._peers.send(route, "job.progress", {"job": job_id, "fraction": fraction, "stage": stage, "eta": None})

    def queue(self) -> None:
        """Sends how many jobs come before each that waits, where that has changed since it was sent.

        One that a worker gave back and that comes next said so itself: it is being tried again.
        """
        if self._sent == self._journal.changes:
            return
        if self._far_left and time.monotonic() - self._far_at < FAR_EVERY and self._sent_near == self._journal.changes:
            return
        self._sent = self._sent_near = self._journal.changes
        far, waiting, self._far_left = time.monotonic() - self._far_at >= FAR_EVERY, self._journal.waiting(), False
        for job_id, before in waiting.items():
            earlier = self._before.get(job_id)
            if earlier == before or (not before and job_id in self._progress):
                continue
            if earlier is not None and before > NEAR and not far:
                waiting[job_id], self._sent, self._far_left = earlier, -1, True
                continue
            for route in self._routes.get(job_id, ()):
                if self._peers.minor(route) >= QUEUED_SINCE:
                    self._peers.send(route, "job.queued", {"job": job_id, "before": before})
        self._before = waiting
        if far:
            self._far_at = time.monotonic()

    def progress(self, body: dict[str, Any], arrays: Iterable[Any] = (), buffers: list[dict[str, Any]] | None = None) -> None:
        """Passes on a ``job.progress``."""
        job_id = body["job"]
        self._progress[job_id] = (body["fraction"], body["stage"])
        for route in self._routes.get(job_id, ()):
            if self._peers.ready(route) and self._peers.is_active(route):  # news, not results: one that does not read gets the next
                self._peers.send(route, "job.progress", body, list(arrays), buffers)

    def try_again(self, job_id: str, why: str) -> None:
        """Says that the job starts anew."""
        self.progress({"job": job_id, "fraction": 0.0, "stage": f"trying again: {why}", "eta": None})
        self._progress[job_id] = (0.0, "trying again")

    def partial(self, job_id: str, partial: Partial) -> None:
        """Passes on a partial result."""
        for route in self._routes.get(job_id, ()):
            self._send_partial(route, job_id, partial)

    def end(self, row: Any) -> None:
        """Tells how a job ended; nobody follows it any more."""
        self._progress.pop(row["id"], None)
        self._tell_outcome(self._routes.pop(row["id"], ()), row)

    def describe(self, rows: Iterable[Any]) -> list[dict[str, Any]]:
        """Jobs as ``job.list`` has them."""
        waiting, described = self._journal.waiting(), []
        for row in rows:
            fraction, stage = self._progress.get(row["id"], (1.0 if row["state"] == "done" else 0.0, ""))
            error = str(BacklotError.from_json(json.loads(row["outcome"]))) if row["state"] == "failed" else ""
            described.append({
                **{name: row[name] for name in ("id", "operation", "label", "state", "submitted", "attempts")},
                "fraction": fraction, "stage": stage, "error": error, "before": waiting.get(row["id"]),
            })  # fmt: skip
        return described

    def _send_partial(self, route: bytes, job_id: str, partial: Partial) -> None:
        since = MANIFESTS_SINCE if _by_manifest(partial.buffers) else PARTIALS_SINCE
        if not partial.name.startswith(PRIVATE) and self._peers.minor(route) >= since:
            body = {"job": job_id, **partial.body}
            self._peers.send(route, "job.partial", body, [None] * len(partial.buffers), partial.buffers)

    def _tell_outcome(self, routes: Iterable[bytes], row: Any) -> None:
        outcome, body = json.loads(row["outcome"]), {"job": row["id"]}
        for route in routes:
            if row["state"] == "done":
                buffers = json.loads(row["outcome_buffers"])
                if _by_manifest(buffers) and self._peers.minor(route) < MANIFESTS_SINCE:
                    error = LimitError("The result has more parts than this client can read", expected=f"protocol 1.{MANIFESTS_SINCE}",
                                       got=f"protocol 1.{self._peers.minor(route)}", fix="Update the add-on and attach again")  # fmt: skip
                    self._peers.send(route, "job.error", {**body, "error": error.to_json(), "attempts": row["attempts"]})
                    continue
                self._peers.send(route, "job.result", {**body, **outcome}, [None] * len(buffers), buffers)
            elif row["state"] == "cancelled":
                self._peers.send(route, "job.cancelled", body)
            else:
                self._peers.send(route, "job.error", {**body, "error": outcome, "attempts": row["attempts"]})


def _by_manifest(buffers: list[dict[str, Any]]) -> bool:
    return any(b.get("layout") == LAYOUT for b in buffers)

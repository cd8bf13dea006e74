"""The journal: every job that was accepted, in SQLite, so that neither a dead worker nor a dead supervisor loses one.

queued -> running -> done | failed | cancelled
^         |
+---------+   worker died: attempt + 1, at most ``MAX_ATTEMPTS``
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...shared.errors import StorageError

MAX_ATTEMPTS = 3
SCHEMA_VERSION = 2
"""Version 1 had no table of partial results; adding it is all there is to an upgrade."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, operation TEXT NOT NULL, label TEXT NOT NULL, request TEXT NOT NULL, buffers TEXT NOT NULL,
    digest TEXT NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    submitted REAL NOT NULL, started REAL, finished REAL, outcome TEXT, outcome_buffers TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS by_state ON jobs (state, priority DESC, submitted);
CREATE INDEX IF NOT EXISTS by_time ON jobs (submitted);
CREATE INDEX IF NOT EXISTS by_digest ON jobs (digest);
CREATE TABLE IF NOT EXISTS partials (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, name TEXT NOT NULL, place TEXT NOT NULL, value TEXT NOT NULL,
    buffers TEXT NOT NULL, PRIMARY KEY (job, name, place)
) STRICT;
"""
FINISHED = ("done", "failed", "cancelled")


@dataclasses.dataclass(frozen=True)
class Partial:
    """A result that an unfinished job gave already.

    Attributes:
        name: The output it belongs to, or a name of the operation's own that begins with ``_``.
        index: Which of several, such as a frame's number, or None.
        value: Its JSON, as ``shared/value_codec.py`` makes it.
        buffers: Descriptions of the blobs that its arrays are.
    """

    name: str
    index: int | None
    value: Any
    buffers: list[dict[str, Any]]

    @property
    def body(self) -> dict[str, Any]:
        """What ``job.partial`` says of it."""
        return {"name": self.name, "index": self.index, "value": self.value}


class Journal:
    """The jobs of one backend. To be used from one thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._storage(path):
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if not 0 <= version <= SCHEMA_VERSION:
                raise StorageError(
                    expected=f"a journal of at most version {SCHEMA_VERSION} at {path}",
                    got=f"version {version}",
                    fix="Use the Backlot version that wrote it, or move the file away",
                )
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self._path = path

    def close(self) -> None:
        """Closes the database."""
        self._db.close()

    def recover(self) -> list[str]:
        """After a start: puts jobs that were running back into the queue; gives those that used up their attempts."""
        worn_out = [r["id"] for r in self._db.execute("SELECT id FROM jobs WHERE state = 'running' AND attempts >= ?", (MAX_ATTEMPTS,))]
        self._write("UPDATE jobs SET state = 'queued' WHERE state = 'running' AND attempts < ?", (MAX_ATTEMPTS,))
        return worn_out

    def add(self, job_id: str, request: dict[str, Any], buffers: list[dict[str, Any]], digest: str) -> None:
        """Notes a new job as queued; from here on it is safe.

        What the latest job of the same digest and delivery gave before it was cancelled or failed is this one's from the start.

        Raises:
            StorageError: The disk is full or read-only; nothing was noted.
        """
        self._write(
            "INSERT INTO jobs (id, operation, label, request, buffers, digest, priority, state, submitted) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?)",
            (
                job_id,
                request["operation"],
                request["label"],
                json.dumps(request),
                json.dumps(buffers),
                digest,
                request["priority"],
                time.time(),
            ),
        )
        rows = self._db.execute("SELECT id, request FROM jobs WHERE digest = ? AND state IN ('cancelled', 'failed') "
                                "AND id IN (SELECT job FROM partials) ORDER BY finished DESC", (digest,)).fetchall()  # fmt: skip
        for row in rows:
            if json.loads(row["request"]).get("deliver") == request.get("deliver"):
                self._write("INSERT INTO partials SELECT ?, name, place, value, buffers FROM partials WHERE job = ?", (job_id, row["id"]))
                break

    def next_queued(self) -> sqlite3.Row | None:
        """The job to be done next: highest priority, then oldest."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM jobs WHERE state = 'queued' ORDER BY priority DESC, submitted LIMIT 1"
        ).fetchone()
        return row

    @property
    def changes(self) -> int:
        """Grows with every change: what was read before is still true while this stays."""
        return self._db.total_changes

    def waiting(self) -> dict[str, int]:
        """How many jobs come before each queued one: those running, and those queued that ``next_queued`` gives earlier."""
        rows = self._db.execute("SELECT id, state FROM jobs WHERE state IN ('running', 'queued') "
                                "ORDER BY state = 'queued', priority DESC, submitted")  # fmt: skip
        return {row["id"]: before for before, row in enumerate(rows) if row["state"] == "queued"}

    def start(self, job_id: str) -> int:
        """Notes that an attempt begins; gives its number, from 1."""
        self._write("UPDATE jobs SET state = 'running', attempts = attempts + 1, started = ? WHERE id = ?", (time.time(), job_id))
        return int(self.get(job_id)["attempts"])  # type: ignore[index]

    def requeue(self, job_id: str, *, count: bool) -> None:
        """Puts a running job back; ``count=False`` where it was not the job's fault."""
        self._write(
            "UPDATE jobs SET state = 'queued', attempts = attempts - ? WHERE id = ? AND state = 'running'", (0 if count else 1, job_id)
        )

    def finish(self, job_id: str, state: str, outcome: dict[str, Any], buffers: list[dict[str, Any]] | None = None) -> None:
        """Notes how a job ended. Its partial results are kept unless it is done: then the outputs stand for them."""
        self._write(
            "UPDATE jobs SET state = ?, outcome = ?, outcome_buffers = ?, finished = ? WHERE id = ?",
            (state, json.dumps(outcome), json.dumps(buffers or []), time.time(), job_id),
        )
        if state == "done":
            self._write("DELETE FROM partials WHERE job = ?", (job_id,))

    def keep_partial(self, job_id: str, partial: Partial) -> list[dict[str, Any]]:
        """Notes a partial result in place of an earlier one of the same name and index; gives the buffers of that one.

        Raises:
            StorageError: The disk is full or read-only; the earlier one is still there.
        """
        key = (job_id, partial.name, "" if partial.index is None else str(partial.index))
        row = self._db.execute("SELECT buffers FROM partials WHERE job = ? AND name = ? AND place = ?", key).fetchone()
        self._write("INSERT OR REPLACE INTO partials VALUES (?, ?, ?, ?, ?)",
                    (*key, json.dumps(partial.value), json.dumps(partial.buffers)))  # fmt: skip
        replaced: list[dict[str, Any]] = json.loads(row["buffers"]) if row is not None else []
        return replaced

    def partials(self, job_id: str) -> list[Partial]:
        """The partial results of a job, by name and index."""
        rows = self._db.execute("SELECT * FROM partials WHERE job = ? ORDER BY name, CAST(place AS INTEGER)", (job_id,))
        return [Partial(r["name"], int(r["place"]) if r["place"] else None, json.loads(r["value"]), json.loads(r["buffers"])) for r in rows]

    def partial_buffers(self, job_id: str) -> list[dict[str, Any]]:
        """Descriptions of the blobs that the partial results of a job are."""
        return [buffer for partial in self.partials(job_id) for buffer in partial.buffers]

    def get(self, job_id: str) -> sqlite3.Row | None:
        """One job, or None."""
        row: sqlite3.Row | None = self._db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return row

    def recent(self, count: int = 200) -> list[sqlite3.Row]:
        """The newest jobs, newest first, without what they were given and gave: that may be much."""
        return list(self._db.execute("SELECT id, operation, label, state, submitted, attempts, CASE WHEN state = 'failed' THEN outcome END "
                                     "AS outcome FROM jobs ORDER BY submitted DESC LIMIT ?", (count,)))  # fmt: skip

    def count(self) -> dict[str, int]:
        """Number of jobs by state."""
        return {r["state"]: r["n"] for r in self._db.execute("SELECT state, count(*) AS n FROM jobs GROUP BY state")}

    def prune(self, keep_seconds: float) -> None:
        """Forgets jobs that ended longer ago."""
        self._write("DELETE FROM jobs WHERE finished < ?", (time.time() - keep_seconds,))

    def outcomes(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Ids of the jobs that ended, and the buffers of what they gave, oldest first."""
        rows = self._db.execute("SELECT id, outcome_buffers FROM jobs WHERE finished IS NOT NULL ORDER BY finished").fetchall()
        found = ((r["id"], [*json.loads(r["outcome_buffers"] or "[]"), *self.partial_buffers(r["id"])]) for r in rows)
        return [(job_id, buffers) for job_id, buffers in found if buffers]

    def forget(self, job_id: str) -> None:
        """Removes a job."""
        self._write("DELETE FROM jobs WHERE id = ?", (job_id,))

    def referenced(self, contents: Callable[[list[dict[str, Any]]], Iterable[tuple[str, int]]]) -> set[str]:
        """Digests of the blobs that are still needed: inputs of jobs to do, outputs of jobs done, partial results of the others.

        Args:
            contents: Gives the blobs of buffers, see ``Contents.of``.
        """
        needed: set[str] = set()
        for row in self._db.execute("SELECT CASE WHEN finished IS NULL THEN buffers ELSE outcome_buffers END AS text FROM jobs"):
            needed.update(digest for digest, _ in contents(json.loads(row["text"] or "[]")))
        for row in self._db.execute("SELECT buffers FROM partials"):
            needed.update(digest for digest, _ in contents(json.loads(row["buffers"])))
        return needed

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        with self._storage(getattr(self, "_path", Path())):
            self._db.execute(statement, values)

    @contextmanager
    def _storage(self, path: Path) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            msg = f"The journal at {path} cannot be written: {error}"
            raise StorageError(msg, fix="Free space there, or start the backend with another --state") from error

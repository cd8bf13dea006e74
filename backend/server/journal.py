"""The journal: every job that was accepted, in SQLite, so that neither a dead worker nor a dead supervisor loses one.

queued -> running -> done | failed | cancelled
^         |
+---------+   worker died: attempt + 1, at most ``MAX_ATTEMPTS``
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...shared.errors import StorageError

MAX_ATTEMPTS = 3
SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, operation TEXT NOT NULL, label TEXT NOT NULL, request TEXT NOT NULL, buffers TEXT NOT NULL,
    digest TEXT NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    submitted REAL NOT NULL, started REAL, finished REAL, outcome TEXT, outcome_buffers TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS by_state ON jobs (state, priority DESC, submitted);
"""
FINISHED = ("done", "failed", "cancelled")


class Journal:
    """The jobs of one backend. To be used from one thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._storage(path):
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA_VERSION):
                raise StorageError(
                    expected=f"a journal of version {SCHEMA_VERSION} at {path}",
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

    def next_queued(self) -> sqlite3.Row | None:
        """The job to be done next: highest priority, then oldest."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM jobs WHERE state = 'queued' ORDER BY priority DESC, submitted LIMIT 1"
        ).fetchone()
        return row

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
        """Notes how a job ended."""
        self._write(
            "UPDATE jobs SET state = ?, outcome = ?, outcome_buffers = ?, finished = ? WHERE id = ?",
            (state, json.dumps(outcome), json.dumps(buffers or []), time.time(), job_id),
        )

    def get(self, job_id: str) -> sqlite3.Row | None:
        """One job, or None."""
        row: sqlite3.Row | None = self._db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return row

    def recent(self, count: int = 200) -> list[sqlite3.Row]:
        """The newest jobs, newest first."""
        return list(self._db.execute("SELECT * FROM jobs ORDER BY submitted DESC LIMIT ?", (count,)))

    def count(self) -> dict[str, int]:
        """Number of jobs by state."""
        return {r["state"]: r["n"] for r in self._db.execute("SELECT state, count(*) AS n FROM jobs GROUP BY state")}

    def prune(self, keep_seconds: float) -> None:
        """Forgets jobs that ended longer ago."""
        self._write("DELETE FROM jobs WHERE finished < ?", (time.time() - keep_seconds,))

    def outcomes(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Ids and output buffers of the jobs that are done, oldest first."""
        rows = self._db.execute("SELECT id, outcome_buffers FROM jobs WHERE state = 'done' ORDER BY finished")
        return [(r["id"], json.loads(r["outcome_buffers"])) for r in rows]

    def forget(self, job_id: str) -> None:
        """Removes a job."""
        self._write("DELETE FROM jobs WHERE id = ?", (job_id,))

    def referenced(self) -> set[str]:
        """Digests of the blobs that are still needed: inputs of jobs to do, outputs of jobs done."""
        needed: set[str] = set()
        for row in self._db.execute("SELECT buffers, outcome_buffers, state FROM jobs"):
            text = row["outcome_buffers"] if row["state"] in FINISHED else row["buffers"]
            needed.update(b["digest"] for b in json.loads(text or "[]") if "digest" in b)
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

"""``jobs`` and ``cancel``."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ...shared.client import Client
from ...shared.connect import ANSWER_WITHIN
from ...shared.errors import BackendUnavailable, InputError
from ...shared.events import JobInfo, JobList, turn
from .report import table
from .session import existing_backend


def add_verbs(verbs: Any) -> None:
    """Adds the verbs."""
    verbs.add_parser("jobs", help="list the jobs").set_defaults(action=_jobs)
    parser = verbs.add_parser("cancel", help="cancel a job")
    parser.add_argument("job", help="its id, or enough of the beginning")
    parser.set_defaults(action=_cancel)


def _jobs(arguments: argparse.Namespace) -> int:
    with existing_backend() as client:
        jobs = _list(client)
    now = time.time()
    rows = [[j.id[:12], j.operation, j.state, f"{j.fraction * 100:.0f}%", _ago(now - j.submitted), j.label, _words(j)[:80]] for j in jobs]
    table(rows, ["job", "operation", "state", "done", "age", "label", "stage or error"])
    return 0


def _cancel(arguments: argparse.Namespace) -> int:
    with existing_backend() as client:
        found = [j for j in _list(client) if j.id.startswith(arguments.job)]
        if len(found) != 1:
            raise InputError(
                expected="the beginning of one job's id", got=f"{arguments.job!r}, which fits {len(found)}", fix="See: backlot jobs"
            )
        job = found[0]
        if job.state not in ("queued", "running"):
            print(f"{job.id[:12]} is {job.state} already")
            return 0
        client.cancel(job.id)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            client.poll(0.1)
            state = next((j.state for j in _list(client) if j.id == job.id), "gone")
            if state not in ("queued", "running"):
                print(f"{job.id[:12]} {state}")
                return 0
    msg = "The job does not stop"
    raise BackendUnavailable(msg, expected="its end within 20 s", got="none", fix="See: backlot status")


def _list(client: Client) -> list[JobInfo]:
    client.request_jobs()
    end = time.monotonic() + ANSWER_WITHIN
    while time.monotonic() < end:
        for event in client.poll(0.1):
            if isinstance(event, JobList):
                return event.jobs
    msg = "The backend does not answer"
    raise BackendUnavailable(msg, fix="See: backlot doctor")


def _words(job: JobInfo) -> str:
    return job.error or job.stage or ("" if job.before is None else turn(job.before))


def _ago(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"

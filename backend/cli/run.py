"""The verb ``run``, which runs a job file, and what it has in common with the verbs of operations."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...shared.errors import BacklotError
from ...shared.jobfile import is_done, load_job_file
from ...shared.jobs import Job
from ...shared.operations import OPERATIONS
from ...shared.outputs import Writer
from ...shared.wire import new_id
from .report import progress
from .session import any_backend

PATIENCE = 60.0
"""Seconds to wait for a backend that went away: it may be on its way up again."""


def add_verbs(verbs: Any) -> None:
    """Adds the verb."""
    parser = verbs.add_parser("run", help="run a job file", description="Run a job file; skip it if its results are there already.")
    parser.add_argument("job", type=Path, metavar="JOB.json")
    parser.add_argument("--force", action="store_true", help="run even if the results are there")
    parser.set_defaults(action=_run)


def _run(arguments: argparse.Namespace) -> int:
    loaded = load_job_file(arguments.job)
    if not arguments.force and is_done(loaded):
        print(f"already done: {loaded.output_folder}")
        return 0
    job = loaded.job.changed(id=new_id()) if arguments.force else loaded.job
    return finish(job, OPERATIONS[job.operation].label, Writer(loaded.output_folder), loaded.notes, request=loaded.digest)


def finish(job: Job, label: str, writer: Writer, notes: Sequence[str] = (), **record: str) -> int:
    """Runs a job and writes its results; if it does not get to its end, says what is there nevertheless.

    Args:
        job: Not checked yet, or checked.
        label: For the progress bar.
        writer: Where the results go.
        notes: What was noted while the inputs were read; printed, and kept in the sidecar.
        record: More for the sidecar.
    """
    for text in notes:
        print(f"Note: {text}", file=sys.stderr)
    job.check()  # says what is wrong before a backend is started for it
    writer.check()
    try:
        with any_backend() as client, progress(label) as report:
            result = client.result(client.submit_once(job), report, patience=PATIENCE, on_partial=writer)
    except (KeyboardInterrupt, BacklotError):
        if kept := writer.kept():
            print(kept, file=sys.stderr)
        raise
    every = list(dict.fromkeys([*notes, *result.provenance.get("notes", [])]))
    for path in writer.finish(result, notes=every, **record):
        print(path)
    for text in dict.fromkeys([*every[len(notes) :], *warnings_of(result.outputs)]):  # some operations have no report
        print(f"Note: {text}", file=sys.stderr)
    return 0


def warnings_of(outputs: dict[str, Any]) -> list[str]:
    """What reports say in words: a result with vectors that do not fit is there, but not what was hoped for."""
    reports = [value for value in outputs.values() if isinstance(value, dict)]
    texts = [value.get(name) for value in reports for name in ("notes", "warnings")]
    return [text for several in texts if isinstance(several, list) for text in several if isinstance(text, str)]

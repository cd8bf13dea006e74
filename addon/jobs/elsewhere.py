"""Jobs with results that no saved file has: noted on disk, so that they survive a file closed without saving, and a crash.

The backend keeps the results. What is noted here is what the record in the scene holds.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import bpy

from ..settings import working_folder
from . import records

KEEP_S = 14 * 24 * 3600.0
"""Seconds that a job stays noted, as captures are kept."""
_known: dict[str, dict[str, Any]] = {}
_read = [False]


def note(job_id: str) -> None:
    """Notes a job that was sent."""
    found = records.find(job_id)
    if found is None:
        return
    record = found[1]
    entry = {"operation": record.operation, "label": record.label, "request": record.request, "file": bpy.data.filepath}
    with contextlib.suppress(OSError):  # a full disk does not stop a job
        (working_folder("jobs") / f"{job_id}.json").write_text(json.dumps(entry), encoding="utf-8")
        known()[job_id] = entry


def forget(job_id: str) -> None:
    """A job with a result that a saved file has, or that the artist removed."""
    known().pop(job_id, None)
    with contextlib.suppress(OSError):
        (working_folder("jobs") / f"{job_id}.json").unlink(missing_ok=True)


def known() -> dict[str, dict[str, Any]]:
    """All noted jobs, by id; read from disk once."""
    if not _read[0]:
        _read[0] = True
        for path in working_folder("jobs").glob("*.json"):
            with contextlib.suppress(OSError, ValueError, TypeError):
                if time.time() - path.stat().st_mtime > KEEP_S:
                    path.unlink()
                    continue
                entry = json.loads(path.read_text(encoding="utf-8"))
                if isinstance(entry, dict) and {"operation", "label", "request", "file"} <= set(entry):
                    _known[path.stem] = entry
    return _known


def missing() -> dict[str, str]:
    """The noted jobs that the loaded file has no record of: id to a line for the panel."""
    here = {record.name for _, record in records.everything()}
    return {
        job_id: f"{entry['label']} ({Path(entry['file']).name or 'a file that was not saved'})"
        for job_id, entry in known().items()
        if job_id not in here
    }


def bring(scene: bpy.types.Scene, job_id: str) -> records.BACKLOT_PG_job:
    """Makes a record of a noted job in this file. Objects of another file are not looked for here: names mean other objects."""
    entry = known()[job_id]
    request = json.loads(entry["request"])
    if entry["file"] != bpy.data.filepath or not entry["file"]:
        request["targets"] = []
    record = records.add(scene, job_id, entry["operation"], entry["label"], "waiting", request)
    record.kept = True
    note(job_id)
    return record

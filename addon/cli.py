"""The command line inside Blender: ``blender -b scene.blend -c backlot run job.json``.

Frames that a job file asks to be captured are rendered from the open file; everything else is what ``backlot run`` does.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..shared import jobfile
from ..shared.errors import BacklotError, InputError
from ..shared.notes import note
from ..shared.outputs import Writer
from ..shared.sources import Source
from ..shared.wire import new_id
from .capture.run import Capture
from .capture.settings import CaptureSettings
from .jobs import handlers, records, waiting
from .jobs.link import BACKEND, PATIENCE_S
from .reconstruct import jobfiles
from .style.shot import check_scene

if TYPE_CHECKING:
    from ..shared.jobfile import JobFile
    from ..shared.jobs import Job
    from ..shared.operations import Input

SECONDS_BETWEEN_LINES = 1.0


def main(arguments: list[str]) -> int:
    """Runs a verb.

    Args:
        arguments: ``["run", "job.json"]``.

    Returns:
        0 done, 2 unusable input, 3 no backend, 4 the job failed, 130 cancelled.
    """
    parser = argparse.ArgumentParser(prog="blender -c backlot", description="Run a Backlot job with the open file")
    verbs = parser.add_subparsers(dest="verb", required=True)
    run_parser = verbs.add_parser("run", help="run a job file; inputs that are captures are rendered from the open file")
    run_parser.add_argument("jobs", nargs="+", type=Path, metavar="JOB.json")
    run_parser.add_argument("--force", action="store_true", help="run again although the results are there")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as error:
        return int(error.code or 0)
    was_there = BACKEND.client is not None
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a farm's "please end" cancels, as Ctrl-C does
    try:
        for path in options.jobs:
            run(path, force=options.force)
    except KeyboardInterrupt:
        return 130
    except (BacklotError, OSError, RuntimeError) as error:
        print(f"backlot: {error}", file=sys.stderr, flush=True)
        return error.exit_code if isinstance(error, BacklotError) else BacklotError.exit_code
    finally:
        signal.signal(signal.SIGTERM, before)
        if not was_there and BACKEND.started_here:  # started for this call
            BACKEND.stop()
    return 0


def run(path: Path, force: bool = False) -> list[Path]:
    """Runs one job file to its end and writes its results.

    Returns:
        The files that were written; none if the results were there already.

    Raises:
        BacklotError: The file or its inputs are wrong, no backend can be started, the job failed.
    """
    loaded = jobfile.load_job_file(path, lambda description, item: capture(description, item, path.parent), _open_file())
    _check_options(loaded)
    if jobfile.is_done(loaded) and not force and not loaded.options.get("apply"):
        print(f"{path.name}: done already, results in {loaded.output_folder}", flush=True)
        return []
    for sentence in loaded.notes:
        print(sentence, flush=True)
    client = BACKEND.require()
    job = _job(loaded, force)
    writer = Writer(loaded.output_folder)
    writer.check()
    try:
        finished = client.result(client.submit_once(job), _Printer(path.stem), patience=PATIENCE_S, on_partial=writer)
    except (KeyboardInterrupt, BacklotError):
        if kept := writer.kept():
            print(kept, flush=True)
        raise
    outputs = finished.outputs
    if job.deliver == "both":
        outputs, finished = outputs["arrays"], dataclasses.replace(finished, outputs=outputs["files"])
    written = writer.finish(finished, request=loaded.digest)
    for file in written:
        print(f"wrote {file}", flush=True)
    if loaded.options.get("apply"):
        print(_apply(loaded, path, outputs), flush=True)
    if loaded.options.get("save"):
        target = (path.parent / str(loaded.options["save"])).resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        bpy.ops.wm.save_as_mainfile(filepath=str(target), copy=True, check_existing=False)
        print(f"wrote {target}", flush=True)
    return written


def _job(loaded: JobFile, force: bool) -> Job:
    """The job to submit. Results to be applied are needed as arrays too, as from the panel: files are quantised and compressed."""
    job = loaded.job
    if loaded.options.get("apply") and not handlers.handler_of(job.operation).files:
        # Another id: the backend may know the job of the digest's id, with files only.
        job = job.changed(deliver="both", id=hashlib.sha256(f"{loaded.digest} both".encode()).hexdigest()[:32])
    return job.changed(id=new_id()) if force else job


def capture(description: dict[str, Any], item: Input, folder: Path) -> Any:
    """Renders what a job file's ``{"capture": {...}}`` asks for; see ``CaptureSettings`` for its entries.

    Files go to the folder ``capture`` next to the job file, or to ``description["folder"]``.

    Raises:
        InputError: It cannot be captured.
    """
    if jobfiles.is_mine(description):
        return jobfiles.capture(description, item, folder)
    description = dict(description)
    target = folder / str(description.pop("folder", "capture"))
    if item.kind != "frames":
        description.setdefault("pass", "color")
    elif {"depth", "motion"} <= {*item.channels, *item.optional_channels}:  # strokes are moved by the motion vectors
        check_scene(bpy.context.scene)
    settings = CaptureSettings.from_json(description)
    if settings.mode == "orbit" and not settings.objects:
        settings.objects = tuple(selected.name for selected in bpy.context.view_layer.objects.selected)
    run = Capture(bpy.context.scene, bpy.context.view_layer, settings, target)
    for done in run.steps():
        print(f"captured {done} of {run.total}", flush=True)
    for sentence in run.notes.sentences():
        note(sentence)
    return Source("transforms", run.scene_frames(), None, run.object_ids) if item.kind == "frames" else run.color_file()


def _open_file() -> str:
    """Identifies what a capture would see: a digest of the open .blend on disk, or a value that is never the same.

    Without a window Blender calls every file changed; there the file on disk counts, and ``--force`` is for scripts that change it.
    """
    path = Path(bpy.data.filepath)
    if not bpy.data.filepath or (bpy.data.is_dirty and not bpy.app.background) or not path.is_file():
        return uuid.uuid4().hex
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_options(loaded: JobFile) -> None:
    save = loaded.options.get("save", "")
    if not isinstance(save, str) or not isinstance(loaded.options.get("apply", False), bool):
        raise InputError(expected='"save" as a path and "apply" as true or false', got="something else")


def _apply(loaded: JobFile, path: Path, outputs: dict[str, Any]) -> str:
    """Applies results to the selection of the file, as the panel would."""
    job = loaded.job
    handler = handlers.handler_of(job.operation)
    if handler.files:
        outputs = handler.files_in(outputs, loaded.output_folder.resolve())
    targets = records.receivers(list(bpy.context.view_layer.objects.selected))
    parameters = job.check()
    given = jobfile.read_job(path).get("inputs", {})
    inputs = {name: {"path": str((path.parent / where).resolve())} for name, where in given.items() if isinstance(where, str)}
    captured = {name: where["capture"] for name, where in given.items() if isinstance(where, dict)}
    inputs |= {name: {"frames": str((path.parent / str(where.get("folder", "capture"))).resolve())} for name, where in captured.items()}
    request = {"parameters": parameters, "seed": job.seed, "inputs": inputs, "targets": targets, "notes": list(loaded.notes)}
    for where in captured.values():
        if jobfiles.is_mine(where):
            request["origin"] = jobfiles.origin(where, path.parent)
    with waiting.object_mode(handler.occupied(request)):
        return handlers.apply(bpy.context.scene, job.operation, job.label, outputs, request)


class _Printer:
    """Prints progress as lines, not more than one a second."""

    def __init__(self, name: str) -> None:
        self._name, self._last = name, 0.0

    def __call__(self, event: Any) -> None:
        if time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            left = f", {event.eta:.0f} s left" if event.eta is not None else ""
            print(f"{self._name}: {event.fraction:.0%} {event.stage}{left}", flush=True)

"""Jobs from the panel to the backend and back: sent, followed, applied, tried again, found again after a file was loaded.

A job's request is JSON in its record: parameters, seed, where its inputs are, and the objects that were selected. From that
alone the job can be sent again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...shared.errors import BacklotError, InputError, JobCancelled
from ...shared.events import turn
from ...shared.operations import find as find_operation
from ..reconstruct import progress
from ..style import files as shot_files
from . import records
from .link import BACKEND, PATIENCE_S, redraw

if TYPE_CHECKING:
    from ...shared.jobs import Job

OUTBOX: dict[str, Job] = {}
"""Jobs that wait for a backend that is still starting."""
RESULTS: dict[str, dict[str, Any]] = {}
"""Outputs that wait to be applied: between two of the artist's own actions, never within one."""
STOPPED: set[str] = set()
"""Captures that the artist stopped."""
UNFINISHED: set[str] = set()
"""Jobs of ``RESULTS`` that were cancelled: what they had made so far is kept."""


def load_inputs(described: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Reads what a request says of its inputs.

    Args:
        described: For each input ``{"image": name}``, ``{"path": file}``, or the folder of a capture as ``{"frames": folder}``,
            ``{"tracks": folder}`` or ``{"mesh": folder}``; several images as ``{"images": JSON list of names}``, painted frames as
            ``{"files": folder}``, numbered pictures as ``{"sequence": first file, "last": number}``.

    Raises:
        InputError: An input is missing or unreadable.
    """
    from ...shared.frames import read_transforms
    from ...shared.tracks import read_tracks
    from ...shared.values import EncodedFile
    from ..images import pictures

    inputs: dict[str, Any] = {}
    for name, where in described.items():
        if "image" in where:
            inputs[name] = pictures.send(_image(where["image"]))
        elif "images" in where:
            inputs[name] = [pictures.send(_image(one)) for one in json.loads(where["images"])]
        elif "files" in where:
            from ..style import keyframes

            inputs[name] = list(keyframes.read(Path(where["files"])))
        elif "sequence" in where:
            pictured = shot_files.numbered(Path(where["sequence"]), int(where["last"]))
            inputs[name] = [EncodedFile.read(path) for path in pictured.values()]
        elif "frames" in where:
            inputs[name] = read_transforms(Path(where["frames"]))
        elif "tracks" in where:
            inputs[name] = read_tracks(where["tracks"])
        elif "mesh" in where:
            from ..reconstruct import files

            inputs[name] = files.read_mesh(Path(where["mesh"]))
        else:
            inputs[name] = EncodedFile.read(where["path"], where.get("color_space", ""))
    return inputs


def _image(name: str) -> bpy.types.Image:
    image = bpy.data.images.get(name)
    if image is None:
        raise InputError(expected=f"the image {name!r}", got="none of that name in this file", fix="Choose another image")
    return image


def send(scene: bpy.types.Scene, record: records.BACKLOT_PG_job) -> str:
    """Sends the job of a record. With a window it returns at once; without one it returns when the result is applied.

    Returns:
        What happened, in words.

    Raises:
        BacklotError: The request cannot work, there is no backend, or (without a window) the job failed.
    """
    from ...shared.jobs import Job

    job_id = record.name
    request = json.loads(record.request)
    try:
        deliver = "files" if shot_files.is_shot(record.operation) else "arrays"
        inputs = load_inputs(request["inputs"])
        job = Job(record.operation, request["parameters"], inputs, request["seed"], deliver, label=record.label, id=job_id)
        job.encode()
        records.update(job_id, state="waiting", error="")
        if bpy.app.background:
            return _send_and_wait(job)
        _send(job)
    except JobCancelled:
        records.update(job_id, state="cancelled")
        raise
    except BacklotError as error:
        records.update(job_id, state="failed", error=str(error))
        raise
    return f"{record.label}: sent"


def _send(job: Job) -> None:
    if not BACKEND.usable() and BACKEND.state != "starting":
        from ..settings import preferences

        if preferences().auto_start:
            BACKEND.start()
        else:
            BACKEND.attach()
    if BACKEND.client is None:
        OUTBOX[job.id] = job
    else:
        BACKEND.client.submit(job)
    BACKEND.run_timer()


def _send_and_wait(job: Job) -> str:
    OUTBOX[job.id] = job
    try:
        client = BACKEND.require()
    finally:
        waiting = OUTBOX.pop(job.id, None)
    if waiting is not None:  # else it went out with the first answer
        client.submit(job)
    try:
        finished = client.result(job.id, on_progress=on_event, patience=PATIENCE_S, on_partial=_partial)
    except (BacklotError, KeyboardInterrupt):
        shot_files.WRITERS.pop(job.id, None)
        raise
    RESULTS[job.id] = _received(job.id, finished)
    bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id=job.id)
    _follow_up(job.id)
    found = records.find(job.id)
    return found[1].result if found else ""


def busy() -> bool:
    """Whether anything is on its way."""
    return bool(OUTBOX or RESULTS) or any(live.saved.get("state") in records.ACTIVE for live in records.LIVE.values())


def cancel(job_id: str) -> None:
    """Stops a job, wherever it is."""
    found = records.find(job_id)
    if found is None:
        return
    if found[1].state == "capturing":
        STOPPED.add(job_id)
    elif OUTBOX.pop(job_id, None) is not None or RESULTS.pop(job_id, None) is not None or BACKEND.client is None:
        UNFINISHED.discard(job_id)
        progress.forget(job_id)
        records.update(job_id, state="cancelled")
    else:
        BACKEND.client.cancel(job_id)


def retry(scene: bpy.types.Scene, old: records.BACKLOT_PG_job) -> str:
    """Sends the same request again as a new job in the old one's place; see ``send``."""
    from ...shared.wire import new_id

    operation, label, request = old.operation, old.label, json.loads(old.request)
    records.remove(old.name)
    return send(scene, records.add(scene, new_id(), operation, label, "waiting", request))


def remove(job_id: str) -> None:
    """Takes a job off the list; one that still runs is cancelled."""
    found = records.find(job_id)
    if found is not None and found[1].state in records.ACTIVE:
        cancel(job_id)
    if BACKEND.client is not None and found is not None and found[1].state not in records.ACTIVE:
        BACKEND.client.forget(job_id)
    progress.forget(job_id)
    records.remove(job_id)


# -- what the backend says -------------------------------------------------------------------------------------------


def on_event(event: Any) -> None:
    """Takes one event of the client. A job that the loaded file does not know is none of its business."""
    kind = type(event).__name__
    if kind == "Connected":
        _connected()
        return
    job_id = getattr(event, "job_id", "")
    if not job_id:
        return
    if records.find(job_id) is None:
        if BACKEND.client is not None and kind != "Cancelled":
            BACKEND.client.forget(job_id)
        return
    if kind == "Accepted":
        records.update(job_id, state="queued")
    elif kind == "Queued":
        records.update(job_id, state="queued")
        live = records.LIVE[job_id]
        live.fraction, live.stage, live.eta, live.before = 0.0, turn(event.before), None, event.before
    elif kind == "Progress":
        records.update(job_id, state="running")
        live = records.LIVE[job_id]
        live.fraction, live.stage, live.eta, live.before = event.fraction, event.stage, event.eta, None
        if event.preview is not None:
            live.preview = event.preview
    elif kind == "Partial":
        records.update(job_id, state="running")
        _partial(event)
    elif kind == "Finished":
        try:
            RESULTS[job_id] = _received(job_id, event)
        except BacklotError as error:  # no room on the disk: the backend still has the result, and Retry finds it
            records.update(job_id, state="failed", error=str(error))
        if job_id in records.LIVE:
            records.LIVE[job_id].partials.clear()
    elif kind == "Failed":
        records.update(job_id, state="failed", error=str(event.error))
        shot_files.WRITERS.pop(job_id, None)
        progress.forget(job_id)
    elif kind == "Cancelled":
        _cancelled(job_id)
    redraw()


def _partial(event: Any) -> None:
    """An early result: frames of a shot go to disk as they come, all else is remembered."""
    found = records.find(event.job_id)
    folder = json.loads(found[1].request).get("folder") if found is not None else None
    if folder:
        with contextlib.suppress(BacklotError):  # the disk is full; the end says so, if it still is
            shot_files.take(event.job_id, folder, event)
    elif event.job_id in records.LIVE:
        records.LIVE[event.job_id].partials[event.name, event.index] = event.value
        _show_partial(event.job_id, event.name)


def _received(job_id: str, event: Any) -> dict[str, Any]:
    """The outputs of a finished job; files of a shot as paths, for they lie on disk then."""
    found = records.find(job_id)
    request = json.loads(found[1].request) if found is not None else {}
    if found is not None and found[1].operation == shot_files.MOVIE:
        return shot_files.finish_movie(Path(request["inputs"]["pictures"]["sequence"]).parent, event)
    folder = request.get("folder")
    return shot_files.finish(job_id, folder, event) if folder else dict(event.outputs)


def _show_partial(job_id: str, name: str) -> None:
    """A coarse mesh into the scene, if the artist asked for it and is not in the middle of something."""
    found, live = records.find(job_id), records.LIVE[job_id]
    if found is None or name != "mesh" or not json.loads(found[1].request).get("show_progress") or _artist_is_busy():
        return
    progress.show(found[0], job_id, found[1].label, live.partials[name, None])


def _cancelled(job_id: str) -> None:
    found, live = records.find(job_id), records.LIVE.get(job_id)
    best = live.partials.get(("mesh", None)) if live is not None else None
    if found is not None and best is not None and len(best.faces) and json.loads(found[1].request).get("keep_best"):
        UNFINISHED.add(job_id)
        RESULTS[job_id] = {"mesh": best, "report": {"unfinished": True, "faces": len(best.faces)}}
        return
    painted = shot_files.unfinished(job_id)
    if found is not None and painted:
        UNFINISHED.add(job_id)
        RESULTS[job_id] = painted
        return
    progress.forget(job_id)
    records.update(job_id, state="cancelled")


def _artist_is_busy() -> bool:
    return any(len(window.modal_operators) for window in bpy.context.window_manager.windows)


def _connected() -> None:
    client = BACKEND.client
    assert client is not None
    for job_id in list(OUTBOX):
        job = OUTBOX.pop(job_id)
        try:
            client.submit(job)
        except BacklotError as error:
            records.update(job_id, state="failed", error=str(error))
    for _, record in records.everything():
        if record.state in ("waiting", "queued", "running"):
            client.attach(record.name)


def apply_results() -> None:
    """Applies what has come, unless the artist is in the middle of something (a transform, a stroke)."""
    if not RESULTS:
        return
    if _artist_is_busy():
        return
    windows = bpy.context.window_manager.windows
    for job_id in list(RESULTS):
        with bpy.context.temp_override(window=windows[0]) if windows else bpy.context.temp_override():
            try:
                bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id=job_id)
                _follow_up(job_id)
            except RuntimeError as error:  # what the operator reported; its record says it too
                print(f"Backlot: {error}")
    redraw()


def _follow_up(job_id: str) -> None:
    """Sends the next job where a request asks for one: it says ``then``."""
    found = records.find(job_id)
    if found is not None and found[1].state == "done" and json.loads(found[1].request).get("then") == "bake":
        from ..reconstruct import unwrap

        unwrap.bake(found[0], job_id, json.loads(found[1].request))


# -- files loaded, undone --------------------------------------------------------------------------------------------


def before_load() -> None:
    """Another file is about to be loaded: its jobs are not these."""
    if BACKEND.client is not None:
        for job_id in records.LIVE:
            BACKEND.client.forget(job_id)
    OUTBOX.clear()
    RESULTS.clear()
    STOPPED.clear()
    UNFINISHED.clear()
    shot_files.WRITERS.clear()
    records.forget_session()


def after_load() -> None:
    """A file was loaded: finds its unfinished jobs at the backend again, if one runs; it is not started for that."""
    unfinished = []
    for scene, record in records.everything():
        if record.state == "capturing":
            record.state, record.error = "failed", "The capture was interrupted. Send the job again."
        elif record.state in records.ACTIVE:
            unfinished.append(record.name)
            records.LIVE[record.name] = records.Live(scene.session_uid, {})
            records.update(record.name)
    progress.repair(set(unfinished))
    if not unfinished:
        return
    try:
        if BACKEND.client is None:
            BACKEND.attach()
        elif BACKEND.state == "ready":
            for job_id in unfinished:
                BACKEND.client.attach(job_id)
        BACKEND.run_timer()
    except BacklotError:
        pass  # the panel's status line offers to start or attach; the jobs are found again then


def label_of(operation: str, inputs: dict[str, dict[str, str]], parameters: Mapping[str, Any] | None = None) -> str:
    """A job's name in the list: the operation and its prompt or its first input."""
    first = next(iter(inputs.values()), {})
    prompt = str((parameters or {}).get("prompt") or "").strip()
    subject = prompt[:60] or first.get("image") or first.get("name") or Path(first.get("path") or first.get("frames") or "").stem
    return f"{find_operation(operation).label} {subject}".strip()

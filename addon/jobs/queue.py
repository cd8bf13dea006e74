"""Jobs from the panel to the backend and back: sent, followed, applied, tried again, found again after a file was loaded.

A job's request is JSON in its record: parameters, seed, where its inputs are, and the objects that were selected. From that
alone the job can be sent again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import bpy

from ...shared.errors import BacklotError, InputError, JobCancelled
from ...shared.notes import collect_notes
from ..settings import preferences
from . import elsewhere, handlers, records, waiting
from .inputs import load_inputs
from .link import BACKEND, PATIENCE_S, redraw

if TYPE_CHECKING:
    from ...shared.jobs import Job

# Functions import shared/jobs.py, shared/events.py and shared/wire.py when they are called: those import numpy and zmq.
OUTBOX: dict[str, Job] = {}
"""Jobs that wait for a backend that is still starting."""
RESULTS: dict[str, dict[str, Any]] = {}
"""Outputs that wait to be applied, which never happens while the artist is in the middle of an action."""
STOPPED: set[str] = set()
"""Captures that the artist stopped."""
KEPT: dict[str, dict[str, Any]] = {}
"""Outputs that could not be applied; the last few. The backend has all of them."""
MOST_KEPT = 4
UNFINISHED: set[str] = set()
"""Jobs of ``RESULTS`` that were cancelled: what they had made so far is kept."""


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
        deliver = "files" if handlers.handler_of(record.operation).files else "arrays"
        with collect_notes() as notes:
            inputs = load_inputs(request["inputs"])
        if noted := notes.sentences():
            request["notes"] = list(dict.fromkeys([*(request.get("notes") or []), *noted]))
            records.update(job_id, request=json.dumps(request))
        job = Job(record.operation, request["parameters"], inputs, request["seed"], deliver, label=record.label, id=job_id)
        job.check()
        records.update(job_id, state="waiting", error="")
        elsewhere.note(job_id)
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


def _reach() -> None:
    """Starts the backend, or attaches to it, unless that was done."""
    if not BACKEND.usable() and BACKEND.state != "starting":
        if preferences().auto_start:
            BACKEND.start()
        else:
            BACKEND.attach()
    BACKEND.run_timer()


def _send(job: Job) -> None:
    _reach()
    if BACKEND.client is None:
        OUTBOX[job.id] = job
    else:
        BACKEND.client.submit(job)


def _send_and_wait(job: Job) -> str:
    OUTBOX[job.id] = job
    try:
        client = BACKEND.require()
    finally:
        waiting = OUTBOX.pop(job.id, None)
    if waiting is not None:  # else it was sent when the backend answered
        client.submit(job)
    try:
        finished = client.result(job.id, on_progress=on_event, patience=PATIENCE_S, on_partial=_partial)
    except (BacklotError, KeyboardInterrupt):
        handlers.handler_of(job.operation).forget(job.id)
        raise
    _take(job.id, finished)
    return apply_now(job.id)


def apply_now(job_id: str) -> str:
    """Applies a result that waits, or that could not be applied before; objects leave their modes for it and return to them.

    With a window, a result that only the backend has is asked for, and applied when it arrives.

    Returns:
        What happened, in words.

    Raises:
        BacklotError: There is no such result, or no backend.
        RuntimeError: What the operator reported.
    """
    if job_id not in RESULTS and job_id in KEPT:
        RESULTS[job_id] = KEPT.pop(job_id)
    if job_id not in RESULTS:
        if bpy.app.background:
            client = BACKEND.require()
            client.forget(job_id)  # one that is known already is not answered again
            client.attach(job_id)
            _take(job_id, client.result(job_id, on_progress=on_event, patience=PATIENCE_S))
        else:
            records.update(job_id, state="waiting", error="")
            _reach()
            if BACKEND.client is not None:
                BACKEND.client.forget(job_id)
                BACKEND.client.attach(job_id)
            return "The backend is asked for the result"
    if records.adopt(job_id) is None:
        raise InputError(message="The job is no longer in this file", fix="Start it again")
    bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id=job_id, now=True)
    _follow_up(job_id)
    found = records.find(job_id)
    return (found[1].result or found[1].error) if found else ""


def _take(job_id: str, finished: Any) -> None:
    """A finished job: its outputs wait to be applied."""
    RESULTS[job_id] = _received(job_id, finished)
    records.update(job_id, kept=True)


def keep(job_id: str, outputs: dict[str, Any]) -> None:
    """Keeps outputs that could not be applied, to try again."""
    KEPT[job_id] = outputs
    while len(KEPT) > MOST_KEPT:
        KEPT.pop(next(iter(KEPT)))


def busy() -> bool:
    """Whether anything is on its way."""
    return bool(OUTBOX or RESULTS) or any(live.saved.get("state") in records.ACTIVE for live in records.LIVE.values())


def cancel(job_id: str) -> None:
    """Stops a job, in whatever state it is."""
    found = records.find(job_id)
    if found is None:
        return
    if found[1].state == "capturing":
        STOPPED.add(job_id)
    elif (
        OUTBOX.pop(job_id, None) is not None or RESULTS.pop(job_id, None) is not None or found[1].state == "ready" or BACKEND.client is None
    ):
        UNFINISHED.discard(job_id)
        handlers.handler_of(found[1].operation).forget(job_id)
        records.update(job_id, state="cancelled")
    else:
        BACKEND.client.cancel(job_id)


def retry(scene: bpy.types.Scene, old: records.BACKLOT_PG_job) -> str:
    """Sends the same request again as a new job that replaces the old one; see ``send``."""
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
    KEPT.pop(job_id, None)
    if found is not None:
        handlers.handler_of(found[1].operation).forget(job_id)
    elsewhere.forget(job_id)
    records.remove(job_id)


# -- what the backend says -------------------------------------------------------------------------------------------


def on_event(event: Any) -> None:
    """Takes one event of the client. Events of jobs that are not in the loaded file are ignored."""
    kind = type(event).__name__
    if kind == "Connected":
        _connected()
        return
    job_id = getattr(event, "job_id", "")
    if not job_id:
        return
    found = records.adopt(job_id)
    if found is None:
        if BACKEND.client is not None and kind != "Cancelled":
            BACKEND.client.forget(job_id)
        return
    if kind == "Accepted":
        records.update(job_id, state="queued")
    elif kind == "Queued":
        from ...shared.events import turn

        records.update(job_id, state="queued", kept=False)
        live = records.LIVE[job_id]
        live.fraction, live.stage, live.eta, live.before = 0.0, turn(event.before), None, event.before
    elif kind == "Progress":
        records.update(job_id, state="running")
        live = records.LIVE[job_id]
        live.fraction, live.stage, live.eta, live.before = event.fraction, event.stage, event.eta, None
        if event.preview is not None:
            live.preview = event.preview
    elif kind == "Transfer":  # on its way there or back: what state it is in does not change
        if job_id in records.LIVE:
            records.LIVE[job_id].stage = event.stage
    elif kind == "Partial":
        records.update(job_id, state="running")
        _partial(event)
    elif kind == "Finished":
        try:
            _take(job_id, event)
        except BacklotError as error:  # no room on the disk: the backend still has the result, and Retry finds it
            records.update(job_id, state="failed", kept=True, error=str(error))
        if job_id in records.LIVE:
            records.LIVE[job_id].partials.clear()
    elif kind == "Failed":
        records.update(job_id, state="failed", error=str(event.error))
        elsewhere.forget(job_id)
        handlers.handler_of(found[1].operation).forget(job_id)
    elif kind == "Cancelled":
        _cancelled(job_id)
    redraw()


def _partial(event: Any) -> None:
    """An early result goes to the handler of its operation."""
    found = records.find(event.job_id)
    if found is not None:
        handlers.handler_of(found[1].operation).partial(*found, event)


def _received(job_id: str, event: Any) -> dict[str, Any]:
    """The outputs of a finished job, as its handler wants them."""
    found = records.find(job_id)
    if found is None:
        return dict(event.outputs)
    return handlers.handler_of(found[1].operation).finished(job_id, json.loads(found[1].request), event)


def _cancelled(job_id: str) -> None:
    found = records.find(job_id)
    if found is not None:
        handler = handlers.handler_of(found[1].operation)
        outputs = handler.cancelled(job_id, json.loads(found[1].request))
        if outputs:
            UNFINISHED.add(job_id)
            RESULTS[job_id] = outputs
            return
        handler.forget(job_id)
    elsewhere.forget(job_id)
    records.update(job_id, state="cancelled")


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
        if record.state in ("waiting", "queued", "running") or (record.state == "ready" and record.name not in RESULTS):
            client.attach(record.name)


def apply_results() -> None:
    """Applies what has come. What has to wait is ``ready``, with the reason, and is tried again."""
    if not RESULTS:
        return
    windows = bpy.context.window_manager.windows
    for job_id in list(RESULTS):
        found = records.adopt(job_id)
        if found is None:
            RESULTS.pop(job_id)
            continue
        why = waiting.reason(found[1].operation, json.loads(found[1].request))
        if why:
            if found[1].state != "ready" or found[1].error != why:
                records.update(job_id, state="ready", error=why)
                redraw()
            continue
        with bpy.context.temp_override(window=windows[0]) if windows else bpy.context.temp_override():
            try:
                bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id=job_id)
                _follow_up(job_id)
            except RuntimeError as error:  # what the operator reported; its record says it too
                print(f"Backlot: {error}")
    redraw()


def _follow_up(job_id: str) -> None:
    """Sends the next job where a request asks for one."""
    found = records.find(job_id)
    if found is not None and found[1].state == "done":
        handlers.handler_of(found[1].operation).follow_up(found[0], job_id, json.loads(found[1].request))


# -- files loaded, undone --------------------------------------------------------------------------------------------


def before_load() -> None:
    """Another file is about to be loaded: the jobs of this one are forgotten here, and go on at the backend."""
    if BACKEND.client is not None:
        for job_id in records.LIVE:
            BACKEND.client.forget(job_id)
    OUTBOX.clear()
    RESULTS.clear()
    KEPT.clear()
    STOPPED.clear()
    UNFINISHED.clear()
    for handler in handlers.HANDLERS.values():
        handler.forget_session()
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
    for handler in handlers.HANDLERS.values():
        handler.repair(set(unfinished))
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


def after_undo() -> None:
    """After undo or redo: the backend does not undo, so the file is brought up to date with its jobs."""
    records.repair()
    running = {job_id for job_id, live in records.LIVE.items() if live.saved.get("state") in records.ACTIVE}
    for handler in handlers.HANDLERS.values():
        handler.repair(running)

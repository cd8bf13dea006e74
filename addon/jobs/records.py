"""Jobs as the file remembers them, and what is known of them while Blender runs.

The scene stores what is needed to find a job again after loading: its id, what was asked, and what to do with the result. What
changes many times a second (progress, preview) is kept here in ``LIVE`` and never touches the scene, so that a running job
neither marks the file as changed nor restarts a rendered viewport.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, StringProperty

from ..scene.evaluated import PAINTED, instances_collection

ACTIVE = ("capturing", "waiting", "queued", "running", "ready")
STATES = [
    ("capturing", "Capturing", "Frames are being rendered"),
    ("waiting", "Waiting", "Not yet taken by the backend"),
    ("queued", "Queued", "In the backend's journal"),
    ("running", "Running", "The backend works on it"),
    ("done", "Done", "The result is in this file"),
    ("failed", "Failed", "It ended with an error"),
    ("cancelled", "Cancelled", "Somebody stopped it"),
    ("ready", "Ready", "The result is there and waits to be put into the scene"),
]
"""Blender stores the position in this list: new states go to its end."""


class BACKLOT_PG_job(bpy.types.PropertyGroup):  # noqa: N801
    """One job of this scene. ``name`` is its id at the backend."""

    operation: StringProperty()  # type: ignore[valid-type]
    label: StringProperty()  # type: ignore[valid-type]
    state: EnumProperty(items=STATES)  # type: ignore[valid-type]
    error: StringProperty()  # type: ignore[valid-type]
    request: StringProperty(description="JSON: parameters, seed, inputs, targets")  # type: ignore[valid-type]
    result: StringProperty(description="What the result was applied to")  # type: ignore[valid-type]
    kept: BoolProperty(description="There is a result that is not in this file yet; the backend has it")  # type: ignore[valid-type]


class BACKLOT_PG_jobs(bpy.types.PropertyGroup):  # noqa: N801
    """The jobs of a scene."""

    items: CollectionProperty(type=BACKLOT_PG_job)  # type: ignore[valid-type]
    active: IntProperty(name="Active Job")  # type: ignore[valid-type]


@dataclasses.dataclass
class Live:
    """What is known of a job in this session.

    Attributes:
        scene: Session id of its scene.
        saved: Mirrors the scene's record, to repair it after an undo.
        fraction: How far it is, 0 to 1.
        stage: What is being done, in words.
        eta: Seconds left, or None.
        before: How many jobs come before it while it is queued, or None.
        preview: ``(H, W, 3)`` uint8 sRGB, or None.
        partials: Results before the end, by name and index.
    """

    scene: int
    saved: dict[str, Any]
    fraction: float = 0.0
    stage: str = ""
    eta: float | None = None
    before: int | None = None
    preview: Any = None
    partials: dict[tuple[str, int | None], Any] = dataclasses.field(default_factory=dict)


LIVE: dict[str, Live] = {}
REMOVED: set[str] = set()
"""Jobs taken off the list in this session; an undo does not bring them back."""
_FIELDS = ("operation", "label", "state", "error", "request", "result", "kept")
_session = [uuid.uuid4().hex]


def session() -> str:
    """Changes with every file that is loaded: object ids of Blender mean nothing in another session."""
    return _session[0]


def forget_session() -> None:
    """Called before another file is loaded."""
    LIVE.clear()
    REMOVED.clear()
    _session[0] = uuid.uuid4().hex


def add(scene: bpy.types.Scene, job_id: str, operation: str, label: str, state: str, request: dict[str, Any]) -> BACKLOT_PG_job:
    """Adds a job to the scene's list and makes it the active one."""
    jobs = scene.backlot_jobs
    record = jobs.items.add()
    record.name, record.operation, record.label, record.state = job_id, operation, label, state
    record.request = json.dumps(request)
    jobs.active = len(jobs.items) - 1
    LIVE[job_id] = Live(scene.session_uid, _snapshot(record))
    return record


def find(job_id: str) -> tuple[bpy.types.Scene, BACKLOT_PG_job] | None:
    """The record of a job in the loaded file, or None: then its result does not belong here.

    A copy of a scene has copies of its records; the scene that sent the job comes first.
    """
    found = [(scene, record) for scene, record in everything() if record.name == job_id]
    known = LIVE.get(job_id)
    return min(found, key=lambda pair: known is not None and pair[0].session_uid != known.scene, default=None)


def adopt(job_id: str) -> tuple[bpy.types.Scene, BACKLOT_PG_job] | None:
    """The record of a job; where its scene was deleted meanwhile, a new one in the scene that is shown. None for other files' jobs."""
    found, known = find(job_id), LIVE.get(job_id)
    if found is not None or known is None:
        return found
    scenes = [scene for scene in (bpy.context.scene, *bpy.data.scenes) if scene is not None and scene.library is None]
    if not scenes:
        return None
    record = scenes[0].backlot_jobs.items.add()
    record.name, known.scene = job_id, scenes[0].session_uid
    for name, value in known.saved.items():
        setattr(record, name, value)
    return scenes[0], record


def everything() -> Iterator[tuple[bpy.types.Scene, BACKLOT_PG_job]]:
    """All jobs of the loaded file."""
    for scene in bpy.data.scenes:
        if scene.library is None:
            for record in scene.backlot_jobs.items:
                yield scene, record


def live(job_id: str) -> Live | None:
    """What is known of a job in this session."""
    return LIVE.get(job_id)


def update(job_id: str, **values: Any) -> None:
    """Changes fields of a job's record, if the loaded file has it; writes only what differs."""
    found = find(job_id)
    if found is None:
        LIVE.pop(job_id, None)
        return
    scene, record = found
    for name, value in values.items():
        if getattr(record, name) != value:
            setattr(record, name, value)
    if job_id in LIVE:
        LIVE[job_id].saved = _snapshot(record)
    else:
        LIVE[job_id] = Live(scene.session_uid, _snapshot(record))


def remove(job_id: str) -> None:
    """Takes a job off its scene's list."""
    LIVE.pop(job_id, None)
    REMOVED.add(job_id)
    found = find(job_id)
    if found is not None:
        jobs = found[0].backlot_jobs
        jobs.items.remove(jobs.items.find(job_id))
        jobs.active = max(0, min(jobs.active, len(jobs.items) - 1))


def repair() -> None:
    """After undo or redo: the backend does not undo, so the list is brought up to date with the jobs of this session."""
    for job_id in [record.name for _, record in everything() if record.name in REMOVED]:
        remove(job_id)
    scenes = {scene.session_uid: scene for scene in bpy.data.scenes}
    for scene in scenes.values():  # a scene that was deleted came back: its jobs are in another one meanwhile
        if scene.library is not None:
            continue
        items = scene.backlot_jobs.items
        for job_id in [item.name for item in items if item.name in LIVE and LIVE[item.name].scene != scene.session_uid]:
            owner = scenes.get(LIVE[job_id].scene)
            if owner is not None and job_id in owner.backlot_jobs.items:
                items.remove(items.find(job_id))
    for job_id, known in list(LIVE.items()):
        scene = scenes.get(known.scene)
        if scene is None:
            continue
        record = scene.backlot_jobs.items.get(job_id)
        if record is None:
            record = scene.backlot_jobs.items.add()
            record.name = job_id
        for name, value in known.saved.items():
            if getattr(record, name) != value:
                setattr(record, name, value)


def rename_targets() -> None:
    """Before the file is saved: the names of noted objects are brought up to date, because they are found by name afterwards."""
    names = {item.session_uid: item.name_full for item in bpy.data.objects}
    for _, record in everything():
        request = json.loads(record.request) if record.state in ACTIVE or record.kept else {}
        noted = [*(request.get("targets") or []), *filter(None, [(request.get("origin") or {}).get("target")])]
        old = [dict(note) for note in noted]
        for note in noted:
            if note["session"] == session():
                note["name"] = names.get(note["uid"], note["name"])
        if noted != old:
            update(record.name, request=json.dumps(request))


def receivers(objects: Sequence[bpy.types.Object]) -> list[dict[str, Any]]:
    """Notes the objects of a selection that a result may be given to, or of which it is to be said that they cannot have it."""
    return targets([item for item in objects if item.type in PAINTED or item.type == "VOLUME" or instances_collection(item)])


def targets(objects: Sequence[bpy.types.Object]) -> list[dict[str, Any]]:
    """Notes objects so that they are found again: by id while the file stays open, by name afterwards."""
    return [{"name": item.name_full, "uid": item.session_uid, "session": session()} for item in objects]


def resolve(noted: list[dict[str, Any]]) -> tuple[list[bpy.types.Object], list[str]]:
    """Finds noted objects again: those there are, and the names of those that are gone."""
    by_uid = {item.session_uid: item for item in bpy.data.objects}
    by_name = {item.name_full: item for item in bpy.data.objects}
    found, gone = [], []
    for note in noted:
        item = by_uid.get(note["uid"]) if note["session"] == session() else by_name.get(note["name"])
        if item is None:
            gone.append(note["name"])
        else:
            found.append(item)
    return found, gone


def _snapshot(record: BACKLOT_PG_job) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _FIELDS}

"""The history of a scene's materials. It is stored in the scene, and an undo does not take an entry away.

Undoing a material takes it off the object; that it was made, and how, remains. Deleting an entry can be undone.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterator
from typing import Any

import bpy

from ..scene import provenance, transaction
from .properties import BACKLOT_PG_material

LIMITS = {"variations": 24, "material": 100}
"""Entries that a scene keeps of each kind: nine thumbnails take about 0.3 MB in the file, one about 40 kB."""
_FIELDS = ("kind", "title", "seed", "request", "report", "picture")


@dataclasses.dataclass
class _Live:
    scene: int
    saved: dict[str, Any]


_live: dict[str, _Live] = {}
"""Entries made in this session, to put back after an undo."""


def new_id() -> str:
    """An id for an entry that is about to be made."""
    return uuid.uuid4().hex


def add(scene: bpy.types.Scene, entry_id: str, **values: Any) -> BACKLOT_PG_material:
    """Adds an entry and makes it the active one; the oldest of its kind goes when there are too many.

    Args:
        scene: Whose history.
        entry_id: As of ``new_id``.
        values: ``kind``, ``title``, ``seed``, ``request`` and ``report`` (objects, stored as JSON), ``picture``.
    """
    group = scene.backlot_materials
    entry = group.items.add()
    entry.name = entry_id
    transaction.on_failure(lambda: remove(scene, entry_id))
    for name, value in values.items():
        setattr(entry, name, json.dumps(value) if isinstance(value, dict) else value)
    _live[entry_id] = _Live(scene.session_uid, {name: getattr(entry, name) for name in _FIELDS})
    same = [item.name for item in group.items if item.kind == entry.kind]
    for old in same[: -LIMITS[entry.kind]]:
        remove(scene, old)
    group.active = len(group.items) - 1
    return group.items[group.active]


def find(scene: bpy.types.Scene, entry_id: str) -> BACKLOT_PG_material | None:
    """The entry of that id."""
    return scene.backlot_materials.items.get(entry_id) if entry_id else None


def active(scene: bpy.types.Scene) -> BACKLOT_PG_material | None:
    """The entry that is selected in the list."""
    group = scene.backlot_materials
    return group.items[group.active] if 0 <= group.active < len(group.items) else None


def newest(scene: bpy.types.Scene) -> BACKLOT_PG_material | None:
    """The entry with the report on the latest prompt."""
    items = scene.backlot_materials.items
    return items[len(items) - 1] if len(items) else None


def remove(scene: bpy.types.Scene, entry_id: str) -> None:
    """Takes an entry off the list; the materials that it made stay."""
    group = scene.backlot_materials
    position = group.items.find(entry_id)
    if position < 0:
        return
    _live.pop(entry_id, None)
    group.items.remove(position)
    group.active = max(0, min(group.active, len(group.items) - 1))
    if group.shown == entry_id:
        group.shown = next((item.name for item in reversed(group.items) if item.kind == "variations"), "")


def request_of(entry: BACKLOT_PG_material) -> dict[str, Any]:
    """What was asked: ``parameters``, ``seed``, ``inputs``; empty when it cannot be read."""
    return provenance.parse(entry.request)


def report_of(entry: BACKLOT_PG_material) -> dict[str, Any]:
    """What the backend said of it; empty when it cannot be read."""
    return provenance.parse(entry.report)


def materials_of(entry_id: str) -> Iterator[bpy.types.Material]:
    """The materials in this file that the entry made."""
    for material in bpy.data.materials:
        if provenance.read(material).get("entry") == entry_id:
            yield material


def repair() -> None:
    """After undo or redo: puts back the entries of this session that are missing."""
    scenes = {scene.session_uid: scene for scene in bpy.data.scenes if scene.library is None}
    for entry_id, known in _live.items():
        scene = scenes.get(known.scene)
        if scene is None or find(scene, entry_id) is not None:
            continue
        entry = scene.backlot_materials.items.add()
        entry.name = entry_id
        for name, value in known.saved.items():
            setattr(entry, name, value)


def forget_session() -> None:
    """Called before another file is loaded."""
    _live.clear()

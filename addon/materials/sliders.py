"""The panel's settings, filled from the report on a prompt, from a variation or from an entry of the history."""

from __future__ import annotations

from typing import Any

import bpy

from ...shared.operations import OPERATIONS
from ..ui import controls
from . import history
from .properties import BACKLOT_PG_material

OPERATION = OPERATIONS["texture.generate"]


def show(scene: bpy.types.Scene, attributes: dict[str, Any]) -> None:
    """Lets the sliders that the artist has not ticked show these values; ticked ones stay as they are."""
    settings = controls.panel(OPERATION, scene)
    with controls.showing():
        for parameter in OPERATION.parameters:
            value = attributes.get(parameter.name)
            if parameter.optional and value is not None and not getattr(settings, controls.USE + parameter.name):
                _set(settings, parameter.name, value)


def release(scene: bpy.types.Scene) -> None:
    """Unticks all sliders: the prompt decides again."""
    settings = controls.panel(OPERATION, scene)
    for parameter in OPERATION.parameters:
        if parameter.optional:
            setattr(settings, controls.USE + parameter.name, False)


def pick(scene: bpy.types.Scene, entry: BACKLOT_PG_material, number: int) -> None:
    """Chooses a variation: its seed, what it is to be like, and its attributes on the sliders."""
    report, request = history.report_of(entry), history.request_of(entry)
    seeds = report.get("seeds") or []
    if not 0 <= number < len(seeds):
        return
    entry.picked = number
    settings = controls.panel(OPERATION, scene)
    settings.seed = seeds[number]
    parameters = request.get("parameters") or {}
    _set_optional(settings, "like_seed", parameters.get("like_seed"))
    settings.like_path = str(parameters.get("like_path") or "")
    attributes = report.get("attributes") or []
    if number < len(attributes):
        show(scene, attributes[number])


def restore(scene: bpy.types.Scene, entry: BACKLOT_PG_material) -> list[str]:
    """Sets the panel as it was when the entry was made.

    Returns:
        What could not be restored, in words.
    """
    request, report = history.request_of(entry), history.report_of(entry)
    parameters = request.get("parameters") or {}
    settings = controls.panel(OPERATION, scene)
    missing = []
    for parameter in OPERATION.parameters:
        if parameter.name not in parameters or (parameter.name == "size" and entry.kind == "variations"):
            continue
        if parameter.optional:
            _set_optional(settings, parameter.name, parameters[parameter.name])
        elif not _set(settings, parameter.name, parameters[parameter.name]):
            missing.append(parameter.label)
    for item in OPERATION.inputs:
        where = (request.get("inputs") or {}).get(item.name)
        image = _image(where) if where else None
        setattr(settings, controls.INPUT + item.name, image)
        if where and image is None:
            missing.append(item.label)
    settings.seed = entry.seed
    if entry.kind == "variations":
        scene.backlot_materials.shown = entry.name
        scene.texture_variations.count = len(report.get("seeds") or []) or scene.texture_variations.count
        pick(scene, entry, max(0, entry.picked))
    else:
        show(scene, report.get("attributes") or {})
    return missing


def _set_optional(settings: Any, name: str, value: Any) -> None:
    with controls.showing():
        if value is not None:
            _set(settings, name, value)
        setattr(settings, controls.USE + name, value is not None)


def _set(settings: Any, name: str, value: Any) -> bool:
    """Writes a value that differs; False for one that this version does not have."""
    try:
        if value is not None and _differs(getattr(settings, name), value):
            setattr(settings, name, value)
    except (TypeError, ValueError):
        return False
    return True


def _differs(now: Any, value: Any) -> bool:
    if isinstance(value, list):
        return len(value) != len(now) or any(abs(a - b) > 1e-6 for a, b in zip(now, value, strict=True))
    return bool(abs(now - value) > 1e-6) if isinstance(value, float) else bool(now != value)


def _image(where: dict[str, str]) -> bpy.types.Image | None:
    if "image" in where:
        return bpy.data.images.get(where["image"])
    try:
        return bpy.data.images.load(where["path"], check_existing=True) if where.get("path") else None
    except RuntimeError:
        return None

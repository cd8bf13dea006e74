"""Whether a result can be put into the scene now, and what the artist would have to do first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import bpy

from ...shared.errors import InputError
from . import handlers


def under_way() -> str:
    """The name of what the artist is in the middle of (a transform, a stroke), which a change of the scene would disturb; or empty."""
    running = [operator for window in bpy.context.window_manager.windows for operator in window.modal_operators]
    return str(running[0].name or running[0].bl_idname) if running else ""


def reason(operation: str, request: dict[str, Any], now: bool = False) -> str:
    """What a result waits for, as a sentence; empty where it can be put into the scene.

    Args:
        operation: Name of the operation.
        request: What the record of the job holds.
        now: The artist asked for it: what runs all the time, such as another add-on's operator, does not count, and objects that must
            be in Object Mode are put into it.
    """
    action = "" if now else under_way()
    if action:
        return f"The result waits for the end of {action!r}"
    if not bpy.app.background and bpy.app.is_job_running("RENDER"):
        return "The result waits for the end of the render"
    occupied = [] if now else handlers.handler_of(operation).occupied(request)
    if occupied:
        return f"The result waits until {occupied[0].name!r} is back in Object Mode"
    return ""


@contextlib.contextmanager
def object_mode(objects: list[bpy.types.Object]) -> Iterator[None]:
    """Puts objects into Object Mode, and back afterwards.

    Raises:
        InputError: Blender does not let one leave its mode.
    """
    modes = [(item, item.mode) for item in objects]
    for item, _ in modes:
        _set_mode(item, "OBJECT")
    try:
        yield
    finally:
        for item, mode in modes:
            with contextlib.suppress(InputError, ReferenceError):
                _set_mode(item, mode)


def _set_mode(item: bpy.types.Object, mode: str) -> None:
    where: dict[str, Any] = {"active_object": item, "object": item}
    for scene in bpy.data.scenes:
        for layer in scene.view_layers:
            if layer.objects.get(item.name) == item and layer.objects.active == item:
                where |= {"scene": scene, "view_layer": layer}
                break
    try:
        with bpy.context.temp_override(**where):
            bpy.ops.object.mode_set(mode=mode)
    except (RuntimeError, TypeError) as error:
        fix = f"Make it the active object and leave {item.mode.replace('_', ' ').title()} Mode"
        raise InputError(expected=f"{item.name!r} in Object Mode", got=str(error).strip(), fix=fix) from error

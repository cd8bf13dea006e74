"""The Blender side of Backlot: capture, send, show progress, apply. Thin: all work is done by the backend.

Rooms, each of which imports only those below it:

    cli, capabilities                 without a window; which room does what
    materials/ style/ reconstruct/    panels, operators and results of their own; they do not know each other
    ui/                               panels and operators made from the schemas of operations
    jobs/                             the backend, and jobs: sent, followed, found again, applied
    capture/                          the scene as files, untouched
    scene/                            what objects are made of; objects, materials and notes that several rooms make
    images/                           images out and in
    settings                          preferences

Registering imports neither numpy nor zmq: what needs them is imported by the first job.
"""

from __future__ import annotations

import atexit
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import capabilities, settings
from .jobs import operators, queue, records
from .jobs.handlers import HANDLERS
from .jobs.link import BACKEND
from .ui import capture_controls, capturing, controls, icons, operation_operators

_classes: list[type] = []
_scene_properties: list[str] = []
_cli_handles: list[Any] = []


@persistent
def _load_pre(*_args: object) -> None:
    queue.before_load()


@persistent
def _load_post(*_args: object) -> None:
    queue.after_load()


@persistent
def _undo_post(*_args: object) -> None:
    queue.after_undo()


@persistent
def _save_pre(*_args: object) -> None:
    records.rename_targets()


_HANDLERS = {
    "save_pre": _save_pre, "load_pre": _load_pre, "load_post": _load_post, "load_post_fail": _load_post, "undo_post": _undo_post,
    "redo_post": _undo_post,
}  # fmt: skip


def _handle(event: Any) -> None:
    queue.on_event(event)


def _apply_results() -> float | None:
    queue.apply_results()
    return 0.1


def _run_command(arguments: list[str]) -> int:
    from . import cli  # only where the command is used: it imports numpy

    return cli.main(arguments)


def register() -> None:
    """Registers classes, properties, handlers and the command line's ``backlot``."""
    groups = {controls.identifier(operation): controls.settings_group(operation) for operation in controls.visible_operations()}
    rooms = capabilities.CAPABILITIES.values()
    _classes[:] = [
        settings.BacklotPreferences, records.BACKLOT_PG_job, records.BACKLOT_PG_jobs, capture_controls.BACKLOT_PG_capture,
        *groups.values(), *(item for room in rooms for item in room.CLASSES),
        capturing.BACKLOT_OT_capture, operation_operators.BACKLOT_OT_new_seed, *capabilities.operator_classes(),
        *operators.CLASSES, *capabilities.panel_classes(),
    ]  # fmt: skip
    for item in _classes:
        bpy.utils.register_class(item)
    properties = {"backlot_jobs": records.BACKLOT_PG_jobs, "backlot_capture": capture_controls.BACKLOT_PG_capture, **groups}
    for room in rooms:
        properties |= room.PROPERTIES
    for name, group in properties.items():
        setattr(bpy.types.Scene, name, bpy.props.PointerProperty(type=group))
    _scene_properties[:] = list(properties)
    capabilities.add_handlers()
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).append(handler)
    BACKEND.on_event = _handle
    BACKEND.is_busy = queue.busy
    if not bpy.app.background:
        bpy.app.timers.register(_apply_results, first_interval=1.0, persistent=True)
    _cli_handles.append(bpy.utils.register_cli_command("backlot", _run_command))
    # Blender disables its add-ons when it quits; as a module it does not, and crashes on what is still registered.
    atexit.register(unregister)


def unregister() -> None:
    """Undoes ``register``. The backend keeps running: other programs may use it, and jobs can be attached again."""
    atexit.unregister(unregister)
    for handle in _cli_handles:
        bpy.utils.unregister_cli_command(handle)
    _cli_handles.clear()
    if bpy.app.timers.is_registered(_apply_results):
        bpy.app.timers.unregister(_apply_results)
    BACKEND.stop_timer()
    BACKEND.detach()
    for name, handler in _HANDLERS.items():
        handlers = getattr(bpy.app.handlers, name)
        if handler in handlers:
            handlers.remove(handler)
    icons.free()
    records.LIVE.clear()
    for handler in HANDLERS.values():
        handler.forget_session()
    for name in _scene_properties:
        delattr(bpy.types.Scene, name)
    for item in reversed(_classes):
        bpy.utils.unregister_class(item)
    _classes.clear()
    _scene_properties.clear()

"""The Blender side of Backlot: capture, send, show progress, apply. Thin: all work is done by the backend.

    settings                 preferences                        controls             properties made from the schemas
    link                     the backend, polled by a timer     records              jobs as the file remembers them
    jobs                     sent, followed, found again        capture/             the scene as files, untouched
    pictures, png, icons     images out, in and in panels       apply                results into the scene
    material/                materials: panel, history, nodes    reconstruct/         meshes: from clips, plates and the scene
    style/                   shots: painted frames as sequences
    *_operator(s), panels    what the artist sees               cli                  without a window

Registering imports neither numpy nor zmq: what needs them is imported by the first job.
"""

from __future__ import annotations

import atexit
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import settings
from .capture import operator as capture_operator
from .capture import properties as capture_properties
from .jobs import operators as job_operators
from .jobs import queue as jobs
from .jobs import records
from .jobs.link import BACKEND
from .materials import history as material_history
from .materials import operators as material_operators
from .materials import properties as material_properties
from .reconstruct import operators as reconstruct_operators
from .reconstruct import progress as reconstruct_progress
from .reconstruct import properties as reconstruct_properties
from .style import operators as style_operators
from .style import painting as style_painting
from .style import properties as style_properties
from .style import using as style_using
from .ui import controls, icons, operation_operators, panels

_classes: list[type] = []
_scene_properties: list[str] = []
_cli_handles: list[Any] = []


@persistent
def _load_pre(*_args: object) -> None:
    jobs.before_load()
    material_history.forget_session()


@persistent
def _load_post(*_args: object) -> None:
    jobs.after_load()


@persistent
def _undo_post(*_args: object) -> None:
    records.repair()
    material_history.repair()
    reconstruct_progress.repair({job_id for job_id, live in records.LIVE.items() if live.saved.get("state") in records.ACTIVE})


_HANDLERS = {"load_pre": _load_pre, "load_post": _load_post, "load_post_fail": _load_post, "undo_post": _undo_post, "redo_post": _undo_post}


def _handle(event: Any) -> None:
    jobs.on_event(event)


def _apply_results() -> float | None:
    jobs.apply_results()
    return 0.1


def _run_command(arguments: list[str]) -> int:
    from . import cli

    return cli.main(arguments)


def _has_own_operator(operation: Any) -> bool:
    return (
        material_operators.is_material(operation)
        or reconstruct_operators.is_reconstruction(operation)
        or style_operators.is_style(operation)
    )


def register() -> None:
    """Registers classes, properties, handlers and the command line's ``backlot``."""
    operations = controls.visible_operations()
    groups = {controls.identifier(operation): controls.settings_group(operation) for operation in operations}
    _classes[:] = [
        settings.BacklotPreferences, records.BACKLOT_PG_job, records.BACKLOT_PG_jobs, capture_properties.BACKLOT_PG_capture,
        *material_properties.CLASSES, *reconstruct_properties.CLASSES, *style_properties.CLASSES, *groups.values(),
        capture_operator.BACKLOT_OT_capture,
        *(operation_operators.operator_class(operation) for operation in operations if not _has_own_operator(operation)),
        *material_operators.operation_classes(), *material_operators.CLASSES,
        *reconstruct_operators.operation_classes(), *reconstruct_operators.CLASSES,
        *style_operators.operation_classes(), *style_painting.CLASSES, *style_using.CLASSES,
        *job_operators.CLASSES, *panels.panel_classes(),
    ]  # fmt: skip
    for item in _classes:
        bpy.utils.register_class(item)
    properties = {
        "backlot_jobs": records.BACKLOT_PG_jobs, "backlot_materials": material_properties.BACKLOT_PG_materials,
        "backlot_capture": capture_properties.BACKLOT_PG_capture, "backlot_reconstruct": reconstruct_properties.BACKLOT_PG_reconstruct,
        "backlot_style": style_properties.BACKLOT_PG_style, **groups,
    }  # fmt: skip
    for name, group in properties.items():
        setattr(bpy.types.Scene, name, bpy.props.PointerProperty(type=group))
    _scene_properties[:] = list(properties)
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).append(handler)
    BACKEND.on_event = _handle
    BACKEND.is_busy = jobs.busy
    if not bpy.app.background:
        bpy.app.timers.register(_apply_results, first_interval=1.0, persistent=True)
    _cli_handles.append(bpy.utils.register_cli_command("backlot", _run_command))
    # Blender disables its add-ons when it quits; as a module it does not, and crashes on what is still registered.
    atexit.register(unregister)


def unregister() -> None:
    """Undoes ``register``. The backend goes on: other programs may use it, and jobs can be attached again."""
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
    material_history.forget_session()
    for name in _scene_properties:
        delattr(bpy.types.Scene, name)
    for item in reversed(_classes):
        bpy.utils.unregister_class(item)
    _classes.clear()
    _scene_properties.clear()

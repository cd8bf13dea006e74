"""The tab "Backlot" in the sidebars of the 3D viewport, the Image Editor and the Clip Editor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from ...shared.operations import Operation
from .. import settings
from ..jobs import elsewhere, records
from ..jobs.link import BACKEND
from . import capture_controls, controls, icons
from .drawing import ListRows, draw_image, draw_parameter, eta_text, wrapped

CATEGORY = "Backlot"
SPACES = ("VIEW_3D", "IMAGE_EDITOR", "CLIP_EDITOR")
_STATE_ICON = {
    "off": "RADIOBUT_OFF", "starting": "SORTTIME", "connecting": "SORTTIME", "ready": "CHECKMARK", "lost": "UNLINKED", "error": "ERROR",
}  # fmt: skip
_JOB_ICON = {
    "capturing": "RENDER_STILL", "waiting": "SORTTIME", "queued": "SORTTIME", "running": "PLAY", "done": "CHECKMARK", "failed": "ERROR",
    "cancelled": "X", "ready": "PAUSE",
}  # fmt: skip


class Sidebar:
    """Base of all panels: a tab of the sidebar."""

    bl_region_type = "UI"
    bl_category = CATEGORY


class _StatusPanel(Sidebar):
    bl_label = "Backend"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        """Draws the status line and what can be done about it."""
        layout = self.layout  # type: ignore[attr-defined]
        wrapped(layout, context, BACKEND.describe(), _STATE_ICON[BACKEND.state])
        row = layout.row(align=True)
        if BACKEND.state in ("off", "error"):
            remote = settings.preferences().connection_file
            if not remote:
                row.operator("backlot.start_backend", text="Start", icon="PLAY")
            row.operator("backlot.attach_backend", text="Attach to Remote" if remote else "Attach", icon="LINKED")
        else:
            if BACKEND.state == "lost" and not settings.preferences().connection_file:
                row.operator("backlot.start_backend", text="Start", icon="PLAY")
            row.operator("backlot.stop_backend", text="Stop", icon="CANCEL")


class _JobsPanel(Sidebar):
    bl_label = "Jobs"
    bl_order = 9

    def draw(self, context: bpy.types.Context) -> None:
        """Draws the job list and the active job."""
        layout = self.layout  # type: ignore[attr-defined]
        group = context.scene.backlot_jobs
        row = layout.row()
        row.template_list("BACKLOT_UL_jobs", "", group, "items", group, "active", rows=3)
        buttons = row.column(align=True)
        buttons.operator("backlot.cancel_job", text="", icon="CANCEL")
        buttons.operator("backlot.retry_job", text="", icon="FILE_REFRESH")
        buttons.operator("backlot.remove_job", text="", icon="REMOVE")
        for job_id, label in list(elsewhere.missing().items())[:3]:
            wrapped(layout, context, label, "QUESTION")
            layout.operator("backlot.bring_results", icon="IMPORT").job_id = job_id
        if 0 <= group.active < len(group.items):
            _draw_job(layout, context, group.items[group.active])


def _draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, record: records.BACKLOT_PG_job) -> None:
    live = records.live(record.name)
    if record.state == "ready":
        wrapped(layout, context, record.error or "The result is there", "PAUSE")
        layout.operator("backlot.apply_now", icon="IMPORT").job_id = record.name
    elif record.state in records.ACTIVE and live is not None:
        text = " ".join(part for part in (live.stage or record.state.title(), eta_text(live.eta)) if part)
        layout.progress(factor=live.fraction, text=text)
        icon = preview_icon(record.name, live)
        if icon:
            layout.template_icon(icon_value=icon, scale=6)
    elif record.state == "failed":
        wrapped(layout, context, record.error, "ERROR")
        layout.operator("backlot.copy_error", icon="COPYDOWN").job_id = record.name
        if record.kept:
            layout.operator("backlot.apply_now", text="Apply Again", icon="IMPORT").job_id = record.name
    elif record.result:
        wrapped(layout, context, record.result)


def preview_icon(job_id: str, live: records.Live) -> int:
    """The icon of a running job's latest preview, 0 if there is none."""
    return icons.icon(job_id, id(live.preview), lambda: live.preview) if live.preview is not None else 0


class BACKLOT_UL_jobs(ListRows, bpy.types.UIList):  # noqa: N801
    """One line for each job."""

    def draw_row(self, layout: bpy.types.UILayout, item: Any) -> None:
        """Draws the label, and how far the job is."""
        row = layout.split(factor=0.6)
        row.label(text=item.label, icon=_JOB_ICON.get(item.state, "NONE"))
        row.label(text=state_text(item.state, records.live(item.name)))


def state_text(state: str, live: records.Live | None) -> str:
    """How far a job is, in a word or two: half a line of the sidebar."""
    if live is not None and state in ("running", "capturing"):
        return f"{live.fraction:.0%}"
    if live is not None and state == "queued" and live.before is not None:
        return f"{live.before} before it" if live.before else "Next"
    return state.title()


def draw_operation(layout: bpy.types.UILayout, context: bpy.types.Context, operation: Operation) -> None:
    """Draws an operation's inputs, parameters and button."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    group = getattr(context.scene, controls.identifier(operation))
    for item in operation.inputs:
        if item.kind == "frames":
            capture_controls.draw(layout, context.scene)
            continue
        if item.required and item.kind in controls.IMAGE_KINDS:
            draw_image(layout, group, item)
    for parameter in operation.parameters:
        if not parameter.advanced:
            draw_parameter(layout, group, parameter)
    row = layout.row(align=True)
    row.prop(group, "seed")
    row.operator("backlot.new_seed", text="", icon="FILE_REFRESH").group = controls.identifier(operation)
    layout.operator(controls.operator_name(operation), icon="PLAY")


def operation_panels(operation: Operation, space: str, order: int) -> list[type]:
    """The panel of one operation in one editor, and its folded panels: images that it can do without, advanced parameters."""

    def draw(self: Any, context: bpy.types.Context) -> None:
        draw_operation(self.layout, context, operation)

    def draw_advanced(self: Any, context: bpy.types.Context) -> None:
        for parameter in _unfolded(self.layout, operation.parameters):
            if parameter.advanced:
                draw_parameter(self.layout, getattr(context.scene, controls.identifier(operation)), parameter)

    def draw_images(self: Any, context: bpy.types.Context) -> None:
        for item in _unfolded(self.layout, operation.inputs):
            if not item.required and item.kind in controls.IMAGE_KINDS:
                draw_image(self.layout, getattr(context.scene, controls.identifier(operation)), item)

    name = f"BACKLOT_PT_{controls.identifier(operation)}_{space.lower()}"
    common = {"bl_space_type": space, "__doc__": operation.summary}
    closed = {"DEFAULT_CLOSED"}  # materials come first: with all panels open the job list would be far below
    body = {**common, "bl_label": operation.label, "bl_order": order, "bl_options": closed, "draw": draw}
    panel = type(name, (Sidebar, bpy.types.Panel), body)
    folded = {**common, "bl_parent_id": name, "bl_options": closed}
    classes: list[type] = [panel]
    if any(not item.required and item.kind in controls.IMAGE_KINDS for item in operation.inputs):
        body = {**folded, "bl_label": "More Images", "draw": draw_images}
        classes.append(type(name + "_images", (Sidebar, bpy.types.Panel), body))
    if any(parameter.advanced for parameter in operation.parameters):
        body = {**folded, "bl_label": "Advanced", "draw": draw_advanced}
        classes.append(type(name + "_advanced", (Sidebar, bpy.types.Panel), body))
    return classes


def _unfolded(layout: bpy.types.UILayout, items: Sequence[Any]) -> Sequence[Any]:
    layout.use_property_split, layout.use_property_decorate = True, False
    return items


def common_panels(space: str) -> list[type]:
    """The panels of backend and jobs, for one editor."""
    classes: list[type] = []
    for base in (_StatusPanel, _JobsPanel):
        name = f"BACKLOT_PT_{base.bl_label.lower()}_{space.lower()}"
        classes.append(type(name, (base, bpy.types.Panel), {"bl_space_type": space, "__doc__": base.bl_label}))
    return classes

"""The panels of reconstructions: from the scene, a clip or a plate, and the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from ...shared.operations import OPERATIONS, Operation, Parameter
from ...shared.operations.surface_parameters import SURFACE_PARAMETERS
from ..scene.surface import switch
from ..ui import capture_controls, controls
from ..ui.drawing import draw_parameter, wrapped
from . import facts
from .names import DEPTH, FOOTAGE, PLATE, TEXTURE
from .operators import clip_shown, plate_shown

PLACES = {"VIEW_3D": DEPTH, "CLIP_EDITOR": FOOTAGE, "IMAGE_EDITOR": PLATE}
"""The editor of each panel: the one that shows its input."""
CLOSED = {"DEFAULT_CLOSED"}
_ONLY_WITH = {
    "texture_size": "texture", "proxy_faces": "proxy", "normal_map": "texture", "equal_exposure": "texture", "fill_width": "fill",
}  # fmt: skip
"""Parameters that another one switches on."""
_FINISH = frozenset(parameter.name for parameter in SURFACE_PARAMETERS if not parameter.advanced)
"""Parameters with a folded panel of their own: how the finished mesh is processed."""


def _settings(context: bpy.types.Context, operation: Operation) -> Any:
    return getattr(context.scene, controls.identifier(operation))


def _finishing(operation: Operation) -> list[Parameter]:
    return [parameter for parameter in operation.parameters if parameter.name in _FINISH and operation.name != TEXTURE]


def _usual(operation: Operation) -> list[Parameter]:
    finishing = _finishing(operation)
    return [parameter for parameter in operation.parameters if not parameter.advanced and parameter not in finishing]


def _advanced(operation: Operation) -> list[Parameter]:
    return [parameter for parameter in operation.parameters if parameter.advanced]


def _draw_parameters(
    layout: bpy.types.UILayout, context: bpy.types.Context, operation: Operation, parameters: Sequence[Parameter]
) -> None:  # fmt: skip
    settings, group = _settings(context, operation), context.scene.backlot_reconstruct
    for parameter in parameters:
        part = layout.column()
        part.active = bool(getattr(settings, _ONLY_WITH.get(parameter.name, ""), True))
        draw_parameter(part, settings, parameter)
        if parameter.name == "texture" and TEXTURE in OPERATIONS and operation.name in (DEPTH, FOOTAGE):
            unwrap = layout.column()
            unwrap.active = settings.texture
            unwrap.prop(group, "unwrap")


def _draw_clip(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    group, clip = context.scene.backlot_reconstruct, clip_shown(context)
    if getattr(context.space_data, "clip", None) is None:
        layout.prop(group, "clip")
    if clip is None:
        wrapped(layout, context, "Open the footage here, track it and solve it", "INFO")
        return
    reconstruction = next(item for item in clip.tracking.objects if item.is_camera).reconstruction
    if reconstruction.is_valid and len(reconstruction.cameras):
        first, last = reconstruction.cameras[0].frame, reconstruction.cameras[len(reconstruction.cameras) - 1].frame
        wrapped(layout, context, f"Solved, frames {first} to {last}, error {reconstruction.average_error:.2f} px", "CHECKMARK")
    else:
        wrapped(layout, context, "No camera solve: track at least 8 points and press Solve > Solve Camera Motion", "ERROR")
    column = layout.column(align=True)
    for name in ("clip_start", "clip_end", "clip_step"):
        column.prop(group, name)


def _draw_plate(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings, image = _settings(context, OPERATIONS[PLATE]), plate_shown(context)
    layout.template_ID(settings, controls.INPUT + "image", open="image.open", text="Plate")
    if settings.input_image is None and image is not None:
        wrapped(layout, context, f"The picture of this editor: {image.name}", "IMAGE_DATA")
    layout.template_ID(settings, controls.INPUT + "depth", open="image.open", text="Depth")
    layout.prop(context.scene.backlot_reconstruct, "use_tracks")
    camera = context.scene.camera
    text = f"Seen by {camera.name}, {camera.data.lens:.0f} mm" if camera else "The scene has no camera: set the field of view"
    wrapped(layout, context, text, "CAMERA_DATA" if camera else "INFO")


def draw_operation(layout: bpy.types.UILayout, context: bpy.types.Context, operation: Operation) -> None:
    """Draws what an operation is made of, its parameters and its button."""
    layout.use_property_split, layout.use_property_decorate = True, False
    if operation.name == DEPTH:
        capture_controls.draw(layout, context.scene)
    elif operation.name == FOOTAGE:
        _draw_clip(layout, context)
    elif operation.name == PLATE:
        _draw_plate(layout, context)
    _draw_parameters(layout, context, operation, _usual(operation))
    layout.operator(controls.operator_name(operation), icon="PLAY")


def draw_result(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draws what is known of the active object, and what can be done with it."""
    item = context.active_object
    note = facts.note_of(item)
    if note:
        layout.label(text=item.name, icon="OUTLINER_OB_MESH")
        column = layout.column(align=True)
        for label, value in facts.lines(context.scene, note.get("report") or {}):
            row = column.row()
            row.label(text=label)
            row.label(text=value)
        socket = switch(item.active_material)
        if socket is not None:
            text = "Projected Plate" if (note.get("origin") or {}).get("kind") == "plate" else "As Captured"
            row = layout.row(align=True)
            row.prop(socket, "default_value", text=text, slider=True)
            row.operator("backlot.projected_plate", text="", icon="ARROW_LEFTRIGHT")
    layout.separator()
    row = layout.row(align=True)
    row.prop(context.scene.backlot_reconstruct, "distance")
    row.operator("backlot.set_scale")
    row = layout.row(align=True)
    row.operator("backlot.set_floor")
    row.operator("backlot.set_origin")


def panel_classes(space: str, sidebar: type) -> list[type]:
    """The panels of one editor."""
    classes: list[type] = []
    name = PLACES.get(space, "")
    if name in OPERATIONS:
        classes += _operation_panels(OPERATIONS[name], space, sidebar)
    if space == "VIEW_3D" or (name in OPERATIONS and space == "CLIP_EDITOR"):
        classes.append(_result_panel(space, sidebar))
    if space == "VIEW_3D" and TEXTURE in OPERATIONS:
        classes += _texture_panel(OPERATIONS[TEXTURE], space, sidebar)
    return classes


def _operation_panels(operation: Operation, space: str, sidebar: type) -> list[type]:
    def draw(self: Any, context: bpy.types.Context) -> None:
        draw_operation(self.layout, context, operation)

    def draw_finish(self: Any, context: bpy.types.Context) -> None:
        self.layout.use_property_split, self.layout.use_property_decorate = True, False
        _draw_parameters(self.layout, context, operation, _finishing(operation))

    def draw_advanced(self: Any, context: bpy.types.Context) -> None:
        self.layout.use_property_split, self.layout.use_property_decorate = True, False
        _draw_parameters(self.layout, context, operation, _advanced(operation))
        column = self.layout.column(heading="While It Runs")
        column.prop(context.scene.backlot_reconstruct, "show_progress")
        column.prop(context.scene.backlot_reconstruct, "keep_best")
        row = self.layout.row(align=True)
        row.prop(_settings(context, operation), "seed")
        row.operator("backlot.new_seed", text="", icon="FILE_REFRESH").group = controls.identifier(operation)

    name = f"BACKLOT_PT_{controls.identifier(operation)}_{space.lower()}"
    common = {"bl_space_type": space, "__doc__": operation.summary}
    folded = {**common, "bl_parent_id": name, "bl_options": CLOSED}
    alone = space == "CLIP_EDITOR"  # elsewhere materials come first, so it is folded
    body = {**common, "bl_label": operation.label, "bl_order": 4, "bl_options": set() if alone else CLOSED, "draw": draw}
    return [
        type(name, (sidebar, bpy.types.Panel), body),
        type(name + "_finish", (sidebar, bpy.types.Panel), {**folded, "bl_label": "Mesh and Texture", "draw": draw_finish}),
        type(name + "_advanced", (sidebar, bpy.types.Panel), {**folded, "bl_label": "Advanced", "draw": draw_advanced}),
    ]


def _result_panel(space: str, sidebar: type) -> type:
    """The result: first in the tab while a reconstructed object is the active one, or where there is a solve to align."""

    def draw(self: Any, context: bpy.types.Context) -> None:
        draw_result(self.layout, context)

    def poll(cls: type, context: bpy.types.Context) -> bool:
        return space == "CLIP_EDITOR" or bool(facts.note_of(context.active_object)) or _has_solved_camera(context.scene)

    body: dict[str, Any] = {
        "bl_space_type": space, "bl_label": "Reconstructed", "bl_order": 5 if space == "CLIP_EDITOR" else 1, "draw": draw,
        "poll": classmethod(poll),
        "__doc__": "What is known of a rebuilt object, and its scale, floor and origin",
    }  # fmt: skip
    return type(f"BACKLOT_PT_reconstructed_{space.lower()}", (sidebar, bpy.types.Panel), body)


def _has_solved_camera(scene: bpy.types.Scene) -> bool:
    return any(item.type == "CAMERA" and any(c.type == "CAMERA_SOLVER" for c in item.constraints) for item in scene.objects)


def _texture_panel(operation: Operation, space: str, sidebar: type) -> list[type]:
    def draw(self: Any, context: bpy.types.Context) -> None:
        self.layout.use_property_split, self.layout.use_property_decorate = True, False
        _draw_parameters(self.layout, context, operation, [*_usual(operation), *_advanced(operation)])
        self.layout.operator(controls.operator_name(operation), text="Unwrap and Bake", icon="UV")

    body = {
        "bl_space_type": space, "bl_label": "Unwrap and Bake", "bl_parent_id": f"BACKLOT_PT_reconstructed_{space.lower()}", "draw": draw,
        "bl_options": CLOSED, "__doc__": operation.summary,
    }  # fmt: skip
    return [type(f"BACKLOT_PT_{controls.identifier(operation)}_{space.lower()}", (sidebar, bpy.types.Panel), body)]

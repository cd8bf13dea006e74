"""The panels of style: a picture, a shot in the manner of a picture, a shot from painted keyframes, and the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...shared.errors import InputError
from ...shared.operations import OPERATIONS, Operation
from ..ui import controls
from ..ui.drawing import ListRows, draw_image, draw_parameter, wrapped
from . import movie, shot, strength
from .facts import facts, note_of
from .names import IMAGE, KEYFRAMES, MOVIE, SHOT, VGG

SPACES = ("VIEW_3D", "IMAGE_EDITOR")
ELSEWHERE = {KEYFRAMES: ("numbers",), MOVIE: ("fps",)}
"""Parameters without a control: they come from the list of keyframes and from the scene's frame rate."""
TITLES = {SHOT: "Shot", KEYFRAMES: "Keyframes", VGG: "With VGG"}
_looked: dict[str, tuple[float, Any]] = {}


class BACKLOT_UL_keyframes(ListRows, bpy.types.UIList):  # noqa: N801
    """One line for each painted frame."""

    def draw_row(self, layout: bpy.types.UILayout, item: Any) -> None:
        """Draws whether it is used, its frame and its image."""
        layout.use_property_split = False
        row = layout.row(align=True)
        row.prop(item, "use", text="")
        row.label(
            text=f"{item.frame}: {item.image.name}" if item.image else f"{item.frame}: no image", icon="NONE" if item.image else "ERROR"
        )


class BACKLOT_UL_styles(ListRows, bpy.types.UIList):  # noqa: N801
    """One line for each style image."""

    def draw_row(self, layout: bpy.types.UILayout, item: Any) -> None:
        """Draws the image and its weight."""
        layout.use_property_split = False
        row = layout.row(align=True)
        row.prop(item, "image", text="")
        row.prop(item, "weight", text="")


def _settings(context: bpy.types.Context, operation: Operation) -> Any:
    return getattr(context.scene, controls.identifier(operation))


def _split(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    layout.use_property_split, layout.use_property_decorate = True, False
    return layout


def _button(layout: bpy.types.UILayout, operation: Operation, **options: Any) -> Any:
    return layout.operator(controls.operator_name(operation), **options)


def _draw_seed(layout: bpy.types.UILayout, context: bpy.types.Context, operation: Operation) -> None:
    row = layout.row(align=True)
    row.prop(_settings(context, operation), "seed")
    row.operator("backlot.new_seed", text="", icon="FILE_REFRESH").group = controls.identifier(operation)


def _draw_inputs(layout: bpy.types.UILayout, context: bpy.types.Context, operation: Operation, required: bool) -> None:
    for item in operation.inputs:
        if item.required is required and item.kind in controls.IMAGE_KINDS:
            draw_image(layout, _settings(context, operation), item)
        elif item.required is required and item.kind == "images":
            _draw_styles(layout, context, item.label)


def _draw_styles(layout: bpy.types.UILayout, context: bpy.types.Context, title: str) -> None:
    group = context.scene.backlot_style
    layout.label(text=title)
    row = layout.row()
    row.template_list("BACKLOT_UL_styles", "", group, "styles", group, "active_style", rows=2)
    buttons = row.column(align=True)
    buttons.operator("backlot.add_style_image", text="", icon="ADD")
    buttons.operator("backlot.remove_style_image", text="", icon="REMOVE")


def _draw_parameters(layout: bpy.types.UILayout, context: bpy.types.Context, operation: Operation, advanced: bool) -> None:
    for parameter in operation.parameters:
        if parameter.name in ELSEWHERE.get(operation.name, ()) or parameter.advanced is not advanced:
            continue
        if parameter.kind == "text" and parameter.name == "strength":
            _draw_strength(layout, context, operation)
        elif parameter.name == "objects":
            row = layout.row(align=True)
            row.prop(_settings(context, operation), "objects")
            row.operator("backlot.style_selected", text="", icon="RESTRICT_SELECT_OFF")
        else:
            draw_parameter(layout, _settings(context, operation), parameter)


def _draw_strength(layout: bpy.types.UILayout, context: bpy.types.Context, operation: Operation) -> None:
    """The slider, which can be keyed; a text that was typed under Advanced wins."""
    settings, schema = _settings(context, operation), operation.parameter("strength")
    if settings.strength != schema.default:
        layout.prop(settings, "strength", text="Strength Keys")
        return
    row = layout.row()
    row.use_property_decorate = True
    row.prop(context.scene.backlot_style, "strength", slider=True)


def draw_frames(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draws which frames the shot is made of, and the problems of capturing them."""
    group, scene = context.scene.backlot_style, context.scene
    layout.prop(group, "shot_source")
    if group.shot_source == shot.CAPTURED:
        layout.prop(group, "shot_folder")
        wrapped(layout, context, *_captured(scene, group.shot_folder))
        return
    layout.prop(group, "shot_own_range")
    if group.shot_own_range:
        column = layout.column(align=True)
        column.prop(group, "shot_start")
        column.prop(group, "shot_end")
    layout.prop(group, "shot_own_size")
    if group.shot_own_size:
        layout.column(align=True).prop(group, "shot_size", text="Size")
    layout.prop(group, "shot_samples")
    start, end = (group.shot_start, group.shot_end) if group.shot_own_range else (scene.frame_start, scene.frame_end)
    width, height = tuple(group.shot_size) if group.shot_own_size else shot.scene_size(scene)
    wrapped(layout, context, f"Renders frames {start} to {end}, {width} x {height}, twice each: colour and passes", "RENDER_ANIMATION")
    for text in shot.problems(scene):
        wrapped(layout, context, text, "ERROR")


def _captured(scene: bpy.types.Scene, given: str) -> tuple[str, str]:
    """What is known of the captured frames, and an icon; read again only when the file changed."""
    folder = Path(bpy.path.abspath(given)) if given else shot.last_capture(scene)
    if folder is None:
        return "Nothing was captured from this scene yet", "INFO"
    try:
        time = (folder / "transforms.json").stat().st_mtime
        if _looked.get(str(folder), (0.0, None))[0] != time:
            _looked.clear()
            _looked[str(folder)] = (time, shot.look(folder))
        frames = _looked[str(folder)][1]
    except (InputError, OSError) as error:
        return (str(error) if isinstance(error, InputError) else f"No captured frames in {folder}"), "ERROR"
    text = f"Frames {frames.numbers[0]} to {frames.numbers[-1]}, {frames.size[0]} x {frames.size[1]}, in {folder.name}"
    return (f"{text}, without {', '.join(frames.missing)}", "ERROR") if frames.missing else (text, "CHECKMARK")


def draw_picture(layout: bpy.types.UILayout, context: bpy.types.Context, operation: Operation) -> None:
    """Draws an operation on one image."""
    _split(layout)
    _draw_inputs(layout, context, operation, required=True)
    _draw_parameters(layout, context, operation, advanced=False)
    _draw_seed(layout, context, operation)
    _button(layout, operation, icon="PLAY")


def draw_shot(layout: bpy.types.UILayout, context: bpy.types.Context, operation: Operation) -> None:
    """Draws a shot in the manner of a picture."""
    _split(layout)
    draw_frames(layout, context)
    _draw_inputs(layout, context, operation, required=True)
    _draw_parameters(layout, context, operation, advanced=False)
    _button(layout, operation, icon="PLAY")


def draw_keyframes(layout: bpy.types.UILayout, context: bpy.types.Context, operation: Operation) -> None:
    """Draws the painted frames, how they are trained on, and the buttons."""
    _split(layout)
    group = context.scene.backlot_style
    draw_frames(layout, context)
    row = layout.row()
    row.template_list("BACKLOT_UL_keyframes", "", group, "keyframes", group, "active_keyframe", rows=3)
    buttons = row.column(align=True)
    buttons.operator("backlot.remove_keyframe", text="", icon="REMOVE")
    buttons.operator("backlot.paint_keyframe", text="", icon="BRUSH_DATA")
    layout.operator("backlot.add_keyframe", icon="ADD")
    shown = getattr(context.space_data, "image", None)
    if shown is not None and not note_of(shown) and shown not in [item.image for item in group.keyframes]:
        layout.operator("backlot.add_keyframe", text=f"Add {shown.name}", icon="IMAGE_DATA").image = shown.name
    if 0 <= group.active_keyframe < len(group.keyframes):
        item = group.keyframes[group.active_keyframe]
        column = layout.column(align=True)
        column.prop(item, "image")
        column.prop(item, "frame")
        if item.original is not None:
            column.prop(item, "partial")
    _draw_parameters(layout, context, operation, advanced=False)
    layout.prop(group, "model")
    part = layout.column()
    part.active = bool(group.model)
    part.prop(group, "go_on")
    row = layout.row(align=True)
    _button(row, operation, text="Train and Render", icon="PLAY")
    only = row.row(align=True)
    only.enabled = bool(group.model)
    _button(only, operation, text="Only Render", icon="RENDER_ANIMATION").only_render = True


def draw_result(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draws what is known of a stylised shot, and what can be done with it."""
    group = context.scene.backlot_style
    layout.template_ID(group, "result")
    note = note_of(group.result)
    if group.result is not None and not note:
        wrapped(layout, context, "This image is no stylised shot of Backlot", "ERROR")
    if not note:
        return
    column = layout.column(align=True)
    rows = [("Frames", f"{note['first']} to {note['last']}"), *facts(note.get("report") or {})]
    for label, value in rows:
        row = column.row()
        row.label(text=label)
        row.label(text=value)
    row = layout.row(align=True)
    row.operator("backlot.show_shot", icon="IMAGE_DATA")
    row.operator("backlot.compare_shot", icon="ARROW_LEFTRIGHT")
    column = layout.column(align=True)
    column.operator("backlot.shot_to_sequencer", icon="SEQUENCE")
    column.operator("backlot.shot_to_compositor", icon="NODE_COMPOSITING")
    row = column.row(align=True)
    row.operator("backlot.project_shot", icon="MOD_UVPROJECT")
    row.operator("backlot.release_shot", text="", icon="X")


def draw_movie(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draws how a movie of the shot is made, and the last one."""
    operation, group = OPERATIONS[MOVIE], context.scene.backlot_style
    _split(layout)
    layout.prop(group, "movie_beside")
    _draw_parameters(layout, context, operation, advanced=False)
    _button(layout, operation, icon="FILE_MOVIE")
    made = movie.movie_of(note_of(group.result))
    if made is None:
        return
    row = layout.row(align=True)
    row.operator("wm.path_open", text="Play", icon="PLAY").filepath = bpy.path.abspath(made.filepath)
    row.operator("backlot.show_shot", icon="IMAGE_DATA").shot = made.name
    row.operator("backlot.shot_to_sequencer", icon="SEQUENCE").shot = made.name


_DRAW = {IMAGE: draw_picture, VGG: draw_picture, SHOT: draw_shot, KEYFRAMES: draw_keyframes}


def panel_classes(space: str, sidebar: type) -> list[type]:
    """The panels of one editor: one for pictures, and in it those of shots, folded."""
    if space not in SPACES or IMAGE not in OPERATIONS:
        return []
    top = f"BACKLOT_PT_{controls.identifier(OPERATIONS[IMAGE])}_{space.lower()}"
    classes: list[type] = []
    for name in (IMAGE, SHOT, KEYFRAMES, VGG):
        if name in OPERATIONS:
            classes += _operation_panels(OPERATIONS[name], space, sidebar, top)
        if name == KEYFRAMES:
            classes.append(_panel(f"{top}_result", space, sidebar, "Stylised Shot", draw_result, "The result, and what to do with it", top))
            classes += _movie_panels(f"{top}_result", space, sidebar)
    return classes


def _movie_panels(result: str, space: str, sidebar: type) -> list[type]:
    if MOVIE not in OPERATIONS:
        return []
    operation = OPERATIONS[MOVIE]
    return [_panel(f"{result}_movie", space, sidebar, operation.label, draw_movie, operation.summary, result, True)]


def _panel(name: str, space: str, sidebar: type, label: str, draw: Any, text: str, parent: str = "", folded: bool = False) -> type:
    body: dict[str, Any] = {
        "bl_space_type": space,
        "bl_label": label,
        "__doc__": text,
        "draw": lambda self, context: draw(self.layout, context),
    }
    body |= {"bl_parent_id": parent} if parent else {"bl_order": 3}
    body |= {"bl_options": {"DEFAULT_CLOSED"}} if folded else {}
    return type(name, (sidebar, bpy.types.Panel), body)


def _operation_panels(operation: Operation, space: str, sidebar: type, top: str) -> list[type]:
    name = f"BACKLOT_PT_{controls.identifier(operation)}_{space.lower()}"
    parent = "" if name == top else top

    def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        _DRAW[operation.name](layout, context, operation)

    def draw_images(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        _draw_inputs(_split(layout), context, operation, required=False)

    def draw_advanced(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        _draw_parameters(_split(layout), context, operation, advanced=True)
        if operation.name in (SHOT, KEYFRAMES):
            settings = _settings(context, operation)
            if settings.strength == operation.parameter("strength").default:
                layout.prop(settings, "strength", text="Strength Keys")
            if strength.curve_of(context.scene) is not None:
                layout.label(text="Strength has keys", icon="KEYFRAME")
            _draw_seed(layout, context, operation)

    made = [_panel(name, space, sidebar, TITLES.get(operation.name, operation.label), draw, operation.summary, parent, bool(parent))]
    if any(not item.required and item.kind in (*controls.IMAGE_KINDS, "images") for item in operation.inputs):
        made.append(_panel(f"{name}_images", space, sidebar, "More Images", draw_images, operation.summary, name, True))
    if operation.name in (SHOT, KEYFRAMES) or any(parameter.advanced for parameter in operation.parameters):
        made.append(_panel(f"{name}_advanced", space, sidebar, "Advanced", draw_advanced, operation.summary, name, True))
    return made

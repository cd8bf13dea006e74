"""The buttons of a stylised shot: show it, compare it, use it."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty

from ...shared.errors import BacklotError, InputError
from ..ui.editable import EditsScene
from . import placing


class _ShotOperator(EditsScene):
    """Base of operators on a shot: finds it, acts on it, reports what was done."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Does it."""
        try:
            image, note = placing.result_of(context.scene, self.shot)  # type: ignore[attr-defined]
            message = self.use(context, image, note)
        except (BacklotError, OSError, RuntimeError) as error:
            self.report({"ERROR"}, str(error))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        self.report({"INFO"}, message)  # type: ignore[attr-defined]
        return {"FINISHED"}

    def use(self, context: bpy.types.Context, image: bpy.types.Image, note: dict[str, Any]) -> str:
        """What the button is for; gives a sentence."""
        raise NotImplementedError


def _editor(context: bpy.types.Context) -> bpy.types.SpaceImageEditor:
    if getattr(context.space_data, "type", "") == "IMAGE_EDITOR":
        return context.space_data
    space = next(placing.editors(), None)
    if space is None:
        raise InputError(expected="an Image Editor", got="none in the windows", fix="Change an area to the Image Editor")
    return space


_NAME: dict[str, Any] = {
    "name": "Shot", "description": "Name of an image sequence that Backlot made; empty for the panel's", "options": {"SKIP_SAVE"},
}  # fmt: skip


class BACKLOT_OT_show_shot(_ShotOperator, bpy.types.Operator):  # noqa: N801
    """Show the stylised shot in an Image Editor, following the scene's frame"""  # noqa: D415

    bl_idname = "backlot.show_shot"
    bl_label = "Show"
    shot: StringProperty(**_NAME)  # type: ignore[valid-type]

    def use(self, context: bpy.types.Context, image: bpy.types.Image, note: dict[str, Any]) -> str:
        """Shows it."""
        placing.show(image, _editor(context))
        return f"Showing {image.name!r}"


class BACKLOT_OT_compare_shot(_ShotOperator, bpy.types.Operator):  # noqa: N801
    """Switch the Image Editor between the painted frames and the render"""  # noqa: D415

    bl_idname = "backlot.compare_shot"
    bl_label = "Compare"
    shot: StringProperty(**_NAME)  # type: ignore[valid-type]

    def use(self, context: bpy.types.Context, image: bpy.types.Image, note: dict[str, Any]) -> str:
        """Switches."""
        return f"Showing {placing.compare(image, note, _editor(context))!r}"


class BACKLOT_OT_shot_to_sequencer(_ShotOperator, bpy.types.Operator):  # noqa: N801
    """Add the stylised shot to the video sequencer, at its frames, above what is there"""  # noqa: D415

    bl_idname = "backlot.shot_to_sequencer"
    bl_label = "Add to Sequencer"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    shot: StringProperty(**_NAME)  # type: ignore[valid-type]

    def use(self, context: bpy.types.Context, image: bpy.types.Image, note: dict[str, Any]) -> str:
        """Adds the strip."""
        scene = getattr(context, "sequencer_scene", None) or context.scene  # Blender 5.0: the workspace says which
        strip = placing.add_strip(scene, image, note)
        return f"Strip {strip.name!r} in channel {strip.channel} of {scene.name!r}"


class BACKLOT_OT_shot_to_compositor(_ShotOperator, bpy.types.Operator):  # noqa: N801
    """Add the stylised shot to the compositor as an image node with its layers; what is connected there stays as it is"""  # noqa: D415

    bl_idname = "backlot.shot_to_compositor"
    bl_label = "Add to Compositor"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    shot: StringProperty(**_NAME)  # type: ignore[valid-type]

    def use(self, context: bpy.types.Context, image: bpy.types.Image, note: dict[str, Any]) -> str:
        """Adds the node."""
        node = placing.add_node(context.scene, image, note)
        return f"Node {node.name!r} in the compositor of {context.scene.name!r}"


class BACKLOT_OT_project_shot(_ShotOperator, bpy.types.Operator):  # noqa: N801
    """Show the stylised shot on the selected objects, projected through the scene camera; their own materials are kept"""  # noqa: D415

    bl_idname = "backlot.project_shot"
    bl_label = "Project Onto Selected"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    shot: StringProperty(**_NAME)  # type: ignore[valid-type]

    def use(self, context: bpy.types.Context, image: bpy.types.Image, note: dict[str, Any]) -> str:
        """Makes the material."""
        return placing.project(context.scene, image, note, list(context.selected_objects))


class BACKLOT_OT_release_shot(bpy.types.Operator):  # noqa: N801
    """Take projected shots off the selected objects: they show their own materials again"""  # noqa: D415

    bl_idname = "backlot.release_shot"
    bl_label = "Remove Projection"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Takes them off."""
        count = placing.release(list(context.selected_objects))
        if not count:
            self.report({"ERROR"}, "No selected object shows a projected shot.")
            return {"CANCELLED"}
        self.report({"INFO"}, f"{count} objects show their own materials again")
        return {"FINISHED"}


CLASSES = (
    BACKLOT_OT_show_shot,
    BACKLOT_OT_compare_shot,
    BACKLOT_OT_shot_to_sequencer,
    BACKLOT_OT_shot_to_compositor,
    BACKLOT_OT_project_shot,
    BACKLOT_OT_release_shot,
)

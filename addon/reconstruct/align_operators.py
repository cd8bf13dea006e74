"""The buttons of a reconstruction: its scale, floor and origin, and what its material shows."""

from __future__ import annotations

from typing import Any

import bpy
import mathutils
from bpy.props import FloatProperty

from ...shared.errors import BacklotError, InputError
from ..scene.surface import switch
from ..ui import controls
from ..ui.editable import EditsScene
from . import align


class _AlignOperator(EditsScene):
    def matrix(self, context: bpy.types.Context) -> Any:
        """How everything moves, in world space."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Moves the mesh and its camera."""
        try:
            by = self.matrix(context)
            roots = align.group(context.scene, context.active_object)
        except BacklotError as error:
            self.report({"ERROR"}, str(error))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        if context.mode != "OBJECT":  # undo of Edit Mode restores the mesh only, not the object's transform
            bpy.ops.object.mode_set(mode="OBJECT")
        align.move(context.scene, roots, by)
        self.report({"INFO"}, f"Moved {', '.join(item.name for item in roots)}")  # type: ignore[attr-defined]
        return {"FINISHED"}


class BACKLOT_OT_set_scale(_AlignOperator, bpy.types.Operator):  # noqa: N801
    """Scale so that two selected points (vertices, or empties) have their true distance; camera and mesh stay together"""  # noqa: D415

    bl_idname = "backlot.set_scale"
    bl_label = "Set Scale"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    distance: FloatProperty(name="Distance", min=1e-6, default=1.0, unit="LENGTH", options={"SKIP_SAVE"})  # type: ignore[valid-type]

    def matrix(self, context: bpy.types.Context) -> Any:
        """A scale around the world's origin."""
        distance = controls.chosen("distance", self, context.scene.backlot_reconstruct)
        return align.scaled(align.points(context), distance)


class BACKLOT_OT_set_floor(_AlignOperator, bpy.types.Operator):  # noqa: N801
    """Make the plane of three selected vertices or of a face the floor; camera and mesh stay together"""  # noqa: D415

    bl_idname = "backlot.set_floor"
    bl_label = "Set Floor"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def matrix(self, context: bpy.types.Context) -> Any:
        """A turn, and a shift along z."""
        cameras = [item for item in align.group(context.scene, context.active_object) if item.type == "CAMERA"]
        above = cameras[0].matrix_world.translation if cameras else None
        return align.floored(align.points(context), above)


class BACKLOT_OT_set_origin(_AlignOperator, bpy.types.Operator):  # noqa: N801
    """Move the middle of the selected vertices into the world's origin (in Object Mode: the 3D cursor); camera and mesh stay together"""  # noqa: D415

    bl_idname = "backlot.set_origin"
    bl_label = "Set Origin"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def matrix(self, context: bpy.types.Context) -> Any:
        """A shift."""
        if context.mode != "EDIT_MESH":
            return align.moved(context.scene.cursor.location)
        found = align.points(context)
        if not found:
            raise InputError(expected="a selected vertex", got="none", fix="Select the point that is to be the origin")
        return align.moved(sum(found, mathutils.Vector()) / len(found))


class BACKLOT_OT_projected_plate(bpy.types.Operator):  # noqa: N801
    """Switch the object between its picture as it was captured and a Principled surface under the scene's lights"""  # noqa: D415

    bl_idname = "backlot.projected_plate"
    bl_label = "Projected Plate"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Needs an object with a material of a reconstruction."""
        item = context.active_object
        if item is None or switch(item.active_material) is None:
            cls.poll_message_set("The active object has no material of a reconstruction")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Switches."""
        socket = switch(context.active_object.active_material)
        socket.default_value = 0.0 if socket.default_value > 0.5 else 1.0
        return {"FINISHED"}


CLASSES = (BACKLOT_OT_set_scale, BACKLOT_OT_set_floor, BACKLOT_OT_set_origin, BACKLOT_OT_projected_plate)

"""The operators that reconstruct, and the buttons around a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import FloatProperty, StringProperty

from ...shared.errors import BacklotError, InputError
from ...shared.operations import OPERATIONS, Operation
from ..capture.operator import new_folder
from ..ui import controls
from ..ui.editable import EditsScene
from ..ui.operation_operators import OperationOperator, operator_class
from . import properties

if TYPE_CHECKING:
    from ..capture.operator import Steps

DEPTH, FOOTAGE, PLATE, TEXTURE = (f"reconstruct.{verb}" for verb in ("depth", "footage", "plate", "texture"))
MOST_FACES = 100_000
"""Of a mesh that Smart UV unwraps, where no number was asked for: half a second."""


def is_reconstruction(operation: Operation) -> bool:
    """Whether the operation belongs to the panels of this folder."""
    return operation.name in (DEPTH, FOOTAGE, PLATE, TEXTURE)


class _Reconstruct(OperationOperator):
    """What all of them do: note what the mesh belongs to, and what is to be done while it grows and when it is there."""

    def make_capture(self, context: bpy.types.Context, selected: list[bpy.types.Object], wanted: str, request: dict[str, Any]) -> Steps:
        """The capture; the request then says what the mesh belongs to."""
        group = context.scene.backlot_reconstruct
        request["show_progress"], request["keep_best"] = group.show_progress, group.keep_best
        parameters = request["parameters"]
        if parameters.get("texture") and group.unwrap == "SMART" and self.operation.name in (DEPTH, FOOTAGE) and TEXTURE in OPERATIONS:
            parameters["texture"] = False
            parameters["max_faces"] = parameters.get("max_faces") or MOST_FACES
            request["then"] = "bake"
        capture = self.prepare(context, selected, wanted)
        origin = getattr(capture, "origin", None)
        if origin is not None:
            request["origin"] = origin()
        return capture

    def prepare(self, context: bpy.types.Context, selected: list[bpy.types.Object], wanted: str) -> Any:
        """The capture itself."""
        return super().make_capture(context, selected, wanted, {})

    def job_label(self, request: dict[str, Any]) -> str:
        """The operation and what it is made of."""
        origin = request.get("origin") or {}
        subject = origin.get("clip") or origin.get("image") or (origin.get("target") or {}).get("name") or ""
        return f"{self.operation.label} {subject}".strip()[:60]


class _Footage(_Reconstruct):
    @classmethod
    def capture_annotations(cls, operation: Operation) -> dict[str, Any]:
        """Which frames of which clip."""
        return properties.footage_annotations(options={"SKIP_SAVE"})

    def prepare(self, context: bpy.types.Context, selected: list[bpy.types.Object], wanted: str) -> Any:
        """A solved clip's frames."""
        from .footage import FootageCapture, FootageSettings

        group = context.scene.backlot_reconstruct
        start, end, step = (controls.chosen(f"clip_{name}", self, group) for name in ("start", "end", "step"))
        clip = self.clip or getattr(clip_shown(context), "name", "")  # type: ignore[attr-defined]
        return FootageCapture(context.scene, FootageSettings(clip, start, end, step), new_folder())


class _Plate(_Reconstruct):
    @classmethod
    def capture_annotations(cls, operation: Operation) -> dict[str, Any]:
        """Which picture, and what is known of it."""
        return properties.plate_annotations(options={"SKIP_SAVE"})

    def describe_inputs(self, panel: Any) -> tuple[dict[str, dict[str, str]], str]:
        """The picture goes with its camera; a depth image of the artist's own beside them."""
        names = ("frames", "tracks", "depth")
        return {item.name: {"capture": item.name} for item in self.operation.inputs if item.name in names}, "frames"

    def prepare(self, context: bpy.types.Context, selected: list[bpy.types.Object], wanted: str) -> Any:
        """One picture with its camera."""
        from .plate import PlateCapture, PlateSettings

        image, depth = (self._image(name) for name in ("image", "depth"))
        shown = plate_shown(context)
        image = image or (shown.name if shown is not None else "")
        use_tracks = bool(controls.chosen("use_tracks", self, context.scene.backlot_reconstruct))
        fov = controls.parameter_values(self.operation, *controls.sources(self.operation, context.scene, self)).get("fov")
        settings = PlateSettings(image, depth, use_tracks, float(fov) if isinstance(fov, (int, float)) else 0.0)
        return PlateCapture(context.scene, settings, new_folder())

    def _image(self, name: str) -> str:
        """The name of the image that a call gives by name or path; ``""`` for none."""
        from ..images import pictures

        given = getattr(self, name)
        if not given:
            chosen = getattr(controls.panel(self.operation, bpy.context.scene), controls.INPUT + name) if name == "depth" else None
            return chosen.name if chosen is not None else ""
        if not isinstance(pictures.find(given, name), bpy.types.Image):
            return bpy.data.images.load(bpy.path.abspath(given), check_existing=True).name
        return str(given)


class _Texture(_Reconstruct):
    @classmethod
    def capture_annotations(cls, operation: Operation) -> dict[str, Any]:
        """Which object."""
        text = "Name of a reconstructed object; empty for the active one"
        return {"object": StringProperty(name="Object", description=text, options={"SKIP_SAVE"})}

    def prepare(self, context: bpy.types.Context, selected: list[bpy.types.Object], wanted: str) -> Any:
        """An unwrapped mesh, and the frames that it was made of."""
        from .facts import note_of
        from .unwrap import UnwrapCapture

        wanted_name = self.object  # type: ignore[attr-defined]
        item = context.scene.objects.get(wanted_name) if wanted_name else context.active_object
        frames = (note_of(item).get("inputs") or {}).get("frames", {}).get("frames")
        if item is None or not frames:
            got = item.name if item is not None else "none"
            raise InputError(expected="a reconstructed object", got=got, fix="Make an object of the collection Backlot the active one")
        return UnwrapCapture(item, frames, new_folder())


def clip_shown(context: bpy.types.Context) -> bpy.types.MovieClip | None:
    """The clip of the Clip Editor, or the one that the panel chose."""
    return getattr(context.space_data, "clip", None) or context.scene.backlot_reconstruct.clip


def plate_shown(context: bpy.types.Context) -> bpy.types.Image | None:
    """The picture of the panel, or the one that the Image Editor shows."""
    chosen = controls.panel(OPERATIONS[PLATE], context.scene).input_image
    return chosen or getattr(context.space_data, "image", None)


def operation_classes() -> list[type]:
    """The operators that send jobs, of the operations that this version has."""
    bases = {DEPTH: _Reconstruct, FOOTAGE: _Footage, PLATE: _Plate, TEXTURE: _Texture}
    return [operator_class(OPERATIONS[name], base) for name, base in bases.items() if name in OPERATIONS]


# -- around a result -------------------------------------------------------------------------------------------------


class _AlignOperator(EditsScene):
    def matrix(self, context: bpy.types.Context) -> Any:
        """How everything moves, in world space."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Moves the mesh and its camera."""
        from . import align

        try:
            by = self.matrix(context)
            roots = align.group(context.scene, context.active_object)
        except BacklotError as error:
            self.report({"ERROR"}, str(error))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        if context.mode != "OBJECT":  # undo of Edit Mode knows the mesh only, not where its object is
            bpy.ops.object.mode_set(mode="OBJECT")
        align.move(context.scene, roots, by)
        self.report({"INFO"}, f"Moved {', '.join(item.name for item in roots)}")  # type: ignore[attr-defined]
        return {"FINISHED"}


class BACKLOT_OT_set_scale(_AlignOperator, bpy.types.Operator):  # noqa: N801
    """Make two selected points (vertices, or empties) as far apart as they truly are; camera and mesh stay together"""  # noqa: D415

    bl_idname = "backlot.set_scale"
    bl_label = "Set Scale"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    distance: FloatProperty(name="Distance", min=1e-6, default=1.0, unit="LENGTH", options={"SKIP_SAVE"})  # type: ignore[valid-type]

    def matrix(self, context: bpy.types.Context) -> Any:
        """A scale around the world's origin."""
        from . import align

        distance = controls.chosen("distance", self, context.scene.backlot_reconstruct)
        return align.scaled(align.points(context), distance)


class BACKLOT_OT_set_floor(_AlignOperator, bpy.types.Operator):  # noqa: N801
    """Make the plane of three selected vertices or of a face the floor; camera and mesh stay together"""  # noqa: D415

    bl_idname = "backlot.set_floor"
    bl_label = "Set Floor"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def matrix(self, context: bpy.types.Context) -> Any:
        """A turn, and a shift along z."""
        from . import align

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
        import mathutils

        from . import align

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
        from .surface import switch

        item = context.active_object
        if item is None or switch(item.active_material) is None:
            cls.poll_message_set("The active object has no material of a reconstruction")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Switches."""
        from .surface import switch

        socket = switch(context.active_object.active_material)
        socket.default_value = 0.0 if socket.default_value > 0.5 else 1.0
        return {"FINISHED"}


CLASSES = (BACKLOT_OT_set_scale, BACKLOT_OT_set_floor, BACKLOT_OT_set_origin, BACKLOT_OT_projected_plate)

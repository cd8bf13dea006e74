"""The operators that reconstruct, and the buttons of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import StringProperty

from ...shared.errors import InputError
from ...shared.operations import OPERATIONS, Operation
from ..capture.folders import new_folder
from ..ui import controls
from ..ui.operation_operators import OperationOperator
from . import properties
from .facts import note_of
from .names import DEPTH, FOOTAGE, PLATE, TEXTURE

if TYPE_CHECKING:
    from ..capture.folders import Steps

# Functions import footage.py, plate.py, unwrap.py and images/pictures.py when they are called: those import numpy.
MOST_FACES = 100_000
"""Triangles of a mesh for Smart UV, where the artist set no number: unwrapping them takes half a second."""


class ReconstructOperator(OperationOperator):
    """Common to all: the request notes what the mesh belongs to, whether it is shown early, and what follows it."""

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
        if self.operation.name == DEPTH and capture.settings.mode != "orbit":
            _note_earlier_results(context.scene, capture)
        return capture

    def prepare(self, context: bpy.types.Context, selected: list[bpy.types.Object], wanted: str) -> Any:
        """The capture itself."""
        return super().make_capture(context, selected, wanted, {})

    def job_label(self, request: dict[str, Any]) -> str:
        """The operation and what it is made of."""
        origin = request.get("origin") or {}
        subject = origin.get("clip") or origin.get("image") or (origin.get("target") or {}).get("name") or ""
        return f"{self.operation.label} {subject}".strip()[:60]


def _note_earlier_results(scene: bpy.types.Scene, capture: Any) -> None:
    """Says which earlier results are rendered: they would become part of the new one."""
    for item in scene.objects:
        made_by = str(note_of(item).get("operation", ""))
        if made_by.startswith("reconstruct.") and item.visible_get() and not item.hide_render:
            capture.notes.add(
                "An earlier result is in the pictures and becomes part of this one; hide it in renders to leave it out", item.name
            )


class FootageOperator(ReconstructOperator):
    """Sends a solved clip."""

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


class PlateOperator(ReconstructOperator):
    """Sends one picture with its camera."""

    @classmethod
    def capture_annotations(cls, operation: Operation) -> dict[str, Any]:
        """Which picture, and what is known of it."""
        return properties.plate_annotations(options={"SKIP_SAVE"})

    def describe_inputs(self, panel: Any) -> tuple[dict[str, dict[str, str]], str]:
        """The picture with its camera, and a depth image of the artist's own."""
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


class TextureOperator(ReconstructOperator):
    """Sends an unwrapped mesh with the frames that it was made of."""

    @classmethod
    def capture_annotations(cls, operation: Operation) -> dict[str, Any]:
        """Which object."""
        text = "Name of a reconstructed object; empty for the active one"
        return {"object": StringProperty(name="Object", description=text, options={"SKIP_SAVE"})}

    def prepare(self, context: bpy.types.Context, selected: list[bpy.types.Object], wanted: str) -> Any:
        """An unwrapped mesh, and the frames that it was made of."""
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

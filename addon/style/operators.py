"""The operators that send style jobs: a shot in the manner of a picture, a shot from painted frames, pictures with several styles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...shared.errors import InputError
from ...shared.operations import Operation
from ..capture import cameras
from ..capture.folders import new_folder
from ..jobs import records
from ..ui import controls
from ..ui.operation_operators import OperationOperator
from . import files, properties, strength
from .shot import ShotCapture

if TYPE_CHECKING:
    from ..capture.folders import Steps

# Functions import capture/run.py, shared/object_names.py and keyframes.py when they are called: those import numpy.
_KEEP: dict[str, Any] = {"options": {"SKIP_SAVE"}}


def shot_values(operator: Any, scene: bpy.types.Scene) -> dict[str, Any]:
    """Which frames a call and the panel ask for; a range, a size or a folder of a call counts without its checkbox."""
    value = {name: controls.chosen(name, operator, scene.backlot_style) for name in properties.shot_annotations()}
    given = operator.properties.is_property_set
    if given("shot_start") or given("shot_end"):
        value["shot_own_range"] = True
    if given("shot_size"):
        value["shot_own_size"] = True
    if given("shot_folder") and not given("shot_source"):
        value["shot_source"] = "CAPTURED"
    return value


class PictureOperator(OperationOperator):
    """Images: several styles as in the panel's list, with their weights; passes of the frame where that is rendered."""

    def describe_inputs(self, panel: Any) -> tuple[dict[str, dict[str, str]], str]:
        """Where each input is; an input of several images is the panel's list."""
        described, wanted = super().describe_inputs(panel)
        for item in self.operation.inputs:
            if item.kind != "images":
                continue
            rows = [row for row in bpy.context.scene.backlot_style.styles if row.image is not None]
            if rows:
                described[item.name] = {"images": json.dumps([row.image.name for row in rows])}
                self._weigh(panel, [row.weight for row in rows], first="style" in described)
            elif item.required:
                raise InputError(expected=f"images as {item.label}: {item.help}", got="none", fix="Add one in the panel")
        if wanted == "color" and self._has_passes():
            described["passes"] = {"capture": "passes"}
        return described, wanted

    def _weigh(self, panel: Any, weights: list[float], first: bool) -> None:
        """Gives the list's weights, after 1 for the style that is not in it, unless the artist gave some."""
        if hasattr(panel, "weights") and not panel.weights and not self.properties.is_property_set("weights"):  # type: ignore[attr-defined]
            self.weights = " ".join(f"{weight:.4g}" for weight in ([1.0] if first else []) + weights)

    def _has_passes(self) -> bool:
        return any(item.name == "passes" for item in self.operation.inputs)

    def _capture_settings(self, scene: bpy.types.Scene, selected: list[bpy.types.Object], wanted: str) -> Any:
        from ..capture.settings import CaptureSettings

        return CaptureSettings(mode="frame", geometry=self._has_passes() and cameras.has_pinhole(scene.camera))  # else colour alone


class ShotOperator(PictureOperator):
    """What is common to shots: frames with passes, a strength that may have keys, files as results."""

    @classmethod
    def capture_annotations(cls, operation: Operation) -> dict[str, Any]:
        """Which frames."""
        return properties.shot_annotations(**_KEEP)

    def make_capture(self, context: bpy.types.Context, selected: list[bpy.types.Object], wanted: str, request: dict[str, Any]) -> Steps:
        """The frames; the request then has the strength of each."""
        capture = ShotCapture(context, shot_values(self, context.scene), new_folder())
        parameters = request["parameters"]
        schema = self.operation.parameter("strength")
        if not self.properties.is_property_set("strength") and parameters["strength"] == schema.default:  # type: ignore[attr-defined]
            parameters["strength"] = strength.text(context.scene, capture.numbers, int(schema.maximum))
        self.prepare(context.scene, capture, request)
        return capture

    def prepare(self, scene: bpy.types.Scene, capture: Any, request: dict[str, Any]) -> None:
        """What else the job takes along."""

    def captured(self, context: bpy.types.Context, capture: Any) -> str:
        """The frames are there: names of objects become ids, and the results get a folder."""
        from ...shared.object_names import with_ids

        found = records.find(self._job_id)
        if found is not None:
            request = json.loads(found[1].request)
            request["parameters"] = with_ids(request["parameters"], capture.objects())
            request["folder"] = str(files.new_folder(found[1].label))
            found[1].request = json.dumps(request)
        return super().captured(context, capture)

    def job_label(self, request: dict[str, Any]) -> str:
        """The operation and the style image."""
        where = request["inputs"].get("style") or {}
        subject = where.get("image") or Path(where.get("path", "")).stem or bpy.context.scene.name
        return f"{self.operation.label} {subject}"[:60]


class KeyframesOperator(ShotOperator):
    """A shot from painted frames: the paintings are sent too, and a model that was trained before."""

    @classmethod
    def capture_annotations(cls, operation: Operation) -> dict[str, Any]:
        """Which frames, and which model."""
        only = bpy.props.BoolProperty(name="Only Render", description="Train nothing: render from the kept model", **_KEEP)
        return {**super().capture_annotations(operation), **properties.keyframe_annotations(**_KEEP), "only_render": only}

    def describe_inputs(self, panel: Any) -> tuple[dict[str, dict[str, str]], str]:
        """Paintings and model are sent with the frames."""
        return {name: {"capture": name} for name in ("frames", "keyframes", "model")}, "frames"

    def prepare(self, scene: bpy.types.Scene, capture: Any, request: dict[str, Any]) -> None:
        """Writes the paintings as they are now, and finds the model.

        Raises:
            InputError: See ``keyframes.write``; or the model is not there.
        """
        from . import keyframes

        group = scene.backlot_style
        only_render = bool(self.only_render)  # type: ignore[attr-defined]
        if only_render:
            request["parameters"].update(minutes=0.0, steps=0)
        if only_render or controls.chosen("go_on", self, group):
            given = str(controls.chosen("model", self, group))
            path = Path(bpy.path.abspath(given))
            if not given or not path.is_file():
                got = f"nothing at {path}" if given else "none"
                raise InputError(expected="a model that was trained", got=got, fix="Train one first, or untick Go On Training")
            capture.others["model"] = {"path": str(path)}
        if not only_render:
            folder = new_folder()
            keyframes.write(scene, capture, folder)
            capture.others["keyframes"] = {"files": str(folder)}

    def job_label(self, request: dict[str, Any]) -> str:
        """The operation and the shot."""
        return f"{self.operation.label} {bpy.context.scene.name}"[:60]

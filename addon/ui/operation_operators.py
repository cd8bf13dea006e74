"""One operator for each operation, made from its schema: ``bpy.ops.backlot.texture(size=(512, 512), tile="both", seed=1)``.

Whatever a call leaves out is taken from the panel's settings in the scene.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import StringProperty

from ...shared.errors import BacklotError, InputError, JobCancelled
from ...shared.operations import OPERATIONS, Operation
from ..jobs import queue, records
from ..jobs.inputs import label_of
from . import capture_controls, controls
from .capturing import CapturingOperator, start_capture
from .editable import EditsScene

if TYPE_CHECKING:
    from ..capture.folders import Steps

# Functions import shared/wire.py, shared/model_folders.py, capture/run.py and images/pictures.py when they are called: those import numpy
# or zmq, which registering does not.

CAPTURED = ("frames", "tracks", "mesh")
"""Kinds of inputs that no panel asks for: they come from the scene or from a clip."""


class OperationOperator(EditsScene, CapturingOperator):
    """What the operators of all operations do."""

    operation = OPERATIONS["system.echo"]  # replaced in every subclass

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Checks, captures what is to be captured, sends."""
        try:
            return self._start(context)
        except JobCancelled:
            return {"CANCELLED"}
        except (BacklotError, OSError, RuntimeError) as error:
            self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())  # type: ignore[attr-defined]
            return {"CANCELLED"}

    def captured(self, context: bpy.types.Context, capture: Steps) -> str:
        """The frames are there: completes the request and sends it."""
        found = records.find(self._job_id)
        if found is None:
            raise InputError(message="The job is no longer in this file", fix="Start it again")
        scene, record = found
        request = json.loads(record.request)
        for name, where in request["inputs"].items():
            if "capture" in where:
                request["inputs"][name] = capture.described(where["capture"])
        request["inputs"] = {name: where for name, where in request["inputs"].items() if where}
        request["notes"] = capture.notes.sentences()
        error = getattr(capture, "camera_error", None)
        if error is not None:
            request["camera_error"] = error
        record.request = json.dumps(request)
        return queue.send(scene, record)

    def _start(self, context: bpy.types.Context) -> set[str]:
        from ...shared.wire import new_id

        scene, operation = context.scene, self.operation
        panel = controls.panel(operation, scene)
        selected = list(context.selected_objects) if context.mode == "OBJECT" or context.selected_objects else [context.object]
        selected = [item for item in selected if item is not None]
        described, wanted = self.describe_inputs(panel)
        parameters = operation.check_parameters(controls.parameter_values(operation, *controls.sources(operation, scene, self)))
        _allow_folders(operation, parameters)
        request: dict[str, Any] = {
            "parameters": parameters,
            "seed": self.chosen_seed(scene),
            "inputs": described,
            "targets": records.receivers(selected),
        }
        capture = self.make_capture(context, selected, wanted, request) if wanted else None
        label = self.job_label(request) if capture else label_of(operation.name, described, parameters)
        record = records.add(scene, new_id(), operation.name, label, "capturing" if capture else "waiting", request)
        if capture is not None:
            return self.run_capture(context, capture, record.name)
        self.report({"INFO"}, queue.send(scene, record))  # type: ignore[attr-defined]
        return {"FINISHED"}

    def make_capture(self, context: bpy.types.Context, selected: list[bpy.types.Object], wanted: str, request: dict[str, Any]) -> Steps:
        """The capture that ``wanted`` (``color`` or ``frames``) asks for; it may note more in the request.

        Raises:
            InputError: It cannot be captured.
        """
        return start_capture(context, self._capture_settings(context.scene, selected, wanted))

    def job_label(self, request: dict[str, Any]) -> str:
        """A job's name in the list, where its inputs are captured."""
        return self.operation.label

    @classmethod
    def capture_annotations(cls, operation: Operation) -> dict[str, Any]:
        """Properties of the operator that say what is captured."""
        if any(item.kind == "frames" for item in operation.inputs):
            return capture_controls.property_annotations(options={"SKIP_SAVE"})
        return {}

    def chosen_seed(self, scene: bpy.types.Scene) -> int:
        """The seed of the job."""
        return int(controls.chosen("seed", self, controls.panel(self.operation, scene)))

    def describe_inputs(self, panel: Any) -> tuple[dict[str, dict[str, str]], str]:
        """Where each input is, and what must be captured for it (``color``, ``frames`` or nothing)."""
        from ..images import pictures

        described: dict[str, dict[str, str]] = {}
        wanted = ""
        for item in self.operation.inputs:
            if item.kind in CAPTURED:
                described[item.name], wanted = {"capture": item.kind}, "frames"
                continue
            if item.kind not in controls.IMAGE_KINDS:
                if item.required:
                    raise InputError(expected=item.help, got="nothing", fix="Run it from the command line or a job file")
                continue
            own = getattr(self, item.name)
            from_camera = item.scene and controls.chosen(controls.FROM_CAMERA + item.name, self, panel)
            chosen = getattr(panel, controls.INPUT + item.name)
            if from_camera and not own:
                described[item.name], wanted = {"capture": "color"}, "color"
            elif own:
                found = pictures.find(own, item.help)
                described[item.name] = {"image": found.name} if isinstance(found, bpy.types.Image) else {"path": bpy.path.abspath(own)}
            elif chosen is not None:
                described[item.name] = {"image": chosen.name}
            elif item.required:
                raise InputError(expected=f"an image as {item.label}: {item.help}", got="none", fix="Choose one in the panel")
        return described, wanted

    def _capture_settings(self, scene: bpy.types.Scene, selected: list[bpy.types.Object], wanted: str) -> Any:
        if wanted == "frames":
            return capture_controls.read(scene, selected, self, {parameter.name for parameter in self.operation.parameters})
        from ..capture.settings import CaptureSettings

        return CaptureSettings(mode="frame", geometry=False)


def _allow_folders(operation: Operation, parameters: dict[str, Any]) -> None:
    """Lets this user's backend read the folders that the artist picked; a bare name is one of its own ``models`` folder.

    Raises:
        InputError: There is no such folder.
    """
    for parameter in operation.parameters:
        given = str(parameters.get(parameter.name) or "")
        if parameter.unit == "folder" and ("/" in given or "\\" in given):
            from ...shared.model_folders import allow_folder

            parameters[parameter.name] = str(allow_folder(bpy.path.abspath(given)))


def operator_class(operation: Operation, base: type[OperationOperator] = OperationOperator) -> type[bpy.types.Operator]:
    """The operator of an operation: its name is the operation's label, ``backlot.texture``."""
    name = controls.operator_name(operation)
    annotations = {**base.capture_annotations(operation), **controls.operator_annotations(operation)}  # a parameter's name wins
    body = {
        "bl_idname": name,
        "bl_label": operation.label,
        "bl_description": operation.summary,
        "bl_options": {"REGISTER"},
        "operation": operation,
        "__annotations__": annotations,
        "__doc__": operation.summary,
    }
    return type(f"BACKLOT_OT_{name.removeprefix('backlot.')}", (base, bpy.types.Operator), body)


class BACKLOT_OT_new_seed(bpy.types.Operator):  # noqa: N801
    """Choose a random seed"""  # noqa: D415

    bl_idname = "backlot.new_seed"
    bl_label = "New Seed"
    bl_options = {"INTERNAL", "UNDO"}  # noqa: RUF012
    group: StringProperty(options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Chooses one."""
        settings = getattr(context.scene, self.group, None)
        if settings is None or not hasattr(settings, "seed"):
            self.report({"ERROR"}, f"There are no settings named {self.group!r}.")
            return {"CANCELLED"}
        settings.seed = random.randrange(controls.MAX_SEED)
        return {"FINISHED"}

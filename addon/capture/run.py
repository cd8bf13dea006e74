"""One capture: frame by frame, so that a window can show progress and cancel in between."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import mathutils
import numpy as np

from ...shared.errors import InputError
from ...shared.frames import read_transforms, write_transforms
from ...shared.notes import Notes
from ...shared.values import Camera, EncodedFile, SceneFrame
from ..images.temporary_scene import set_output, temporary_scene
from ..scene import evaluated
from . import cameras, proof, scene_copy
from .settings import CaptureSettings

GEOMETRY_CHANNELS = ("depth", "normal", "motion", "object_id")
ORBIT_ANGLE = math.radians(40)
"""Field of view of orbit cameras, longer side: little perspective, and still close enough for small rooms."""


class Capture:
    """Renders frames into a folder.

    Holds names only: undo, or another file being loaded, may free what was there between two steps.

    Args:
        scene: The scene to capture.
        view_layer: The view layer of it that is rendered.
        settings: What to capture.
        folder: Where the files go; it is created.

    Attributes:
        frames: What is captured so far.
        object_ids: Number of each object in the pass of object ids, by name.
        camera_error: The largest distance of points from where the renderer has them, of the frames in which it was measured; scene
            units. None before the first.
        notes: What the person should know of the capture.

    Raises:
        InputError: No camera, nothing selected, a camera that is no pinhole or sees nothing.
    """

    def __init__(self, scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, settings: CaptureSettings, folder: Path) -> None:
        settings.check()
        self.settings, self.folder = settings, folder
        self.frames: list[dict[str, Any]] = []
        self.object_ids: dict[str, int] = {}
        self.camera_error: float | None = None
        self.notes = Notes()
        self._camera = ""
        self._scene, self._view_layer = scene.name, view_layer.name
        self._poses: list[mathutils.Matrix] = []
        self._radius = 1.0
        view_layer.update()  # pending edits count: what is captured is what is seen
        self._depsgraph_checks(scene, view_layer)
        self.total = len(self._poses) or len(self._numbers())

    def steps(self) -> Iterator[int]:
        """Renders one frame at a time and gives how many are done; ``transforms.json`` is written after the last.

        Raises:
            InputError: The scene or its camera went away meanwhile.
            OSError: The folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for index in range(self.total):
            scene = bpy.data.scenes.get(self._scene)
            if scene is None:
                raise InputError(message=f"The scene {self._scene!r} is gone", fix="Capture again")
            if self._view_layer not in scene.view_layers:
                raise InputError(message=f"The view layer {self._view_layer!r} is gone", fix="Capture again")
            if self._poses:
                self._orbit_frame(scene, index)
            else:
                self._camera_frame(scene, self._numbers()[index])
            yield index + 1
        self._write_transforms()

    def scene_frames(self) -> list[SceneFrame]:
        """The captured frames as an operation takes them; channels are files."""
        return read_transforms(self.folder)

    def described(self, kind: str) -> dict[str, str]:
        """Where an input of that kind is, for the record of a job: colour or passes of the first frame, or all frames."""
        if kind == "passes":
            return {"path": str(self.folder / str(self.frames[0]["geometry"]))} if "geometry" in self.frames[0] else {}
        if kind == "color":
            return {"path": str(self.folder / str(self.frames[0]["color"])), "color_space": "linear"}
        return {"frames": str(self.folder)} if kind == "frames" else {}

    def color_file(self) -> EncodedFile:
        """The colour of the first frame, OpenEXR, scene-linear."""
        return EncodedFile.read(self.folder / self.frames[0]["color"], "linear")

    # -- one frame ---------------------------------------------------------------------------------------------------

    def _camera_frame(self, scene: bpy.types.Scene, number: int) -> None:
        frame: dict[str, Any] = {"number": number}
        if self.settings.color:
            with scene_copy.scene_copy(scene, self._view_layer) as copy:
                self._aim(copy, frame)
                scene_copy.set_color(copy, self.settings.samples)
                frame["color"] = self._render(copy, f"color_{number:04d}", layers=False)
        if self.settings.geometry:
            with scene_copy.scene_copy(scene, self._view_layer) as copy:
                self._aim(copy, frame)
                scene_copy.sharp_camera(copy)
                frame["geometry"] = self._geometry(copy, f"geometry_{number:04d}", frame)
        self.frames.append(frame)

    def _orbit_frame(self, scene: bpy.types.Scene, index: int) -> None:
        number = index + 1
        subjects = self._subjects(scene) if self.settings.only_objects else []
        frame: dict[str, Any] = {"number": number}
        for layers in [False] * self.settings.color + [True] * self.settings.geometry:
            with scene_copy.scene_copy(scene, self._view_layer) as copy:
                size = scene_copy.set_size(copy, self.settings.resolution)
                copy.render.pixel_aspect_x = copy.render.pixel_aspect_y = 1.0
                if subjects:
                    scene_copy.isolate(copy, subjects, lights=not layers)
                camera = scene_copy.posed_camera(copy, ORBIT_ANGLE)
                scene_copy.place(camera, self._poses[index], self._radius)
                frame["camera"] = _camera_value(cameras.intrinsics(camera.data, *size, (1.0, 1.0)), self._poses[index])
                if layers:
                    frame["geometry"] = self._geometry(copy, f"geometry_{number:04d}", frame)
                else:
                    scene_copy.set_color(copy, self.settings.samples)
                    frame["color"] = self._render(copy, f"color_{number:04d}", layers=False)
        self.frames.append(frame)

    def _aim(self, copy: bpy.types.Scene, frame: dict[str, Any]) -> None:
        """Sets size and frame of the copy, and notes intrinsics and pose of its camera.

        A range changes cameras at the scene's markers, as a render does. A single frame is seen by the camera that the scene has now.
        """
        scene = bpy.data.scenes[self._scene]
        still = self.settings.mode == "frame"
        size = scene_copy.set_size(copy, self.settings.resolution)
        # The renderer evaluates the animation at this frame; the pose is taken from the same evaluation.
        copy.frame_set(frame["number"], subframe=scene.frame_subframe if still else 0.0)
        if still:
            copy.camera = scene.camera
        if copy.camera is None:
            raise _no_camera(copy)
        frame["object"] = copy.camera.name_full
        copy.timeline_markers.clear()  # the camera of this frame stays
        if self.settings.geometry:
            copy.view_layers[0].update()
            camera = copy.camera.evaluated_get(copy.view_layers[0].depsgraph)
            frame["camera"] = _camera_value(_pinhole(copy, camera.data, size), cameras.pose(camera))

    def _geometry(self, copy: bpy.types.Scene, stem: str, frame: dict[str, Any]) -> str:
        place = len(self.frames)
        proved = place % proof.EVERY == 0 or place == self.total - 1 or frame.get("object") != self._camera
        scene_copy.set_geometry(copy, position=proved)
        with scene_copy.object_ids(copy) as ids:
            self.object_ids = {name: value for name, value in ids.items() if not name.startswith(scene_copy.ORBIT)}
            name = self._render(copy, stem, layers=True)
        self._camera = frame.get("object", "")
        found = proof.distance(self.folder / name, frame["camera"]) if proved else None
        if found is not None:
            self.camera_error = max(found, self.camera_error or 0.0)
        return name

    def _render(self, copy: bpy.types.Scene, stem: str, layers: bool) -> str:
        path = self.folder / f"{stem}.exr"
        path.unlink(missing_ok=True)
        set_output(copy, str(path), layers)
        # A scene that is rendered by name is rendered at the frame of the context's scene, which is evaluated again afterwards: values of
        # the artist's that have no key yet would be lost, and the camera would change to that of a marker. So that one is an empty one.
        with temporary_scene("Backlot Frame") as stage:
            stage.frame_set(copy.frame_current, subframe=copy.frame_subframe)
            with bpy.context.temp_override(scene=stage, view_layer=stage.view_layers[0]):
                bpy.ops.render.render("EXEC_DEFAULT", write_still=True, scene=copy.name, layer=copy.view_layers[0].name)
        if not path.exists():
            raise InputError(message=f"The render wrote no file {path.name}", fix="Render the frame with F12 to see why")
        return path.name

    # -- preparations ------------------------------------------------------------------------------------------------

    def _numbers(self) -> list[int]:
        if self.settings.mode == "frame":
            return [bpy.data.scenes[self._scene].frame_current]
        return list(range(self.settings.start, self.settings.end + 1, self.settings.step))

    def _subjects(self, scene: bpy.types.Scene) -> list[bpy.types.Object]:
        missing = [name for name in self.settings.objects if name not in scene.objects]
        if missing:
            raise InputError(expected="objects of this scene", got=", ".join(missing), fix="Select the objects to capture")
        return [scene.objects[name] for name in self.settings.objects]

    def _depsgraph_checks(self, scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> None:
        depsgraph = view_layer.depsgraph
        if self.settings.mode == "orbit":
            subjects = self._subjects(scene)
            if not subjects:
                raise InputError(expected="selected objects to look at", got="no selection", fix="Select the objects to capture")
            self._check_rendered(subjects)
            centre, self._radius = cameras.bounds(subjects, depsgraph)
            width, height = self.settings.resolution or (scene.render.resolution_x, scene.render.resolution_y)
            narrow = 2 * math.atan(math.tan(ORBIT_ANGLE / 2) * min(width, height) / max(width, height))
            self._poses = cameras.orbit(centre, self._radius, self.settings.count, self.settings.elevation, narrow)
            return
        used = self._cameras(scene)
        size = self.settings.resolution or (scene.render.resolution_x, scene.render.resolution_y)
        if not self.settings.geometry:
            return  # colour alone may come from any camera
        for item in used:
            if item.type != "CAMERA":  # Blender renders from any object
                got = f"{item.name!r}, which is of the type {item.type.replace('_', ' ').lower()}"
                raise InputError(expected="a camera as the scene's camera", got=got, fix="Choose a camera in Scene Properties > Camera")
            camera = item.evaluated_get(depsgraph)
            pinhole, seen_from = _pinhole(scene, camera.data, size), cameras.pose(camera)
        visible = [item for item in scene.objects if not item.hide_render]
        if self.settings.mode != "range" and not cameras.sees_anything(pinhole, seen_from, visible, depsgraph):
            raise InputError(expected="something in front of the camera", got=f"{used[0].name!r} sees nothing", fix="Turn the camera")

    def _cameras(self, scene: bpy.types.Scene) -> list[bpy.types.Object]:
        """The cameras that the frames are seen by: the scene's, or in a range those of its markers."""
        bound = sorted((marker for marker in scene.timeline_markers if marker.camera is not None), key=lambda marker: marker.frame)
        if self.settings.mode == "range" and bound:
            start, end = self.settings.start, self.settings.end
            first = [marker for marker in bound if marker.frame <= start][-1:] or bound[:1]
            return [marker.camera for marker in (*first, *(marker for marker in bound if start < marker.frame <= end))]
        if scene.camera is None:
            raise _no_camera(scene)
        return [scene.camera]

    def _check_rendered(self, subjects: list[bpy.types.Object]) -> None:
        """Objects that are hidden in renders would be missing from the pictures."""
        hidden = [item.name for item in subjects if item.hide_render and item.type in (*evaluated.RENDERED, "EMPTY")]
        if hidden and len(hidden) == len(subjects):
            raise InputError(
                expected="objects that are rendered", got=f"{', '.join(hidden)} hidden in renders", fix="Enable them in renders"
            )
        for name in hidden:
            self.notes.add("It is hidden in renders, so the pictures do not show it", name)

    def _write_transforms(self) -> None:
        metas = []
        for frame in self.frames:
            files = {"color": frame["color"]} if "color" in frame else {}
            if "geometry" in frame:
                files.update(dict.fromkeys(GEOMETRY_CHANNELS, frame["geometry"]))
            if "camera" in frame:
                metas.append({"camera": frame["camera"], "files": files, "number": frame["number"]})
        if metas:
            (self.folder / "objects.json").write_text(json.dumps(self.object_ids, indent=1) + "\n", encoding="utf-8")
            write_transforms(self.folder, metas)


def _pinhole(scene: bpy.types.Scene, camera: bpy.types.Camera, size: tuple[int, int]) -> dict[str, float]:
    return cameras.intrinsics(camera, *size, (scene.render.pixel_aspect_x, scene.render.pixel_aspect_y))


def _no_camera(scene: bpy.types.Scene) -> InputError:
    return InputError(expected="a camera", got=f"none in the scene {scene.name!r}", fix="Add a camera, or capture around the selection")


def _camera_value(pinhole: dict[str, float], pose: mathutils.Matrix) -> Camera:
    size = int(pinhole["w"]), int(pinhole["h"])
    return Camera(*size, pinhole["fl_x"], pinhole["fl_y"], pinhole["cx"], pinhole["cy"], np.array(pose, np.float64))

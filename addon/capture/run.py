"""One capture: frame by frame, so that a window can show progress and cancel in between."""

from __future__ import annotations

import dataclasses
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
from ...shared.values import Camera, EncodedFile, SceneFrame
from ..images.temporary_scene import set_output
from . import cameras, scene_copy

MODES = ("frame", "range", "orbit")
GEOMETRY_CHANNELS = ("depth", "normal", "motion", "object_id")
ORBIT_ANGLE = math.radians(40)
"""Field of view of orbit cameras, longer side: little perspective, and still close enough for small rooms."""


@dataclasses.dataclass
class CaptureSettings:
    """What to capture.

    Attributes:
        mode: ``frame`` (as the scene stands), ``range`` (animation through the scene camera) or ``orbit``.
        start: First frame of a range.
        end: Last frame of a range.
        step: Frames from one to the next.
        count: Number of orbit cameras.
        elevation: Degrees above and below the horizon for orbit cameras.
        resolution: ``(width, height)`` in pixels, None for the scene's own.
        samples: Of the colour render, 0 for the scene's own.
        objects: Names of the objects that orbit cameras look at.
        only_objects: Leave all other objects out of an orbit's pictures, except lights.
        color: Whether to render colour.
        geometry: Whether to render depth, normal, motion and object id.
    """

    mode: str = "frame"
    start: int = 1
    end: int = 1
    step: int = 1
    count: int = 24
    elevation: float = 35.0
    resolution: tuple[int, int] | None = None
    samples: int = 0
    objects: tuple[str, ...] = ()
    only_objects: bool = True
    color: bool = True
    geometry: bool = True

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CaptureSettings:
        """From the ``capture`` object of a job file. ``InputError`` for anything unknown or out of range."""
        data = dict(data)
        wanted = data.pop("pass", "")
        known = {field.name for field in dataclasses.fields(cls)}
        for name in data:
            if name not in known:
                raise InputError(message=f"A capture has no entry {name!r}", fix=f"Known entries: {', '.join(sorted(known))}")
        try:
            resolution = data.get("resolution")
            settings = cls(**{**data, "resolution": tuple(int(v) for v in resolution) if resolution else None})
            settings.objects = tuple(str(name) for name in settings.objects)
            for name in ("start", "end", "step", "count", "samples"):
                setattr(settings, name, int(getattr(settings, name)))
        except (TypeError, ValueError) as error:
            raise InputError(expected="a capture of numbers and names", got=json.dumps(data)[:200]) from error
        if wanted == "color":
            settings.geometry = False
        settings.check()
        return settings

    def check(self) -> None:
        """Raises ``InputError`` for what cannot be captured."""
        if self.mode not in MODES:
            raise InputError(expected=f"a capture mode out of {', '.join(MODES)}", got=repr(self.mode))
        if self.mode == "range" and (self.step < 1 or self.end < self.start):
            raise InputError(expected="a frame range that goes forward", got=f"{self.start} to {self.end} in steps of {self.step}")
        if self.mode == "orbit" and not 1 <= self.count <= 1000:
            raise InputError(expected="1 to 1000 orbit cameras", got=str(self.count))
        if self.resolution and (len(self.resolution) != 2 or not all(4 <= side <= 65536 for side in self.resolution)):
            raise InputError(expected="a resolution of two numbers from 4 to 65536", got=str(self.resolution))


class Capture:
    """Renders frames into a folder.

    Holds names only: undo, or another file being loaded, may free what was there between two steps.

    Args:
        scene: The scene to capture.
        view_layer: The view layer of it that is rendered.
        settings: What to capture.
        folder: Where the files go; it is created.

    Raises:
        InputError: No camera, nothing selected, a camera that is no pinhole or sees nothing.
    """

    def __init__(self, scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, settings: CaptureSettings, folder: Path) -> None:
        settings.check()
        self.settings, self.folder = settings, folder
        self.frames: list[dict[str, Any]] = []
        self.object_ids: dict[str, int] = {}
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
        still = self.settings.mode == "frame"
        frame: dict[str, Any] = {"number": number}
        if self.settings.color:
            with scene_copy.scene_copy(scene, self._view_layer) as copy:
                self._aim(copy, frame, None if still else number)
                scene_copy.set_color(copy, self.settings.samples)
                frame["color"] = self._render(copy, f"color_{number:04d}", layers=False, number=None if still else number)
        if self.settings.geometry:
            with scene_copy.scene_copy(scene, self._view_layer) as copy:
                self._aim(copy, frame, None if still else number)
                scene_copy.sharp_camera(copy)
                frame["geometry"] = self._geometry(copy, f"geometry_{number:04d}", None if still else number)
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
                    frame["geometry"] = self._geometry(copy, f"geometry_{number:04d}", None)
                else:
                    scene_copy.set_color(copy, self.settings.samples)
                    frame["color"] = self._render(copy, f"color_{number:04d}", layers=False, number=None)
        self.frames.append(frame)

    def _aim(self, copy: bpy.types.Scene, frame: dict[str, Any], number: int | None) -> None:
        """Sets the size and notes intrinsics and pose of the scene camera, at frame ``number`` or as the scene stands."""
        size = scene_copy.set_size(copy, self.settings.resolution)
        if number is None:
            scene = bpy.data.scenes[self._scene]
            depsgraph = scene.view_layers[self._view_layer].depsgraph
        else:
            copy.frame_set(number)
            depsgraph = copy.view_layers[0].depsgraph
        if copy.camera is None:
            raise _no_camera(copy)
        if self.settings.geometry:
            camera = copy.camera.evaluated_get(depsgraph)
            frame["camera"] = _camera_value(_pinhole(copy, camera.data, size), cameras.rigid(camera.matrix_world))

    def _geometry(self, copy: bpy.types.Scene, stem: str, number: int | None) -> str:
        scene_copy.set_geometry(copy)
        with scene_copy.object_ids(copy) as ids:
            self.object_ids = {name: value for name, value in ids.items() if not name.startswith("Backlot Orbit")}
            return self._render(copy, stem, layers=True, number=number)

    def _render(self, copy: bpy.types.Scene, stem: str, layers: bool, number: int | None) -> str:
        path = self.folder / f"{stem}.exr"
        path.unlink(missing_ok=True)
        layer = copy.view_layers[0].name
        if number is None:
            # A still shows the scene as it stands, changes without a key included.
            set_output(copy, str(path), layers)
            bpy.ops.render.render("EXEC_DEFAULT", write_still=True, scene=copy.name, layer=layer)
            written = path
        else:
            # An animation of one frame: a still would not evaluate the animation at another frame than the current one.
            copy.frame_start = copy.frame_end = number
            copy.frame_step = 1
            set_output(copy, str(self.folder / f"{stem}_part_####"), layers)
            written = Path(copy.render.frame_path(frame=number))
            bpy.ops.render.render("EXEC_DEFAULT", animation=True, scene=copy.name, layer=layer)
        if not written.exists():
            raise InputError(message=f"The render wrote no file {path.name}", fix="Render the frame with F12 to see why")
        if written != path:
            written.replace(path)
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
            centre, self._radius = cameras.bounds(subjects, depsgraph)
            width, height = self.settings.resolution or (scene.render.resolution_x, scene.render.resolution_y)
            narrow = 2 * math.atan(math.tan(ORBIT_ANGLE / 2) * min(width, height) / max(width, height))
            self._poses = cameras.orbit(centre, self._radius, self.settings.count, self.settings.elevation, narrow)
            return
        if scene.camera is None:
            raise _no_camera(scene)
        camera = scene.camera.evaluated_get(depsgraph)
        size = self.settings.resolution or (scene.render.resolution_x, scene.render.resolution_y)
        if not self.settings.geometry:
            return  # colour alone may come from any camera
        pinhole = _pinhole(scene, camera.data, size)
        visible = [item for item in scene.objects if not item.hide_render]
        moves = self.settings.mode == "range"
        if not moves and not cameras.sees_anything(pinhole, cameras.rigid(camera.matrix_world), visible, depsgraph):
            raise InputError(expected="something in front of the camera", got=f"{scene.camera.name!r} sees nothing", fix="Turn the camera")

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

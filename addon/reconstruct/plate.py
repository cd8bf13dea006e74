"""A plate as files: one picture, the camera that saw it, and what else is known of it (depth, solved tracks)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...shared.errors import InputError
from ...shared.frames import write_transforms
from ...shared.notes import Notes
from ...shared.tracks import write_tracks
from ...shared.values import Camera, Tracks
from ..capture import cameras
from ..images import pictures
from . import clips, footage


@dataclasses.dataclass(frozen=True)
class PlateSettings:
    """What the plate is.

    Attributes:
        image: Name of an image of this file.
        depth: Name of an image with its depth, or ``""``.
        use_tracks: Whether the solved tracks of the clip that the picture belongs to are sent along.
        fov: Degrees across, where the scene has no camera: the camera is then at the world's origin, upright. 0 for none.
    """

    image: str
    depth: str = ""
    use_tracks: bool = True
    fov: float = 0.0


class PlateCapture:
    """Writes a plate, its camera and its tracks into a folder; everything is looked up at once, and written in one step.

    Args:
        scene: Its camera saw the plate, unless the picture is a frame of a solved clip.
        settings: What the plate is.
        folder: Where the files go; it is created.

    Raises:
        InputError: No such image, no camera, or one that is no pinhole.
    """

    total = 1

    def __init__(self, scene: bpy.types.Scene, settings: PlateSettings, folder: Path) -> None:
        image = bpy.data.images.get(settings.image)
        if image is None:
            got = repr(settings.image) if settings.image else "none"
            raise InputError(expected="an image as the plate", got=got, fix="Open the picture in the Image Editor")
        self.folder, self.settings, self.notes = folder, settings, Notes()
        width, height = image.size
        if not width or not height:
            raise InputError(expected=f"pixels in the image {image.name!r}", got="none", fix="Reload it, or choose another")
        self.number = scene.frame_current
        self.tracks: Tracks | None = None
        self.camera, self.camera_object = self._from_clip(scene, image)
        self._depth = ""

    def steps(self) -> Iterator[int]:
        """Writes the files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        image, depth = bpy.data.images.get(self.settings.image), bpy.data.images.get(self.settings.depth)
        if image is None:
            raise InputError(message=f"The image {self.settings.image!r} is gone", fix="Choose another image")
        if depth is not None:
            self._depth = pictures.write(depth, self.folder, "depth").name
        picture = pictures.write(image, self.folder, "color").name
        write_transforms(self.folder, [{"camera": self.camera, "files": {"color": picture}, "number": self.number}])
        if self.tracks is not None:
            write_tracks(self.tracks, self.folder)
        yield 1

    def described(self, kind: str) -> dict[str, str]:
        """Where an input of that kind is, for the record of a job."""
        if kind == "tracks":
            return {"tracks": str(self.folder)} if self.tracks is not None else {}
        if kind == "depth":
            return {"path": str(self.folder / self._depth), "color_space": "data"} if self._depth else {}
        return {"frames": str(self.folder)}

    def origin(self) -> dict[str, Any]:
        """What the mesh belongs to, for the record of a job."""
        return {"kind": "plate", "image": self.settings.image, "camera": self.camera_object, "folder": str(self.folder)}

    def _from_clip(self, scene: bpy.types.Scene, image: bpy.types.Image) -> tuple[Camera, str]:
        """The camera: of a clip's frame if the picture is one, with its tracks; else the scene's."""
        found = clip_of(image)
        if found is not None:
            clip, number = found
            solve = clips.solve(clip, scene)
            self.number = number
            self.tracks = self._seen(clip, solve.world)
            return clips.cameras(clip, solve)[number], solve.camera
        width, height = image.size
        if scene.camera is None and self.settings.fov:
            focal = width / 2 / math.tan(math.radians(self.settings.fov) / 2)
            upright = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], np.float64)
            return Camera(width, height, focal, focal, width / 2, height / 2, upright), ""
        if scene.camera is None:
            raise InputError(
                expected="a camera",
                got=f"none in the scene {scene.name!r}",
                fix="Add a camera with the plate's lens, or set the Field of View",
            )
        evaluated = scene.camera.evaluated_get(bpy.context.evaluated_depsgraph_get())
        lens = cameras.intrinsics(evaluated.data, width, height, (1.0, 1.0))
        pose = np.array(cameras.pose(evaluated), np.float64)
        return Camera(width, height, lens["fl_x"], lens["fl_y"], lens["cx"], lens["cy"], pose), scene.camera.name

    def _seen(self, clip: bpy.types.MovieClip, world: np.ndarray) -> Tracks | None:
        try:
            return clips.tracks(clip, world, {self.number}) if self.settings.use_tracks else None
        except InputError:
            return None


def clip_of(image: bpy.types.Image) -> tuple[bpy.types.MovieClip, int] | None:
    """The solved clip of this file that the picture is a frame of, and the number of that frame."""
    if image.source not in {"FILE", "SEQUENCE"} or not image.filepath:
        return None
    path = Path(bpy.path.abspath(image.filepath, library=image.library)).resolve()
    for clip in bpy.data.movieclips:
        if clip.source != "SEQUENCE" or Path(bpy.path.abspath(clip.filepath, library=clip.library)).resolve().parent != path.parent:
            continue
        tracking = next(item for item in clip.tracking.objects if item.is_camera)
        for item in tracking.reconstruction.cameras if tracking.reconstruction.is_valid else ():
            if footage.sequence_file(clip, int(item.frame)).resolve() == path:
                return clip, int(item.frame)
    return None

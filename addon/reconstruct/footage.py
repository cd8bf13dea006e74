"""A solved clip as files: its own pictures where they can be sent as they are, else decoded by Blender, one at a time."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from ...shared.errors import InputError
from ...shared.frames import read_transforms, write_transforms
from ...shared.notes import Notes
from ...shared.sequences import counted_by_blender, renumbered
from ...shared.tracks import write_tracks
from ...shared.values import Camera, SceneFrame, Tracks
from ..images.color_space import LINEAR
from ..images.temporary_scene import set_output, temporary_scene
from . import clips

_DISPLAY = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".tga", ".webp")
_SCENE_LINEAR = (".exr", ".hdr")


@dataclasses.dataclass
class FootageSettings:
    """Which frames of a clip are taken.

    Attributes:
        clip: Name of the clip.
        start: First frame, as the Clip Editor counts them; 0 for the first solved one.
        end: Last frame; 0 for the last solved one.
        step: Frames from one to the next.
    """

    clip: str
    start: int = 0
    end: int = 0
    step: int = 1

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FootageSettings:
        """From the ``capture`` object of a job file. ``InputError`` for anything unknown or out of range."""
        known = {field.name for field in dataclasses.fields(cls)}
        for name in data:
            if name not in known:
                raise InputError(message=f"A capture of a clip has no entry {name!r}", fix=f"Known entries: {', '.join(sorted(known))}")
        try:
            return cls(str(data["clip"]), *(int(data.get(name, default)) for name, default in (("start", 0), ("end", 0), ("step", 1))))
        except (TypeError, ValueError) as error:
            raise InputError(expected="start, end and step of a clip as whole numbers", got=str(error)) from error


class FootageCapture:
    """Writes the pictures, cameras and tracks of a solved clip into a folder.

    Holds names and numbers only: undo, or another file being loaded, may free what was there between two steps.

    Args:
        scene: The scene with the camera that follows the solve.
        settings: Which frames are taken.
        folder: Where the files go; it is created.

    Raises:
        InputError: No solve, or none that can be used; pictures that are missing.
    """

    def __init__(self, scene: bpy.types.Scene, settings: FootageSettings, folder: Path) -> None:
        clip = clips.find(settings.clip)
        self.settings, self.folder, self.notes = settings, folder, Notes()
        self.solve = clips.solve(clip, scene)
        self._cameras = clips.cameras(clip, self.solve)
        self._numbers = _chosen(settings, list(self.solve.poses), clip.name)
        self._decoded = not _sent_as_they_are(clip)
        self.missing: list[int] = []
        self.total = len(self._numbers)

    def steps(self) -> Iterator[int]:
        """Prepares one frame at a time and gives how many are done; ``transforms.json`` and ``tracks.json`` come last.

        Raises:
            InputError: The clip went away, or none of its pictures is on disk.
            OSError: The folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        metas = []
        for done, number in enumerate(self._numbers, start=1):
            clip = clips.find(self.solve.clip)
            picture = decode(clip, number, self.folder) if self._decoded else sequence_file(clip, number)
            if picture.is_file():
                metas.append({"camera": self._cameras[number], "files": {"color": str(picture)}, "number": number})
            else:
                self.missing.append(number)
            if not self._decoded and done < self.total:
                continue  # nothing was rendered: no need to redraw in between
            yield done
        if len(metas) < clips.MIN_FRAMES:
            got = f"{len(metas)}; frame {self.missing[0]} is not there" if self.missing else str(len(metas))
            fix = "Use File > External Data > Find Missing Files"
            raise InputError(expected=f"at least {clips.MIN_FRAMES} pictures of the clip {self.solve.clip!r}", got=got, fix=fix)
        if self.missing:
            text = f"{len(self.missing)} of {self.total} pictures are not on disk and are left out, the first is frame {self.missing[0]}"
            self.notes.add(text, self.solve.clip)
        write_transforms(self.folder, metas)
        write_tracks(self.tracks(), self.folder)

    def tracks(self) -> Tracks:
        """The solved tracks in the chosen frames."""
        return clips.tracks(clips.find(self.solve.clip), self.solve.world, set(self._numbers) - set(self.missing))

    def cameras(self) -> dict[int, Camera]:
        """The camera of each frame that is taken."""
        return {number: self._cameras[number] for number in self._numbers}

    def scene_frames(self) -> list[SceneFrame]:
        """The frames as an operation takes them; channels are files."""
        return read_transforms(self.folder)

    def origin(self) -> dict[str, Any]:
        """What the mesh belongs to, for the record of a job."""
        solve = self.solve
        return {"kind": "clip", "clip": solve.clip, "camera": solve.camera, "world": solve.world.tolist(), "error_px": solve.error}

    def described(self, kind: str) -> dict[str, str]:
        """Where an input of that kind is, for the record of a job."""
        return {"tracks" if kind == "tracks" else "frames": str(self.folder)}


def _chosen(settings: FootageSettings, solved: list[int], name: str) -> list[int]:
    if settings.step < 1:
        raise InputError(expected="a step of at least 1", got=str(settings.step))
    first, last = settings.start or solved[0], settings.end or solved[-1]
    chosen = [number for number in solved if first <= number <= last and (number - first) % settings.step == 0]
    if len(chosen) < clips.MIN_FRAMES:
        raise InputError(
            expected=f"at least {clips.MIN_FRAMES} solved frames of {name!r} from {first} to {last}", got=str(len(chosen)),
            fix=f"The solve covers {solved[0]} to {solved[-1]}; take a smaller step or a longer range",
        )  # fmt: skip
    return chosen


def _sent_as_they_are(clip: bpy.types.MovieClip) -> bool:
    """Whether the backend reads the clip's files as Blender does: stills in the usual colour space of their format."""
    suffix, space = Path(clip.filepath).suffix.lower(), clip.colorspace_settings.name
    return clip.source == "SEQUENCE" and (
        (suffix in _DISPLAY and space == "sRGB") or (suffix in _SCENE_LINEAR and space in LINEAR)
    )  # fmt: skip


def sequence_file(clip: bpy.types.MovieClip, number: int) -> Path:
    """The file of a frame of an image sequence; ``number`` as the Clip Editor counts, 1 being the first."""
    path = Path(bpy.path.abspath(clip.filepath, library=clip.library))
    first = counted_by_blender(path.name)
    return path if first is None else renumbered(path, first + number - 1 + clip.frame_offset)


def decode(clip: bpy.types.MovieClip, number: int, folder: Path) -> Path:
    """Writes a frame of a clip as a picture, through a scene of its own: PNG of a movie, else scene-linear OpenEXR.

    Raises:
        InputError: Blender cannot read it.
    """
    movie = clip.source == "MOVIE"
    source = bpy.path.abspath(clip.filepath, library=clip.library)
    if not Path(source).is_file():
        return Path(source)
    target = folder / f"color_{number:04d}{'.png' if movie else '.exr'}"
    with _sequencer(clip, str(target), movie) as scene:
        editor = scene.sequence_editor
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # before Blender 4.4
        # The wanted frame of the clip is at the scene's frame 1.
        if movie:
            strip = strips.new_movie("Clip", source, 1, 2 - number - clip.frame_offset)
        else:
            strip = strips.new_image("Clip", str(sequence_file(clip, number)), 1, 1)
        with contextlib.suppress(TypeError):
            strip.colorspace_settings.name = clip.colorspace_settings.name
        scene.frame_set(1)
        try:
            bpy.ops.render.render("EXEC_DEFAULT", write_still=True, scene=scene.name)
        except RuntimeError as error:
            raise InputError(expected=f"frame {number} of the clip {clip.name!r}", got=str(error).strip()) from error
    return target


@contextlib.contextmanager
def _sequencer(clip: bpy.types.MovieClip, path: str, display: bool) -> Iterator[bpy.types.Scene]:
    """A scene that writes what its sequencer shows, unchanged in size and colour; it is removed afterwards."""
    with temporary_scene("Backlot Footage") as scene:
        render = scene.render
        render.resolution_x, render.resolution_y = clip.size
        render.resolution_percentage = 100
        render.use_sequencer, render.use_compositing, render.use_stamp = True, False, False
        render.dither_intensity = 0.0
        set_output(scene, path, layers=False)
        if display:
            render.image_settings.color_management = "FOLLOW_SCENE"
            render.image_settings.file_format = "PNG"
            render.image_settings.color_mode, render.image_settings.color_depth = "RGB", "8"
            render.image_settings.compression = 15
        view = scene.view_settings
        view.view_transform, view.look, view.exposure, view.gamma = "Standard", "None", 0.0, 1.0
        scene.sequence_editor_create()
        yield scene

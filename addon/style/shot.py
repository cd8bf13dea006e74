"""The frames of a shot: rendered with all passes, or captured before and taken as they are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from ...shared.capture_index import CaptureIndex
from ...shared.errors import InputError
from ...shared.notes import Notes
from ...shared.object_names import read_names
from .names import KEYFRAMES, SHOT

RENDER, CAPTURED = "RENDER", "CAPTURED"
_KEYS = ("file_path", "depth_file_path", "motion_file_path", "object_id_file_path")


@dataclasses.dataclass(frozen=True)
class Frames:
    """What a capture on disk holds, without reading its pictures.

    Attributes:
        folder: Where it is.
        numbers: Frame numbers in order.
        size: Width and height in pixels.
        color: File of the colour of each frame, by number.
        missing: Passes that no frame has.
    """

    folder: Path
    numbers: tuple[int, ...]
    size: tuple[int, int]
    color: dict[int, Path]
    missing: tuple[str, ...]


def look(folder: Path) -> Frames:
    """Reads which frames a capture has.

    Raises:
        InputError: There is none, or it is unreadable.
    """
    if not (folder / "transforms.json").is_file():
        fix = "Set Frames From to Render, or choose the folder of a capture"
        raise InputError(expected=f"captured frames at {folder / 'transforms.json'}", got="none", fix=fix)
    index = CaptureIndex.read(folder)
    entries = sorted(index.numbered, key=lambda pair: pair[0])
    try:
        sizes = {(int(entry.get("w", index.data.get("w", 0))), int(entry.get("h", index.data.get("h", 0)))) for _, entry in entries}
    except (ValueError, TypeError) as error:
        raise InputError(expected=f"sizes of frames in {index.path}", got=str(error), fix="Capture them again") from error
    color = {n: index.file(entry, "file_path", f"frame {n}") for n, entry in entries if entry.get("file_path")}
    if len(sizes) != 1:
        got = " and ".join(f"{w} x {h}" for w, h in sorted(sizes)) or "no frames"
        raise InputError(expected="frames of one size", got=got, fix="Render the whole range at one resolution")
    words = {"file_path": "colour", "depth_file_path": "depth", "motion_file_path": "motion", "object_id_file_path": "object ids"}
    missing = tuple(words[key] for key in _KEYS if not any(entry.get(key) for _, entry in entries))
    return Frames(folder, tuple(n for n, _ in entries), sizes.pop(), color, missing)


def last_capture(scene: bpy.types.Scene) -> Path | None:
    """The folder of the newest job of a shot in this scene whose frames are still there."""
    for record in reversed(list(scene.backlot_jobs.items)):
        if record.operation in (SHOT, KEYFRAMES):
            where = json.loads(record.request).get("inputs", {}).get("frames", {}).get("frames", "")
            if where and (Path(where) / "transforms.json").is_file():
                return Path(where)
    return None


def problems(scene: bpy.types.Scene) -> list[str]:
    """Problems of capturing for a style, as sentences for the panel."""
    found = []
    if scene.render.use_motion_blur:
        found.append("Motion blur is on: switch it off, and blur the painted frames with the vector pass")
    if scene.camera is None:
        found.append("The scene has no camera")
    elif scene.camera.data is not None and getattr(scene.camera.data, "dof", None) is not None and scene.camera.data.dof.use_dof:
        found.append("Depth of field: blurred edges do not match the sharp passes")
    return found


def check_scene(scene: bpy.types.Scene) -> None:
    """Raises ``InputError`` if motion blur is on: blurred colour does not match the exact vectors."""
    if scene.render.use_motion_blur:
        raise InputError(
            expected="frames without motion blur", got=f"motion blur is on in {scene.name!r}",
            fix="Switch off Render Properties > Motion Blur; blur the painted frames with the vector pass",
        )  # fmt: skip


class ShotCapture:
    """The frames of a shot as files, step by step, and other inputs of the job that are files.

    Args:
        context: Of the operator; its scene is rendered.
        value: The settings ``properties.shot_annotations`` by name.
        folder: Where rendered files go; it is created.

    Attributes:
        numbers: Frames of the shot.
        size: Width and height in pixels.
        others: Other inputs by name, as a job's record describes them.

    Raises:
        InputError: Motion blur, no camera, one frame, frames that are not there or lack passes.
    """

    def __init__(self, context: bpy.types.Context, value: dict[str, Any], folder: Path) -> None:
        scene = context.scene
        self.others: dict[str, dict[str, str]] = {}
        self._capture: Any = None
        self.notes = Notes()
        if value["shot_source"] == CAPTURED:
            given = str(value["shot_folder"])
            where = Path(bpy.path.abspath(given)) if given else last_capture(scene)
            if where is None:
                fix = "Set Frames From to Render, or choose the folder of a capture"
                raise InputError(expected="a capture of this scene", got="none that is still there", fix=fix)
            frames = look(where)
            if frames.missing:
                fix = "Set Frames From to Render: it renders all of them"
                raise InputError(
                    expected="frames with colour, depth, motion and object ids", got=f"no {', '.join(frames.missing)}", fix=fix
                )
            self.folder, self.numbers, self.size, self.total = where, list(frames.numbers), frames.size, 1
        else:
            self._capture = self._rendered(context, value, folder)
            self.folder, self.total, self.notes = folder, self._capture.total, self._capture.notes
        if len(self.numbers) < 2:
            raise InputError(
                expected="a range of at least 2 frames", got=f"frame {self.numbers[0]} only", fix="Set the range; for one image use Style"
            )

    def _rendered(self, context: bpy.types.Context, value: dict[str, Any], folder: Path) -> Any:
        from ..capture.run import Capture  # imports numpy
        from ..capture.settings import CaptureSettings

        scene = context.scene
        check_scene(scene)
        start, end = (value["shot_start"], value["shot_end"]) if value["shot_own_range"] else (scene.frame_start, scene.frame_end)
        size = (int(value["shot_size"][0]), int(value["shot_size"][1])) if value["shot_own_size"] else None
        settings = CaptureSettings(mode="range", start=start, end=end, resolution=size, samples=value["shot_samples"])
        settings.check()
        self.numbers = list(range(start, end + 1))
        self.size = size or scene_size(scene)
        return Capture(scene, context.view_layer, settings, folder)

    def steps(self) -> Iterator[int]:
        """Renders one frame at a time and gives how many are done."""
        if self._capture is None:
            yield 1
        else:
            yield from self._capture.steps()

    def described(self, kind: str) -> dict[str, str]:
        """Where an input is, for the record of a job."""
        return {"frames": str(self.folder)} if kind == "frames" else self.others.get(kind, {})

    def objects(self) -> dict[str, int]:
        """Names of objects and the ids that the frames have for them."""
        return read_names(self.folder)


def scene_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """Pixels of the scene's renders, truncated as Blender does it."""
    render = scene.render
    part = render.resolution_percentage / 100
    return max(4, int(render.resolution_x * part)), max(4, int(render.resolution_y * part))

"""Shots for the benchmarks of style: those that Blender renders, and a small ray-cast one for ``--tiny``, in the same form."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np

from ...backend.core.camera import unproject
from ...backend.core.color import to_srgb
from ...backend.io.writing import encode
from ...shared.frames import read_transforms
from ...shared.values import Camera, EncodedFile, Image, SceneFrame
from . import shots
from .small_shot import ShotView, SmallShot

TINY = "small"
TINY_OBJECTS = {"Ground": 1, "Box": 2, "Ball": 3, "Egg": 4}
TINY_LOOKS = {"toon": "toon", "hatched": "hatch", "painted": "dabs"}
"""Looks by the names of ``shots.LOOKS``."""


@dataclasses.dataclass(frozen=True)
class RenderedShot:
    """A shot with what its renderer knows of it.

    Attributes:
        frames: Colour, depth, normals, motion, ids, and in ``rest`` where each surface point was in the first frame.
        objects: Name to number in the ids.
        look: Gives the frames in a look by number, as display-encoded files.
    """

    frames: list[SceneFrame]
    objects: dict[str, int]
    look: Callable[[str], dict[int, EncodedFile]]


def rendered(name: str) -> RenderedShot:
    """A shot of ``scenes/shots``, rendered now unless it is there; or the tiny one."""
    if name == TINY:
        return tiny()
    folder = shots.ensure(name)
    objects = json.loads((folder / "objects.json").read_text(encoding="utf-8"))

    def look(which: str) -> dict[int, EncodedFile]:
        return {int(path.stem[-4:]): EncodedFile.read(path) for path in sorted(shots.ensure(name, which).glob("look_*"))}

    return RenderedShot(read_transforms(folder), {key: int(value) for key, value in objects.items()}, look)


def tiny() -> RenderedShot:
    """Six frames of 96 x 64 pixels, ray-cast."""
    shot = SmallShot(96, 64, 6, 1)
    views = [shot.render(number) for number in range(1, shot.frames + 1)]

    def look(which: str) -> dict[int, EncodedFile]:
        return {view.number: _png(view.looks[TINY_LOOKS[which]], f"look_{view.number:04d}.png") for view in views}

    return RenderedShot([_frame(view) for view in views], TINY_OBJECTS, look)


def _frame(view: ShotView) -> SceneFrame:
    height, width = view.depth.shape
    camera = Camera(width, height, view.focal, view.focal, width / 2, height / 2, view.camera_to_world)
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1) + 0.5
    # Only the ground stands still: the position in the first frame of what moves is left unknown, as for what modifiers bend.
    still = (view.object_id == TINY_OBJECTS["Ground"])[..., None]
    channels: dict[str, Image | EncodedFile] = {
        "color": _file(view.color),
        "depth": Image(view.depth[..., None], "data"),
        "normal": Image(view.normal, "data"),
        "motion": Image(view.motion, "data"),
        "object_id": Image(view.object_id[..., None].astype(np.float32), "data"),
        "rest": Image(np.where(still, unproject(camera, pixels, view.depth), 0).astype(np.float32), "data"),
    }
    return SceneFrame(camera, channels, 1.0, view.number)


def _file(color: np.ndarray) -> EncodedFile:
    return EncodedFile(np.frombuffer(encode(Image(color, "linear"), "exr"), np.uint8), "color.exr")


def _png(linear: np.ndarray, name: str) -> EncodedFile:
    pixels = np.rint(255 * to_srgb(np.clip(linear, 0, 1))).astype(np.uint8)
    return EncodedFile(np.frombuffer(encode(Image(pixels), "png"), np.uint8), name)

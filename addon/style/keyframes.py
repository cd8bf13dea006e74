"""Frames that the artist paints: made from the render, packed into the file, and sent as pictures named by their frame numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...shared.errors import InputError
from ...shared.values import Image
from ..images import pictures
from ..images.color_space import LINEAR, set_space
from .shot import ShotCapture

CHANGED = 1e-4
"""Difference of a colour, relative to 1 or to itself where it is brighter, from which a pixel counts as painted: float rounding is 1e-7."""
LEAST_PAINTED = 64
"""Pixels; what the backend asks for."""


def add(scene: bpy.types.Scene, frame: int, file: Path) -> Any:
    """Adds a keyframe to paint on: a captured frame as 32-bit float image, packed, and the same again to tell what was painted.

    Args:
        scene: It is added to the list of this scene. An older painting of the same frame stays.
        frame: Its number.
        file: The frame's colour, OpenEXR, scene-linear.
    """
    name = f"Keyframe {frame:04d}"
    painting, original = (_load(file, title) for title in (name, f"{name} Render"))
    return append(scene, frame, painting, original)


def append(scene: bpy.types.Scene, frame: int, painting: bpy.types.Image, original: bpy.types.Image | None = None) -> Any:
    """Adds an image as the painting of a frame, in the order of frames, and makes it the active one."""
    group = scene.backlot_style
    item = group.keyframes.add()
    item.image, item.original, item.frame = painting, original, frame
    position = len(group.keyframes) - 1
    while position and group.keyframes[position - 1].frame > frame:
        group.keyframes.move(position, position - 1)
        position -= 1
    group.active_keyframe = position
    return group.keyframes[position]


def _load(file: Path, name: str) -> bpy.types.Image:
    image = bpy.data.images.load(str(file))
    image.name = name
    set_space(image, LINEAR)
    image.pack()
    return image


def write(scene: bpy.types.Scene, capture: ShotCapture, folder: Path) -> list[int]:
    """Writes the paintings that are used, as ``paint_0012.exr`` (or ``.png`` for 8 bits); unpainted parts are transparent.

    Returns:
        Their frame numbers.

    Raises:
        InputError: None is used; one has another size than the shot, is of no frame of it, or has nothing painted.
    """
    used = [item for item in scene.backlot_style.keyframes if item.use and item.image is not None]
    if not used:
        fix = "Press Add Keyframe From Frame and paint over it in the Image Editor"
        raise InputError(expected="at least one painted frame", got="none", fix=fix)
    first, last = capture.numbers[0], capture.numbers[-1]
    for item in used:
        name = item.image.name
        if item.frame not in capture.numbers:
            fix = "Set its Frame, take it off the list, or make the range longer"
            raise InputError(expected=f"{name!r} to be of a frame from {first} to {last}", got=f"frame {item.frame}", fix=fix)
        if tuple(item.image.size) != capture.size:
            got = f"{item.image.size[0]} x {item.image.size[1]} in {name!r}"
            fix = "Style the shot at the resolution that was painted at, or make the keyframe anew"
            raise InputError(expected=f"keyframes of {capture.size[0]} x {capture.size[1]} pixels, as the shot", got=got, fix=fix)
        if [other.frame for other in used].count(item.frame) > 1:
            raise InputError(expected="one painting for each frame", got=f"two for frame {item.frame}", fix="Untick or remove one")
    folder.mkdir(parents=True, exist_ok=True)
    for item in used:
        _write(item, folder, f"paint_{item.frame:04d}")
    return [int(item.frame) for item in used]


def _write(item: Any, folder: Path, stem: str) -> None:
    if not item.partial or item.original is None:
        pictures.write(item.image, folder, stem)
        return
    now, before = _values(item.image), _values(item.original)
    if now.shape != before.shape:
        raise InputError(
            expected=f"{item.image.name!r} and its render to be of one size", got=f"{now.shape[1]} and {before.shape[1]} pixels across",
            fix="Untick Only What Was Painted, or make the keyframe anew",
        )  # fmt: skip
    painted = (np.abs(now - before) > CHANGED * np.maximum(1.0, np.abs(before))).any(-1)
    if painted.sum() < LEAST_PAINTED:
        raise InputError(
            expected=f"strokes on {item.image.name!r}", got=f"{int(painted.sum())} pixels that differ from the render",
            fix="Paint over it in the Image Editor, or untick Only What Was Painted",
        )  # fmt: skip
    pixels = np.concatenate([now[..., :3], painted[..., None].astype(np.float32)], -1)
    copy = pictures.receive(Image(np.ascontiguousarray(pixels), "linear"), stem)
    try:
        copy.filepath_raw, copy.file_format = str(folder / f"{stem}.exr"), "OPEN_EXR"
        copy.save()
    finally:
        bpy.data.images.remove(copy)


def _values(image: bpy.types.Image) -> np.ndarray:
    """``(H, W, 4)`` float32 as Blender holds it, row 0 at the top."""
    width, height = image.size
    if not width or len(image.pixels) != width * height * 4:
        raise InputError(expected=f"pixels in the image {image.name!r}", got="none", fix="Reload it, or make the keyframe anew")
    flat = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(height, width, 4)[::-1]

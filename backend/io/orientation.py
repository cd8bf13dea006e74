"""EXIF orientation: photographs are turned upright, pictures with a camera are the pixels that their camera was solved for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...shared.notes import note

_TURNED = (5, 6, 7, 8)
"""Orientations that exchange width and height."""


_EXIF = ("jpeg", "png", "tiff", "webp", "jpegxl", "jpeg2000", "psd")
"""Formats in which an orientation is EXIF's; in others it is the order of their scan lines, which everybody undoes."""


def orientation_of(spec: Any, form: str) -> tuple[int, int]:
    """The order of the scan lines and the EXIF orientation of a picture, by OpenImageIO's description of it: 1 to 8 each."""
    if form == "openexr":  # it has no orientation: what an attribute of that name means is its writer's own
        return 1, 1
    value = spec.get_int_attribute("Orientation", 1)
    value = value if 1 <= value <= 8 else 1
    return (1, value) if form in _EXIF else (value, 1)


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Applies an orientation to ``(H, W, C)``."""
    if orientation in _TURNED:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def as_camera_sees(pixels: np.ndarray, orientation: int, camera: tuple[int, int], name: str) -> np.ndarray:
    """The pixels of a picture with a camera: as they are stored, as COLMAP and others read them.

    Where the stored shape does not fit the camera and the turned one does, whoever solved the camera turned the picture.

    Args:
        pixels: ``(H, W, C)`` as stored.
        orientation: EXIF's.
        camera: Width and height that the camera was solved for; the picture may be smaller or larger.
        name: The file's, for the note.
    """
    if orientation == 1:
        return pixels
    height, width = pixels.shape[:2]
    if orientation in _TURNED and not _fits((width, height), camera) and _fits((height, width), camera):
        note("turned by its EXIF orientation, because its camera has the turned size", name)
        return upright(pixels, orientation)
    note("its EXIF orientation is not applied: a picture with a camera is used as it is stored, as COLMAP reads it", name)
    return pixels


def _fits(size: tuple[int, int], camera: tuple[int, int]) -> bool:
    """Whether two sizes have one shape, but for rounding to whole pixels."""
    return abs(size[0] * camera[1] - size[1] * camera[0]) <= max(*size, *camera)

"""The plate's camera: from the scene, or from a field of view."""

from __future__ import annotations

import math

import numpy as np

from ....shared.errors import InputError
from ....shared.frames import check_rigid
from ....shared.values import Camera
from ...core.camera import scaled

LEVEL = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
"""A camera at the origin that looks along +y, with z up: a plate without a scene stands upright in Blender."""
USUAL_FOV = 50.0
"""Degrees across, if nobody knows: a lens of 39 mm on a full frame."""


def camera_for(width: int, height: int, given: Camera | None, fov: float | None) -> tuple[Camera, list[str]]:
    """The camera with the plate's size in pixels, and notes about what had to be assumed.

    Args:
        width: Of the plate.
        height: Of the plate.
        given: The scene's camera; its picture must have the plate's shape.
        fov: Horizontal field of view in degrees, where there is no scene camera.

    Raises:
        InputError: The camera's picture has another shape, or its pose is not rigid.
    """
    if given is None:
        notes = [] if fov else [f"Neither camera nor field of view was given: {USUAL_FOV:g} degrees across were assumed"]
        focal = width / 2 / math.tan(math.radians(fov or USUAL_FOV) / 2)
        return Camera(width, height, focal, focal, width / 2, height / 2, LEVEL), notes
    check_rigid(np.asarray(given.camera_to_world, np.float64), "the camera of the plate")
    if abs(width * given.height - height * given.width) > max(width, given.width, height, given.height):
        raise InputError(
            expected=f"a camera whose picture has the plate's shape, {width} x {height} pixels",
            got=f"{given.width} x {given.height} pixels",
            fix="Set the render size to the plate's size, or crop the plate to the camera's frame",
        )
    return scaled(given, width, height), []

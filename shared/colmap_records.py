"""What a COLMAP model lists, whichever way it is stored (https://colmap.github.io/format.html)."""

from __future__ import annotations

import dataclasses

import numpy as np

NONE = 2**64 - 1
"""POINT3D_ID of a feature that became no point; -1 in text."""


@dataclasses.dataclass(frozen=True)
class ColmapCamera:
    """A camera.

    Attributes:
        model: By COLMAP's name, see ``lens_models``.
        width: Pixels.
        height: Pixels.
        parameters: Of the model, in its order; not checked.
        where: Where it is written, for messages: ``line 4 of cameras.txt``.
    """

    model: str
    width: int
    height: int
    parameters: tuple[float, ...]
    where: str


@dataclasses.dataclass(frozen=True)
class ColmapImage:
    """A registered image.

    Attributes:
        identity: IMAGE_ID.
        rotation: ``(4,)`` float64, quaternion (w, x, y, z) from world to camera; not checked.
        translation: ``(3,)`` float64, from world to camera.
        camera: CAMERA_ID.
        name: As it was written down.
        pixels: ``(N, 2)`` float64, features: column and row from the top left corner.
        points: ``(N,)`` uint64, POINT3D_ID of each feature; ``NONE`` for none.
        where: Where it is written, for messages.
    """

    identity: int
    rotation: np.ndarray
    translation: np.ndarray
    camera: int
    name: str
    pixels: np.ndarray
    points: np.ndarray
    where: str


@dataclasses.dataclass(frozen=True)
class ColmapModel:
    """A model.

    Attributes:
        cameras: CAMERA_ID to camera.
        images: In the file's order.
        ids: ``(P,)`` uint64, POINT3D_ID.
        points: ``(P, 3)`` float64, world space; not checked.
    """

    cameras: dict[int, ColmapCamera]
    images: list[ColmapImage]
    ids: np.ndarray
    points: np.ndarray

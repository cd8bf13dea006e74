"""Camera geometry: from the world into the picture and back, through the lens.

Pixels are ``(column, row)``; the centre of the first pixel is at (0.5, 0.5). Depth is planar z along the view, in scene units.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np

from ...shared.errors import InputError
from ...shared.frames import check_rigid
from ...shared.values import Camera
from .lens import distort_pixels, undistort_pixels


class Intrinsics(NamedTuple):
    """Focal lengths and principal point in pixels: what kernels take of a camera along with its view matrix."""

    fl_x: float
    fl_y: float
    cx: float
    cy: float

    @property
    def single(self) -> Intrinsics:
        """As float32, for kernels that calculate in it."""
        return Intrinsics(*(cast("float", np.float32(k)) for k in self))


def view_matrix(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Camera-to-world and world-to-camera with x right, y down, z forward, ``(3, 4)`` float64 each."""
    pose = camera.camera_to_world.astype(np.float64).copy()
    pose[:3, 1:3] *= -1
    rotation = pose[:3, :3].T
    return np.ascontiguousarray(pose[:3]), np.ascontiguousarray(np.concatenate([rotation, -rotation @ pose[:3, 3:]], 1))


def camera_centre(camera: Camera) -> np.ndarray:
    """The camera centre in world space, ``(3,)`` float64."""
    return np.asarray(camera.camera_to_world[:3, 3], np.float64)


def intrinsics(camera: Camera, scale: float = 1.0) -> Intrinsics:
    """Those of a camera, for a picture shrunk by a scale."""
    return Intrinsics(*(float(k) * scale for k in (camera.fl_x, camera.fl_y, camera.cx, camera.cy)))


def project(camera: Camera, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where world points are in the picture.

    Args:
        camera: Its lens distortion is applied.
        points: ``(N, 3)``, scene units.

    Returns:
        Pixels ``(N, 2)`` float64, NaN behind the camera and where the lens cannot see the point, and planar depth ``(N,)`` float64.
    """
    _, view = view_matrix(camera)
    local = np.asarray(points, np.float64) @ view[:, :3].T + view[:, 3]
    z = local[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = local[:, :2] / z[:, None] * (camera.fl_x, camera.fl_y) + (camera.cx, camera.cy)
    pixels[z <= 0] = np.nan
    return distort_pixels(camera, pixels), z


def unproject(camera: Camera, pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """World points of pixels: the inverse of ``project``.

    Args:
        camera: Its lens distortion is removed.
        pixels: ``(..., 2)``.
        depth: ``(...)``, planar depth in scene units.

    Returns:
        ``(..., 3)`` float64; NaN where the lens sees nothing.
    """
    pose, _ = view_matrix(camera)
    rays = (undistort_pixels(camera, pixels) - (camera.cx, camera.cy)) / (camera.fl_x, camera.fl_y)
    local = np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], -1) * np.asarray(depth, np.float64)[..., None]
    return local @ pose[:, :3].T + pose[:, 3]


def scaled(camera: Camera, width: int, height: int) -> Camera:
    """The camera of the same picture at another resolution in pixels. Its lens stays: coefficients do not depend on the resolution."""
    if (camera.width, camera.height) == (width, height):
        return camera
    x, y = width / camera.width, height / camera.height
    lens = camera.fl_x * x, camera.fl_y * y, camera.cx * x, camera.cy * y
    return Camera(width, height, *lens, camera.camera_to_world, camera.distortion)


def check_camera(camera: Camera, where: str) -> None:
    """Refuses a camera that cannot be one; ``where`` names it in the message.

    Raises:
        InputError: A focal length or size that is not positive and finite, or a pose that is not rigid.
    """
    lens = intrinsics(camera)
    if not np.isfinite(lens).all() or camera.fl_x <= 0 or camera.fl_y <= 0 or camera.width < 1 or camera.height < 1:
        got = f"fl_x, fl_y, cx, cy = {', '.join(f'{k:g}' for k in lens)} for {camera.width} x {camera.height} pixels"
        raise InputError(expected=f"{where} to have a camera with positive focal lengths and size", got=got)
    check_rigid(np.asarray(camera.camera_to_world, np.float64), where)


SAME_CAMERA = "Export both from the same camera, without cropping"
"""What to do about pictures of different shapes."""


def check_aspect(size: tuple[int, int], other: tuple[int, int], what: str, other_what: str, fix: str = SAME_CAMERA) -> None:
    """Refuses pictures of different aspect ratio, but for less than a pixel of rounding.

    Args:
        size: Width and height in pixels.
        other: The same of what it is compared with.
        what: Name of the picture in the message.
        other_what: The same of the other.
        fix: What to do.

    Raises:
        InputError: The aspect ratios differ.
    """
    if abs(size[0] * other[1] - size[1] * other[0]) >= max(*size, *other):
        expected = f"{what} to have the shape of {other_what}, {other[0]} x {other[1]} pixels"
        raise InputError(expected=expected, got=f"{size[0]} x {size[1]} pixels", fix=fix)

"""Cameras without distortion: from the world into the picture and back."""

from __future__ import annotations

import numpy as np

from ...shared.values import Camera


def view_matrix(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Camera-to-world and world-to-camera with x right, y down, z forward, ``(3, 4)`` float64 each."""
    pose = camera.camera_to_world.astype(np.float64).copy()
    pose[:3, 1:3] *= -1
    rotation = pose[:3, :3].T
    return np.ascontiguousarray(pose[:3]), np.ascontiguousarray(np.concatenate([rotation, -rotation @ pose[:3, 3:]], 1))


def eye(camera: Camera) -> np.ndarray:
    """``(3,)`` float64, where the camera stands."""
    return np.asarray(camera.camera_to_world[:3, 3], np.float64)


def project(camera: Camera, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels ``(N, 2)`` and planar depth ``(N,)`` of world points ``(N, 3)``, without distortion; pixels are NaN behind the camera."""
    _, view = view_matrix(camera)
    local = points @ view[:, :3].T + view[:, 3]
    z = local[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = local[:, :2] / z[:, None] * (camera.fl_x, camera.fl_y) + (camera.cx, camera.cy)
    pixels[z <= 0] = np.nan
    return pixels, z


def unproject(camera: Camera, pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """World points ``(..., 3)`` float64 of pixels ``(..., 2)`` at planar depths, without distortion."""
    pose, _ = view_matrix(camera)
    rays = (pixels - (camera.cx, camera.cy)) / (camera.fl_x, camera.fl_y)
    local = np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], -1) * np.asarray(depth, np.float64)[..., None]
    return local @ pose[:, :3].T + pose[:, 3]

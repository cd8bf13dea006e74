"""Lens distortion: from the pixels of an ideal pinhole camera to those of the picture, and back; undistorted pictures.

The formulas are those of ``shared.values.Distortion``. Each model is given in one direction; the other is solved by Newton's method.
Beyond the fold of a model (where points farther out would be pictured farther in) there is no answer: NaN.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
import torch.nn.functional as F

from ...shared.values import Camera, Distortion

_STEPS = 20
_TOLERANCE = 1e-9
"""Of Newton's method, in units of the focal length."""


def distort_pixels(camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """Where points are in the picture on disk.

    Args:
        camera: With its distortion.
        pixels: ``(..., 2)`` float, where the pinhole camera would see them, column and row.

    Returns:
        Same shape, float64; NaN where the lens cannot see the point.
    """
    return _convert(camera, pixels, forward=True)


def undistort_pixels(camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """The inverse of ``distort_pixels``: from the picture on disk to the pinhole camera's."""
    return _convert(camera, pixels, forward=False)


def undistorted(camera: Camera) -> Camera:
    """The same camera without its lens distortion."""
    return dataclasses.replace(camera, distortion=None)


def _convert(camera: Camera, pixels: np.ndarray, forward: bool) -> np.ndarray:
    pixels = np.asarray(pixels, np.float64)
    lens = camera.distortion
    if lens is None:
        return pixels.copy()
    unit = np.array([camera.fl_x, camera.fl_y]) if lens.model != "nuke" else max(camera.width, camera.height) / 2
    center = np.array([camera.cx, camera.cy])
    points = ((pixels - center) / unit).reshape(-1, 2)
    if lens.model == "brown":
        moved = _brown(points, lens) if forward else _brown_inverse(points, lens)
    else:
        moved = _division_inverse(points, lens) if forward else _division(points, lens)
    return moved.reshape(pixels.shape) * unit + center


def _padded(lens: Distortion, count: int) -> np.ndarray:
    return np.array([*lens.coefficients, *[0.0] * (count - len(lens.coefficients))])


def _first_root(powers: np.ndarray) -> float:
    """The smallest positive x at which 1 + p0 x + p1 x² + … is 0, or infinity."""
    roots = np.roots([*powers[::-1], 1.0])
    real = roots[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)].real
    return float(real.min()) if len(real) else np.inf


def _brown(points: np.ndarray, lens: Distortion) -> np.ndarray:
    k1, k2, k3, k4, p1, p2 = _padded(lens, 6)
    x, y = points.T
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * (k3 + r2 * k4)))
    moved = np.stack([x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x), y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y], 1)
    moved[r2 >= _first_root(np.array([3 * k1, 5 * k2, 7 * k3, 9 * k4]))] = np.nan
    return moved


def _brown_inverse(points: np.ndarray, lens: Distortion) -> np.ndarray:
    k1, k2, k3, k4, p1, p2 = _padded(lens, 6)
    found = points.copy()
    for _ in range(_STEPS):
        x, y = found.T
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * (k3 + r2 * k4)))
        slope = k1 + r2 * (2 * k2 + r2 * (3 * k3 + r2 * 4 * k4))  # of radial by r²
        fx = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x) - points[:, 0]
        fy = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y - points[:, 1]
        a = radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x
        b = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y
        d = radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x
        determinant = a * d - b * b
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = np.stack([(d * fx - b * fy) / determinant, (a * fy - b * fx) / determinant], 1)
        found = found - np.clip(step, -0.5, 0.5)
    with np.errstate(invalid="ignore", over="ignore"):
        wrong = ~(np.abs(_brown(found, lens) - points).max(1) < _TOLERANCE * 1e3)
    found[wrong] = np.nan
    return found


def _division(points: np.ndarray, lens: Distortion) -> np.ndarray:
    k1, k2 = _padded(lens, 2)
    r2 = (points**2).sum(1, keepdims=True)
    moved: np.ndarray = points / (1 + r2 * (k1 + r2 * k2))
    moved[r2[:, 0] >= _division_fold(k1, k2)] = np.nan
    return moved


def _division_fold(k1: float, k2: float) -> float:
    """The r² from which on r / (1 + k1 r² + k2 r⁴) no longer grows, or jumps to infinity."""
    return min(_first_root(np.array([-k1, -3 * k2])), _first_root(np.array([k1, k2])))


def _division_inverse(points: np.ndarray, lens: Distortion) -> np.ndarray:
    k1, k2 = _padded(lens, 2)
    ideal = np.sqrt((points**2).sum(1))
    last = np.sqrt(_division_fold(k1, k2))
    low, high = np.zeros_like(ideal), np.full_like(ideal, last if np.isfinite(last) else 1e3 * max(1.0, float(ideal.max(initial=0))))
    r = np.minimum(ideal, 0.999 * high)
    for _ in range(3 * _STEPS):  # Newton's steps, halved intervals where they lead astray
        r2 = r * r
        below = 1 + r2 * (k1 + r2 * k2)
        error = r / below - ideal
        low, high = np.where(error < 0, r, low), np.where(error > 0, r, high)
        slope = (1 - r2 * (k1 + 3 * r2 * k2)) / (below * below)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = r - error / slope
        r = np.where((step > low) & (step < high), step, 0.5 * (low + high))
    with np.errstate(divide="ignore", invalid="ignore"):
        wrong = ~(np.abs(r / (1 + r * r * (k1 + r * r * k2)) - ideal) < _TOLERANCE * np.maximum(1, ideal) * 1e3)
        moved = points * np.where(ideal > 0, r / ideal, 1.0)[:, None]
    moved[wrong] = np.nan
    return moved


class Undistorter:
    """Undistorts pictures of one lens, through a map that is computed once.

    Args:
        camera: Of the pictures, with its distortion.
    """

    def __init__(self, camera: Camera) -> None:
        self.source = camera
        self.camera = undistorted(camera)
        v, u = np.mgrid[: camera.height, : camera.width]
        there = distort_pixels(camera, np.stack([u + 0.5, v + 0.5], -1))
        with np.errstate(invalid="ignore"):
            inside = (there >= 0.5).all(-1) & (there[..., 0] <= camera.width - 0.5) & (there[..., 1] <= camera.height - 0.5)
        self.inside = inside
        size = np.array([camera.width, camera.height])
        self._grid = torch.from_numpy(np.nan_to_num(there / size * 2 - 1, nan=-2.0).astype(np.float32))[None]

    def fits(self, camera: Camera) -> bool:
        """Whether the map is for this camera's lens and picture size, whatever its pose."""
        return _lens(camera) == _lens(self.source)

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """Undistorts ``(H, W, C)`` float32 by bicubic interpolation; values stay within those of the picture."""
        planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
        made = F.grid_sample(planes, self._grid, mode="bicubic", padding_mode="border", align_corners=False)
        return made[0].clamp(float(pixels.min()), float(pixels.max())).permute(1, 2, 0).contiguous().numpy()

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Undistorts ``(H, W)`` bool; True only where all interpolated pixels are inside mask and picture."""
        planes = torch.from_numpy(np.ascontiguousarray(mask, np.float32))[None, None]
        made = F.grid_sample(planes, self._grid, mode="bilinear", padding_mode="border", align_corners=False)
        return (made[0, 0].numpy() > 0.999) & self.inside


def _lens(camera: Camera) -> tuple[object, ...]:
    return camera.width, camera.height, camera.fl_x, camera.fl_y, camera.cx, camera.cy, camera.distortion

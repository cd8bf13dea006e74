"""Frames without lens distortion, for whatever knows only pinhole cameras."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...core.camera import scaled
from ...core.lens import Undistorter, distort_pixels, undistorted
from .frame import Frame

_STEP = 0.02
"""Neighbours whose depths differ by more than this part are not mixed: an edge is between them."""


class UndistortedFrames:
    """Undistorts frames; keeps the map of the latest lens, as a clip has one."""

    def __init__(self) -> None:
        self._map: Undistorter | None = None

    def frame(self, frame: Frame) -> Frame:
        """The frame of the same camera without distortion; itself if there is none.

        Colour is interpolated (bicubic), depth only within surfaces; ids, confidence and background are those of the nearest pixel; the
        mask is 1 only where all of its pixels are above 0. Other fields are dropped.
        """
        if frame.camera.distortion is None:
            return frame
        color = frame.color
        if color is not None:
            color = self._undistorter(frame, color).picture(color)
        mask = frame.mask
        if mask is not None:
            mask = self._undistorter(frame, mask).mask(mask > 0).astype(np.float32)
        made = Frame(frame.number, undistorted(frame.camera), noise=frame.noise, depth_stored=frame.depth_stored, color=color, mask=mask)
        return made if frame.depth is None else _with_depth(made, frame, frame.depth)

    def _undistorter(self, frame: Frame, pixels: np.ndarray) -> Undistorter:
        camera = scaled(frame.camera, pixels.shape[1], pixels.shape[0])
        if self._map is None or not self._map.fits(camera):
            self._map = Undistorter(camera)
        return self._map


def _with_depth(made: Frame, frame: Frame, depth: np.ndarray) -> Frame:
    """``made`` with the depth, confidence, ids and background of ``frame``, undistorted."""
    height, width = depth.shape
    v, u = np.mgrid[:height, :width]
    there = distort_pixels(frame.camera, np.stack([u + 0.5, v + 0.5], -1)) - 0.5
    with np.errstate(invalid="ignore"):
        inside = ((there > -0.5) & (there < (width - 0.5, height - 0.5))).all(-1)
    x, y = (np.nan_to_num(there[..., k], nan=0.0) for k in (0, 1))
    nearest = (np.rint(y).clip(0, height - 1).astype(np.int64), np.rint(x).clip(0, width - 1).astype(np.int64))
    return dataclasses.replace(
        made,
        depth=np.where(inside, _between(depth, x, y, depth[nearest]), np.float32(0)),
        confidence=None if frame.confidence is None else frame.confidence[nearest],
        object_id=None if frame.object_id is None else frame.object_id[nearest],
        background=None if frame.background is None else frame.background[nearest] & inside,
    )


def _between(depth: np.ndarray, x: np.ndarray, y: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """Depth between pixels: inverse depth is interpolated, which is exact on planes, but not across edges and holes."""
    height, width = depth.shape
    if height < 2 or width < 2:
        return nearest
    x0, y0 = x.astype(np.int64).clip(0, width - 2), y.astype(np.int64).clip(0, height - 2)
    fx, fy = (x - x0).clip(0, 1), (y - y0).clip(0, 1)
    corners = [depth[y0 + b, x0 + a] for b in (0, 1) for a in (0, 1)]
    low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
    smooth = (low > 0) & (high - low < _STEP * low)
    parts = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy]
    inverse = sum(part / np.where(smooth, corner, 1) for part, corner in zip(parts, corners, strict=True))
    return np.where(smooth, 1 / inverse, nearest).astype(np.float32)

"""Depth maps from behind a lens that distorts, made straight: the fusion knows only pinhole cameras."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...core.camera import scaled
from ...core.lens import Undistorter, distort_pixels
from .depth import DepthFrame

_STEP = 0.02
"""Neighbours whose depths differ by more than this part are not mixed: an edge lies between them."""


class Straight:
    """Keeps the maps of the last lens, as a clip has one."""

    def __init__(self) -> None:
        self._color: Undistorter | None = None

    def frame(self, frame: DepthFrame) -> DepthFrame:
        """The frame as a pinhole camera would have it; itself if it is straight already."""
        if frame.camera.distortion is None:
            return frame
        height, width = frame.depth.shape
        v, u = np.mgrid[:height, :width]
        there = distort_pixels(frame.camera, np.stack([u + 0.5, v + 0.5], -1)) - 0.5
        with np.errstate(invalid="ignore"):
            inside = ((there > -0.5) & (there < (width - 0.5, height - 0.5))).all(-1)
        x, y = (np.nan_to_num(there[..., k], nan=0.0) for k in (0, 1))
        nearest = (np.rint(y).clip(0, height - 1).astype(np.int64), np.rint(x).clip(0, width - 1).astype(np.int64))
        color = frame.color
        if color is not None:
            camera = scaled(frame.camera, color.shape[1], color.shape[0])
            if self._color is None or not self._color.fits(camera):
                self._color = Undistorter(camera)
            color = self._color.picture(color)
        return dataclasses.replace(
            frame,
            camera=dataclasses.replace(frame.camera, distortion=None),
            depth=np.where(inside, _between(frame.depth, x, y, frame.depth[nearest]), np.float32(0)),
            color=color,
            confidence=None if frame.confidence is None else frame.confidence[nearest],
            ids=None if frame.ids is None else frame.ids[nearest],
            background=None if frame.background is None else frame.background[nearest] & inside,
        )


def _between(depth: np.ndarray, x: np.ndarray, y: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """Depth at places between pixels: inverse depth is interpolated, which is exact on planes, but not across edges and holes."""
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

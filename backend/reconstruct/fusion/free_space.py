"""Depth that cannot be true because another frame looks right through it: something moved, or a sensor was wrong.

A few frames, spread over the shot, are kept as small depth maps of the nearest surface in each cell and its neighbours, so that pixels
next to an edge are never taken for a contradiction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import torch
from torch import Tensor

from ....shared.values import DEPTH_BACKGROUND
from ...core.camera import Intrinsics, intrinsics, view_matrix
from ...core.compiled import Real, kernel
from ...io.frames.frame import DepthFrame

CELLS = 160
"""Cells across the longer side of a kept depth map."""
RELATIVE = 0.02
"""A point must lie before the surface by this part of its distance as well."""
_f = np.float32


class FreeSpace:
    """What some frames know to be empty.

    Args:
        frames: Frames to hold others against.
        margin: Scene units that a point must lie before a surface to be in free space.
    """

    def __init__(self, frames: Sequence[DepthFrame], margin: float) -> None:
        self.margin = margin
        self.numbers = [frame.number for frame in frames]
        maps = [_nearest_surface(frame) for frame in frames]
        height, width = (max((m.shape[k] for m in maps), default=1) for k in (0, 1))
        self._maps = np.zeros((len(maps), height, width), np.float32)
        self._sizes = np.zeros((len(maps), 2), np.int32)
        self._views = np.zeros((len(maps), 3, 4))
        self._lenses = np.zeros((len(maps), 4))
        for n, (frame, small) in enumerate(zip(frames, maps, strict=True)):
            rows, columns = small.shape
            self._maps[n, :rows, :columns], self._sizes[n] = small, small.shape
            camera = frame.camera
            x, y = columns / camera.width, rows / camera.height
            self._lenses[n] = camera.fl_x * x, camera.fl_y * y, camera.cx * x, camera.cy * y
            self._views[n] = view_matrix(camera)[1]

    def contradicted(self, frame: DepthFrame, stride: int = 1) -> np.ndarray:
        """``(ceil(H / stride), ceil(W / stride))`` int8 for every ``stride``-th pixel: 1 contradicted, 0 not, -1 no measurement.

        A pixel is contradicted when at least two frames (one, if fewer than three look there) see through it, and more than half as
        many as see a surface there.
        """
        depth = np.ascontiguousarray(frame.depth[::stride, ::stride])
        result = np.empty(depth.shape, np.int8)
        camera, (pose, _) = frame.camera, view_matrix(frame.camera)
        own = self.numbers.index(frame.number) if frame.number in self.numbers else -1
        lens, maps = intrinsics(camera), (self._maps, self._sizes, self._views, self._lenses)
        _contradicted(depth, stride, lens, pose, *maps, own, self.margin, RELATIVE, result)
        return result

    def contradicted_torch(self, frame: DepthFrame, stride: int = 1, device: torch.device | str = "cpu") -> Tensor:
        """The same in torch, on any device."""
        depth = torch.from_numpy(np.ascontiguousarray(frame.depth[::stride, ::stride])).to(device).double()
        camera, (pose, _) = frame.camera, view_matrix(frame.camera)
        height, width = depth.shape
        u = torch.arange(width, device=device) * stride + 0.5
        v = (torch.arange(height, device=device) * stride + 0.5)[:, None]
        local = torch.stack([(u - camera.cx) / camera.fl_x * depth, (v - camera.cy) / camera.fl_y * depth, depth], -1)
        matrix = torch.from_numpy(pose).to(device)
        points = local @ matrix[:, :3].T + matrix[:, 3]
        through, agree = (
            torch.zeros(depth.shape, dtype=torch.int32, device=device),
            torch.zeros(depth.shape, dtype=torch.int32, device=device),
        )
        for n, number in enumerate(self.numbers):
            if number == frame.number:
                continue
            view = torch.from_numpy(self._views[n]).to(device)
            x, y, z = (points @ view[:, :3].T + view[:, 3]).unbind(-1)
            fl_x, fl_y, cx, cy = self._lenses[n]
            rows, columns = (int(k) for k in self._sizes[n])
            a, b = x / z * fl_x + cx, y / z * fl_y + cy
            inside = (depth > 0) & (z > 1e-6) & (a >= 0) & (b >= 0) & (a < columns) & (b < rows)
            small = torch.from_numpy(self._maps[n]).to(device).double()
            surface = small[torch.where(inside, b, 0).long(), torch.where(inside, a, 0).long()]
            known = inside & (surface > 0)
            gap = self.margin + RELATIVE * z
            through += (known & (z < surface - gap)).int()
            agree += (known & ((z - surface).abs() <= gap)).int()
        result = _verdict(through, agree).to(torch.int8)
        return torch.where(depth > 0, result, torch.full_like(result, -1))


def _verdict(through: Tensor, agree: Tensor) -> Tensor:
    enough = torch.where(through + agree < 3, 1, 2)
    return (through >= enough) & (2 * through > agree)


def _nearest_surface(frame: DepthFrame) -> np.ndarray:
    """Depth of the nearest surface in cells of the picture and their neighbours; 0 where a cell holds no measurement.

    Background of a render is as far as can be.
    """
    depth = frame.depth if frame.background is None else np.where(frame.background, np.float32(DEPTH_BACKGROUND), frame.depth)
    step = max(-(-max(depth.shape) // CELLS), 1)
    rows, columns = -(-depth.shape[0] // step), -(-depth.shape[1] // step)
    padded = np.full((rows * step, columns * step), np.inf, np.float32)
    padded[: depth.shape[0], : depth.shape[1]] = np.where(depth > 0, depth, np.inf)
    cells = padded.reshape(rows, step, columns, step).min((1, 3))
    around = np.pad(cells, 1, constant_values=np.inf)
    near = np.minimum.reduce([around[b : b + rows, a : a + columns] for b in range(3) for a in range(3)])
    return np.where(np.isfinite(cells), near, np.float32(0))


@kernel(parallel=True)
def _contradicted(
    depth: np.ndarray, stride: int, lens: Intrinsics, pose: np.ndarray, maps: np.ndarray, sizes: np.ndarray,
    views: np.ndarray, lenses: np.ndarray, own: int, margin: Real, relative: Real, result: np.ndarray,
) -> None:  # fmt: skip
    """Parameters: the frame, its camera and the kept maps as arrays and scalars of the kernel."""
    fl_x, fl_y, cx, cy = lens
    height, width = depth.shape
    for v in numba.prange(height):
        for u in range(width):
            d = np.float64(depth[v, u])
            if not d > 0:
                result[v, u] = -1
                continue
            x, y = (u * stride + 0.5 - cx) / fl_x * d, (v * stride + 0.5 - cy) / fl_y * d
            px = pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * d + pose[0, 3]
            py = pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * d + pose[1, 3]
            pz = pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * d + pose[2, 3]
            through, agree = 0, 0
            for n in range(len(maps)):
                if n == own:
                    continue
                z = views[n, 2, 0] * px + views[n, 2, 1] * py + views[n, 2, 2] * pz + views[n, 2, 3]
                if z <= 1e-6:
                    continue
                qx = views[n, 0, 0] * px + views[n, 0, 1] * py + views[n, 0, 2] * pz + views[n, 0, 3]
                qy = views[n, 1, 0] * px + views[n, 1, 1] * py + views[n, 1, 2] * pz + views[n, 1, 3]
                a, b = qx / z * lenses[n, 0] + lenses[n, 2], qy / z * lenses[n, 1] + lenses[n, 3]
                if a < 0 or b < 0 or a >= sizes[n, 1] or b >= sizes[n, 0]:
                    continue
                surface = np.float64(maps[n, int(b), int(a)])
                if surface <= 0:
                    continue
                gap = margin + relative * z
                if z < surface - gap:
                    through += 1
                elif z <= surface + gap:
                    agree += 1
            enough = 1 if through + agree < 3 else 2
            result[v, u] = 1 if through >= enough and 2 * through > agree else 0

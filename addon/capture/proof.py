"""Whether the camera that is noted for a frame is the one that the renderer used: measured against the renderer's own positions.

Depth is unprojected with the noted camera; the pass Position, which the renderer writes in world space, says where the points are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...shared.errors import InputError
from ...shared.values import Camera
from .exr_rows import Rows
from .scene_copy import VIEW_LAYER

EVERY = 10
"""Every tenth frame is measured, the first and the last, and each with another camera object than the one before: the pass makes a
file about twice as large."""
ENOUGH = 64
"""Points."""
MOST_BLOCKS = 12
TOLERANCE = 1e-3
"""Of the distance. Float depth is good to 2e-5 of it."""
_FLOAT = 2.0**-20
"""Of the coordinates: float32 with a few roundings."""
_BACKGROUND = 1e9


def distance(path: Path, camera: Camera) -> float | None:
    """How far unprojected points are from where the renderer says that they are.

    Args:
        path: A file with the passes Depth and Position.
        camera: As noted for the frame.

    Returns:
        The 95th percentile in scene units; None where nothing is seen in the rows that are looked at.

    Raises:
        InputError: The camera is not the one that was rendered.
    """
    try:
        depth, point, pixel = _points(Rows(path))
    except (OSError, ValueError, KeyError):
        return None  # another kind of file than Blender has written so far: there is nothing to measure
    if not len(depth):
        return None
    ray = np.stack([(pixel[:, 0] - camera.cx) / camera.fl_x, -(pixel[:, 1] - camera.cy) / camera.fl_y, -np.ones(len(depth))], 1)
    found = camera.camera_to_world[:3, 3] + (ray * depth[:, None]) @ camera.camera_to_world[:3, :3].T
    away = np.linalg.norm(found - point, axis=1)
    allowed = TOLERANCE * np.linalg.norm(ray, axis=1) * depth + _FLOAT * np.abs(point).max(1)
    if np.median(away / allowed) > 1:
        raise InputError(
            message="The camera cannot be noted as it was rendered", expected="points where the renderer has them",
            got=f"a distance of {np.median(away):.3g} in {path.name}",
            fix="Bake the camera's motion (Object > Animation > Bake Action) and capture again",
        )  # fmt: skip
    return float(np.percentile(away, 95))


def _points(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth, position and pixel (its centre) of points that are spread over the picture."""
    depths, points, pixels = [np.zeros(0)], [np.zeros((0, 3))], [np.zeros((0, 2))]
    step = max(1, -(-rows.count // MOST_BLOCKS))
    middle = rows.count // 2
    for index in sorted(range(middle % step, rows.count, step), key=lambda index: abs(index - middle)):
        top, found = rows.block(index)
        depth = found[f"{VIEW_LAYER}.Depth.Z"]
        v, u = np.mgrid[: depth.shape[0], : depth.shape[1]] + 0.5
        seen = depth < _BACKGROUND
        depths.append(depth[seen])
        points.append(np.stack([found[f"{VIEW_LAYER}.Position.{axis}"][seen] for axis in "XYZ"], 1))
        pixels.append(np.stack([u[seen], v[seen] + top], 1))
        if sum(map(len, depths)) >= ENOUGH and index != middle:
            break
    return np.concatenate(depths), np.concatenate(points), np.concatenate(pixels)

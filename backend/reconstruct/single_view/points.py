"""Depth from a map of points whose distance is known up to a shift, given the camera's field of view.

Networks such as MoGe (R. Wang et al., 2024) give points (x, y, z) up to a shift of z that depends on the focal length. The camera is
known here, so the shift is the one that puts the points on their pixels' rays: x = u (z + t), y = v (z + t) with u, v the rays' slopes.
"""

from __future__ import annotations

import numpy as np

from ....shared.errors import InputError
from ....shared.values import Camera
from .networks import Estimate


def depth_of_points(found: Estimate, camera: Camera) -> tuple[np.ndarray, list[str]]:
    """Planar depth, ``(h, w)`` float32, and notes.

    Args:
        found: With ``(h, w, 3)`` values: x to the right, y down, z away.
        camera: Of the plate.

    Raises:
        InputError: The points do not lie on any camera's rays.
    """
    points = found.values.astype(np.float64)
    height, width = points.shape[:2]
    slope_x = ((np.arange(width) + 0.5) / width * camera.width - camera.cx) / camera.fl_x
    slope_y = ((np.arange(height) + 0.5) / height * camera.height - camera.cy) / camera.fl_y
    u, v = np.broadcast_to(slope_x, (height, width)), np.broadcast_to(slope_y[:, None], (height, width))
    keep = found.valid
    x, y, z = (points[..., k][keep] for k in range(3))
    u, v = u[keep], v[keep]
    weight = np.ones(len(z))
    shift = 0.0
    for _ in range(10):  # least absolute deviations, by reweighting
        shift = float((weight * (u * (x - u * z) + v * (y - v * z))).sum() / max((weight * (u * u + v * v)).sum(), 1e-12))
        miss = np.hypot(x - u * (z + shift), y - v * (z + shift))
        weight = 1 / np.maximum(miss, 1e-3 * max(float(np.median(np.abs(z))), 1e-9))
    depth = points[..., 2] + shift
    off = float(np.median(miss / np.maximum(np.abs(z + shift), 1e-9)))
    if not off < 0.25 or (depth[keep] > 0).mean() < 0.9:
        raise InputError(
            expected="points of the network on the rays of the camera", got=f"off by {off:.0%} of their distance",
            fix="Check the field of view",
        )  # fmt: skip
    notes = [] if found.metric else ["The network's points have no unit: give tracks or a known distance for the scale"]
    if off > 0.05:
        notes.append(f"The network saw another field of view than the camera's (its points are {off:.0%} off the rays)")
    return depth.astype(np.float32), notes

"""Depth ranges where no tracks tell them: a wide sweep through a few frames, which also finds out whether there is any parallax."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from ....shared.errors import InputError
from ...core.camera import camera_centre
from .engine import Task
from .geometry import pairs
from .matching import Pyramid, levels_for
from .solve_check import check_parallax, no_parallax
from .view_selection import Range, widened
from .views import View

PROBES = 6
"""Frames that are looked at."""
SOURCES = 4
REACH = 0.35
"""Farthest movement that is tried, in widths of the picture, between a frame and the second closest of its sources."""
MAX_PLANES = 512
GOOD_COST = 0.25
MIN_MOVEMENT = 1.0
"""Pixels at the matched size that depth has to move things, else the camera only turns."""
_f = np.float32


def probe_ranges(views: Sequence[View], device: torch.device, report: Callable[[float, str], None]) -> list[Range]:
    """One range, for every view, from sweeps over all depths.

    Raises:
        InputError: Nothing matches, or what matches does so at any depth: the camera only turns.
    """
    check_parallax([v.camera for v in views], None)
    chosen = np.unique(np.linspace(0, len(views) - 1, min(PROBES, len(views))).round().astype(int))
    inverses, movements = [], []
    for n, i in enumerate(chosen):
        report(n / len(chosen), f"looking for depths {n + 1}/{len(chosen)}")
        inverse, movement = _probe(views, int(i), device)
        inverses.append(inverse)
        movements.append(movement)
    every, moved = np.concatenate(inverses), np.concatenate(movements)
    if len(every) >= 20 and float(np.median(moved)) < MIN_MOVEMENT:
        msg = f"pictures that move by {float(np.median(moved)):.2g} px for their depth; the rest is the camera turning"
        raise no_parallax(msg)
    near = every[every > 0]
    if len(near) < 20:
        raise InputError(
            expected="frames that match each other along the solved camera's path",
            got=f"{len(near)} points that do",
            fix="Check that poses, focal length and lens are those of this clip, that frame numbers agree, and that something has texture",
        )
    found = widened(1 / near)
    return [Range(found.near, found.far, found.median)] * len(views)


def _probe(views: Sequence[View], index: int, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """Inverse depths that are reliable in one view, and by how many pixels at the matched size they move its farthest source."""
    view = views[index]
    axis = view.camera.camera_to_world[:3, 2]
    distances = {
        j: float(np.linalg.norm(camera_centre(v.camera) - camera_centre(view.camera)))
        for j, v in enumerate(views)
        if j != index and float(v.camera.camera_to_world[:3, 2] @ axis) > 0.7
    }
    usable = sorted((j for j in distances if distances[j] > 0), key=lambda j: distances[j])
    order = usable[:2] + usable[2::2][: SOURCES - 2]
    if not order:
        return np.zeros(0, _f), np.zeros(0, _f)
    levels = levels_for(view.camera.width, view.camera.height)
    own, others = Pyramid(view, levels), [Pyramid(views[j], levels) for j in order]
    gray, mask = own.gray[-1], own.mask[-1]
    images, masks = np.stack([o.gray[-1].reshape(-1) for o in others]), np.stack([o.mask[-1].reshape(-1) for o in others])
    link = pairs(view.camera, [views[j].camera for j in order], 0.5**levels)
    per_inverse = np.linalg.norm(link.t[:, :2] - link.t[:, 2:] * [[gray.shape[1] / 2, gray.shape[0] / 2]], axis=1)
    top = REACH * gray.shape[1] / max(float(np.sort(per_inverse)[min(1, len(order) - 1)]), 1e-12)
    count = int(np.clip(top * per_inverse.max() / 0.5, 64, MAX_PLANES))
    planes = np.linspace(0, top, count).astype(_f)
    task = Task(gray, mask, images, masks, link, (0.0, top), device)
    field, cost = task.sweep(planes)
    task.improve(field, cost, 2, 1.0, 0, 1000)
    reliable = (cost < GOOD_COST) & (mask > 0)
    inverse = field[..., 0][reliable]
    return inverse, inverse * _f(per_inverse.max() * 2.0**levels)

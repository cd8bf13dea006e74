"""Cuts between scenes, and vectors that do not belong to the frames: both are seen by warping ids and depth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch

from ....shared.errors import InputError
from ...core.morphology import dilate
from ...core.sampling import grid, inside, nearest
from ...io.frames.frame import Frame
from ...io.frames.shot import Shot
from ..consistency import consistent
from . import occlusion
from .passes import ids_of, outside
from .trace import Geometry

SAME_SCENE = 0.55
"""Part of the pixels whose id and depth must be met again; 0.9 and more within a shot, 0.1 to 0.4 across a cut."""
_BAND = 3
"""Pixels on either side of an id's border in which wrong vectors show first."""
_MARGIN = 0.012
"""By how much changed vectors must fit better before the given ones are refused; right ones fit best by 0.003 to 0.2."""
_LEAST_BACK = 0.5
"""Part of the pixels that vectors must lead to and fro; 0.9 and more in a render."""
_OTHERS = {
    "y pointing down": (-1.0, 1.0),
    "the opposite direction": (-1.0, -1.0),
    "half the length": (0.5, 0.5),
    "twice the length": (2.0, 2.0),
    "no motion": (0.0, 0.0),
}


@dataclasses.dataclass(frozen=True)
class Joint:
    """How two neighbouring frames fit.

    Attributes:
        agreement: Part of the pixels whose id and depth are met where the vectors lead, of those that lead into the frame and, with a
            cropped render region, into that; 0 when the vectors lead nowhere.
        border: The same of ids alone, near their borders and on the side that is in front.
        others: ``border`` for vectors that were changed, by what was changed.
        motion: Mean length of the vectors near borders, pixels.
        back: Part of the pixels that meet their object from where its vector to the next frame leads back, within half a pixel and a
            twentieth of the way.
    """

    agreement: float
    border: float
    others: dict[str, float]
    motion: float
    back: float


def joint(before: Frame, after: Frame, device: torch.device) -> Joint:
    """Compares two frames of which ``after`` comes right after ``before``."""
    here, there = Geometry.of(after, device, use_rest=False), Geometry.of(before, device, use_rest=False)
    size = after.size
    start = grid(size, device)
    near_border = dilate(occlusion.edges(here.ids), _BAND)

    rendered, before_rendered = (torch.from_numpy(~outside(p)).to(device) for p in (after, before))

    def ids_met(way: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        places = start + way
        return nearest(there.ids, places) == here.ids, inside(places, size) & rendered & nearest(before_rendered, places)

    met, within = ids_met(here.previous)
    depth = nearest(there.depth, start + here.previous)
    close = (torch.isinf(depth) & torch.isinf(here.depth)) | ((depth - here.depth).abs() < 0.25 * here.depth)
    enough = float(within.float().sum()) > 0.15 * float(rendered.float().sum())
    agreement = float((met & close)[within].float().mean()) if enough else 0.0
    # Only what is in front: behind its border things come into view, and their ids cannot be met.
    band = near_border & within & occlusion.front(here.depth, _BAND)
    others = {}
    for name, factors in _OTHERS.items():
        ok, _ = ids_met(here.previous * here.previous.new_tensor(factors)[:, None, None])
        others[name] = _mean(ok, band)
    length = here.previous.square().sum(0).sqrt()
    off = torch.stack([own + nearest(back, start + here.previous) for own, back in zip(here.previous, there.next, strict=True)])
    back = _mean(consistent(off, here.previous), met & within)
    return Joint(agreement, _mean(met, band), others, _mean(length, band), back)


def scenes(shot: Shot, device: torch.device, report: Callable[[float], None] | None = None) -> list[tuple[int, int]]:
    """Splits a shot where its frames do not belong together.

    Args:
        shot: The frames.
        device: Where to compare.
        report: Called with the fraction done, or None.

    Returns:
        First and last + 1 place in the order of each scene.

    Raises:
        InputError: The vectors are empty although things move (motion blur), or do not match the frames.
    """
    starts, joints, still = [0], [], []
    moved = False
    for index in range(1, len(shot)):
        if report is not None:
            report(index / len(shot))
        before, after = shot.at(index - 1), shot.at(index)
        if not shot.follows(index):
            starts.append(index)
            continue
        fit = joint(before, after, device)
        still.append(not (_any(after.to_previous) or _any(before.to_next)))
        moved = moved or (still[-1] and _moved(before, after))
        joints.append(fit)
        if fit.agreement < SAME_SCENE:
            starts.append(index)
    if still and all(still) and moved:
        raise InputError(
            expected="motion vectors in the Vector pass",
            got=f"a pass that is 0 everywhere in all {len(shot)} frames although the picture moves",
            fix="Switch off Render Properties > Motion Blur (it disables the pass) and render the passes again",
        )
    _check(joints)
    return list(zip(starts, [*starts[1:], len(shot)], strict=True))


def _check(joints: list[Joint]) -> None:
    """``InputError`` when changed vectors fit clearly better, or when hardly any two frames fit."""
    moving = [j for j in joints if j.motion > 0.3]
    if not moving:
        return
    given = float(np.median([j.border for j in moving]))
    name, best = max(((n, float(np.median([j.others[n] for j in moving]))) for n in _OTHERS), key=lambda item: item[1])
    fix = "Use the Vector pass of this very render: pixels at full resolution, y up, previous then next frame (docs/PROTOCOL.md)"
    if best > given + _MARGIN:
        got = f"ids met by {100 * given:.0f} % of the pixels near borders, by {100 * best:.0f} % with vectors of {name}"
        raise InputError(expected="vectors that lead to the same object in the previous frame", got=got, fix=fix)
    poor = [j for j in moving if j.agreement < SAME_SCENE]
    if len(moving) >= 3 and len(poor) > 0.6 * len(moving):
        got = f"objects and depth met again by {100 * float(np.median([j.agreement for j in poor])):.0f} % of the pixels"
        raise InputError(expected="vectors that lead to the same object in the previous frame", got=got, fix=fix)
    back = float(np.median([j.back for j in moving]))
    if back < _LEAST_BACK:
        got = f"such ones at {100 * back:.0f} % of the pixels"
        raise InputError(expected="vectors to the next frame that undo those to the previous one", got=got, fix=fix)


def _moved(before: Frame, after: Frame) -> bool:
    """Whether camera or geometry changed at all."""
    if not np.allclose(before.camera.camera_to_world, after.camera.camera_to_world, atol=1e-6):
        return True
    return bool((ids_of(before) != ids_of(after)).mean() > 1e-3)


def _any(vectors: np.ndarray | None) -> bool:
    return vectors is not None and bool(vectors.any())


def _mean(values: torch.Tensor, where: torch.Tensor) -> float:
    return float(values[where].float().mean()) if bool(where.any()) else 1.0

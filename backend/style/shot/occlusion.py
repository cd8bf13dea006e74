"""What is seen in two frames: ids and depth agree where the vectors lead, and the vectors are consistent forward and backward.

Visibility is exact up to the passes' sampling: ids, depth and vectors are taken at pixel centres, so that along silhouettes a pixel's
colour belongs to two surfaces. ``edges`` finds those pixels; measures leave them out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ...core.filters import central_differences
from ...core.morphology import dilate, erode
from ...core.sampling import grid
from ..consistency import consistent

LOOSE_SLACK = 0.6
"""``consistency.SLACK`` and a little: the vector back is that of the nearest pixel."""
DEPTH_STEP = 0.12
"""Part of its depth by which a surface point may come nearer or go away between neighbouring frames."""


def edges(ids: torch.Tensor) -> torch.Tensor:
    """Pixels ``(H, W)`` bool that touch another id, diagonally too."""
    return dilate(ids, 1) != erode(ids, 1)


def front(depth: torch.Tensor, reach: int = 1) -> torch.Tensor:
    """Pixels ``(H, W)`` bool that nothing next to them hides: nothing within ``reach`` pixels is clearly nearer."""
    finite = torch.where(torch.isinf(depth), 1e9, depth)
    return finite <= 1.05 * erode(finite, reach)


Here = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""A frame's ids ``(H, W)``, depth ``(H, W)`` and displacements ``(2, H, W)`` to the other frame."""


def agrees(here: Here, there: Here, at: tuple[torch.Tensor, torch.Tensor], rest: tuple[torch.Tensor, torch.Tensor] | None) -> torch.Tensor:
    """Whether each pixel of one frame shows the surface that a pixel of the other shows.

    Args:
        here: The frame.
        there: Its neighbour, with the displacements back.
        at: Row and column ``(H, W)`` int64 of the other frame's pixel, at most one from where the displacement leads.
        rest: Rest positions ``(3, H, W)`` of both frames, or None: where they are known they decide about surfaces that hide parts of
            themselves.

    Returns:
        ``(H, W)`` bool.
    """
    ids, depth, way = here
    start = grid((int(ids.shape[0]), int(ids.shape[1])), ids.device)
    pixel = torch.stack([at[0].float(), at[1].float()])
    seen = there[0][at] == ids
    other = there[1][at]
    both = torch.isinf(other) & torch.isinf(depth)
    seen &= both | ((other - depth).abs() <= DEPTH_STEP * depth + _span(there[1])[at])
    # The pixel's way back starts a little next to the position: both ends are moved by the same.
    landed = pixel + there[2][:, at[0], at[1]]
    seen &= consistent(landed - start - (pixel - (start + way)), way, LOOSE_SLACK)
    if rest is not None:
        mine, theirs = rest
        apart = (theirs[:, at[0], at[1]] - mine).square().sum(0).sqrt()
        away = (pixel - (start + way)).square().sum(0).sqrt()
        # Neighbouring pixels' distance on the surface is the yardstick.
        seen &= apart <= (1.0 + away) * _steps(mine) + 1e-4
    return seen


def _span(depth: torch.Tensor) -> torch.Tensor:
    """Difference of depth to the neighbours, without jumps to the background, ``(H, W)``."""
    finite = torch.where(torch.isinf(depth), torch.zeros_like(depth), depth)
    dx, dy = central_differences(finite[None])
    return torch.minimum((dx.abs() + dy.abs())[0], 0.1 * finite.abs())


def _steps(rest: torch.Tensor) -> torch.Tensor:
    """The larger distance to the neighbours on either side, the smaller of both sides of each axis, ``(H, W)``."""
    padded = F.pad(rest[None], (1, 1, 1, 1), mode="replicate")[0]
    sides = []
    for a, b in (((1, 0), (1, 2)), ((0, 1), (2, 1))):
        one, two = ((padded[:, r : r + rest.shape[1], c : c + rest.shape[2]] - rest).square().sum(0).sqrt() for r, c in (a, b))
        one, two = torch.where(one == 0, two, one), torch.where(two == 0, one, two)
        sides.append(torch.minimum(one, two))
    return torch.maximum(*sides)

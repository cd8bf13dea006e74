"""Thin curved strokes on the torus: blades of grass, hair of moss, fibres, needles of ice. The highest is seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

_LEVELS = 1 << 20


@dataclasses.dataclass(frozen=True)
class Strokes:
    """The highest stroke at every pixel of a grid ``fine`` times as dense as the tile's.

    Attributes:
        id: ``(h, w)`` int64 its number from 1, 0 where there is none.
        z: ``(h, w)`` its height in 0..1, 0 where there is none.
        along: ``(h, w)`` 0 at its root, 1 at its tip.
        across: ``(h, w)`` -1..1 from edge to edge.
        fine: How many times denser than the tile.
    """

    id: Tensor
    z: Tensor
    along: Tensor
    across: Tensor
    fine: int

    def pick(self, values: Tensor) -> Tensor:
        """``values`` ``(count,)`` of each stroke at its pixels; 0 where there is none."""
        return torch.cat([torch.zeros(1), values])[self.id]

    def shrink(self, field: Tensor) -> Tensor:
        """``(h, w)`` or ``(c, h, w)`` averaged down to the tile's pixels: smooth edges."""
        if self.fine == 1:
            return field
        flat = field if field.dim() == 3 else field[None]
        small = torch.nn.functional.avg_pool2d(flat[None], self.fine)[0]
        return small if field.dim() == 3 else small[0]


def draw(
    size: int,
    points: Tensor,
    angle: Tensor,
    length: Tensor,
    width: Tensor,
    bend: Tensor,
    rise: Callable[[Tensor, Tensor], Tensor],
    taper: Callable[[Tensor], Tensor],
    fine: int = 2,
) -> Strokes:
    """Draws strokes that leave their root along an angle and bend evenly.

    Args:
        size: Pixels across and down the tile.
        points: ``(count, 2)`` x and y of the roots in the tile's pixels; anywhere, they wrap.
        angle: ``(count,)`` radians at the root, clockwise from x as y points down.
        length: ``(count,)`` pixels.
        width: ``(count,)`` pixels at the widest.
        bend: ``(count,)`` radians turned from root to tip.
        rise: ``rise(along, across)`` with ``(1, T, 1)`` in 0..1 and ``(1, 1, W)`` in -1..1 gives the height in 0..1, ``(count, T, W)``.
        taper: ``taper(along)`` share of the width, 0..1.
        fine: Grid cells per pixel.
    """
    count, side = len(points), size * fine
    steps = max(int(float(length.max()) * fine / 0.8) + 2, 3)
    wide = max(int(float(width.max()) * fine / 0.8) + 1, 1)
    t = torch.linspace(0, 1, steps)[None, :, None]
    w = torch.linspace(-1, 1, wide)[None, None, :] if wide > 1 else torch.zeros(1, 1, 1)
    turn = torch.where(bend.abs() < 1e-3, torch.full_like(bend, 1e-3), bend)[:, None, None]
    start = angle[:, None, None]
    here = start + turn * t
    reach = (length * fine)[:, None, None] / turn
    cos, sin = torch.cos(here), torch.sin(here)
    x = points[:, 0, None, None] * fine + reach * (sin - torch.sin(start))
    y = points[:, 1, None, None] * fine - reach * (cos - torch.cos(start))
    half = (width * (0.5 * fine))[:, None, None] * taper(t)
    columns = (x - sin * half * w).floor().long() % side
    rows = (y + cos * half * w).floor().long() % side
    shape = (count, steps, wide)
    samples = count * steps * wide
    z = (rise(t, w).expand(shape).clamp(0, 1) * (_LEVELS - 1)).long() + 1
    key = z.reshape(-1) * samples + torch.arange(samples)
    top = torch.zeros(side * side, dtype=torch.int64).scatter_reduce_(0, (rows * side + columns).reshape(-1), key, "amax")
    top = top.reshape(side, side)
    there, sample = top > 0, top % samples
    index = sample // (steps * wide)
    along = t.flatten()[(sample // wide) % steps]
    across = w.flatten()[sample % wide]
    zero = torch.zeros(())
    return Strokes(
        torch.where(there, index + 1, 0),
        torch.where(there, (top // samples).float() / _LEVELS, zero),
        torch.where(there, along, zero),
        torch.where(there, across, zero),
        fine,
    )

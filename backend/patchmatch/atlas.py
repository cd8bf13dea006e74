"""Several sources as one: their pixels lie one above the other on a sheet, so that one match field can point into all of them.

Patches that would straddle two sources, or that hold pixels which must not be used, are marked as unusable.
"""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F

from ..core.morphology import dilate
from . import pyramid
from .descriptor import PATCH

Planes = torch.Tensor | tuple[torch.Tensor, ...]
"""``(C, H, W)`` of one source, or one tensor for each source."""

_SNAP_STEPS = 24


@dataclasses.dataclass(frozen=True)
class Sheet:
    """The layout of an atlas at one level.

    Attributes:
        sizes: Height and width of each source.
        tops: First row of each source on the sheet.
        usable: ``(K,)`` bool, which patches of the sheet may be used, row by row; None when all may.
    """

    sizes: tuple[tuple[int, int], ...]
    tops: tuple[int, ...]
    usable: torch.Tensor | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the sheet."""
        return self.tops[-1] + self.sizes[-1][0], max(w for _, w in self.sizes)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return pyramid.grid_of(self.size)

    def stack(self, planes: Planes) -> torch.Tensor:
        """Planes of all sources, resized to this level and laid out, ``(C, H, W)``; zeros next to narrower sources."""
        if isinstance(planes, torch.Tensor):
            return pyramid.resize(planes, self.sizes[0])
        width = self.size[1]
        small = [pyramid.resize(p, s) for p, s in zip(planes, self.sizes, strict=True)]
        return torch.cat([F.pad(p, (0, width - p.shape[2])) for p in small], 1) if len(small) > 1 else small[0]

    def member_of(self, rows: torch.Tensor) -> torch.Tensor:
        """Which source each row of the sheet belongs to."""
        return torch.bucketize(rows, torch.tensor(self.tops[1:], device=rows.device, dtype=rows.dtype), right=True)

    def snap(self, field: torch.Tensor) -> torch.Tensor:
        """The field with every unusable patch replaced by a usable one near it."""
        if self.usable is None:
            return field
        columns = self.grid[1]
        flat = field[0].long() * columns + field[1]
        if bool(self.usable[flat].all()):
            return field
        usable = self.usable.view(1, 1, *self.grid)
        index = torch.arange(usable.numel(), device=field.device, dtype=torch.float64).view(1, 1, *self.grid)
        nearest = torch.where(usable, index, -1.0)
        for _ in range(_SNAP_STEPS):
            if bool((nearest >= 0).all()):
                break
            nearest = torch.where(nearest >= 0, nearest, dilate(nearest, 1))
        nearest = torch.where(nearest >= 0, nearest, nearest.max())
        found = nearest.view(-1)[flat].long()
        return torch.stack([found // columns, found % columns]).int()


class Atlas:
    """Sources that are searched together.

    Args:
        planes: ``(C, h, w)`` float32 for each source; the first one decides about the levels.
        usable: ``(1, h, w)`` for each source, 1 where its pixels may be used and 0 elsewhere; None where all may.
    """

    def __init__(self, planes: tuple[torch.Tensor, ...], usable: tuple[torch.Tensor | None, ...] | None = None) -> None:
        self.planes = planes
        self.usable = usable or (None,) * len(planes)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the first source."""
        return int(self.planes[0].shape[1]), int(self.planes[0].shape[2])

    def sheet(self, factor: float) -> Sheet:
        """The layout at a scale."""
        sizes = tuple(pyramid.size_at((int(p.shape[1]), int(p.shape[2])), factor) for p in self.planes)
        tops, row = [], 0
        for height, _ in sizes:
            tops.append(row)
            row += height
        plain = Sheet(sizes, tuple(tops), None)
        if len(sizes) == 1 and self.usable[0] is None:
            return plain
        device = self.planes[0].device
        whole = tuple(
            torch.ones(1, int(p.shape[1]), int(p.shape[2]), device=device) if u is None else u
            for p, u in zip(self.planes, self.usable, strict=True)
        )
        bad = (plain.stack(whole) < 0.999).float()
        # The row after a source counts as bad for patches that begin above it, so none straddles two sources.
        straddles = torch.zeros(plain.grid[0], dtype=torch.bool, device=device)
        for top in tops[1:]:
            straddles[max(0, top - PATCH + 1) : top] = True
        usable = (F.max_pool2d(bad[None], PATCH, 1)[0, 0] == 0) & ~straddles[:, None]
        return dataclasses.replace(plain, usable=usable.flatten())


def refine(
    field: torch.Tensor, output: tuple[tuple[int, int], tuple[int, int]], coarse: Sheet, fine: Sheet, tile: tuple[bool, bool]
) -> torch.Tensor:
    """The match field at the next finer level, every patch in the source in which it was.

    Args:
        field: ``(2, gh, gw)`` int32 on the coarse sheet.
        output: Sizes of the output at the coarse and at the fine level.
        coarse: Layout of the coarse level.
        fine: Layout of the fine level.
        tile: Whether y, x wrap.
    """
    if len(coarse.sizes) == 1:
        return fine.snap(pyramid.refine(field, output, (coarse.sizes[0], fine.sizes[0]), tile))
    member = coarse.member_of(field[0])
    shape = pyramid.grid_of(output[1], tile)
    result = torch.zeros(2, *shape, dtype=torch.int32, device=field.device)
    parents, _ = pyramid.parents(output, (field.shape[1], field.shape[2]), tile, field.device)
    owner = member[parents[0]][:, parents[1]]
    for number, (before, after) in enumerate(zip(coarse.sizes, fine.sizes, strict=True)):
        own = owner == number
        if not bool(own.any()):
            continue
        local = torch.stack([field[0] - coarse.tops[number], field[1]])
        child = pyramid.refine(local, output, (before, after), tile)
        child[0] += fine.tops[number]
        result = torch.where(own, child, result)
    return fine.snap(result)

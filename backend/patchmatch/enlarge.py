"""From the match field at the working size to the full picture, a band of rows at a time.

A band needs the field's rows above and below it and nothing else, so that the picture is the same however it is divided, and memory is
bounded by the picture, the source at its final size, and one band.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import torch

from .atlas import Sheet
from .descriptor import PATCH
from .voting import vote

ROWS = 128
"""Rows of a band."""

_HALF = (PATCH - 1) / 2
_COARSE = 1.5
_REACH = 8
"""Patches, about, over which the matches of a region are continued: farther away none are needed."""


@dataclasses.dataclass(frozen=True)
class Enlargement:
    """What is enlarged.

    Attributes:
        field: ``(2, gh, gw)`` int32 on the sheet ``before``.
        working: Size of the output that the field belongs to.
        full: Size of the picture wanted.
        before: Layout of the sources then.
        after: Layout of the sources now; without unusable patches, for what was usable stays so.
        pixels: ``(C, H, W)``, the sources now.
    """

    field: torch.Tensor
    working: tuple[int, int]
    full: tuple[int, int]
    before: Sheet
    after: Sheet
    pixels: torch.Tensor

    def bands(
        self, alike: Callable[[slice, slice], torch.Tensor] | None, needed: torch.Tensor | None = None, rows: int = 0
    ) -> Iterator[tuple[slice, slice, torch.Tensor]]:
        """The picture in bands: their rows and columns, and ``(C, rows, columns)``.

        Args:
            alike: Gives for ranges of rows and columns what ``vote`` knows edges by.
            needed: ``(H, W)`` bool; what is not needed is left out where that is cheaper. None for everything.
            rows: Rows of a band; 0 for the usual number.
        """
        height, width = self.full
        rows = rows or ROWS
        for first in range(0, height, rows):
            last, left, right = min(height, first + rows), 0, width
            if needed is not None:
                some = torch.nonzero(needed[first:last].any(0)).flatten()
                if not len(some):
                    continue
                left, right = int(some[0]), int(some[-1]) + 1
            top, bottom = max(0, first - PATCH + 1), min(height, last + PATCH - 1)
            start, end = max(0, left - PATCH + 1), min(width, right + PATCH - 1)
            field = self._child((top, bottom - PATCH + 1), (start, end - PATCH + 1))
            near = None if alike is None else alike(slice(top, bottom), slice(start, end))
            picture = vote(field, self.pixels, None, (bottom - top, end - start), (False, False), 1.2, near)
            yield slice(first, last), slice(left, right), picture[:, first - top : last - top, left - start : right - start]

    def _child(self, rows: tuple[int, int], columns: tuple[int, int]) -> torch.Tensor:
        """The field of some rows and columns; patch centres keep their positions, as in ``pyramid.refine``, each in its source."""
        device, steps = self.field.device, [whole / small for small, whole in zip(self.working, self.full, strict=True)]
        centres = [torch.arange(*n, device=device, dtype=torch.float64) + _HALF + 0.5 for n in (rows, columns)]
        places = [centre / step - _HALF for centre, step in zip(centres, steps, strict=True)]
        moved = list(_waves(places[0], places[1], 1.0 if min(steps) >= _COARSE else 0.0))
        index = [plane.floor().clamp(0, n - 1) for plane, n in zip(moved, self.field.shape[1:], strict=True)]
        beyond = [c - (i + _HALF + 0.5) * step for c, i, step in zip((centres[0][:, None], centres[1][None]), index, steps, strict=True)]
        near = self.field[:, index[0].long(), index[1].long()]
        member = self.before.member_of(near[0])
        table = {"device": near.device, "dtype": torch.float64}
        tops, tops_now = torch.tensor(self.before.tops, **table)[member], torch.tensor(self.after.tops, **table)[member]  # type: ignore[arg-type]
        planes = []
        for axis in (0, 1):
            sizes = [(a[axis], b[axis]) for a, b in zip(self.before.sizes, self.after.sizes, strict=True)]
            ratio = torch.tensor([b / a for a, b in sizes], **table)[member]  # type: ignore[arg-type]
            limit = torch.tensor([b - PATCH for _, b in sizes], **table)[member]  # type: ignore[arg-type]
            local = near[axis].double() - (tops if axis == 0 else 0)
            corner = ((local + _HALF + 0.5) * ratio + beyond[axis] - _HALF - 0.5).round().clamp_min(0)
            planes.append((torch.minimum(corner, limit) + (tops_now if axis == 0 else 0)).int())
        return torch.stack(planes)


def apart(enlargement: Enlargement, sources: list[int]) -> Enlargement:
    """The same with the matches in some sources continued over all other patches, so that the picture is made of these alone.

    Args:
        enlargement: Matched with several sources.
        sources: Numbers of those that are used.
    """
    field, sheet = enlargement.field, enlargement.before
    member = sheet.member_of(field[0])
    mine = torch.isin(member, torch.tensor(sources, device=field.device))
    # Where a region is smaller than a pixel of the working size the middle of its first source will do.
    height, width = sheet.sizes[sources[0]]
    middle = torch.tensor([sheet.tops[sources[0]] + (height - PATCH) // 2, (width - PATCH) // 2], device=field.device).int()[:, None, None]
    tops = torch.tensor(sheet.tops, device=field.device, dtype=field.dtype)
    limits = torch.tensor([(h - PATCH, w - PATCH) for h, w in sheet.sizes], device=field.device, dtype=field.dtype)
    parent_y, parent_x, known = _nearest_true(mine, _REACH)
    found = field[:, parent_y, parent_x]
    y, x = (torch.arange(n, device=field.device) for n in mine.shape)
    owner = member[parent_y, parent_x]
    local_y = (found[0] - tops[owner] + (y[:, None] - parent_y)).clamp_min(0).minimum(limits[owner, 0]) + tops[owner]
    local_x = (found[1] + (x[None] - parent_x)).clamp_min(0).minimum(limits[owner, 1])
    return dataclasses.replace(enlargement, field=torch.where(known, torch.stack([local_y, local_x]).int(), middle))


def _waves(y: torch.Tensor, x: torch.Tensor, amount: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Places ``(h, w)`` displaced smoothly by about half a coarse patch, so that the borders of patches wave and are no grid."""
    y, x = y[:, None], x[None]
    first = torch.sin(2.3 * y + 1.1 * x) + torch.sin(1.7 * y - 2.9 * x + 1.0) + torch.sin(4.1 * x + 0.7 * y + 2.0)
    second = torch.sin(2.1 * x - 1.3 * y + 4.0) + torch.sin(1.9 * x + 3.1 * y + 5.0) + torch.sin(4.3 * y - 0.9 * x + 3.0)
    return y + 0.2 * amount * first, x + 0.2 * amount * second


def _nearest_true(mask: torch.Tensor, reach: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Row and column of the nearest True of ``(H, W)``, by jump flooding (Rong and Tan, 2006), and where one was found.

    Args:
        mask: Bool.
        reach: A power of two; nothing beyond twice of it is found.
    """
    height, width = mask.shape
    rows, columns = (torch.arange(n, device=mask.device) for n in mask.shape)
    y, x = rows[:, None].expand(height, width).clone(), columns[None].expand(height, width).clone()
    far = 4 * (height + width) ** 2
    best = torch.where(mask, 0, far)
    step = reach
    while step >= 1:
        for dy in (-step, 0, step):
            for dx in (-step, 0, step):
                ny, nx = (rows + dy).clamp(0, height - 1), (columns + dx).clamp(0, width - 1)
                cy, cx, known = y[ny][:, nx], x[ny][:, nx], best[ny][:, nx] < far
                distance = torch.where(known, (cy - rows[:, None]).square() + (cx - columns[None]).square(), far)
                closer = distance < best
                y, x, best = torch.where(closer, cy, y), torch.where(closer, cx, x), torch.minimum(distance, best)
        step //= 2
    return y, x, best < far

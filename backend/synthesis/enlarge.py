"""From the match field at the working size to the full picture, a band of rows at a time.

A band needs the field's rows above and below it and nothing else, so that the picture is the same however it is divided, and memory is
bounded by the picture, the source at its final size, and one band.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import torch

from . import pyramid
from .atlas import Sheet
from .descriptor import PATCH
from .voting import vote

ROWS = 128
"""Rows of a band."""

_HALF = (PATCH - 1) / 2


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

    def bands(self, alike: Callable[[int, int], torch.Tensor] | None, rows: int = 0) -> Iterator[tuple[int, int, torch.Tensor]]:
        """The picture in bands: first row, last row + 1, ``(C, last - first, W)``.

        Args:
            alike: Gives for a range of rows what ``vote`` knows edges by.
            rows: Rows of a band; 0 for the usual number.
        """
        height, width = self.full
        found, residuals = pyramid.parents((self.working, self.full), _shape(self.field), (False, False), self.field.device)
        rows = rows or ROWS
        for first in range(0, height, rows):
            last = min(height, first + rows)
            top, bottom = max(0, first - PATCH + 1), min(height, last + PATCH - 1)
            corners = slice(top, bottom - PATCH + 1)
            field = self._child(found[0][corners], found[1], residuals[0][corners], residuals[1])
            near = None if alike is None else alike(top, bottom)
            picture = vote(field, self.pixels, None, (bottom - top, width), (False, False), 1.2, near)
            yield first, last, picture[:, first - top : last - top]

    def _child(self, y: torch.Tensor, x: torch.Tensor, beyond_y: torch.Tensor, beyond_x: torch.Tensor) -> torch.Tensor:
        """The field of some rows; patch centres keep their places, as in ``pyramid.refine``, each in its source."""
        near = self.field[:, y][:, :, x]
        member = self.before.member_of(near[0])
        table = {"device": near.device, "dtype": torch.float64}
        tops, tops_now = torch.tensor(self.before.tops, **table)[member], torch.tensor(self.after.tops, **table)[member]  # type: ignore[arg-type]
        planes = []
        for axis, beyond in ((0, beyond_y[:, None]), (1, beyond_x[None])):
            sizes = [(a[axis], b[axis]) for a, b in zip(self.before.sizes, self.after.sizes, strict=True)]
            ratio = torch.tensor([b / a for a, b in sizes], **table)[member]  # type: ignore[arg-type]
            limit = torch.tensor([b - PATCH for _, b in sizes], **table)[member]  # type: ignore[arg-type]
            local = near[axis].double() - (tops if axis == 0 else 0)
            corner = ((local + _HALF + 0.5) * ratio + beyond - _HALF - 0.5).round().clamp_min(0)
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
    if not bool(mine.any()):
        # Smaller than a pixel of the working size: the middle of the first one will do.
        height, width = sheet.sizes[sources[0]]
        middle = torch.tensor(
            [sheet.tops[sources[0]] + (height - PATCH) // 2, (width - PATCH) // 2], dtype=field.dtype, device=field.device
        )
        return dataclasses.replace(enlargement, field=middle[:, None, None].expand_as(field).contiguous())
    tops = torch.tensor(sheet.tops, device=field.device, dtype=field.dtype)
    limits = torch.tensor([(h - PATCH, w - PATCH) for h, w in sheet.sizes], device=field.device, dtype=field.dtype)
    parent_y, parent_x = _nearest_true(mine)
    found = field[:, parent_y, parent_x]
    y, x = (torch.arange(n, device=field.device) for n in mine.shape)
    owner = member[parent_y, parent_x]
    local_y = (found[0] - tops[owner] + (y[:, None] - parent_y)).clamp_min(0).minimum(limits[owner, 0]) + tops[owner]
    local_x = (found[1] + (x[None] - parent_x)).clamp_min(0).minimum(limits[owner, 1])
    return dataclasses.replace(enlargement, field=torch.stack([local_y, local_x]).int())


def _nearest_true(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and column of the nearest True of ``(H, W)``, by jump flooding (Rong and Tan, 2006)."""
    height, width = mask.shape
    rows, columns = (torch.arange(n, device=mask.device) for n in mask.shape)
    y, x = rows[:, None].expand(height, width).clone(), columns[None].expand(height, width).clone()
    far = 4 * (height + width) ** 2
    best = torch.where(mask, 0, far)
    step = 1 << (max(height, width) - 1).bit_length()
    while step >= 1:
        for dy in (-step, 0, step):
            for dx in (-step, 0, step):
                ny, nx = (rows + dy).clamp(0, height - 1), (columns + dx).clamp(0, width - 1)
                cy, cx, known = y[ny][:, nx], x[ny][:, nx], best[ny][:, nx] < far
                distance = torch.where(known, (cy - rows[:, None]).square() + (cx - columns[None]).square(), far)
                closer = distance < best
                y, x, best = torch.where(closer, cy, y), torch.where(closer, cx, x), torch.minimum(distance, best)
        step //= 2
    return y, x


def _shape(field: torch.Tensor) -> tuple[int, int]:
    return int(field.shape[1]), int(field.shape[2])

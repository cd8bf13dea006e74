"""Where each pixel's paint comes from: a picture and a place in it, carried from frame to frame along exact motion.

Places are composed, pictures never: however many frames lie between, a painted picture is resampled once. Between the pixels of a
frame the *displacement* to the painted picture is interpolated, which is smooth on a surface, and only among pixels of the same object
whose paint comes from the same picture.
"""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F

from . import occlusion
from .passes import Passes
from .warp import grid

NOTHING = -1
"""Label of pixels without paint."""


@dataclasses.dataclass(frozen=True)
class Geometry:
    """A frame's passes as tensors: ids ``(H, W)`` int32, depth ``(H, W)``, displacements ``(2, H, W)``, rest ``(3, H, W)`` or None."""

    ids: torch.Tensor
    depth: torch.Tensor
    previous: torch.Tensor
    next: torch.Tensor
    rest: torch.Tensor | None

    @classmethod
    def of(cls, passes: Passes, device: torch.device, use_rest: bool = True) -> Geometry:
        """Moves the passes to a device."""
        ids, depth, previous, following = (torch.from_numpy(a).to(device) for a in (passes.ids, passes.depth, passes.previous, passes.next))
        rest = None if passes.rest is None or not use_rest else torch.from_numpy(passes.rest).permute(2, 0, 1).to(device)
        return cls(ids, depth, previous, following, rest)

    def way(self, direction: int) -> torch.Tensor:
        """Displacements to the neighbour in a direction: -1 the previous frame, 1 the next."""
        return self.previous if direction < 0 else self.next

    def sees(self, other: Geometry, direction: int) -> torch.Tensor:
        """Which of this frame's pixels are seen in its neighbour in that direction, ``(H, W)`` bool."""
        rest = None if self.rest is None or other.rest is None else (self.rest, other.rest)
        here = (self.ids, self.depth, self.way(direction))
        return occlusion.visible(here, (other.ids, other.depth, other.way(-direction)), rest)


@dataclasses.dataclass(frozen=True)
class Trace:
    """The origin of a frame's paint.

    Attributes:
        label: ``(H, W)`` int32, number of the painted picture or ``NOTHING``.
        place: ``(2, H, W)`` float32, row and column in it; undefined without paint.
        sure: ``(H, W)`` float32: 1 where the place was tracked, less where it was continued from neighbours.
    """

    label: torch.Tensor
    place: torch.Tensor
    sure: torch.Tensor

    @classmethod
    def start(cls, size: tuple[int, int], label: int, device: torch.device) -> Trace:
        """A frame that is itself the painted picture."""
        return cls(torch.full(size, label, dtype=torch.int32, device=device), grid(size, device), torch.ones(size, device=device))

    def only(self, keep: torch.Tensor) -> Trace:
        """The same without the pixels that are not in ``keep``."""
        return dataclasses.replace(self, label=torch.where(keep, self.label, NOTHING))

    def under(self, other: Trace) -> Trace:
        """The other one where it has paint, this one elsewhere."""
        has = other.label >= 0
        return Trace(*(torch.where(has, b, a) for a, b in zip(_parts(self), _parts(other), strict=True)))

    def carried(self, own: Geometry, to: Geometry, direction: int) -> Trace:
        """The trace of the neighbouring frame ``to``, whose neighbour in ``direction`` this trace's frame (``own``) is."""
        size = int(to.ids.shape[0]), int(to.ids.shape[1])
        start = grid(size, to.ids.device)
        at = start + to.way(direction)
        seen = to.sees(own, direction)
        base = at.floor()
        part = at - base
        offset = self.place - start
        rows = [(base[0] + k).long().clamp(0, size[0] - 1) for k in (0, 1)]
        columns = [(base[1] + k).long().clamp(0, size[1] - 1) for k in (0, 1)]
        main = (rows[0] + (part[0] >= 0.5).long()).clamp(max=size[0] - 1), (columns[0] + (part[1] >= 0.5).long()).clamp(max=size[1] - 1)
        label = self.label[main]
        total = torch.zeros(size, device=to.ids.device)
        place = torch.zeros_like(start)
        sure = torch.zeros_like(total)
        near = offset[:, main[0], main[1]]
        for i in (0, 1):
            for j in (0, 1):
                y, x = rows[i], columns[j]
                weight = (part[0] if i else 1 - part[0]) * (part[1] if j else 1 - part[1])
                there = offset[:, y, x]
                # Where the paint was folded away the displacement jumps; such a neighbour says nothing.
                close = (there - near).square().sum(0) < _JUMP**2
                weight = weight * ((self.label[y, x] == label) & (own.ids[y, x] == to.ids) & close)
                total += weight
                place += weight * there
                sure += weight * self.sure[y, x]
        known = seen & (label >= 0) & (total > 1e-6)
        safe = total.clamp_min(1e-6)
        return Trace(torch.where(known, label, NOTHING), at + place / safe, sure / safe)

    def continued(self, ids: torch.Tensor, steps: int) -> Trace:
        """Closes gaps of up to ``steps`` pixels: displacements of the same object go on, so that its paint does."""
        label, place, sure = _parts(self)
        offset = place - grid((int(ids.shape[0]), int(ids.shape[1])), ids.device)
        for _ in range(steps):
            empty = label < 0
            if not bool(empty.any()):
                break
            total = torch.zeros_like(sure)
            summed, trust = torch.zeros_like(offset), torch.zeros_like(sure)
            chosen = torch.full_like(label, NOTHING)
            for dy, dx in _AROUND:
                near_label, near_ids = _shift(label, dy, dx, NOTHING), _shift(ids, dy, dx, -1)
                usable = empty & (near_label >= 0) & (near_ids == ids)
                chosen = torch.where(usable & (chosen < 0), near_label, chosen)
                weight = (usable & (near_label == chosen)).float()
                total += weight
                summed += weight * _shift(offset, dy, dx, 0.0)
                trust += weight * _shift(sure, dy, dx, 0.0)
            filled = total > 0
            safe = total.clamp_min(1)
            label = torch.where(filled, chosen, label)
            offset = torch.where(filled, summed / safe, offset)
            sure = torch.where(filled, 0.7 * trust / safe, sure)
        return Trace(label, offset + grid((int(ids.shape[0]), int(ids.shape[1])), ids.device), sure)

    def stretch(self) -> torch.Tensor:
        """Pixels of this frame to a pixel of the painted picture, ``(H, W)``; 1 at borders of labels."""
        d = [F.pad(self.place[None], (1, 1, 1, 1), mode="replicate")[0]]
        dy, dx = (d[0][:, 2:, 1:-1] - d[0][:, :-2, 1:-1]) / 2, (d[0][:, 1:-1, 2:] - d[0][:, 1:-1, :-2]) / 2
        area = (dy[0] * dx[1] - dy[1] * dx[0]).abs()
        value = F.avg_pool2d(F.pad(area[None, None], (2, 2, 2, 2), mode="replicate"), 5, 1)[0, 0].clamp(1e-2, 1e2)
        same = F.max_pool2d(self.label.float()[None, None], 7, 1, 3) == -F.max_pool2d(-self.label.float()[None, None], 7, 1, 3)
        return torch.where(same[0, 0] & (self.label >= 0), value.rsqrt(), torch.ones_like(value))


_JUMP = 2.5
"""Pixels by which neighbouring displacements may differ on one surface."""
_AROUND = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]


def _parts(trace: Trace) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return trace.label, trace.place, trace.sure


def _shift(values: torch.Tensor, dy: int, dx: int, fill: float) -> torch.Tensor:
    """Values of the neighbour at ``(dy, dx)``."""
    height, width = values.shape[-2:]
    result = torch.full_like(values, fill)
    to_y, to_x = slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx))
    from_y, from_x = slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx))
    result[..., to_y, to_x] = values[..., from_y, from_x]
    return result

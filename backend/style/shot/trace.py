"""Where each pixel's paint comes from: a picture and a position in it, carried from frame to frame along exact motion.

Places are composed, pictures never: however many frames lie between, a painted picture is resampled once. Between the pixels of a
frame the *displacement* to the painted picture is interpolated, which is smooth on a surface, and only among pixels of the same object
whose paint comes from the same picture.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from ...core.filters import box_mean, central_differences
from ...core.morphology import dilate, erode
from ...core.sampling import grid, inside
from ...io.frames.frame import Frame
from . import occlusion
from .passes import ids_of

NOTHING = -1
"""Label of pixels without paint."""


@dataclasses.dataclass(frozen=True)
class Geometry:
    """A frame's passes as tensors: ids ``(H, W)`` int32, depth ``(H, W)``, displacements ``(2, H, W)``, rest ``(3, H, W)`` or None.

    Displacements are in pixels, rows first: the surface at ``(row, column)`` is at ``(row, column) + previous`` in the previous frame.
    """

    ids: torch.Tensor
    depth: torch.Tensor
    previous: torch.Tensor
    next: torch.Tensor
    rest: torch.Tensor | None

    @classmethod
    def of(cls, frame: Frame, device: torch.device, use_rest: bool = True) -> Geometry:
        """Moves the passes to a device. Those that a single frame lacks are one object at one depth that stands still."""
        depth = np.ones(frame.size, np.float32) if frame.depth is None else frame.depth
        ways = (_rows_first(way, frame.size) for way in (frame.to_previous, frame.to_next))
        ids, depths, previous, following = (torch.from_numpy(a).to(device) for a in (ids_of(frame), depth, *ways))
        position = None if frame.position is None or not use_rest else torch.from_numpy(frame.position).permute(2, 0, 1).to(device)
        return cls(ids, depths, previous, following, position)

    def way(self, direction: int) -> torch.Tensor:
        """Displacements to the neighbour in a direction: -1 the previous frame, 1 the next."""
        return self.previous if direction < 0 else self.next


@dataclasses.dataclass(frozen=True)
class Trace:
    """The origin of a frame's paint.

    Attributes:
        label: ``(H, W)`` int32, number of the painted picture or ``NOTHING``.
        place: ``(2, H, W)`` float32, row and column in it; undefined without paint.
        confidence: ``(H, W)`` float32: 1 where the position was tracked, less where it was continued from neighbours.
    """

    label: torch.Tensor
    place: torch.Tensor
    confidence: torch.Tensor

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

    def carried(self, own: Geometry, to: Geometry, direction: int, strict: bool = False) -> Trace:
        """The trace of the neighbouring frame ``to``, whose neighbour in ``direction`` this trace's frame (``own``) is.

        Args:
            own: Passes of this trace's frame.
            to: Passes of the neighbour.
            direction: -1 when this frame comes before the neighbour, 1 when after.
            strict: Only what is seen at the nearest pixel: for measures. Else pixels next to a silhouette lend theirs.
        """
        size = int(to.ids.shape[0]), int(to.ids.shape[1])
        start = grid(size, to.ids.device)
        at = start + to.way(direction)
        base = at.floor()
        closest = at.round()
        lends = torch.zeros_like(to.depth, dtype=torch.bool) if strict else occlusion.front(to.depth)
        part = at - base
        offset = self.place - start
        taps = []
        own_pixel = torch.zeros_like(lends)
        best, main = torch.zeros(size, device=to.ids.device), [torch.zeros_like(self.label, dtype=torch.int64) for _ in (0, 1)]
        for i in (0, 1):
            for j in (0, 1):
                y, x = ((base[k] + (i, j)[k]).long().clamp(0, size[k] - 1) for k in (0, 1))
                weight = (part[0] if i else 1 - part[0]) * (part[1] if j else 1 - part[1])
                weight = weight * ((own.ids[y, x] == to.ids) & (self.label[y, x] >= 0))
                # Along a silhouette the pixel next to the nearest may be the one on the surface. What is in front borrows its
                # paint; what is behind must not, because there the paint of the one in front would stay behind.
                exact = (base[0] + i == closest[0]) & (base[1] + j == closest[1])
                rank = weight * (exact | (lends & (self.confidence[y, x] > _LENDS)))
                better = rank > best
                own_pixel = torch.where(better, exact, own_pixel)
                best = torch.where(better, rank, best)
                main = [torch.where(better, new, old) for new, old in zip((y, x), main, strict=True)]
                taps.append((y, x, weight))
        here, there = (to.ids, to.depth, to.way(direction)), (own.ids, own.depth, own.way(-direction))
        rest = None if to.rest is None or own.rest is None else (to.rest, own.rest)
        at_main = (main[0], main[1])
        seen = inside(at, size) & (best > 0) & occlusion.agrees(here, there, at_main, rest)
        label, near = self.label[at_main], offset[:, main[0], main[1]]
        total, place, confidence = torch.zeros_like(best), torch.zeros_like(start), torch.zeros_like(best)
        for y, x, weight in taps:
            # Where the paint was folded away the displacement jumps; such a neighbour says nothing.
            value = offset[:, y, x]
            weight = weight * ((self.label[y, x] == label) & ((value - near).square().sum(0) < _JUMP**2))
            total += weight
            place += weight * value
            confidence += weight * self.confidence[y, x]
        safe = total.clamp_min(1e-6)
        lent = torch.where(own_pixel, 1.0, _LENT)
        return Trace(torch.where(seen & (total > 0), label, NOTHING), at + place / safe, lent * confidence / safe)

    def continued(self, ids: torch.Tensor, steps: int, where: torch.Tensor | None = None) -> Trace:
        """Closes gaps of up to ``steps`` pixels with the paint at their rims, of the same object where there is any.

        The place stays that of the rim: going on along the displacement would leave the object where its paint ends. Only what is in
        ``where`` ``(H, W)`` is closed, if that is given.
        """
        label, place, confidence = _parts(self)
        for match in (True, False):
            for _ in range(steps):
                empty = label < 0 if where is None else (label < 0) & where
                if not bool(empty.any()):
                    break
                total = torch.zeros_like(confidence)
                summed, trust = torch.zeros_like(place), torch.zeros_like(confidence)
                chosen = torch.full_like(label, NOTHING)
                first = torch.zeros_like(place)
                for dy, dx in _AROUND:
                    near_label, near_place = _shift(label, dy, dx, NOTHING), _shift(place, dy, dx, 0.0)
                    usable = empty & (near_label >= 0)
                    if match:
                        usable &= _shift(ids, dy, dx, -1) == ids
                    new = usable & (chosen < 0)
                    chosen = torch.where(new, near_label, chosen)
                    first = torch.where(new, near_place, first)
                    close = (near_place - first).square().sum(0) < _JUMP**2
                    weight = (usable & (near_label == chosen) & close).float()
                    total += weight
                    summed += weight * near_place
                    trust += weight * _shift(confidence, dy, dx, 0.0)
                filled = total > 0
                safe = total.clamp_min(1)
                label = torch.where(filled, chosen, label)
                place = torch.where(filled, summed / safe, place)
                confidence = torch.where(filled, 0.7 * trust / safe, confidence)
        return Trace(label, place, confidence)

    def stretch(self) -> torch.Tensor:
        """Pixels of this frame to a pixel of the painted picture, ``(H, W)``; 1 at borders of labels."""
        dx, dy = central_differences(self.place)
        area = (dy[0] * dx[1] - dy[1] * dx[0]).abs()
        value = box_mean(area, 2).clamp(1e-2, 1e2)
        same = dilate(self.label, 3) == erode(self.label, 3)
        return torch.where(same & (self.label >= 0), value.rsqrt(), torch.ones_like(value))


_JUMP = 2.5
"""Pixels by which neighbouring displacements may differ on one surface."""
_LENT, _LENDS = 0.75, 0.5
"""What paint that was lent across a silhouette is worth, and what it must be worth to be lent again."""
_AROUND = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]


def _rows_first(way: np.ndarray | None, size: tuple[int, int]) -> np.ndarray:
    """Displacements ``(H, W, 2)`` right and down as ``(2, H, W)`` rows first; zero without any."""
    return np.zeros((2, *size), np.float32) if way is None else np.ascontiguousarray(np.moveaxis(way[..., ::-1], -1, 0))


def _parts(trace: Trace) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return trace.label, trace.place, trace.confidence


def _shift(values: torch.Tensor, dy: int, dx: int, fill: float) -> torch.Tensor:
    """Values of the neighbour at ``(dy, dx)``."""
    height, width = values.shape[-2:]
    result = torch.full_like(values, fill)
    to_y, to_x = slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx))
    from_y, from_x = slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx))
    result[..., to_y, to_x] = values[..., from_y, from_x]
    return result

"""A shot in the manner of a picture: paint is made at anchors and moves with the surfaces.

A scene is divided into segments. In the middle of each a frame is painted whole; from there anchors follow every few frames in both
directions, each of which paints only what came into view, was stretched, or is lit otherwise than when it was painted. A frame between
two anchors takes its paint from the inner one, and what the inner one does not see from the outer one. What the outer one repainted
takes over stroke by stroke. Each pixel is resampled once from the picture in which it was painted (``trace.py``), which holds nothing too
fine to be moved; the change of light since then is added as soft light.

A frame depends on its segment alone, whoever asks for it: chunks of a farm agree to the bit.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F

from ...core.morphology import dilate
from ...core.sampling import inside, nearest, sample
from ...io.frames.shot import Shot
from ..image.grade import soften
from . import occlusion
from .band_limit import Limit
from .painter_protocols import Grading, Paints, Report
from .trace import Geometry, Trace


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How paint is renewed.

    Attributes:
        anchors: Frames from one anchor to the next.
        segment: Most frames that one whole painting serves.
        overlap: Frames over which one segment passes into the next.
        light: Change of light (display-like) at which a position is painted anew.
        stretch: Magnification at which it is.
    """

    anchors: int = 8
    segment: int = 48
    overlap: int = 8
    light: float = 0.25
    stretch: float = 2.0


@dataclasses.dataclass(frozen=True)
class Styled:
    """A frame's paint.

    Attributes:
        index: Place in the order of the shot.
        paint: ``(C, H, W)`` float32, display-like 0..1.
        confidence: ``(H, W)`` 0..1, how well the paint was tracked.
        turns: ``(H, W)`` evenly in 0..1, alike on a stroke: when it takes over from other paint.
    """

    index: int
    paint: torch.Tensor
    confidence: torch.Tensor
    turns: torch.Tensor


class Segment:
    """One whole painting and what follows from it.

    Args:
        shot: The frames.
        content: Gives a frame's content ``(C, H, W)``, display-like 0..1, by its place in the order.
        painter: The style.
        grade: The shot's colours.
        schedule: How paint is renewed.
        span: First and last + 1 place that it may be asked for.
        middle: Place of the frame that is painted whole.
        area: Gives the part of a frame ``(H, W)`` that needs paint, by its place in the order; None where all does.

    Attributes:
        painted: Places of the frames in which paint was made so far.
    """

    def __init__(
        self,
        shot: Shot,
        content: Callable[[int], torch.Tensor],
        painter: Paints,
        grade: Grading,
        schedule: Schedule,
        span: tuple[int, int],
        middle: int,
        area: Callable[[int], torch.Tensor] | None = None,
    ) -> None:
        self._shot, self._content, self._painter, self._grade, self._schedule = shot, content, painter, grade, schedule
        self.span, self.middle = span, middle
        self._area: Callable[[int], torch.Tensor | None] = area or (lambda index: None)
        self.painted: list[int] = []
        self._pictures: list[torch.Tensor] = []
        self._whose: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._device = painter.style.device
        self._lit = (-1, painter.style)
        self._limit: Callable[[torch.Tensor], torch.Tensor] = lambda picture: picture  # a single frame stays as sharp as it is painted

    def frames(self, wanted: Sequence[int], report: Report) -> Iterator[Styled]:
        """Paints the wanted frames (positions in the order, inside the span), from the middle outwards."""
        middle, asked = self.middle, sorted(wanted)
        area = self._area(middle)
        picture = self._painter.whole(self._content(middle), self._grade, lambda f, s, p: report(0.4 * f, s, p), area)
        moving = self._moving()
        if bool(moving.any()):
            self._limit = Limit(picture, moving)
            picture = self._limit(picture)
        first = self._add(middle, picture)
        start = Trace.start(self._painter.frame, first, self._device)
        start = start if area is None else start.only(area)
        if middle in asked:
            # As it was painted: looking it up at its own pixels would round.
            yield dataclasses.replace(self._styled(middle, start, None, 0.0), paint=picture)
        count = sum(self._reach(asked, d) for d in (1, -1))
        done = 0
        for direction in (1, -1):
            key, trace, reach = middle, start, self._reach(asked, direction)
            while (key - middle) * direction < reach:
                end = key + direction * self._schedule.anchors
                end = min(end, self.span[1] - 1) if direction > 0 else max(end, self.span[0])
                report(0.4 + 0.6 * done / max(1, count), f"anchor at frame {self._shot.numbers[end]}", None)
                new, made = self._anchor(key, trace, end, direction)
                inside = [i for i in range(key + direction, end + direction, direction) if i in asked]
                if inside:
                    for styled in self._between(key, trace, end, new, made, direction):
                        report(
                            0.4 + 0.6 * (done + abs(styled.index - key)) / max(1, count), f"frame {self._shot.numbers[styled.index]}", None
                        )
                        if styled.index in inside:
                            yield styled
                done += abs(end - key)
                key, trace = end, new

    def _reach(self, asked: Sequence[int], direction: int) -> int:
        """How far from the middle the farthest wanted frame is in a direction."""
        return max([0, *((i - self.middle) * direction for i in asked)])

    def _moving(self) -> torch.Tensor:
        """Where anything moves in some frame of the segment, ``(H, W)`` bool, as far as the frames where anchors may be show it."""
        first, last = self.span[0], self.span[1] - 1
        moving = torch.zeros(self._painter.frame, dtype=torch.bool, device=self._device)
        for index in sorted({*range(first, last, self._schedule.anchors), last} if last > first else ()):
            geometry = self._geometry(index)
            for way in (geometry.previous, geometry.next):
                moving |= way.abs().amax(0) > _STILL
        return moving

    def _geometry(self, index: int) -> Geometry:
        return Geometry.of(self._shot.at(index), self._device)

    def _add(self, index: int, picture: torch.Tensor) -> int:
        """Keeps a painted picture, its light, whose its pixels are and in which order its strokes take over; gives its label."""
        light = self._light(index)
        self.painted.append(index)
        geometry = self._geometry(index)
        self._whose.append((geometry.ids, _beside(geometry)))
        self._pictures.append(torch.cat([picture, light, self._turns(index)]))
        return len(self._pictures) - 1

    def _light(self, index: int) -> torch.Tensor:
        """A frame's light, soft as a stroke and apart for each object."""
        if index != self._lit[0]:
            soft = soften(self._grade.light(self._content(index)), self._geometry(index).ids, max(1.5, 0.45 * self._painter.stroke))
            self._lit = (index, soft)
        return self._lit[1]

    def _turns(self, index: int) -> torch.Tensor:
        """``(1, H, W)`` evenly in 0..1, in blobs as large as strokes: when a position changes from old paint to new."""
        height, width = self._painter.frame
        cell = max(3.0, 1.5 * self._painter.stroke)
        generator = torch.Generator().manual_seed(self._shot.numbers[index])
        small = torch.randn(1, max(2, math.ceil(height / cell)), max(2, math.ceil(width / cell)), generator=generator)
        noise = F.interpolate(small[None], size=(height, width), mode="bicubic", align_corners=False)[0]
        ordered = noise.flatten().sort().values[:: max(1, noise.numel() // 512)].contiguous()
        return (torch.searchsorted(ordered, noise) / len(ordered)).float().to(self._device)

    def _anchor(self, key: int, trace: Trace, end: int, direction: int) -> tuple[Trace, int]:
        """Carries the trace to the next anchor and paints what is missing there; gives its trace and the new label or -1."""
        geometry = self._geometry(key)
        for index in range(key + direction, end + direction, direction):
            following = self._geometry(index)
            trace = self._carried(trace, geometry, following, -direction)
            geometry = following
        missing, trace = self._closed(end, trace, geometry.ids)
        area = self._area(end)
        stretch = trace.stretch()
        limit = self._schedule.stretch
        drawn, light = self._draw(end, trace)
        worn = (stretch > limit) | (stretch < 1 / limit) | (trace.confidence < _WORN) | (light.abs().amax(0) > self._schedule.light)
        worn = worn if area is None else worn & area
        new = self._tidy(worn & ~missing, whole=False) | missing
        if self._little(new, area, _LEAST_NEW):
            return trace, -1
        content = self._content(end)
        target = self._grade.tones(content)
        begin = torch.where(missing, target.clamp(0, 1), drawn)
        label = self._add(end, self._limit(self._painter.into(content, self._grade, begin, new, self._shot.numbers[end])))
        fresh = Trace.start(self._painter.frame, label, self._device)
        return fresh.only(new).under(trace.only(~new)), label

    def _carried(self, trace: Trace, own: Geometry, to: Geometry, direction: int) -> Trace:
        """As ``Trace.carried``, less paint that was made for another object, or never.

        Where things come into view by less than half a pixel a frame, each frame's test takes the pixel at the silhouette, or at the
        border, for one that was seen before: the paint of what had hidden them would creep over them. The picture in which the paint was
        made knows better: the place must be in it, and one of the four pixels around of the object. And over silhouettes reach strokes of
        what is in front, which must not stay behind when it moves away.
        """
        trace = trace.carried(own, to, direction)
        mine, beside = torch.zeros_like(trace.label, dtype=torch.bool), _beside(to)
        for label, (ids, marred) in enumerate(self._whose):
            where = trace.label == label
            place, wanted = trace.place[:, where], to.ids[where]
            base = place.floor()
            found = torch.zeros_like(wanted, dtype=torch.bool)
            for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
                found |= nearest(ids, base + base.new_tensor(corner)[:, None]) == wanted
            mine[where] = found & inside(place, self._painter.frame) & (beside[where] | ~nearest(marred, place))
        return trace.only(mine)

    def _closed(self, index: int, trace: Trace, ids: torch.Tensor) -> tuple[torch.Tensor, Trace]:
        """Where paint has to be made that a frame lacks, ``(H, W)`` bool, and its trace with narrow gaps closed.

        Gaps as narrow as a stroke's tip are closed, not painted: nothing painted into them would read as a stroke.
        """
        area = self._area(index)
        missing = trace.label < 0 if area is None else (trace.label < 0) & area
        closed = trace.continued(ids, _GAP, area)
        missing = self._tidy(missing, whole=True)
        return missing if area is None else missing | ((closed.label < 0) & area), closed

    def _little(self, new: torch.Tensor, area: torch.Tensor | None, least: float) -> bool:
        """Whether so little would be painted that it is not worth it."""
        share = float(new.float().mean())
        return share == 0 or share < least * (1.0 if area is None else float(area.float().mean()))

    def _tidy(self, mask: torch.Tensor, whole: bool) -> torch.Tensor:
        """Leaves what is about as large as a stroke: its inside, smoothed, or the whole of it.

        The whole of it and not a pixel more: paint next to it that is still good would be made anew, and change.
        """
        size = 2 * round(0.5 * self._painter.stroke) + 3
        most = F.avg_pool2d(mask.float()[None, None], size, 1, size // 2, count_include_pad=False) > (0.4 if whole else 0.5)
        return mask & dilate(most[0, 0], size // 2) if whole else most[0, 0]

    def _between(self, key: int, trace: Trace, end: int, outer: Trace, made: int, direction: int) -> Iterator[Styled]:
        """The frames after one anchor up to and including the next."""
        beyond = {end: outer}
        geometry = self._geometry(end)
        for index in range(end - direction, key, -direction):
            following = self._geometry(index)
            beyond[index] = self._carried(beyond[index + direction], geometry, following, direction)
            geometry = following
        geometry = self._geometry(key)
        for index in range(key + direction, end, direction):
            following = self._geometry(index)
            trace = self._carried(trace, geometry, following, -direction)
            trace = beyond[index].under(trace)
            geometry = following
            missing, trace = self._closed(index, trace, following.ids)
            if not self._little(missing, self._area(index), _LEAST_MENDED):
                trace = self._mend(index, trace, missing)
            yield self._styled(index, trace, beyond[index] if made >= 0 else None, abs(index - key) / abs(end - key), made)
        yield self._styled(end, outer, None, 0.0)

    def _mend(self, index: int, trace: Trace, missing: torch.Tensor) -> Trace:
        """Paints what neither anchor sees."""
        content = self._content(index)
        drawn, _ = self._draw(index, trace)
        begin = torch.where(missing, self._grade.tones(content).clamp(0, 1), drawn)
        label = self._add(index, self._limit(self._painter.into(content, self._grade, begin, missing, self._shot.numbers[index])))
        return Trace.start(self._painter.frame, label, self._device).only(missing).under(trace.only(~missing))

    def _styled(self, index: int, trace: Trace, outer: Trace | None, progress: float, made: int = -1) -> Styled:
        paint, _ = self._draw(index, trace)
        area = self._area(index)
        if area is not None and bool(((trace.label < 0) & area).any()):  # a speck that no paint could be continued into
            tones = self._grade.tones(self._content(index)).clamp(self._painter.darkest, self._painter.brightest)
            paint = torch.where(trace.label < 0, tones, paint)
        turns = self._look_up(trace, slice(-1, None), "bilinear")[0]
        if outer is not None:
            later, _ = self._draw(index, outer)
            weight = _turn(self._look_up(outer, slice(-1, None), "bilinear")[0], progress) * (outer.label == made)
            paint = paint + weight * (later - paint)
        return Styled(index, paint, trace.confidence.clamp(0, 1), turns)

    def _draw(self, index: int, trace: Trace) -> tuple[torch.Tensor, torch.Tensor]:
        """The paint of a frame under its own light, and how much the light changed since it was painted; both ``(C, H, W)``."""
        channels = self._painter.style.shape[0]
        paint = self._look_up(trace, slice(0, channels), "lanczos")
        then = self._look_up(trace, slice(channels, 2 * channels), "bilinear")
        now = self._light(index)
        change = torch.where(trace.label >= 0, now - then, torch.zeros_like(now))
        # Ink gets no blacker and paper no whiter than the style has them.
        return (paint + change).clamp(self._painter.darkest, self._painter.brightest), change

    def _look_up(self, trace: Trace, planes: slice, mode: str) -> torch.Tensor:
        result = torch.zeros(len(self._pictures[0][planes]), *trace.label.shape, device=self._device)
        for label in trace.label.unique().tolist():
            if label >= 0:
                where = trace.label == label
                result[:, where] = sample(self._pictures[label][planes], trace.place[:, where], mode)
        return result


_LEAST_NEW = 0.0015
"""Part of what needs paint below which missing paint is continued instead of painted: less than a few strokes."""
_LEAST_MENDED = 0.005
"""The same between anchors: what is painted there is seen for a few frames only, and changes when they are over."""
_WORN = 0.45
"""What tracked paint is worth when it is painted anew."""
_STILL = 0.02
"""Pixels a frame by which what stands still may move."""
_GAP = 10
"""Pixels up to which paint of the same object is continued into gaps."""
_REACH = 1
"""Pixels by which strokes reach over a silhouette."""
_SOFT = 0.25
"""Part of the way from anchor to anchor over which one stroke turns into the next."""


def _beside(geometry: Geometry) -> torch.Tensor:
    """Where strokes of another object, which is in front, may reach over its silhouette, ``(H, W)`` bool."""
    border = dilate(occlusion.edges(geometry.ids), _REACH - 1)
    return border & ~occlusion.front(geometry.depth, _REACH)


def turned(before: Styled, after: Styled, progress: float) -> Styled:
    """A frame between two segments: stroke by stroke the paint of the second takes over; ``progress`` in 0..1."""
    weight = _turn(after.turns, progress)
    return dataclasses.replace(after, paint=before.paint + weight * (after.paint - before.paint))


def _turn(turns: torch.Tensor, progress: float) -> torch.Tensor:
    """How far each stroke is on its way from old paint to new, ``(H, W)`` 0..1."""
    return ((progress - turns * (1 - _SOFT)) / _SOFT).clamp(0, 1)


def segments(scene: tuple[int, int], longest: int) -> list[tuple[int, int]]:
    """A scene's segments of about equal length, as first and last + 1 place."""
    first, last = scene
    count = max(1, -(-(last - first) // longest))
    bounds = [first + round(k * (last - first) / count) for k in range(count + 1)]
    return list(itertools.pairwise(bounds))

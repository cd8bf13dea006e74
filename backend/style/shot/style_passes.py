"""The style passes of a shot: one for each style, composited by their regions or their shares."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from ...core.color_match import apply_curve, curve_between
from ...core.color_spaces import luminance
from ...io.frames.shot import Shot
from ..image.directions import Region
from .contents import Contents, soft_chroma
from .painter import Brush, Painter
from .painter_protocols import Report
from .sharing import Regions, Sharer
from .shot import Schedule, Segment, Styled, segments, turned

GRADED = 5
"""Frames of a scene, evenly spread, from which its colours are matched to the style's."""


@dataclasses.dataclass(frozen=True)
class Painted:
    """A frame with all style passes composited.

    Attributes:
        index: Place in the order of the shot.
        paint: ``(C, H, W)`` float32, display-like 0..1, as it was painted.
        shown: ``(3, H, W)`` float32, the same in colour; with the content's colours where those are kept.
        confidence: ``(H, W)`` 0..1, how well the paint was tracked.
    """

    index: int
    paint: torch.Tensor
    shown: torch.Tensor
    confidence: torch.Tensor


class StylePass:
    """One painter over all scenes of a shot.

    Args:
        shot: The frames.
        content: Of the frames.
        painter: Whose paint it is.
        schedule: How paint is renewed.
        keep: Whether the content's colours are put back.
        area: Gives the part of a frame ``(H, W)`` that needs paint; None where all does.

    Attributes:
        segments: First and last position of those that were painted.
        anchors: Places of the frames in which paint was made.
    """

    def __init__(
        self,
        shot: Shot,
        content: Contents,
        painter: Painter | Sharer,
        schedule: Schedule,
        keep: bool = False,
        area: Callable[[int], torch.Tensor] | None = None,
    ) -> None:
        self._shot, self._content, self._painter, self._schedule, self._keep, self._area = shot, content, painter, schedule, keep, area
        self.segments: list[tuple[int, int]] = []
        self.anchors: list[int] = []
        self._curve: tuple[torch.Tensor, torch.Tensor] | None = None

    def scene(self, scene: tuple[int, int], wanted: Sequence[int], report: Report) -> Iterator[Styled]:
        """Paints the wanted frames of a scene; which comes when follows from the scene and from what is wanted alone."""
        spread = sorted({round(scene[0] + (scene[1] - 1 - scene[0]) * k / (GRADED - 1)) for k in range(GRADED)})
        several = [self._content(i) for i in spread]
        grade = self._painter.grade(several)
        if self._keep and len(spread) > 1 and isinstance(self._painter, Painter):
            # Of the style, not of what was painted: then every chunk of a farm has the same.
            self._curve = curve_between(self._painter.source, torch.cat(several, 2))
        held: dict[int, Styled] = {}
        spans = segments(scene, self._schedule.segment)
        for count, (first, last) in enumerate(spans):
            end = min(last + self._schedule.overlap, scene[1]) if last < scene[1] else last
            asked = [i for i in wanted if first <= i < end]
            if not asked:
                continue
            self.segments.append((first, last - 1))
            middle = (first + last) // 2
            part = Segment(self._shot, self._content, self._painter, grade, self._schedule, (first, end), middle, self._area)
            for styled in part.frames(asked, lambda f, s, p, c=count: report((c + f) / len(spans), s, p)):  # type: ignore[misc]
                if styled.index >= last:
                    held[styled.index] = styled
                elif styled.index in held:
                    yield turned(held.pop(styled.index), styled, (styled.index - first + 1) / (self._schedule.overlap + 1))
                else:
                    yield styled
            self.anchors += part.painted

    def shown(self, styled: Styled) -> torch.Tensor:
        """A frame's paint in colour, ``(3, H, W)``; with the content's colours where those are kept."""
        if not self._keep:
            return styled.paint
        color = self._content.planes(styled.index).clamp(0, 1)
        curve = self._curve or curve_between(styled.paint, luminance(color))
        return (apply_curve(styled.paint, *curve) + soft_chroma(color, self._painter.stroke)).clamp(0, 1)


class StylePasses:
    """Several styles over a shot.

    Args:
        shot: The frames.
        styles: ``(3, h, w)`` each, display-like 0..1.
        keep: Whether the content's colours are kept.
        brush: How it is painted.
        schedule: How paint is renewed.
        seed: Of the job.
        regions: Styles of objects, or None.
        weights: Shares of the styles, summing to 1, where there are no regions.

    Attributes:
        content: Of the frames, display-like.
    """

    def __init__(
        self,
        shot: Shot,
        styles: Sequence[torch.Tensor],
        keep: bool,
        brush: Brush,
        schedule: Schedule,
        seed: int,
        regions: Sequence[Region] | None,
        weights: Sequence[float],
    ) -> None:
        device = styles[0].device
        self.content = Contents(shot, device, keep)
        self.regions = None if regions is None else Regions(shot, regions, len(styles), device)
        self._passes = []
        for number, style in enumerate(styles):
            painter = Painter(luminance(style) if keep else style, shot.size, brush, seed)
            self._passes.append(StylePass(shot, self.content, painter, schedule, keep, self._area_of(number)))
        self._sharer = self._parts = None
        if regions is None and len(styles) > 1:
            self._sharer = Sharer(weights, shot.size, painter.stroke, seed, device)
            self._parts = StylePass(shot, self.content, self._sharer, schedule)
        self._sums: list[torch.Tensor] = []

    @property
    def segments(self) -> list[tuple[int, int]]:
        """First and last position of the segments that were painted; they are the same for all styles."""
        return self._passes[0].segments

    @property
    def anchors(self) -> list[int]:
        """Places of the frames in which any paint was made."""
        return sorted({index for style_pass in self._passes for index in style_pass.anchors})

    @property
    def shares(self) -> list[float]:
        """Part of the painted frames that each style covers."""
        mean = torch.stack(self._sums).mean(0) if self._sums else torch.zeros(len(self._passes))
        return [round(float(share), 4) for share in mean]

    def kept(self, index: int) -> np.ndarray | None:
        """How much of each pixel of a frame stays as it is by the regions, ``(H, W)`` float32 0..1; None where none are given."""
        return None if self.regions is None else self.regions.shares(index)[-1].cpu().numpy()

    def scene(self, scene: tuple[int, int], wanted: Sequence[int], report: Report) -> Iterator[Painted]:
        """Paints the wanted frames of a scene with all styles, which go through it side by side."""
        if not wanted:
            return
        every = [*self._passes, *([] if self._parts is None else [self._parts])]
        done = [0.0] * len(every)

        def part(number: int) -> Report:
            def told(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
                done[number] = fraction
                report(sum(done) / len(done), stage, picture)

            return told

        runs = [style_pass.scene(scene, wanted, part(number)) for number, style_pass in enumerate(every)]
        for several in zip(*runs, strict=True):
            yield self._together(several)

    def _area_of(self, number: int) -> Callable[[int], torch.Tensor] | None:
        regions = self.regions
        return None if regions is None else lambda index: regions.area(index, number)

    def _together(self, several: Sequence[Styled]) -> Painted:
        layers, index = several[: len(self._passes)], several[0].index
        shown = [style_pass.shown(styled) for style_pass, styled in zip(self._passes, layers, strict=True)]
        if self.regions is not None:
            shares = self.regions.shares(index)[:-1]
            total = shares.sum(0, keepdim=True)
            shares = torch.where(total > 0, shares / total.clamp_min(1e-6), 1 / len(layers))
        elif self._sharer is not None:
            shares = self._sharer.mixed(several[-1].paint)
        else:
            self._sums.append(torch.ones(1))
            return Painted(index, layers[0].paint, shown[0], layers[0].confidence)
        self._sums.append(shares.mean((1, 2)).cpu())
        paint, colors, confidence = (
            sum((share * part for share, part in zip(shares, parts, strict=True)), torch.zeros_like(parts[0]))
            for parts in ([s.paint for s in layers], shown, [s.confidence for s in layers])
        )
        return Painted(index, paint, colors, confidence)

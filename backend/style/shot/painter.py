"""Paints anchors: a whole frame once, then only what is new or no longer right, joined to the paint that is there."""

from __future__ import annotations

import dataclasses

import torch

from ...core.color_match import Grade
from ...patchmatch import pyramid
from ...patchmatch.engine import Report
from ..image.painting import LEAST_SIDE, Part, paint, scale_for

MARGIN = 28  # pixels of known paint around a repainted part: four patches, so that strokes join
WHOLE = 0.5  # above this part of the frame it is painted at once instead of in pieces
_CELL = 16
_FILL_LEVELS = 3


@dataclasses.dataclass(frozen=True)
class Brush:
    """How it is painted; see ``backend/style/image/painting.py``."""

    stroke: float
    structure: float
    variety: float


class Painter:
    """A style and the shot's colours.

    Args:
        style: ``(C, h, w)``, display-like 0..1.
        frame: Height and width of the frames.
        brush: How.
        seed: Of the job.

    Attributes:
        darkest: ``(C, 1, 1)``, the least of the style's values but for a few pixels.
        brightest: The greatest.
    """

    def __init__(self, style: torch.Tensor, frame: tuple[int, int], brush: Brush, seed: int) -> None:
        self.style, self.frame, self.brush, self._seed = style, frame, brush, seed
        self.scale = scale_for(frame, (int(style.shape[1]), int(style.shape[2])), brush.stroke)
        self.source = pyramid.resize(style, self.scale.style)
        ordered = self.source.flatten(1).sort(1).values
        rare = ordered.shape[1] // 500
        self.darkest, self.brightest = ordered[:, rare].view(-1, 1, 1), ordered[:, -1 - rare].view(-1, 1, 1)

    @property
    def stroke(self) -> float:
        """Size of the smallest strokes in pixels."""
        return self.brush.stroke / 100 * self.frame[0]

    def grade(self, contents: list[torch.Tensor]) -> Grade:
        """The colours of a shot from some of its frames ``(C, H, W)``."""
        return Grade.of([pyramid.resize(c, self.scale.working) for c in contents], self.source)

    def whole(self, content: torch.Tensor, grade: Grade, report: Report | None = None, area: torch.Tensor | None = None) -> torch.Tensor:
        """Paints a frame ``(C, H, W)`` afresh. The same as ``style.image`` when the grade is of this frame alone.

        Where ``area`` ``(H, W)`` is a small part of the frame, only that is painted and the rest has the colours of the grade.
        """
        if area is None or float(area.float().mean()) > WHOLE:
            return self._paint(content, self._seed, Part(self.frame, grade), report)
        result = grade.tones(content).clamp(self.darkest, self.brightest)
        for count, (top, left, bottom, right) in enumerate(_boxes(area)):
            place = (slice(top, bottom), slice(left, right))
            painted = self._paint(content[:, *place], self._seed + count, Part(self.frame, grade), report)
            result[:, *place] = torch.where(area[place], painted, result[:, *place])
        return result

    def into(
        self, content: torch.Tensor, grade: Grade, known: torch.Tensor, new: torch.Tensor, number: int, report: Report | None = None
    ) -> torch.Tensor:
        """Paints parts of a frame into the paint that is there.

        Args:
            content: ``(C, H, W)``.
            grade: The shot's.
            known: ``(C, H, W)`` paint; under ``new`` what to begin with.
            new: ``(H, W)`` bool, what to paint.
            number: Of the frame, for the seed: a frame is painted alike whoever asks for it.
            report: Called between steps.

        Returns:
            ``(C, H, W)``, ``known`` outside ``new``.
        """
        result = known.clone()
        boxes = [(0, 0, *self.frame)] if float(new.float().mean()) > WHOLE else _boxes(new)
        for count, (top, left, bottom, right) in enumerate(boxes):
            place = (slice(top, bottom), slice(left, right))
            mask = new[place]
            part = Part(
                self.frame, grade, result[:, *place], (~mask).float()[None], _FILL_LEVELS, result[:, *place],
            )  # fmt: skip
            painted = self._paint(content[:, *place], self._seed + 7919 * number + count, part, report)
            result[:, *place] = torch.where(mask, painted, result[:, *place])
        return result

    def _paint(self, content: torch.Tensor, seed: int, part: Part, report: Report | None) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed & (2**63 - 1))
        brush = self.brush
        return paint(content, self.style, brush.stroke, brush.structure, brush.variety, generator, report, part)


def _boxes(mask: torch.Tensor) -> list[tuple[int, int, int, int]]:
    """Rectangles (top, left, bottom, right) that hold all of a mask and a margin around it; those that meet are one."""
    height, width = mask.shape
    rows, columns = -(-height // _CELL), -(-width // _CELL)
    padded = torch.zeros(rows * _CELL, columns * _CELL, dtype=torch.bool)
    padded[:height, :width] = mask.cpu()
    cells = padded.view(rows, _CELL, columns, _CELL).any(3).any(1)
    boxes: list[tuple[int, int, int, int]] = []
    least = max(2 * LEAST_SIDE, 2 * MARGIN)
    for y, x in cells.nonzero().tolist():
        top, left = max(0, y * _CELL - MARGIN), max(0, x * _CELL - MARGIN)
        bottom, right = min(height, (y + 1) * _CELL + MARGIN), min(width, (x + 1) * _CELL + MARGIN)
        boxes.append((max(0, min(top, bottom - least)), max(0, min(left, right - least)), bottom, right))
    merged = True
    while merged:
        merged = False
        kept: list[tuple[int, int, int, int]] = []
        for box in boxes:
            for index, other in enumerate(kept):
                if box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]:
                    kept[index] = (min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3]))
                    merged = True
                    break
            else:
                kept.append(box)
        boxes = kept
    return sorted(boxes)

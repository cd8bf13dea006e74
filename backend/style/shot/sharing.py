"""Which of several styles paints which part of a shot: by the ids of objects, or by shares that stay on the surfaces."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ...core.filters import gaussian_blur
from ...core.morphology import dilate
from ...io.frames.shot import Shot
from ..image.directions import Region, assigned, coverage, part_size, shared_out
from .painter_protocols import Report
from .passes import ids_of

KEPT = 8
"""Frames whose shares are kept: every style asks for them a few times."""
_REACH = 2
"""Pixels."""
_SOFT = 0.15
"""Width over which one part passes into the next, in strokes."""


class Regions:
    """Styles for objects, in every frame of a shot.

    Args:
        shot: The frames.
        regions: What was asked for.
        count: Number of styles.
        device: Where to.
    """

    def __init__(self, shot: Shot, regions: Sequence[Region], count: int, device: torch.device) -> None:
        self._shot, self._regions, self._count, self._device = shot, regions, count, device
        self._seen: set[int] = set()
        self._latest: collections.OrderedDict[int, torch.Tensor] = collections.OrderedDict()

    def shares(self, index: int) -> torch.Tensor:
        """How much of each pixel each style covers, ``(S, H, W)``, and last, how much stays as it is: ``(S + 1, H, W)``, summing to 1."""
        if index not in self._latest:
            ids = torch.from_numpy(ids_of(self._shot.at(index))).to(self._device)
            owners, kept = assigned(self._regions, ids)
            self._seen |= set(ids.unique().tolist())
            self._latest[index] = coverage(torch.where(kept, self._count, owners), self._count + 1)
            while len(self._latest) > KEPT:
                self._latest.popitem(last=False)
        return self._latest[index]

    def area(self, index: int, style: int) -> torch.Tensor:
        """Where a style's paint is needed, ``(H, W)`` bool: where it is seen, and as far around it as a look-up reaches."""
        return dilate(self.shares(index)[style] > 0, _REACH)

    def unseen(self) -> list[str]:
        """Ids that were asked for and are in none of the frames that were looked at, as they were given."""
        return [region.text for region in self._regions if not region.ids & self._seen]


class Sharer:
    """Shares parts of a shot out to styles. To ``shot.Segment`` it is a painter (``roles.Paints``) whose paint says whose a position is.

    So the parts keep their positions on the surfaces as paint does, and what comes into view is shared out anew.

    Args:
        weights: Share of each style, summing to 1.
        frame: Height and width of the frames.
        stroke: Size of the smallest strokes in pixels.
        seed: Of the job.
        device: Where to.

    Attributes:
        style: ``(S, 1, 1)``: as many planes as styles.
        darkest: ``(S, 1, 1)``, 0.
        brightest: ``(S, 1, 1)``, 1.
    """

    def __init__(self, weights: Sequence[float], frame: tuple[int, int], stroke: float, seed: int, device: torch.device) -> None:
        self.frame, self.stroke, self._weights, self._seed = frame, stroke, list(weights), seed
        self.style = self.darkest = torch.zeros(len(self._weights), 1, 1, device=device)
        self.brightest = torch.ones_like(self.darkest)

    def grade(self, contents: Sequence[torch.Tensor]) -> Sharer:
        """Nothing depends on the shot's colours: itself."""
        return self

    def tones(self, content: torch.Tensor) -> torch.Tensor:
        """No style's: zeros ``(S, H, W)``."""
        return torch.zeros(len(self._weights), *content.shape[1:], device=content.device)

    def light(self, content: torch.Tensor) -> torch.Tensor:
        """Whose a position is does not change with the light: zeros ``(S, H, W)``."""
        return self.tones(content)

    def whole(self, content: torch.Tensor, grade: object, report: Report | None = None, area: torch.Tensor | None = None) -> torch.Tensor:
        """Shares a frame ``(C, H, W)`` out: 1 for the style whose a position is, 0 for the others, ``(S, H, W)``."""
        return self._shared(content, self._seed)

    def into(self, content: torch.Tensor, grade: object, known: torch.Tensor, new: torch.Tensor, number: int) -> torch.Tensor:
        """Shares out what belongs to none yet where ``new`` ``(H, W)`` is true; what is tracked stays whose it is, worn or not."""
        return torch.where(new & (known.sum(0) < 0.5), self._shared(content, self._seed + 7919 * number), known)

    def mixed(self, paint: torch.Tensor) -> torch.Tensor:
        """What was tracked, as shares ``(S, H, W)`` that sum to 1: each position has one style, with soft borders."""
        each = F.one_hot(paint.argmax(0), len(self._weights)).permute(2, 0, 1).float()
        return gaussian_blur(each, max(0.6, _SOFT * self.stroke))

    def _shared(self, content: torch.Tensor, seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed & (2**63 - 1))
        owners = shared_out(content, self._weights, part_size(self.stroke), generator)
        return F.one_hot(owners, len(self._weights)).permute(2, 0, 1).float()

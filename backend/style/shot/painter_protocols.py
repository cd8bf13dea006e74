"""What a shot asks of those who paint it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch

Report = Callable[[float, str, "torch.Tensor | None"], None]


class Grading(Protocol):
    """A shot's colours, as ``color_match.Grade`` has them."""

    def tones(self, content: torch.Tensor) -> torch.Tensor:
        """What paint of the content ``(.., H, W)`` looks like from afar, ``(C, H, W)``."""

    def light(self, content: torch.Tensor) -> torch.Tensor:
        """What changes of light are measured in, ``(C, H, W)``."""


class Paints(Protocol):
    """What makes paint of ``C`` planes for frames of a shot: ``painter.Painter``, ``sharing.Sharer``.

    Attributes:
        style: ``(C, h, w)``, whose planes and device count.
        frame: Height and width of the frames.
        darkest: ``(C, 1, 1)``, the least that paint may be under a change of light.
        brightest: The most.
    """

    style: torch.Tensor
    frame: tuple[int, int]
    darkest: torch.Tensor
    brightest: torch.Tensor

    @property
    def stroke(self) -> float:
        """Size of the smallest strokes in pixels."""

    def whole(self, content: torch.Tensor, grade: Any, report: Report | None = None, area: torch.Tensor | None = None) -> torch.Tensor:
        """Paints a frame afresh, at least in its area."""

    def into(self, content: torch.Tensor, grade: Any, known: torch.Tensor, new: torch.Tensor, number: int) -> torch.Tensor:
        """Paints where ``new`` ``(H, W)`` is true into the paint that is known."""

"""Paint without what is too fine to be moved.

What is about as fine as pixels is sharp on a pixel and gone half-way to the next, whatever it is looked up with: where paint moves, it
flickers. A low-pass takes it away in every frame alike, but no more than a small part of the paint's fine detail: a woodcut of hard
specks would lose too much. Where nothing ever moves paint stays as it is.
"""

from __future__ import annotations

import torch

from ...core.filters import separable
from .measure import fine_part

CUTOFF = 0.9
"""Part of the highest frequency that pixels hold up to which paint is kept."""
LOST = 0.05
"""Most of the fine detail (``measure.detail``) that may go."""
TAPS = 4
"""Of the filter, on either side of a pixel."""


class Limit:
    """The filter, as strong as a picture allows.

    Args:
        picture: ``(C, H, W)`` float32, paint as it is made for the shot.
        moving: ``(H, W)`` bool, where it is applied.

    Attributes:
        share: 0..1, how much of the low-pass is mixed in.
    """

    def __init__(self, picture: torch.Tensor, moving: torch.Tensor) -> None:
        self._moving = moving
        fine, change = fine_part(picture), fine_part(low_pass(picture) - picture)
        # |fine + share * change|^2 = (1 - LOST) |fine|^2, at the smaller root.
        sums = (change.square(), fine * change, LOST * fine.square())
        a, b, c = (float((x * moving).double().sum()) for x in sums)
        under = b * b - a * c
        self.share = min(1.0, max(0.0, (-b - under**0.5) / a)) if under >= 0 and a > 0 else 1.0

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        """A picture ``(C, H, W)`` with the filter applied, in its own range of values."""
        limited = picture.lerp(low_pass(picture), self.share).clamp(picture.amin(), picture.amax())
        return torch.where(self._moving, limited, picture)


def low_pass(picture: torch.Tensor) -> torch.Tensor:
    """A picture ``(C, H, W)`` up to ``CUTOFF``: a sinc in a Lanczos window, along rows and columns; even areas stay even."""
    taps = torch.arange(-TAPS, TAPS + 1, dtype=torch.float32, device=picture.device)
    return separable(picture, torch.sinc(CUTOFF * taps) * torch.sinc(taps / (TAPS + 0.5)))

"""Forward-backward consistency: a displacement and the one that leads back must cancel.

After Sundaram, Brox and Keutzer (ECCV 2010), whose bound grows with the displacement; exact vectors allow a tighter one.
"""

from __future__ import annotations

import torch

SLACK = 0.5
"""Pixels by which a displacement and the one back may miss: half a pixel of rounding."""
SHARE = 0.05
"""And this share of the displacement's length."""


def consistent(miss: torch.Tensor, displacement: torch.Tensor, slack: float = SLACK) -> torch.Tensor:
    """Whether the way there and back ends where it began, ``(...)`` bool.

    Args:
        miss: ``(2, ...)`` pixels from the start to the end of the way back.
        displacement: ``(2, ...)`` pixels, the way there.
        slack: Pixels by which it may miss if nothing moves.
    """
    return miss.square().sum(0).sqrt() <= slack + SHARE * displacement.square().sum(0).sqrt()

"""Adam with gradient clipping relative to the usual norm, and exponential averages of weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import nn


class ClippedAdam:
    """Adam that holds gradients to three times their usual norm.

    Args:
        parameters: To train.
        rate: Learning rate, until ``step`` says another.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], rate: float) -> None:
        self.parameters = list(parameters)
        self.adam = torch.optim.Adam(self.parameters, rate, betas=(0.0, 0.99))
        self.usual = 0.0

    def step(self, loss: torch.Tensor, rate: float, momentum: float = 0.0) -> None:
        """One step; skipped where the gradient is not finite.

        Momentum helps against a fixed target; against a discriminator it overshoots (R3GAN trains without).
        """
        group = self.adam.param_groups[0]
        group["lr"], group["betas"] = rate, (momentum, 0.99)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(nn.utils.clip_grad_norm_(self.parameters, 3 * self.usual if self.usual else 10.0))
        if math.isfinite(norm):
            self.adam.step()
            self.usual = 0.98 * self.usual + 0.02 * min(norm, 3 * self.usual) if self.usual else norm


def average(pairs: Iterable[tuple[nn.Module, nn.Module]], decay: float, step: int) -> None:
    """Moves averaged weights towards the present ones.

    Args:
        pairs: Average and present network.
        decay: Part of the average that stays.
        step: Counted from 0; faster at the start, when there is nothing to keep.
    """
    keep = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, now in pairs:
            torch._foreach_lerp_(list(mean.parameters()), list(now.parameters()), 1 - keep)

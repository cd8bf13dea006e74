"""An optimiser whose steps cannot undo the rest: gradients are held to three times their usual norm."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn


class Descent:
    """Adam with a memory of how long its gradients usually are.

    Args:
        parameters: To train.
        rate: Learning rate, until ``descend`` says another.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], rate: float) -> None:
        self.parameters = list(parameters)
        self.adam = torch.optim.Adam(self.parameters, rate, betas=(0.0, 0.99))
        self.usual = 0.0

    def descend(self, loss: torch.Tensor, rate: float, momentum: float = 0.0) -> None:
        """A step down; skipped where the gradient is not finite.

        With a fixed goal momentum pays; with an opponent it overshoots (R3GAN trains without).
        """
        group = self.adam.param_groups[0]
        group["lr"], group["betas"] = rate, (momentum, 0.99)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(nn.utils.clip_grad_norm_(self.parameters, 3 * self.usual if self.usual else 10.0))
        if math.isfinite(norm):
            self.adam.step()
            self.usual = 0.98 * self.usual + 0.02 * min(norm, 3 * self.usual) if self.usual else norm

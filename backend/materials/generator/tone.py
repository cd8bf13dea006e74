"""Tone curves: every map of an adapted model gets the distribution of values that its exemplar has.

A network that saw 64 px at a time is a few percent off in contrast. That is a matter of one curve for each map, found once after training.
"""

from __future__ import annotations

import torch

POINTS = 33
"""Quantiles by which a curve is held."""


def find_tone(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Curves from what a model makes to what it should make.

    Args:
        made: ``(N, C, H, W)`` in 0..1.
        wanted: ``(M, C, H', W')`` in 0..1.

    Returns:
        ``(2, C, POINTS)``: values made, and values wanted, at the same quantiles; both rise.
    """
    at = torch.linspace(0, 1, POINTS)
    curves = []
    for stacks in (made, wanted):
        values = stacks.transpose(0, 1).flatten(1).float()
        step = max(1, values.shape[1] // 500_000)  # torch.quantile takes no more than 16 million
        curves.append(torch.quantile(values[:, ::step], at, dim=1).T)
    curves[0] = curves[0] + torch.linspace(0, 1e-5, POINTS)  # no two positions the same, so that the inverse has one answer
    return torch.stack(curves)


def apply_tone(stack: torch.Tensor, tone: torch.Tensor) -> torch.Tensor:
    """``(C, H, W)`` through the curves ``(2, C, POINTS)``, straight between their points, level beyond their ends."""
    made, wanted = tone.to(stack)
    flat = stack.flatten(1).contiguous()
    right = torch.searchsorted(made.contiguous(), flat).clamp(1, POINTS - 1)
    x0, x1 = made.gather(1, right - 1), made.gather(1, right)
    y0, y1 = wanted.gather(1, right - 1), wanted.gather(1, right)
    share = ((flat - x0) / (x1 - x0).clamp_min(1e-9)).clamp(0, 1)
    return (y0 + share * (y1 - y0)).view_as(stack)

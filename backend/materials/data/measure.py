"""Attributes that can be measured from the pixels of a stack, in batches: what the training relabels its crops with."""

from __future__ import annotations

import torch
from kornia.color import rgb_to_lab

MEASURED = ("color", "gap_color", "variation", "relief", "roughness", "metallic")
RELIEF_LOW, RELIEF_HIGH = 0.08, 0.25
"""Standard deviation of the height at a ``relief`` of 0 and of 1."""
VARIATION_TOP = 25.0
"""Deviation of the base colour in CIELAB at a ``variation`` of 1."""
GAP_SHARE = 0.25
"""Share of the pixels, the lowest ones, that count as joints and hollows."""


def body_mask(height: torch.Tensor) -> torch.Tensor:
    """Where the body is, above the lowest quarter of the height.

    Args:
        height: ``(N, H, W)``.

    Returns:
        ``(N, H, W)`` of the same type, 1 on the body. All 1 where the height is level.
    """
    flat = height.flatten(1)
    edge = flat.kthvalue(max(round(flat.shape[1] * GAP_SHARE), 1), dim=1).values
    above = height > edge[:, None, None]
    level = ~above.flatten(1).any(1)
    return (above | level[:, None, None]).to(height.dtype)


def measure(stacks: torch.Tensor) -> dict[str, torch.Tensor]:
    """Measures every attribute that pixels show; differentiable, apart from which pixels are body and which are gap.

    Args:
        stacks: ``(N, 6, H, W)`` in 0..1 or uint8, channels as in ``stack.CHANNELS``; ``(6, H, W)`` for a single one.

    Returns:
        ``color`` and ``gap_color`` ``(N, 3)``, sRGB means over the body and over the lowest quarter of the height; ``variation`` (deviation
        of the body's colour in Lab over ``VARIATION_TOP``), ``relief`` (deviation of the height, ``RELIEF_LOW`` to ``RELIEF_HIGH``),
        ``roughness`` and ``metallic`` (means) ``(N,)``. All 0..1. Without the first dimension for a single stack.
    """
    if stacks.dtype == torch.uint8:
        stacks = stacks.float() / 255
    if stacks.ndim == 3:
        return {name: value[0] for name, value in measure(stacks[None]).items()}
    color, height = stacks[:, :3], stacks[:, 3]
    body = body_mask(height)[:, None]
    total = body.sum((2, 3)).clamp_min(1)
    gap = 1 - body
    rest = gap.sum((2, 3))
    mean = (color * body).sum((2, 3)) / total
    low = torch.where(rest > 0, (color * gap).sum((2, 3)) / rest.clamp_min(1), mean)
    lab = rgb_to_lab(color.clamp(0, 1))
    centre = (lab * body).sum((2, 3)) / total
    variance = ((lab - centre[:, :, None, None]).square() * body).sum((2, 3)) / total
    deviation = height.flatten(1).std(1, correction=0)
    return {
        "color": mean,
        "gap_color": low,
        "variation": (variance.sum(1).clamp_min(1e-6).sqrt() / VARIATION_TOP).clamp(0, 1),
        "relief": ((deviation - RELIEF_LOW) / (RELIEF_HIGH - RELIEF_LOW)).clamp(0, 1),
        "roughness": stacks[:, 4].mean((1, 2)),
        "metallic": stacks[:, 5].mean((1, 2)),
    }

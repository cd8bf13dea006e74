"""Attributes that can be measured from the pixels of a stack, in batches: what the training relabels its crops with."""

from __future__ import annotations

import torch

MEASURED = ("color", "gap_color", "variation", "relief", "roughness", "metallic")
RELIEF_LOW, RELIEF_HIGH = 0.08, 0.25
"""Standard deviation of the height at a ``relief`` of 0 and of 1."""
VARIATION_TOP = 25.0
"""Deviation of the base colour in CIELAB at a ``variation`` of 1."""
GAP_SHARE = 0.25
"""Share of the pixels, the lowest ones, that count as joints and hollows."""

_XYZ = torch.tensor([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
_TO_WHITE = _XYZ / torch.tensor([0.95047, 1.0, 1.08883])[:, None]  # linear Rec.709 to XYZ relative to D65


def to_lab(color: torch.Tensor) -> torch.Tensor:
    """Display-encoded sRGB to CIELAB under D65.

    Args:
        color: ``(..., 3, H, W)`` in 0..1.

    Returns:
        The same shape: L in 0..100, a and b about -100..100.
    """
    color = color.clamp(0, 1)
    linear = torch.where(color <= 0.04045, color / 12.92, ((color.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)
    xyz = torch.einsum("ij,...jhw->...ihw", _TO_WHITE.to(linear), linear)
    curved = torch.where(xyz > 0.008856, xyz.clamp_min(0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = curved.unbind(-3)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-3)


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
    lab = to_lab(color)
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

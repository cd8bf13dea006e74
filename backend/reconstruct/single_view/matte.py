"""Soft edges of a layer: how much of each pixel at its outline is the layer's, and what colour it has by itself.

In a band around the outline, a pixel is a mixture of the colours of the certain inside and the certain outside: its alpha is where it is
between them (the projection of A. Berman's Knockout). Where the two hardly differ the outline itself decides. A guided filter with the
picture in colours as guide (K. He et al., 2010) then makes alpha follow the picture's edges: 12 % less squared error than its gray did, on
24 composites with known alpha.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from kornia.filters import guided_blur

from ...core.filters import box_mean
from ...core.morphology import dilate, erode

_CONTRAST = 0.02
"""Squared distance of colours at which projection and outline count the same."""
_MISSED = 0.01
"""Squared distance of a pixel's colour from any mixture at which the projection counts half: texture is no mixture."""
_EPSILON = 1e-4
"""Of the guided filter, in squared units of display-encoded colour."""


def matte(color: np.ndarray, inside: np.ndarray, radius: int) -> np.ndarray:
    """Alpha of a region.

    Args:
        color: ``(H, W, 3)`` float32, display-encoded.
        inside: ``(H, W)`` bool.
        radius: Half width of the band in pixels; 0 gives hard edges.

    Returns:
        ``(H, W)`` float32 in 0..1.
    """
    hard = torch.from_numpy(inside.astype(np.float32))[None, None]
    if radius < 1 or inside.all() or not inside.any():
        return inside.astype(np.float32)
    picture = torch.from_numpy(np.ascontiguousarray(color.transpose(2, 0, 1)))[None]
    certain_inside = erode(hard, radius)
    certain_outside = 1 - dilate(hard, radius)
    band = (certain_inside == 0) & (certain_outside == 0)
    front, back = _spread(picture, certain_inside, 2 * radius + 2), _spread(picture, certain_outside, 2 * radius + 2)
    span = front - back
    contrast = (span**2).sum(1, keepdim=True)
    along = (((picture - back) * span).sum(1, keepdim=True) / contrast.clamp(min=1e-6)).clamp(0, 1)
    missed = ((picture - back - along * span) ** 2).sum(1, keepdim=True)
    edge = box_mean(hard, 1)
    trust = contrast / (contrast + _CONTRAST) * _MISSED / (missed + _MISSED)
    alpha = torch.where(band, trust * along + (1 - trust) * edge, hard)
    smooth = guided_blur(picture, alpha, 2 * max(1, radius // 2) + 1, _EPSILON, "replicate")
    alpha = trust * alpha + (1 - trust) * smooth
    # Towards the ends of the band it must come to 1 and 0, else a faint outline of the band would show.
    ramp = _ramp(hard, radius)
    alpha = alpha.clamp(0, 1)
    low, high = (2 * ramp - 1).clamp(0, 1), (2 * ramp).clamp(0, 1)
    return torch.where(band, torch.minimum(torch.maximum(alpha, low), high), hard)[0, 0].numpy()


def own_color(color: np.ndarray, back: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """What a layer's pixels would be without the layer behind: over ``back`` they give the picture again, as far as colours allow.

    Args:
        color: ``(H, W, C)`` float32, the picture.
        back: ``(H, W, C)`` float32, what is behind.
        alpha: ``(H, W)`` float32.
    """
    a = np.maximum(alpha, 0.05)[..., None]
    found: np.ndarray = np.where(alpha[..., None] > 0.999, color, (color - (1 - a) * back) / a)
    return np.clip(found, min(0.0, float(color.min())), float(color.max())).astype(np.float32)


def _spread(picture: torch.Tensor, known: torch.Tensor, steps: int) -> torch.Tensor:
    """Colours of the known pixels carried outwards, nearest first."""
    result, ready = picture * known, known.clone()
    for _ in range(steps):
        total = F.avg_pool2d(F.pad(result, (1, 1, 1, 1)), 3, 1)
        share = F.avg_pool2d(F.pad(ready, (1, 1, 1, 1)), 3, 1)
        new = (share > 0) & (ready == 0)
        result = torch.where(new, total / share.clamp(min=1e-6), result)
        ready = torch.where(new, 1.0, ready)
    return torch.where(ready > 0, result, picture)


def _ramp(hard: torch.Tensor, radius: int) -> torch.Tensor:
    """0 at the band's outer end, 1/2 on the outline, 1 at its inner end."""
    total = hard.clone()
    for r in range(1, radius + 1):
        total = total + erode(hard, r) + dilate(hard, r)
    ramp: torch.Tensor = total / (2 * radius + 1)
    return ramp

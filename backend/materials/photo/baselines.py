"""What the estimator has to beat: bright is high, and nothing at all. The photograph is the base colour in both."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.color_spaces import luminance
from .shading import Surface

LUMINANCE_DEPTH = 6.0
"""Pixels from black to white for height from luminance. Of 1 to 16, the best for the 104 held-out materials; it is given this advantage."""

CONSTANT_ROUGHNESS = 0.6


def from_luminance(photo: Tensor, depth_px: float = LUMINANCE_DEPTH) -> Surface:
    """The usual shortcut: luminance as height, one roughness, no metal; ``photo`` ``(B, 3, H, W)`` sRGB."""
    gray = luminance(photo)[:, 0]
    return Surface(photo, gray * depth_px, torch.full_like(gray, CONSTANT_ROUGHNESS), torch.zeros_like(gray))


def flat(photo: Tensor) -> Surface:
    """No relief, one roughness, no metal."""
    return from_luminance(photo, 0.0)

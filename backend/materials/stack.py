"""A material as one stack of maps."""

from __future__ import annotations

import dataclasses

import torch

CHANNELS = ("red", "green", "blue", "height", "roughness", "metallic")
"""Channels of a stack, all 0..1; red, green and blue are the base colour, display-encoded (sRGB), so that equal steps look alike."""
BASE_COLOR, HEIGHT, ROUGHNESS, METALLIC = slice(0, 3), 3, 4, 5


@dataclasses.dataclass(frozen=True)
class Material:
    """Maps of one material and the joint layout under them.

    Attributes:
        stack: ``(6, H, W)`` float32 in 0..1, channels as in ``CHANNELS``. Tiles along both axes.
        pattern: ``(H, W)`` float32: 1 on the body of a brick, stone or board, 0 in the joints, soft over about a pixel; None without
            joints.
        cells: ``(H, W)`` int64, which brick, stone or board a pixel belongs to; None without joints.
    """

    stack: torch.Tensor
    pattern: torch.Tensor | None = None
    cells: torch.Tensor | None = None

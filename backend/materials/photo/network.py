"""The network that sees height, roughness, metallic and base colour in a photograph."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .shading import Surface

ARCHITECTURE = "photo-maps-1"

STRIDE = 16
"""Pixels that one cell of the coarsest level covers: shifting the photograph by a multiple of it shifts the maps exactly."""

Border = Literal["zeros", "replicate"]

WIDTHS = (16, 32, 48, 72, 96)
"""Channels at each level, finest first."""


@dataclasses.dataclass(frozen=True)
class MapConfig:
    """What is needed to build the network again.

    Attributes:
        widths: Channels at each of the five levels, finest first.
        blocks: Residual blocks at the coarsest level.
    """

    widths: Sequence[int] = WIDTHS
    blocks: int = 2


class Block(nn.Module):
    """Two convolutions next to an identity; it starts as the identity."""

    def __init__(self, width: int, border: Border = "replicate") -> None:
        super().__init__()
        self.first = _convolution(width, width, border=border)
        self.second = _convolution(width, width, border=border)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to the same shape."""
        return x + self.second(F.leaky_relu(self.first(F.leaky_relu(x, 0.1)), 0.1))


class MapNetwork(nn.Module):
    """A U-Net without any normalisation, so that what it says of a spot depends on that spot's surroundings alone.

    Any size that is a multiple of ``STRIDE``. What is beyond the border is a guess (replicated, at the two finest levels zeros,
    which is quicker), so ``estimate`` gives it a margin of the photograph and cuts that off.
    """

    def __init__(self, config: MapConfig | None = None) -> None:
        super().__init__()
        self.config = config or MapConfig()
        widths = self.config.widths
        self.stem = _convolution(3, widths[0])
        self.down = nn.ModuleList(_convolution(a, b, 2) for a, b in itertools.pairwise(widths))
        borders: tuple[Border, ...] = ("zeros", "zeros", "replicate", "replicate", "replicate")
        counts = (0, 1, 1, 1, self.config.blocks)
        levels = list(zip(widths, borders, counts, strict=True))[1:]
        self.inward = nn.ModuleList(nn.Sequential(*(Block(w, b) for _ in range(n))) for w, b, n in levels)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in itertools.pairwise(widths))
        self.outward = nn.ModuleList(Block(w, b) for w, b, _ in levels[:-1])
        self.last = _convolution(2 * widths[0], widths[0])
        self.head = _convolution(widths[0], 6)
        nn.init.zeros_(self.head.weight)

    def channels_last(self) -> MapNetwork:
        """Itself, its weights laid out as convolution on a CPU likes them."""
        return self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, photo: Tensor) -> Surface:
        """Estimates maps.

        Args:
            photo: ``(B, 3, H, W)`` sRGB 0..1.

        Returns:
            A surface of the same size, float32; its height is in pixels.
        """
        x = fine = self.stem(photo * 2 - 1)
        kept = []
        for down, inward in zip(self.down, self.inward, strict=True):
            x = inward(down(F.leaky_relu(x, 0.1)))
            kept.append(x)
        for level in reversed(range(len(self.up))):
            x = F.interpolate(self.up[level](x), scale_factor=2.0, mode="bilinear", align_corners=False)
            if level:
                x = self.outward[level - 1](x + kept[level - 1])
        x = self.last(F.leaky_relu(torch.cat([fine, x], 1), 0.1))
        out = self.head(F.leaky_relu(x, 0.1)).float()
        shown = photo.float().clamp(0.01, 0.99)
        base = torch.sigmoid(torch.logit(shown) + out[:, :3])
        return Surface(base, 4 * out[:, 3], torch.sigmoid(out[:, 4] + 1), torch.sigmoid(out[:, 5] - 2))


def _convolution(inside: int, outside: int, stride: int = 1, border: Border = "zeros") -> nn.Conv2d:
    layer = nn.Conv2d(inside, outside, 3, stride, 1, padding_mode=border)
    nn.init.kaiming_normal_(layer.weight, 0.1)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer

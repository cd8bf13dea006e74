"""What the networks are built from: a styled convolution on a torus, enlargement on a torus, the layout in a code's cells."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from .noise import LEVEL_CHANNELS, LEVELS
from .patterns import PATTERN_CHANNELS

SLOPE = 0.2
CODE = LEVEL_CHANNELS[0] // 2
"""Channels of a code."""
LAYOUT_CHANNELS = PATTERN_CHANNELS + 4
"""Channels of a layout as a code's cells see it."""
WAVES = 4
"""Sine waves of the periodic latent (PSGAN, Bergmann et al. 2017)."""
MAX_FREQUENCY = 1 / 12
"""Of a wave, in cycles per pixel: what is finer is the noise's business."""


class StyledConv(nn.Module):
    """A 3x3 convolution on a torus, scaled and shifted by the style, then a leaky rectifier."""

    def __init__(self, inputs: int, outputs: int, style: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3)
        nn.init.kaiming_normal_(self.conv.weight, SLOPE)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        self.film = nn.Linear(style, 2 * outputs)
        nn.init.normal_(self.film.weight, std=0.5 / math.sqrt(style))
        nn.init.zeros_(self.film.bias)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        """``(B, inputs, H, W)`` and a style ``(B, S)`` or ``(B, S, h, w)`` to ``(B, outputs, H, W)``."""
        y = self.conv(F.pad(x, (1, 1, 1, 1), mode="circular"))
        if style.ndim == 2:
            scale, shift = self.film(style)[..., None, None].chunk(2, 1)
        else:
            film = self.film(style.movedim(1, -1)).movedim(-1, 1)
            scale, shift = enlarge(film, y.shape[3] // film.shape[3]).chunk(2, 1)
        return F.leaky_relu(torch.addcmul(shift.to(y.dtype), y, 1 + scale.to(y.dtype)), SLOPE)


class Waves(nn.Module):
    """Sines and cosines whose frequencies follow the style, in whole cycles around the torus."""

    def __init__(self, style: int) -> None:
        super().__init__()
        self.cycles = nn.Linear(style, 2 * WAVES)

    def forward(self, style: torch.Tensor, size: tuple[int, int], cells: tuple[int, int], origin: tuple[int, int] = (0, 0)) -> torch.Tensor:
        """Draws the waves in the cells of a code.

        Args:
            style: ``(B, S)``, or ``(B, S, h, w)``, of which the mean counts.
            size: Of the torus in pixels.
            cells: Rows and columns to draw, ``LEVELS[0]`` pixels each.
            origin: Row and column of the first cell's first pixel on the torus.

        Returns:
            ``(B, 2 * WAVES, rows, columns)`` in -1..1.
        """
        flat = style if style.ndim == 2 else style.mean((2, 3))
        cycles = torch.tanh(self.cycles(flat).float()).view(-1, WAVES, 2) * MAX_FREQUENCY
        whole = cycles * torch.tensor(size, dtype=cycles.dtype, device=cycles.device)
        whole = whole + (whole.round() - whole).detach()  # rounding lets the gradient through
        y, x = ((torch.arange(n, device=cycles.device) + 0.5) * LEVELS[0] + first for n, first in zip(cells, origin, strict=True))
        phase = whole[..., 0, None, None] * (y / size[0])[:, None] + whole[..., 1, None, None] * (x / size[1])
        return torch.cat([torch.sin(2 * math.pi * phase), torch.cos(2 * math.pi * phase)], 1)


def enlarge(field: torch.Tensor, factor: int) -> torch.Tensor:
    """Bilinear enlargement of ``(B, C, h, w)`` on a torus."""
    if factor == 1:
        return field
    padded = F.interpolate(F.pad(field, (1, 1, 1, 1), mode="circular"), scale_factor=factor, mode="bilinear", align_corners=False)
    return padded[..., factor:-factor, factor:-factor]


def layout_cells(pattern: torch.Tensor) -> torch.Tensor:
    """A layout ``(B, PATTERN_CHANNELS, H, W)`` in a code's cells: its means, and where in a cell the joints run.

    Returns:
        ``(B, LAYOUT_CHANNELS, H / 8, W / 8)``.
    """
    joints = F.pixel_unshuffle(F.avg_pool2d(pattern[:, :1] - pattern[:, 1:2], LEVELS[0] // 2), 2) * 2
    return torch.cat([F.avg_pool2d(pattern, LEVELS[0]), joints], 1)

"""Where things lie: codes made from plain noise.

The generator draws well what a code says, but plain noise says nothing: a code has to look like one that was read from a real material,
over the whole tile. So codes have a generator and a discriminator of their own, a GAN in the latent space of the other. At an eighth of the
size a whole tile of 256 px is 32 cells, which costs little, and what is larger than the drawing's crops is learnt here: how veins run,
how stones and cracks follow each other.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from .layers import CODE, LAYOUT_CHANNELS, WAVES, StyledConv, Waves, enlarge
from .noise import LEVELS

FACTORS = (4, 2, 1)
"""Cells of a code for one cell of each stage, the coarsest first."""
REFINED = (3, 2, 3)
"""Layers after the first of each stage."""
COARSEST = FACTORS[0] * LEVELS[0]
"""Pixels: a torus must be whole in them."""


class Prior(nn.Module):
    """Noise, layout and style to a code, from coarse to fine, on a torus.

    Args:
        style: Length of the style: the attributes in -1..1, and the latent as it is.
        widths: Channels of the stages, the coarsest first.
    """

    def __init__(self, style: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.waves = Waves(style)
        inputs = [before + CODE + LAYOUT_CHANNELS for before in (0, *widths[:-1])]
        inputs[-1] += 2 * WAVES
        self.enter = nn.ModuleList(StyledConv(i, o, style) for i, o in zip(inputs, widths, strict=True))
        self.refine = nn.ModuleList(_Refine(w, n, style) for w, n in zip(widths, REFINED, strict=True))
        self.last = nn.Conv2d(widths[-1], CODE, 1)
        nn.init.normal_(self.last.weight, std=0.5 / math.sqrt(widths[-1]))

    def forward(self, style: torch.Tensor, noise: torch.Tensor, layout: torch.Tensor, origin: tuple[int, int] = (0, 0)) -> torch.Tensor:
        """Makes codes.

        Args:
            style: ``(B, S)``, or ``(B, S, h, w)`` to let it change over the torus.
            noise: ``(B, CODE, h, w)`` N(0, 1); h and w are multiples of ``FACTORS[0]``.
            layout: ``(B, LAYOUT_CHANNELS, h, w)``, see ``layers.layout_cells``.
            origin: Row and column in pixels of the first cell on the torus.

        Returns:
            ``(B, CODE, h, w)``, about N(0, 1) over all materials.
        """
        rows, columns = noise.shape[2:]
        x: torch.Tensor | None = None
        for factor, enter, refine in zip(FACTORS, self.enter, self.refine, strict=True):
            here = style if style.ndim == 2 or factor == 1 else F.avg_pool2d(style, factor)
            # The mean of factor x factor numbers N(0, 1), times factor, is N(0, 1) again.
            parts = [factor * F.avg_pool2d(noise, factor), F.avg_pool2d(layout, factor)]
            if factor == 1:
                parts.append(self.waves(style, (rows * LEVELS[0], columns * LEVELS[0]), (rows, columns), origin))
            if x is not None:
                parts.append(enlarge(x.float(), 2))
            x = refine(enter(torch.cat(parts, 1), here), here)
        code: torch.Tensor = self.last(x)
        return code


class _Refine(nn.Module):
    """Layers that add to what comes in; a little each at the start, so that their sum does not grow."""

    def __init__(self, width: int, count: int, style: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(StyledConv(width, width, style) for _ in range(count))
        with torch.no_grad():
            for name, parameter in self.layers.named_parameters():
                if name.endswith("conv.weight"):
                    parameter.mul_(0.3)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = x + layer(x, style)
        return x

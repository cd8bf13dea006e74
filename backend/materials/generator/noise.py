"""The randomness of one material: fields on a torus from which any window can be cut.

A generator that is convolutional and padded circularly commutes with shifts of its noise. So the noise of a whole tile is made once,
and windows of it, with a wrapped margin, give the same picture as the whole: that is how a material of any size is made in bounded
memory.
"""

from __future__ import annotations

import dataclasses

import torch

from .patterns import PATTERN_CHANNELS

STRIDE = 8
"""Pixels of a texture for one cell of its coarsest noise."""
LEVELS = (8, 4, 2, 1)
"""Pixels for one cell of the noise at each stage of the generator, the coarsest first."""
LEVEL_CHANNELS = (32, 4, 4, 2)
"""Noise channels at each stage; of the coarsest, half is made into a code, half is noise added to the code."""


@dataclasses.dataclass(frozen=True)
class Seeds:
    """Noise and joint layout of a batch of materials, all on a torus.

    Attributes:
        levels: For each of ``LEVELS`` the noise ``(B, LEVEL_CHANNELS[i], H / LEVELS[i], W / LEVELS[i])`` float32, N(0, 1).
        pattern: ``(B, PATTERN_CHANNELS, H, W)`` float32, see ``patterns.encode``; zeros where there is no layout.
        size: Height and width in pixels of the torus that waves have to close on; windows keep the whole's.
        origin: Row and column of the first pixel on that torus.
    """

    levels: tuple[torch.Tensor, ...]
    pattern: torch.Tensor
    size: tuple[int, int]
    origin: tuple[int, int] = (0, 0)

    def window(self, top: int, left: int, height: int, width: int) -> Seeds:
        """A part, wrapped around the torus. All four numbers are multiples of ``STRIDE``."""
        levels = tuple(
            _cut(level, top // step, left // step, height // step, width // step) for level, step in zip(self.levels, LEVELS, strict=True)
        )
        return Seeds(levels, _cut(self.pattern, top, left, height, width), self.size, (self.origin[0] + top, self.origin[1] + left))

    def roll(self, down: int, right: int) -> Seeds:
        """The same torus seen from another origin; multiples of ``STRIDE``."""
        height, width = self.pattern.shape[2:]
        return self.window(-down, -right, height, width)


def make_seeds(
    batch: int,
    size: tuple[int, int],
    generator: torch.Generator | None,
    pattern: torch.Tensor | None = None,
    device: torch.device | str = "cpu",
) -> Seeds:
    """Draws the noise of a batch.

    Args:
        batch: Number of materials.
        size: Height and width in pixels, multiples of ``STRIDE``.
        generator: On the CPU, so that a seed means the same noise on every device.
        pattern: As in ``Seeds``, or None for no layout.
        device: Where the noise goes.
    """
    height, width = size
    levels = tuple(
        torch.randn(batch, channels, height // step, width // step, generator=generator).to(device)
        for channels, step in zip(LEVEL_CHANNELS, LEVELS, strict=True)
    )
    if pattern is None:
        pattern = torch.zeros(batch, PATTERN_CHANNELS, height, width)
    return Seeds(levels, pattern.to(device), (height, width))


def mix_seeds(first: Seeds, second: Seeds, amount: float) -> Seeds:
    """Noise between two: spherical, so that it stays N(0, 1). 0 gives the first, 1 the second; the layout is the first's."""
    angle = torch.tensor(amount * torch.pi / 2)
    levels = tuple(torch.cos(angle) * a + torch.sin(angle) * b for a, b in zip(first.levels, second.levels, strict=True))
    return dataclasses.replace(first, levels=levels)


def _cut(field: torch.Tensor, top: int, left: int, height: int, width: int) -> torch.Tensor:
    rows = torch.arange(top, top + height, device=field.device) % field.shape[2]
    columns = torch.arange(left, left + width, device=field.device) % field.shape[3]
    return field.index_select(2, rows).index_select(3, columns)

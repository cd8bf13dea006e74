"""Procedural materials with known maps: what the estimator learns from, and what it is measured on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from ....shared.material import FAMILIES, feature_factor
from ..procedural import available, render, sample_attributes
from .shading import Surface

FIRST_TRAINING_SEED, FIRST_HELD_OUT_SEED = 500_000, 900_000

DEEPEST = 20.0
"""Pixels; of what is deeper, such as grass, a picture of 256 px across shows no walls, only steps."""


@dataclasses.dataclass(frozen=True)
class Materials:
    """Stacks in memory.

    Attributes:
        stacks: ``(N, 6, S, S)`` float16, channels as in ``stack.CHANNELS``; they tile.
        depths: ``(N,)`` depth of each height's full range, in pixels.
        families: ``(N,)`` int64, position in ``FAMILIES``.
    """

    stacks: Tensor
    depths: Tensor
    families: Tensor

    def __len__(self) -> int:
        return len(self.stacks)

    def surface(self, indices: list[int]) -> Surface:
        """Whole tiles as a batch."""
        return Surface.from_stack(self.stacks[indices].float(), self.depths[indices])

    def family(self, index: int) -> str:
        """Its name."""
        return list(FAMILIES)[int(self.families[index])]

    def save(self, path: Path) -> None:
        """Writes a safetensors file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"stacks": self.stacks, "depths": self.depths, "families": self.families}, path)

    @classmethod
    def load(cls, path: Path) -> Materials:
        """The inverse of ``save``."""
        return cls(**load_file(path))


def make_materials(first_seed: int, count: int, size: int = 256, report: Callable[[int], None] = lambda done: None) -> Materials:
    """Draws materials, the families in turn.

    Their depth is the family's typical one in metres, in pixels at the material's scale, times 0.6 to 1.7, at most ``DEEPEST``.
    """
    names = available()
    stacks = torch.empty(count, 6, size, size, dtype=torch.float16)
    depths, families = torch.empty(count), torch.empty(count, dtype=torch.int64)
    for number in range(count):
        name = names[number % len(names)]
        seed = first_seed + number
        attributes = sample_attributes(name, seed)
        stacks[number] = render(name, attributes, seed, size).stack
        chance = float(torch.rand((), generator=torch.Generator().manual_seed(seed)))
        depths[number] = min(DEEPEST, typical_depth(name, attributes.scale) * 2 ** (1.5 * chance - 0.75))
        families[number] = list(FAMILIES).index(name)
        report(number + 1)
    return Materials(stacks, depths, families)


def typical_depth(family: str, scale: float) -> float:
    """Depth of a family's full range of height in pixels of a 256 px tile, for the attribute ``scale``."""
    known = FAMILIES[family]
    return known.depth / known.metres * 256 * feature_factor(scale)


def draw(materials: Materials, batch: int, crop: int, generator: torch.Generator) -> Surface:
    """A batch of pieces at random positions, turned, mirrored and magnified, with altered and sometimes foreign colours.

    Args:
        materials: Where from.
        batch: How many.
        crop: Pixels across and down.
        generator: Source of all random numbers.
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    def whole(limit: int) -> int:
        return int(torch.randint(limit, (), generator=generator))

    zoom = (0.7, 1.0, 1.0, 1.0, 1.5, 2.0)[whole(6)]  # one for the batch
    side, size = math.ceil(crop / zoom), materials.stacks.shape[-1]
    pieces = []
    depths = []
    for _ in range(batch):
        number, top, left = whole(len(materials)), whole(size), whole(size)
        rows, columns = ((torch.arange(side) + first) % size for first in (top, left))
        piece = materials.stacks[number][:, rows][:, :, columns].float()
        if whole(2):
            piece = piece.transpose(1, 2)
        pieces.append(piece.flip([axis for axis in (1, 2) if whole(2)]))
        depths.append(materials.depths[number])
    stack = torch.stack(pieces)
    if side != crop:
        stack = F.interpolate(stack, size=(crop, crop), mode="bicubic", align_corners=False, antialias=zoom < 1).clamp(0, 1)
    stack[:, :3] = _recolor(stack[:, :3], uniform)
    return Surface.from_stack(stack, torch.stack(depths) * zoom * 2 ** (uniform(batch) - 0.5))


def _recolor(color: Tensor, uniform: Callable[..., Tensor]) -> Tensor:
    """Other tints and contrasts.

    One in five is made dark where it was bright, so that pale mortar between dark bricks is no rarity; one in ten gets the colours
    of its neighbour in the batch, which do not follow its height at all.
    """
    batch = len(color)
    foreign = (uniform(batch, 1, 1, 1) < 0.1).float()
    color = torch.lerp(color, color.roll(1, 0), foreign)
    mean = color.mean((2, 3), keepdim=True)
    tinted = mean * torch.exp2((uniform(batch, 3, 1, 1) - 0.5) * 0.3) * torch.exp2((uniform(batch, 1, 1, 1) - 0.5) * 0.8)
    contrast = (0.6 + 0.8 * uniform(batch, 1, 1, 1)) * torch.where(uniform(batch, 1, 1, 1) < 0.2, -1.0, 1.0)
    return (tinted.clamp(0.1, 0.9) + (color - mean) * contrast).clamp(0.01, 0.99)

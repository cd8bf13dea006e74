"""A material's description as the model sees it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch

from ...shared.material import ATTRIBUTES, FAMILIES

Color = tuple[float, float, float]
"""Display-encoded sRGB, 0..1."""

FAMILY_NAMES: tuple[str, ...] = tuple(FAMILIES)
NUMBERS: tuple[str, ...] = tuple(name for name, attribute in ATTRIBUTES.items() if attribute.kind == "number")
COLORS: tuple[str, ...] = tuple(name for name, attribute in ATTRIBUTES.items() if attribute.kind == "color")


@dataclasses.dataclass(frozen=True)
class Attributes:
    """Family and attributes of one material; see ``shared/material.py`` for what each means.

    Attributes:
        family: Weight of each family by name, summing to 1; more than one for a blend.
        color: Mean base colour, sRGB 0..1.
        gap_color: Colour of joints and hollows, sRGB 0..1.
    """

    family: Mapping[str, float]
    color: Color = (0.5, 0.5, 0.5)
    gap_color: Color = (0.4, 0.4, 0.4)
    variation: float = 0.5
    scale: float = 0.5
    relief: float = 0.5
    roughness: float = 0.6
    metallic: float = 0.0
    wear: float = 0.2
    wetness: float = 0.0
    growth: float = 0.0
    irregularity: float = 0.5

    @property
    def main_family(self) -> str:
        """The family with the largest weight."""
        return max(self.family, key=lambda name: self.family[name])

    def vector(self) -> torch.Tensor:
        """``(len(FAMILY_NAMES) + 3 * len(COLORS) + len(NUMBERS),)`` float32: family weights, colours, numbers, all in 0..1."""
        weights = [float(self.family.get(name, 0.0)) for name in FAMILY_NAMES]
        colors = [float(x) for name in COLORS for x in getattr(self, name)]
        return torch.tensor(weights + colors + [float(getattr(self, name)) for name in NUMBERS])

    @classmethod
    def from_vector(cls, vector: torch.Tensor) -> Attributes:
        """The inverse of ``vector``."""
        values = [float(x) for x in vector]
        families = {name: w for name, w in zip(FAMILY_NAMES, values, strict=False) if w > 0}
        rest = values[len(FAMILY_NAMES) :]
        colors = {name: (rest[3 * i], rest[3 * i + 1], rest[3 * i + 2]) for i, name in enumerate(COLORS)}
        return cls(families, **colors, **dict(zip(NUMBERS, rest[3 * len(COLORS) :], strict=True)))  # type: ignore[arg-type]


VECTOR_SIZE = len(FAMILY_NAMES) + 3 * len(COLORS) + len(NUMBERS)

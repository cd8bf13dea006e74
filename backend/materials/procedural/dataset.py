"""The training data that Backlot makes itself: so many materials of every family, with measured attributes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import torch

from ..attributes import COLORS, FAMILY_NAMES, NUMBERS
from ..data.dataset import Dataset, Entry, build_dataset
from ..data.measure import measure
from . import available, render, sample_attributes

LICENCE = "CC0-1.0"
HELD_OUT_SEED = 900_000
"""Seeds from here on are never trained on."""


def make_dataset(
    per_family: int,
    first_seed: int = 0,
    families: Sequence[str] = (),
    size: int = 256,
    report: Callable[[float, str], None] | None = None,
) -> Dataset:
    """Renders materials.

    Args:
        per_family: How many of each family.
        first_seed: Seeds count up from here.
        families: Which; all where empty.
        size: Side in pixels.
        report: Called with the fraction done and the family.
    """
    names = tuple(families) or available()

    def entries() -> Iterator[Entry]:
        for number, family in enumerate(names):
            for seed in range(first_seed, first_seed + per_family):
                if report is not None:
                    report((number * per_family + seed - first_seed) / (per_family * len(names)), family)
                attributes = sample_attributes(family, seed)
                made = render(family, attributes, seed, size)
                yield Entry(f"{family}-{seed}", made.stack, attributes, made.pattern, made.cells, caption=family, licence=LICENCE)

    said = {"source": "backlot procedural materials", "per_family": per_family, "first_seed": first_seed, "licence": LICENCE}
    return relabel(build_dataset(entries(), said))


def relabel(data: Dataset) -> Dataset:
    """The same materials with those attributes that can be measured, measured: what was asked for is only nearly what was drawn."""
    attributes = data.attributes.clone()
    for row in range(len(data)):
        found = measure(data.stack(row))
        for name, value in found.items():
            if name in COLORS:
                at = len(FAMILY_NAMES) + 3 * COLORS.index(name)
                attributes[row, at : at + 3] = value
            else:
                attributes[row, len(FAMILY_NAMES) + 3 * len(COLORS) + NUMBERS.index(name)] = value
    return dataclasses.replace(data, attributes=attributes.clamp(0, 1), known=torch.ones_like(data.known))

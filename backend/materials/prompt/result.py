"""What a prompt was understood as."""

from __future__ import annotations

import dataclasses
from typing import Any

from .senses import Color

GRAMMAR = "grammar"
"""Meaning of words such as "the" in ``Prompt.known``; the report leaves them out of its list."""


@dataclasses.dataclass(frozen=True)
class Prompt:
    """What a prompt says about a material, and nothing that it does not say.

    Attributes:
        families: Weights by name (``shared/material.py``), summing to 1; empty if none is named.
        attributes: Only what the prompt sets: numbers 0..1, colours as display-encoded sRGB 0..1.
        layout: A name of ``LAYOUTS``, or "" if not said.
        known: Each word or phrase that was understood, with its meaning in words, in order.
        unknown: Words and symbols that mean nothing to the model, each once.
        notes: Contradictions and demands that cannot be met, as sentences without a full stop.
        apart: Those of the families that lie next to or on one another; the others are what these are made of.
    """

    families: dict[str, float]
    attributes: dict[str, float | Color]
    layout: str
    known: list[tuple[str, str]]
    unknown: list[str]
    notes: list[str]
    apart: tuple[str, ...] = ()

    def report(self) -> dict[str, Any]:
        """The same for JSON and for people: values rounded, grammar left out of ``understood``."""
        return {
            "families": {name: round(weight, 3) for name, weight in self.families.items()},
            "attributes": {name: _rounded(value) for name, value in self.attributes.items()},
            "layout": self.layout,
            "understood": [{"word": word, "as": meaning} for word, meaning in self.known if meaning != GRAMMAR],
            "unknown": list(self.unknown),
            "notes": list(self.notes),
        }


def _rounded(value: float | Color) -> float | list[float]:
    return [round(x, 3) for x in value] if isinstance(value, tuple) else round(value, 3)

"""A model's card: what it is, what it was trained on, under which licence, and how good it was found to be."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ....shared.errors import InputError


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """Provenance that travels inside a model's file.

    Attributes:
        architecture: Name and version of the network, such as ``material-gan-1``; code of another architecture refuses the file.
        config: What the network is built from: widths, sizes.
        title: One line for people.
        licence: Of the weights; an SPDX identifier or a sentence.
        data: What it was trained on: ``description``, ``materials`` (how many), ``licence``, ``digest``.
        command: The command that made it.
        created: Date and time, ISO 8601.
        base: The model it was adapted from, or empty.
        metrics: Measures by name.
    """

    architecture: str
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    title: str = ""
    licence: str = ""
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    command: str = ""
    created: str = ""
    base: str = ""
    metrics: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """The card as it is in the file."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """The inverse of ``to_json``; entries that a later version added are left out.

        Raises:
            InputError: It is not a card.
        """
        try:
            said = json.loads(text)
            known = {field.name: said[field.name] for field in dataclasses.fields(cls) if field.name in said}
            card = cls(**known)
        except (ValueError, TypeError) as error:
            raise InputError(expected="a model card", got=f"something else ({error})") from error
        for field in dataclasses.fields(cls):
            kind = Mapping if field.name in ("config", "data", "metrics") else str
            if not isinstance(getattr(card, field.name), kind):
                got = f"{type(getattr(card, field.name)).__name__} for {field.name}"
                raise InputError(expected="a model card with words and numbers by name", got=got)
        return card

    def gaps(self) -> list[str]:
        """What a card should say and this one does not, in words."""
        gaps = []
        if not self.licence.strip():
            gaps.append("it does not say under which licence it may be used")
        if not self.data.get("description"):
            gaps.append("it does not say what it was trained on")
        return gaps

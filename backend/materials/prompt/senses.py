"""What a word can mean, and the short notation in which the tables in ``words`` write it.

A line of a table is ``kind | words | effects``. Words are separated by commas; a word may be a phrase. Effects are separated by spaces:

    wetness=0.8      the word is about this attribute and sets it
    ~roughness=0.2   the word suggests this value; a word that is about roughness wins over it
    family=rust      names this family; ``family=moss:0.5+mud:0.5`` a blend; ``~family=wood`` only where nothing else names one
    color=#b08850    a colour of its own (``gap=`` for joints and hollows)
    layout=planks    a layout of joints
    strength=1.4     a factor on what follows; ``share=0.5`` a share of a blend
    tone=dark        changes the colour that follows
    generic          a family word so wide that an adjective may replace it ("rusty metal" is rust)
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping

from ....shared.material import ATTRIBUTES, FAMILIES, LAYOUTS

Row = tuple[str, str, str]
"""Kind, words, effects."""
Color = tuple[float, float, float]
"""Display-encoded sRGB, 0..1."""

PRESENCE = frozenset({"metallic", "wear", "wetness", "growth"})
"""Attributes that tell how much there is of something: nothing is 0, so "not wet" is 0. The others have two ends about a middle of 0.5."""


class Kind(enum.StrEnum):
    """The part that a word plays in a prompt."""

    FAMILY = "family"  # brick, oak
    OVERLAY = "overlay"  # mossy, rusty: a family as an adjective
    ATTRIBUTE = "attribute"  # wet, polished
    THING = "thing"  # scratches, puddles: an attribute as a noun
    GAP = "gap"  # mortar, veins: what is in the hollows
    LAYOUT = "layout"  # herringbone
    COLOR = "color"
    TONE = "tone"  # dark, pale
    DEGREE = "degree"  # very, half
    NEGATION = "negation"  # not, without
    JOIN = "join"  # with, and, on
    GRAMMAR = "grammar"  # the, is
    FILLER = "filler"  # seamless, 4k: understood, changes nothing
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True)
class Sense:
    """What one word or phrase means.

    Attributes:
        kind: Its part in a prompt.
        key: The first word of its row, by which rules know it ("with", "not").
        families: Families that it names, weights summing to 1.
        weak_family: Whether those count only where no other word names a family.
        main: Attributes that it sets.
        side: Attributes that it suggests.
        color: Its own colour, sRGB; None without one.
        gap: A colour for the hollows, sRGB; None without one.
        layout: A layout, or "".
        tone: A change of colour, or "".
        strength: Factor on what follows, of a degree; 1 otherwise.
        share: Share of a blend that it gives to what follows; None otherwise.
        generic: Whether an adjective may replace its family.
        text: For fillers, why they change nothing.
    """

    kind: Kind
    key: str = ""
    families: Mapping[str, float] = dataclasses.field(default_factory=dict)
    weak_family: bool = False
    main: Mapping[str, float] = dataclasses.field(default_factory=dict)
    side: Mapping[str, float] = dataclasses.field(default_factory=dict)
    color: Color | None = None
    gap: Color | None = None
    layout: str = ""
    tone: str = ""
    strength: float = 1.0
    share: float | None = None
    generic: bool = False
    text: str = ""


def parse_hex(text: str) -> Color:
    """``#rgb`` or ``#rrggbb`` as sRGB in 0..1."""
    digits = text.lstrip("#")
    if len(digits) == 3:
        digits = "".join(c + c for c in digits)
    return int(digits[0:2], 16) / 255, int(digits[2:4], 16) / 255, int(digits[4:6], 16) / 255


def parse_rows(rows: Iterable[Row]) -> dict[str, Sense]:
    """Senses by word or phrase.

    Raises:
        ValueError: A row names an effect, family, layout or attribute that does not exist, or a word comes twice. A fault in the tables.
    """
    senses: dict[str, Sense] = {}
    for kind, words, effects in rows:
        names = [word.strip() for word in words.split(",")]
        sense = _parse(Kind(kind), names[0], effects)
        for name in names:
            if name in senses:
                message = f"{name!r} comes twice in the lexicon"
                raise ValueError(message)
            senses[name] = sense
    return senses


def _parse(kind: Kind, key: str, effects: str) -> Sense:
    if kind is Kind.FILLER:
        return Sense(kind, key, text=effects)
    main: dict[str, float] = {}
    side: dict[str, float] = {}
    sense = Sense(kind, key)
    for effect in effects.split():
        name, _, value = effect.partition("=")
        weak = name.startswith("~")
        name = name.lstrip("~")
        if name == "family":
            sense = dataclasses.replace(sense, families=_parse_families(value), weak_family=weak)
        elif name in ("color", "gap"):
            color = parse_hex(value)
            sense = dataclasses.replace(sense, color=color) if name == "color" else dataclasses.replace(sense, gap=color)
        elif name == "layout" and value in LAYOUTS:
            sense = dataclasses.replace(sense, layout=value)
        elif name == "tone":
            sense = dataclasses.replace(sense, tone=value)
        elif name == "strength":
            sense = dataclasses.replace(sense, strength=float(value))
        elif name == "share":
            sense = dataclasses.replace(sense, share=float(value))
        elif name == "generic":
            sense = dataclasses.replace(sense, generic=True)
        elif name in ATTRIBUTES and 0.0 <= float(value) <= 1.0:
            (side if weak else main)[name] = float(value)
        else:
            message = f"{effect!r} of {key!r} means nothing"
            raise ValueError(message)
    return dataclasses.replace(sense, main=main, side=side)


def _parse_families(value: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in value.split("+"):
        name, _, weight = part.partition(":")
        weights[FAMILIES[name].name] = float(weight or 1.0)
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}

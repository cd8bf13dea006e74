"""Which colour belongs to what: "red bricks with white mortar", "white marble with black veins", "dark oak planks"."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ....shared.material import FAMILIES
from .blending import Role
from .items import Item
from .palette import TYPICAL, TYPICAL_GAP, mix, tone
from .senses import Color, Kind, parse_hex

_WOODEN = frozenset({"wood", "planks", "shingles", "weave"})
_ISH = 0.7  # a colour word weaker than this ("reddish") only tints the one that follows


@dataclasses.dataclass
class Colors:
    """Base and gap colour (None: not said), and how much the base varies where two colours were asked for."""

    color: Color | None = None
    gap_color: Color | None = None
    suggested: Color | None = None
    suggested_gap: Color | None = None
    variation: float | None = None


class _Reader:
    """Goes through the items once, keeping the colours that wait for a noun."""

    def __init__(self, items: list[Item], roles: Mapping[int, Role], families: Mapping[str, float]) -> None:
        self.items, self.roles, self.families = items, roles, families
        self.notes: list[str] = []
        self.base: list[tuple[Color, int]] = []  # with the index of the noun that they came with
        self.gaps: list[Color] = []
        self.own: list[Color] = []
        self.own_gaps: list[Color] = []
        self.waiting: list[Color] = []
        self.tones: list[Item] = []
        self.sources: list[Item] = []
        self.after_gap = False  # the last noun of this part of the sentence was a gap
        self.noun = -1
        self.joined = False  # "and" stands between the last colour and what follows

    def read(self) -> Colors:
        for i, item in enumerate(self.items):
            if item.stop:
                self._settle()
            if item.negated or item.part_of_negated:
                if item.kind is Kind.COLOR:
                    self.notes.append(f"'{item.text}' is excluded, but a colour can only be asked for: name the one you want")
                    item.meaning = "a colour cannot be excluded"
                elif item.kind is Kind.TONE and not item.part_of_negated:
                    opposite = {"dark": "light", "light": "dark", "vivid": "muted", "bright": "muted", "warm": "cool", "cool": "warm"}
                    item.sense = dataclasses.replace(item.sense, tone=opposite.get(item.sense.tone, "muted"))
                    item.strength *= 0.6
                    self.tones.append(item)
                continue
            self._take(i, item)
        self._settle()
        return self._result()

    def _take(self, i: int, item: Item) -> None:
        if item.kind is Kind.COLOR:
            self._color(item)
        elif item.kind is Kind.TONE or (item.sense.tone and self._color_follows(i)):
            self.tones.append(item)
        elif item.kind is Kind.JOIN:
            if item.sense.key == "and" and (self.waiting or self.tones) and self._color_follows(i):
                self.joined = True
            elif item.sense.key not in ("in", "of"):
                self._settle()
        elif item.kind is Kind.GAP:
            self._gap(item)
        elif item.kind is Kind.THING:
            self._thing(item)
        elif i in self.roles:
            self._family(i, item, self.roles[i])

    def _color(self, item: Item) -> None:
        color = item.sense.color
        if color is None:
            return
        for word in reversed(self.tones):
            color = tone(color, word.sense.tone, word.strength)
            word.meaning = f"{word.sense.tone} '{item.text}'"
        self.tones = []
        if self.waiting and not self.joined:
            tint = self.sources[-1].strength < _ISH  # "blue grey" is half of each, "bluish grey" a grey with some blue
            color = mix([(self.waiting.pop(), 0.3 if tint else 0.5), (color, 0.7 if tint else 0.5)])
        self.waiting.append(color)
        self.sources.append(item)
        item.meaning = f"colour {_hex(color)}"
        self.joined = False

    def _family(self, i: int, item: Item, role: Role) -> None:
        if role is Role.FILLING:
            self.own_gaps.append(item.sense.color or parse_hex(TYPICAL[next(iter(item.sense.families))]))
            return
        if role is Role.OVERLAY and self.noun >= 0 and item.kind is Kind.FAMILY:
            if self.waiting and not _overlaps(self.families, item):
                self.notes.append(f"The colour of the {item.text} alone cannot be set")
                self._drop()
            elif self.waiting:
                self._assign(self.noun)
            return
        if role is Role.NOTHING or item.kind is Kind.OVERLAY:
            return
        own = item.sense.color
        if own is not None and not _fits(item, self.families):
            own = None
        if item.sense.gap is not None:
            self.own_gaps.append(item.sense.gap)
        if self.waiting and role is not Role.MODIFIER:
            self._assign(i)
        elif own is not None and not self.waiting:
            for word in reversed(self.tones):
                own = tone(own, word.sense.tone, word.strength)
                word.meaning = f"{word.sense.tone} {item.text}"
            (self.base.append((own, i)) if self.tones else self.own.append(own))
            self.tones = []
        elif self.tones and role is not Role.MODIFIER:
            self._tone_typical(next(iter(item.sense.families)))
        self.noun, self.after_gap = i, False

    def _gap(self, item: Item) -> None:
        if self.waiting:
            self.gaps.extend(self.waiting)
            for source in self.sources:
                source.meaning += " of joints and hollows"
            self._drop()
        elif self.tones:
            color = parse_hex(TYPICAL_GAP)
            for word in self.tones:
                color = tone(color, word.sense.tone, word.strength)
                word.meaning = f"{word.sense.tone} {item.text}"
            self.gaps.append(color)
            self.tones = []
        self.after_gap = True

    def _thing(self, item: Item) -> None:
        if self.waiting and self.noun >= 0:
            self.notes.append(f"The colour of the {item.text} alone cannot be set")
            self._drop()
        for word in self.tones:
            item.strength *= {"light": 0.6, "pale": 0.6, "vivid": 1.3, "deep": 1.2}.get(word.sense.tone, 1.0)
            word.meaning = f"how much of '{item.text}'"
        self.tones = []

    def _settle(self) -> None:
        """A part of the sentence ends: colours without a noun after them belong to the noun before."""
        if self.waiting and self.after_gap:
            self.gaps.extend(self.waiting)
            for source in self.sources:
                source.meaning += " of joints and hollows"
            self._drop()
        elif self.waiting:
            self._assign(self.noun)
        elif self.tones and not self.base and not self.own:
            self._tone_typical(max(self.families, key=lambda name: self.families[name], default=""))
        elif self.tones:
            for word in self.tones:
                self.base = [(tone(c, word.sense.tone, word.strength), i) for c, i in self.base]
                self.own = [tone(c, word.sense.tone, word.strength) for c in self.own]
                word.meaning = f"{word.sense.tone} colour"
            self.tones = []
        self.after_gap = False

    def _tone_typical(self, family: str) -> None:
        color = parse_hex(TYPICAL.get(family, "#808080"))
        for word in self.tones:
            color = tone(color, word.sense.tone, word.strength)
            word.meaning = f"{word.sense.tone} {FAMILIES[family].label.lower() if family else 'grey'}: colour {_hex(color)}"
        self.base.append((color, self.noun))
        self.tones = []

    def _assign(self, noun: int) -> None:
        for word in self.tones:
            self.waiting = [tone(color, word.sense.tone, word.strength) for color in self.waiting]
        self.base.extend((color, noun) for color in self.waiting)
        self._drop()

    def _drop(self) -> None:
        self.waiting, self.sources, self.tones, self.joined = [], [], [], False

    def _color_follows(self, i: int) -> bool:
        for item in self.items[i + 1 : i + 3]:
            if item.stop or item.kind not in (Kind.COLOR, Kind.TONE, Kind.DEGREE):
                return False
            if item.kind is Kind.COLOR:
                return True
        return False

    def _result(self) -> Colors:
        found = Colors()
        jointed = any(FAMILIES[name].layout != "none" for name in self.families)
        colors = [color for color, _ in self.base]
        together = len(colors) > 1 and len({noun for _, noun in self.base}) == 1
        if together and not self.gaps and len(colors) == 2 and self.families and not jointed:
            found.color, found.gap_color = colors
            self.notes.append("Of the two colours the second goes into the hollows and veins")
        elif colors:
            found.color = mix((color, 1.0) for color in colors) if len(colors) > 1 else colors[0]
            if together:
                found.variation = 0.9
                self.notes.append("Several colours: their mean with much variation")
        if self.gaps:
            found.gap_color = mix((color, 1.0) for color in self.gaps) if len(self.gaps) > 1 else self.gaps[0]
        if self.own:
            found.suggested = mix((color, 1.0) for color in self.own) if len(self.own) > 1 else self.own[0]
        if self.own_gaps:
            found.suggested_gap = self.own_gaps[0]
        return found


def read_colors(items: list[Item], roles: Mapping[int, Role], families: Mapping[str, float]) -> tuple[Colors, list[str]]:
    """The colours of a prompt, and notes about those that cannot be honoured."""
    reader = _Reader(items, roles, families)
    return reader.read(), reader.notes


def _fits(item: Item, families: Mapping[str, float]) -> bool:
    """Whether a material's own colour shows in the blend: oak's in planks, not in metal."""
    mine = set(item.sense.families)
    return bool(mine & set(families)) or not families or (mine == {"wood"} and bool(_WOODEN & set(families))) or "rock" in mine


def _overlaps(families: Mapping[str, float], item: Item) -> bool:
    return any(name in families for name in item.sense.families)


def _hex(color: Color) -> str:
    return "#" + "".join(f"{round(x * 255):02x}" for x in color)

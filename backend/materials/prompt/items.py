"""From words to items: phrases recognised, degrees and negations applied to what they belong to."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from .lexicon import MAX_PHRASE, Reading, phrase, single
from .scan import Word
from .senses import PRESENCE, Kind, Sense, parse_hex

if TYPE_CHECKING:
    from .semantics import Semantics

CONTENT = frozenset({Kind.FAMILY, Kind.OVERLAY, Kind.ATTRIBUTE, Kind.THING, Kind.GAP, Kind.LAYOUT, Kind.COLOR, Kind.TONE})
NOUNS = frozenset({Kind.FAMILY, Kind.THING, Kind.GAP})
_THROUGH_NOUN = frozenset({"without"})  # "without green moss": green belongs to what is excluded; "not" takes the next word only
_ENDINGS = frozenset({"ish", "like", "less", "y"})


@dataclasses.dataclass
class Item:
    """A word or phrase in its place.

    Attributes:
        text: As written, in lower case.
        sense: What it means.
        entry: The entry of the lexicon behind it.
        how: How that was found, "" for the word itself.
        strength: Factor of degrees, brackets and the word's form.
        share: Share of a blend given to it; None otherwise.
        negated: Whether it is excluded.
        part_of_negated: Whether it only describes what is excluded ("green" in "without green moss").
        stop: Whether a comma or full stop stands before it.
        glued: Whether a hyphen ties it to the item before.
        meaning: What it did, for the report; filled in by the readers.
    """

    text: str
    sense: Sense
    entry: str = ""
    how: str = ""
    strength: float = 1.0
    share: float | None = None
    negated: bool = False
    part_of_negated: bool = False
    stop: bool = False
    glued: bool = False
    meaning: str = ""

    @property
    def kind(self) -> Kind:
        """The part it plays."""
        return self.sense.kind


def recognise(words: list[Word], semantics: Semantics | None) -> list[Item]:
    """Items of a prompt in order, with degrees and negations applied."""
    items = _match(_join_endings(words), semantics)
    _apply_degrees(items)
    _apply_negations(items)
    return items


def _join_endings(words: list[Word]) -> list[Word]:
    joined: list[Word] = []
    for word in words:
        last = joined[-1] if joined else None
        if last and word.glued and last.kind == "word" and (word.text in _ENDINGS or last.text == "un"):
            joined[-1] = dataclasses.replace(last, text=last.text + word.text)
        else:
            joined.append(word)
    return joined


def _match(words: list[Word], semantics: Semantics | None) -> list[Item]:
    items: list[Item] = []
    i, stop = 0, False
    while i < len(words):
        word = words[i]
        if word.kind == "stop":
            stop = True
            i += 1
            continue
        length, reading = _longest(words, i)
        text = " ".join(w.text for w in words[i : i + length])
        if reading is None and word.kind == "word" and semantics is not None:
            reading = semantics.nearest(text)
        if reading is None:
            item = Item(text, Sense(Kind.UNKNOWN))
        else:
            item = Item(text, reading.sense, reading.entry, reading.how, reading.strength, reading.sense.share, reading.opposite)
        item.strength *= word.weight
        item.stop, item.glued = stop, word.glued
        items.append(item)
        stop = False
        i += length
    return items


def _longest(words: list[Word], start: int) -> tuple[int, Reading | None]:
    """How many words from ``start`` on belong together, and what they mean."""
    word = words[start]
    if word.kind == "hex":
        return 1, Reading(Sense(Kind.COLOR, word.text, color=parse_hex(word.text)), word.text)
    if word.kind == "percent":
        share = min(float(word.text), 100.0) / 100
        return 1, Reading(Sense(Kind.DEGREE, "percent", strength=share, share=share), f"{word.text} %")
    if word.kind == "size":
        return 1, Reading(Sense(Kind.FILLER, word.text, text="the size is a parameter of its own"), word.text)
    if word.kind != "word":
        return 1, None
    run = [word.text]
    for following in words[start + 1 : start + MAX_PHRASE]:
        if following.kind != "word":
            break
        run.append(following.text)
    for length in range(len(run), 1, -1):
        reading = phrase(tuple(run[:length]))
        if reading is not None:
            return length, reading
    return 1, single(word.text)


def _apply_degrees(items: list[Item]) -> None:
    """Multiplies each content word by the degrees before it: "very wet", "not too rough", "half moss"."""
    pending: list[Item] = []
    for i, item in enumerate(items):
        if item.kind is Kind.DEGREE:
            if pending and item.stop:
                pending = []
            pending.append(item)
            before = items[i - 1] if i and not item.stop else None
            if before is not None and before.kind is Kind.NEGATION and before.sense.key == "not" and item.sense.strength > 0.7:
                # "Not very rusty" is a little rusty, not free of rust.
                before.meaning = item.meaning = "together: a little"
                before.sense = Sense(Kind.DEGREE, "not very", strength=0.4)
                pending = [before]
        elif item.kind in CONTENT and pending and not (item.stop and pending[-1].sense.share is None):
            for degree in pending:
                item.strength *= degree.sense.strength * degree.strength
                if degree.sense.share is not None and item.kind is Kind.FAMILY:
                    item.share = degree.sense.share
                    item.strength /= max(degree.sense.strength, 1e-6)
                degree.meaning = degree.meaning or f"{degree.sense.strength:g} times '{item.text}'"
            pending = []
        elif item.kind in (Kind.JOIN, Kind.NEGATION, Kind.UNKNOWN):
            pending = []


def _apply_negations(items: list[Item]) -> None:
    mode: str | None = None  # key of the negation in force
    spent = False  # it has its word, and only "or" can make it go on
    for i, item in enumerate(items):
        if item.stop and not (spent and _list_goes_on(items, i)):
            mode = None
        elif item.stop:
            spent = False
        if item.kind is Kind.NEGATION:
            mode, spent = item.sense.key, False
            item.meaning = "excludes what follows"
        elif item.kind is Kind.JOIN and item.sense.key == "free" and item.glued and i and items[i - 1].kind in CONTENT:
            items[i - 1].negated = not items[i - 1].negated
            item.meaning = f"excludes '{items[i - 1].text}'"
        elif item.kind is Kind.JOIN and mode is not None:
            if item.sense.key == "or" or (item.sense.key == "and" and mode in _THROUGH_NOUN):
                spent = False
            elif item.sense.key != "of":
                mode = None
        elif item.kind in CONTENT and mode is not None and not spent:
            describes = mode in _THROUGH_NOUN and item.kind not in NOUNS and _noun_follows(items, i)
            if not describes:
                item.negated, spent = not item.negated, True
            elif item.kind is Kind.OVERLAY or (item.sense.main and set(item.sense.main) <= PRESENCE):
                item.negated = not item.negated  # "no rusty metal" is also not rusty
            else:
                item.part_of_negated = True
        if item.strength <= 0.0 and item.kind in CONTENT:
            item.negated = True


def _noun_follows(items: list[Item], start: int) -> bool:
    for item in items[start + 1 :]:
        if item.stop or item.kind in (Kind.JOIN, Kind.NEGATION):
            return False
        if item.kind in NOUNS:
            return True
    return False


def _list_goes_on(items: list[Item], start: int) -> bool:
    """Whether a list such as "no moss, cracks or stains" reaches an "or" within its next few words."""
    for item in items[start : start + 6]:
        if item.kind is Kind.JOIN:
            return item.sense.key == "or"
        if item.kind is Kind.NEGATION:
            return False
    return False

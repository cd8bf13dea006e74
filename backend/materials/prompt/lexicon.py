"""The words that the model knows, from the tables in ``words``, and how an unfamiliar form of one is led back to it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path

from .fuzzy import Spelling
from .senses import Kind, Row, Sense, parse_rows

MAX_PHRASE = 4
WORDS = Path(__file__).resolve().parent / "words"
TABLES = ("families", "attributes", "colors", "grammar")
_INFLECTED = frozenset({Kind.FAMILY, Kind.OVERLAY, Kind.ATTRIBUTE, Kind.THING, Kind.GAP, Kind.LAYOUT, Kind.COLOR, Kind.TONE})


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a word was understood as.

    Attributes:
        sense: The meaning.
        entry: The entry of the lexicon that it was led back to.
        how: "" for the word itself, else how it was found, for the report.
        opposite: Whether the form turns the meaning round ("unpolished").
        strength: Factor of the form ("reddish", "wettest").
    """

    sense: Sense
    entry: str
    how: str = ""
    opposite: bool = False
    strength: float = 1.0


def _lines(table: str) -> Iterator[str]:
    """The lines of a table in ``words``, without comments and empty ones."""
    for line in (WORDS / f"{table}.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


def _rows() -> Iterator[Row]:
    for table in TABLES:
        for line in _lines(table):
            kind, words, effects = (part.strip() for part in line.split("|"))
            yield kind, words, effects


@functools.cache
def other_english() -> frozenset[str]:
    """Correct English words that look like words of the lexicon and are not: the speller leaves them alone."""
    return frozenset(word for line in _lines("other_english") for word in line.split())


@functools.cache
def lexicon() -> dict[str, Sense]:
    """Senses by word or phrase, both spellings of grey, colours of two words also joined."""
    senses = parse_rows(_rows())
    for name, sense in list(senses.items()):
        if sense.kind is Kind.COLOR:
            for form in (name, name.replace("grey", "gray")):
                senses.setdefault(form, sense)
                senses.setdefault(form.replace(" ", ""), sense)
    return senses


@functools.cache
def spelling() -> Spelling:
    """The speller over the single words of the lexicon that mean something."""
    kinds = _INFLECTED | {Kind.NEGATION, Kind.FILLER}
    words = [name for name, sense in lexicon().items() if " " not in name and sense.kind in kinds]
    return Spelling(words, other_english() | frozenset(lexicon()))


def phrase(words: tuple[str, ...]) -> Reading | None:
    """The sense of two or more words together, if they have one; the last may be a plural."""
    text = " ".join(words)
    sense = lexicon().get(text)
    if sense is None and text.endswith("s"):
        text = text[:-1]
        sense = lexicon().get(text)
    return Reading(sense, text) if sense else None


@functools.lru_cache(maxsize=4096)
def single(word: str) -> Reading | None:
    """The sense of one word: itself, an inflection, an affixed form, two words joined, or a typo of one; None if it is in no table."""
    known = lexicon().get(word)
    if known is not None:
        return Reading(known, word)
    if word in other_english() or len(word) > 40:
        return None
    found = _inflection(word) or _affix(word) or _compound(word)
    if found is not None:
        return found
    other = spelling().nearest(word)
    return Reading(lexicon()[other], other, f"read as '{other}'") if other else None


def _inflection(word: str) -> Reading | None:
    for base, strength in _bases(word):
        sense = lexicon().get(base)
        if sense is not None and len(base) >= 3 and sense.kind in _INFLECTED:
            return Reading(sense, base, f"a form of '{base}'", strength=strength)
    return None


def _bases(word: str) -> Iterator[tuple[str, float]]:
    """Base forms that an English word may be an inflection of, with the factor that the ending stands for."""
    yield word + "s", 1.0
    endings = (
        ("ies", "y", 1.0), ("ier", "y", 1.15), ("iest", "y", 1.35), ("ily", "y", 1.0), ("iness", "y", 1.0),
        ("ed", "ing", 1.0), ("ing", "ed", 1.0), ("y", "ed", 1.0), ("ed", "y", 1.0), ("ed", "s", 1.0), ("ied", "y", 1.0),
        ("es", "", 1.0), ("s", "", 1.0), ("s'", "", 1.0), ("'s", "", 1.0), ("ed", "", 1.0), ("ed", "e", 1.0),
        ("ing", "", 1.0), ("ing", "e", 1.0), ("er", "", 1.15), ("er", "e", 1.15), ("est", "", 1.35), ("est", "e", 1.35),
        ("ly", "", 1.0), ("ness", "", 1.0), ("en", "", 1.0), ("ened", "", 1.0), ("like", "", 0.8), ("esque", "", 0.8),
        ("ish", "", 0.6), ("ish", "e", 0.6), ("sized", "", 1.0),
    )  # fmt: skip
    for ending, replacement, strength in endings:
        stem = word[: -len(ending)]
        if word.endswith(ending) and len(stem) >= 2:
            yield stem + replacement, strength
            if not replacement and len(stem) > 3 and stem[-1] == stem[-2]:
                yield stem[:-1], strength  # reddish, flatter


def _affix(word: str) -> Reading | None:
    for front in ("un", "non", "de"):
        if word.startswith(front) and len(word) >= len(front) + 4:
            found = lexicon().get(word[len(front) :])
            if found is not None and found.kind in (Kind.ATTRIBUTE, Kind.OVERLAY):
                return Reading(found, word[len(front) :], f"the opposite of '{word[len(front) :]}'", opposite=True)
    for back in ("less", "free"):
        stem = word.removesuffix(back)
        for base in (stem, stem + "s"):
            found = lexicon().get(base) if stem != word else None
            if found is not None and found.kind in (Kind.FAMILY, Kind.THING, Kind.GAP):
                return Reading(found, base, f"without '{base}'", opposite=True)
    return None


def _compound(word: str) -> Reading | None:
    """Two known words written as one; the last one counts, as in English ("brickwall", "oakplanks")."""
    for i in range(3, len(word) - 2):
        joined = lexicon().get(f"{word[:i]} {word[i:]}")
        if joined is not None:
            return Reading(joined, f"{word[:i]} {word[i:]}", f"read as '{word[:i]} {word[i:]}'")
    return None

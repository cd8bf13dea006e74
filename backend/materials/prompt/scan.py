"""From the text of a prompt to words with weights."""

from __future__ import annotations

import dataclasses
import re
import unicodedata

from ....shared.errors import InputError

MAX_CHARACTERS = 2000
MAX_WEIGHT = 2.0
_STEP = 1.1  # what a pair of brackets without a number multiplies by, as in other prompt boxes

_PIECE = re.compile(
    r"(?P<hex>#[0-9a-f]{6}(?![0-9a-z])|#[0-9a-f]{3}(?![0-9a-z]))"
    r"|(?P<percent>\d{1,6}(?:\.\d{1,6})?)[ ]?%"
    r"|:[ ]{0,8}(?P<weight>[-+]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}))[ ]{0,8}(?P<closed>\)?)(?![0-9a-z])"
    r"|(?P<size>\d+[ ]?[x×*][ ]?\d+|\d+[ ]?(?:k|px|p|dpi)\b)"
    r"|(?P<number>\d+(?:[.,]\d+)*)"
    r"|(?P<word>w/o?\b|[^\W\d_]+(?:'[^\W\d_]+)*)"
    r"|(?P<open>[(\[])|(?P<close>[)\]])"
    r"|(?P<stop>[,;.!?\n|/]+|:|\+|&|[-–—](?=\s)|—)"
    r"|(?P<hyphen>-)"
    r"|(?P<other>\S)"
)


@dataclasses.dataclass(frozen=True)
class Word:
    """One piece of a prompt.

    Attributes:
        text: In lower case; a hex colour with its ``#``; "," where a part of the sentence ends.
        weight: Factor from brackets, 0..``MAX_WEIGHT``.
        kind: ``word``, ``hex``, ``percent``, ``number``, ``size``, ``stop`` or ``other`` (a symbol).
        glued: Whether a hyphen ties it to the word before.
    """

    text: str
    weight: float = 1.0
    kind: str = "word"
    glued: bool = False


def scan(text: str) -> tuple[list[Word], list[str]]:
    """The words of a prompt, and notes about weights that were out of range.

    Raises:
        InputError: Not text, or longer than ``MAX_CHARACTERS``.
    """
    if not isinstance(text, str):
        raise InputError(expected="a prompt as text", got=type(text).__name__, fix="Give a few words such as 'wet mossy cobblestone'")
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            expected=f"a prompt of at most {MAX_CHARACTERS} characters",
            got=str(len(text)),
            fix="Say it in fewer words: one material, its look",
        )
    words: list[Word] = []
    notes: list[str] = []
    opened: list[tuple[str, int]] = []
    glued, end = False, 0
    for match in _PIECE.finditer(_clean(text)):
        kind = str(match.lastgroup)
        if kind == "closed":
            start = opened.pop()[1] if match["closed"] and opened else _last_word(words)
            _weigh(words, start, _checked(float(match["weight"]), notes), notes)
        elif kind == "open":
            opened.append((match["open"], len(words)))
        elif kind == "close":
            if opened:
                bracket, start = opened.pop()
                _weigh(words, start, _STEP if bracket == "(" else 1 / _STEP, notes)
        elif kind == "hyphen":
            glued = bool(words)
            continue
        elif kind == "other" and unicodedata.category(match["other"])[0] == "M" and words and match.start() == end:
            words[-1] = dataclasses.replace(words[-1], text=words[-1].text + match["other"])  # a vowel sign within a word
        elif kind == "other":
            # Punctuation says nothing; a symbol (an emoji, a sign) may have meant something to the writer, so it is kept and reported.
            if unicodedata.category(match["other"])[0] in "SNL" and match["other"] not in "`^~<>=|$":
                words.append(Word(match["other"], kind="other"))
        elif kind == "stop":
            words.append(Word({"&": "and", "+": "and"}.get(match["stop"], ","), kind="word" if match["stop"] in "&+" else "stop"))
        elif kind == "word" and words and match.start() == end and unicodedata.category(words[-1].text[-1])[0] == "M":
            words[-1] = dataclasses.replace(words[-1], text=words[-1].text + match["word"])
        else:
            words.append(Word(match[kind], kind=kind, glued=glued))
        glued, end = False, match.end()
    return words, notes


def _clean(text: str) -> str:
    """One form for each character: no capitals, accents, curly quotes, control characters or halves of surrogate pairs."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = unicodedata.normalize("NFKD", text).casefold()
    if text.isascii():
        return text.translate(_PLAIN)
    # Accents of Latin letters go ("café"); marks of other scripts are part of their letters.
    kept = (c for i, c in enumerate(text) if not (unicodedata.combining(c) and i and text[i - 1].isascii()))
    return (
        unicodedata.normalize("NFC", "".join(kept))
        .replace("’", "'")
        .replace("‘", "'")
        .replace("‑", "-")
        .replace("‐", "-")
        .translate(_PLAIN)
    )


_PLAIN = dict.fromkeys((*range(10), *range(11, 32), 127, ord("_"), 8203, 8204, 65038, 65039, 65279), " ")


def _checked(weight: float, notes: list[str]) -> float:
    if not 0.0 <= weight <= MAX_WEIGHT:
        notes.append(f"Weight {weight:g} is outside 0 to {MAX_WEIGHT:g} and was clipped")
    return min(max(weight, 0.0), MAX_WEIGHT)


def _weigh(words: list[Word], start: int, factor: float, notes: list[str]) -> None:
    for i in range(max(start, 0), len(words)):
        weight = min(words[i].weight * factor, MAX_WEIGHT)
        words[i] = dataclasses.replace(words[i], weight=weight)


def _last_word(words: list[Word]) -> int:
    return len(words) - 1

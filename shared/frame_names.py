"""The frame number in a file's name: one rule for sequences, keyframes, captures and camera solves.

An explicit number wins; it never gets here. Else the number in the name counts. Where a name has several, it is the one that varies among
names that are alike otherwise: ``frame_0001_1920x1080.png`` and ``frame_0002_1920x1080.png`` are frames 1 and 2. A number of a version
(``v003``), a resolution (``1920x1080``, ``2k``) or a copy (``(2)``) counts only where no other varies. A name on its own gives its last
number that stands between separators, else its last one. Names without any number count from 0 in the order of the list. Where two
numbers vary, it is asked.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Collection, Sequence

from .errors import InputError
from .notes import note

FRAME = "####"
"""Stands for the frame number in a pattern, as in Blender's output path."""
LARGEST = 2**31 - 1
"""Frame numbers are kept in 32 bits."""
NAME_FIX = "Put the frame number at the end of the names, such as stylised_0012.exr"
_NUMBER = re.compile(r"((?<![0-9])(?:(?<![^\s_.(\[/-])-)?[0-9]{1,24}(?![0-9]))")
"""A minus belongs to the number at the beginning or after a separator: ``shot-0012`` is frame 12, ``stylised_-005`` frame -5. More than
24 digits are no number but a digest or the like."""
_SUFFIX = re.compile(r"\.(?![0-9]+$)[^./\s]{1,8}$")
_SUFFIXES = {".jpeg": ".jpg", ".tiff": ".tif"}
"""Two spellings of one format."""
_SEPARATORS = " _.-()[]/"
_BEFORE = re.compile(r"(?i)(?:(?:^|[^a-z])(?:v|ver|version)[_.-]?|[0-9]x)$")
"""In front of a number that is a version or a height: v003, 1920x1080."""
_AFTER = re.compile(r"(?i)^(?:x[0-9]|(?:k|p|fps|mm|bit)(?![a-z0-9]))")
"""Behind a number that is a width, a size or a rate: 1920x1080, 2k, 1080p, 24fps."""
_COPY = re.compile(r"^\)$")
"""Behind a number that counts copies: (2)."""


@dataclasses.dataclass(frozen=True)
class FrameName:
    """A file's name in parts.

    Attributes:
        texts: What is around the numbers: one more than there are.
        words: The numbers as they are written.
        suffix: From the dot on, or ``""``; digits are no suffix.
    """

    texts: tuple[str, ...]
    words: tuple[str, ...]
    suffix: str

    @classmethod
    @functools.lru_cache(maxsize=1 << 15)  # the names of a folder are looked at several times
    def of(cls, name: str) -> FrameName:
        """Of a name, or of a path, whose folders count too."""
        name = name.replace("\\", "/")
        found = _SUFFIX.search(name)
        stem, suffix = (name[: found.start()], found[0]) if found else (name, "")
        parts = _NUMBER.split(stem)
        return cls(tuple(parts[::2]), tuple(parts[1::2]), suffix)

    @property
    def shape(self) -> tuple[str, ...]:
        """What names of one sequence have in common."""
        suffix = self.suffix.lower()
        return (*(text.lower() for text in self.texts), _SUFFIXES.get(suffix, suffix))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers."""
        return tuple(int(word) for word in self.words)

    def pattern(self, column: int | None, free: Collection[int] = ()) -> str:
        """The name with ``####`` for the number at ``column`` and ``*`` for those at ``free``."""
        words = [FRAME if n == column else "*" if n in free else word for n, word in enumerate(self.words)]
        return "".join(a + b for a, b in zip(self.texts, [*words, ""], strict=True)) + self.suffix

    def aside(self, column: int, copies: bool = True) -> bool:
        """Whether the number is that of a version, a resolution or, if they count, a copy."""
        pieces = [piece for pair in zip(self.texts, [*self.words, ""], strict=True) for piece in pair]
        before, after = "".join(pieces[: 2 * column + 1]), "".join(pieces[2 * column + 2 :])
        return bool(_BEFORE.search(before) or _AFTER.search(after) or (copies and _COPY.search(after)))

    def usual(self) -> int | None:
        """The position of the number that is the frame's if no other name is known; None without numbers."""
        return max(range(len(self.words)), key=lambda n: (not self.aside(n), self._apart(n), n), default=None)

    def _apart(self, column: int) -> bool:
        before, after = self.texts[column], self.texts[column + 1]
        return (not before or before[-1] in _SEPARATORS) and (not after or after[0] in _SEPARATORS)


@dataclasses.dataclass(frozen=True)
class NamedSequence:
    """Names that are alike but for their numbers.

    Attributes:
        names: As they were given.
        column: Position of the number that is the frame's; None where there is none.
        open: Positions of the numbers that vary, where more than one could be the frame's.
        signed: Those whose last number has the minus in front of it, although no separator is before that.
    """

    names: tuple[str, ...]
    column: int | None
    open: tuple[int, ...] = ()
    signed: frozenset[str] = frozenset()

    @property
    def numbers(self) -> list[int]:
        """The frame of each name, by the number at ``column``."""
        assert self.column is not None
        last = self.column == len(FrameName.of(self.names[0]).words) - 1
        return [FrameName.of(name).numbers[self.column] * (-1 if last and name in self.signed else 1) for name in self.names]

    @property
    def patterns(self) -> list[str]:
        """The sequence as a pattern; several where it is open. Other numbers that vary are free, or fixed if that gives a frame twice."""
        names = [FrameName.of(name) for name in self.names]
        varying = _varying(self.names)
        found = []
        columns: list[int | None] = [*sorted(self.open)] or [self.column]
        for column in columns:
            once = column is None or len({name.numbers[column] for name in names}) == len(names)
            found.append(names[0].pattern(column, [n for n in varying if n != column] if once else ()))
        return found


def frame_number(name: str) -> int | None:
    """The frame number in a name on its own, or None without numbers; ``number_names`` for several.

    ``stylised_0012.exr`` is frame 12, ``stylised_-005.exr`` frame -5, ``stylised.0012`` (digits are no suffix) frame 12,
    ``shot010_v003_0012_denoised2.exr`` frame 12.
    """
    parsed = FrameName.of(re.split(r"[/\\]", name)[-1])
    column = parsed.usual()
    return None if column is None else parsed.numbers[column]


def sequences_among(names: Sequence[str], among: Collection[int] | None = None) -> list[NamedSequence]:
    """Names by sequence, in the order of their first names.

    Args:
        names: File names or relative paths.
        among: Frames that there are, if it is known: a number that varies but is not always one of them is not the frame's.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        groups.setdefault(FrameName.of(name).shape, []).append(name)
    signed = _join_signed(groups)
    return [_sequence(tuple(group), signed, among) for group in groups.values()]


def number_names(
    names: Sequence[str], *, among: Collection[int] | None = None, ordered: bool = True, fix: str = NAME_FIX, notes: bool = True
) -> list[int]:
    """The frame of each name by the rule of this module.

    Args:
        names: File names, or relative paths.
        among: See ``sequences_among``.
        ordered: Whether names without numbers count from 0 in the order of the list; else they are refused.
        fix: What to do, for messages.
        notes: Whether what a person may not expect is noted.

    Returns:
        As many numbers, each once; from 0 in the order of the numbers in the names where those are beyond 32 bits.

    Raises:
        InputError: Two numbers vary; two names of one number; no number in some of the names.
    """
    found: dict[str, int] = {}
    for sequence in sequences_among(names, among):
        if sequence.open:
            raise open_question(sequence, fix="" if fix == NAME_FIX else fix)
        if sequence.column is not None:
            found |= dict(zip(sequence.names, sequence.numbers, strict=True))
            if notes:
                _note_unusual(sequence)
    bare = [name for name in names if name not in found]
    if bare and (found or not ordered):
        raise InputError(expected=f"a frame number in the name of {_base(bare[0])}", got="no digits", fix=fix)
    if bare:
        if len(bare) > 1 and notes:
            note("There are no numbers in the names: they are frames 0, 1, 2 and so on in the order of the list")
        return list(range(len(names)))
    numbers = [found[name] for name in names]
    if any(abs(number) > LARGEST for number in numbers) and len(set(numbers)) == len(names):
        if notes:
            note("The numbers in the names are too large for frames, as of time stamps: frames are 0, 1, 2 and so on in their order")
        ranks = {number: rank for rank, number in enumerate(sorted(numbers))}
        return [ranks[number] for number in numbers]
    check_once(list(zip(numbers, names, strict=True)), fix)
    return numbers


def numbers_or_order(names: Sequence[str]) -> list[int]:
    """The frame of each name, or the order of the list from 0 where names do not tell: for pictures that have more than a name."""
    try:
        return number_names(names, notes=False)
    except InputError as error:
        note(f"Frames are numbered in the order of the list, from 0: {error.expected}, got {error.got}")
        return list(range(len(names)))


def check_once(numbered: Sequence[tuple[int, str]], fix: str = NAME_FIX) -> None:
    """Raises ``InputError`` where two names are of one frame or a number is beyond 32 bits."""
    seen: dict[int, str] = {}
    for number, name in numbered:
        if number in seen:
            raise InputError(
                expected="one picture for each frame", got=f"{_base(seen[number])} and {_base(name)} for frame {number}", fix=fix
            )
        if abs(number) > LARGEST:
            raise InputError(expected=f"a frame number of at most {LARGEST}", got=f"{number} in {_base(name)}", fix=fix)
        seen[number] = name


def open_question(sequence: NamedSequence, folder: str = "", fix: str = "") -> InputError:
    """The question which of several numbers that vary is the frame's; ``folder`` goes before the patterns, ``fix`` in place of them."""
    patterns = " or ".join(folder + pattern for pattern in sequence.patterns)
    return InputError(
        expected="one number that counts the frames in names that are alike otherwise",
        got=f"several that vary, as in {_base(sequence.names[0])} and {_base(sequence.names[-1])}",
        fix=fix or f"Give a pattern in which {FRAME} is the frame number: {patterns}",
    )


def _sequence(names: tuple[str, ...], signed: frozenset[str], among: Collection[int] | None) -> NamedSequence:
    first = FrameName.of(names[0])
    varying = _varying(names)
    columns = list(zip(*(FrameName.of(name).numbers for name in names), strict=True))
    if among is not None:
        candidates = varying if len(names) > 1 and varying else list(range(len(first.words)))
        fits = [n for n in candidates if all(number in among for number in columns[n])]
        if len({columns[n] for n in fits}) == 1:
            return NamedSequence(names, fits[-1], (), signed)
    if len({columns[n] for n in varying}) > 1:
        varying = [n for n in varying if not first.aside(n)] or varying
    usual = first.usual()
    column = varying[-1] if varying else usual
    if len({columns[n] for n in varying}) == 1 and usual is not None and first.aside(varying[-1], copies=False) and not first.aside(usual):
        varying = [*varying, usual]  # versions, or sizes, of one frame?
    return NamedSequence(names, column, tuple(varying) if len({columns[n] for n in varying}) > 1 else (), signed)


def _varying(names: Sequence[str]) -> list[int]:
    """Positions of the numbers that are not the same in all names."""
    columns = zip(*(FrameName.of(name).numbers for name in names), strict=True)
    return [n for n, column in enumerate(columns) if len(set(column)) > 1]


def _join_signed(groups: dict[tuple[str, ...], list[str]]) -> frozenset[str]:
    """Joins ``foo-001`` to ``foo0001``, as Blender numbers frames before 0 where the path has no separator; gives the negative names.

    The minus takes the room of a digit there, so that ``foo-0001`` next to ``foo0001`` is another sequence.
    """
    signed: set[str] = set()
    for shape in list(groups):
        before = shape[-3] if len(shape) > 2 else ""
        whole = groups.get((*shape[:-3], before[:-1], *shape[-2:])) if before.endswith("-") else None
        if whole is None:
            continue
        width = min(len(FrameName.of(name).words[-1]) for name in whole)
        words = [FrameName.of(name).words[-1] for name in groups[shape]]
        if all(int(word) and (len(word) == width - 1 or (len(word) >= width and word[0] != "0")) for word in words):
            signed |= set(groups[shape])
            whole += groups.pop(shape)
    return frozenset(signed)


def _note_unusual(sequence: NamedSequence) -> None:
    """Notes what a person may not expect: a number that is not the last, a minus, versions that are mixed."""
    first = FrameName.of(sequence.names[0])
    others = [n for n in _varying(sequence.names) if n != sequence.column]
    if others:
        note("Another number varies in the names too", sequence.patterns[0])
    elif sequence.column != len(first.words) - 1 and len(sequence.names) > 1:
        note(f"The frame number is where {FRAME} is in the names", sequence.patterns[0])
    numbers = sequence.numbers
    if max(numbers) < 0:
        note("A minus in front of the frame numbers was taken for theirs: they are negative", sequence.patterns[0])


def _base(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]

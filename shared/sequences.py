"""Sequences of pictures on disk: which files of a folder belong together, and which frame each one is (``frame_names``)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from .capture_index import CaptureIndex
from .errors import InputError
from .frame_names import FRAME, NAME_FIX, NamedSequence, check_once, number_names, open_question, sequences_among
from .notes import note

SUFFIXES = (".exr", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".hdr", ".dpx", ".tga", ".bmp")
_LAST_DIGITS = re.compile(r"((?:(?<=_)-)?\d+)(?=\D*$)")
_PLACEHOLDER = re.compile(r"#+|%0?\d*d")
MOST_NAMED = 6
"""So many files or sequences are named in a message."""


def counted_by_blender(name: str) -> int | None:
    """The number by which Blender counts a file of an image sequence: always the last digits, a minus after an underscore included.

    For files that Blender shows. Which frame a file is, ``frame_names.frame_number`` says.
    """
    found = _LAST_DIGITS.search(Path(name).stem)
    return int(found[1]) if found else None


def renumbered(path: Path, number: int) -> Path:
    """The file of another frame of the same sequence as Blender counts, its number as wide."""
    return path.with_stem(_LAST_DIGITS.sub(lambda found: f"{number:0{len(found[1])}d}", path.stem))


def find_frames(places: Sequence[Path]) -> list[tuple[int, Path]]:
    """The pictures of a sequence by frame number.

    Args:
        places: Each is a picture; a folder with the numbered pictures of one sequence, or with a capture (``transforms.json``: its
            colour pictures); or a pattern such as ``painted/stylised_*.exr``, for whoever has no shell that expands it, in which
            ``####`` or ``%04d`` is the frame number where names have several.

    Returns:
        In the order of frame numbers. What is in a folder next to them (reports, models, hidden files, pictures without a number) is
        left out.

    Raises:
        InputError: Nothing there, no numbered pictures, those of several sequences, two of one frame, or names in which two numbers vary.
    """
    found: list[tuple[int, Path]] = []
    unnumbered: list[Path] = []
    for place in places:
        if place.is_dir():
            found += _of_capture(place) or _of_folder(place)
        elif not place.exists() and _PLACEHOLDER.search(place.name):
            found += _of_placeholder(place)
        elif not place.exists() and re.search(r"[*?]", place.name):
            unnumbered += [path for path in _pictures(place) if re.fullmatch(_expression(place.name), path.name, re.IGNORECASE)]
            if not unnumbered:
                raise InputError(expected=f"pictures named {place.name} in {place.parent}", got="none")
        else:
            unnumbered.append(place)
    if unnumbered:
        found += zip(number_names([path.name for path in unnumbered]), unnumbered, strict=True)
    check_once([(number, path.name) for number, path in found])
    return sorted(found)


def _pictures(place: Path) -> list[Path]:
    """Pictures of the folder in which something is; macOS leaves ._stylised_0001.exr next to a file."""
    try:
        inside = sorted(place.parent.iterdir())
    except OSError as error:
        raise InputError(expected=f"a folder {place.parent}", got=error.strerror or str(error)) from error
    return [path for path in inside if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()]


def _of_capture(folder: Path) -> list[tuple[int, Path]]:
    if not (folder / "transforms.json").is_file():
        return []
    index = CaptureIndex.read(folder)
    files = [(number, index.file(entry, "file_path", f"frame {number}")) for number, entry in index.numbered if entry.get("file_path")]
    if not files:
        raise InputError(expected=f"colour (file_path) in the frames of {index.path}", got="none", fix="Capture them with colour")
    return files


def _of_folder(folder: Path) -> list[tuple[int, Path]]:
    paths = {path.name: path for path in _pictures(folder / "any")}
    sequences = sequences_among(list(paths))
    found = [sequence for sequence in sequences if sequence.column is not None]
    if not found:
        inside = ", ".join(sorted(path.name for path in folder.iterdir())[:MOST_NAMED]) or "an empty folder"
        raise InputError(expected=f"pictures in {folder}, with frame numbers in their names such as stylised_0012.exr", got=inside)
    if len(found) > 1:
        raise _several(folder, found)
    if found[0].open:
        raise open_question(found[0], f"{folder}/")
    for sequence in sequences:
        for name in sequence.names if sequence.column is None else ():
            note("a picture without a frame number in its name is left out", name)
    names = list(found[0].names)
    return [(number, paths[name]) for number, name in zip(number_names(names), names, strict=True)]


def _several(folder: Path, found: Sequence[NamedSequence]) -> InputError:
    """The question which of several sequences is meant."""
    patterns = sorted((sequence.patterns[0], len(sequence.names)) for sequence in found)
    largest = max(patterns, key=lambda pair: pair[1])[0]
    words = [pattern for pattern, _ in patterns]
    start, end = _common_start(words), _common_start([word[::-1] for word in words])[::-1]
    single = [sequence.numbers[0] for sequence in found if len(sequence.names) == 1 and not sequence.open]
    if len(set(single)) == len(found) and f"{start}*{end}".count(FRAME) == 1:  # what differs is no number: frame_0001_a3f9.png
        largest = f"{start}*{end}"
    named = ", ".join(f"{pattern} ({count})" for pattern, count in patterns[:MOST_NAMED])
    more = f" and {len(patterns) - MOST_NAMED} more" if len(patterns) > MOST_NAMED else ""
    fix = f"Give one of them, such as {folder / largest}; {FRAME} is the frame number, * is anything"
    return InputError(expected=f"the pictures of one sequence in {folder}", got=named + more, fix=fix)


def _common_start(words: Sequence[str]) -> str:
    letters = itertools.takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False))
    return "".join(column[0] for column in letters)


def _of_placeholder(place: Path) -> list[tuple[int, Path]]:
    """The pictures of a pattern with ``####``."""
    if len(_PLACEHOLDER.findall(place.name)) > 1:
        raise InputError(expected=f"one {FRAME} in {place.name}, where the frame number is", got="several", fix="Write * for the others")
    expression = re.compile(_expression(place.name), re.IGNORECASE)
    matches = [(path, expression.fullmatch(path.name)) for path in _pictures(place)]
    found = [(int(match[1]), path) for path, match in matches if match]
    if not found:
        raise InputError(expected=f"pictures named {place.name} in {place.parent}", got="none")
    check_once([(number, path.name) for number, path in found], NAME_FIX)
    return found


def _expression(pattern: str) -> str:
    """A regular expression of a pattern with ``*``, ``?`` and, once, ``####``, which takes numbers of any width."""
    number, words = r"(-?[0-9]{1,24})", {"*": ".*", "?": "."}
    parts = re.split(r"(#+|%0?\d*d|[*?])", pattern)
    return "".join(words.get(part, number) if n % 2 else re.escape(part) for n, part in enumerate(parts))

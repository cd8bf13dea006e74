"""Sequences of pictures on disk: which files of a folder belong together, and which frame each one is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from .errors import InputError

SUFFIXES = (".exr", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".hdr", ".dpx", ".tga", ".bmp")
_NUMBER = re.compile(r"((?:(?<=_)-)?\d+)(?=\D*$)")
"""The last digits; a minus counts after an underscore only: ``shot-0012`` is frame 12, ``stylised_-005`` frame -5."""


def frame_number(name: str) -> int | None:
    """The frame number in a file name: the last digits before the suffix, or None without digits.

    ``stylised_0012.exr`` is frame 12, ``stylised_-005.exr`` frame -5, ``stylised.0012`` (digits are no suffix) frame 12.
    """
    path = Path(name)
    found = _NUMBER.search(path.name if path.suffix[1:].isdigit() else path.stem)
    return int(found[1]) if found else None


def renumbered(path: Path, number: int) -> Path:
    """The file of another frame of the same sequence, its number as wide."""
    return path.with_stem(_NUMBER.sub(lambda found: f"{number:0{len(found[1])}d}", path.stem))


def find_pictures(where: Path) -> list[Path]:
    """The files of a sequence of pictures.

    Args:
        where: A picture; a folder with the numbered pictures of one sequence, or with a capture (``transforms.json``: its colour
            pictures); or a pattern such as ``painted/stylised_*.exr``, for whoever has no shell that expands it.

    Returns:
        In the order of frame numbers. What is in a folder next to them (reports, models, pictures without a number) is left out.

    Raises:
        InputError: Nothing there, no numbered pictures, or those of several sequences.
    """
    if where.is_dir():
        return _of_capture(where) or _of_folder(where)
    if not where.exists() and re.search(r"[*?]", where.name):
        found = [path for path in where.parent.glob(where.name) if _is_picture(path)]
        if not found:
            raise InputError(expected=f"pictures named {where.name} in {where.parent}", got="none")
        return _ordered(found)
    return [where]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")  # macOS leaves ._stylised_0001.exr next to a file


def _ordered(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (frame_number(path.name) or 0, path.name))


def _of_capture(folder: Path) -> list[Path]:
    path = folder / "transforms.json"
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))["frames"]
        files = [folder / entry["file_path"] for entry in entries if entry.get("file_path")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(expected=f"frames in {path}", got=f"{type(error).__name__} {error}", fix="Capture them again") from error
    return _ordered(files)


def _of_folder(folder: Path) -> list[Path]:
    sequences: dict[str, list[Path]] = {}
    for path in folder.iterdir():
        if _is_picture(path) and frame_number(path.name) is not None:
            sequences.setdefault(_NUMBER.sub("*", path.stem) + path.suffix, []).append(path)
    if not sequences:
        inside = ", ".join(sorted(path.name for path in folder.iterdir())[:6]) or "an empty folder"
        raise InputError(expected=f"pictures in {folder}, with frame numbers in their names such as stylised_0012.exr", got=inside)
    if len(sequences) > 1:
        several = sorted(sequences)
        raise InputError(
            expected=f"the pictures of one sequence in {folder}", got=", ".join(several[:6]), fix=f"Give {folder / several[0]}"
        )
    return _ordered(next(iter(sequences.values())))

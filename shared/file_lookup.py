"""Files by the names that other systems wrote down: one lookup for captures, camera solves, pairs, material files and job files.

A name is tried as it stands. If that is no file: with slashes in place of backslashes, without ``file://`` and percent signs, in another
case or Unicode form, with a suffix where it has none, with the picture's suffix of today. Then, for paths of another machine, its last
parts below the folder. Whatever was not the exact name is noted; where several files would do, it is asked. Guesses stay in the folder
of the file that names them; a path leads outside of it only by its own words (``../images/a.png``, or absolute).
"""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from .errors import InputError
from .notes import note
from .text_file import printable

PICTURES = (".png", ".exr", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".hdr", ".dpx", ".tga", ".bmp", ".ppm", ".pgm", ".pfm")
"""Suffixes of pictures, in lower case."""
_CONTROL = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
"""What a single backslash in JSON and the letter behind it become: ``images\\frame.png`` has a form feed."""
BACKSLASHES = "its path has backslashes, as on Windows; they are read as slashes"
_ENCODED = "its path is written as a URL; the file was found by its plain name"
_SPACES = "its path has spaces or quotes around it; they were left out"
_CASE = "its name is written in another case or Unicode form; the file was found all the same"
_NO_SUFFIX = "its name is written without a suffix; the only picture of that name was taken"
_OTHER_SUFFIX = "its name is written with another suffix; the only picture of that name was taken"
_MOVED = "its path is one of another folder or machine; the file of that name was taken that is there"


class FileLookup:
    """Finds the files that one file names; it lists each folder once and remembers what it found."""

    def __init__(self, folder: str | Path, suffixes: Sequence[str] = PICTURES, *, folders: bool = False) -> None:
        """A lookup.

        Args:
            folder: What names are relative to.
            suffixes: Which may be missing or others, in lower case; none to take names as they are.
            folders: Whether names may be those of folders too.
        """
        self.folder = Path(folder)
        self._suffixes, self._folders = tuple(suffixes), folders
        self._listed: dict[Path, dict[str, list[str]]] = {}
        self._found: dict[tuple[str, tuple[str, ...]], Path | None] = {}
        self._owners: dict[Path, tuple[str, bool]] = {}

    def find(self, name: str, also: Sequence[str] = ()) -> Path | None:
        """The file of a name, or None.

        Args:
            name: As it was written down.
            also: Folders in the folder where files of another machine's path may be, such as ``images``.

        Raises:
            InputError: Several files would do, or one file would have to do for two names.
        """
        key = (name, tuple(also))
        if key not in self._found:
            self._found[key] = self._find(name, also)
        return self._found[key]

    def has(self, name: str) -> bool:
        """Whether there is a file of a name that is written as here, but for case and slashes: no guess, no note."""
        parts = _parts(name.replace("\\", "/"))
        path = self.folder.joinpath(*parts[:-1])
        return bool(parts) and (self._there(path / parts[-1]) or _key(parts[-1]) in self._listing(path))

    def _find(self, name: str, also: Sequence[str]) -> Path | None:
        if self._there(self.folder / name) and name.strip("./\\ "):
            return self._owned(self.folder / name, name, guess=False)
        for spelled, said in _spellings(name):
            if not _elsewhere(spelled):
                found = self._walk(self.folder, _parts(spelled))
                if found is not None:
                    return self._note(found, name, said, guess=False)
        spelled, said = _spellings(name)[-1]
        for parts in self._moved(spelled, also):
            found = self._walk(self.folder, parts)
            if found is not None:
                return self._note(found, name, [*said, _MOVED], guess=True)
        found = None if _elsewhere(spelled) else self._walk(self.folder, _parts(spelled), other_suffix=True)
        return None if found is None else self._note(found, name, said, guess=True)

    def _moved(self, spelled: str, also: Sequence[str]) -> Iterator[list[str]]:
        """Parts of a path below the folder, for a name of another machine or folder: what is missing from a folder that is there is not."""
        parts = [part for part in _parts(spelled) if part != ".."]
        if len(parts) > 1 and not _elsewhere(spelled) and _exists(self.folder.joinpath(*_parts(spelled)[:-1])):
            return
        for start in range(0 if _elsewhere(spelled) or ".." in _parts(spelled) else 1, len(parts)):
            yield parts[start:]
        yield from ([*_parts(folder), parts[-1]] for folder in also if parts)

    def _walk(self, start: Path, parts: Sequence[str], other_suffix: bool = False) -> tuple[Path, list[str]] | None:
        """The file below a folder, part by part, and what had to be done to find it."""
        path, said = start, []
        if not parts or parts[-1] in (".", ".."):
            return None
        for part in parts[:-1]:
            there = path / part
            if not _exists(there):
                same = self._listing(path).get(_key(part), [])
                if not same:
                    return None
                there, said = path / _one(part, same, path), [_CASE]
            path = there
        last = parts[-1]
        if self._there(path / last):
            return path / last, said
        same = [name for name in self._listing(path).get(_key(last), []) if self._there(path / name)]
        if same:
            return path / _one(last, same, path), [_CASE]
        stem, dot, suffix = last.rpartition(".")
        known = bool(dot) and f".{suffix}".lower() in self._suffixes
        if known != other_suffix:
            return None
        wanted = [_key((stem if known else last) + end) for end in self._suffixes]
        same = [name for key in wanted for name in self._listing(path).get(key, []) if self._there(path / name)]
        if not same:
            return None
        return path / _one(last, same, path), [*said, _OTHER_SUFFIX if known else _NO_SUFFIX]

    def _note(self, found: tuple[Path, list[str]], name: str, said: list[str], guess: bool) -> Path:
        path, more = found
        for sentence in dict.fromkeys([*said, *more]):
            note(sentence, printable(name))
        return self._owned(path, name, guess)

    def _owned(self, path: Path, name: str, guess: bool) -> Path:
        """The path, unless a guess gives one file to two names: then one of them is wrong."""
        first, guessed = self._owners.setdefault(path, (name, guess))
        if first != name and (guess or guessed):
            fix = f"Put the files where {self.folder.name or 'the file'} names them"
            raise InputError(expected=f"a file each for {printable(first)} and {printable(name)}", got=f"only {path.name}", fix=fix)
        return path

    def _listing(self, folder: Path) -> dict[str, list[str]]:
        if folder not in self._listed:
            names: dict[str, list[str]] = {}
            try:
                for name in sorted(os.listdir(folder)):
                    names.setdefault(_key(name), []).append(name)
            except (OSError, ValueError):
                pass  # no folder, or not readable: nothing in it is found
            self._listed[folder] = names
        return self._listed[folder]

    def _there(self, path: Path) -> bool:
        return _exists(path) if self._folders else _is_file(path)


def find_file(folder: str | Path, name: str, suffixes: Sequence[str] = PICTURES) -> Path | None:
    """The file of one name in a folder, or None; see ``FileLookup``, which is for many."""
    return FileLookup(folder, suffixes).find(name)


def is_path(name: str) -> bool:
    """Whether a text can be the name of a file: no NUL, no half of a surrogate pair."""
    try:
        return b"\0" not in os.fsencode(name)
    except ValueError:
        return False


def with_slashes(name: str) -> str:
    """A relative path with slashes, for what does not exist yet; one with backslashes gets a note.

    Raises:
        InputError: A path with a drive letter, on a system that has none.
    """
    if os.name == "nt" or "\\" not in name:
        return name
    if re.match(r"[A-Za-z]:|\\\\", name):
        raise InputError(expected="a path of this system", got=printable(name), fix="Give one that is relative to the file")
    note(BACKSLASHES, printable(name))
    return name.replace("\\", "/")


def _spellings(name: str) -> list[tuple[str, list[str]]]:
    """The name in plain words, step by step, each with what was done."""
    found: list[tuple[str, list[str]]] = [(name, [])]

    def add(text: str, said: str) -> None:
        if text != found[-1][0]:
            found.append((text, [*found[-1][1], said] if said else found[-1][1]))

    add(name.strip(" \"'"), _SPACES)
    add("".join(_CONTROL.get(c, c) for c in found[-1][0]).replace("\\", "/"), BACKSLASHES)
    add(unquote(re.sub(r"^file:/*(?=/|[A-Za-z]:)", "", found[-1][0])) if "file:" in name or "%" in name else found[-1][0], _ENCODED)
    return found


def _elsewhere(name: str) -> bool:
    """Whether the path is absolute on any system, or has a scheme."""
    return bool(re.match(r"/|~|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://", name))


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part and part != "."]


def _key(name: str) -> str:
    """What names have in common that are written in another case, Unicode form or, on disk, in Windows-1252."""
    if any("\udc80" <= c <= "\udcff" for c in name):  # bytes that are not UTF-8
        with contextlib.suppress(ValueError):
            name = os.fsencode(name).decode("cp1252")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _one(name: str, same: list[str], folder: Path) -> str:
    if len(same) > 1:
        raise InputError(
            expected=f"one file named {printable(name)} in {folder}",
            got=" and ".join(same[:4]),
            fix="Write the exact name of the one that is meant, or take the others away",
        )
    return same[0]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, NUL or half a surrogate pair in it
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def files_by_key(folder: str | Path) -> Iterator[tuple[str, Path]]:
    """Files of a folder by their names in lower case, in the order of names; nothing for what is no folder."""
    try:
        names = sorted(os.listdir(folder))
    except (OSError, ValueError):
        return
    yield from ((_key(name), Path(folder) / name) for name in names if _is_file(Path(folder) / name))

"""``transforms.json`` before its pictures are read: its frames, their numbers and where their files are."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import InputError
from .file_lookup import FileLookup, files_by_key
from .frame_names import LARGEST, check_once, numbers_or_order
from .json_file import read_json
from .notes import note
from .text_file import printable

FILE = "transforms.json"
CHANNEL_KEYS = {
    "color": "file_path",
    "depth": "depth_file_path",
    "normal": "normal_file_path",
    "motion": "motion_file_path",
    "object_id": "object_id_file_path",
    "confidence": "confidence_file_path",
    "mask": "mask_path",
}
"""Channel to the key of its file in a frame."""
_ALIASES = {"depth_path": "depth_file_path", "mask_file_path": "mask_path", "normal_path": "normal_file_path",
            "integer_depth_scale": "depth_unit_scale_factor"}  # fmt: skip
"""Keys of instant-ngp and others to ours."""
_FOLDERS = {"file_path": ("images",)}
"""Folders next to the file where pictures of another machine's paths may be: not depth, whose files are often named as the colour's."""


class MissingFile(InputError):
    """A frame names a file that is not there."""


@dataclasses.dataclass(frozen=True)
class CaptureIndex:
    """What a ``transforms.json`` lists.

    Attributes:
        path: The file.
        data: All of it.
        entries: Its frames.
        numbers: Their frame numbers: ``frame_number``, else by the names of their files (``frame_names``), else in order from 0.
        lookup: Finds their files.
    """

    path: Path
    data: dict[str, Any]
    entries: list[dict[str, Any]]
    numbers: list[int]
    lookup: FileLookup

    @classmethod
    def read(cls, source: str | Path) -> CaptureIndex:
        """Reads the file, or that in a folder.

        Raises:
            InputError: No such file, not JSON, no frames, or a frame number that is none.
        """
        path = Path(source)
        if path.is_dir():
            path = capture_file(path) or path / FILE
        data = read_json(path, "a file", "Give the folder of a capture, or export one in the nerfstudio convention")
        if not isinstance(data, dict) or not isinstance(data.get("frames"), (list, dict)):
            raise InputError(expected=f'{path.name} to be an object with a list "frames"', got=printable(data))
        data = _renamed(data)
        entries = _entries(data["frames"], path.name)
        return cls(path, data, entries, _numbers(entries), FileLookup(path.parent))

    @property
    def numbered(self) -> list[tuple[int, dict[str, Any]]]:
        """The frames with their numbers."""
        return list(zip(self.numbers, self.entries, strict=True))

    def file(self, entry: Mapping[str, Any], key: str, where: str) -> Path:
        """The file that a frame names under a key; ``where`` names the frame in messages.

        Raises:
            InputError: Not a path.
            MissingFile: No such file.
        """
        name = entry[key]
        if not isinstance(name, str) or not name:
            raise InputError(expected=f"{key} of {where} to be a path", got=printable(repr(name)))
        path = self.lookup.find(name, _FOLDERS.get(key, ()))
        if path is not None:
            return path
        raise MissingFile(
            expected=f"the {key} of {where} at {printable(str(self.path.parent / name), 300)}",
            got=f"no such file as {printable(name)}",
            fix="Bring it back, or take the frame out of transforms.json; paths are relative to that file",
        )


def capture_file(folder: Path) -> Path | None:
    """The ``transforms.json`` of a folder; the only other ``transforms*.json`` where it has another name, with a note; or None.

    Raises:
        InputError: Several, such as those of a split for training and testing.
    """
    named = {key: path for key, path in files_by_key(folder) if key.startswith("transforms") and key.endswith(".json")}
    if FILE in named or not named:
        return named.get(FILE)
    if len(named) > 1:
        got = ", ".join(path.name for path in named.values())
        raise InputError(expected=f"{FILE} in {folder}", got=got, fix="Give the one of them that is meant")
    [path] = named.values()
    note(f"there is no {FILE} in the folder: this file is read", path.name)
    return path


def _renamed(data: Mapping[str, Any]) -> dict[str, Any]:
    found = {_ALIASES.get(key, key): value for key, value in data.items()}
    return found | {key: data[key] for key in _ALIASES.values() if key in data}


def _entries(given: list[Any] | dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The frames; of an object of frames its keys are their numbers. Repeated ones are left out."""
    if isinstance(given, dict):
        if all(isinstance(entry, dict) for entry in given.values()) and all(re.fullmatch(r"-?[0-9]{1,9}", key) for key in given):
            given = [{"frame_number": int(key), **entry} for key, entry in given.items()]
        else:
            given = list(given.values())
    if not given:
        raise InputError(expected=f"{name} to list at least one frame", got="none", fix="Capture at least one frame")
    entries: dict[str, dict[str, Any]] = {}
    for index, entry in enumerate(given):
        if not isinstance(entry, dict):
            raise InputError(expected=f"frame {index} to be an object", got=printable(entry))
        entries.setdefault(json.dumps(entry, sort_keys=True), _renamed(entry))
    if len(entries) < len(given):
        note(f"{len(given) - len(entries)} of {len(given)} frames are left out because they are listed twice", name)
    return list(entries.values())


def _numbers(entries: list[dict[str, Any]]) -> list[int]:
    given = [_given(entry, index) for index, entry in enumerate(entries)]
    if all(number is not None for number in given):
        return [number for number in given if number is not None]
    names = [next((str(entry[key]) for key in CHANNEL_KEYS.values() if entry.get(key)), "") for entry in entries]
    found = numbers_or_order(names)
    numbers = [named if number is None else number for number, named in zip(given, found, strict=True)]
    if any(number is not None for number in given):
        check_once(list(zip(numbers, names, strict=True)), "Give each frame a frame_number, or none of them")
    return numbers


def _given(entry: Mapping[str, Any], index: int) -> int | None:
    number = entry.get("frame_number")
    if number is None:
        return None
    whole = isinstance(number, int) or (isinstance(number, float) and number.is_integer())
    if not whole or isinstance(number, bool) or abs(number) > LARGEST:
        raise InputError(expected=f"frame_number of frame {index} to be a whole number", got=printable(repr(number)))
    return int(number)

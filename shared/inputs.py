"""An operation's inputs from disk, by the kind that its schema says: for the command line and for job files."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import InputError
from .file_lookup import BACKSLASHES, PICTURES, FileLookup, is_path, with_slashes
from .gltf_files import with_its_files
from .json_file import number_of
from .notes import note
from .operations import Input
from .picture_header import format_suffix
from .sequences import find_frames
from .sources import Source, read_source
from .text_file import printable
from .tracks import read_tracks
from .values import EncodedFile, SceneFrame

MESH_SUFFIXES = (".ply", ".obj", ".glb", ".gltf")
_PLACES, _NUMBERS = ("images", "right", "calib"), ("focal", "baseline")
SEVERAL = ("images", "files", "sequence")
"""Kinds that are several files."""


FILM = (".exr", ".hdr", ".dpx", ".tif", ".tiff")
"""Suffixes of files whose colours may be in a space of the artist's OCIO config; others are what their format says."""


def read_input(item: Input, where: Any, folder: Path = Path(), color_space: str = "", layer: str = "") -> Any:
    """Reads one input. Files are read, not decoded: that is the backend's work.

    Args:
        item: What the schema says of it.
        where: A path; as text, from a file, it is found as all such names are (``file_lookup``). For ``images``, ``files`` and
            ``sequence`` a list of them, or one. Those of a ``sequence`` may be folders and patterns, see ``sequences.find_frames``.
        folder: What the paths are relative to.
        color_space: What ``FILM`` files of colour are in, such as ``ACEScg``, by the name in the config that the backend's OCIO names;
            what they say themselves if left out.
        layer: Name of the view layer that is meant, of OpenEXR files that have several.

    Raises:
        InputError: Not a path, or what is there is missing or of another kind; the message says which.
    """
    value = _read(item, where, folder)
    return declared(item, value, color_space, layer)


def _read(item: Input, where: Any, folder: Path) -> Any:
    if item.kind in SEVERAL:
        places = where if isinstance(where, list) else [where]
        if not places:
            raise InputError(expected=f"at least one path as the input {item.name!r}", got="an empty list")
        paths = [_path(item, place, folder) for place in places]
        if item.kind == "sequence":
            return [EncodedFile.on_disk(path, number=number) for number, path in find_frames(paths)]
        return [EncodedFile.on_disk(path) for path in paths]
    if item.kind == "frames":
        return read_frames(item, where, folder).frames
    path = _path(item, where, folder)
    if item.kind == "tracks":
        return read_tracks(path)
    if item.kind == "mesh" and path.suffix.lower() not in ("", *MESH_SUFFIXES):
        raise InputError(expected=f"a mesh as {', '.join(MESH_SUFFIXES)} as the input {item.name!r}", got=path.name,
                         fix="Export it from Blender as glTF (.glb)")  # fmt: skip
    file = EncodedFile.read(path)
    return with_its_files(file, path.parent) if path.suffix.lower() == ".gltf" else file


def read_frames(item: Input, where: Any, folder: Path = Path()) -> Source:
    """Reads frames and what comes with them: a capture, a COLMAP model or a stereo pair.

    Args:
        item: What the schema says of it.
        where: A path, or an object with ``source`` (a path) and, as far as they are needed, ``images``, ``right``, ``calib`` (paths),
            ``focal`` and ``baseline`` (numbers); see ``sources.read_source``.
        folder: What the paths are relative to.
    """
    if not isinstance(where, dict):
        return read_source(_path(item, where, folder), whole=item.whole)
    unknown = set(where) - {"source", *_PLACES, *_NUMBERS}
    if unknown or "source" not in where:
        known = ", ".join(("source", *_PLACES, *_NUMBERS))
        raise InputError(expected=f"the input {item.name!r} as a path, or an object with {known}", got=repr(where)[:80])
    for name in _NUMBERS:
        if number_of(where.get(name, 0.0)) is None:
            raise InputError(expected=f"{name} of the input {item.name!r} as a number", got=repr(where[name])[:80])
    places = {name: _path(item, where[name], folder) if name in where else None for name in _PLACES}
    focal, baseline = (float(where.get(name, 0.0)) for name in _NUMBERS)
    return read_source(_path(item, where["source"], folder), images=places["images"], right=places["right"],
                       calibration=places["calib"], focal=focal, baseline=baseline, whole=item.whole)  # fmt: skip


def declared(item: Input, value: Any, color_space: str, layer: str) -> Any:
    """An input that was read, with what the artist says of its files; see ``read_input``."""
    kinds = ("image", "images", "sequence", "frames")
    if item.kind in kinds and not item.numbers and color_space:
        value = _changed(value, lambda file, color: _in_space(file, color_space) if color else file)
    if item.kind in (*kinds, "mask", "file", "files") and layer:
        value = _changed(value, lambda file, color: file.changed(layer=layer))
    return value


def _in_space(file: EncodedFile, space: str) -> EncodedFile:
    content = format_suffix(file.start(16))
    named = Path(file.name).suffix.lower() in FILM and content not in (".png", ".jpg")  # which a wrong name may be given to
    if content in FILM or named:
        return file.changed(color_space=space)
    note(f"the colour space {space} is for {', '.join(FILM)}; here the file's own words count", file.name)
    return file


def _changed(value: Any, change: Callable[[EncodedFile, bool], EncodedFile]) -> Any:
    """With changed files; the change is called with whether a file is colour. One that stands for several channels stays one object."""
    if isinstance(value, EncodedFile):
        return change(value, True)
    if isinstance(value, list):
        return [_changed(one, change) for one in value]
    if not isinstance(value, SceneFrame):
        return value
    color = value.channels.get("color")
    made = {id(file): change(file, file is color) for file in value.channels.values() if isinstance(file, EncodedFile)}
    return dataclasses.replace(value, channels={name: made.get(id(file), file) for name, file in value.channels.items()})


def _path(item: Input, where: Any, folder: Path) -> Path:
    if not isinstance(where, (str, Path)):
        many = " or a list of them" if item.kind in SEVERAL else ""
        raise InputError(expected=f"a path{many} as the input {item.name!r}", got=repr(where)[:80])
    if not is_path(str(where)):
        raise InputError(expected=f"a path as the input {item.name!r}", got=repr(printable(where)))
    if isinstance(where, Path):  # the command line's: a shell completes it
        return folder / where
    suffixes = MESH_SUFFIXES if item.kind == "mesh" else PICTURES if item.kind in ("image", "mask", *SEVERAL) else ()
    lookup = FileLookup(folder, suffixes, folders=True)
    found = lookup.find(where)
    parent, _, last = where.replace("\\", "/").rpartition("/")
    if found is None and parent and re.search(r"[*?#%]", last):  # a pattern: its folder is looked for
        above = lookup.find(where[: len(parent)])
        found = above / last if above is not None else None
        if found is not None and "\\" in where:
            note(BACKSLASHES, printable(where))
    return found or folder / with_slashes(where)

"""An operation's inputs from disk, by the kind that its schema says: for the command line and for job files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import InputError
from .frames import read_transforms
from .operations import Input
from .sources import read_source
from .tracks import read_tracks
from .values import EncodedFile

MESH_SUFFIXES = (".ply", ".obj", ".glb")
SEVERAL = ("images", "files")
"""Kinds that are several files."""


def read_input(item: Input, where: Any, folder: Path = Path()) -> Any:
    """Reads one input. Files are read, not decoded: that is the backend's work.

    Args:
        item: What the schema says of it.
        where: A path; for ``images`` and ``files`` a list of them, or one.
        folder: What the paths are relative to.

    Raises:
        InputError: Not a path, or what is there is missing or of another kind; the message says which.
    """
    if item.kind in SEVERAL:
        places = where if isinstance(where, list) else [where]
        if not places:
            raise InputError(expected=f"at least one path as the input {item.name!r}", got="an empty list")
        return [EncodedFile.read(_path(item, place, folder)) for place in places]
    path = _path(item, where, folder)
    if item.kind == "frames":
        plain = path.suffix.lower() == ".json" or (path / "transforms.json").is_file() or not path.exists()
        return read_transforms(path) if plain else read_source(path).frames
    if item.kind == "tracks":
        return read_tracks(path)
    if item.kind == "mesh" and path.suffix.lower() not in MESH_SUFFIXES:
        raise InputError(expected=f"a mesh as {', '.join(MESH_SUFFIXES)} as the input {item.name!r}", got=path.name,
                         fix="Export it from Blender as glTF (.glb)")  # fmt: skip
    return EncodedFile.read(path)


def _path(item: Input, where: Any, folder: Path) -> Path:
    if not isinstance(where, (str, Path)):
        many = " or a list of them" if item.kind in SEVERAL else ""
        raise InputError(expected=f"a path{many} as the input {item.name!r}", got=repr(where)[:80])
    return folder / where

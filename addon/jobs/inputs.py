"""What the record of a job says of its inputs, and the values that it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy

from ...shared.errors import InputError
from ...shared.operations import find
from ...shared.sequences import counted_by_blender, renumbered


def load_inputs(described: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Reads what a request says of its inputs.

    Args:
        described: For each input ``{"image": name}``, ``{"path": file}``, or the folder of a capture as ``{"frames": folder}``,
            ``{"tracks": folder}`` or ``{"mesh": folder}``; several images as ``{"images": JSON list of names}``, painted frames as
            ``{"files": folder}``, numbered pictures as ``{"sequence": first file, "last": number}``.

    Raises:
        InputError: An input is missing or unreadable.
    """
    # These import numpy, and are needed when a job is sent.
    from ...shared.frames import read_transforms
    from ...shared.tracks import read_tracks
    from ...shared.values import EncodedFile
    from ..images import pictures
    from ..scene import mesh_file

    inputs: dict[str, Any] = {}
    for name, where in described.items():
        if "image" in where:
            inputs[name] = pictures.send(_image(where["image"]))
        elif "images" in where:
            inputs[name] = [pictures.send(_image(one)) for one in json.loads(where["images"])]
        elif "files" in where:
            inputs[name] = [EncodedFile.on_disk(path) for path in painted_files(Path(where["files"]))]
        elif "sequence" in where:
            files = numbered_files(Path(where["sequence"]), int(where["last"]))
            inputs[name] = [EncodedFile.on_disk(path, number=number) for number, path in files.items()]
        elif "frames" in where:
            inputs[name] = read_transforms(Path(where["frames"]))
        elif "tracks" in where:
            inputs[name] = read_tracks(where["tracks"])
        elif "mesh" in where:
            inputs[name] = mesh_file.read_mesh(Path(where["mesh"]))
        else:
            inputs[name] = EncodedFile.read(where["path"], where.get("color_space", ""))
    return inputs


def _image(name: str) -> bpy.types.Image:
    image = bpy.data.images.get(name)
    if image is None:
        raise InputError(expected=f"the image {name!r}", got="none of that name in this file", fix="Choose another image")
    return image


def painted_files(folder: Path) -> list[Path]:
    """The files of painted frames in a folder, in order.

    Raises:
        InputError: There are none any more.
    """
    found = sorted(folder.glob("paint_*")) if folder.is_dir() else []
    if not found:
        raise InputError(expected=f"painted frames in {folder}", got="none", fix="Start the job from the panel again")
    return found


def numbered_files(start: Path, last: int) -> dict[int, Path]:
    """The files of an image sequence that are there, by frame number as Blender counts, from the first one on.

    Raises:
        InputError: The first is not there.
    """
    if not start.is_file():
        fix = "File > External Data > Find Missing Files"
        raise InputError(expected=f"the frames from {start.name} on", got=f"nothing at {start}", fix=fix)
    first = counted_by_blender(start.name) or 0
    others = {number: renumbered(start, number) for number in range(first + 1, last + 1)}
    return {first: start, **{number: path for number, path in others.items() if path.is_file()}}


def label_of(operation: str, described: dict[str, dict[str, str]], parameters: Mapping[str, Any] | None = None) -> str:
    """A job's name in the list: the operation and its prompt or its first input."""
    first = next(iter(described.values()), {})
    prompt = str((parameters or {}).get("prompt") or "").strip()
    subject = prompt[:60] or first.get("image") or first.get("name") or Path(first.get("path") or first.get("frames") or "").stem
    return f"{find(operation).label} {subject}".strip()

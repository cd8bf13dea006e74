"""What a job file asks to be captured for a reconstruction: ``{"capture": {"clip": "shot.png"}}`` and its kind.

- ``{"clip": name, "start": 1, "end": 100, "step": 2}``: pictures, cameras and tracks of a solved clip;
- ``{"plate": name, "depth": name}``: one picture, seen by the scene camera or a solved one;
- ``{"object": name}``: a mesh, unwrapped by Smart UV.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...shared.errors import InputError
from ...shared.notes import note
from ..jobs.inputs import load_inputs
from .footage import FootageCapture, FootageSettings
from .plate import PlateCapture, PlateSettings
from .unwrap import smart

if TYPE_CHECKING:
    from ...shared.operations import Input

KINDS = ("clip", "plate", "object")


def is_mine(description: dict[str, Any]) -> bool:
    """Whether the ``capture`` object of a job file is one of these."""
    return any(kind in description for kind in KINDS)


def capture(description: dict[str, Any], item: Input, folder: Path) -> Any:
    """Captures what is asked for, and gives the input's value.

    Args:
        description: The ``capture`` object; ``folder`` in it names the folder for the files, by default ``capture`` next to the job file.
        item: The input that it is for.
        folder: Of the job file.

    Raises:
        InputError: It cannot be captured, or is nothing for such an input.
    """
    if "object" in description:
        return _object(description, item)
    steps = _steps(description, folder)
    if item.kind == "tracks" and "clip" in description:
        return steps.tracks()
    for done in steps.steps():
        print(f"captured {done} of {steps.total}", flush=True)
    for sentence in steps.notes.sentences():
        note(sentence)
    where = steps.described("depth" if item.name == "depth" else item.kind)
    if not where:
        raise InputError(message=f"The capture has nothing for the input {item.name!r}", fix=f"Leave {item.name!r} out of the job file")
    return load_inputs({item.name: where})[item.name]


def origin(description: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What a mesh of this capture belongs to, for applying the result."""
    found: dict[str, Any] = {} if "object" in description else _steps(description, folder).origin()
    return found


def _steps(description: dict[str, Any], folder: Path) -> Any:
    description = dict(description)
    target = folder / str(description.pop("folder", "capture"))
    if "clip" in description:
        return FootageCapture(bpy.context.scene, FootageSettings.from_json(description), target)
    unknown = set(description) - {"plate", "depth", "use_tracks"}
    if unknown:
        raise InputError(message=f"A capture of a plate has no entry {unknown.pop()!r}", fix="Known entries: plate, depth, use_tracks")
    settings = PlateSettings(str(description["plate"]), str(description.get("depth", "")), bool(description.get("use_tracks", True)))
    return PlateCapture(bpy.context.scene, settings, target)


def _object(description: dict[str, Any], item: Input) -> Any:
    found = bpy.context.scene.objects.get(str(description["object"]))
    if found is None or item.kind != "mesh":
        raise InputError(expected="the name of an object, for a mesh", got=repr(description["object"]), fix="Name an object of the scene")
    return smart(found)

"""The results of a shot on disk: each frame as it arrives, next to the .blend or, before that is saved, in the extension's own folder."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...shared.sequences import counted_by_blender
from ..settings import working_folder

if TYPE_CHECKING:
    from ...shared.events import Finished, Partial
    from ...shared.outputs import Writer

# Functions import shared/outputs.py when they are called: it imports numpy, and registering does not.
WRITERS: dict[str, Writer] = {}
"""By job: those that have sent results."""


def new_folder(label: str) -> Path:
    """A folder of its own for a job's results: ``//backlot/<label>``; it is made, so that no other job gets it.

    If the folder of the .blend cannot be written, the .blend counts as not saved.
    """
    name = re.sub(r"[^\w.-]+", "-", label.lower()).strip("-.") or "shot"
    if bpy.data.filepath:
        with contextlib.suppress(OSError):
            return _made(Path(bpy.path.abspath("//")) / "backlot", name)
    return _made(working_folder("shots"), name)


def _made(parent: Path, name: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
            continue
        return folder


def relative(path: Path) -> str:
    """The path as an image of this file names it: relative to the .blend if it is below its folder."""
    if bpy.data.filepath:
        with contextlib.suppress(ValueError):  # another drive
            below = path.resolve().relative_to(Path(bpy.data.filepath).resolve().parent)
            return "//" + below.as_posix()
    return str(path)


def take(job_id: str, folder: str, event: Partial) -> None:
    """Writes a frame, or the model so far.

    Raises:
        StorageError: The folder cannot be written.
    """
    from ...shared.outputs import Writer

    WRITERS.setdefault(job_id, Writer(Path(folder)))(event)


def finish(job_id: str, folder: str, event: Finished) -> dict[str, Any]:
    """Writes the results that are not there yet, and gives them with files as paths.

    Frames that came early were written by this process and are not compared again: gigabytes, while the window waits.

    Raises:
        StorageError: The folder cannot be written.
    """
    from ...shared.outputs import write_outputs

    writer = WRITERS.pop(job_id, None)
    early = {path.name for path in writer.early if path.is_file()} if writer is not None else set()
    left = {name: _without(value, early) for name, value in event.outputs.items()}
    write_outputs(left, Path(folder), {**event.provenance, "early": sorted(early)})
    return placed(event.outputs, Path(folder))


def finish_movie(folder: Path, event: Finished) -> dict[str, Any]:
    """Writes a movie to the folder of its frames, under a free name, and gives the outputs with its path.

    Raises:
        StorageError: The folder cannot be written.
    """
    from ...shared.outputs import Writer

    number = 1
    while (path := folder / ("preview.mp4" if number == 1 else f"preview-{number}.mp4")).exists():
        number += 1
    Writer(path, "movie").finish(event)
    return {**event.outputs, "movie": path}


def _without(value: Any, early: set[str]) -> Any:
    return [one for one in value if Path(getattr(one, "name", "")).name not in early] if isinstance(value, list) else value


def placed(outputs: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Outputs after their files were written into a folder: files as paths, all else as it is."""
    return {name: _placed(value, folder) for name, value in outputs.items()}


def _placed(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_placed(one, folder) for one in value]
    return folder / Path(value.name).name if hasattr(value, "data") and hasattr(value, "name") else value


def unfinished(job_id: str) -> dict[str, Any]:
    """What a job that was cancelled had made: frames and model; empty for nothing."""
    writer = WRITERS.pop(job_id, None)
    early = [path for path in writer.early if path.is_file()] if writer is not None else []
    frames = sorted(path for path in early if path.name.startswith("stylised_"))
    model = [path for path in early if path.suffix == ".safetensors"]
    if not frames and not model:
        return {}
    return {"stylised": frames, **({"model": model[-1]} if model else {}), "report": {"unfinished": True}}


def number(path: Path) -> int:
    """The number of a painted frame's file as Blender counts: it is shown as an image sequence."""
    return counted_by_blender(path.name) or 0

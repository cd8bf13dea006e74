"""Job files: a job on disk, whose results go next to it.

    {"backlot_job": 1, "operation": "texture.synthesize", "parameters": {"size": [512, 512]}, "seed": 1,
     "inputs": {"exemplar": "brick.png"}, "outputs": "out", "formats": {"base_color": "png"}}

Paths are relative to the job file; where an input is several images it is a list of paths. Where an input is
``{"capture": {...}}`` Blender renders it; see docs/farm.md.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .digest import as_bytes, digest
from .errors import InputError
from .inputs import declared, read_frames, read_input
from .jobs import Job, request_digest
from .notes import collect_notes
from .object_names import with_ids
from .operations import Input, find
from .outputs import SIDECAR
from .sources import Source
from .value_codec import Buffer, encode

VERSION = 1
_KEYS = {
    "backlot_job",
    "operation",
    "parameters",
    "seed",
    "inputs",
    "outputs",
    "formats",
    "priority",
    "label",
    "color_space",
    "layer",
    "apply",
    "save",
}
Capture = Callable[[dict[str, Any], Input], Any]


@dataclasses.dataclass(frozen=True)
class JobFile:
    """A job file, read and checked; what has to be captured is not captured yet.

    Attributes:
        output_folder: Where the results go.
        digest: Identifies what the job computes; written next to the results.
        options: ``apply`` and ``save``, which only Blender acts upon.
        notes: Sentences about frames that were left out, because their files are not there.
    """

    output_folder: Path
    digest: str
    options: dict[str, Any]
    notes: tuple[str, ...]
    _partial: Job
    _captures: dict[str, Callable[[], Any]]

    @functools.cached_property
    def job(self) -> Job:
        """What to do; its results come as files. The first look at it renders what is to be captured.

        The id follows from the digest, so that running the same file twice finds the job that is under way.
        """
        captured = {name: render() for name, render in self._captures.items()}
        parameters = self._partial.parameters
        for name, value in captured.items():
            if isinstance(value, Source):  # only now it is known which ids the objects have
                captured[name], parameters = value.frames, with_ids(parameters, value.objects)
        return self._partial.changed(parameters=parameters, inputs={**self._partial.inputs, **captured}, id=self.digest[:32])


def load_job_file(path: Path | str, capture: Capture | None = None, scene: str = "") -> JobFile:
    """Reads a job file and the inputs that are files.

    Args:
        path: The file.
        capture: Renders an input, given its ``capture`` object; only Blender has one. Frames whose objects have names are a ``Source``.
        scene: Identifies what would be captured, such as a digest of the .blend.

    Raises:
        InputError: The file or an input is missing or wrong; the message says which.
    """
    path = Path(path)
    data = _read(path)
    schema = find(str(data.get("operation", "")))
    given = data.get("inputs", {})
    if not isinstance(given, dict):
        raise InputError(expected="inputs by name", got=type(given).__name__)
    inputs: dict[str, Any] = {}
    captures: dict[str, Callable[[], Any]] = {}
    sources: list[Source] = []
    said = data.get("color_space", ""), data.get("layer", "")
    with collect_notes() as notes:
        for item in schema.inputs:
            value = given.get(item.name)
            if isinstance(value, dict) and isinstance(value.get("capture"), dict):
                captures[item.name] = _later(value["capture"], item, capture)
            elif value is not None and item.kind == "frames":
                sources.append(read_frames(item, value, path.parent))
                inputs[item.name] = declared(item, sources[-1].frames, *said)
            elif value is not None:
                inputs[item.name] = read_input(item, value, path.parent, *said)
    parameters = data.get("parameters", {})
    for source in sources:
        for item in schema.inputs:  # a solve's points come with its cameras
            if item.kind == "tracks" and item.name not in given and source.tracks is not None:
                inputs[item.name] = source.tracks
        if isinstance(parameters, dict):
            parameters = with_ids(parameters, source.objects)
    job = Job(schema.name, parameters, inputs, data.get("seed", 0), "files", data.get("formats", {}),
              data.get("priority", 0), str(data.get("label", path.stem)))  # fmt: skip
    job.check(given)
    options: dict[str, Any] = {k: data[k] for k in ("apply", "save") if k in data}
    folder = path.parent / str(data.get("outputs", "outputs"))
    return JobFile(folder, _digest(job, given, scene if captures else ""), options, tuple(notes.sentences()), job, captures)


def is_done(loaded: JobFile) -> bool:
    """Whether the results of exactly this job are there already."""
    try:
        note = json.loads((loaded.output_folder / SIDECAR).read_text())
        return note["request"] == loaded.digest and all((loaded.output_folder / name).is_file() for name in note["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(expected=f"a job file at {path}", got=error.strerror or "none") from error
    except ValueError as error:
        raise InputError(expected=f"JSON in {path}", got=str(error)) from error
    if not isinstance(data, dict) or data.get("backlot_job") != VERSION:
        raise InputError(expected=f'a job file with "backlot_job": {VERSION}', got=f"{path.name} without it")
    for key in data:
        if key not in _KEYS:
            msg = f"{path.name} has an unknown entry {key!r}"
            raise InputError(msg, fix=f"Known entries: {', '.join(sorted(_KEYS))}")
    for key, kind, word in (
        ("outputs", str, "a folder"),
        ("label", str, "text"),
        ("color_space", str, "text"),
        ("layer", str, "text"),
        ("priority", int, "a whole number"),
    ):
        if not isinstance(data.get(key, kind()), kind):
            raise InputError(expected=f"{key} as {word} in {path.name}", got=repr(data[key])[:80])
    return data


def _later(description: dict[str, Any], item: Input, capture: Capture | None) -> Callable[[], Any]:
    if capture is None:
        msg = f"The input {item.name!r} is to be rendered by Blender"
        raise InputError(msg, expected="a file", got="a capture", fix="Run it with: blender -b FILE.blend -c backlot run JOB.json")
    return functools.partial(capture, description, item)


def _digest(job: Job, given: dict[str, Any], scene: str) -> str:
    buffers: list[Buffer] = []
    inputs = encode(job.inputs, buffers)
    content = [digest(as_bytes(b.array)) for b in buffers]
    return request_digest(job.operation, job.check(), [given, inputs, scene], content, job.seed, job.formats)

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

from .errors import InputError
from .file_lookup import with_slashes
from .inputs import declared, read_frames, read_input
from .jobs import Job, request_digest
from .json_file import read_json
from .notes import Notes, collect_notes
from .object_names import with_ids
from .operations import Input, find
from .outputs import SIDECAR
from .sources import Source
from .text_file import printable
from .transfer import digest_of
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
    with collect_notes() as notes:
        data = read_job(path)
        return _load(path, data, capture, scene, notes)


def _load(path: Path, data: dict[str, Any], capture: Capture | None, scene: str, notes: Notes) -> JobFile:
    schema = find(str(data.get("operation", "")))
    given = data.get("inputs", {})
    if not isinstance(given, dict):
        raise InputError(expected="inputs by name", got=type(given).__name__)
    inputs: dict[str, Any] = {}
    captures: dict[str, Callable[[], Any]] = {}
    sources: list[Source] = []
    said = data.get("color_space", ""), data.get("layer", "")
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


def read_job(path: Path) -> dict[str, Any]:
    """The entries of a job file, their types checked; paths that are to be made have slashes.

    Raises:
        InputError: No such file, not JSON, no job, an unknown entry or one of another type.
    """
    data = read_json(path, "a job file", "Correct the line that is named")
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
        if not isinstance(data.get(key, kind()), kind) or isinstance(data.get(key), bool):
            raise InputError(expected=f"{key} as {word} in {path.name}", got=printable(data[key]))
    for key in ("outputs", "save"):
        if isinstance(data.get(key), str):
            data[key] = with_slashes(data[key])
    return data


def _later(description: dict[str, Any], item: Input, capture: Capture | None) -> Callable[[], Any]:
    if capture is None:
        msg = f"The input {item.name!r} is to be rendered by Blender"
        raise InputError(msg, expected="a file", got="a capture", fix="Run it with: blender -b FILE.blend -c backlot run JOB.json")
    return functools.partial(capture, description, item)


def _digest(job: Job, given: dict[str, Any], scene: str) -> str:
    buffers: list[Buffer] = []
    inputs = encode(job.inputs, buffers)
    content = [digest_of(b) for b in buffers]
    return request_digest(job.operation, job.check(), [given, inputs, scene], content, job.seed, job.formats)

"""Job files: a job on disk, and its results beside it.

    {"backlot_job": 1, "operation": "texture.synthesize", "parameters": {"size": [512, 512]}, "seed": 1,
     "inputs": {"exemplar": "brick.png"}, "outputs": "out", "formats": {"base_color": "png"}}

Paths are relative to the job file. Where an input is ``{"capture": {...}}`` Blender renders it; see docs/farm.md.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError, StorageError
from .events import Finished
from .frames import read_transforms
from .jobs import Job
from .operations import Input, find
from .values import EncodedFile, SceneFrame

VERSION = 1
SIDECAR = "provenance.json"
_KEYS = {"backlot_job", "operation", "parameters", "seed", "inputs", "outputs", "formats", "priority", "label", "apply", "save"}
Capture = Callable[[dict[str, Any], Input], Any]


@dataclasses.dataclass(frozen=True)
class JobFile:
    """A job file, read and checked.

    Attributes:
        job: What to do; its results come as files.
        output_folder: Where they go.
        digest: Identifies what the job computes; written beside the results.
        options: ``apply`` and ``save``, which only Blender acts upon.
    """

    job: Job
    output_folder: Path
    digest: str
    options: dict[str, Any]


def load_job_file(path: Path | str, capture: Capture | None = None) -> JobFile:
    """Reads a job file and its inputs.

    Args:
        path: The file.
        capture: Renders an input, given its ``capture`` object; only Blender has one.

    Raises:
        InputError: The file or an input is missing or wrong; the message says which.
    """
    path = Path(path)
    data = _read(path)
    schema = find(str(data.get("operation", "")))
    given = data.get("inputs", {})
    if not isinstance(given, dict):
        raise InputError(expected="inputs by name", got=type(given).__name__)
    schema.check_input_names(given)
    inputs: dict[str, Any] = {}
    for item in schema.inputs:
        if item.name in given:
            inputs[item.name] = _load_input(given[item.name], item, path.parent, capture)
    job = Job(schema.name, data.get("parameters", {}), inputs, data.get("seed", 0), "files", data.get("formats", {}),
              data.get("priority", 0), str(data.get("label", path.stem)))  # fmt: skip
    job.encode()
    options: dict[str, Any] = {k: data[k] for k in ("apply", "save") if k in data}
    return JobFile(job, path.parent / str(data.get("outputs", "outputs")), _digest(job, given), options)


def is_done(loaded: JobFile) -> bool:
    """Whether the results of exactly this job are there already."""
    try:
        note = json.loads((loaded.output_folder / SIDECAR).read_text())
        return note["request"] == loaded.digest and all((loaded.output_folder / name).is_file() for name in note["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_outputs(outputs: dict[str, Any], folder: Path, provenance: dict[str, Any]) -> list[Path]:
    """Writes results, each in one step (never half a file), and ``provenance.json`` last.

    Raises:
        StorageError: The folder cannot be written.
    """
    written: list[Path] = []
    for name, value in outputs.items():
        if isinstance(value, EncodedFile):
            written.append(_write(folder / value.name, value.data.tobytes()))
        elif isinstance(value, dict):
            written.append(_write(folder / f"{name}.json", _json(value)))
    note = {**provenance, "files": [p.name for p in written]}
    return [*written, _write(folder / SIDECAR, _json(note))]


def write_single(result: Finished, name: str, path: Path) -> list[Path]:
    """Writes the output ``name`` to ``path``, reports and provenance to ``path`` + ``.json``."""
    value = result.outputs[name]
    reports = {k: v for k, v in result.outputs.items() if isinstance(v, dict)}
    written = _write(path, value.data.tobytes())
    return [written, _write(path.with_name(path.name + ".json"), _json({**result.provenance, **reports, "files": [path.name]}))]


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text())
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
    for key, kind, word in (("outputs", str, "a folder"), ("label", str, "text"), ("priority", int, "a whole number")):
        if not isinstance(data.get(key, kind()), kind):
            raise InputError(expected=f"{key} as {word} in {path.name}", got=repr(data[key])[:80])
    return data


def _load_input(value: Any, item: Input, folder: Path, capture: Capture | None) -> Any:
    if isinstance(value, dict) and isinstance(value.get("capture"), dict):
        if capture is None:
            msg = f"The input {item.name!r} is to be rendered by Blender"
            raise InputError(msg, expected="a file",
                             got="a capture", fix="Run it with: blender -b FILE.blend -c backlot run JOB.json")  # fmt: skip
        return capture(value["capture"], item)
    if not isinstance(value, str):
        raise InputError(expected=f"a path as the input {item.name!r}", got=repr(value)[:80])
    return read_transforms(folder / value) if item.kind == "frames" else EncodedFile.read(folder / value)


def _digest(job: Job, given: dict[str, Any]) -> str:
    content = hashlib.sha256()
    for value in job.inputs.values():
        for file in _files(value):
            content.update(hashlib.sha256(np.ascontiguousarray(file)).digest())
    schema = find(job.operation)
    text = json.dumps([schema.name, schema.version, schema.check_parameters(job.parameters), job.seed, job.formats,
                       given, content.hexdigest()], sort_keys=True)  # fmt: skip
    return hashlib.sha256(text.encode()).hexdigest()


def _files(value: Any) -> list[np.ndarray]:
    if isinstance(value, EncodedFile):
        return [value.data]
    if isinstance(value, list):
        return [c.data for f in value if isinstance(f, SceneFrame) for c in f.channels.values() if isinstance(c, EncodedFile)]
    return []


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()


def _write(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        msg = f"Cannot write {path}: {error.strerror}"
        raise StorageError(msg, fix="Free space there or choose another folder") from error
    return path

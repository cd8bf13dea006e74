"""Operations called directly, without a server: what ``backlot.backend.materials``, ``style`` and ``reconstruct`` offer to scripts.

The same checks, the same decoding and the same code as in a worker, so the same bytes on the same device.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...shared import operations
from ...shared.errors import InputError
from ...shared.inputs import read_input
from ...shared.jobs import check_request
from ...shared.notes import add_to_reports, collect_notes, note
from ...shared.values import EncodedFile, Image, Mesh
from ..core.context import Context, ignore_progress
from ..core.operation_lookup import runner
from .inputs import decode_inputs
from .meshes import companions, encode_mesh
from .writing import encode

OF_EVERY_CALL = ("seed", "device", "progress")


def call(operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Checks a request, decodes its inputs and runs it in this process.

    Args:
        operation: Name of the operation.
        values: By name. Inputs: values of ``shared/values.py``, or paths (a list of them where the input is several files), which are
            read; None stands for an input that is not given. Parameters: those left out have their defaults. And three of every call:
            ``seed`` (0 to 2^31 - 1; the same seed on the same device gives the same bytes), ``device`` (a PyTorch device such as
            ``"cuda:0"``; left out: the first CUDA device, else the CPU) and ``progress`` (called with the fraction done, the stage and
            sometimes a preview; what it raises ends the work).

    Returns:
        The outputs by name: ``Image``, ``Mesh``, ``EncodedFile``, a list of these, or a JSON object.

    Raises:
        InputError: A parameter or an input is wrong, missing or unknown, or a file cannot be read.
    """
    schema = operations.find(operation)
    inputs = {item.name: item for item in schema.inputs}
    parameters = {name: value for name, value in values.items() if name not in inputs and name not in OF_EVERY_CALL}
    given = {name: value for name, value in values.items() if name in inputs and value is not None}
    seed = values.get("seed", 0)
    complete = check_request(operation, parameters, given, seed, "arrays", {})
    device = torch.device(values.get("device") or ("cuda:0" if torch.cuda.is_available() else "cpu"))
    context = Context(device, seed, values.get("progress") or ignore_progress)
    with collect_notes() as notes:
        read = {name: read_input(inputs[name], value) if _is_path(value) else value for name, value in given.items()}
        outputs = runner(operation)(decode_inputs(schema, read, str(complete.get("obj_up", "y"))), complete, context)
    add_to_reports(outputs, notes.sentences())
    for sentence in notes.sentences():  # for whoever collects around the call; some operations have no report
        note(sentence)
    return outputs


def save(value: Any, path: str | Path, obj_up: str = "y") -> list[Path]:
    """Writes one output to a file; the suffix says the format.

    Args:
        value: ``Image`` (.png, .exr, .tif, .jpg), ``Mesh`` (.glb, .obj, .ply, .usda, .usdz), ``EncodedFile`` or a JSON object (.json).
        path: The file; its folder is made.
        obj_up: The axis that points up in an .obj: ``y``, as Blender reads and writes it by default, or ``z``.

    Returns:
        The files written: an .obj has its material and texture with it.

    Raises:
        InputError: No such format for this value.
    """
    path = Path(path)
    suffix = path.suffix.lower().lstrip(".")
    files: dict[Path, Any] = {}
    if isinstance(value, Image):
        files[path] = encode(value, suffix)
    elif isinstance(value, Mesh):
        files[path] = encode_mesh(value, suffix, path.stem, obj_up)
        files |= {path.with_name(file.name): file.data for file in companions(value, suffix, path.stem)}
    elif isinstance(value, EncodedFile):
        files[path] = value.data
    elif isinstance(value, dict):
        files[path] = json.dumps(value, indent=2).encode()
    else:
        raise InputError(expected="an image, a mesh, a file or a report to save", got=type(value).__name__)
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, data in files.items():
        file.write_bytes(data)
    return list(files)


def _is_path(value: Any) -> bool:
    several = isinstance(value, list) and bool(value) and all(isinstance(one, (str, Path)) for one in value)
    return isinstance(value, (str, Path)) or several

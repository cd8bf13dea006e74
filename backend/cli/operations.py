"""One verb for each operation: ``material``, ``texture``, ``style``, ``movie`` ... The schema says verb and flags."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import Any

from ...shared.errors import InputError
from ...shared.inputs import declared, read_frames, read_input
from ...shared.jobs import Job
from ...shared.model_folders import allow_folder
from ...shared.notes import collect_notes
from ...shared.object_names import with_ids
from ...shared.operations import OPERATIONS, Operation
from ...shared.outputs import Writer
from .flags import add_flags, gives_folder
from .run import finish

SCENE_LINEAR = (".exr", ".hdr")


def add_verbs(verbs: Any) -> None:
    """Adds the verbs of all operations that are not hidden."""
    for schema in OPERATIONS.values():
        if not schema.hidden:
            parser = verbs.add_parser(schema.verb, help=schema.summary, description=schema.summary + ".")
            add_flags(parser, schema)
            parser.set_defaults(action=functools.partial(_run, schema=schema))


def _run(arguments: argparse.Namespace, schema: Operation) -> int:
    with collect_notes() as notes:
        inputs, parameters = _request(arguments, schema)
    writer, formats = _results(arguments, schema)
    label = f"{arguments.verb} {arguments.out.name}"
    return finish(
        Job(schema.name, parameters, inputs, arguments.seed, "files", formats, label=label), schema.label, writer, notes.sentences()
    )


def _request(arguments: argparse.Namespace, schema: Operation) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs, read from their files, and the parameters that were given."""
    inputs: dict[str, Any] = {}
    given = {p.name: getattr(arguments, f"parameter_{p.name}") for p in schema.parameters}
    parameters = {name: value for name, value in given.items() if value is not None}
    said = getattr(arguments, "color_space", ""), getattr(arguments, "layer", "")
    for item in schema.inputs:
        path = getattr(arguments, item.name)
        if path is not None and item.kind == "frames":
            source = read_frames(item, path)
            inputs[item.name], parameters = declared(item, source.frames, *said), with_ids(parameters, source.objects)
        elif path is not None:
            inputs[item.name] = read_input(item, path, Path(), *said)
    for parameter in schema.parameters:
        if parameter.unit == "folder" and parameters.get(parameter.name) and Path(parameters[parameter.name]).is_dir():
            parameters[parameter.name] = str(allow_folder(parameters[parameter.name]))
    return inputs, parameters


def _results(arguments: argparse.Namespace, schema: Operation) -> tuple[Writer, dict[str, str]]:
    """Where the results go, and the formats by output name."""
    out, main, formats = arguments.out, schema.outputs[0], {}
    suffix = out.suffix.lower().lstrip(".").replace("jpeg", "jpg").replace("tiff", "tif")
    single = main.kind == "mesh" and suffix in main.formats  # the name of a mesh file asks for the mesh alone
    if not gives_folder(schema) or single:
        if suffix not in main.formats:
            raise InputError(expected=f"--out as a file ending in {', '.join('.' + f for f in main.formats)}", got=str(out))
        return Writer(out, main.name), {main.name: suffix}
    if out.exists() and not out.is_dir():
        raise InputError(expected="--out as a folder", got=f"the file {out}", fix="Choose another name")
    first = getattr(arguments, schema.inputs[0].name) if schema.inputs else None
    linear = isinstance(first, Path) and schema.inputs[0].required and first.suffix.lower() in SCENE_LINEAR
    if linear or arguments.format:
        wanted = arguments.format or "exr"
        formats = {output.name: wanted for output in schema.outputs if wanted in output.formats}
    return Writer(out, ""), formats

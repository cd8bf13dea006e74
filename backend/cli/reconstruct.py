"""The verb ``reconstruct``: a mesh from whatever holds pictures with cameras."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...shared.errors import InputError
from ...shared.inputs import declared
from ...shared.jobs import Job
from ...shared.notes import collect_notes
from ...shared.object_names import OBJECT_LISTS, objects_as_ids
from ...shared.operations import OPERATIONS, Operation
from ...shared.outputs import Writer
from ...shared.sources import EXPECTED, Source, read_source
from .flags import add_flag, add_reading, add_seed
from .run import finish

WITH_DEPTH, WITHOUT = "reconstruct.depth", "reconstruct.footage"


def add_verbs(verbs: Any) -> None:
    """Adds the verb with the flags of both operations."""
    summary = "rebuild a mesh from a capture, a COLMAP model or a stereo pair"
    parser = verbs.add_parser(
        "reconstruct", help=summary,
        description=f"Rebuild a mesh from {EXPECTED}. Frames with depth go to {WITH_DEPTH}, others to {WITHOUT}.",
    )  # fmt: skip
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder, transforms.json, or the left picture of a pair")
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="the pictures of a COLMAP model, if they are not near it")
    parser.add_argument("--right", type=Path, metavar="FILE", help="the right picture of a pair")
    parser.add_argument("--calib", type=Path, metavar="FILE", help="the pair's calib.txt (Middlebury), if it is not in the same folder")
    parser.add_argument("--focal", type=float, default=0.0, metavar="PX", help="the pair's focal length, instead of a calib.txt")
    parser.add_argument("--baseline", type=float, default=0.0, metavar="N", help="the distance of the pair's cameras in scene units")
    seen = set()
    for schema in (OPERATIONS[WITH_DEPTH], OPERATIONS[WITHOUT]):
        for parameter in schema.parameters:
            if parameter.name not in seen:
                add_flag(parser, parameter)
            seen.add(parameter.name)
    add_seed(parser)
    add_reading(parser)
    formats = ", ".join("." + f for f in OPERATIONS[WITH_DEPTH].outputs[0].formats)
    parser.add_argument("--out", type=Path, required=True, help=f"file to write: {formats}; other outputs go into the same folder")
    parser.set_defaults(action=_run)


def _run(arguments: argparse.Namespace) -> int:
    out: Path = arguments.out
    suffix = out.suffix.lower().lstrip(".")
    formats = {f for schema in (OPERATIONS[WITH_DEPTH], OPERATIONS[WITHOUT]) for f in schema.outputs[0].formats}
    if suffix not in formats:
        raise InputError(expected=f"--out as a file ending in {_listed(OPERATIONS[WITH_DEPTH].outputs[0].formats)}", got=str(out))
    with collect_notes() as notes:
        source = read_source(
            arguments.source, images=arguments.images, right=arguments.right, calibration=arguments.calib, focal=arguments.focal,
            baseline=arguments.baseline,
        )  # fmt: skip
        schema = OPERATIONS[WITH_DEPTH if source.has_depth else WITHOUT]
        parameters = _parameters(arguments, schema, source)
    main = schema.outputs[0]
    if suffix not in main.formats:
        raise InputError(expected=f"--out as a file ending in {_listed(main.formats)} for {schema.name}", got=str(out))
    frames = next(item for item in schema.inputs if item.kind == "frames")
    inputs: dict[str, Any] = {"frames": declared(frames, source.frames, arguments.color_space, arguments.layer)}
    if source.tracks is not None and any(item.name == "tracks" for item in schema.inputs):
        inputs["tracks"] = source.tracks
    deliver = {output.name: suffix for output in schema.outputs if output.kind == "mesh" and suffix in output.formats}
    job = Job(schema.name, parameters, inputs, arguments.seed, "files", deliver, label=f"reconstruct {out.name}")
    return finish(job, schema.label, Writer(out, main.name, beside=True), notes.sentences())


def _parameters(arguments: argparse.Namespace, schema: Operation, source: Source) -> dict[str, Any]:
    known = {parameter.name for parameter in schema.parameters}
    parameters = {}
    for name, value in vars(arguments).items():
        if value is None or not name.startswith("parameter_"):
            continue
        name = name.removeprefix("parameter_")
        if name not in known:
            flag = "--" + name.replace("_", "-")
            why = "whose frames have depth" if source.has_depth else "whose frames have no depth"
            raise InputError(expected=f"flags of {schema.name} for a source {why}", got=flag, fix=f"Leave {flag} out")
        parameters[name] = objects_as_ids(value, source.objects) if name in OBJECT_LISTS else value
    return parameters


def _listed(formats: tuple[str, ...]) -> str:
    return ", ".join("." + f for f in formats)

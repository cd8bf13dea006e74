"""The verbs that do work: ``material``, ``texture``, ``style``, ``movie`` ... and ``run``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...shared.errors import BacklotError, InputError
from ...shared.inputs import FILM, SEVERAL, in_space, read_frames, read_input
from ...shared.jobfile import is_done, load_job_file
from ...shared.jobs import MAX_SEED, Job
from ...shared.model_folders import allow_folder
from ...shared.object_names import with_ids
from ...shared.operations import OPERATIONS, Input, Operation, Parameter
from ...shared.outputs import Writer
from ...shared.wire import new_id
from .report import progress
from .session import any_backend

PATIENCE = 60.0
"""Seconds to wait for a backend that went away: it may be on its way up again."""
SCENE_LINEAR = (".exr", ".hdr")
COLORED = ("image", "images", "frames", "sequence")
"""Kinds of inputs whose colours may be in a space of the artist's."""
VERBS = {
    "material": "texture.generate",
    "variations": "texture.variations",
    "texture": "texture.synthesize",
    "maps": "texture.maps",
    "style": "style.image",
    "style-vgg": "style.vgg",
    "style-shot": "style.shot",
    "style-keyframes": "style.keyframes",
    "movie": "sequence.movie",
    "reconstruct-footage": "reconstruct.footage",
    "reconstruct-plate": "reconstruct.plate",
    "bake": "reconstruct.texture",
}
LEADING = "prompt"
"""A parameter of this name stands without a flag, as the first word: it is what the artist came to say."""


def add_verbs(verbs: Any) -> None:
    """Adds the verbs with flags made from the schemas."""
    for verb, name in VERBS.items():
        schema = OPERATIONS[name]
        parser = verbs.add_parser(verb, help=schema.summary, description=schema.summary + ".")
        for item in schema.inputs:
            flag = "--" + item.name.replace("_", "-")
            if item.kind == "sequence" and item.required:
                parser.add_argument(item.name, type=Path, nargs="+", metavar="FOLDER", help=f"{item.help}; a folder, or the files")
            elif item.kind in SEVERAL:
                metavar = "FOLDER" if item.kind == "sequence" else "FILE"
                parser.add_argument(flag, dest=item.name, type=Path, nargs="+", required=item.required, metavar=metavar, help=item.help)
            elif (item.required and not _beside_frames(schema, item)) or item is _leading(schema):
                metavar = "FOLDER" if item.kind == "frames" else item.name.upper()
                parser.add_argument(item.name, type=Path, metavar=metavar, help=item.help, nargs=None if item.required else "?")
            else:
                metavar = "FOLDER" if item.kind == "frames" else "FILE"
                parser.add_argument(flag, dest=item.name, type=Path, metavar=metavar, help=item.help, required=item.required)
        for parameter in schema.parameters:
            add_flag(parser, parameter)
        parser.add_argument("--seed", type=int, default=0, help=f"0 to {MAX_SEED}; the same seed gives the same result (default: 0)")
        folder = _gives_folder(schema)
        where = "folder to write to" if folder else f"file to write: {', '.join('.' + f for f in schema.outputs[0].formats)}"
        parser.add_argument("--out", type=Path, required=True, help=where)
        if any(item.kind in COLORED for item in schema.inputs):
            text = f"what the colours of {', '.join(FILM)} are in, by its name in the config that $OCIO names (default: what the files say)"
            parser.add_argument("--color-space", default="", metavar="NAME", help=text)
        if folder:
            first = schema.inputs[0]
            pictures = first.required and first.kind in ("image", "images") and "exr" in schema.outputs[0].formats
            usual = f"exr for a scene-linear {first.name}, else png" if pictures else schema.outputs[0].formats[0]
            text = f"file format, where a map can be had in it (default: {usual})"
            parser.add_argument("--format", choices=schema.outputs[0].formats, help=text)
        parser.set_defaults(action=lambda a, schema=schema: _run_verb(a, schema))
    parser = verbs.add_parser("run", help="run a job file", description="Run a job file; skip it if its results are there already.")
    parser.add_argument("job", type=Path, metavar="JOB.json")
    parser.add_argument("--force", action="store_true", help="run even if the results are there")
    parser.set_defaults(action=_run_file)


def _leading(schema: Operation) -> Input | None:
    """The first input stands without a flag where neither another input nor a prompt does."""
    if not schema.inputs or any(item.required for item in schema.inputs) or any(p.name == LEADING for p in schema.parameters):
        return None
    return schema.inputs[0]


def _beside_frames(schema: Operation, item: Input) -> bool:
    """What comes beside a folder of frames has a flag, so that the two cannot be mixed up: ``style-shot FOLDER --style S.png``."""
    return schema.inputs[0].kind == "frames" and item is not schema.inputs[0]


def _gives_folder(schema: Operation) -> bool:
    """Whether the results are several files, or may be."""
    return sum(output.kind != "report" for output in schema.outputs) > 1 or schema.outputs[0].kind == "sequence"


def add_flag(parser: argparse.ArgumentParser, parameter: Parameter) -> None:
    """Adds the flag of a parameter, as its schema says."""
    flag = "--" + parameter.name.replace("_", "-")
    text = f"{parameter.help}; {parameter.describe()}"
    default = "x".join(map(str, parameter.default)) if isinstance(parameter.default, list) else parameter.default
    text += f" (default: {'none' if default in (None, '') else default})"
    more: dict[str, Any] = {"dest": f"parameter_{parameter.name}", "default": None, "help": text.replace("%", "%%")}
    if parameter.kind == "bool":
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, **more)
    elif parameter.kind == "choice":
        if parameter.bare:
            more |= {"nargs": "?", "const": parameter.bare}
        parser.add_argument(flag, choices=list(parameter.choices), **more)
    elif parameter.name == LEADING:
        parser.add_argument(more.pop("dest"), nargs="?", metavar=parameter.name.upper(), **more)
    elif parameter.kind == "text":
        parser.add_argument(flag, metavar="TEXT", **more)
    elif parameter.kind == "color":
        parser.add_argument(flag, type=_color, metavar="COLOR", **more)
    elif parameter.kind == "size":
        parser.add_argument(flag, type=_size, metavar="PX[xPX]", **more)
    else:
        parser.add_argument(flag, type=int if parameter.kind == "int" else float, metavar="N", **more)


def _size(text: str) -> list[int]:
    parts = text.lower().split("x")
    if len(parts) not in (1, 2) or not all(p.isdigit() for p in parts):
        message = f"{text!r} is not a size such as 512 or 1024x512"
        raise argparse.ArgumentTypeError(message)
    return [int(parts[0]), int(parts[-1])]


def _color(text: str) -> list[float]:
    """``#rrggbb`` or three numbers in 0..1 with commas between."""
    try:
        if text.startswith("#") and len(text) == 7:
            return [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        message = f"{text!r} is not a colour such as #a0522d or 0.63,0.32,0.18"
        raise argparse.ArgumentTypeError(message) from None
    return [red, green, blue]


def _run_verb(arguments: argparse.Namespace, schema: Operation) -> int:
    inputs: dict[str, Any] = {}
    given = {p.name: getattr(arguments, f"parameter_{p.name}") for p in schema.parameters}
    parameters = {name: value for name, value in given.items() if value is not None}
    space = getattr(arguments, "color_space", "")
    for item in schema.inputs:
        path = getattr(arguments, item.name)
        if path is not None and item.kind == "frames":
            source = read_frames(item, path)
            inputs[item.name], parameters = in_space(item, source.frames, space), with_ids(parameters, source.objects)
        elif path is not None:
            inputs[item.name] = read_input(item, path, color_space=space)
    for parameter in schema.parameters:
        if parameter.unit == "folder" and parameters.get(parameter.name) and Path(parameters[parameter.name]).is_dir():
            parameters[parameter.name] = str(allow_folder(parameters[parameter.name]))
    out, main, formats = arguments.out, schema.outputs[0], {}
    single = main.kind == "mesh" and out.suffix.lower().lstrip(".") in main.formats  # the mesh alone was asked for by its file's name
    to_folder = _gives_folder(schema) and not single
    if to_folder:
        if out.exists() and not out.is_dir():
            raise InputError(expected="--out as a folder", got=f"the file {out}", fix="Choose another name")
        first = getattr(arguments, schema.inputs[0].name)
        linear = isinstance(first, Path) and schema.inputs[0].required and first.suffix.lower() in SCENE_LINEAR
        if linear or arguments.format:
            wanted = arguments.format or "exr"
            formats = {output.name: wanted for output in schema.outputs if wanted in output.formats}
    else:
        suffix = out.suffix.lower().lstrip(".").replace("jpeg", "jpg").replace("tiff", "tif")
        if suffix not in main.formats:
            raise InputError(expected=f"--out as a file ending in {', '.join('.' + f for f in main.formats)}", got=str(out))
        formats[main.name] = suffix
    job = Job(schema.name, parameters, inputs, arguments.seed, "files", formats, label=f"{arguments.verb} {out.name}")
    return finish(job, schema.label, Writer(out, "" if to_folder else main.name))


def _run_file(arguments: argparse.Namespace) -> int:
    loaded = load_job_file(arguments.job)
    if not arguments.force and is_done(loaded):
        print(f"already done: {loaded.output_folder}")
        return 0
    for note in loaded.notes:
        print(note, file=sys.stderr)
    job = replace(loaded.job, id=new_id()) if arguments.force else loaded.job
    return finish(job, OPERATIONS[job.operation].label, Writer(loaded.output_folder), request=loaded.digest)


def finish(job: Job, label: str, writer: Writer, **note: str) -> int:
    """Runs a job and writes its results; if it does not get to its end, says what is there nevertheless."""
    job.encode()  # says what is wrong before a backend is started for it
    writer.check()
    try:
        with any_backend() as client, progress(label) as report:
            result = client.result(client.submit_once(job), report, patience=PATIENCE, on_partial=writer)
    except (KeyboardInterrupt, BacklotError):
        if kept := writer.kept():
            print(kept, file=sys.stderr)
        raise
    for path in writer.finish(result, **note):
        print(path)
    for text in warnings_of(result.outputs):
        print(f"Note: {text}", file=sys.stderr)
    return 0


def warnings_of(outputs: dict[str, Any]) -> list[str]:
    """What reports say in words: a result with vectors that do not fit is there, but not what was hoped for."""
    reports = [value for value in outputs.values() if isinstance(value, dict)]
    texts = [value.get(name) for value in reports for name in ("notes", "warnings")]
    return [text for several in texts if isinstance(several, list) for text in several if isinstance(text, str)]

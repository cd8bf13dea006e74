"""Flags of the command line, made from an operation's schema."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...shared.inputs import FILM, SEVERAL
from ...shared.jobs import MAX_SEED
from ...shared.operations import Input, Operation, Parameter
from ...shared.text_file import is_count

COLORED = ("image", "images", "frames", "sequence")
"""Kinds of inputs whose colours may be in a space of the artist's."""
LEADING = "prompt"
"""A parameter of this name is the first word, without a flag: it is what the artist came to say."""


def add_flags(parser: argparse.ArgumentParser, schema: Operation) -> None:
    """Adds the flags of an operation: inputs, parameters, seed, where to write and in which format."""
    for item in schema.inputs:
        _add_input(parser, schema, item)
    for parameter in schema.parameters:
        add_flag(parser, parameter)
    add_seed(parser)
    folder = gives_folder(schema)
    where = "folder to write to" if folder else f"file to write: {', '.join('.' + f for f in schema.outputs[0].formats)}"
    parser.add_argument("--out", type=Path, required=True, help=where)
    if any(item.kind in COLORED for item in schema.inputs):
        add_reading(parser)
    if folder:
        first = schema.inputs[0] if schema.inputs else None
        pictures = first is not None and first.required and first.kind in ("image", "images") and "exr" in schema.outputs[0].formats
        usual = f"exr for a scene-linear {first.name}, else png" if pictures and first is not None else schema.outputs[0].formats[0]
        text = f"file format, where a map can be had in it (default: {usual})"
        parser.add_argument("--format", choices=schema.outputs[0].formats, help=text)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Adds what the artist says of files: ``--color-space`` and ``--layer``."""
    text = f"what the colours of {', '.join(FILM)} are in, by its name in the config that $OCIO names (default: what the files say)"
    parser.add_argument("--color-space", default="", metavar="NAME", help=text)
    parser.add_argument("--layer", default="", metavar="NAME", help="view layer, or pass, that is meant of OpenEXR files with several")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Adds ``--seed``, which every operation has."""
    parser.add_argument("--seed", type=int, default=0, help=f"0 to {MAX_SEED}; the same seed gives the same result (default: 0)")


def add_flag(parser: argparse.ArgumentParser, parameter: Parameter) -> None:
    """Adds the flag of a parameter; its value, None if not given, is ``parameter_<name>`` of what is parsed."""
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


def gives_folder(schema: Operation) -> bool:
    """Whether the results are several files, or may be."""
    return sum(output.kind != "report" for output in schema.outputs) > 1 or schema.outputs[0].kind == "sequence"


def _add_input(parser: argparse.ArgumentParser, schema: Operation, item: Input) -> None:
    """Required inputs stand without a flag, others have one."""
    flag = "--" + item.name.replace("_", "-")
    folder = "FOLDER" if item.kind in ("frames", "sequence") else "FILE"
    if item.kind == "sequence" and item.required:
        text = f"{item.help}; a folder, the files, or a pattern such as f_####.exr"
        parser.add_argument(item.name, type=Path, nargs="+", metavar=folder, help=text)
    elif item.kind in SEVERAL:
        parser.add_argument(flag, dest=item.name, type=Path, nargs="+", required=item.required, metavar=folder, help=item.help)
    elif (item.required and not _after_frames(schema, item)) or item is _leading(schema):
        metavar = "FOLDER" if item.kind == "frames" else item.name.upper()
        parser.add_argument(item.name, type=Path, metavar=metavar, help=item.help, nargs=None if item.required else "?")
    else:
        parser.add_argument(flag, dest=item.name, type=Path, metavar=folder, help=item.help, required=item.required)


def _leading(schema: Operation) -> Input | None:
    """The first input stands without a flag if no other input is required and there is no prompt."""
    if not schema.inputs or any(item.required for item in schema.inputs) or any(p.name == LEADING for p in schema.parameters):
        return None
    return schema.inputs[0]


def _after_frames(schema: Operation, item: Input) -> bool:
    """What comes with a folder of frames has a flag, so that the two cannot be mixed up: ``style-shot FOLDER --style S.png``."""
    return schema.inputs[0].kind == "frames" and item is not schema.inputs[0]


def _size(text: str) -> list[int]:
    parts = text.lower().split("x")
    if len(parts) not in (1, 2) or not all(map(is_count, parts)):
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

"""The verb ``reconstruct``: a mesh from whatever holds pictures with cameras."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...shared.errors import InputError
from ...shared.jobs import MAX_SEED, Job
from ...shared.operations import OPERATIONS, Operation
from ...shared.outputs import Writer
from ...shared.sources import EXPECTED, OBJECT_LISTS, Source, object_ids, read_source
from ...shared.values import EncodedFile
from .run import add_flag, finish

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
    parser.add_argument("--calib", type=Path, metavar="FILE", help="the pair's calib.txt (Middlebury), if it is not beside it")
    parser.add_argument("--focal", type=float, default=0.0, metavar="PX", help="the pair's focal length, instead of a calib.txt")
    parser.add_argument("--baseline", type=float, default=0.0, metavar="N", help="the distance of the pair's cameras in scene units")
    seen = set()
    for schema in _operations():
        for parameter in schema.parameters:
            if parameter.name not in seen:
                add_flag(parser, parameter)
            seen.add(parameter.name)
    parser.add_argument("--seed", type=int, default=0, help=f"0 to {MAX_SEED}; the same seed gives the same result (default: 0)")
    formats = ", ".join("." + f for f in OPERATIONS[WITH_DEPTH].outputs[0].formats)
    parser.add_argument("--out", type=Path, required=True, help=f"file to write: {formats}; what else there is goes beside it")
    parser.set_defaults(action=_run)


def _operations() -> list[Operation]:
    return [OPERATIONS[name] for name in (WITH_DEPTH, WITHOUT) if name in OPERATIONS]


def _run(arguments: argparse.Namespace) -> int:
    out: Path = arguments.out
    suffix = out.suffix.lower().lstrip(".")
    formats = {f for schema in _operations() for f in schema.outputs[0].formats}
    if suffix not in formats:
        raise InputError(expected=f"--out as a file ending in {_listed(OPERATIONS[WITH_DEPTH].outputs[0].formats)}", got=str(out))
    source = read_source(
        arguments.source, images=arguments.images, right=arguments.right, calibration=arguments.calib, focal=arguments.focal,
        baseline=arguments.baseline,
    )  # fmt: skip
    for note in source.notes:
        print(note)
    schema = _choose(source)
    main = schema.outputs[0]
    if suffix not in main.formats:
        raise InputError(expected=f"--out as a file ending in {_listed(main.formats)} for {schema.name}", got=str(out))
    inputs: dict[str, Any] = {"frames": source.frames}
    if source.tracks is not None and any(item.name == "tracks" for item in schema.inputs):
        inputs["tracks"] = source.tracks
    parameters = _parameters(arguments, schema, source)
    deliver = {output.name: suffix for output in schema.outputs if output.kind == "mesh" and suffix in output.formats}
    job = Job(schema.name, parameters, inputs, arguments.seed, "files", deliver, label=f"reconstruct {out.name}")
    return finish(job, schema.label, _Beside(out, main.name))


def _choose(source: Source) -> Operation:
    if source.has_depth:
        return OPERATIONS[WITH_DEPTH]
    if WITHOUT not in OPERATIONS:
        fix = "Export depth with the frames"
        raise InputError(expected=f"frames with depth, since this version has no {WITHOUT}", got="frames with colour only", fix=fix)
    return OPERATIONS[WITHOUT]


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
        parameters[name] = object_ids(value, source.objects) if name in OBJECT_LISTS else value
    return parameters


def _listed(formats: tuple[str, ...]) -> str:
    return ", ".join("." + f for f in formats)


class _Beside(Writer):
    """Writes the mesh to its file and every other result beside it, as ``mesh_lod_1.glb`` and so on."""

    def finish(self, result: Any, **note: Any) -> list[Path]:
        """See ``Writer.finish``."""
        written = super().finish(result, **note)
        others = {
            name: value for name, value in result.outputs.items()
            if isinstance(value, EncodedFile) and name != self._only and not name.startswith(self._only + ".")
        }  # fmt: skip
        return [*self._write_beside(others), *written]

    def _write_beside(self, others: dict[str, EncodedFile]) -> list[Path]:
        from ...shared.digest import write_whole

        paths = []
        for value in others.values():
            path = self._out.with_name(f"{self._out.stem}_{Path(value.name).name}")
            data = value.data.tobytes()
            for name in others:  # an .obj names its .mtl, which names its picture
                data = data.replace(name.encode(), f"{self._out.stem}_{name}".encode()) if _is_text(path) and "." in name else data
            write_whole(path, data)
            paths.append(path)
        return paths


def _is_text(path: Path) -> bool:
    return path.suffix.lower() in (".obj", ".mtl", ".usda")

"""From what a client sent to what an operation takes, and from what it gives to what the client wants.

Here files are decoded before an operation runs and results encoded after it, so that neither clients nor engines need
to know any image or mesh format.
"""

from __future__ import annotations

import datetime
import hashlib
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...shared.digest import as_bytes
from ...shared.errors import InputError
from ...shared.operations import Input, Operation
from ...shared.values import EncodedFile, Image, Mesh, SceneFrame, Tracks
from ...shared.version import __version__


def decode_inputs(schema: Operation, values: Mapping[str, Any]) -> dict[str, Any]:
    """Decodes files of images, masks and meshes; frames and sequences are left as they are, because operations stream them.

    Raises:
        InputError: A value is not of the input's kind, or a file cannot be read.
    """
    decoded: dict[str, Any] = {}
    for item in schema.inputs:
        value = values.get(item.name)
        if value is None:
            continue
        decoded[item.name] = _decode_input(item, value)
    return decoded


def _decode_input(item: Input, value: Any) -> Any:
    if item.kind in ("image", "mask"):
        return _image(item, value)
    if item.kind == "images":
        if not isinstance(value, list) or not value:
            raise InputError(expected=f"a list of images as {item.name}", got=_kind(value))
        return [_image(item, one) for one in value]
    if item.kind == "frames":
        if not isinstance(value, list) or not value or not all(isinstance(one, SceneFrame) for one in value):
            raise InputError(expected=f"a list of scene frames as {item.name}", got=_kind(value))
    elif item.kind == "mesh":
        if isinstance(value, EncodedFile):
            from ..io.meshes import decode_mesh

            value = decode_mesh(value)
        if not isinstance(value, Mesh):
            raise InputError(expected=f"a mesh as {item.name}", got=_kind(value))
    elif item.kind == "file" and not isinstance(value, EncodedFile):
        raise InputError(expected=f"a file as {item.name}", got=_kind(value))
    elif item.kind in ("files", "sequence"):
        if not isinstance(value, list) or not value or not all(isinstance(one, EncodedFile) for one in value):
            raise InputError(expected=f"a list of files as {item.name}", got=_kind(value))
    elif item.kind == "tracks" and not isinstance(value, Tracks):
        raise InputError(expected=f"solved tracks as {item.name}", got=_kind(value))
    return value


def _image(item: Input, value: Any) -> Image:
    if isinstance(value, EncodedFile):
        from ..io.reading import decode

        value = decode(value)
    if not isinstance(value, Image):
        raise InputError(expected=f"an image as {item.name}", got=_kind(value))
    return value


def _kind(value: Any) -> str:
    return "an empty list" if value == [] else type(value).__name__


def deliver(schema: Operation, outputs: Mapping[str, Any], formats: Mapping[str, str]) -> dict[str, Any]:
    """Encodes images and meshes as files named after the output; files, sequences of them and reports stay as they are.

    Files that belong beside a mesh's (the material and the texture of ``mesh.obj``) come under their own names, ``mesh.mtl``.
    """
    given = [(item, outputs[item.name]) for item in schema.outputs if outputs.get(item.name) is not None]
    files = {item.name: deliver_one(schema, item.name, value, formats) for item, value in given}
    for item, value in given:
        if isinstance(value, Mesh):
            from ..io.meshes import companions

            files |= {file.name: file for file in companions(value, formats.get(item.name, item.formats[0]), item.name)}
    return files


def deliver_one(schema: Operation, name: str, value: Any, formats: Mapping[str, str] | None, index: int | None = None) -> Any:
    """One output, or a part of one, as ``deliver`` gives it.

    Args:
        schema: The operation.
        name: The output. What is no output (an operation's own partial result) stays as it is.
        value: What the operation gave.
        formats: Suffix by output name, or None where arrays are delivered: then everything stays as it is.
        index: Which of several, for the file's name (``frames_0012.exr``).
    """
    item = next((o for o in schema.outputs if o.name == name), None)
    if item is None or formats is None:
        return value
    suffix = formats.get(name, item.formats[0])
    if isinstance(value, list):
        return [deliver_one(schema, name, v, formats, i) for i, v in enumerate(value)]
    if isinstance(value, Image):
        from ..io.writing import encode as encode_image

        data = encode_image(value, suffix)
    elif isinstance(value, Mesh):
        from ..io.meshes import encode_mesh

        data = encode_mesh(value, suffix, name)
    else:
        return value
    return EncodedFile(np.frombuffer(data, np.uint8), f"{name}.{suffix}" if index is None else f"{name}_{index:04d}.{suffix}")


def provenance(
    schema: Operation, request: Mapping[str, Any], values: Mapping[str, Any], device: dict[str, Any],
    started: float, timings: dict[str, float], buffers: list[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """How a result came about: what is needed to make it again, and on what it was made."""
    return {
        "backlot": __version__,
        "operation": schema.name,
        "operation_version": schema.version,
        "parameters": dict(request["parameters"]),
        "seed": request["seed"],
        "inputs": {name: _describe(value) for name, value in values.items()},
        "input_digest": hashlib.sha256("".join(b["digest"] for b in buffers).encode()).hexdigest(),
        "device": device,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "started": datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(timespec="seconds"),
        "seconds": timings,
    }


def _describe(value: Any) -> Any:
    if isinstance(value, EncodedFile):
        return {"file": value.name, "sha256": hashlib.sha256(as_bytes(value.data)).hexdigest(), "bytes": value.data.nbytes}
    if isinstance(value, Image):
        return {"image": list(value.pixels.shape), "dtype": value.pixels.dtype.name, "color_space": value.color_space}
    if isinstance(value, Mesh):
        return {"vertices": len(value.vertices), "faces": len(value.faces)}
    if isinstance(value, Tracks):
        return {"points": len(value.points), "observations": len(value.frames)}
    if isinstance(value, list):
        return {"frames": len(value)} if all(isinstance(v, SceneFrame) for v in value) else [_describe(v) for v in value]
    return value

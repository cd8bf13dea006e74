"""The results of an operation as the client wants them: encoded files, and a record of how they were made."""

from __future__ import annotations

import datetime
import hashlib
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...shared.deferred import as_given
from ...shared.digest import as_bytes, digest
from ...shared.operations import Operation
from ...shared.stored import StoredArray
from ...shared.values import EncodedFile, Image, Mesh, SceneFrame, Tracks
from ...shared.version import __version__

LISTED = 1000
"""Files of an input that are named one by one in the record of a result."""


def deliver(schema: Operation, outputs: Mapping[str, Any], formats: Mapping[str, str], obj_up: str = "y") -> dict[str, Any]:
    """Encodes images and meshes as files named after the output; files, sequences of them and reports stay as they are.

    Files that belong next to a mesh's (the material and the texture of ``mesh.obj``) come under their own names, ``mesh.mtl``.
    """
    given = [(item, outputs[item.name]) for item in schema.outputs if outputs.get(item.name) is not None]
    files = {item.name: deliver_one(schema, item.name, value, formats, obj_up=obj_up) for item, value in given}
    for item, value in given:
        if isinstance(value, Mesh):
            from ..io.meshes import companions

            files |= {file.name: file for file in companions(value, formats.get(item.name, item.formats[0]), item.name)}
    return files


def deliver_one(
    schema: Operation, name: str, value: Any, formats: Mapping[str, str] | None, index: int | None = None, obj_up: str = "y"
) -> Any:
    """One output, or a part of one, as ``deliver`` gives it.

    Args:
        schema: The operation.
        name: The output. What is no output (an operation's own partial result) stays as it is.
        value: What the operation gave.
        formats: Suffix by output name, or None where arrays are delivered: then everything stays as it is.
        index: Which of several, for the file's name (``frames_0012.exr``).
        obj_up: The axis that points up in an .obj, ``y`` or ``z``.
    """
    item = next((o for o in schema.outputs if o.name == name), None)
    if item is None or formats is None:
        return value
    suffix = formats.get(name, item.formats[0])
    if isinstance(value, list):
        return [deliver_one(schema, name, v, formats, i, obj_up) for i, v in enumerate(value)]
    if isinstance(value, Image):
        from ..io.writing import encode as encode_image

        data = encode_image(value, suffix)
    elif isinstance(value, Mesh):
        from ..io.meshes import encode_mesh

        data = encode_mesh(value, suffix, name, obj_up)
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
        data = value.data
        return {"file": value.name, "sha256": hashlib.sha256(as_bytes(data)).hexdigest(), "bytes": data.nbytes}
    if isinstance(value, Image):
        pixels = as_given(value, "pixels")  # which need not be read for it
        return {"image": list(pixels.shape), "dtype": pixels.dtype.name, "color_space": value.color_space}
    if isinstance(value, Mesh):
        return {"vertices": len(value.vertices), "faces": len(value.faces)}
    if isinstance(value, Tracks):
        return {"points": len(value.points), "observations": len(value.frames)}
    if isinstance(value, list) and len(value) > LISTED and all(isinstance(v, EncodedFile) for v in value):
        given = [as_given(file, "data") for file in value]
        leaves = [d.digest if isinstance(d, StoredArray) else digest(as_bytes(d)) for d in given]
        return {"files": len(value), "first": value[0].name, "last": value[-1].name, "bytes": sum(d.nbytes for d in given),
                "sha256_of_digests": hashlib.sha256("".join(leaves).encode()).hexdigest()}  # fmt: skip
    if isinstance(value, list):
        return {"frames": len(value)} if all(isinstance(v, SceneFrame) for v in value) else [_describe(v) for v in value]
    return value

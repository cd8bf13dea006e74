"""The inputs of an operation as it takes them: files are decoded here, so that neither clients nor engines need to know any format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...shared.errors import InputError
from ...shared.operations import Input, Operation
from ...shared.values import EncodedFile, Image, Mesh, SceneFrame, Tracks
from .meshes import decode_mesh
from .reading import decode


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
        value = decode(value)
    if not isinstance(value, Image):
        raise InputError(expected=f"an image as {item.name}", got=_kind(value))
    return value


def _kind(value: Any) -> str:
    return "an empty list" if value == [] else type(value).__name__

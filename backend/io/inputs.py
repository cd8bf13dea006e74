"""The inputs of an operation as it takes them: files are decoded here, so that neither clients nor engines need to know any format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...shared.errors import InputError
from ...shared.operations import Input, Operation
from ...shared.values import EncodedFile, Image, Mesh, SceneFrame, Tracks
from .alpha import mask_values
from .checks import check_pixels
from .meshes import decode_mesh
from .reading import decode


def decode_inputs(schema: Operation, values: Mapping[str, Any], obj_up: str = "y") -> dict[str, Any]:
    """Decodes files of images, masks and meshes; frames and sequences are left as they are, because operations stream them.

    Args:
        schema: The operation.
        values: By name.
        obj_up: The axis that points up in an .obj, ``y`` or ``z``.

    Raises:
        InputError: A value is not of the input's kind, or a file cannot be read.
    """
    decoded: dict[str, Any] = {}
    for item in schema.inputs:
        value = values.get(item.name)
        if value is None:
            continue
        if item.kind == "mesh" and isinstance(value, EncodedFile):
            value = decode_mesh(value, obj_up)
        decoded[item.name] = _decode_input(item, value, _camera(values) if item.posed else None)
    return decoded


def _camera(values: Mapping[str, Any]) -> tuple[int, int] | None:
    """Width and height of the camera that a picture next to ``frames`` has."""
    frames = values.get("frames")
    first = frames[0] if isinstance(frames, list) and frames else None
    return (first.camera.width, first.camera.height) if isinstance(first, SceneFrame) else None


def _decode_input(item: Input, value: Any, camera: tuple[int, int] | None) -> Any:
    if item.kind in ("image", "mask"):
        image = _image(item, value, camera)
        return image if item.kind == "image" else _mask(item, image)
    if item.kind == "images":
        if not isinstance(value, list) or not value:
            raise InputError(expected=f"a list of images as {item.name}", got=_kind(value))
        return [_image(item, one, None) for one in value]
    if item.kind == "frames":
        if not isinstance(value, list) or not value or not all(isinstance(one, SceneFrame) for one in value):
            raise InputError(expected=f"a list of scene frames as {item.name}", got=_kind(value))
    elif item.kind == "mesh":
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


def _image(item: Input, value: Any, camera: tuple[int, int] | None) -> Image:
    if isinstance(value, EncodedFile):
        value = decode(value, camera=camera, use="mask" if item.kind == "mask" else "numbers" if item.numbers else "color")
    if not isinstance(value, Image):
        raise InputError(expected=f"an image as {item.name}", got=_kind(value))
    return value.in_memory()


def _mask(item: Input, image: Image) -> Image:
    """One channel, as ``alpha.mask_values`` has it."""
    check_pixels(image, item.label.lower(), channels=(1, 2, 3, 4))
    return Image(mask_values(image, item.label.lower())[..., None], "data")


def _kind(value: Any) -> str:
    return "an empty list" if value == [] else type(value).__name__

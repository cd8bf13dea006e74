"""Values to JSON plus buffers, and back.

``encode`` walks a value of ``shared/values.py`` (or dicts and lists of them), leaves everything small in the JSON and
moves each array to a list of buffers. An object of a known kind is ``{"$": kind, ...}``; an array is
``{"$": "buffer", "index": i}``. An array that stands in several positions is sent once. A value with very many arrays is a blob of
its own, ``{"$": "manifest", "index": i}``; see ``manifest.py``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .deferred import Deferred, as_given, loaded
from .errors import InputError, ProtocolError
from .frame_names import LARGEST
from .values import Camera, Distortion, EncodedFile, Image, Mesh, SceneFrame, Tracks

DTYPES = ("|u1", "|i1", "|b1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8")
_KINDS: dict[str, type] = {
    "image": Image, "file": EncodedFile, "camera": Camera, "distortion": Distortion, "frame": SceneFrame, "tracks": Tracks, "mesh": Mesh,
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}
_FIELDS = {kind: {f.name for f in dataclasses.fields(kind)} for kind in _NAMES}
MAX_DEPTH = 32
MAX_ELEMENTS = 2**48


@dataclasses.dataclass(frozen=True)
class Buffer:
    """An array on its way.

    Attributes:
        array: C-contiguous, little-endian; or what stands for it until it is read.
        layout: What the axes are: ``HWC``, ``NC`` or ``bytes``.
        color_space: Of pixels, else ``""``.
    """

    array: np.ndarray | Deferred
    layout: str = "NC"
    color_space: str = ""

    def describe(self) -> dict[str, Any]:
        """The description that travels in a message's body."""
        return {
            "dtype": self.array.dtype.str,
            "shape": list(self.array.shape),
            "layout": self.layout,
            "color_space": self.color_space,
            "nbytes": self.array.nbytes,
        }

    def read(self, offset: int, length: int) -> np.ndarray:
        """``(length,)`` uint8, or fewer at the end, of the array's bytes."""
        if isinstance(self.array, Deferred):
            return self.array.read(offset, min(length, self.array.nbytes - offset))
        return self.array.reshape(-1).view(np.uint8)[offset : offset + length]


@dataclasses.dataclass(frozen=True)
class Opened:
    """A manifest that was read: a value's JSON and its arrays. It takes the position of an array in what ``decode`` is given."""

    tree: Any
    arrays: Sequence[np.ndarray | Deferred]


def encode(value: object, buffers: list[Buffer]) -> Any:
    """Gives the JSON of ``value`` and appends its arrays to ``buffers``.

    Raises:
        InputError: Something in it has no position on the wire.
    """
    return _encode(value, buffers, {id(b.array): i for i, b in enumerate(buffers)}, "NC", "")


def _encode(value: Any, buffers: list[Buffer], seen: dict[int, int], layout: str, color_space: str) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(expected="finite numbers", got=str(value))
        return value
    if isinstance(value, np.generic):
        return _encode(value.item(), buffers, seen, layout, color_space)
    if isinstance(value, (np.ndarray, Deferred)):
        if id(value) not in seen:
            seen[id(value)] = len(buffers)
            buffers.append(Buffer(value if isinstance(value, Deferred) else _normal(value), layout, color_space))
        return {"$": "buffer", "index": seen[id(value)]}
    if type(value) in _NAMES:
        layout = {Image: "HWC", EncodedFile: "bytes"}.get(type(value), "NC")
        color_space = getattr(value, "color_space", "")
        fields = {f.name: _encode(as_given(value, f.name), buffers, seen, layout, color_space) for f in dataclasses.fields(value)}
        return {"$": _NAMES[type(value)], **fields}
    if isinstance(value, dict):
        if any(not isinstance(k, str) or k == "$" for k in value):
            raise InputError(expected="objects with names as keys", got=str(list(value)[:5]))
        return {k: _encode(v, buffers, seen, layout, color_space) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(v, buffers, seen, layout, color_space) for v in value]
    raise InputError(expected="an image, file, camera, frame, mesh, array, number, text, list or object", got=type(value).__name__)


def _normal(array: np.ndarray) -> np.ndarray:
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    if little.dtype.str not in DTYPES:
        raise InputError(expected=f"an array of {', '.join(DTYPES)}", got=str(array.dtype))
    return np.ascontiguousarray(little).reshape(array.shape)  # which makes no copy, but keeps an array without axes as it is


def decode(data: Any, arrays: Sequence[np.ndarray | Deferred | Opened]) -> Any:
    """The inverse of ``encode``; only ``ProtocolError`` escapes, whatever ``data`` is.

    Files and pictures keep a ``Deferred`` as it is; in everything else it becomes an array.
    """
    try:
        return _decode(data, arrays, 0)
    except ProtocolError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, InputError, OverflowError) as error:
        msg = f"A value in the message cannot be read: {error}"
        raise ProtocolError(msg) from error


def _decode(data: Any, arrays: Sequence[np.ndarray | Deferred | Opened], depth: int, read: bool = True) -> Any:
    if depth > MAX_DEPTH:
        raise ProtocolError(expected=f"values nested at most {MAX_DEPTH} deep", got="a deeper one")
    if isinstance(data, list):
        return [_decode(v, arrays, depth + 1) for v in data]
    if not isinstance(data, dict):
        return data
    kind = data.get("$")
    if kind is None:
        return {k: _decode(v, arrays, depth + 1) for k, v in data.items()}
    if kind in ("buffer", "manifest"):
        index = data["index"]
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(arrays):
            raise ProtocolError(expected=f"a buffer index below {len(arrays)}", got=repr(index))
        found = arrays[index]
        if isinstance(found, Opened) != (kind == "manifest"):  # none is opened within one, so that it ends
            raise ProtocolError(expected=f"a {kind} at index {index}", got="the other kind of buffer")
        if isinstance(found, Opened):
            return _decode(found.tree[data["field"]] if "field" in data else found.tree, found.arrays, depth + 1)
        return loaded(found) if read else found
    if kind not in _KINDS:
        raise ProtocolError(expected=f"a kind out of {', '.join(_KINDS)}", got=repr(kind))
    cls = _KINDS[kind]
    read = cls not in (EncodedFile, Image)
    given = {k: _decode(v, arrays, depth + 1, read) for k, v in data.items() if k != "$"}
    names = _FIELDS[cls]
    value = cls(**{k: v for k, v in given.items() if k in names})  # fields that a newer minor version adds are passed over
    check_value(value)
    return value


def check_value(value: object) -> None:
    """Checks types and shapes of one value.

    Raises:
        ProtocolError: With what was expected and what came.
    """
    if isinstance(value, EncodedFile):
        _array(as_given(value, "data"), (None,), "u", "a file's data")
        _text(value.name, "a file's name")
        _text(value.color_space, "a file's colour space")
        _text(value.layer, "a file's layer")
        number = value.number
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or abs(number) > LARGEST):
            raise ProtocolError(expected=f"a whole number up to {LARGEST} as a file's frame number, or null", got=repr(number)[:80])
    elif isinstance(value, Camera):
        for name in ("width", "height", "fl_x", "fl_y", "cx", "cy"):
            number = getattr(value, name)
            if not isinstance(number, (int, float)) or isinstance(number, bool) or not math.isfinite(number):
                raise ProtocolError(expected=f"a number as the camera's {name}", got=repr(number)[:80])
        _array(value.camera_to_world, (4, 4), "f", "a camera's matrix")
        if min(value.width, value.height, value.fl_x, value.fl_y) <= 0:
            raise ProtocolError(expected="a camera's size and focal length above 0", got=repr(value)[:80])
        if value.distortion is not None and not isinstance(value.distortion, Distortion):
            raise ProtocolError(expected="a camera's distortion", got=type(value.distortion).__name__)
    elif isinstance(value, SceneFrame):
        if not isinstance(value.camera, Camera):
            raise ProtocolError(expected="a frame with a camera", got=type(value.camera).__name__)
        if not isinstance(value.channels, dict) or not all(isinstance(c, (Image, EncodedFile)) for c in value.channels.values()):
            raise ProtocolError(expected="a frame's channels as images or files by name", got=repr(value.channels)[:80])
        if isinstance(value.number, bool) or not isinstance(value.number, int) or abs(value.number) > LARGEST:
            raise ProtocolError(expected=f"a whole number up to {LARGEST} as a frame's number", got=repr(value.number)[:80])
        for what, scale in (("depth scale", value.depth_scale), ("unit of integer depth", value.integer_depth_unit)):
            if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not math.isfinite(scale) or scale <= 0:
                raise ProtocolError(expected=f"a number above 0 as a frame's {what}", got=repr(scale)[:80])
    elif isinstance(value, Mesh):
        _array(value.vertices, (None, 3), "f", "a mesh's vertices")
        _array(value.faces, (None, 3), "iu", "a mesh's faces")
        for name in ("normals", "colors"):
            if getattr(value, name) is not None:
                _array(getattr(value, name), (len(value.vertices), 3), "f", f"a mesh's {name}")
        if value.uvs is not None:
            _array(value.uvs, (len(value.faces), 3, 2), "f", "a mesh's uvs")
        if not isinstance(value.attributes, dict):
            raise ProtocolError(expected="a mesh's attributes by name", got=type(value.attributes).__name__)
        for name, array in value.attributes.items():
            wide = isinstance(array, np.ndarray) and array.ndim == 2
            _array(array, (len(value.vertices), 3) if wide else (len(value.vertices),), "f", f"a mesh's attribute {name}")
        if value.texture is not None and not isinstance(value.texture, Image):
            raise ProtocolError(expected="a mesh's texture as an image", got=type(value.texture).__name__)
    elif isinstance(value, Tracks):
        _array(value.points, (None, 3), "f", "the tracks' points")
        _array(value.frames, (None,), "iu", "the tracks' frames")
        _array(value.indices, (len(value.frames),), "iu", "the tracks' indices")
        _array(value.pixels, (len(value.frames), 2), "f", "the tracks' pixels")
        if len(value.indices) and not 0 <= int(value.indices.min()) <= int(value.indices.max()) < len(value.points):
            raise ProtocolError(expected=f"track indices from 0 to {len(value.points) - 1}", got="others")


def _array(array: object, shape: tuple[int | None, ...], kinds: str, what: str) -> None:
    if not isinstance(array, (np.ndarray, Deferred)) or array.dtype.kind not in kinds or array.ndim != len(shape):
        got = f"{array.dtype} {array.shape}" if isinstance(array, (np.ndarray, Deferred)) else type(array).__name__
        raise ProtocolError(expected=f"{what} as an array of shape {shape}", got=got)
    if any(want is not None and want != have for want, have in zip(shape, array.shape, strict=True)):
        raise ProtocolError(expected=f"{what} of shape {shape}", got=str(array.shape))


def _text(value: object, what: str) -> None:
    if not isinstance(value, str):
        raise ProtocolError(expected=f"{what} as text", got=type(value).__name__)


def check_descriptor(data: Any) -> tuple[np.dtype, tuple[int, ...]]:
    """Dtype and shape of a described buffer, proven to agree with its byte count.

    Raises:
        ProtocolError: The description is not one, or contradicts itself.
    """
    if not isinstance(data, dict):
        raise ProtocolError(expected="a buffer's description as an object", got=type(data).__name__)
    dtype, shape, nbytes = data.get("dtype"), data.get("shape"), data.get("nbytes")
    if dtype not in DTYPES:
        raise ProtocolError(expected=f"a dtype out of {', '.join(DTYPES)}", got=repr(dtype)[:80])
    whole = isinstance(shape, list) and len(shape) <= 8 and all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in shape)
    if not whole or not isinstance(nbytes, int) or isinstance(nbytes, bool):
        raise ProtocolError(expected="a buffer's shape and byte count as whole numbers", got=repr((shape, nbytes))[:80])
    kind = np.dtype(dtype)
    assert isinstance(shape, list)
    if math.prod(max(n, 1) for n in shape) > MAX_ELEMENTS:  # numpy refuses such shapes even if one of the lengths is 0
        raise ProtocolError(expected=f"a shape of at most {MAX_ELEMENTS} elements", got=repr(shape)[:80])
    if math.prod(shape) * kind.itemsize != nbytes:
        raise ProtocolError(expected=f"{math.prod(shape) * kind.itemsize} bytes for {dtype} {shape}"[:200], got=f"{nbytes} bytes"[:80])
    return kind, tuple(shape)

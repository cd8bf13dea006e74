"""GlTF 2.0 as a document and its data: binary (.glb) and text (.gltf) with its data inside; accessors as arrays."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np

from ....shared.errors import InputError
from ....shared.text_file import printable
from .common import broken

_COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_MOST = 1 << 24
"""Entries that an accessor without data may have."""
_HARMLESS = ("KHR_materials_", "KHR_texture_", "EXT_texture_", "KHR_lights_", "KHR_xmp", "KHR_animation_", "MSFT_texture_")
_MESHOPT, _NO_DATA = "EXT_meshopt_compression", "a buffer without data"
_READ = ("KHR_mesh_quantization", "EXT_mesh_gpu_instancing", "KHR_node_visibility")


class GltfFile:
    """A document and its data.

    Args:
        data: The file's bytes.
        name: Its name, for messages.

    Raises:
        InputError: No glTF 2, compressed meshes, or data in other files.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        self._buffers: dict[int, bytes] = {}
        self._body: bytes | None = None
        try:
            self.document: dict[str, Any] = json.loads(self._chunks(data) if data[:4] == b"glTF" else data.decode("utf-8-sig"))
            if not isinstance(self.document, dict) or str(self.document["asset"]["version"]).split(".")[0] != "2":
                raise broken(name, "no glTF 2")
        except (struct.error, ValueError, RecursionError, KeyError, TypeError) as error:
            raise broken(name, f"no glTF ({printable(str(error))})") from None
        self._check_extensions()

    def items(self, kind: str) -> list[Any]:
        """All entries of a kind, such as ``nodes``."""
        found = self.document.get(kind, [])
        if not isinstance(found, list):
            raise broken(self.name, f"{kind} that are no list")
        return found

    def item(self, kind: str, index: Any) -> dict[str, Any]:
        """One entry of a kind."""
        items = self.items(kind)
        if not isinstance(index, int) or not 0 <= index < len(items) or not isinstance(items[index], dict):
            raise broken(self.name, f"no {kind} {printable(index, 20)}")
        found: dict[str, Any] = items[index]
        return found

    def view(self, index: Any) -> bytes:
        """The data of a buffer view."""
        about = self.item("bufferViews", index)
        if _MESHOPT in about.get("extensions", {}):
            raise self._refused(_MESHOPT)
        data = self._buffer(about.get("buffer", 0))
        start, size = int(about.get("byteOffset", 0)), int(about["byteLength"])
        if start < 0 or size < 0 or start + size > len(data):
            raise broken(self.name, "data outside the file")
        return data[start : start + size]

    def array(self, index: Any) -> np.ndarray:
        """An accessor as ``(count, width)``; normalised integers as float32 in -1..1."""
        about = self.item("accessors", index)
        kind, width, count = np.dtype(_COMPONENTS[about["componentType"]]), _WIDTHS[about["type"]], int(about["count"])
        if not 0 < count <= (1 << 31):
            raise broken(self.name, f"an accessor of {count} entries")
        if "bufferView" in about:
            values = self._strided(about, kind, width, count)
        elif count <= _MOST:
            values = np.zeros((count, width), kind)
        else:
            raise broken(self.name, "an accessor without data")
        if "sparse" in about:
            self._overwrite(values, about["sparse"])
        if about.get("normalized") and kind.kind in "iu":
            values = np.maximum(values.astype(np.float32) / np.iinfo(kind).max, -1)
        return values

    def uri(self, uri: Any) -> bytes | None:
        """What a data URI holds; None where it names another file."""
        head, comma, text = str(uri).partition(",")
        if not head.startswith("data:") or not comma:
            return None
        try:
            return base64.b64decode(text, validate=False) if head.endswith(";base64") else unquote_to_bytes(text)
        except (binascii.Error, ValueError):
            raise broken(self.name, "a data URI that cannot be read") from None

    def _strided(self, about: dict[str, Any], kind: np.dtype, width: int, count: int) -> np.ndarray:
        data, offset = self.view(about["bufferView"]), int(about.get("byteOffset", 0))
        stride = int(self.item("bufferViews", about["bufferView"]).get("byteStride", 0)) or kind.itemsize * width
        if stride < kind.itemsize * width:
            raise broken(self.name, f"entries of {kind.itemsize * width} bytes every {stride} bytes")
        if offset < 0 or offset + (count - 1) * stride + kind.itemsize * width > len(data):
            raise broken(self.name, "data outside the file")
        return np.ndarray((count, width), kind, data, offset, (stride, kind.itemsize)).copy()

    def _overwrite(self, values: np.ndarray, sparse: dict[str, Any]) -> None:
        count = int(sparse["count"])
        where, what = dict(sparse["indices"]), dict(sparse["values"])
        index = self._strided(where, np.dtype(_COMPONENTS[where["componentType"]]), 1, count).ravel().astype(np.int64)
        if index.size and not 0 <= index.min() <= index.max() < len(values):
            raise broken(self.name, "sparse data outside its accessor")
        values[index] = self._strided(what, values.dtype, values.shape[1], count)

    def _buffer(self, index: Any) -> bytes:
        if index not in self._buffers:
            about = self.item("buffers", index)
            uri = about.get("uri")
            if uri is None:
                if self._body is None or index != 0:
                    raise self._refused(_NO_DATA)
                self._buffers[index] = self._body
            else:
                data = self.uri(uri)
                if data is None:
                    fix = "Export it as glTF Binary (.glb), which is one file"
                    raise InputError(expected=f"{self.name} with its data inside", got=f"data in the file {printable(uri, 60)}", fix=fix)
                self._buffers[index] = data
        return self._buffers[index]

    def _chunks(self, data: bytes) -> bytes:
        """The JSON of a binary file; keeps its binary chunk."""
        _magic, version, _, size, kind = struct.unpack_from("<4sIII4s", data)
        if version != 2 or kind != b"JSON":
            raise broken(self.name, "no binary glTF 2")
        at = 20 + size
        while at + 8 <= len(data):
            length, kind = struct.unpack_from("<I4s", data, at)
            if kind == b"BIN\0":
                self._body = data[at + 8 : at + 8 + length]
                break
            at += 8 + length
        return data[20 : 20 + size]

    def _check_extensions(self) -> None:
        wanted = self.document.get("extensionsRequired", [])
        for extension in wanted if isinstance(wanted, list) else []:
            if not str(extension).startswith(_HARMLESS) and extension not in _READ:
                raise self._refused(str(extension))

    def _refused(self, what: str) -> InputError:
        fix = "Export it without compression and without extensions"
        return InputError(expected=f"{self.name} without compressed meshes", got=printable(what), fix=fix)


def is_compressed(primitive: dict[str, Any]) -> bool:
    """Whether a primitive's data is compressed with Draco."""
    return "KHR_draco_mesh_compression" in primitive.get("extensions", {})

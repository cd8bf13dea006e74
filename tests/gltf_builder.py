"""GlTF documents for tests, with any data and any quirk."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import numpy as np

COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class Gltf:
    """A document that grows: ``data`` adds an accessor, ``part`` a primitive; change ``document`` for the rest."""

    def __init__(self) -> None:
        self.body = b""
        self.primitives: list[dict[str, Any]] = []
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": self.primitives}], "accessors": [], "bufferViews": [],
        }  # fmt: skip

    def view(self, data: bytes) -> int:
        self.body += b"\0" * (-len(self.body) % 4)
        self.document["bufferViews"].append({"buffer": 0, "byteOffset": len(self.body), "byteLength": len(data)})
        self.body += data
        return len(self.document["bufferViews"]) - 1

    def data(self, values: Any, kind: str = "f4", **more: Any) -> int:
        array = np.ascontiguousarray(values, f"<{kind}")
        width = 1 if array.ndim == 1 else int(np.prod(array.shape[1:]))
        about = {"componentType": COMPONENTS[kind], "count": len(array), "type": TYPES[width], "bufferView": self.view(array.tobytes())}
        self.document["accessors"].append({**about, **more})
        return len(self.document["accessors"]) - 1

    def part(self, points: Any, corners: Any = None, mode: int | None = None, **attributes: int) -> dict[str, Any]:
        made: dict[str, Any] = {"attributes": {"POSITION": self.data(points), **attributes}}
        if corners is not None:
            made["indices"] = self.data(corners, "u4")
        if mode is not None:
            made["mode"] = mode
        self.primitives.append(made)
        return made

    def binary(self) -> bytes:
        document = {**self.document, "buffers": [{"byteLength": len(self.body)}]}
        head = json.dumps(document).encode()
        head += b" " * (-len(head) % 4)
        body = self.body + b"\0" * (-len(self.body) % 4)
        size = 12 + 8 + len(head) + 8 + len(body)
        return struct.pack("<4sIII4s", b"glTF", 2, size, len(head), b"JSON") + head + struct.pack("<I4s", len(body), b"BIN\0") + body

    def text(self, uri: str = "") -> bytes:
        uri = uri or "data:application/octet-stream;base64," + base64.b64encode(self.body).decode()
        return json.dumps({**self.document, "buffers": [{"byteLength": len(self.body), "uri": uri}]}).encode()

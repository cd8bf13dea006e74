"""Binary glTF 2.0 out: y up, texture embedded, attributes as ``_NAME``.

glTF defines COLOR_0 as linear (3.7.2.1) and +Y as up (3.4); Blender's importer turns +Y up to its own +Z up, so a mesh lands where it was.
Where there is a texture, vertex colours go as attributes: readers would multiply COLOR_0 into the picture.

Every attribute is one number for each vertex; those of three are ``_NAME_X``, ``_NAME_Y`` and ``_NAME_Z``, colours ``_COLOR_R``,
``_COLOR_G`` and ``_COLOR_B``. Blender's importer (``io_scene_gltf2/blender/imp``, in 4.2 to 5.0) makes its arrays in the order of
the file and fills them in the order of a Python set, which differs from start to start: attributes of different widths make it fail.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....shared.errors import InputError
from ....shared.gltf_files import glb_bytes
from ....shared.origin import ZERO
from ....shared.values import Mesh
from .axes import y_up
from .common import picture_bytes, split
from .far import comment
from .names import columns

_TAKEN = frozenset({"color", "color_r", "color_g", "color_b"})
_FLOAT, _UINT, _ARRAY, _ELEMENTS = 5126, 5125, 34962, 34963


class _Buffer:
    """The binary chunk as it grows."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.size = 0

    def view(self, data: bytes, **more: Any) -> int:
        self.views.append({"buffer": 0, "byteOffset": self.size, "byteLength": len(data), **more})
        padded = data + b"\0" * (-len(data) % 4)
        self.parts.append(padded)
        self.size += len(padded)
        return len(self.views) - 1

    def add(self, values: np.ndarray, target: int = _ARRAY, **more: Any) -> int:
        kind = "SCALAR" if values.ndim == 1 else f"VEC{values.shape[1]}"
        view = self.view(values.tobytes(), target=target)
        component = _FLOAT if values.dtype.kind == "f" else _UINT
        self.accessors.append({"bufferView": view, "componentType": component, "count": len(values), "type": kind, **more})
        return len(self.accessors) - 1


def write(mesh: Mesh) -> bytes:
    """The mesh as a file."""
    if not len(mesh.vertices) or not len(mesh.faces):
        raise InputError(expected="a mesh with faces for .glb", got="an empty mesh", fix="Use .ply or .obj, or check the input")
    source, faces, uvs = split(mesh) if mesh.uvs is not None else (np.arange(len(mesh.vertices)), mesh.faces, None)
    buffer = _Buffer()
    positions = _floats(y_up(mesh.vertices[source]))
    attributes = {"POSITION": buffer.add(positions, min=positions.min(0).tolist(), max=positions.max(0).tolist())}
    if mesh.normals is not None:
        attributes["NORMAL"] = buffer.add(_unit_length(y_up(mesh.normals[source])))
    if uvs is not None:
        attributes["TEXCOORD_0"] = buffer.add(_floats(np.stack([uvs[:, 0], 1 - uvs[:, 1]], 1)))
    extra = {name.upper() if name == name.lower() else name: values for name, values in columns(mesh, _TAKEN).items()}
    if mesh.colors is not None and mesh.texture is not None:
        extra |= {f"COLOR_{axis}": mesh.colors[:, k] for k, axis in enumerate("RGB")}
    elif mesh.colors is not None:
        colors = np.hstack([np.clip(mesh.colors[source], 0, 1), np.ones((len(source), 1), np.float32)])
        attributes["COLOR_0"] = buffer.add(_floats(colors))
    for name, values in sorted(extra.items()):
        attributes["_" + name] = buffer.add(_floats(values[source]))
    indices = buffer.add(np.ascontiguousarray(faces.reshape(-1), "<u4"), _ELEMENTS)
    shading: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "Backlot", **({} if mesh.origin == ZERO else {"extras": {"origin": comment(mesh)}})},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "reconstruction"}],
        "materials": [{"name": "reconstruction", "pbrMetallicRoughness": shading}],
        "meshes": [{"name": "reconstruction", "primitives": [{"attributes": attributes, "indices": indices, "material": 0}]}],
    }
    if mesh.texture is not None and uvs is not None:
        document["images"] = [{"bufferView": buffer.view(picture_bytes(mesh.texture)), "mimeType": "image/png", "name": "texture"}]
        document["samplers"] = [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}]
        document["textures"] = [{"source": 0, "sampler": 0}]
        shading["baseColorTexture"] = {"index": 0}
        if mesh.texture.pixels.shape[2] == 4:
            document["materials"][0] |= {"alphaMode": "BLEND", "doubleSided": True}
    document |= {"buffers": [{"byteLength": buffer.size}], "bufferViews": buffer.views, "accessors": buffer.accessors}
    return glb_bytes(document, b"".join(buffer.parts))


def _floats(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, "<f4")


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    """GlTF demands unit normals; one that has no direction becomes "up"."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-6, vectors / np.maximum(length, 1e-6), np.array([0, 1, 0])).astype("<f4")

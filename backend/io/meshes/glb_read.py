"""Binary glTF 2.0 in: all triangles of the scene as one mesh, turned from y up to z up; the first base colour picture as its texture."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from ....shared.errors import InputError
from ....shared.values import EncodedFile, Image, Mesh
from ..reading import decode
from .common import broken

_COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_DEPTH = 64
"""Nodes nested deeper than this are a circle."""


class _Reader:
    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        try:
            magic, version, _, size, kind = struct.unpack_from("<4sIII4s", data)
            if magic != b"glTF" or version != 2 or kind != b"JSON":
                raise broken(name, "no binary glTF 2")
            self.document: dict[str, Any] = json.loads(data[20 : 20 + size])
            self.body = data[20 + size + 8 :]
        except (struct.error, ValueError, RecursionError) as error:
            raise broken(name, f"no binary glTF ({error})") from None
        wanted = self.document.get("extensionsRequired", [])
        closed = [e for e in wanted if e not in ("KHR_texture_transform", "KHR_mesh_quantization", "KHR_materials_unlit")]
        if closed:
            fix = "Export it without compression"
            raise InputError(expected=f"{name} without compressed meshes", got=", ".join(map(str, closed))[:80], fix=fix)

    def item(self, kind: str, index: Any) -> dict[str, Any]:
        items = self.document.get(kind, [])
        if not isinstance(index, int) or not 0 <= index < len(items) or not isinstance(items[index], dict):
            raise broken(self.name, f"no {kind} {index}")
        found: dict[str, Any] = items[index]
        return found

    def bytes(self, view: Any) -> bytes:
        about = self.item("bufferViews", view)
        start, size = int(about.get("byteOffset", 0)), int(about["byteLength"])
        if about.get("buffer", 0) != 0 or start < 0 or start + size > len(self.body):
            raise broken(self.name, "data outside the file")
        return self.body[start : start + size]

    def array(self, index: Any) -> np.ndarray:
        about = self.item("accessors", index)
        if "sparse" in about or "bufferView" not in about:
            raise broken(self.name, "sparse data")
        kind, width, count = np.dtype(_COMPONENTS[about["componentType"]]), _WIDTHS[about["type"]], int(about["count"])
        data, offset = self.bytes(about["bufferView"]), int(about.get("byteOffset", 0))
        stride = int(self.item("bufferViews", about["bufferView"]).get("byteStride", 0)) or kind.itemsize * width
        if count < 1 or offset < 0 or offset + (count - 1) * stride + kind.itemsize * width > len(data):
            raise broken(self.name, "data outside the file")
        values = np.ndarray((count, width), kind, data, offset, (stride, kind.itemsize)).copy()
        if about.get("normalized") and kind.kind in "iu":
            values = np.maximum(values.astype(np.float32) / np.iinfo(kind).max, -1)
        return values


def read(data: bytes, name: str) -> Mesh:
    """A mesh from a file's bytes; ``InputError`` says what is wrong with them."""
    reader = _Reader(data, name)
    try:
        parts = [part for node, matrix in _nodes(reader) for part in _mesh(reader, node, matrix)]
        if not parts:
            raise broken(name, "no triangles")
        return _join(parts, _texture(reader))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError) as error:
        raise broken(name, f"a document that makes no sense ({error})") from None


def _nodes(reader: _Reader) -> list[tuple[dict[str, Any], np.ndarray]]:
    document = reader.document
    scenes = document.get("scenes", [])
    scene = scenes[document.get("scene", 0)] if scenes else {"nodes": range(len(document.get("nodes", [])))}
    waiting: list[tuple[Any, np.ndarray, int]] = [(index, np.eye(4), 0) for index in scene.get("nodes", [])]
    found: list[tuple[dict[str, Any], np.ndarray]] = []
    while waiting:
        index, above, depth = waiting.pop()
        if depth > _DEPTH or len(found) > 100_000:
            raise broken(reader.name, "nodes in a circle")
        node = reader.item("nodes", index)
        matrix = above @ _matrix(node)
        found.append((node, matrix))
        waiting += [(child, matrix, depth + 1) for child in node.get("children", [])]
    return found


def _matrix(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = (float(k) for k in node.get("rotation", (0, 0, 0, 1)))
    rotation = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _mesh(reader: _Reader, node: dict[str, Any], matrix: np.ndarray) -> list[Mesh]:
    parts: list[Mesh] = []
    if "mesh" not in node:
        return parts
    for primitive in reader.item("meshes", node["mesh"])["primitives"]:
        if primitive.get("mode", 4) != 4:
            continue  # points and lines
        given = primitive["attributes"]
        points = reader.array(given["POSITION"]).astype(np.float64)
        corners = reader.array(primitive["indices"]).ravel() if "indices" in primitive else np.arange(len(points))
        faces = corners[: len(corners) // 3 * 3].astype(np.int64).reshape(-1, 3)
        if faces.size and faces.max() >= len(points):
            raise broken(reader.name, "faces that name vertices there are none of")
        if np.linalg.det(matrix[:3, :3]) < 0:
            faces = faces[:, ::-1]
        vertices = _z_up(points @ matrix[:3, :3].T + matrix[:3, 3])
        normals = colors = uvs = None
        if "NORMAL" in given:
            turned = reader.array(given["NORMAL"]).astype(np.float64) @ np.linalg.pinv(matrix[:3, :3])
            normals = _z_up(turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12))
        for key in ("COLOR_0", "_COLOR"):
            if key in given and colors is None:
                values = reader.array(given[key])
                colors = (values / np.iinfo(values.dtype).max if values.dtype.kind == "u" else values)[:, :3].astype(np.float32)
        if "TEXCOORD_0" in given:
            uv = reader.array(given["TEXCOORD_0"]).astype(np.float32)
            uvs = np.stack([uv[:, 0], 1 - uv[:, 1]], 1)[faces]
        more = {}
        for key, index in given.items():
            if key.startswith("_") and key != "_COLOR":
                values = reader.array(index).astype(np.float32)
                if values.shape[1] in (1, 3):
                    more[key[1:].lower()] = values[:, 0] if values.shape[1] == 1 else values
        parts.append(Mesh(vertices, faces.astype(np.int32), normals, colors, uvs, more))
    return parts


def _z_up(vectors: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.stack([vectors[:, 0], -vectors[:, 2], vectors[:, 1]], 1), np.float32)


def _join(parts: list[Mesh], texture: Image | None) -> Mesh:
    starts = np.cumsum([0, *(len(p.vertices) for p in parts[:-1])])

    def all_of(name: str) -> np.ndarray | None:
        values = [getattr(p, name) for p in parts]
        return None if any(v is None for v in values) else np.concatenate(values)

    faces = np.concatenate([p.faces + np.int32(start) for p, start in zip(parts, starts, strict=True)])
    first = parts[0].attributes
    shared = [n for n, v in first.items() if all(n in p.attributes and p.attributes[n].ndim == v.ndim for p in parts)]
    attributes = {n: np.concatenate([p.attributes[n] for p in parts]) for n in shared}
    uvs = all_of("uvs")
    vertices = np.concatenate([p.vertices for p in parts])
    joined = Mesh(vertices, faces, all_of("normals"), all_of("colors"), uvs, attributes, texture if uvs is not None else None)
    return _welded(joined)


def _welded(mesh: Mesh) -> Mesh:
    """One vertex for each position again: glTF splits them where UVs differ, which would tear the surface into its charts."""
    fields = [mesh.vertices] + [v.reshape(len(v), -1) for v in mesh.attributes.values()]
    fields += [v for v in (mesh.normals, mesh.colors) if v is not None]
    table = np.ascontiguousarray(np.hstack(fields), np.float32) + np.float32(0)
    keys = table.view(f"V{table.shape[1] * 4}").ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")  # vertices keep their order
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    first = first[order]

    def pick(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[first]

    attributes = {n: v[first] for n, v in mesh.attributes.items()}
    faces = rank[inverse.ravel()][mesh.faces]
    return Mesh(mesh.vertices[first], faces, pick(mesh.normals), pick(mesh.colors), mesh.uvs, attributes, mesh.texture)


def _texture(reader: _Reader) -> Image | None:
    for material in reader.document.get("materials", []):
        reference = material.get("pbrMetallicRoughness", {}).get("baseColorTexture")
        if reference is None:
            continue
        image = reader.item("images", reader.item("textures", reference["index"])["source"])
        if "bufferView" not in image:
            return None
        suffix = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}.get(image.get("mimeType", ""), "png")
        return decode(EncodedFile(np.frombuffer(reader.bytes(image["bufferView"]), np.uint8), f"{reader.name}.{suffix}", "srgb"))
    return None

"""Meshes as files: PLY and OBJ in Blender's axes and units, GLB turned to glTF's.

Vertex colours are scene-linear in a ``Mesh``. PLY and OBJ have no rule; readers take their colours for sRGB, so that is written
(Blender's importers assume it by default). glTF defines COLOR_0 as linear (glTF 2.0, 3.7.2.1) and +Y as up (3.4); Blender's importer
turns +Y up to its own +Z up, so the mesh lands where it was.
"""

from __future__ import annotations

import json
import struct

import numpy as np

from ...shared.errors import InputError
from ...shared.values import Mesh
from ..imaging import to_srgb

FORMATS = ("ply", "obj", "glb")


def encode_mesh(mesh: Mesh, suffix: str) -> bytes:
    """The mesh as the bytes of a file.

    Args:
        mesh: In world space, z up.
        suffix: ``ply`` (binary, little-endian), ``obj`` or ``glb``, with or without a dot.

    Raises:
        InputError: Another suffix, or arrays that make no mesh.
    """
    form = suffix.lower().lstrip(".")
    if form not in FORMATS:
        raise InputError(expected="a mesh file as ." + ", .".join(FORMATS), got=repr(suffix))
    _check(mesh)
    return {"ply": _ply, "obj": _obj, "glb": _glb}[form](mesh)


def _check(mesh: Mesh) -> None:
    count = len(mesh.vertices)
    for name in ("vertices", "normals", "colors"):
        values = getattr(mesh, name)
        if values is not None and values.shape != (count, 3):
            raise InputError(expected=f"{name} of shape ({count}, 3)", got=str(values.shape))
        if values is not None and not np.isfinite(values).all():
            raise InputError(expected=f"finite {name}", got="NaN or infinity")
    if mesh.faces.ndim != 2 or mesh.faces.shape[1] != 3:
        raise InputError(expected="faces of shape (M, 3)", got=str(mesh.faces.shape))
    if mesh.faces.size and not 0 <= mesh.faces.min() <= mesh.faces.max() < count:
        raise InputError(expected=f"faces that name vertices 0 to {count - 1}", got=f"{mesh.faces.min()} to {mesh.faces.max()}")


def _bytes(colors: np.ndarray) -> np.ndarray:
    return np.rint(to_srgb(np.clip(colors, 0, 1).astype(np.float32)) * 255).astype(np.uint8)


def _ply(mesh: Mesh) -> bytes:
    fields: list[tuple[str, str]] = [(axis, "<f4") for axis in "xyz"]
    if mesh.normals is not None:
        fields += [(axis, "<f4") for axis in ("nx", "ny", "nz")]
    if mesh.colors is not None:
        fields += [(name, "u1") for name in ("red", "green", "blue")]
    table = np.empty(len(mesh.vertices), fields)
    for k, axis in enumerate("xyz"):
        table[axis] = mesh.vertices[:, k]
        if mesh.normals is not None:
            table["n" + axis] = mesh.normals[:, k]
    if mesh.colors is not None:
        colors = _bytes(mesh.colors)
        for k, name in enumerate(("red", "green", "blue")):
            table[name] = colors[:, k]
    faces = np.empty(len(mesh.faces), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, mesh.faces
    lines = ["ply", "format binary_little_endian 1.0", "comment Backlot", f"element vertex {len(table)}"]
    lines += [f"property {'uchar' if kind == 'u1' else 'float'} {name}" for name, kind in fields]
    lines += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", ""]
    return "\n".join(lines).encode("ascii") + table.tobytes() + faces.tobytes()


def _obj(mesh: Mesh) -> bytes:
    columns = [mesh.vertices]
    if mesh.colors is not None:
        columns.append(to_srgb(np.clip(mesh.colors, 0, 1).astype(np.float32)))
    parts = ["# Backlot: z up, vertex colours in sRGB\n", _rows("v" + " %.7g" * 3 + " %.4f" * (3 * len(columns) - 3), np.hstack(columns))]
    corner = " %d"
    faces = mesh.faces + 1
    if mesh.normals is not None:
        parts.append(_rows("vn %.4f %.4f %.4f", mesh.normals))
        corner, faces = " %d//%d", np.repeat(faces, 2, 1)
    parts.append(_rows("f" + corner * 3, faces))
    return "".join(parts).encode("ascii")


def _rows(pattern: str, values: np.ndarray, chunk: int = 1 << 16) -> str:
    """One line a row; formatting many rows at once is several times faster than row by row."""
    texts = []
    for start in range(0, len(values), chunk):
        some = values[start : start + chunk]
        texts.append((pattern + "\n") * len(some) % tuple(some.ravel().tolist()))
    return "".join(texts)


def _glb(mesh: Mesh) -> bytes:
    arrays: list[np.ndarray] = []
    views: list[dict[str, object]] = []
    accessors: list[dict[str, object]] = []

    def add(values: np.ndarray, kind: str, component: int, target: int, **more: object) -> int:
        views.append({"buffer": 0, "byteOffset": sum(a.nbytes for a in arrays), "byteLength": values.nbytes, "target": target})
        accessors.append({"bufferView": len(views) - 1, "componentType": component, "count": len(values), "type": kind, **more})
        arrays.append(values)
        return len(accessors) - 1

    positions = _y_up(mesh.vertices)
    number, float_code, uint_code, array, elements = len(mesh.vertices), 5126, 5125, 34962, 34963
    if not number or not len(mesh.faces):
        raise InputError(expected="a mesh with faces for .glb", got="an empty mesh", fix="Use .ply or .obj, or check the input")
    attributes = {"POSITION": add(positions, "VEC3", float_code, array, min=positions.min(0).tolist(), max=positions.max(0).tolist())}
    if mesh.normals is not None:
        attributes["NORMAL"] = add(_unit_length(_y_up(mesh.normals)), "VEC3", float_code, array)
    if mesh.colors is not None:
        alpha = np.ones((number, 1), np.float32)
        colors = np.ascontiguousarray(np.hstack([np.clip(mesh.colors, 0, 1), alpha]), "<f4")
        attributes["COLOR_0"] = add(colors, "VEC4", float_code, array)
    corners = add(np.ascontiguousarray(mesh.faces.reshape(-1), "<u4"), "SCALAR", uint_code, elements)
    document = {
        "asset": {"version": "2.0", "generator": "Backlot"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "reconstruction"}],
        "materials": [{"name": "reconstruction", "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}],
        "meshes": [{"name": "reconstruction", "primitives": [{"attributes": attributes, "indices": corners, "material": 0}]}],
        "buffers": [{"byteLength": sum(a.nbytes for a in arrays)}],
        "bufferViews": views,
        "accessors": accessors,
    }
    head = json.dumps(document, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 4)
    body = b"".join(a.tobytes() for a in arrays)  # all 4-byte types: already aligned
    total = 12 + 8 + len(head) + 8 + len(body)
    return struct.pack("<4sIII4s", b"glTF", 2, total, len(head), b"JSON") + head + struct.pack("<I4s", len(body), b"BIN\0") + body


def _y_up(vectors: np.ndarray) -> np.ndarray:
    """(x, y, z) with z up becomes (x, z, -y) with y up."""
    return np.ascontiguousarray(np.stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]], 1), "<f4")


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    """GlTF demands unit normals; one that has no direction becomes "up"."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-6, vectors / np.maximum(length, 1e-6), np.array([0, 1, 0])).astype("<f4")

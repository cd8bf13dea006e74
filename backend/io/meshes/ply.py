"""Stanford PLY out: binary and little-endian, z up as in Blender, with normals, colours, UVs and attributes."""

from __future__ import annotations

import numpy as np

from ....shared.notes import note
from ....shared.origin import ZERO
from ....shared.values import Mesh
from .common import color_bytes, split
from .far import comment
from .names import columns

KINDS = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
COLORS = ("red", "green", "blue")
UV_PAIRS = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))
KNOWN = frozenset({"x", "y", "z", "nx", "ny", "nz", *COLORS, "alpha", *(name for pair in UV_PAIRS for name in pair)})
"""Properties of vertices that are no attributes."""


def write(mesh: Mesh) -> bytes:
    """The mesh as a file. With UVs, vertices are split where these differ and have them as ``s`` and ``t``, as Blender writes and reads.

    Faces have them too, as ``texcoord``, which is where MeshLab looks for them.
    """
    if mesh.texture is not None:
        note(".ply has no textures; its picture is left out, UVs and vertex colours stay. Use .glb, .usdz or .obj to keep it")
    source, faces, uvs = split(mesh) if mesh.uvs is not None else (np.arange(len(mesh.vertices)), mesh.faces, None)
    numbers = {axis: mesh.vertices[:, k] for k, axis in enumerate("xyz")}
    if mesh.normals is not None:
        numbers |= {"n" + axis: mesh.normals[:, k] for k, axis in enumerate("xyz")}
    numbers |= columns(mesh, KNOWN)
    numbers = {name: values[source] for name, values in numbers.items()}
    if uvs is not None:
        numbers |= {"s": uvs[:, 0], "t": uvs[:, 1]}
    fields = [(name, "<f4") for name in numbers]
    if mesh.colors is not None:
        colors = color_bytes(mesh.colors)[source]
        numbers |= {name: colors[:, k] for k, name in enumerate(COLORS)}
        fields += [(name, "u1") for name in COLORS]
    table = np.empty(len(source), fields)
    for name, values in numbers.items():
        table[name] = values
    kinds: list[tuple[str, str] | tuple[str, str, int]] = [("count", "u1"), ("corners", "<i4", 3)]
    if mesh.uvs is not None:
        kinds += [("uv_count", "u1"), ("uvs", "<f4", 6)]
    rows = np.empty(len(faces), kinds)
    rows["count"], rows["corners"] = 3, faces
    if mesh.uvs is not None:
        rows["uv_count"], rows["uvs"] = 6, mesh.uvs.reshape(-1, 6)
    lines = ["ply", "format binary_little_endian 1.0", "comment Backlot: z up, colours in sRGB"]
    lines += [] if mesh.origin == ZERO else [f"comment {comment(mesh)}"]
    lines.append(f"element vertex {len(table)}")
    lines += [f"property {'uchar' if kind == 'u1' else 'float'} {name}" for name, kind in fields]
    lines += [f"element face {len(rows)}", "property list uchar int vertex_indices"]
    if mesh.uvs is not None:
        lines.append("property list uchar float texcoord")
    return "\n".join([*lines, "end_header", ""]).encode("ascii") + table.tobytes() + rows.tobytes()

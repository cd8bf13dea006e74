"""Wavefront OBJ out: y up and -z forward as in most programs or z up, vertex colours behind the positions, a material with a texture."""

from __future__ import annotations

import numpy as np

from ....shared.notes import note
from ....shared.origin import ZERO
from ....shared.values import Mesh
from ...core.color import to_srgb
from .axes import y_up
from .common import rows
from .far import comment

CONVENTION = {"y": "y up, -z forward", "z": "z up"}
"""How the first line of a file names its axes."""


def write(mesh: Mesh, stem: str, up: str) -> bytes:
    """The mesh as text.

    Args:
        mesh: In world space, z up.
        stem: Names the material file next to it.
        up: The axis that points up in the file: ``y`` (Blender's default and that of most programs) or ``z``.
    """
    textured = mesh.texture is not None and mesh.uvs is not None
    if mesh.attributes:
        note(".obj has no attributes; they are left out: use .ply, .glb or .usdz to keep them", ", ".join(sorted(mesh.attributes)))
    turned = y_up if up == "y" else np.asarray
    columns = [turned(mesh.vertices)]
    if mesh.colors is not None:
        columns.append(to_srgb(np.clip(mesh.colors, 0, 1).astype(np.float32)))
    parts = [f"# Backlot: {CONVENTION[up]}, vertex colours in sRGB\n"]
    if mesh.origin != ZERO:
        parts.append(f"# {comment(mesh)}\n")
    if textured:
        parts.append(f"mtllib {stem}.mtl\n")
    parts.append(rows("v" + " %.9g" * 3 + " %.6f" * (3 * len(columns) - 3), np.hstack(columns)))
    numbers = [mesh.faces + 1]
    corner = " %d"
    if mesh.uvs is not None:
        flat = np.ascontiguousarray(mesh.uvs.reshape(-1, 2), np.float32) + np.float32(0)
        _, first, inverse = np.unique(flat.view("V8").ravel(), return_index=True, return_inverse=True)
        parts.append(rows("vt %.9g %.9g", flat[first]))
        numbers.append(inverse.reshape(-1, 3) + 1)
        corner += "/%d"
    if mesh.normals is not None:
        parts.append(rows("vn %.7g %.7g %.7g", turned(mesh.normals)))
        numbers.append(mesh.faces + 1)
        corner += "/%d" if mesh.uvs is not None else "//%d"
    if textured:
        parts.append("usemtl reconstruction\n")
    parts.append(rows("f" + corner * 3, np.stack(numbers, 2).reshape(len(mesh.faces), -1)))
    return "".join(parts).encode("utf-8")


def material(stem: str, *, alpha: bool = False) -> bytes:
    """The material file of a textured mesh: a diffuse picture, and its alpha as opacity; nothing else."""
    text = f"# Backlot\nnewmtl reconstruction\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {stem}.png\n"
    return (text + (f"map_d {stem}.png\n" if alpha else "")).encode()

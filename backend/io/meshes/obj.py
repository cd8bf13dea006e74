"""Wavefront OBJ: z up, vertex colours behind the positions, UVs and a material file where there is a texture."""

from __future__ import annotations

import numpy as np

from ....shared.values import Mesh
from ...core.color import to_srgb
from .common import broken, linear_colors, rows, triangulate


def write(mesh: Mesh, stem: str) -> bytes:
    """The mesh as text; ``stem`` names the material file next to it."""
    textured = mesh.texture is not None and mesh.uvs is not None
    columns = [mesh.vertices]
    if mesh.colors is not None:
        columns.append(to_srgb(np.clip(mesh.colors, 0, 1).astype(np.float32)))
    parts = ["# Backlot: z up, vertex colours in sRGB\n"]
    if textured:
        parts.append(f"mtllib {stem}.mtl\n")
    parts.append(rows("v" + " %.7g" * 3 + " %.4f" * (3 * len(columns) - 3), np.hstack(columns)))
    numbers = [mesh.faces + 1]
    corner = " %d"
    if mesh.uvs is not None:
        unique, inverse = np.unique(mesh.uvs.reshape(-1, 2), axis=0, return_inverse=True)
        parts.append(rows("vt %.7g %.7g", unique))
        numbers.append(inverse.reshape(-1, 3) + 1)
        corner += "/%d"
    if mesh.normals is not None:
        parts.append(rows("vn %.4f %.4f %.4f", mesh.normals))
        numbers.append(mesh.faces + 1)
        corner += "/%d" if mesh.uvs is not None else "//%d"
    if textured:
        parts.append("usemtl reconstruction\n")
    parts.append(rows("f" + corner * 3, np.stack(numbers, 2).reshape(len(mesh.faces), -1)))
    return "".join(parts).encode("ascii")


def material(stem: str) -> bytes:
    """The material file of a textured mesh: a diffuse picture, nothing else."""
    return f"# Backlot\nnewmtl reconstruction\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {stem}.png\n".encode("ascii")


def read(data: bytes, name: str) -> Mesh:
    """A mesh from a file's bytes: polygons become triangles, negative numbers count from the end, materials are passed over."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise broken(name, "no text") from None
    found: dict[str, list[list[float]]] = {"v": [], "vt": [], "vn": []}
    sizes: list[int] = []
    corners: list[tuple[int, int, int]] = []
    for number, line in enumerate(text.replace("\\\n", " ").splitlines(), 1):
        words = line.split()
        if not words or words[0] not in ("v", "vt", "vn", "f"):
            continue
        try:
            if words[0] == "f":
                face = [_corner(word, found) for word in words[1:]]
                if len(face) >= 3:
                    sizes.append(len(face))
                    corners += face
            else:
                found[words[0]].append([float(word) for word in words[1:]])
        except (ValueError, IndexError):
            raise broken(name, f"line {number}: {line[:60]!r}") from None
    if not found["v"] or not sizes:
        raise broken(name, "no vertices" if not found["v"] else "no faces")
    table = np.array(corners, np.int64)
    faces, places = triangulate(np.array(sizes, np.int64), table[:, 0])
    wide = min(len(v) for v in found["v"])
    if wide < 3:
        raise broken(name, "a vertex with fewer than three numbers")
    points = np.array([v[:6] if wide >= 6 else v[:3] for v in found["v"]], np.float64)
    limits = {"v": len(points), "vt": len(found["vt"]), "vn": len(found["vn"])}
    for column, kind in enumerate(("v", "vt", "vn")):
        if table[:, column].max() >= limits[kind] or (column == 0 and table[:, 0].min() < 0):
            raise broken(name, f"a face that names {kind} {table[:, column].max() + 1} of {limits[kind]}")
    uvs = normals = None
    if (table[:, 1] >= 0).all():
        uvs = np.array([v[:2] for v in found["vt"]], np.float32)[table[:, 1]][places]
    if (table[:, 2] >= 0).all() and all(len(n) == 3 for n in found["vn"]):
        total = np.zeros((len(points), 3))  # one for each vertex: the mean of its corners'
        np.add.at(total, table[:, 0], np.array(found["vn"])[table[:, 2]])
        length = np.linalg.norm(total, axis=1, keepdims=True)
        normals = np.where(length > 0, total / np.maximum(length, 1e-30), (0, 0, 1)).astype(np.float32)
    colors = linear_colors(np.clip(points[:, 3:6], 0, 1)) if points.shape[1] == 6 else None
    return Mesh(points[:, :3].astype(np.float32), faces.astype(np.int32), normals, colors, uvs)


def _corner(word: str, found: dict[str, list[list[float]]]) -> tuple[int, int, int]:
    """Vertex, UV and normal of a corner, from 0; -1 for none."""
    numbers = [-1, -1, -1]
    for k, (part, kind) in enumerate(zip(word.split("/"), ("v", "vt", "vn"), strict=False)):
        if part:
            n = int(part)
            numbers[k] = n - 1 if n > 0 else len(found[kind]) + n
            if n == 0 or numbers[k] < 0:
                raise ValueError
    return numbers[0], numbers[1], numbers[2]

"""GlTF 2.0 in, binary or text: all triangles of the scene as one mesh, turned from y up to z up; one base colour picture as its texture."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from ....shared.notes import note
from ....shared.values import Mesh
from .axes import z_up
from .common import broken
from .gltf_file import GltfFile, is_compressed
from .gltf_material import base_color, picture, uv_set
from .gltf_scene import Placed, placed_meshes
from .names import grouped
from .polygons import fan, strip

_TRIANGLES: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    4: lambda corners: corners[: len(corners) // 3 * 3].reshape(-1, 3),
    5: strip,
    6: fan,
}
_OTHERS = {0: "points", 1: "lines", 2: "lines", 3: "lines"}
_MOST = 1 << 27
"""Vertices and corners of a scene; more are instances of instances."""


def read(data: bytes, name: str) -> Mesh:
    """A mesh from a file's bytes, coordinates float64.

    Raises:
        InputError: No glTF, one without triangles, or one that is compressed or breaks off; the message says which.
    """
    file = GltfFile(data, name)
    skipped: Counter[str] = Counter()
    parts: list[Mesh] = []
    references: list[dict[str, Any]] = []
    total = 0
    try:
        for placed in placed_meshes(file):
            for primitive in placed.mesh["primitives"]:
                mode = primitive.get("mode", 4)
                if mode in _OTHERS or "POSITION" not in primitive["attributes"]:
                    skipped[_OTHERS.get(mode, "parts without positions")] += 1
                    continue
                if mode not in _TRIANGLES:
                    raise broken(name, f"parts of the unknown mode {str(mode)[:20]}")
                reference = base_color(file, primitive)
                part = _part(file, placed, primitive, reference)
                total += len(part.vertices) + 3 * len(part.faces)
                if total > _MOST:
                    raise broken(name, f"more than {_MOST:,} vertices")
                parts.append(part)
                references.append(reference)
        if skipped:
            found = ", ".join(f"{number:,} of {kind}" for kind, number in sorted(skipped.items()))
            note(f"only triangles are read; parts left out: {found}", name)
        if not parts:
            raise broken(name, "no triangles")
        mesh = _join(parts, name)
        return dataclasses.replace(mesh, texture=picture(file, references) if mesh.uvs is not None else None)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError) as error:
        raise broken(name, f"a document that makes no sense ({type(error).__name__}: {error})"[:200]) from None


def _part(file: GltfFile, placed: Placed, primitive: dict[str, Any], reference: dict[str, Any]) -> Mesh:
    """A primitive in world space, z up."""
    if is_compressed(primitive) and "bufferView" not in file.item("accessors", primitive["attributes"]["POSITION"]):
        raise broken(file.name, "compressed meshes (Draco)")
    given = primitive["attributes"]
    points, normals = _shape(file, primitive, placed.weights)
    corners = file.array(primitive["indices"]).ravel().astype(np.int64) if "indices" in primitive else np.arange(len(points))
    faces = _TRIANGLES[primitive.get("mode", 4)](corners)
    if faces.size and not 0 <= faces.min() <= faces.max() < len(points):
        raise broken(file.name, "faces that name vertices there are none of")
    moves = _moves(file, given, placed)
    points = np.einsum("kij,kj->ki", moves[:, :3, :3], points) + moves[:, :3, 3] if len(moves) > 1 else _moved(points, moves[0])
    if normals is not None:
        inverse = np.linalg.pinv(moves[:, :3, :3])
        normals = np.einsum("kji,kj->ki", inverse, normals) if len(moves) > 1 else normals @ inverse[0]
        normals = z_up(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))
    if np.linalg.det(moves[0, :3, :3]) < 0:
        faces = faces[:, ::-1]
    uvs = uv_set(file, given, reference)
    return Mesh(z_up(points), faces, normals, _colors(file, given), None if uvs is None else uvs[faces], _attributes(file, given))


def _moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])


def _shape(file: GltfFile, primitive: dict[str, Any], weights: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray | None]:
    """Positions and normals in the mesh's space, morphed."""
    given = primitive["attributes"]
    points = file.array(given["POSITION"]).astype(np.float64)
    normals = file.array(given["NORMAL"]).astype(np.float64) if "NORMAL" in given else None
    for target, weight in zip(primitive.get("targets", []), weights, strict=False):
        if weight:
            points = points + weight * file.array(target["POSITION"]) if "POSITION" in target else points
            normals = normals + weight * file.array(target["NORMAL"]) if normals is not None and "NORMAL" in target else normals
    return points, normals


def _moves(file: GltfFile, given: dict[str, Any], placed: Placed) -> np.ndarray:
    """To world space: one matrix ``(1, 4, 4)``, or one for each vertex where joints move them."""
    if placed.joints is None or "JOINTS_0" not in given or "WEIGHTS_0" not in given:
        return placed.matrix[None]
    moves = np.zeros((1, 4, 4))
    total = np.zeros((1, 1, 1))
    number = 0
    while f"JOINTS_{number}" in given and f"WEIGHTS_{number}" in given:
        joints, weights = file.array(given[f"JOINTS_{number}"]), file.array(given[f"WEIGHTS_{number}"]).astype(np.float64)
        for column in range(4):
            weight = weights[:, column, None, None]
            moves = moves + weight * placed.joints[joints[:, column].astype(np.int64)]
            total = total + weight
        number += 1
    note("its skin is applied as its joints stand", file.name)
    return np.asarray(moves / np.where(np.abs(total) > 1e-9, total, 1))


def _colors(file: GltfFile, given: dict[str, Any]) -> np.ndarray | None:
    """Colours of vertices, which are linear in glTF; ``_COLOR_R``, ``_COLOR_G`` and ``_COLOR_B`` are this program's, see ``glb``."""
    parts = [f"_COLOR_{axis}" for axis in "RGB"]
    if all(part in given for part in parts):
        return np.hstack([file.array(given[part])[:, :1] for part in parts]).astype(np.float32)
    for key in ("COLOR_0", "_COLOR"):
        if key in given:
            values = file.array(given[key])
            return (values / np.iinfo(values.dtype).max if values.dtype.kind == "u" else values)[:, :3].astype(np.float32)
    return None


def _attributes(file: GltfFile, given: dict[str, Any]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for key, index in given.items():
        if not key.startswith("_") or key == "_COLOR" or (key[:-1] == "_COLOR_" and key[-1] in "RGB"):
            continue
        values = file.array(index).astype(np.float32)
        if values.shape[1] in (1, 3):
            found[_lower(key)] = values[:, 0] if values.shape[1] == 1 else values
        else:
            note("attributes of two or four and more numbers are left out", f"{file.name} ({key})")
    return grouped(found)


def _lower(key: str) -> str:
    name = key[1:] or "attribute"
    return name.lower() if name == name.upper() else name


def _join(parts: list[Mesh], name: str) -> Mesh:
    starts = np.cumsum([0, *(len(p.vertices) for p in parts[:-1])])

    def all_of(field: str) -> np.ndarray | None:
        values = [getattr(p, field) for p in parts]
        if any(v is None for v in values):
            if any(v is not None for v in values):
                note(f"only some of its parts have {field}, so those of the others are not used either", name)
            return None
        return np.concatenate(values)

    if any(p.colors is not None for p in parts) and any(p.colors is None for p in parts):
        note("only some of its parts have vertex colours; the others are white", name)
        parts = [p if p.colors is not None else dataclasses.replace(p, colors=np.ones((len(p.vertices), 3), np.float32)) for p in parts]
    faces = np.concatenate([p.faces + start for p, start in zip(parts, starts, strict=True)])
    shapes = [{key: v.ndim for key, v in p.attributes.items()} for p in parts]
    shared = [key for key, dims in shapes[0].items() if all(one.get(key) == dims for one in shapes)]
    for key in sorted({key for one in shapes for key in one} - set(shared)):
        note(f"only some of its parts have the attribute {key}; it is left out", name)
    attributes = {key: np.concatenate([p.attributes[key] for p in parts]) for key in shared}
    vertices = np.concatenate([p.vertices for p in parts])
    return Mesh(vertices, faces, all_of("normals"), all_of("colors"), all_of("uvs"), attributes)

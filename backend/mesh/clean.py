"""Removes from a mesh what makes other programs stumble: fragments, collapsed and double faces, edges with three faces."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...shared.errors import InputError
from ...shared.values import Mesh
from . import topology

_ROUNDS = 8
"""Taking a face off a crowded edge can at worst reveal nothing new; a few rounds settle edges that share faces."""


def select(mesh: Mesh, keep: np.ndarray) -> Mesh:
    """The mesh with some of its faces, and the vertices they use in their order.

    Args:
        mesh: Any mesh.
        keep: ``(M,)`` bool.
    """
    faces = mesh.faces[keep]
    used = np.zeros(len(mesh.vertices), bool)
    used[faces.ravel()] = True
    number = np.cumsum(used, dtype=np.int32) - np.int32(1)

    def pick(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[used]

    attributes = {name: values[used] for name, values in mesh.attributes.items()}
    uvs = None if mesh.uvs is None else mesh.uvs[keep]
    return Mesh(mesh.vertices[used], number[faces], pick(mesh.normals), pick(mesh.colors), uvs, attributes, mesh.texture)


def clean(mesh: Mesh, min_component: int = 0, folds: bool = False) -> tuple[Mesh, dict[str, int]]:
    """Cleans up.

    Vertices of an edge without length become one; faces that collapse, repeat another or have a vertex that is not finite go; of more
    than two faces at an edge fins and then the smallest go; parts with few triangles go; vertices that nothing uses go.

    Args:
        mesh: Of triangles.
        min_component: Least triangles of a connected part; 0 keeps all.
        folds: Of two faces back to back neither stays, as where a surface was folded together; otherwise the first does.

    Returns:
        The mesh, and how many faces went for which reason (``collapsed``, ``double``, ``crowded``, ``fragments``) with ``components``,
        the number of parts that are left.

    Raises:
        InputError: No face is left.
    """
    faces = mesh.faces.astype(np.int32, copy=True)
    report = {}
    finite = np.isfinite(mesh.vertices).all(1)
    _merge_zero_edges(mesh.vertices, faces)
    alive = finite[faces].all(1) & (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    report["collapsed"] = int((~alive).sum())
    chosen = np.flatnonzero(alive)
    double = _double(faces[chosen], folds)
    report["double"] = int(double.sum())
    chosen = chosen[~double]
    before = len(chosen)
    chosen = _thin_crowds(mesh.vertices, faces, chosen)
    report["crowded"] = before - len(chosen)
    keep, report["components"] = topology.large_components(len(mesh.vertices), faces[chosen], min_component)
    report["fragments"] = int((~keep).sum())
    chosen = chosen[keep]
    if not len(chosen):
        got = f"{len(mesh.faces)} triangles, all broken or in smaller parts" if len(mesh.faces) else "none"
        fix = "Lower Smallest Part, or check where the mesh comes from"
        raise InputError(expected=f"triangles in parts of at least {max(min_component, 1)}", got=got, fix=fix)
    kept = np.zeros(len(faces), bool)
    kept[chosen] = True
    return select(dataclasses.replace(mesh, faces=faces), kept), report


def _double(faces: np.ndarray, folds: bool) -> np.ndarray:
    first = topology.repeated(faces)
    double = first >= 0
    if folds and double.any():
        ascends = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]])[faces.argmin(1)]
        upwards = np.take_along_axis(faces, ascends[:, 1:2], 1) < np.take_along_axis(faces, ascends[:, 2:], 1)
        back = double & (upwards != upwards[first])[:, 0]
        double[first[back]] = True
    return double


def _merge_zero_edges(vertices: np.ndarray, faces: np.ndarray) -> None:
    """Gives both ends of an edge without length the smaller number, in place; chains shrink over a few rounds."""
    for _ in range(_ROUNDS):
        start, end = faces.ravel(), faces[:, [1, 2, 0]].ravel()
        same = (vertices[start, 0] == vertices[end, 0]) & (start != end)
        same[same] = (vertices[start[same]] == vertices[end[same]]).all(1)
        if not same.any():
            return
        to = np.arange(len(vertices), dtype=np.int32)
        np.minimum.at(to, np.maximum(start[same], end[same]), np.minimum(start[same], end[same]))
        faces[:] = to[faces]


def _thin_crowds(vertices: np.ndarray, faces: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    for _ in range(_ROUNDS):
        found = topology.edges(faces[chosen])
        crowded = found.counts > 2
        if not crowded.any():
            break
        at = np.flatnonzero(crowded[found.of_faces].any(1))
        area = np.linalg.norm(topology.face_vectors(vertices, faces[chosen[at]]), axis=1)
        fins = (found.counts[found.of_faces[at]] == 1).sum(1)
        drop = np.zeros(len(chosen), bool)
        # Of those that run along an edge one way and of those that run the other way one each shall stay.
        corners = faces[chosen]
        way = (corners > corners[:, [1, 2, 0]]).astype(np.int64)
        left = np.stack([(found.counts + found.balance) // 2, (found.counts - found.balance) // 2], 1)
        for index in at[np.lexsort((area, -fins))]:
            edge = found.of_faces[index]
            spare = (left[edge].sum(1) > 2) & (left[edge, way[index]] > 1)
            if spare.any():
                drop[index] = True
                left[edge, way[index]] -= 1
        if not drop.any():
            break
        chosen = chosen[~drop]
    return chosen

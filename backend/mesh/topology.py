"""How the triangles of a mesh hang together: edges, neighbours, parts, and whether the surface is closed."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..core.compiled import kernel


@dataclasses.dataclass(frozen=True)
class Edges:
    """The edges of a mesh, each once.

    Attributes:
        vertices: ``(E, 2)`` int32, the smaller vertex number first.
        of_faces: ``(M, 3)`` int32, number of the edge from corner k to corner k + 1.
        counts: ``(E,)`` int32, how many faces use the edge: 2 inside a manifold, 1 at a border.
        balance: ``(E,)`` int32, faces that run along the edge upwards minus those that run downwards: 0 where two faces agree.
    """

    vertices: np.ndarray
    of_faces: np.ndarray
    counts: np.ndarray
    balance: np.ndarray


def edges(faces: np.ndarray) -> Edges:
    """Finds the edges of ``(M, 3)`` faces; they come in the order of their smaller vertex."""
    numbers = np.ascontiguousarray(faces, np.int32)
    count = int(numbers.max()) + 1 if numbers.size else 0
    vertices = np.empty((numbers.size, 2), np.int32)
    of_faces = np.empty((len(numbers), 3), np.int32)
    counts, balance = np.zeros(numbers.size, np.int32), np.zeros(numbers.size, np.int32)
    found = _edges(numbers, count, vertices, of_faces, counts, balance)
    return Edges(vertices[:found], of_faces, counts[:found], balance[:found])


def repeated(faces: np.ndarray) -> np.ndarray:
    """``(M,)`` int64: the first face with the same three vertices as this one if that is an earlier one, else -1."""
    numbers = np.ascontiguousarray(faces, np.int32)
    result = np.full(len(numbers), -1, np.int64)
    _repeated(np.sort(numbers, 1), int(numbers.max()) + 1 if numbers.size else 0, result)
    return result


def neighbours(faces: np.ndarray, found: Edges | None = None) -> np.ndarray:
    """``(M, 3)`` int32: the face across the edge from corner k to k + 1; -1 at borders and where more than two faces meet."""
    one, other = pairs(found or edges(faces)).T
    result = np.full(faces.size, -1, np.int32)
    result[one], result[other] = other // 3, one // 3
    return result.reshape(-1, 3)


def pairs(found: Edges) -> np.ndarray:
    """``(P, 2)`` int64: where an edge that exactly two faces share begins in each of them, as 3 * face + corner, ascending."""
    flat = found.of_faces.ravel()
    order = np.argsort(flat, kind="stable")
    return order[(found.counts == 2)[flat[order]]].reshape(-1, 2)


def parts(vertex_count: int, faces: np.ndarray) -> np.ndarray:
    """``(vertex_count,)`` int32: for each vertex the smallest number among those that faces connect it with."""
    roots = np.arange(vertex_count, dtype=np.int32)
    unite(faces, roots)
    return roots


def describe(vertex_count: int, faces: np.ndarray) -> dict[str, int | bool]:
    """What a person wants to know of a mesh's topology before it is used.

    Returns:
        ``faces``, ``vertices``, ``components`` (connected through vertices), ``open_edges``, ``non_manifold_edges`` (three faces or
        more), ``flipped_edges`` (two faces that disagree which side is out) and ``watertight`` (none of these three).
    """
    found = edges(faces)
    used = np.unique(faces)
    _, components = large_components(vertex_count, faces, 1)
    opened, crowded = int((found.counts == 1).sum()), int((found.counts > 2).sum())
    flipped = int(((found.counts == 2) & (found.balance != 0)).sum())
    return {
        "faces": len(faces),
        "vertices": len(used),
        "components": components,
        "open_edges": opened,
        "non_manifold_edges": crowded,
        "flipped_edges": flipped,
        "watertight": bool(len(faces)) and not opened and not crowded and not flipped,
    }


def face_vectors(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """``(M, 3)`` float64: along each face's normal, twice its area long."""
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    return np.cross(b - a, c - a)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """``(N, 3)`` float32, unit length: the mean of the faces around, by area; +z for a vertex without faces."""
    vectors = face_vectors(vertices, faces)
    total = np.zeros((len(vertices), 3))
    for k in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(faces[:, k], vectors[:, axis], len(vertices))
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 0, total / np.maximum(length, 1e-300), (0.0, 0.0, 1.0)).astype(np.float32)


def detail(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Median edge length in scene units: for a fused surface about the size of a voxel."""
    if not len(faces):
        return 0.0
    some = faces[:: max(1, len(faces) // 20000)]
    return float(np.median(np.linalg.norm(vertices[some[:, 0]].astype(np.float64) - vertices[some[:, 1]], axis=1)))


@kernel()
def _edges(faces: np.ndarray, count: int, vertices: np.ndarray, of_faces: np.ndarray, counts: np.ndarray, balance: np.ndarray) -> int:
    """Corners sorted into buckets by the smaller end of their edge; a bucket holds a handful."""
    starts = np.zeros(count + 1, np.int64)
    for f in range(len(faces)):
        for k in range(3):
            starts[min(faces[f, k], faces[f, (k + 1) % 3]) + 1] += 1
    for v in range(count):
        starts[v + 1] += starts[v]
    fill = starts[:-1].copy()
    corners = np.empty(3 * len(faces), np.int64)
    for f in range(len(faces)):
        for k in range(3):
            low = min(faces[f, k], faces[f, (k + 1) % 3])
            corners[fill[low]] = 3 * f + k
            fill[low] += 1
    found = 0
    for v in range(count):
        first = found
        for i in range(starts[v], starts[v + 1]):
            f, k = corners[i] // 3, corners[i] % 3
            a, b = faces[f, k], faces[f, (k + 1) % 3]
            high = max(a, b)
            e = first
            while e < found and vertices[e, 1] != high:
                e += 1
            if e == found:
                vertices[e, 0], vertices[e, 1] = v, high
                found += 1
            of_faces[f, k] = e
            counts[e] += 1
            balance[e] += 1 if a < b else -1
    return found


@kernel()
def _repeated(sorted_faces: np.ndarray, count: int, result: np.ndarray) -> None:
    first = np.full(count, -1, np.int64)  # chains of faces by their smallest vertex
    following = np.full(len(sorted_faces), -1, np.int64)
    for f in range(len(sorted_faces)):
        v = sorted_faces[f, 0]
        other = first[v]
        while other >= 0:
            if sorted_faces[other, 1] == sorted_faces[f, 1] and sorted_faces[other, 2] == sorted_faces[f, 2]:
                result[f] = other
                break
            other = following[other]
        if result[f] < 0:
            following[f] = first[v]
            first[v] = f


def large_components(vertex_count: int, faces: np.ndarray, minimum: int) -> tuple[np.ndarray, int]:
    """Which faces belong to a connected part of at least ``minimum`` triangles, and how many such parts there are."""
    roots = np.arange(vertex_count, dtype=np.int32)
    unite(faces, roots)
    sizes = np.bincount(roots[faces[:, 0]], minlength=vertex_count) if len(faces) else np.zeros(0, np.int64)
    kept = sizes >= max(minimum, 1)
    return kept[roots[faces[:, 0]]] if len(faces) else np.zeros(0, bool), int(kept.sum())


@kernel()
def unite(faces: np.ndarray, roots: np.ndarray) -> None:
    """Gives each vertex the smallest number of its connected part, ``roots`` ``(N,)`` int32 from 0 on: union-find with path halving."""
    for f in range(len(faces)):
        a = faces[f, 0]
        while roots[a] != a:
            roots[a] = roots[roots[a]]
            a = roots[a]
        for k in range(1, 3):
            b = faces[f, k]
            while roots[b] != b:
                roots[b] = roots[roots[b]]
                b = roots[b]
            if a < b:
                roots[b] = a
            else:
                roots[a] = b
                a = b
    for v in range(len(roots)):
        roots[v] = roots[roots[v]]

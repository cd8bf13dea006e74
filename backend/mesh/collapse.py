"""Edge collapse in order of error that keeps topology and borders: the last and careful stage of ``simplify.py``.

Garland and Heckbert, "Surface Simplification Using Quadric Error Metrics" (SIGGRAPH 1997), with planes across open edges so that
borders keep their place, the link condition of Dey et al. ("Topology Preserving Edge Contraction", 1999) so that a manifold stays one,
and a weak pull to where vertices were so that flat positions get well-shaped triangles.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from ...shared.values import Mesh
from ..core.compiled import Real, kernel
from . import topology
from .clean import select

_BORDER = 10.0
"""Weight of the planes across open edges against the faces' own."""
_PULL = 1e-5
"""Squared distance between positions in a plane against squared distance to the plane: 10 cm along a wall cost as much as 0.3 mm off it."""
_TURN = 0.3
"""Cosine of how far a face may turn in one collapse."""


def collapse(vertices: np.ndarray, faces: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Collapses edges until at most ``target`` faces are left or none can go.

    Args:
        vertices: ``(N, 3)`` float64.
        faces: ``(M, 3)`` int32.
        target: Faces.

    Returns:
        Vertices ``(K, 3)`` float64 and faces ``(L, 3)`` int32. A closed manifold stays one.
    """
    points, numbers = np.array(vertices, np.float64), np.array(faces, np.int32)
    found = topology.edges(numbers)
    vectors = topology.face_vectors(points, numbers)
    quadrics = np.zeros((len(points), 10))
    _planes(points, numbers, vectors, found.counts[found.of_faces] == 1, _BORDER, _PULL, quadrics)
    alive = np.ones(len(numbers), np.bool_)
    border = np.zeros(len(points), np.bool_)
    border[found.vertices[found.counts == 1]] = True
    locked = np.zeros(len(points), np.bool_)  # more than two faces at an edge: left alone
    locked[found.vertices[found.counts > 2]] = True
    _run(points, numbers, quadrics, found.vertices, border, locked, alive, target, _TURN)
    left = select(Mesh(points, numbers), alive)
    return left.vertices, left.faces


@kernel()
def _add_plane(quadric: np.ndarray, nx: Real, ny: Real, nz: Real, d: Real, weight: Real) -> None:
    quadric[0] += weight * nx * nx
    quadric[1] += weight * nx * ny
    quadric[2] += weight * nx * nz
    quadric[3] += weight * nx * d
    quadric[4] += weight * ny * ny
    quadric[5] += weight * ny * nz
    quadric[6] += weight * ny * d
    quadric[7] += weight * nz * nz
    quadric[8] += weight * nz * d
    quadric[9] += weight * d * d


@kernel()
def _planes(
    points: np.ndarray, faces: np.ndarray, vectors: np.ndarray, opened: np.ndarray, border: Real, pull: Real, quadrics: np.ndarray,
) -> None:  # fmt: skip
    for f in range(len(faces)):
        n = vectors[f]
        length = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
        if not length > 0:
            continue
        n = n / length
        p = points[faces[f, 0]]
        d = -(n[0] * p[0] + n[1] * p[1] + n[2] * p[2])
        for k in range(3):
            q = quadrics[faces[f, k]]
            _add_plane(q, n[0], n[1], n[2], d, length)
            at = points[faces[f, k]]
            _add_plane(q, 1.0, 0.0, 0.0, -at[0], pull * length)
            _add_plane(q, 0.0, 1.0, 0.0, -at[1], pull * length)
            _add_plane(q, 0.0, 0.0, 1.0, -at[2], pull * length)
            if opened[f, k]:
                other = faces[f, (k + 1) % 3]
                e = points[other] - at
                m = np.array([e[1] * n[2] - e[2] * n[1], e[2] * n[0] - e[0] * n[2], e[0] * n[1] - e[1] * n[0]])
                size = np.sqrt(m[0] * m[0] + m[1] * m[1] + m[2] * m[2])
                if size > 0:
                    m = m / size
                    d_border = -(m[0] * at[0] + m[1] * at[1] + m[2] * at[2])
                    _add_plane(q, m[0], m[1], m[2], d_border, border * size * size)
                    _add_plane(quadrics[other], m[0], m[1], m[2], d_border, border * size * size)


@kernel()
def _error(q: np.ndarray, x: Real, y: Real, z: Real) -> Real:
    return (
        q[0] * x * x + 2 * q[1] * x * y + 2 * q[2] * x * z + 2 * q[3] * x + q[4] * y * y + 2 * q[5] * y * z + 2 * q[6] * y
        + q[7] * z * z + 2 * q[8] * z + q[9]
    )  # fmt: skip


@kernel()
def _best(q: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Real:
    """Where to put the vertex of a collapsed edge, in ``out``; gives its error."""
    c00, c01, c02 = q[4] * q[7] - q[5] * q[5], q[2] * q[5] - q[1] * q[7], q[1] * q[5] - q[2] * q[4]
    determinant = q[0] * c00 + q[1] * c01 + q[2] * c02
    trace = q[0] + q[4] + q[7]
    best = np.inf
    if abs(determinant) > 1e-12 * trace * trace * trace:
        x = -(c00 * q[3] + c01 * q[6] + c02 * q[8]) / determinant
        y = -(c01 * q[3] + (q[0] * q[7] - q[2] * q[2]) * q[6] + (q[1] * q[2] - q[0] * q[5]) * q[8]) / determinant
        z = -(c02 * q[3] + (q[1] * q[2] - q[0] * q[5]) * q[6] + (q[0] * q[4] - q[1] * q[1]) * q[8]) / determinant
        length = (b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2 + (b[2] - a[2]) ** 2
        off = (x - 0.5 * (a[0] + b[0])) ** 2 + (y - 0.5 * (a[1] + b[1])) ** 2 + (z - 0.5 * (a[2] + b[2])) ** 2
        if off < 4 * length:
            out[0], out[1], out[2] = x, y, z
            best = _error(q, x, y, z)
    if best == np.inf:
        for t in (0.5, 0.0, 1.0):
            x, y, z = a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])
            e = _error(q, x, y, z)
            if e < best:
                best = e
                out[0], out[1], out[2] = x, y, z
    return max(best, 0.0)


@kernel()
def _turns(
    points: np.ndarray, faces: np.ndarray, alive: np.ndarray, first: np.ndarray, following: np.ndarray, u: int, v: int,
    at: np.ndarray, turn: Real,
) -> bool:  # fmt: skip
    """Whether moving u to ``at`` (v going away) would turn a face of u over or squeeze it to nothing."""
    corner = first[u]
    while corner >= 0:
        f, k = corner // 3, corner % 3
        corner = following[corner]
        if not alive[f]:
            continue
        a, b = faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
        if v in (a, b):
            continue
        p, q, r = points[u], points[a], points[b]
        ox = (q[1] - p[1]) * (r[2] - p[2]) - (q[2] - p[2]) * (r[1] - p[1])
        oy = (q[2] - p[2]) * (r[0] - p[0]) - (q[0] - p[0]) * (r[2] - p[2])
        oz = (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
        nx = (q[1] - at[1]) * (r[2] - at[2]) - (q[2] - at[2]) * (r[1] - at[1])
        ny = (q[2] - at[2]) * (r[0] - at[0]) - (q[0] - at[0]) * (r[2] - at[2])
        nz = (q[0] - at[0]) * (r[1] - at[1]) - (q[1] - at[1]) * (r[0] - at[0])
        old, new = np.sqrt(ox * ox + oy * oy + oz * oz), np.sqrt(nx * nx + ny * ny + nz * nz)
        longest = max(
            (q[0] - at[0]) ** 2 + (q[1] - at[1]) ** 2 + (q[2] - at[2]) ** 2,
            (r[0] - at[0]) ** 2 + (r[1] - at[1]) ** 2 + (r[2] - at[2]) ** 2,
            (r[0] - q[0]) ** 2 + (r[1] - q[1]) ** 2 + (r[2] - q[2]) ** 2,
        )
        if new <= 0.02 * longest and new < old:
            return True
        if ox * nx + oy * ny + oz * nz < turn * old * new:
            return True
    return False


@kernel()
def _push(heap: list[Any], points: np.ndarray, quadrics: np.ndarray, version: np.ndarray, u: int, v: int, out: np.ndarray) -> None:
    cost = _best(quadrics[u] + quadrics[v], points[u], points[v], out)
    heapq.heappush(heap, (cost, np.int64(u), np.int64(v), np.int64(version[u]), np.int64(version[v])))


@kernel()
def _run(
    points: np.ndarray, faces: np.ndarray, quadrics: np.ndarray, edges: np.ndarray, border: np.ndarray, locked: np.ndarray,
    alive: np.ndarray, target: int, turn: Real,
) -> None:  # fmt: skip
    """Long: one loop over the heap, whose state is in a dozen arrays and counters that parts would have to hand back and forth."""
    count = len(points)
    first = np.full(count, -1, np.int64)  # chains of corners around each vertex
    last = np.full(count, -1, np.int64)
    following = np.full(3 * len(faces), -1, np.int64)
    for corner in range(3 * len(faces)):
        v = faces[corner // 3, corner % 3]
        if first[v] < 0:
            first[v] = corner
        else:
            following[last[v]] = corner
        last[v] = corner
    version = np.zeros(count, np.int64)
    mark = np.zeros(count, np.int64)
    stamp = 0
    out = np.empty(3)
    heap = [(np.inf, np.int64(0), np.int64(0), np.int64(-1), np.int64(-1))]
    for e in range(len(edges)):
        if not locked[edges[e, 0]] and not locked[edges[e, 1]]:
            _push(heap, points, quadrics, version, edges[e, 0], edges[e, 1], out)
    left = len(faces)
    while left > target and len(heap):
        cost, u, v, version_u, version_v = heapq.heappop(heap)
        if version_u != version[u] or version_v != version[v] or cost == np.inf:
            continue
        # Link condition: the ends share exactly the tips of the faces at the edge.
        stamp += 2
        corner, shared = first[u], 0
        while corner >= 0:
            f = corner // 3
            corner = following[corner]
            if alive[f]:
                for k in range(3):
                    mark[faces[f, k]] = stamp
                    shared += faces[f, k] == v
        common = 0
        corner = first[v]
        while corner >= 0:
            f = corner // 3
            corner = following[corner]
            if alive[f]:
                for k in range(3):
                    w = faces[f, k]
                    if mark[w] == stamp and w != u and w != v:
                        common += 1
                        mark[w] = stamp + 1
        if shared == 0 or common != shared or (shared == 2 and border[u] and border[v]):
            continue
        _best(quadrics[u] + quadrics[v], points[u], points[v], out)
        at = out.copy()
        if _turns(points, faces, alive, first, following, u, v, at, turn) or _turns(points, faces, alive, first, following, v, u, at, turn):
            continue
        points[u] = at
        quadrics[u] += quadrics[v]
        border[u] = border[u] or border[v]
        version[u] += 1
        version[v] = -1
        corner = first[v]
        while corner >= 0:
            f, k = corner // 3, corner % 3
            corner = following[corner]
            if alive[f]:
                if u in (faces[f, 0], faces[f, 1], faces[f, 2]):
                    alive[f] = False
                    left -= 1
                else:
                    faces[f, k] = u
        following[last[u]] = first[v]
        last[u] = last[v]
        # Drop dead corners on the way, so that chains do not grow, and queue the edges around.
        stamp += 2
        previous, corner = np.int64(-1), first[u]
        while corner >= 0:
            f, after = corner // 3, following[corner]
            if alive[f]:
                previous = corner
                for k in range(3):
                    w = faces[f, k]
                    if w != u and mark[w] != stamp:
                        mark[w] = stamp
                        if not locked[w]:
                            _push(heap, points, quadrics, version, u, w, out)
            elif previous < 0:
                first[u] = after
            else:
                following[previous] = after
            corner = after
        last[u] = previous

"""The triangles of marching cubes, derived rather than tabulated.

Corner ``c`` of a cell is at ``(c & 1, c >> 1 & 1, c >> 2)``; bit ``c`` of a case is set when that corner is inside (negative).
Edge ``4 * axis + n`` runs along ``axis`` from corner ``EDGE_CORNERS[4 * axis + n, 0]``.

On each face of the cell the surface is a set of directed segments; on an ambiguous face (four crossings) every inside corner is cut
off by itself. The rule looks at nothing but the face, so the two cells that share it agree and the surface has no holes, which the
original tables (Lorensen and Cline 1987) do not promise (Nielson and Hamann 1991). The segments of a case chain into loops, and each
loop becomes a fan of triangles.
"""

from __future__ import annotations

import itertools

import numpy as np

EDGE_CORNERS = np.array([[c, c | 1 << axis] for axis in range(3) for c in range(8) if not c >> axis & 1], np.int32)
"""``(12, 2)`` int32: the two corners of each edge, lower first."""


def _faces() -> list[list[int]]:
    """The corners of each face, counter-clockwise seen from outside the cell."""
    faces = []
    for axis in range(3):
        b, c = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        ring = [0, b, b | c, c]
        faces += [[k | 1 << axis for k in ring], ring[::-1]]
    return faces


_FACES = _faces()
_EDGE_OF = {frozenset(map(int, pair)): e for e, pair in enumerate(EDGE_CORNERS)}
_FACE_EDGES = [{_EDGE_OF[frozenset((f[k], f[(k + 1) % 4]))] for k in range(4)} for f in _FACES]


def _loops(case: int) -> list[list[int]]:
    following: dict[int, int] = {}
    for face in _FACES:
        inside = [case >> corner & 1 for corner in face]
        for start in range(4):
            if inside[start] or not inside[(start + 1) % 4]:
                continue
            stop = (start + 1) % 4
            while inside[(stop + 1) % 4]:
                stop = (stop + 1) % 4
            enter = _EDGE_OF[frozenset((face[start], face[(start + 1) % 4]))]
            leave = _EDGE_OF[frozenset((face[stop], face[(stop + 1) % 4]))]
            following[enter] = leave
    loops = []
    while following:
        first, edge = next(iter(following.items()))
        loop = [first]
        del following[first]
        while edge != first:
            loop.append(edge)
            edge = following.pop(edge)
        loops.append(loop)
    return loops


def _fan(loop: list[int]) -> list[tuple[int, int, int]]:
    """Triangles of a loop, from the corner that puts the fewest diagonals into a face of the cell (the neighbour may have one there)."""

    def diagonals_in_faces(ring: list[int]) -> int:
        return sum(any({ring[0], other} <= edges for edges in _FACE_EDGES) for other in ring[2:-1])

    ring = min((loop[k:] + loop[:k] for k in range(len(loop))), key=diagonals_in_faces)
    return [(ring[0], ring[k], ring[k + 1]) for k in range(1, len(ring) - 1)]


def _triangles() -> tuple[np.ndarray, np.ndarray]:
    cases = [list(itertools.chain.from_iterable(_fan(loop) for loop in _loops(case))) for case in range(256)]
    table = np.full((256, max(map(len, cases)), 3), -1, np.int8)
    for case, triangles in enumerate(cases):
        table[case, : len(triangles)] = np.array(triangles, np.int8).reshape(-1, 3)
    return table, np.array([len(t) for t in cases], np.int32)


TRIANGLES, TRIANGLE_COUNTS = _triangles()
"""``(256, K, 3)`` int8 edges of each triangle, counter-clockwise seen from the positive side, and ``(256,)`` how many there are."""

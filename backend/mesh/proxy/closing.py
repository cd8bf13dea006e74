"""A closed stand-in for a mesh with holes: watertight, manifold, one piece.

The distance to the mesh is sampled on a grid, and how much the mesh encloses each node. What can be reached from outside, or from where
cameras stood, without entering what is mostly enclosed and through gaps that are not too narrow, is free; everything else, and a thin
skin around the mesh, is solid: an object whose underside nobody saw is closed there, an open wall becomes a thin slab, a room keeps its
inside. The border of the solid is extracted by marching cubes, moved back onto the mesh and simplified without changing its topology.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ....shared.errors import InputError
from ....shared.values import Mesh
from ...core.compiled import kernel
from .. import topology
from ..clean import select
from ..collapse import collapse
from ..marching_tables import EDGE_CORNERS, TRIANGLE_COUNTS, TRIANGLES
from ..nearest import nearest_points
from ..simplify import simplify
from . import grid

_MOST_CELLS = 16_000_000
_SKIN = 0.6
"""Thickness of the skin on each side of the mesh, in cells: less lets marching cubes slip through."""
_GAP = 1.6
"""Openings narrower than twice this many cells are closed."""
_STEEP = 8.0
"""Cells that enclosure changes by where it goes from 0 to 1: only smooths the caps over holes."""
_BACK = 0.8
"""Part of the skin's thickness that is taken off again."""
_FINE = 12.0
"""Triangles before simplification for each one that is wanted."""
_LARGEST_INPUT = 200_000


def proxy(
    mesh: Mesh,
    faces: int,
    centres: np.ndarray | None = None,
    progress: Callable[[float], None] = lambda fraction: None,
    parts: bool = False,
) -> tuple[Mesh, dict[str, object]]:
    """Makes the stand-in.

    Long: the steps in a row, each a call.

    Args:
        mesh: Any mesh with faces, with holes or without.
        faces: About how many triangles the result has.
        centres: ``(E, 3)``: points known to be free, such as camera centres; they open rooms that are closed all around.
        progress: Called with 0..1 between steps.
        parts: Keep all separate pieces instead of the one that follows most of the mesh.

    Returns:
        A mesh with normals, and a report: ``topology.describe`` with ``cell`` (the grid's, scene units) and ``left_out`` (the part of
        the mesh's area that belongs to pieces which were dropped).

    Raises:
        InputError: The mesh has no extent.
    """
    source = simplify(mesh, _LARGEST_INPUT)
    low, high = source.vertices.min(0).astype(np.float64), source.vertices.max(0).astype(np.float64)
    area = 0.5 * float(np.linalg.norm(topology.face_vectors(source.vertices, source.faces), axis=1).sum())
    extent = high - low
    if not area > 0 or not extent.max() > 0:
        raise InputError(expected="a mesh with an area, for a proxy", got="one without", fix="Check the mesh")
    cell = max(float(np.sqrt(4 * area / (_FINE * faces))), float(extent.max()) / 400)
    margin = _GAP + 3
    while np.prod(np.ceil(extent / cell) + 2 * margin) > _MOST_CELLS:
        cell *= 1.1
    z, y, x = (int(n) for n in (np.ceil(extent / cell) + 2 * margin + 1)[::-1])
    shape = (z, y, x)
    progress(0.1)
    for attempt in range(4):  # a grid in another place, should cells meet at an edge
        origin = low - (margin + 0.13 * attempt) * cell
        places = (source.vertices - origin) / cell
        distance = grid.distances(places, source.faces, shape, _GAP + 0.5)
        progress(0.3)
        enclosed = grid.inside(places, source.faces, shape)
        progress(0.5)
        field = _field(distance, enclosed, _seeds(distance, origin, cell, centres))
        points, triangles = surface(field)
        if not (topology.edges(triangles).counts > 2).any():
            break
    progress(0.6)
    points = points * cell + origin
    points, triangles, left_out = _pick(points, triangles, source, area, parts)
    points = _moved_back(points, triangles, distance, origin, cell)
    progress(0.75)
    points, triangles = collapse(points, triangles, faces)
    result = Mesh(points.astype(np.float32), triangles, topology.vertex_normals(points, triangles))
    progress(1.0)
    report: dict[str, object] = {
        **topology.describe(len(result.vertices), result.faces),
        "cell": float(f"{cell:.4g}"),
        "left_out": round(left_out, 4),
    }
    return result, report


def surface(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The zero level of a dense field.

    Args:
        field: ``(Z, Y, X)`` float32, negative inside, positive all around the border.

    Returns:
        Vertices ``(N, 3)`` float64 (x, y, z in steps of the grid) and faces ``(M, 3)`` int32, counter-clockwise from outside.
    """
    crossings = np.zeros((3, *field.shape), bool)
    negative = field < 0
    crossings[0][:, :, :-1] = negative[:, :, :-1] != negative[:, :, 1:]
    crossings[1][:, :-1] = negative[:, :-1] != negative[:, 1:]
    crossings[2][:-1] = negative[:-1] != negative[1:]
    numbers = np.cumsum(crossings.ravel(), dtype=np.int32).reshape(crossings.shape) - np.int32(1)
    axis, z, y, x = np.nonzero(crossings)
    here = field[z, y, x].astype(np.float64)
    there = field[z + (axis == 2), y + (axis == 1), x + (axis == 0)]
    t = np.clip(here / (here - there), 0.01, 0.99)
    vertices = np.stack([x + t * (axis == 0), y + t * (axis == 1), z + t * (axis == 2)], 1)
    case = np.zeros(tuple(n - 1 for n in field.shape), np.uint8)
    for corner in range(8):
        part = tuple(slice(corner >> k & 1, field.shape[2 - k] - 1 + (corner >> k & 1)) for k in (2, 1, 0))
        case |= negative[part].astype(np.uint8) << np.uint8(corner)
    cells = np.argwhere(TRIANGLE_COUNTS[case] > 0)
    faces = np.empty((int(TRIANGLE_COUNTS[case].sum()), 3), np.int32)
    _march(cells, case, numbers, TRIANGLES, TRIANGLE_COUNTS, EDGE_CORNERS, faces)
    return vertices, faces


def _field(distance: np.ndarray, enclosed: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Positive where free, about in cells: zero at the skin, and where half enclosed."""
    free = np.zeros(distance.shape, np.bool_)
    opening = _STEEP * (np.float32(0.5) - enclosed)  # positive where mostly open
    _flood((distance >= _GAP) & (opening > 0), seeds, free)
    _grow_back((distance > _SKIN) & (opening > 0), free, int(np.ceil(_GAP)) + 1)
    skin = distance - np.float32(_SKIN)
    outside = np.clip(np.minimum(skin, opening), 1e-3, 1)
    solid = np.where(opening < 0, np.clip(opening, -1, -1e-3), np.float32(-1))
    return np.where(free, outside, np.where(skin <= 0, np.minimum(skin, -1e-3), solid)).astype(np.float32)


def _seeds(distance: np.ndarray, origin: np.ndarray, cell: float, centres: np.ndarray | None) -> np.ndarray:
    """Corner of the grid, and the cells of the centres that are clear of the mesh; ``(S, 3)`` int64 z, y, x."""
    seeds = [np.zeros((1, 3), np.int64)]
    if centres is not None and len(centres):
        at = np.rint((centres - origin) / cell).astype(np.int64)[:, ::-1]
        seeds.append(at[((at >= 0) & (at < distance.shape)).all(1)])
    return np.concatenate(seeds)


def _pick(points: np.ndarray, faces: np.ndarray, source: Mesh, area: float, parts: bool) -> tuple[np.ndarray, np.ndarray, float]:
    """The piece that follows most of the mesh, on the side that the mesh faces; and the part of the area of what other pieces follow."""
    piece = topology.parts(len(points), faces)[faces[:, 0]]
    normals = topology.vertex_normals(source.vertices, source.faces)
    vectors = topology.face_vectors(points, faces)
    near = normals[nearest_points(source.vertices, points[faces].mean(1))]
    length = np.linalg.norm(vectors, axis=1)
    follows = (vectors * near).sum(1) > 0.3 * length
    share = np.bincount(piece, 0.5 * length * follows, len(points))
    keep = piece == int(share.argmax()) if not parts else share[piece] > 1e-3 * area
    left_out = 1 - float(share[np.unique(piece[keep])].sum() / max(share.sum(), 1e-300))
    kept = select(Mesh(points, faces), keep)
    return kept.vertices, kept.faces, left_out


def _moved_back(points: np.ndarray, faces: np.ndarray, distance: np.ndarray, origin: np.ndarray, cell: float) -> np.ndarray:
    """Takes most of the skin off again where there is a skin: along the surface's normals, so that nothing turns over."""
    normals = topology.vertex_normals(points, faces).astype(np.float64)
    field = np.clip((points - origin) / cell, 0, np.array(distance.shape[::-1]) - 1)
    at = np.rint(field).astype(np.int64)
    skin = distance[at[:, 2], at[:, 1], at[:, 0]] < _SKIN + 0.9
    return points - normals * np.where(skin, _BACK * _SKIN * cell, 0.0)[:, None]


@kernel()
def _flood(passable: np.ndarray, seeds: np.ndarray, free: np.ndarray) -> None:
    depth, height, width = free.shape
    stack = np.empty((free.size, 3), np.int32)
    count = 0
    for s in range(len(seeds)):
        z, y, x = seeds[s, 0], seeds[s, 1], seeds[s, 2]
        if passable[z, y, x] and not free[z, y, x]:
            free[z, y, x] = True
            stack[count, 0], stack[count, 1], stack[count, 2] = z, y, x
            count += 1
    while count > 0:
        count -= 1
        z, y, x = stack[count, 0], stack[count, 1], stack[count, 2]
        for k in range(6):
            a = z + (1 if k == 0 else -1 if k == 1 else 0)
            b = y + (1 if k == 2 else -1 if k == 3 else 0)
            c = x + (1 if k == 4 else -1 if k == 5 else 0)
            if 0 <= a < depth and 0 <= b < height and 0 <= c < width and passable[a, b, c] and not free[a, b, c]:
                free[a, b, c] = True
                stack[count, 0], stack[count, 1], stack[count, 2] = a, b, c
                count += 1


def _grow_back(passable: np.ndarray, free: np.ndarray, steps: int) -> None:
    """Gives back what the closing of gaps took from free space, without passing through the skin; in place."""
    for _ in range(steps):
        grown = free.copy()
        grown[1:] |= free[:-1]
        grown[:-1] |= free[1:]
        grown[:, 1:] |= free[:, :-1]
        grown[:, :-1] |= free[:, 1:]
        grown[:, :, 1:] |= free[:, :, :-1]
        grown[:, :, :-1] |= free[:, :, 1:]
        free |= grown & passable


@kernel()
def _march(
    cells: np.ndarray, case: np.ndarray, numbers: np.ndarray, triangles: np.ndarray, counts: np.ndarray, edge_corners: np.ndarray,
    faces: np.ndarray,
) -> None:  # fmt: skip
    n = 0
    for i in range(len(cells)):
        z, y, x = cells[i, 0], cells[i, 1], cells[i, 2]
        kind = case[z, y, x]
        for t in range(counts[kind]):
            for k in range(3):
                edge = triangles[kind, t, k]
                corner = edge_corners[edge, 0]
                faces[n, k] = numbers[edge // 4, z + (corner >> 2), y + (corner >> 1 & 1), x + (corner & 1)]
            n += 1

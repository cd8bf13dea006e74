"""Marching cubes over sparse blocks: welded vertices, no cracks between blocks, nothing where nothing was seen.

Lorensen and Cline, "Marching Cubes" (SIGGRAPH 1987), with the triangles of ``marching_tables``. A vertex belongs to the voxel
at the lower end of its edge, so each has one number; a block finds its neighbours' vertices by counting bits. Blocks are independent in
both passes and run in parallel, with the same result for any number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

from ...core.compiled import Real, kernel
from ...mesh.marching_tables import EDGE_CORNERS, TRIANGLE_COUNTS, TRIANGLES
from .blocks import DISTANCE_ONE, EDGE, VOXELS, Blocks

_CORNER = np.array([[c & 1, c >> 1 & 1, c >> 2] for c in range(8)], np.int32)
_EDGE_OWNER = np.array([[*_CORNER[EDGE_CORNERS[e, 0]], e // 4] for e in range(12)], np.int32)
"""``(12, 4)``: offset of the voxel that owns the edge, and the edge's axis."""
_BITS = np.array([bin(n).count("1") for n in range(8)], np.int32)
_PAD = EDGE + 3
"""A block with one voxel below and two above, for gradients at all corners of its cells."""
_SNAP = 1e-3
"""Vertices keep this part of an edge away from its ends, so that no triangle degenerates to a point."""


def extract(blocks: Blocks, voxel: float, truncation: float, max_jump: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The zero level of the field as a mesh.

    Args:
        blocks: The fused volume.
        voxel: Edge of a voxel in scene units.
        truncation: Truncation distance in voxels.
        max_jump: Largest difference of the field along a crossed edge, in voxels. A distance field changes by at most 1;
            where it changes by much more, a silhouette is between seen and unseen space, and no surface.

    Returns:
        Vertices ``(N, 3)`` float32 in world space, unit normals ``(N, 3)`` float32 from the field's gradient, and faces
        ``(M, 3)`` int32, counter-clockwise seen from outside.
    """
    count = blocks.count
    neighbours = blocks.neighbours()
    masks = np.zeros((count, VOXELS), np.uint8)
    row_starts = np.zeros((count, VOXELS // EDGE), np.uint16)
    vertex_counts = np.zeros(count, np.int64)
    triangle_counts = np.zeros(count, np.int64)
    step = np.float32(truncation / DISTANCE_ONE)
    jump = np.float32(max_jump)
    _count(blocks.distance, blocks.weight, neighbours, step, jump, masks, row_starts, vertex_counts, triangle_counts)
    vertex_starts = np.concatenate([[0], np.cumsum(vertex_counts)])
    triangle_starts = np.concatenate([[0], np.cumsum(triangle_counts)])
    vertices = np.empty((vertex_starts[-1], 3), np.float32)
    normals = np.empty((vertex_starts[-1], 3), np.float32)
    faces = np.empty((triangle_starts[-1], 3), np.int32)
    _fill(
        blocks.distance, blocks.weight, neighbours, step, jump, masks, row_starts, vertex_starts, triangle_starts,
        blocks.coordinates, voxel, vertices, normals, faces,
    )  # fmt: skip
    return compact(vertices, normals, faces, np.ones(len(faces), bool))


def compact(vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keeps some faces and the vertices that they use, in their order."""
    faces = faces[keep] if not keep.all() else faces
    used = np.zeros(len(vertices), bool)
    used[faces.ravel()] = True
    if used.all():
        return vertices, normals, faces
    number = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return vertices[used], normals[used], number[faces]


@kernel()
def _load(
    distance: np.ndarray, weight: np.ndarray, neighbours: np.ndarray, block: int, step: Real, low: int, high: int, field: np.ndarray,
) -> None:  # fmt: skip
    """Voxels low..high-1 of a block and its neighbours, in voxels of distance; NaN where nothing was observed."""
    for z in range(low, high):
        for y in range(low, high):
            for x in range(low, high):
                other = neighbours[block, ((x >> 3) + 1) + 3 * ((y >> 3) + 1) + 9 * ((z >> 3) + 1)]
                value = np.float32(np.nan)
                if other >= 0:
                    i = (x & 7) + 8 * (y & 7) + 64 * (z & 7)
                    if weight[other, i] > 0:
                        value = np.float32(distance[other, i]) * step
                field[z - low, y - low, x - low] = value


@kernel()
def _case(field: np.ndarray, x: int, y: int, z: int, jump: Real) -> int:
    """Case of the cell with its low corner at field[z, y, x]; 0 (empty) if a corner is unobserved or the field jumps."""
    case = 0
    low = np.float32(np.inf)
    high = np.float32(-np.inf)
    for c in range(8):
        value = field[z + (c >> 2), y + (c >> 1 & 1), x + (c & 1)]
        if value != value:  # NaN
            return 0
        low = min(low, value)
        high = max(high, value)
        if value < 0:
            case |= 1 << c
    if case != 0 and case != 255 and high - low > jump:
        for e in range(12):
            a, b = EDGE_CORNERS[e, 0], EDGE_CORNERS[e, 1]
            if (case >> a & 1) != (case >> b & 1):
                va = field[z + (a >> 2), y + (a >> 1 & 1), x + (a & 1)]
                vb = field[z + (b >> 2), y + (b >> 1 & 1), x + (b & 1)]
                if abs(va - vb) > jump:
                    return 0
    return case


@kernel(parallel=True)
def _count(
    distance: np.ndarray, weight: np.ndarray, neighbours: np.ndarray, step: Real, jump: Real, masks: np.ndarray,
    row_starts: np.ndarray, vertex_counts: np.ndarray, triangle_counts: np.ndarray,
) -> None:  # fmt: skip
    for block in numba.prange(len(neighbours)):
        low, high = np.int16(32767), np.int16(-32768)
        for i in range(VOXELS):
            low = min(low, distance[block, i])
            high = max(high, distance[block, i])
        crowd = False  # a crossing can only be here if the signs differ, or towards a neighbour above
        for k in range(8):
            other = neighbours[block, 13 + (k & 1) + 3 * (k >> 1 & 1) + 9 * (k >> 2)]
            if other >= 0 and not crowd:
                for i in range(VOXELS):
                    low = min(low, distance[other, i])
                    high = max(high, distance[other, i])
                crowd = bool(low < 0 <= high)
        if not crowd:
            continue
        field = np.empty((EDGE + 1, EDGE + 1, EDGE + 1), np.float32)
        _load(distance, weight, neighbours, block, step, 0, EDGE + 1, field)
        vertices, triangles = 0, 0
        for z in range(EDGE):
            for y in range(EDGE):
                row_starts[block, y + EDGE * z] = vertices
                for x in range(EDGE):
                    here = field[z, y, x]
                    mask = 0
                    for axis in range(3):
                        there = field[z + (axis == 2), y + (axis == 1), x + (axis == 0)]
                        if here == here and there == there and (here < 0) != (there < 0):
                            mask |= 1 << axis
                    masks[block, x + EDGE * y + EDGE * EDGE * z] = mask
                    vertices += _BITS[mask]
                    triangles += TRIANGLE_COUNTS[_case(field, x, y, z, jump)]
        vertex_counts[block] = vertices
        triangle_counts[block] = triangles


@kernel()
def _slope(field: np.ndarray, x: int, y: int, z: int, axis: int) -> Real:
    """Derivative at a voxel: central where both neighbours were observed, else one-sided."""
    here = field[z, y, x]
    before = field[z - (axis == 2), y - (axis == 1), x - (axis == 0)]
    after = field[z + (axis == 2), y + (axis == 1), x + (axis == 0)]
    if before == before and after == after:
        return (after - before) * np.float32(0.5)
    if after == after:
        return after - here
    if before == before:
        return here - before
    return np.float32(0)


@kernel(parallel=True)
def _fill(
    distance: np.ndarray, weight: np.ndarray, neighbours: np.ndarray, step: Real, jump: Real, masks: np.ndarray,
    row_starts: np.ndarray, vertex_starts: np.ndarray, triangle_starts: np.ndarray, coordinates: np.ndarray, voxel: Real,
    vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray,
) -> None:  # fmt: skip
    """Parameters: the volume, the tables of ``_count`` and the mesh as arrays of the kernel."""
    for block in numba.prange(len(neighbours)):
        if vertex_starts[block] == vertex_starts[block + 1] and triangle_starts[block] == triangle_starts[block + 1]:
            continue
        field = np.empty((_PAD, _PAD, _PAD), np.float32)
        _load(distance, weight, neighbours, block, step, -1, EDGE + 2, field)
        vertex = vertex_starts[block]
        triangle = triangle_starts[block]
        edges = np.empty(12, np.int64)
        for z in range(EDGE):
            for y in range(EDGE):
                for x in range(EDGE):
                    mask = masks[block, x + EDGE * y + EDGE * EDGE * z]
                    for axis in range(3):
                        if mask >> axis & 1:
                            dx, dy, dz = int(axis == 0), int(axis == 1), int(axis == 2)
                            here = field[z + 1, y + 1, x + 1]
                            t = here / (here - field[z + 1 + dz, y + 1 + dy, x + 1 + dx])
                            t = min(max(t, np.float32(_SNAP)), np.float32(1 - _SNAP))
                            vertices[vertex, 0] = voxel * (8 * coordinates[block, 0] + x + dx * t)
                            vertices[vertex, 1] = voxel * (8 * coordinates[block, 1] + y + dy * t)
                            vertices[vertex, 2] = voxel * (8 * coordinates[block, 2] + z + dz * t)
                            length = np.float32(0)
                            for k in range(3):
                                a = _slope(field, x + 1, y + 1, z + 1, k)
                                b = _slope(field, x + 1 + dx, y + 1 + dy, z + 1 + dz, k)
                                normals[vertex, k] = a + (b - a) * t
                                length += normals[vertex, k] ** 2
                            length = max(np.sqrt(length), np.float32(1e-12))
                            for k in range(3):
                                normals[vertex, k] /= length
                            vertex += 1
                    case = _case(field, x + 1, y + 1, z + 1, jump)
                    if TRIANGLE_COUNTS[case] == 0:
                        continue
                    for e in range(12):
                        ex, ey, ez, axis = x + _EDGE_OWNER[e, 0], y + _EDGE_OWNER[e, 1], z + _EDGE_OWNER[e, 2], _EDGE_OWNER[e, 3]
                        owner = neighbours[block, ((ex >> 3) + 1) + 3 * ((ey >> 3) + 1) + 9 * ((ez >> 3) + 1)]
                        edges[e] = -1
                        if owner >= 0:
                            row = (ey & 7) + EDGE * (ez & 7)
                            number = vertex_starts[owner] + row_starts[owner, row]
                            for k in range(ex & 7):
                                number += _BITS[masks[owner, k + EDGE * row]]
                            edges[e] = number + _BITS[masks[owner, (ex & 7) + EDGE * row] & ((1 << axis) - 1)]
                    for k in range(TRIANGLE_COUNTS[case]):
                        for corner in range(3):
                            faces[triangle, corner] = edges[TRIANGLES[case, k, corner]]
                        triangle += 1

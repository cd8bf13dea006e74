"""Cuts a mesh into charts that a straight projection flattens without folds.

Charts grow from flat positions over faces that look nearly the same way (the clustering of Sander et al., "Texture Mapping Progressive
Meshes", SIGGRAPH 2001, without its cost for shape), small ones join a neighbour where no face of theirs would turn edge-on, and faces
that still land on others of their chart (a spiral does) are cut out until none does.
"""

from __future__ import annotations

import heapq
import math

import numba
import numpy as np

from ...core.compiled import Real, kernel
from .. import topology
from ..raster import row

GROW = math.cos(math.radians(48))
"""Most a face's smoothed normal may lean away from its chart's axis: a texel is then stretched 1.5 times at most."""
EDGE_ON = math.cos(math.radians(72))
"""Most any face may lean away, which is for rough surfaces and for small charts that join others."""
SMALL = 24
"""Charts with fewer faces try to join a neighbour."""
_ANGLES = 24
"""Turns of a chart within a right angle that are tried for the smallest box around it."""
_FINE = 0.7
"""Texels between the points at which overlaps are looked for."""
_ROUNDS = 12


def cut(vertices: np.ndarray, faces: np.ndarray, texel: float) -> tuple[np.ndarray, np.ndarray]:
    """Cuts and flattens.

    Args:
        vertices: ``(N, 3)``.
        faces: ``(M, 3)`` int32.
        texel: Size of a texel in scene units: overlaps are looked for in steps somewhat finer than that.

    Returns:
        Chart of each face, ``(M,)`` int32, and the corners in the chart's plane in scene units, ``(M, 3, 2)`` float64, y up,
        counter-clockwise as seen from outside; each chart begins at 0, 0.
    """
    vectors = topology.face_vectors(vertices, faces)
    area = np.linalg.norm(vectors, axis=1)
    normals = vectors / np.maximum(area, 1e-300)[:, None]
    across = topology.neighbours(faces)
    smooth = _smoothed(vectors, across)
    agreement = (smooth * normals).sum(1)
    labels = np.full(len(faces), -1, np.int32)
    seeds = np.lexsort((-area, np.round(-agreement, 2)))
    _grow(seeds, smooth, normals, area, across, GROW, EDGE_ON, labels)
    for _ in range(3):
        starts, order = members(labels)
        _join(starts, order, across, faces, vertices.astype(np.float64), normals, _axes(labels, vectors), EDGE_ON, SMALL, labels)
        labels = numbered(labels)
    for _ in range(_ROUNDS):
        axes = _axes(labels, vectors)
        reject = (normals * axes[labels]).sum(1) < 0.05
        flat = _flatten(vertices, faces, labels, axes)
        starts, order = members(labels)
        _find_overlaps(starts, order, faces, flat / (_FINE * texel), reject)
        reject &= np.bincount(labels)[labels] > 1
        if not reject.any():
            break
        labels = split(labels, across, reject)
    return labels, flat


def _smoothed(vectors: np.ndarray, across: np.ndarray, rounds: int = 4) -> np.ndarray:
    """Face normals averaged over neighbours by area, so that the steps of a voxel grid do not cut charts."""
    there = across >= 0
    for _ in range(rounds):
        total = vectors.copy()
        for k in range(3):
            total += np.where(there[:, k, None], vectors[across[:, k]], 0)
        vectors = total / (1 + there.sum(1))[:, None]
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)


def numbered(labels: np.ndarray) -> np.ndarray:
    """Labels of any numbers as 0, 1, 2 ... without gaps, ``(M,)`` int32."""
    return np.unique(labels, return_inverse=True)[1].astype(np.int32).ravel()


def members(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Faces in order of their chart, and where each chart starts in that list."""
    order = np.argsort(labels, kind="stable")
    return np.concatenate([[0], np.cumsum(np.bincount(labels))]), order


def _axes(labels: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    total = np.stack([np.bincount(labels, vectors[:, k]) for k in range(3)], 1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 0, total / np.maximum(length, 1e-300), (0.0, 0.0, 1.0))


def _flatten(vertices: np.ndarray, faces: np.ndarray, labels: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Projects along the axes and turns each chart to fill its box, lying down."""
    helper = np.where(np.abs(axes[:, 2:]) < 0.9, (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
    right = np.cross(helper, axes)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    up = np.cross(axes, right)
    corners = vertices.astype(np.float64)[faces]
    flat = np.stack([(corners * right[labels, None]).sum(-1), (corners * up[labels, None]).sum(-1)], -1)
    return settle(flat, labels)


def settle(flat: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Turns each chart's corners ``(M, 3, 2)`` to the smallest box, its long side across, and moves that to 0, 0."""
    starts, order = members(labels)
    flat = flat.copy()
    _turn(starts, order, flat)
    return flat


def split(labels: np.ndarray, across: np.ndarray, reject: np.ndarray) -> np.ndarray:
    """Rejected faces become charts of their own; what of a chart no longer hangs together becomes several."""
    there = across >= 0
    other = np.where(there, across, 0)
    joined = there & (labels[other] == labels[:, None]) & (reject[other] == reject[:, None])
    roots = np.arange(len(labels), dtype=np.int32)
    unite(across, joined, roots)
    return numbered(roots)


@kernel()
def unite(across: np.ndarray, joined: np.ndarray, roots: np.ndarray) -> None:
    """Union-find over faces: ``joined`` tells which of the neighbours ``across`` belong together; roots end as the smallest number."""
    for f in range(len(across)):
        for k in range(3):
            if not joined[f, k]:
                continue
            a, b = f, across[f, k]
            while roots[a] != a:
                roots[a] = roots[roots[a]]
                a = roots[a]
            while roots[b] != b:
                roots[b] = roots[roots[b]]
                b = roots[b]
            roots[max(a, b)] = min(a, b)
    for f in range(len(roots)):
        roots[f] = roots[roots[f]]


@kernel()
def _grow(
    seeds: np.ndarray, smooth: np.ndarray, normals: np.ndarray, area: np.ndarray, across: np.ndarray, limit: Real, edge_on: Real,
    labels: np.ndarray,
) -> None:  # fmt: skip
    count = 0
    for seed in seeds:
        if labels[seed] >= 0:
            continue
        axis = smooth[seed].copy()
        total = area[seed] * axis
        heap = [(0.0, np.int64(seed))]
        while len(heap):
            face = heapq.heappop(heap)[1]
            if labels[face] >= 0:
                continue
            lean = smooth[face, 0] * axis[0] + smooth[face, 1] * axis[1] + smooth[face, 2] * axis[2]
            real = normals[face, 0] * axis[0] + normals[face, 1] * axis[1] + normals[face, 2] * axis[2]
            if face != seed and (lean < limit or (real < edge_on and area[face] > 0)):
                continue
            labels[face] = count
            total += area[face] * smooth[face]
            length = math.sqrt(total[0] ** 2 + total[1] ** 2 + total[2] ** 2)
            if length > 0:
                axis = total / length
            for k in range(3):
                other = across[face, k]
                if other >= 0 and labels[other] < 0:
                    cost = 1.0 - (smooth[other, 0] * axis[0] + smooth[other, 1] * axis[1] + smooth[other, 2] * axis[2])
                    heapq.heappush(heap, (cost, np.int64(other)))
        count += 1


@kernel()
def _join(
    starts: np.ndarray, order: np.ndarray, across: np.ndarray, faces: np.ndarray, vertices: np.ndarray, normals: np.ndarray,
    axes: np.ndarray, edge_on: Real, small: int, labels: np.ndarray,
) -> None:  # fmt: skip
    """Parameters: the mesh's tables and the charts' as arrays of the kernel."""
    charts = len(starts) - 1
    sizes = np.empty(charts, np.int64)
    for c in range(charts):
        sizes[c] = starts[c + 1] - starts[c]
    locked = np.zeros(charts, np.bool_)  # charts that took in another are as they were listed no longer
    for c in np.argsort(sizes):
        if sizes[c] >= small or locked[c]:
            continue
        names = np.full(16, -1, np.int32)
        lengths = np.zeros(16)
        for i in range(starts[c], starts[c + 1]):
            face = order[i]
            for k in range(3):
                other = across[face, k]
                if other < 0 or labels[other] == c:
                    continue
                a, b = faces[face, k], faces[face, (k + 1) % 3]
                length = 0.0
                for axis in range(3):
                    length += (vertices[a, axis] - vertices[b, axis]) ** 2
                for n in range(16):
                    if names[n] == labels[other] or names[n] < 0:
                        names[n] = labels[other]
                        lengths[n] += math.sqrt(length)
                        break
        for n in np.argsort(-lengths):
            if names[n] < 0:
                continue
            axis = axes[names[n]]
            fits = True
            for i in range(starts[c], starts[c + 1]):
                normal = normals[order[i]]
                if normal[0] * axis[0] + normal[1] * axis[1] + normal[2] * axis[2] < edge_on:
                    fits = False
                    break
            if fits:
                for i in range(starts[c], starts[c + 1]):
                    labels[order[i]] = names[n]
                locked[names[n]] = True
                break


@kernel(parallel=True)
def _turn(starts: np.ndarray, order: np.ndarray, flat: np.ndarray) -> None:
    for c in numba.prange(len(starts) - 1):
        best, turn, lying = np.inf, 0.0, True
        for step in range(_ANGLES):
            angle = 0.5 * math.pi * step / _ANGLES
            s, co = math.sin(angle), math.cos(angle)
            x0, x1, y0, y1 = np.inf, -np.inf, np.inf, -np.inf
            for i in range(starts[c], starts[c + 1]):
                for k in range(3):
                    x = co * flat[order[i], k, 0] - s * flat[order[i], k, 1]
                    y = s * flat[order[i], k, 0] + co * flat[order[i], k, 1]
                    x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
            if (x1 - x0) * (y1 - y0) < best * (1 - 1e-9):
                best, turn, lying = (x1 - x0) * (y1 - y0), angle, x1 - x0 >= y1 - y0
        if not lying:
            turn += 0.5 * math.pi
        s, co = math.sin(turn), math.cos(turn)
        x0, y0 = np.inf, np.inf
        for i in range(starts[c], starts[c + 1]):
            for k in range(3):
                x, y = flat[order[i], k, 0], flat[order[i], k, 1]
                flat[order[i], k, 0], flat[order[i], k, 1] = co * x - s * y, s * x + co * y
                x0, y0 = min(x0, flat[order[i], k, 0]), min(y0, flat[order[i], k, 1])
        for i in range(starts[c], starts[c + 1]):
            for k in range(3):
                flat[order[i], k, 0] -= x0
                flat[order[i], k, 1] -= y0


@kernel(parallel=True)
def _find_overlaps(starts: np.ndarray, order: np.ndarray, faces: np.ndarray, flat: np.ndarray, reject: np.ndarray) -> None:
    for c in numba.prange(len(starts) - 1):
        if starts[c + 1] - starts[c] < 2:
            continue
        width, height = 0, 0
        for i in range(starts[c], starts[c + 1]):
            for k in range(3):
                width, height = max(width, int(flat[order[i], k, 0]) + 1), max(height, int(flat[order[i], k, 1]) + 1)
        owner = np.zeros((height, width), np.uint8)
        for i in range(starts[c], starts[c + 1]):
            f = order[i]
            if reject[f]:
                continue
            y0 = int(min(flat[f, 0, 1], flat[f, 1, 1], flat[f, 2, 1]))
            y1 = int(max(flat[f, 0, 1], flat[f, 1, 1], flat[f, 2, 1]))
            for y in range(y0, y1 + 1):
                first, end = row(flat, f, faces, y + 0.5)
                for x in range(max(first, 0), min(end, width)):
                    if owner[y, x]:
                        reject[f] = True
                    owner[y, x] = 1

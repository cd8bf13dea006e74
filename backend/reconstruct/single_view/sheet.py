"""A sheet of triangles over a picture, cut along its tears.

Vertices stand on a regular grid. Where the line between two neighbours on the grid crosses a tear of the full-resolution map, each side
gets a vertex of its own at the very pixel boundary of the tear, so that outlines stay true to the pixel however coarse the grid is, and
both sides meet in the picture: seen from the camera itself there is no gap. Within a cell, corners that are joined by untorn sides
make a polygon (marching squares, with vertices at the tear instead of halfway).
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np

from .edges import Tears


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A torn sheet in the picture's own space.

    Attributes:
        positions: ``(N, 2)`` float32, column and row in pixels of the map; pixel centres at + 0.5.
        disparity: ``(N,)`` float32.
        pixels: ``(N, 2)`` int32, column and row of the pixel that each vertex belongs to.
        faces: ``(M, 3)`` int32, counter-clockwise as the camera sees them.
        behind: ``(M,)`` bool: faces at a tear, on its farther side.
        rim: ``(N,)`` bool: vertices on a tear.
    """

    places: np.ndarray
    disparity: np.ndarray
    pixels: np.ndarray
    faces: np.ndarray
    behind: np.ndarray
    rim: np.ndarray


Symbol = tuple[str, int]
"""``("corner", 0..3)``, ``("before", side)`` and ``("after", side)`` for the cuts of a side, ``("middle", first corner)``."""


@lru_cache(maxsize=16)
def _polygons(case: int) -> tuple[tuple[Symbol, ...], ...]:
    """Polygons of a cell whose torn sides are the set bits of ``case``; corners clockwise from the top left, side k after corner k."""
    torn = [k for k in range(4) if case >> k & 1]
    if len(torn) < 2:
        return (tuple(("corner", k) for k in range(4)),)
    polygons = []
    for start, end in zip(torn, torn[1:] + torn[:1], strict=True):
        corners = [(start + 1 + k) % 4 for k in range((end - start - 1) % 4 + 1)]
        polygon: list[Symbol] = [("after", start), *(("corner", c) for c in corners), ("before", end)]
        if len(torn) > 2:
            polygon.append(("middle", corners[0]))
        polygons.append(tuple(polygon))
    return tuple(polygons)


def make_sheet(disparity: np.ndarray, valid: np.ndarray, tears: Tears, cells: int) -> Sheet:
    """Covers the valid pixels.

    Long: numbers of corners, cuts and middles are counted together, in the order in which faces refer to them.

    Args:
        disparity: ``(H, W)`` float32.
        valid: ``(H, W)`` bool.
        tears: Between its pixels.
        cells: Cells along the longer side of the map; no more than it has pixels.
    """
    height, width = disparity.shape
    step = max(height, width) / max(1, min(cells, max(height, width) - 1))
    columns = np.unique(np.rint(np.linspace(0, width - 1, max(2, round(width / step) + 1))).astype(np.int64))
    rows = np.unique(np.rint(np.linspace(0, height - 1, max(2, round(height / step) + 1))).astype(np.int64))
    nx, ny = len(columns), len(rows)
    x, y = columns + 0.5, rows + 0.5
    x[0], x[-1], y[0], y[-1] = 0, width, 0, height  # to the very edge of the picture
    grid_x, grid_y = np.meshgrid(x, y)
    px, py = np.meshgrid(columns, rows)
    corner = np.arange(nx * ny).reshape(ny, nx)
    across = _cuts(disparity, tears.right, columns, rows)
    along = _cuts(disparity.T, tears.down.T, rows, columns)
    n_across, n_along = ny * (nx - 1), nx * (ny - 1)
    base = nx * ny
    edge_across = np.arange(n_across).reshape(ny, nx - 1)
    edge_along = n_across + np.arange(n_along).reshape(nx, ny - 1).T
    sides = np.stack([edge_across[:-1], edge_along[:, 1:], edge_across[1:], edge_along[:, :-1]], -1).reshape(-1, 4)
    torn_edge = np.concatenate([across.torn.ravel(), along.torn.ravel()])
    corners = np.stack([corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]], -1).reshape(-1, 4)
    middle_base = base + 2 * (n_across + n_along)
    places = [np.stack([grid_x, grid_y], -1).reshape(-1, 2)]
    pixels = [np.stack([px, py], -1).reshape(-1, 2)]
    values = [disparity[py, px].ravel()]
    line_y, line_x = np.broadcast_to(y[:, None], (ny, nx - 1)), np.broadcast_to(x[:, None], (nx, ny - 1))
    row_of, column_of = np.broadcast_to(rows[:, None], (ny, nx - 1)), np.broadcast_to(columns[:, None], (nx, ny - 1))
    places += [np.repeat(np.stack([across.place, line_y], -1).reshape(-1, 2), 2, 0)]
    places += [np.repeat(np.stack([line_x, along.place], -1).reshape(-1, 2), 2, 0)]
    pixels += [np.stack([np.stack([across.pixel[k], row_of], -1) for k in (0, 1)], 2).reshape(-1, 2)]
    pixels += [np.stack([np.stack([column_of, along.pixel[k]], -1) for k in (0, 1)], 2).reshape(-1, 2)]
    values += [np.stack(across.value, -1).ravel(), np.stack(along.value, -1).ravel()]
    cell_middle = np.stack([(grid_x[:-1, :-1] + grid_x[1:, 1:]) / 2, (grid_y[:-1, :-1] + grid_y[1:, 1:]) / 2], -1).reshape(-1, 2)
    places.append(np.repeat(cell_middle, 4, 0))
    pixels.append(np.concatenate(pixels)[corners.ravel()])
    values.append(np.zeros(len(corners) * 4, np.float32))
    place, pixel, value = np.concatenate(places), np.concatenate(pixels), np.concatenate(values).astype(np.float32)

    def resolve(symbol: Symbol, cell: np.ndarray) -> np.ndarray:
        kind, k = symbol
        if kind == "corner":
            return corners[cell, k]
        if kind == "middle":
            return middle_base + 4 * cell + k
        # "before" is the cut on the side of corner k, walking clockwise; sides 2 and 3 run against the map's direction.
        first = (kind == "before") == (k < 2)
        return base + 2 * sides[cell, k] + (0 if first else 1)

    case = (torn_edge[sides] << np.arange(4)).sum(1)
    corner_valid = valid[py, px].ravel()[corners]
    faces, behind = [], []
    for number in range(16):
        cell = np.nonzero(case == number)[0]
        if not len(cell):
            continue
        polygons = _polygons(number)
        ids = [np.stack([resolve(s, cell) for s in polygon], 1) for polygon in polygons]
        own = [[k for kind, k in polygon if kind == "corner"] for polygon in polygons]
        mean = [value[i[:, [n for n, s in enumerate(p) if s[0] != "middle"]]].mean(1) for i, p in zip(ids, polygons, strict=True)]
        for i, polygon in enumerate(polygons):
            if polygon[-1][0] == "middle":
                value[ids[i][:, -1]] = value[ids[i][:, [0, -2]]].mean(1)
            keep = corner_valid[cell][:, own[i]].all(1)
            nearest = np.max([m for n, m in enumerate(mean) if n != i], axis=0) if len(mean) > 1 else mean[i]
            fan = _fan(ids[i][keep], value)
            faces.append(fan)
            behind.append(np.tile((mean[i] < nearest)[keep], len(fan) // max(1, int(keep.sum()))))
    face = np.concatenate(faces) if faces else np.zeros((0, 3), np.int64)
    used, face = np.unique(face, return_inverse=True)
    return Sheet(
        place[used].astype(np.float32),
        value[used],
        pixel[used].astype(np.int32),
        face.reshape(-1, 3).astype(np.int32),
        np.concatenate(behind) if behind else np.zeros(0, bool),
        used >= base,
    )


@dataclasses.dataclass(frozen=True)
class _Cuts:
    torn: np.ndarray
    place: np.ndarray
    pixel: tuple[np.ndarray, np.ndarray]
    value: tuple[np.ndarray, np.ndarray]


def _cuts(disparity: np.ndarray, jump: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> _Cuts:
    """For each piece of a row between two grid columns: whether it is torn, where most, and the disparities at both sides."""
    line = jump[rows]
    start, length = columns[:-1], np.diff(columns)
    shape = (len(rows), len(start))
    largest, at = np.zeros(shape, np.float32), np.broadcast_to(start, shape).copy()
    first, last = np.full(shape, -1, np.int64), np.broadcast_to(start, shape).copy()
    for k in range(int(length.max())):
        here = start + np.minimum(k, length - 1)
        size = np.where(k < length, line[:, here], 0)
        more = size > largest
        at = np.where(more, here, at)
        largest = np.maximum(largest, size)
        torn = size > 0
        first = np.where(torn & (first < 0), here, first)
        last = np.where(torn, here, last)
    first = np.where(first < 0, start, first)
    row = np.broadcast_to(rows[:, None], shape)
    return _Cuts(largest > 0, at + 1.0, (first, last + 1), (disparity[row, first], disparity[row, last + 1]))


def _fan(polygon: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Triangles of convex polygons that come clockwise; quads are split along the diagonal that bends less."""
    count = polygon.shape[1]
    if count == 4:
        bend = np.abs(value[polygon[:, 0]] - value[polygon[:, 2]]) > np.abs(value[polygon[:, 1]] - value[polygon[:, 3]])
        polygon = np.where(bend[:, None], np.roll(polygon, -1, 1), polygon)
    return np.concatenate([polygon[:, [0, k + 1, k]] for k in range(1, count - 1)])

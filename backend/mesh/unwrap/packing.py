"""Packs charts into a square atlas: each goes to the lowest free position of a bitmap where its own outline fits, holes included.

The bitmap has cells of a few texels. A chart takes every cell that comes within the padding of its triangles, so that no filter and no
gutter reaches from one chart into another. The largest go first; the scale is found by trying.
"""

from __future__ import annotations

import numpy as np

from ....shared.errors import InputError
from ...core.compiled import Real, kernel
from .charts import members

CELL = 4
"""Texels along a cell's edge, for atlases of 1024 and more."""
PADDING = 2.5
"""Texels that a chart keeps free around itself."""
_NEAR = 1.02
"""The search for the scale ends when one that is this much larger does not fit."""


def pack(flat: np.ndarray, labels: np.ndarray, size: int) -> np.ndarray:
    """Places charts.

    Args:
        flat: ``(M, 3, 2)`` float64, corners in each chart's plane, y up, all charts in one unit and beginning at 0, 0.
        labels: ``(M,)`` int32, the chart of each face, 0 to C - 1, none missing.
        size: Width and height of the atlas in texels.

    Returns:
        ``(M, 3, 2)`` float32 UVs in 0..1; (0, 0) is the bottom left.

    Raises:
        InputError: So many charts that the padding between them fills the atlas.
    """
    starts, order = members(labels)
    a, b, c = flat[:, 0], flat[:, 1], flat[:, 2]
    area = 0.5 * np.abs((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])).sum()
    extent = np.maximum(flat.reshape(-1, 2).max(0), 1e-30)
    cell = CELL if size >= 1024 else max(1, size // 256)
    cells = size // cell
    room = size - 2 * PADDING - cell
    scale = min(np.sqrt(0.8 * size * size / max(area, 1e-300)), room / extent.max())
    fits, fails = 0.0, 0.0
    best = None
    for _ in range(60):
        places, sizes, height = _place(flat * scale, starts, order, cell, cells)
        if height <= cells:
            best, fits = (places, sizes), scale
        else:
            fails = scale
        if best is not None and (not fails or fails < fits * _NEAR):
            break
        scale = 0.5 * (fits + fails) if fits else 0.85 * scale
    if best is None:
        fix = "Use a larger texture, or simplify the mesh"
        raise InputError(expected=f"charts that fit a texture of {size} x {size} texels", got=f"{len(starts) - 1} charts", fix=fix)
    (places, sizes), scale = best, fits
    at = flat * scale + PADDING
    turned = places[labels, 2] > 0  # a quarter turn: (x, y) becomes (h - y, x)
    at[turned] = np.stack([(sizes[labels[turned], 1] * float(cell))[:, None] - at[turned, :, 1], at[turned, :, 0]], -1)
    at += places[labels, None, :2] * float(cell)
    return (at / size).astype(np.float32)


def _place(flat: np.ndarray, starts: np.ndarray, order: np.ndarray, cell: int, cells: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Where each chart goes.

    Returns:
        Column and row of its first cell, and whether it is turned, ``(C, 3)`` int64; its size in cells, ``(C, 2)``; the rows in use.
    """
    charts = len(starts) - 1
    sizes = np.empty((charts, 2), np.int64)
    _measure(flat, starts, order, cell, PADDING, sizes)
    sequence = np.argsort(-(sizes.max(1) * 4096 + sizes.min(1)), kind="stable")
    places = np.zeros((charts, 3), np.int64)
    if sizes.min(1).max() > cells or (sizes > cells).any():
        return places, sizes, int(cells * max(2.0, sizes.max() / cells))
    height = _fit(flat, starts, order, cell, PADDING, sizes, sequence, cells, places)
    return places, sizes, int(height)


@kernel()
def _measure(flat: np.ndarray, starts: np.ndarray, order: np.ndarray, cell: int, padding: Real, sizes: np.ndarray) -> None:
    for c in range(len(starts) - 1):
        x, y = 0.0, 0.0
        for i in range(starts[c], starts[c + 1]):
            for k in range(3):
                x, y = max(x, flat[order[i], k, 0]), max(y, flat[order[i], k, 1])
        sizes[c, 0] = int((x + 2 * padding) / cell) + 1
        sizes[c, 1] = int((y + 2 * padding) / cell) + 1


@kernel()
def _stamp(flat: np.ndarray, order: np.ndarray, start: int, stop: int, cell: int, padding: Real, mask: np.ndarray) -> None:
    """Marks the cells that come within the padding of a chart's triangles; the chart begins at (padding, padding)."""
    for i in range(start, stop):
        f = order[i]
        p = flat[f] + padding
        low_x, high_x = p[:, 0].min() - padding, p[:, 0].max() + padding
        low_y, high_y = p[:, 1].min() - padding, p[:, 1].max() + padding
        for y in range(int(max(low_y, 0) / cell), min(int(high_y / cell), mask.shape[0] - 1) + 1):
            for x in range(int(max(low_x, 0) / cell), min(int(high_x / cell), mask.shape[1] - 1) + 1):
                if mask[y, x]:
                    continue
                inside = True
                for k in range(3):
                    j = (k + 1) % 3
                    ex, ey = p[j, 0] - p[k, 0], p[j, 1] - p[k, 1]
                    reach = padding * np.sqrt(ex * ex + ey * ey) + 0.5 * cell * (abs(ex) + abs(ey))
                    if ex * ((y + 0.5) * cell - p[k, 1]) - ey * ((x + 0.5) * cell - p[k, 0]) < -reach:
                        inside = False
                        break
                if inside:
                    mask[y, x] = 1


@kernel()
def _search(grid: np.ndarray, cells_x: np.ndarray, cells_y: np.ndarray, width: int, height: int, first: int) -> tuple[int, int]:
    """Lowest row, then leftmost column, where all cells are free."""
    rows, columns = grid.shape
    for y in range(first, rows - height + 1):
        x = 0
        while x <= columns - width:
            free = True
            for n in range(len(cells_x)):
                if grid[y + cells_y[n], x + cells_x[n]]:
                    free = False
                    break
            if free:
                return x, y
            x += 1
    return -1, rows


@kernel()
def _fit(
    flat: np.ndarray, starts: np.ndarray, order: np.ndarray, cell: int, padding: Real, sizes: np.ndarray, sequence: np.ndarray,
    cells: int, places: np.ndarray,
) -> int:  # fmt: skip
    grid = np.zeros((cells * 2, cells), np.uint8)
    first = np.zeros(1 << 16, np.int64)  # where the last chart of about this size went: below it nothing is free for this one
    top = 0
    for c in sequence:
        mask = np.zeros((sizes[c, 1], sizes[c, 0]), np.uint8)
        _stamp(flat, order, starts[c], starts[c + 1], cell, padding, mask)
        ys, xs = np.nonzero(mask)
        w, h = sizes[c, 0], sizes[c, 1]
        kind = min(int(4 * np.log2(w)), 255) * 256 + min(int(4 * np.log2(h)), 255)
        mix = np.argsort((np.arange(len(xs)) * 7919) % max(len(xs), 1))  # far apart cells first: most positions fail at once
        xs, ys = xs[mix], ys[mix]
        x, y = _search(grid, xs, ys, w, h, first[kind])
        x2, y2 = _search(grid, h - 1 - ys, xs, h, w, first[kind])
        if x < 0 and x2 < 0:
            return 2 * cells
        if x2 >= 0 and (x < 0 or y2 + w < y + h):
            places[c, 0], places[c, 1], places[c, 2] = x2, y2, 1
            first[kind] = y2
            for n in range(len(xs)):
                grid[y2 + xs[n], x2 + h - 1 - ys[n]] = 1
            top = max(top, y2 + w)
        else:
            places[c, 0], places[c, 1], places[c, 2] = x, y, 0
            first[kind] = y
            for n in range(len(xs)):
                grid[y + ys[n], x + xs[n]] = 1
            top = max(top, y + h)
        if top > cells + cells // 2:
            return 2 * top
    return top

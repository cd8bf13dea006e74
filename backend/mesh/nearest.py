"""The nearest of many points, through cells of a grid that are found in a sorted list."""

from __future__ import annotations

import numba
import numpy as np

from ..core.compiled import kernel

_LIMIT = 1 << 20


class Nearest:
    """Points sorted into cells.

    Args:
        points: ``(N, 3)`` float32 or float64, at least one.
        cell: Edge of a cell in the points' unit; a few points should share one. 0 chooses it from the points' extent.
    """

    def __init__(self, points: np.ndarray, cell: float = 0.0) -> None:
        self._origin = points.min(0).astype(np.float64)
        extent = float((points.max(0) - self._origin).max())
        if cell <= 0:
            cell = extent / max(np.sqrt(len(points) / 2), 1.0)  # a surface fills about as many cells as it has points, then
        self._cell = max(cell, extent / (_LIMIT - 4), 1e-30)
        at = np.floor((points - self._origin) / self._cell).astype(np.int64)
        keys = at[:, 0] << 42 | at[:, 1] << 21 | at[:, 2]
        self._order = np.argsort(keys, kind="stable")
        self._keys, self._starts = np.unique(keys[self._order], return_index=True)
        self._starts = np.append(self._starts, len(points))
        self._points = np.ascontiguousarray(points[self._order], np.float64)
        self._reach = int(extent / self._cell) + 2

    def find(self, queries: np.ndarray) -> np.ndarray:
        """Index of the nearest point for each of ``(Q, 3)`` queries, ``(Q,)`` int64; the smallest index of several at one position."""
        result = np.empty(len(queries), np.int64)
        near = np.ascontiguousarray(queries, np.float64)
        _find(near, self._origin, self._cell, self._reach, self._keys, self._starts, self._points, result)
        return self._order[result]


@kernel(parallel=True)
def _find(queries, origin, cell, reach, keys, starts, points, result):  # type: ignore[no-untyped-def]
    for q in numba.prange(len(queries)):
        a = int(np.floor((queries[q, 0] - origin[0]) / cell))
        b = int(np.floor((queries[q, 1] - origin[1]) / cell))
        c = int(np.floor((queries[q, 2] - origin[2]) / cell))
        # A query beyond the box starts at the box; from there all points are nearer than from the query, so the rings' bound holds.
        a, b, c = min(max(a, -1), reach), min(max(b, -1), reach), min(max(c, -1), reach)
        best, found = np.inf, 0
        for ring in range(2 * reach + 2):
            if found and best <= ((ring - 1) * cell) ** 2:
                break
            for x in range(max(a - ring, 0), min(a + ring, reach) + 1):
                for y in range(max(b - ring, 0), min(b + ring, reach) + 1):
                    edge = abs(x - a) == ring or abs(y - b) == ring
                    step = 1 if edge else max(2 * ring, 1)
                    for z in range(c - ring, c + ring + 1, step):
                        if z < 0:
                            continue
                        key = x << 42 | y << 21 | z
                        i = np.searchsorted(keys, key)
                        if i == len(keys) or keys[i] != key:
                            continue
                        for p in range(starts[i], starts[i + 1]):
                            d = (
                                (points[p, 0] - queries[q, 0]) ** 2
                                + (points[p, 1] - queries[q, 1]) ** 2
                                + (points[p, 2] - queries[q, 2]) ** 2
                            )
                            if d < best:
                                best, result[q], found = d, p, 1

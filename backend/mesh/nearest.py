"""The nearest of many points."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree


def nearest_points(points: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Index of the nearest point for each query, by SciPy's k-d tree.

    Args:
        points: ``(N, 3)`` float, at least one.
        queries: ``(Q, 3)`` float.

    Returns:
        ``(Q,)`` int64; of several points at one position the smallest index.
    """
    _, first = np.unique(points, axis=0, return_index=True)
    first.sort()
    _, found = cKDTree(points[first]).query(queries, workers=-1)
    result: np.ndarray = first[found]
    return result

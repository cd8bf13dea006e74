"""Normals of meshes whose files have none."""

from __future__ import annotations

import math

import numpy as np

SHARP = math.radians(2)
"""Normals of one vertex that differ by more are a hard edge."""


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The mean of a vertex's faces, by area: ``(N, 3)`` float64 of unit length; up (+z) where there is none."""
    across = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]]).astype(np.float64)
    across[~np.isfinite(across).all(1)] = 0
    total = np.zeros((len(vertices), 3))
    for corner in range(3):
        np.add.at(total, faces[:, corner], across)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 1e-30, total / np.where(length > 1e-30, length, 1), (0.0, 0.0, 1.0))

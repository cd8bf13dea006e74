"""Polygons, strips and fans as triangles."""

from __future__ import annotations

import numpy as np

from ....shared.notes import note

_TRIES = 20
"""Corners that are looked at for each corner of a polygon before it is taken as it comes."""


def triangulate(sizes: np.ndarray, corners: np.ndarray, points: np.ndarray, name: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Polygons as triangles that cover them: fans where they are convex, ears cut off (Meisters 1975) where they are not.

    Args:
        sizes: ``(P,)`` corners of each polygon, 3 or more.
        corners: Their corners, one polygon after the other.
        points: ``(N, 3)`` the vertices that the corners name.
        name: The file, for the note about polygons that cross themselves.

    Returns:
        Faces ``(M, 3)`` of entries of ``corners``, and which entry each of them is, ``(M, 3)``.
    """
    starts = np.cumsum(sizes) - sizes
    fans = sizes - 2
    which = np.repeat(np.arange(len(sizes)), fans)
    step = np.arange(len(which)) - np.repeat(np.cumsum(fans) - fans, fans)
    entries = np.stack([starts[which], starts[which] + step + 1, starts[which] + step + 2], 1)
    if len(sizes) and sizes.max() > 3 and corners.min() >= 0 and corners.max() < len(points):
        first = np.cumsum(fans) - fans
        crossed = 0
        for polygon in _concave(sizes, which, points[corners[entries]]):
            own = slice(int(starts[polygon]), int(starts[polygon] + sizes[polygon]))
            ears, simple = _ears(_flat(points[corners[own]].astype(np.float64)))
            entries[first[polygon] : first[polygon] + fans[polygon]] = ears + starts[polygon]
            crossed += not simple
        if crossed:
            note("polygons that cross or touch themselves are cut into triangles that may overlap", name)
    return corners[entries], entries


def strip(corners: np.ndarray) -> np.ndarray:
    """A triangle strip as faces ``(M, 3)``; every other one is turned. Triangles without area, which join strips, are left out."""
    count = max(len(corners) - 2, 0)
    faces = np.stack([corners[:count], corners[1 : count + 1], corners[2 : count + 2]], 1)
    faces[1::2] = faces[1::2][:, [0, 2, 1]]
    return faces[distinct(faces)]


def fan(corners: np.ndarray) -> np.ndarray:
    """A triangle fan around its first corner as faces ``(M, 3)``."""
    count = max(len(corners) - 2, 0)
    return np.stack([corners[1 : count + 1], corners[2 : count + 2], np.broadcast_to(corners[:1], (count,))], 1)


def distinct(faces: np.ndarray) -> np.ndarray:
    """Which faces name three vertices, ``(M,)`` bool."""
    different = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return np.asarray(different)


def _concave(sizes: np.ndarray, which: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Polygons whose fan has triangles that look the other way; ``which`` polygon each of the fans' triangles is of."""
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    total = np.stack([np.bincount(which, normals[:, k], len(sizes)) for k in range(3)], 1)
    against = (normals * total[which]).sum(1) < -1e-9 * (total[which] ** 2).sum(1)
    return np.unique(which[against & (sizes[which] > 3)])


def _flat(points: np.ndarray) -> np.ndarray:
    """A polygon in its plane, counter-clockwise: ``(n, 2)``. The normal is Newell's."""
    middle = points - points[0]
    normal = np.cross(middle, np.roll(middle, -1, 0)).sum(0)
    normal /= max(float(np.linalg.norm(normal)), 1e-300)
    side = np.eye(3)[int(np.abs(normal).argmin())]
    across = np.cross(side, normal)
    across /= max(float(np.linalg.norm(across)), 1e-300)
    return np.stack([middle @ across, middle @ np.cross(normal, across)], 1)


def _ears(flat: np.ndarray) -> tuple[np.ndarray, bool]:
    """Triangles ``(n - 2, 3)`` of a polygon, and whether all of them are ears; what is left of one that crosses itself is a fan."""
    left = list(range(len(flat)))
    faces: list[tuple[int, int, int]] = []
    tries = _TRIES * len(flat)
    at = since = 0
    while len(left) > 3 and since < len(left) and tries > 0:
        corner = (left[at - 1], left[at], left[(at + 1) % len(left)])
        tries -= 1
        if _is_ear(flat, corner, left):
            faces.append(corner)
            del left[at]
            at, since = at % len(left), 0
        else:
            at, since = (at + 1) % len(left), since + 1
    simple = len(left) == 3
    faces += [(left[0], left[k], left[k + 1]) for k in range(1, len(left) - 1)]
    return np.array(faces, np.int64), simple


def _is_ear(flat: np.ndarray, corner: tuple[int, int, int], left: list[int]) -> bool:
    a, b, c = flat[corner[0]], flat[corner[1]], flat[corner[2]]
    if _area(a, b, c) <= 0:
        return False
    others = flat[left]
    inside = (_area(a, b, others) >= 0) & (_area(b, c, others) >= 0) & (_area(c, a, others) >= 0)
    for own in (a, b, c):  # also corners at the same position, where a hole is joined to the outline
        inside &= (others != own).any(1)
    return not inside.any()


def _area(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Twice the signed area of triangles."""
    area = (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])
    return np.asarray(area)

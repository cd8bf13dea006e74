"""Coordinates far from zero, such as those of a survey (UTM: 500,000 east, 4,600,000 north), kept precise in float32.

Single precision has 24 bits: 4,600 km from zero its steps are half a metre. There coordinates are stored relative to an origin of
whole scene units, which a ``Mesh`` carries with it.
"""

from __future__ import annotations

import numpy as np

Origin = tuple[float, float, float]
ZERO: Origin = (0.0, 0.0, 0.0)
NEAR = 1e4
"""Scene units: coordinates below stay as they are."""
FINE = 1e-4
"""Steps of float32 up to this part of what is looked at are no loss."""
_STEP = 2.0**-23


def origin_of(points: np.ndarray, least: float = 0.0) -> Origin:
    """The origin that suits points: whole scene units near their middle, or zero where float32 does for them as they are.

    Args:
        points: ``(N, 3)`` float64, scene units; rows that are not finite do not count.
        least: The size of what is looked at, if it is larger than the spread of the points (cameras at one position), scene units.
    """
    finite = points[np.isfinite(points).all(1)].astype(np.float64)
    if not len(finite):
        return ZERO
    middle = np.median(finite, 0)
    distance = float(np.abs(middle).max())
    spread = float(np.quantile(np.linalg.norm(finite - middle, axis=1), 0.9))
    if distance <= NEAR or distance * _STEP <= FINE * max(spread, least):
        return ZERO
    x, y, z = (float(k) for k in np.rint(middle))
    return x, y, z


def relative(points: np.ndarray) -> tuple[np.ndarray, Origin]:
    """Points of a file as float32, relative to the origin that suits them: ``(N, 3)``, and the origin."""
    origin = origin_of(points)
    return (points if origin == ZERO else points - np.array(origin)).astype(np.float32), origin


def moved(points: np.ndarray, origin: Origin, to: Origin) -> np.ndarray:
    """Points relative to ``origin`` as points relative to ``to``: ``(N, 3)`` of the same dtype, itself if the two are the same."""
    if origin == to:
        return points
    shifted: np.ndarray = (points.astype(np.float64) + (np.array(origin) - np.array(to))).astype(points.dtype)
    return shifted

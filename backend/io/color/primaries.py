"""Primaries and white points: from linear light of any of them to linear Rec.709."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""Chromaticities x, y of red, green, blue and white (ITU-R BT.709)."""
AP0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.0770, 0.32168, 0.33767)
"""Of ACES2065-1 (SMPTE ST 2065-1)."""
ADOBE_RGB = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)
"""Of Adobe RGB (1998)."""
_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
CODED: dict[int, tuple[float, ...]] = {
    1: REC709,
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, *_C),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *_C),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    10: (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}
"""By the numbers of ITU-T H.273, which ``cICP`` has."""
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""To cone responses (Lam 1985)."""
_SAME = 2e-4
"""Chromaticities within this are the same: headers hold three or four digits."""


def white_xyz(x: float, y: float) -> np.ndarray:
    """XYZ of a white point, Y = 1, ``(3,)`` float64."""
    return np.array([x / y, 1.0, (1 - x - y) / y])


def adaptation(white: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The matrix ``(3, 3)`` that takes XYZ seen under one white to those under another, by Bradford's method."""
    scale = (_BRADFORD @ wanted) / (_BRADFORD @ white)
    result: np.ndarray = np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD
    return result


def to_xyz(chromaticities: Sequence[float]) -> np.ndarray:
    """The matrix ``(3, 3)`` from linear RGB to XYZ, not adapted: RGB white is the white of the chromaticities.

    Raises:
        ValueError: Chromaticities that span no colours.
    """
    values = np.asarray(chromaticities, np.float64)
    if values.shape != (8,) or not np.isfinite(values).all() or np.abs(values).max() > 10 or abs(values[7]) < 1e-6:
        msg = "no chromaticities"
        raise ValueError(msg)
    x, y = values[0:6:2], values[1:6:2]
    columns = np.stack([x, y, 1 - x - y])  # of any length: y may be 0
    if abs(np.linalg.det(columns)) < 1e-6:
        msg = "primaries on one line"
        raise ValueError(msg)
    result: np.ndarray = columns * np.linalg.solve(columns, white_xyz(values[6], values[7]))
    return result


def to_rec709(chromaticities: Sequence[float], neutral: Sequence[float] | None = None) -> np.ndarray | None:
    """The matrix from linear RGB of some primaries to linear Rec.709, adapted to D65.

    Args:
        chromaticities: x, y of red, green, blue and white.
        neutral: x, y of what is to become white, if it is not the white of the primaries (OpenEXR's ``adoptedNeutral``).

    Returns:
        ``(3, 3)`` float64; None where nothing changes.

    Raises:
        ValueError: Chromaticities that span no colours.
    """
    white = tuple(chromaticities[6:8] if neutral is None else neutral)
    if np.abs(np.asarray([*chromaticities[:8], *white], np.float64) - [*REC709, *REC709[6:]]).max() < _SAME:
        return None
    own = to_xyz(chromaticities)
    if len(white) != 2 or not np.isfinite(white).all() or not white[1] > 1e-6:
        msg = "no white point"
        raise ValueError(msg)
    return from_xyz(own, white_xyz(white[0], white[1]))


def from_xyz(matrix: np.ndarray, white: np.ndarray) -> np.ndarray:
    """The matrix to linear Rec.709, given the one to XYZ and the XYZ of what is to become white."""
    result: np.ndarray = np.linalg.inv(to_xyz(REC709)) @ adaptation(white, white_xyz(*_D65)) @ matrix
    return result

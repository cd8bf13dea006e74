"""The axes of formats: y up in glTF and, by default, in OBJ; z up in Blender, PLY and what Backlot works with."""

from __future__ import annotations

import numpy as np

from ....shared.errors import InputError

UPS = ("y", "z")


def y_up(vectors: np.ndarray) -> np.ndarray:
    """(x, y, z) with z up becomes (x, z, -y) with y up, which looks along -z where z up looks along y; ``(N, 3)`` of the same dtype."""
    return np.ascontiguousarray(np.stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]], 1))


def z_up(vectors: np.ndarray) -> np.ndarray:
    """The inverse of ``y_up``."""
    return np.ascontiguousarray(np.stack([vectors[:, 0], -vectors[:, 2], vectors[:, 1]], 1))


def check_up(up: str) -> None:
    """Raises ``InputError`` for an axis that is none of ``UPS``."""
    if up not in UPS:
        raise InputError(expected="the axis that points up in .obj files as y or z", got=repr(up)[:40])

"""How one view's pixels lie in another's."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ....shared.values import Camera
from ...core.camera import Intrinsics, intrinsics, view_matrix


@dataclasses.dataclass(frozen=True)
class Pairs:
    """A reference view and its sources at one scale.

    A pixel (u, v) of inverse depth w is at M (u, v, 1) + w t in the source (homogeneous), and the other way round with N and r.

    Attributes:
        M: ``(S, 3, 3)`` float32.
        t: ``(S, 3)`` float32.
        N: ``(S, 3, 3)`` float32, from the source to the reference.
        r: ``(S, 3)`` float32.
        lens: Of the reference, float32.
    """

    M: np.ndarray
    t: np.ndarray
    N: np.ndarray
    r: np.ndarray
    lens: Intrinsics


def matrix(camera: Camera, scale: float = 1.0) -> np.ndarray:
    """``(3, 3)`` float64 calibration, for pictures shrunk by a scale."""
    return np.array([[camera.fl_x * scale, 0, camera.cx * scale], [0, camera.fl_y * scale, camera.cy * scale], [0, 0, 1]])


def transfer(a: Camera, b: Camera, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """``(3, 3)`` and ``(3,)`` float64 that take a pixel of ``a`` with an inverse depth to ``b``, see ``Pairs``."""
    pose, _ = view_matrix(a)
    _, view = view_matrix(b)
    K = matrix(b, scale)
    return K @ view[:, :3] @ pose[:, :3] @ np.linalg.inv(matrix(a, scale)), K @ (view[:, :3] @ pose[:, 3] + view[:, 3])


def pairs(reference: Camera, sources: Sequence[Camera], scale: float = 1.0) -> Pairs:
    """All that the kernels need to know of the cameras."""
    to, back = [transfer(reference, s, scale) for s in sources], [transfer(s, reference, scale) for s in sources]
    parts = ([m for m, _ in to], [t for _, t in to], [m for m, _ in back], [t for _, t in back])
    M, t, N, r = (np.ascontiguousarray(np.stack(p), np.float32) for p in parts)
    return Pairs(M, t, N, r, intrinsics(reference, scale).single)

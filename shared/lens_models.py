"""Camera models of other programs by name: which of their parameters are what, and the lens distortion that is ours.

COLMAP's names and parameters, in its order (https://github.com/colmap/colmap/blob/main/src/colmap/sensor/models.h); their position in
the table is the number that its binary files have.
"""

from __future__ import annotations

import numpy as np

from .errors import InputError
from .notes import note
from .values import Distortion

MODELS: dict[str, tuple[str, ...]] = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
    "OPENCV_FISHEYE": ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4"),
    "FULL_OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
    "FOV": ("fx", "fy", "cx", "cy", "omega"),
    "SIMPLE_RADIAL_FISHEYE": ("f", "cx", "cy", "k1"),
    "RADIAL_FISHEYE": ("f", "cx", "cy", "k1", "k2"),
    "THIN_PRISM_FISHEYE": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "sx1", "sy1"),
    "RAD_TAN_THIN_PRISM_FISHEYE": (
        "fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2", "s1", "s2", "s3", "s4",
    ),
    "SIMPLE_DIVISION": ("f", "cx", "cy", "k"),
    "DIVISION": ("fx", "fy", "cx", "cy", "k"),
    "SIMPLE_FISHEYE": ("f", "cx", "cy"),
    "FISHEYE": ("fx", "fy", "cx", "cy"),
    "EUCM": ("fx", "fy", "cx", "cy", "alpha", "beta"),
    "EQUIRECTANGULAR": ("w", "h"),
}  # fmt: skip
READ = ("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "SIMPLE_DIVISION", "DIVISION")
"""Those that are a pinhole behind a lens that ``Distortion`` can describe."""
FITTED = 0.05
"""Pixels: by so much a fitted lens may differ from the one that was given."""
_SAMPLES = 512


def lens_of(model: str, given: dict[str, float], radius: float, focal: float, where: str) -> Distortion | None:
    """The distortion of a camera model out of ``READ``, or None for a pinhole.

    Args:
        model: One of ``READ``.
        given: Its parameters by name.
        radius: Of the picture's farthest corner from the principal point, in units of the focal length.
        focal: Pixels.
        where: The camera, for messages.

    Raises:
        InputError: A rational lens (``FULL_OPENCV``) that no polynomial comes near.
    """
    if "k" in given:
        return Distortion("division", (given["k"],)) if given["k"] else None
    k1, k2, k3, k4, k5, k6, p1, p2 = (given.get(name, 0.0) for name in ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2"))
    if model != "FULL_OPENCV":
        values: tuple[float, ...] = (k1, k2, k3, k4, p1, p2)
    elif k4 or k5 or k6:
        values = (*_polynomial((k1, k2, k3), (k4, k5, k6), radius, focal, where), p1, p2)
    else:
        values = (k1, k2, k3, 0.0, p1, p2)
    return Distortion("brown", values) if any(values) else None


def _polynomial(over: tuple[float, ...], under: tuple[float, ...], radius: float, focal: float, where: str) -> tuple[float, ...]:
    """k1 to k4 of the polynomial nearest to a quotient of two (Brown's rational model), over the picture."""
    radii = np.linspace(0, 4 * radius, 4 * _SAMPLES)
    powers = radii[:, None] ** (2, 4, 6)
    quotient = (1 + powers @ over) / (1 + powers @ under)
    beyond = np.flatnonzero(~(radii * quotient <= radius))  # the picture ends, or the lens has a pole
    radii = radii[: int(beyond[0]) + 1 if len(beyond) else None]
    target = (quotient[: len(radii)] - 1) * radii
    exponents = np.array((3, 5, 7, 9))
    if len(radii) < 8 or not np.isfinite(target).all():
        raise InputError(expected=f"a lens that pictures its corners in {where}", got="k4 to k6 with a pole inside of the picture")
    terms = (radii[:, None] / radii[-1]) ** exponents
    found, *_ = np.linalg.lstsq(terms, target, rcond=None)
    error = focal * float(np.abs(terms @ found - target).max())
    if error > FITTED:
        fix = "Undistort the pictures first, with COLMAP's image_undistorter"
        raise InputError(
            expected=f"a lens within {FITTED} pixels of a polynomial in {where}", got=f"k4 to k6 that are {error:.2g} off", fix=fix
        )
    note(f"the quotient of FULL_OPENCV's distortion (k4 to k6) is read as a polynomial, within {FITTED} pixels", where)
    return tuple(float(k) for k in found / radii[-1] ** exponents)

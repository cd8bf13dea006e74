"""ICC profiles of matrix and curves, and of gray (ICC.1:2022, also versions 2 and 4): what photographs and scans are tagged with."""

from __future__ import annotations

import functools
import struct

import numpy as np

from .coded import coded_encoding
from .curves import CODED, Curve, gamma, linear, table
from .encoding import Encoding
from .primaries import from_xyz

_HEADER, _MOST_TAGS = 128, 256
_PARAMETERS = (1, 3, 4, 5, 7)
"""Numbers of a parametric curve by its type."""
_D50 = np.array([0.9642, 1.0, 0.8249])
"""The profile connection space's white, XYZ."""


class ProfileError(Exception):
    """The profile cannot be used; the message says what it is."""


@functools.lru_cache(maxsize=16)
def read_profile(data: bytes, channels: int) -> Encoding:
    """The encoding that a profile describes.

    Args:
        data: The profile.
        channels: Colour channels of the picture, 1 or 3.

    Raises:
        ProfileError: A look-up table without a matrix, another kind of colour than the picture's, or damaged.
    """
    try:
        with np.errstate(all="ignore"):
            encoding = _read(data, channels)
            _check(encoding, channels)
        return encoding
    except (struct.error, IndexError, ValueError, OverflowError, np.linalg.LinAlgError) as error:
        msg = "is damaged"
        raise ProfileError(msg) from error


def _read(data: bytes, channels: int) -> Encoding:
    if len(data) < _HEADER + 4 or data[36:40] != b"acsp":
        msg = "is damaged"
        raise ProfileError(msg)
    kind, connection = data[16:20], data[20:24]
    tags = _tags(data)
    name = _description(tags.get(b"desc", b"")) or "its ICC profile"
    if kind == b"GRAY" and channels == 1 and b"kTRC" in tags:
        return Encoding(name, (_lightness(_curve(tags[b"kTRC"])) if connection == b"Lab " else _curve(tags[b"kTRC"]),))
    if kind != b"RGB ":
        words = {b"GRAY": "gray", b"CMYK": "CMYK", b"Lab ": "Lab", b"XYZ ": "XYZ"}.get(kind, "other")
        msg = f"is for {words} pictures"
        raise ProfileError(msg)
    if b"cicp" in tags and len(tags[b"cicp"]) >= 12:  # states in numbers what tables of high dynamic range only come near
        stated = coded_encoding(*tags[b"cicp"][8:12])
        if stated is not None:
            return stated
    names = (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")
    if connection != b"XYZ " or any(tag not in tags for tag in names):
        msg = "has look-up tables only"
        raise ProfileError(msg)
    curves = tuple(_curve(tags[tag]) for tag in names[3:])
    if len({tags[tag] for tag in names[3:]}) == 1:
        curves = curves[:1]
    if channels == 1:  # a gray picture that kept the profile of the colours that it was made of
        return Encoding(name, (curves[1 if len(curves) > 1 else 0],))
    matrix = np.stack([_xyz(tags[tag]) for tag in names[:3]], axis=1)
    white = matrix.sum(1)
    if abs(np.linalg.det(matrix)) < 1e-6 or white.min() <= 0.1:
        msg = "is damaged"
        raise ProfileError(msg)
    if np.abs(white - _D50).max() < 0.01:
        white = _D50  # but for rounding
    return Encoding(name, curves, from_xyz(matrix, white))


def _check(encoding: Encoding, channels: int) -> None:
    """Black is dark, white is white, and brighter values are brighter; else ``ValueError``."""
    if any(curve in CODED.values() for curve in encoding.curves):
        return  # stated in numbers
    ramp = encoding.light(np.linspace(0, 1, 33, dtype=np.float32).reshape(-1, 1, 1).repeat(channels, axis=2))
    right = bool(np.isfinite(ramp).all()) and np.abs(ramp[0]).max() < 0.1 and np.abs(ramp[-1] - 1).max() < 0.1
    if not right or np.diff(ramp.mean((1, 2))).min() < -1e-3:
        msg = "no curves"
        raise ValueError(msg)


def _tags(data: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", data, _HEADER)
    tags = {}
    for number in range(min(count, _MOST_TAGS)):
        name, start, size = struct.unpack_from(">4sII", data, _HEADER + 4 + 12 * number)
        tags[name] = data[start : start + size]
    return tags


def _curve(tag: bytes) -> Curve:
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return linear
        if count > (len(tag) - 12) // 2:
            msg = "a curve is cut off"
            raise ValueError(msg)
        samples = np.frombuffer(tag, ">u2", count, 12)
        return gamma(float(samples[0]) / 256) if count == 1 else table(samples.astype(np.float64) / 65535)
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        count = _PARAMETERS[kind]
        return _parametric([value / 65536 for value in struct.unpack_from(f">{count}i", tag, 12)])
    msg = "an unknown curve"
    raise ValueError(msg)


def _parametric(given: list[float]) -> Curve:
    """The five kinds of parametric curve, of which four are special cases of the last."""
    if len(given) == 1:
        return gamma(given[0])
    g, a, b, *rest = given
    if len(rest) < 2:  # a power with an offset above -b / a, and what it ends in below
        below = rest[0] if rest else 0.0
        c, d, e, f = 0.0, -b / a, below, below
    else:
        c, d, e, f = (*rest, 0.0, 0.0)[:4]

    def curve(values: np.ndarray) -> np.ndarray:
        size = np.abs(values)
        return np.copysign(np.where(size >= d, np.maximum(a * size + b, 0) ** g + e, c * size + f), values)

    return curve


def _lightness(curve: Curve) -> Curve:
    """A curve that gives L*/100, as luminance."""

    def luminance(values: np.ndarray) -> np.ndarray:
        root = (curve(values) * 100 + 16) / 116
        return np.where(root > 6 / 29, root**3, 3 * (6 / 29) ** 2 * (root - 4 / 29))

    return luminance


def _xyz(tag: bytes) -> np.ndarray:
    return np.array(struct.unpack_from(">3i", tag, 8), np.float64) / 65536


def _description(tag: bytes) -> str:
    """A profile's name, of version 2 (ASCII) or 4 (UTF-16)."""
    try:
        if tag[:4] == b"desc":
            (count,) = struct.unpack_from(">I", tag, 8)
            text = tag[12 : 12 + count].decode("ascii", "replace")
        elif tag[:4] == b"mluc":
            size, start = struct.unpack_from(">II", tag, 20)
            text = tag[start : start + size].decode("utf-16-be", "replace")
        else:
            return ""
    except struct.error:
        return ""
    return "".join(c for c in text if c.isprintable()).strip()[:60]

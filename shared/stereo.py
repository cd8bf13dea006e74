"""A rectified pair of pictures and its calibration: two frames of a camera that moved sideways.

Calibration comes from a Middlebury ``calib.txt`` (2014 and later: ``cam0``, ``cam1``, ``baseline`` in millimetres) or as focal length and
baseline. The left camera stands at the origin, upright in a world with z up, and looks along +y; the right one stands ``baseline`` to
the right, along +x.
"""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import numpy as np

from .errors import InputError
from .picture_header import picture_size
from .values import Camera, EncodedFile, SceneFrame

PAIRS = (("im0", "im1"), ("left", "right"), ("view0", "view1"), ("l", "r"))
"""Stems of the left and the right picture of a folder."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".exr", ".tif", ".tiff", ".webp", ".ppm")
CALIBRATION = "calib.txt"
_MILLIMETRE = 0.001


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A rectified pair's geometry.

    Attributes:
        focal: In pixels, the same for both.
        left: Principal point of the left picture, pixels from its top left corner.
        right: The same of the right picture; its height is the left one's.
        baseline: From the left to the right camera, scene units (metres for Middlebury).
        size: Width and height in pixels, or None to take the pictures'.
    """

    focal: float
    left: tuple[float, float] | None
    right: tuple[float, float] | None
    baseline: float
    size: tuple[int, int] | None = None


def read_calibration(path: str | Path) -> Calibration:
    """Reads a Middlebury ``calib.txt``.

    Its matrices count pixels from the middle of the first one (as OpenCV does): half a pixel is added. The baseline becomes metres.

    Raises:
        InputError: A file that cannot be read, a key missing or no number, a pair that is not rectified.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(expected=f"a readable text file at {path}", got=getattr(error, "strerror", None) or str(error)) from error
    entries = dict(part.split("=", 1) for line in text.splitlines() if "=" in line for part in [line.strip()])
    matrices = []
    for key in ("cam0", "cam1"):
        numbers = re.findall(r"[-+0-9.eE]+", _entry(entries, key, path))
        if len(numbers) != 9:
            raise InputError(expected=f"{key} of {path.name} as nine numbers", got=entries[key][:80])
        matrices.append(np.array([_number(n, key, path) for n in numbers]).reshape(3, 3))
    (a, b) = matrices
    if abs(a[0, 0] - b[0, 0]) > 1e-3 * abs(a[0, 0]) or abs(a[1, 2] - b[1, 2]) > 0.5:
        got = f"focal lengths {a[0, 0]:g} and {b[0, 0]:g}, rows {a[1, 2]:g} and {b[1, 2]:g}"
        raise InputError(
            expected=f"{path.name} of a rectified pair: one focal length, one height", got=got, fix="Rectify the pictures first"
        )
    baseline = _number(_entry(entries, "baseline", path), "baseline", path) * _MILLIMETRE
    size = None
    if "width" in entries and "height" in entries:
        size = int(_number(entries["width"], "width", path)), int(_number(entries["height"], "height", path))
    calibration = Calibration(a[0, 0], (a[0, 2] + 0.5, a[1, 2] + 0.5), (b[0, 2] + 0.5, a[1, 2] + 0.5), baseline, size)
    _check(calibration, path.name)
    return calibration


def find_pair(folder: str | Path) -> tuple[Path, Path] | None:
    """The left and the right picture in a folder by their usual names, or None."""
    for pair in PAIRS:
        for suffix in SUFFIXES:
            left, right = (Path(folder) / (stem + suffix) for stem in pair)
            if left.is_file() and right.is_file():
                return left, right
    return None


def read_stereo(left: str | Path, right: str | Path, calibration: Calibration | str | Path) -> list[SceneFrame]:
    """Two frames, 0 (left) and 1 (right), with the channel ``color``.

    Args:
        left: The left picture.
        right: The right one.
        calibration: Of the pair, or the ``calib.txt`` that holds it.

    Raises:
        InputError: A file that cannot be read, or a calibration that is none.
    """
    files = [EncodedFile.read(left), EncodedFile.read(right)]
    given = calibration if isinstance(calibration, Calibration) else read_calibration(calibration)
    _check(given, "the calibration")
    sizes = [picture_size({"color": file}) for file in files]
    if sizes[0] and sizes[1] and sizes[0] != sizes[1]:
        got = " and ".join(f"{w} x {h}" for w, h in (sizes[0], sizes[1]))
        raise InputError(
            expected=f"{Path(left).name} and {Path(right).name} of the same size", got=got, fix="Rectify the pictures together"
        )
    size = sizes[0] or given.size
    if size is None:
        fix = f"Convert the pictures to PNG or JPEG, or write width and height in {CALIBRATION}"
        raise InputError(
            expected=f"to learn the size of {Path(left).name}", got="neither PNG, JPEG nor a calibration that says it", fix=fix
        )
    scale = 1.0
    if given.size and given.size != size:
        scale = size[0] / given.size[0]
        if abs(given.size[1] * scale - size[1]) > 1:
            got = f"{size[0]} x {size[1]}"
            raise InputError(expected=f"pictures of the shape of the calibration, {given.size[0]} x {given.size[1]}", got=got)
    frames = []
    for number, (file, centre) in enumerate(zip(files, (given.left, given.right), strict=True)):
        pose = np.array([[1.0, 0, 0, number * given.baseline], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
        cx, cy = (centre[0] * scale, centre[1] * scale) if centre else (size[0] / 2, size[1] / 2)
        frames.append(SceneFrame(Camera(*size, given.focal * scale, given.focal * scale, cx, cy, pose), {"color": file}, 1.0, number))
    return frames


def _check(calibration: Calibration, where: str) -> None:
    if not (calibration.focal > 0 and calibration.baseline > 0 and math.isfinite(calibration.focal + calibration.baseline)):
        got = f"{calibration.focal:g} pixels and {calibration.baseline:g}"
        raise InputError(expected=f"a focal length and a baseline above 0 in {where}", got=got, fix="The first picture is the left one")


def _entry(entries: dict[str, str], key: str, path: Path) -> str:
    if key not in entries:
        fix = "Give a calib.txt of Middlebury's 2014 form, or --focal (pixels) and --baseline (scene units)"
        raise InputError(expected=f"{key}= in {path.name}", got=", ".join(entries) or "no entries", fix=fix)
    return entries[key]


def _number(text: str, key: str, path: Path) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(expected=f"{key} of {path.name} as a number", got=text[:80])
    return value

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
from .file_lookup import PICTURES, files_by_key
from .notes import note
from .picture_header import picture_size
from .text_file import decimals, printable, read_text, text_lines
from .values import Camera, EncodedFile, SceneFrame

PAIRS = (
    ("im2", "im6"), ("im0", "im1"), ("left", "right"), ("view1", "view5"), ("view0", "view1"), ("l", "r"), ("image_left", "image_right"),
    ("img_left", "img_right"),
)  # fmt: skip
"""Stems of the left and the right picture of a folder, in lower case: usual ones, and Middlebury's of all years (of 2001 to 2006 there are
pictures between the two)."""
SUFFIXES = PICTURES
CALIBRATION = "calib.txt"
_MILLIMETRE = 0.001
_SMALL = 5.0
"""Millimetres: a baseline below is more likely one in metres."""


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

    Keys may be in any case, with ``=`` or ``:``; ``ndisp``, ``vmin``, ``vmax`` and others are passed over. Without ``cam1``, ``doffs`` says
    where its principal point is. The matrices count pixels from the middle of the first one (as OpenCV does): half a pixel is added.
    The baseline becomes metres.

    Raises:
        InputError: A file that cannot be read, a key missing or no number, a pair that is not rectified.
    """
    path = Path(path)
    entries = _entries(path)
    left = _matrix(entries, "cam0", path)
    doffs = _number(entries["doffs"], "doffs", path) if "doffs" in entries else None
    if "cam1" not in entries and doffs is not None:
        right = left + np.array([[0, 0, doffs], [0, 0, 0], [0, 0, 0]])
    else:
        right = _matrix(entries, "cam1", path)
    if abs(left[0, 0] - right[0, 0]) > 1e-3 * abs(left[0, 0]) or abs(left[1, 2] - right[1, 2]) > 0.5:
        got = f"focal lengths {left[0, 0]:g} and {right[0, 0]:g}, rows {left[1, 2]:g} and {right[1, 2]:g}"
        raise InputError(
            expected=f"{path.name} of a rectified pair: one focal length, one height", got=got, fix="Rectify the pictures first"
        )
    between = right[0, 2] - left[0, 2]
    if doffs is not None and abs(doffs - between) > 0.5:
        fix = "Correct one of them: disparities would be off by the difference"
        raise InputError(expected=f"doffs of {path.name} to be {between:g}, from cam0 to cam1", got=f"{doffs:g}", fix=fix)
    baseline = _number(_entry(entries, "baseline", path), "baseline", path)
    if 0 < baseline < _SMALL:
        note(f"a baseline of {baseline:g} is read as millimetres; if it is metres, give --focal and --baseline", path.name)
    size = None
    if "width" in entries and "height" in entries:
        width, height = (_number(entries[key], key, path) for key in ("width", "height"))
        if not (width.is_integer() and height.is_integer() and min(width, height) >= 1):
            raise InputError(expected=f"width and height of {path.name} as whole numbers of pixels", got=f"{width:g} x {height:g}")
        size = int(width), int(height)
    row = float(left[1, 2]) + 0.5
    centres = (float(left[0, 2]) + 0.5, row), (float(right[0, 2]) + 0.5, row)
    calibration = Calibration(float(left[0, 0]), *centres, baseline * _MILLIMETRE, size)
    _check(calibration, path.name)
    return calibration


def find_pair(folder: str | Path) -> tuple[Path, Path] | None:
    """The left and the right picture in a folder by their usual names, or None; of several the first of ``PAIRS``, with a note."""
    files = dict(files_by_key(folder))
    named = [[[files[stem + end] for end in SUFFIXES if stem + end in files] for stem in pair] for pair in PAIRS]
    found = [(a, b) for left, right in named for a in left for b in right]
    found.sort(key=lambda pair: pair[0].suffix.lower() != pair[1].suffix.lower())  # two of one format before others
    if len(found) > 1:
        note(f"of several pairs, {found[0][0].name} and {found[0][1].name} are read", Path(folder).name)
    return found[0] if found else None


def find_calibration(folder: str | Path) -> Path | None:
    """``calib.txt`` of a folder, in upper or lower case, or None."""
    return dict(files_by_key(folder)).get(CALIBRATION)


def read_stereo(left: str | Path, right: str | Path, calibration: Calibration | str | Path) -> list[SceneFrame]:
    """Two frames, 0 (left) and 1 (right), with the channel ``color``.

    Args:
        left: The left picture.
        right: The right one.
        calibration: Of the pair, or the ``calib.txt`` that holds it.

    Raises:
        InputError: A file that cannot be read, or a calibration that is none.
    """
    if Path(left).resolve() == Path(right).resolve():
        raise InputError(expected="two pictures of a pair", got=f"{Path(left).name} twice", fix="Give the right picture with --right")
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


def _entries(path: Path) -> dict[str, str]:
    """Keys in lower case to their texts; lines are ``key=value`` or ``key: value``, with comments after ``#``."""
    entries: dict[str, str] = {}
    for line in text_lines(read_text(path, "a calibration of the pair")):
        found = re.match(r"\s*([A-Za-z]\w*)\s*[=:]\s*(.*?)\s*(?:#.*)?$", line)
        if found:
            key = found[1].lower()
            if entries.setdefault(key, found[2]) != found[2]:
                raise InputError(expected=f"{key} once in {path.name}", got=f"{printable(entries[key])} and {printable(found[2])}")
    return entries


def _entry(entries: dict[str, str], key: str, path: Path) -> str:
    if key not in entries:
        fix = "Give a calib.txt of Middlebury's 2014 form, or --focal (pixels) and --baseline (scene units)"
        raise InputError(expected=f"{key}= in {path.name}", got=printable(", ".join(entries)) or "no entries", fix=fix)
    return entries[key]


def _matrix(entries: dict[str, str], key: str, path: Path) -> np.ndarray:
    """``(3, 3)`` float64: f 0 cx; 0 f cy; 0 0 1."""
    text = _entry(entries, key, path)
    words = re.split(r"[\s;]+|,\s+", text.strip("[](){} \t"))
    numbers = decimals([word.strip(",[]") for word in words if word.strip(",[]")], f"{key} of {path.name}")
    if len(numbers) != 9:
        raise InputError(expected=f"{key} of {path.name} as nine numbers", got=printable(text))
    found = np.array(numbers).reshape(3, 3)
    rest = [found[0, 1], found[1, 0], found[2, 0], found[2, 1], found[2, 2] - 1]
    if np.abs(rest).max() > 1e-6 or abs(found[1, 1] - found[0, 0]) > 1e-3 * abs(found[0, 0]):
        raise InputError(expected=f"{key} of {path.name} as f 0 cx; 0 f cy; 0 0 1", got=printable(text), fix="Rectify the pictures first")
    return found


def _number(text: str, key: str, path: Path) -> float:
    return decimals([text], f"{key} of {path.name}")[0]

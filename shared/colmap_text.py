"""COLMAP's text models: ``cameras.txt``, ``images.txt`` and ``points3D.txt``.

Blank lines and comments may be anywhere: whether a line is of an image or of its features is seen from the line itself, so that an image
without features needs no empty line below it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from .colmap_records import NONE, ColmapCamera, ColmapImage, ColmapModel
from .errors import InputError
from .notes import note
from .text_file import are_numbers, decimals, is_number, printable, read_text, text_lines, wholes

_COUNT = re.compile(r"#\s*Number of (cameras|images|points)\s*:\s*([0-9]{1,12})\b")


def read(files: dict[str, Path]) -> ColmapModel:
    """Reads a model; ``files`` as in ``colmap_model.ModelFiles``.

    Raises:
        InputError: A line that cannot be read, with its number.
    """
    ids, points = _points(files["points3d"]) if "points3d" in files else (np.zeros(0, np.uint64), np.zeros((0, 3)))
    return ColmapModel(_cameras(files["cameras"]), _images(files["images"]), ids, points)


def count(path: Path) -> int:
    """How many images an ``images.txt`` lists."""
    return sum(_is_image(line.split(None, 9)) for line, _ in _lines(path)[0])


def _lines(path: Path) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """Lines with something on them and where they are, without comments; and the counts that comments say."""
    found: list[tuple[str, str]] = []
    counts: dict[str, int] = {}
    for number, line in enumerate(text_lines(read_text(path)), 1):
        line = line.strip(" \t")
        if line.startswith("#"):
            counts |= {said[1]: int(said[2]) for said in _COUNT.finditer(line)}
        elif line:
            found.append((line, f"line {number} of {path.name}"))
    return found, counts


def _check_count(path: Path, counts: dict[str, int], what: str, found: int) -> None:
    """Notes that a file has another number of things than it says: it broke off, or somebody edited it."""
    if counts.get(what, found) != found:
        note(f"the file says that it has {counts[what]} {what}, and has {found}. If nobody took some out, it broke off", path.name)


def _cameras(path: Path) -> dict[int, ColmapCamera]:
    cameras: dict[int, ColmapCamera] = {}
    lines, counts = _lines(path)
    for line, where in lines:
        words = line.split()
        if len(words) < 5:
            raise InputError(expected=f"CAMERA_ID MODEL WIDTH HEIGHT PARAMS in {where}", got=printable(line))
        [identity], (width, height) = wholes(words[:1], where), decimals(words[2:4], where)
        if not (width.is_integer() and height.is_integer()):
            raise InputError(expected=f"whole numbers in {where}", got=printable(" ".join(words[2:4])))
        if identity in cameras:
            raise InputError(expected=f"CAMERA_ID {identity} once in {path.name}", got=f"it again in {where}")
        parameters = tuple(decimals(words[4:], where, finite=False))
        cameras[identity] = ColmapCamera(words[1].upper(), int(width), int(height), parameters, where)
    _check_count(path, counts, "cameras", len(cameras))
    return cameras


def _is_image(words: list[str]) -> bool:
    """Whether ten words (the last may have spaces) begin as an image's line does, and are not numbers of features only."""
    if len(words) < 10 or not all(map(is_number, words[:9])):
        return False
    return len(words[9].split()) % 3 != 0 or not are_numbers(words[9])


def _images(path: Path) -> list[ColmapImage]:
    lines, counts = _lines(path)
    images: list[ColmapImage] = []
    at = 0
    while at < len(lines):
        line, where = lines[at]
        words = line.split(None, 9)
        if len(words) < 10:
            raise InputError(expected=f"IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME in {where}", got=printable(line))
        number, camera = wholes([words[0], words[8]], where)
        values = np.array(decimals(words[1:8], where, finite=False))
        features, below = lines[at + 1] if at + 1 < len(lines) else ("", where)
        at += 1
        if not features or _is_image(features.split(None, 9)):
            features = ""
        else:
            at += 1
        pixels, points = _features(features.split(), below)
        images.append(ColmapImage(number, values[:4], values[4:], camera, words[9], pixels, points, where))
    _check_count(path, counts, "images", len(images))
    return images


def _features(words: list[str], where: str) -> tuple[np.ndarray, np.ndarray]:
    if len(words) % 3:
        raise InputError(expected=f"triples of X Y POINT3D_ID in {where}", got=f"{len(words)} words: {printable(' '.join(words), 40)}")
    pixels = [decimals(words[axis::3], where, finite=False) for axis in (0, 1)]
    return np.array(pixels, np.float64).T.reshape(-1, 2), np.array(_ids(words[2::3], where), np.uint64)


def _ids(words: list[str], where: str) -> list[int]:
    """POINT3D_IDs, ``NONE`` for -1."""
    values = wholes(words, where)
    if values and (min(values) < -1 or max(values) > NONE):
        raise InputError(expected=f"POINT3D_ID from -1 to {NONE} in {where}", got=str(max(values, key=abs))[:40])
    return [NONE if value < 0 else value for value in values]


def _points(path: Path) -> tuple[np.ndarray, np.ndarray]:
    ids: list[int] = []
    points: list[list[float]] = []
    lines, counts = _lines(path)
    for line, where in lines:
        words = line.split(None, 8)
        if len(words) < 8:
            raise InputError(expected=f"POINT3D_ID X Y Z R G B ERROR in {where}", got=printable(line))
        ids += _ids(words[:1], where)
        points.append(decimals(words[1:4], where, finite=False))
    _check_count(path, counts, "points", len(ids))
    return np.array(ids, np.uint64), np.array(points, np.float64).reshape(-1, 3)

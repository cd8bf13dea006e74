"""Wavefront OBJ in, as programs of all kinds write it. Materials are passed over."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter

import numpy as np

from ....shared.errors import InputError
from ....shared.notes import note
from ....shared.text_file import decimals, decode_text, printable, text_lines
from ....shared.values import Mesh
from .axes import z_up
from .common import broken, count
from .file_colors import linear_colors
from .normals import SHARP, vertex_normals
from .polygons import triangulate

UP_IN_FILE = "its first lines say which axis is up; that is what counts, not the option. Delete that comment if it is wrong"
_NUMBERS = ("v", "vt", "vn")
_FACES = ("f", "fo")
_SKIPPED = {"l": "lines", "p": "points", "curv": "curves", "curv2": "curves", "surf": "free-form surfaces"}
_COMMENT = re.compile(r"(?:^|\s)#.*")
_UP = re.compile(r"\b([yz])[ -]?up\b|\bup(?:[ _-]?axis)?\s*[:=]\s*\+?([yz])\b", re.IGNORECASE)


@dataclasses.dataclass
class _Lines:
    """What the lines of a file hold: numbers of vertices, UVs and normals, and corners of faces, -1 where they name none."""

    numbers: dict[str, list[list[float]]] = dataclasses.field(default_factory=lambda: {kind: [] for kind in _NUMBERS})
    sizes: list[int] = dataclasses.field(default_factory=list)
    corners: list[tuple[int, int, int]] = dataclasses.field(default_factory=list)
    skipped: Counter[str] = dataclasses.field(default_factory=Counter)
    comments: list[str] = dataclasses.field(default_factory=list)


def read(data: bytes, name: str, up: str = "y") -> Mesh:
    """A mesh from a file's bytes, float64: polygons become triangles, negative numbers count from the end.

    Args:
        data: The file.
        name: Its name, for messages and notes.
        up: The axis that points up, ``y`` or ``z``, unless a comment in the file's first lines says it.

    Raises:
        InputError: No OBJ, or a line that makes no sense.
    """
    lines = _parse(decode_text(data, name), name)
    if not lines.numbers["v"] or not lines.sizes:
        raise broken(name, "no vertices" if not lines.numbers["v"] else "no faces (points or lines only?)")
    if lines.skipped:
        found = ", ".join(f"{number:,} {kind}" for kind, number in sorted(lines.skipped.items()))
        note(f"only faces are read; left out: {found}", name)
    table = np.array(lines.corners, np.int64)
    limits = [len(lines.numbers[kind]) for kind in _NUMBERS]
    for column, kind in enumerate(_NUMBERS):
        if table[:, column].max() >= limits[column]:
            raise broken(name, f"a face that names {kind} {table[:, column].max() + 1} of {limits[column]}")
    points = np.array([numbers[:3] for numbers in lines.numbers["v"]], np.float64)
    sizes = np.array(lines.sizes, np.int64)
    faces, entries = triangulate(sizes, table[:, 0], points, name)
    uvs = _uvs(lines, table, sizes, name)
    mesh = Mesh(points, faces, _normals(lines, table, points, faces, name), _colors(lines.numbers["v"], name))
    mesh = dataclasses.replace(mesh, uvs=None if uvs is None else uvs[entries])
    return _turned(mesh, _up(lines.comments, up, name))


def _parse(text: str, name: str) -> _Lines:
    found = _Lines()
    known: dict[str, tuple[int, int, int]] = {}
    begun = ""
    for number, line in enumerate(text_lines(text), 1):
        if "#" in line:
            if not found.numbers["v"]:
                found.comments.append(line)
            line = _COMMENT.sub("", line)
        line = begun + line
        begun = ""
        if "\\" in line and line.rstrip().endswith("\\"):
            begun = line.rstrip()[:-1] + " "
            continue
        words = line.split()
        if not words:
            continue
        key, values = words[0], words[1:]
        if key in _SKIPPED:
            found.skipped[_SKIPPED[key]] += 1
        elif key in _FACES or key in _NUMBERS:
            try:
                if "_" in line or not line.isascii():
                    raise ValueError
                if key in _NUMBERS:
                    found.numbers[key].append(_row(key, [float(word) for word in values]))
                elif len(values) >= 3:
                    found.corners += [known.get(word) or _corner(word, found.numbers, known) for word in values]
                    found.sizes.append(len(values))
                else:
                    found.skipped["faces of fewer than three corners"] += 1
            except (ValueError, IndexError):
                raise _wrong_line(key, values, number, line, name) from None
    return found


def _row(kind: str, values: list[float]) -> list[float]:
    if len(values) < (1 if kind == "vt" else 3):
        raise IndexError
    return values


def _wrong_line(key: str, values: list[str], number: int, line: str, name: str) -> InputError:
    if key in _NUMBERS:
        try:
            decimals(values, f"line {number} of {name}")
        except InputError as error:
            return error
    return broken(name, f"line {number}: {printable(line.strip(), 60)!r}")


def _corner(word: str, numbers: dict[str, list[list[float]]], known: dict[str, tuple[int, int, int]]) -> tuple[int, int, int]:
    """Vertex, UV and normal of a corner, from 0; -1 for none. Corners that mean the same on every line become ``known``."""
    parts = word.split("/")
    if len(parts) > 3 or not parts[0]:
        raise ValueError
    found = [-1, -1, -1]
    for k, part in enumerate(parts):
        if part:
            n = int(part)
            found[k] = n - 1 if n > 0 else len(numbers[_NUMBERS[k]]) + n
            if n == 0 or not 0 <= found[k] < 1 << 40:
                raise ValueError
    corner = (found[0], found[1], found[2])
    if "-" not in word:
        known[word] = corner
    return corner


def _uvs(lines: _Lines, table: np.ndarray, sizes: np.ndarray, name: str) -> np.ndarray | None:
    """UVs of the corners, ``(C, 2)``, if all have some."""
    given = table[:, 1] >= 0
    if not given.any():
        return None
    if not given.all():
        without = np.bincount(np.repeat(np.arange(len(sizes)), sizes), ~given, len(sizes)) > 0
        note(f"{count(without)} faces have no UVs, so the UVs of the others are not used either", name)
        return None
    return np.array([(values[0], values[1] if len(values) > 1 else 0.0) for values in lines.numbers["vt"]], np.float64)[table[:, 1]]


def _normals(lines: _Lines, table: np.ndarray, points: np.ndarray, faces: np.ndarray, name: str) -> np.ndarray | None:
    """One for each vertex: the mean of its corners', or of its faces' where those are missing."""
    given = table[:, 2] >= 0
    if not given.any():
        return None
    if not given.all():
        note(f"{count(~given)} corners have no normal; vertices without one get the mean of their faces'", name)
    each = np.array([values[:3] for values in lines.numbers["vn"]], np.float64)[table[given, 2]]
    length = np.linalg.norm(each, axis=1, keepdims=True)
    each = each / np.where(length > 0, length, 1)
    total = np.zeros((len(points), 3))
    np.add.at(total, table[given, 0], each)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    missing = ~(length[:, 0] > 1e-9) & np.isfinite(length[:, 0])
    mean = total / np.where(length > 1e-9, length, 1)
    if ((mean[table[given, 0]] * each).sum(1) < np.cos(SHARP)).any():
        note("its normals differ between the faces at a vertex (hard edges); their mean is used, so edges are shaded smooth", name)
    if missing.any():
        mean[missing] = vertex_normals(points, faces)[missing]
    return mean


def _colors(vertices: list[list[float]], name: str) -> np.ndarray | None:
    """Colours behind the positions, ``(N, 3)`` scene-linear; a fourth number alone is a weight, which triangles have no use for."""
    given = np.array([len(values) >= 6 for values in vertices])
    if any(len(values) == 5 or (len(values) == 4 and values[3] != 1) for values in vertices):
        note("its vertices have weights, or other numbers behind their positions that are no colours; they are left out", name)
    if not given.any():
        return None
    if not given.all():
        note(f"{count(~given)} vertices have no colour; they are white", name)
    values = np.array([values[3:6] if len(values) >= 6 else (np.nan,) * 3 for values in vertices], np.float64)
    colors = linear_colors(values, "float", name)
    colors[~given] = 1
    return colors


def _up(comments: list[str], up: str, name: str) -> str:
    said = {(found[1] or found[2]).lower() for comment in comments for found in _UP.finditer(comment)}
    if len(said) == 1 and said != {up}:
        note(UP_IN_FILE, name)
        return said.pop()
    return up


def _turned(mesh: Mesh, up: str) -> Mesh:
    if up == "z":
        return mesh
    return dataclasses.replace(mesh, vertices=z_up(mesh.vertices), normals=None if mesh.normals is None else z_up(mesh.normals))

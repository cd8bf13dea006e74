"""Solved tracks as a file: points in the world, and where each was seen.

    {"points": [[x, y, z], ...], "observations": [[frame, point, u, v], ...]}

``frame`` is a frame's number, ``point`` counts from 0 in ``points``, ``u`` and ``v`` are pixels from the top left of the picture as
it is on disk. Points are in world space and scene units, z up as in Blender.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .digest import write_whole
from .errors import InputError
from .json_file import read_json
from .values import Tracks

FILE = "tracks.json"
"""Its usual name, next to ``transforms.json``."""
_FIX = "Export the tracks again"
_LARGEST_FRAME = 2**31 - 1
_FARTHEST = 1e7
"""Pixels from the corner of a picture."""


def read_tracks(source: str | Path) -> Tracks:
    """Reads tracks from a file, or from ``tracks.json`` in a folder.

    Raises:
        InputError: No such file, not JSON, a row that is not as long as it should be, numbers that are not finite, an observation of
            a point that is not listed. The message names the row.
    """
    path = Path(source)
    if path.is_dir():
        path /= FILE
    data = read_json(path, "solved tracks", _FIX)
    if not isinstance(data, dict):
        raise InputError(expected=f'{path.name} to be an object with "points" and "observations"', got=type(data).__name__, fix=_FIX)
    points = _table(data, "points", 3, path)
    seen = _table(data, "observations", 4, path)
    whole = (seen[:, :2] == np.rint(seen[:, :2])) & (np.abs(seen[:, :2]) <= _LARGEST_FRAME)
    _no_row(~whole.all(1), f"{path.name}: observation {{row}} to begin with whole numbers, frame and point", seen)
    _no_row(np.abs(seen[:, 2:]).max(1) > _FARTHEST, f"{path.name}: observation {{row}} to be seen in pixels of a picture", seen)
    wrong = (seen[:, 1] < 0) | (seen[:, 1] >= len(points))
    _no_row(wrong, f"{path.name}: observation {{row}} to name a point from 0 to {len(points) - 1}", seen)
    numbers = seen[:, :2].astype(np.int32)
    return Tracks(points, numbers[:, 0].copy(), numbers[:, 1].copy(), seen[:, 2:].astype(np.float32))


def write_tracks(tracks: Tracks, path: str | Path) -> Path:
    """Writes tracks, to ``tracks.json`` where ``path`` is a folder; gives the file.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    path = Path(path)
    path = path / FILE if path.is_dir() else path
    columns = (tracks.frames.tolist(), tracks.indices.tolist(), *tracks.pixels.astype(np.float64).round(4).T.tolist())
    data = {"points": tracks.points.tolist(), "observations": [list(row) for row in zip(*columns, strict=True)]}
    write_whole(path, (json.dumps(data) + "\n").encode())
    return path


def _table(data: dict[str, Any], name: str, width: int, path: Path) -> np.ndarray:
    """``(N, width)`` float64, all finite."""
    rows = data.get(name)
    if not isinstance(rows, list) or not rows:
        got = "an empty list" if rows == [] else type(rows).__name__ if name in data else "none"
        raise InputError(expected=f'{path.name} to have a list "{name}" of rows of {width} numbers', got=got, fix=_FIX)
    for number, row in enumerate(rows):
        numbers = isinstance(row, list) and len(row) == width and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in row)
        if not numbers:
            raise InputError(expected=f"{path.name}: row {number} of {name} as {width} numbers", got=repr(row)[:80], fix=_FIX)
    try:
        table = np.array(rows, np.float64)
    except OverflowError as error:
        raise InputError(expected=f"{path.name}: numbers in {name}", got="one that is too large", fix=_FIX) from error
    bad = np.asarray(~np.isfinite(table).all(axis=1))
    _no_row(bad, f"{path.name}: row {{row}} of {name} as finite numbers", table)
    return table


def _no_row(wrong: np.ndarray, expected: str, table: np.ndarray) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(expected=expected.format(row=row), got=str(table[row].tolist())[:80], fix=_FIX)

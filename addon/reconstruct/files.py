"""What a capture for a reconstruction leaves on disk beside ``transforms.json``, so that a job can be sent again from there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ...shared.errors import InputError
from ...shared.values import Mesh, Tracks

TRACKS = "tracks.json"
MESH = "mesh.npz"


def write_tracks(folder: Path, tracks: Tracks) -> Path:
    """Writes ``tracks.json``: points in world space, and one row ``[frame, index, column, row]`` for each observation."""
    rows = zip(tracks.frames.tolist(), tracks.indices.tolist(), *tracks.pixels.T.tolist(), strict=True)
    data = {"points": tracks.points.tolist(), "observations": [[f, i, round(u, 4), round(v, 4)] for f, i, u, v in rows]}
    path = folder / TRACKS
    path.write_text(json.dumps(data) + "\n", encoding="utf-8")
    return path


def read_tracks(folder: Path) -> Tracks:
    """Reads what ``write_tracks`` wrote.

    Raises:
        InputError: No such file, or not one.
    """
    path = folder / TRACKS
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        points = np.array(data["points"], np.float64).reshape(-1, 3)
        table = np.array(data["observations"], np.float64).reshape(-1, 4)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(expected=f"solved tracks at {path}", got=str(error), fix="Capture again") from error
    return Tracks(points, table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2:].astype(np.float32))


def write_mesh(folder: Path, mesh: Mesh) -> Path:
    """Writes ``mesh.npz``: vertices, faces and UVs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MESH
    arrays = {"vertices": mesh.vertices, "faces": mesh.faces} | ({"uvs": mesh.uvs} if mesh.uvs is not None else {})
    np.savez(path, **arrays)
    return path


def read_mesh(folder: Path) -> Mesh:
    """Reads what ``write_mesh`` wrote.

    Raises:
        InputError: No such file, or not one.
    """
    path = folder / MESH
    try:
        with np.load(path, allow_pickle=False) as data:
            return Mesh(data["vertices"], data["faces"], uvs=data["uvs"] if "uvs" in data.files else None)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(expected=f"a mesh at {path}", got=str(error), fix="Unwrap and bake again") from error

"""A mesh that is sent, as a file, so that its job can be sent again from there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...shared.errors import InputError
from ...shared.values import Mesh

MESH = "mesh.npz"


def write_mesh(folder: Path, mesh: Mesh) -> Path:
    """Writes ``mesh.npz``: vertices, faces and UVs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MESH
    uvs = mesh.uvs if mesh.uvs is not None else np.zeros((0, 3, 2), np.float32)
    np.savez(path, vertices=mesh.vertices, faces=mesh.faces, uvs=uvs)
    return path


def read_mesh(folder: Path) -> Mesh:
    """Reads what ``write_mesh`` wrote.

    Raises:
        InputError: No such file, or not one.
    """
    path = folder / MESH
    try:
        with np.load(path, allow_pickle=False) as data:
            return Mesh(data["vertices"], data["faces"], uvs=data["uvs"] if len(data["uvs"]) else None)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(expected=f"a mesh at {path}", got=str(error), fix="Unwrap and bake again") from error

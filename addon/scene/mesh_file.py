"""A mesh that is sent, as a file, so that its job can be sent again from there."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ...shared.errors import InputError
from ...shared.origin import ZERO
from ...shared.values import Mesh

MESH = "mesh.npz"
_MORE = ("normals", "colors", "uvs")
_ATTRIBUTE = "attribute "


def write_mesh(folder: Path, mesh: Mesh) -> Path:
    """Writes ``mesh.npz``: all that the mesh has, as it is, but its texture."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MESH
    arrays = {"vertices": mesh.vertices, "faces": mesh.faces, "origin": np.array(mesh.origin, np.float64)}
    arrays |= {name: values for name in _MORE if (values := getattr(mesh, name)) is not None}
    arrays |= {_ATTRIBUTE + name: values for name, values in mesh.attributes.items()}
    with zipfile.ZipFile(path, "w") as archive:  # np.savez takes names as arguments, which some cannot be
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(values), allow_pickle=False)
    return path


def read_mesh(folder: Path) -> Mesh:
    """Reads what ``write_mesh`` wrote.

    Raises:
        InputError: No such file, or not one.
    """
    path = folder / MESH
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            more = {name: data[name] for name in _MORE if name in data and len(data[name])}
            attributes = {name.removeprefix(_ATTRIBUTE): data[name] for name in data if name.startswith(_ATTRIBUTE)}
            x, y, z = (float(k) for k in data["origin"]) if "origin" in data else ZERO
            return Mesh(data["vertices"], data["faces"], attributes=attributes, origin=(x, y, z), **more)
    except (OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(expected=f"a mesh at {path}", got=str(error), fix="Unwrap and bake again") from error

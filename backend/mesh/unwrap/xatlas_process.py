"""Runs xatlas on the mesh in a folder; a program of its own, because xatlas cannot be stopped otherwise. Used by ``unwrap.py``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    """Reads ``mesh.npz`` and writes ``charts.npz``: ``mapping`` (V,), ``corners`` (M, 3) and ``uvs`` (V, 2) in one unit."""
    import xatlas

    with np.load(folder / "mesh.npz", allow_pickle=False) as data:
        vertices, faces = data["vertices"], data["faces"]
    atlas = xatlas.Atlas()
    atlas.add_mesh(vertices, faces)
    pack = xatlas.PackOptions()
    pack.create_image = False
    atlas.generate(xatlas.ChartOptions(), pack)
    mapping, corners, uvs = atlas[0]
    # UVs are given as parts of the atlas, which need not be square.
    np.savez(folder / "charts.npz", mapping=mapping, corners=corners, uvs=uvs * (atlas.width, atlas.height))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

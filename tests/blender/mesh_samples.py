"""Meshes as files for Blender, and what Blender wrote as meshes: run by the backend's Python, imported by Blender's.

``python mesh_samples.py write FOLDER`` writes every sample in every format; ``python mesh_samples.py read FOLDER`` reads every mesh file
in a folder and prints, as JSON by name, its corners, area and volume.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from backlot.shared.values import Image, Mesh

FORMATS = ("ply", "obj", "glb", "usda", "usdz")
STEM = "gr\u00f6\u00dfe 2"
"""Of a file whose name has a letter beyond ASCII and a space."""


def samples() -> dict[str, Mesh]:
    """Meshes with more and more to keep; coordinates and attributes need all digits of float32."""
    generator = np.random.default_rng(7)
    side = 6
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    noise = generator.uniform(-0.3, 0.3, (side * side, 3))
    points = (np.stack([x.ravel(), 2 * y.ravel(), 3 + 0.5 * x.ravel()], 1) + noise) * 7.123456 + (123.4567, -45.67891, 6.7891234)
    corner = (np.arange(side - 1) + side * np.arange(side - 1)[:, None]).ravel()
    faces = np.concatenate([np.stack([corner, corner + 1, corner + side + 1], 1), np.stack([corner, corner + side + 1, corner + side], 1)])
    vertices = points.astype(np.float32)
    normals = generator.normal(0, 0.2, (len(vertices), 3)) + np.array([0, 0, 1])
    normals = (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)
    colors = generator.uniform(0, 1, (len(vertices), 3)).astype(np.float32)
    uvs = generator.uniform(0, 1, (len(faces), 3, 2)).astype(np.float32)
    attributes = {
        "confidence": generator.uniform(0, 1, len(vertices)).astype(np.float32),
        "invented": (generator.uniform(0, 1, len(vertices)) > 0.5).astype(np.float32),
        "flow": generator.normal(0, 1e-3, (len(vertices), 3)).astype(np.float32),
    }
    faces = faces.astype(np.int32)
    picture = Image(generator.integers(0, 256, (16, 8, 3)).astype(np.uint8), "srgb")
    cut_out = Image(generator.integers(0, 256, (16, 8, 4)).astype(np.uint8), "srgb")
    return {
        "plain": Mesh(vertices, faces),
        "normals": Mesh(vertices, faces, normals),
        "colors": Mesh(vertices, faces, colors=colors),
        "attributes": Mesh(vertices, faces, normals, colors, None, attributes),
        "uvs": Mesh(vertices, faces, uvs=uvs, attributes={"confidence": attributes["confidence"]}),
        "textured": Mesh(vertices, faces, normals, colors, uvs, attributes, picture),
        "alpha": Mesh(vertices, faces, uvs=uvs, texture=cut_out),
        STEM: Mesh(vertices, faces, uvs=uvs, texture=picture),
    }


def write(folder: Path) -> None:
    from backlot.backend.io.direct import save

    for name, mesh in samples().items():
        for suffix in FORMATS:
            save(mesh, folder / f"{name}.{suffix}")
    save(samples()["normals"], folder / "z_up.obj", obj_up="z")


def read(folder: Path) -> dict[str, dict[str, object]]:
    from backlot.backend.io.meshes import READABLE, decode_mesh
    from backlot.shared.inputs import read_input
    from backlot.shared.notes import collect_notes
    from backlot.shared.operations import find

    found: dict[str, dict[str, object]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in READABLE:
            continue
        with collect_notes() as notes:
            mesh = decode_mesh(read_input(find("reconstruct.texture").inputs[0], path))
        a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
        across = np.cross(b - a, c - a)
        found[path.name] = {
            "points": np.unique(np.round(mesh.vertices.astype(np.float64), 4), axis=0).tolist(),
            "area": float(np.linalg.norm(across, axis=1).sum() / 2),
            "volume": float((a * across).sum() / 6),
            "uvs": None if mesh.uvs is None else mesh.uvs.reshape(-1, 2).tolist(),
            "attributes": sorted(mesh.attributes),
            "notes": notes.sentences(),
        }
    return found


if __name__ == "__main__":
    verb, where = sys.argv[1], Path(sys.argv[2])
    if verb == "write":
        write(where)
    else:
        print(json.dumps(read(where)))

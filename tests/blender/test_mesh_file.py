"""A mesh that is sent again is the same; a file that is damaged is a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from backlot.addon.scene import mesh_file
from backlot.shared.errors import InputError
from backlot.shared.values import Mesh


def test_a_mesh_that_is_sent_again_is_the_same(tmp_path):
    generator = np.random.default_rng(0)
    vertices, normals, colors = (generator.uniform(0, 1, (4, 3)).astype(np.float32) for _ in range(3))
    attributes = {"confidence": np.float32([0, 1, 2, 3]), "file": np.float32([3, 2, 1, 0]), "a/b": vertices}
    faces, uvs = np.int32([[0, 1, 2], [0, 2, 3]]), generator.uniform(0, 1, (2, 3, 2)).astype(np.float32)
    mesh = Mesh(vertices, faces, normals, colors, uvs, attributes, origin=(500000.0, 4600000.0, 0.0))
    mesh_file.write_mesh(tmp_path, mesh)
    back = mesh_file.read_mesh(tmp_path)
    for name in ("vertices", "faces", "normals", "colors", "uvs"):
        np.testing.assert_array_equal(getattr(back, name), getattr(mesh, name))
    assert back.origin == mesh.origin
    assert set(back.attributes) == set(attributes)
    for name, values in attributes.items():
        np.testing.assert_array_equal(back.attributes[name], values)


def test_a_damaged_mesh_is_a_sentence(tmp_path):
    path = mesh_file.write_mesh(tmp_path, Mesh(np.zeros((3, 3), np.float32), np.int32([[0, 1, 2]])))
    assert mesh_file.read_mesh(tmp_path).uvs is None
    whole = path.read_bytes()
    for data in (b"", b"PK", whole[:-40], whole[: len(whole) // 2], b"\x93NUMPY", b"no zip"):
        path.write_bytes(data)
        with pytest.raises(InputError, match="Unwrap and bake again"):
            mesh_file.read_mesh(tmp_path)

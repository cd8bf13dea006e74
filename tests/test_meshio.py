"""Meshes read back by another library are what was written."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
import trimesh
from backlot.backend.imaging import to_srgb
from backlot.backend.reconstruct.meshio import encode_mesh
from backlot.shared.errors import InputError
from backlot.shared.values import Mesh


@pytest.fixture
def mesh() -> Mesh:
    vertices = np.float32([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]]) + np.float32([10, 20, 30])
    faces = np.int32([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    normals = np.float32([[-1, 0, 0], [0.6, 0.8, 0], [0, 1, 0], [0, 0, 1]])
    colors = np.float32([[1, 0, 0], [0.18, 0.18, 0.18], [0, 0.5, 1], [0.002, 3.0, -1]])
    return Mesh(vertices, faces, normals, colors)


def load(data: bytes, suffix: str) -> trimesh.Trimesh:
    return trimesh.load(io.BytesIO(data), file_type=suffix, process=False, force="mesh")


def test_ply(mesh):
    back = load(encode_mesh(mesh, "ply"), "ply")
    np.testing.assert_array_equal(back.vertices, mesh.vertices)
    np.testing.assert_array_equal(back.faces, mesh.faces)
    raw = back.metadata["_ply_raw"]["vertex"]["data"]  # trimesh computes its own normals
    np.testing.assert_array_equal(np.stack([raw[name] for name in ("nx", "ny", "nz")], -1).reshape(-1, 3), mesh.normals)
    expected = np.rint(to_srgb(np.clip(mesh.colors, 0, 1)) * 255)
    np.testing.assert_array_equal(back.visual.vertex_colors[:, :3], expected)
    assert expected[1, 0] == 118  # 18 % gray in sRGB


def test_obj(mesh):
    data = encode_mesh(mesh, ".obj")
    back = load(data, "obj")
    order = [int(np.abs(back.vertices - v).sum(1).argmin()) for v in mesh.vertices]
    np.testing.assert_allclose(back.vertices[order], mesh.vertices, rtol=1e-6)
    written = [[int(corner.split("//")[0]) - 1 for corner in line.split()[1:]] for line in data.decode().splitlines() if line[:2] == "f "]
    np.testing.assert_array_equal(written, mesh.faces)
    rows = np.array([[float(x) for x in line.split()[1:]] for line in data.decode().splitlines() if line[:2] == "v "])
    np.testing.assert_allclose(rows[:, 3:], to_srgb(np.clip(mesh.colors, 0, 1)), atol=1e-4)


def test_glb_is_y_up_and_linear(mesh):
    data = encode_mesh(mesh, "glb")
    back = load(data, "glb")
    x, y, z = mesh.vertices.T
    np.testing.assert_allclose(back.vertices, np.stack([x, z, -y], 1))
    np.testing.assert_array_equal(back.faces, mesh.faces)
    magic, version, length, head = struct.unpack_from("<4sIII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    document = json.loads(data[20 : 20 + head])
    body = data[20 + head + 8 :]
    accessor = document["accessors"][document["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]]
    view = document["bufferViews"][accessor["bufferView"]]
    colors = np.frombuffer(body, "<f4", accessor["count"] * 4, view["byteOffset"]).reshape(-1, 4)
    np.testing.assert_allclose(colors[:, :3], np.clip(mesh.colors, 0, 1))
    assert back.volume == pytest.approx(1.0)  # a turn, not a mirror: the faces still look outwards


@pytest.mark.parametrize("suffix", ["ply", "obj", "glb"])
def test_without_normals_and_colors(mesh, suffix):
    back = load(encode_mesh(Mesh(mesh.vertices, mesh.faces), suffix), suffix)
    assert (len(back.vertices), len(back.faces)) == (4, 4)


def test_many_rows_of_obj():
    count = 70000
    vertices = np.random.default_rng(0).uniform(-1, 1, (count, 3)).astype(np.float32)
    faces = np.arange(count - count % 3, dtype=np.int32).reshape(-1, 3)
    back = load(encode_mesh(Mesh(vertices, faces), "obj"), "obj")
    np.testing.assert_allclose(back.triangles.reshape(-1, 3), vertices[faces.ravel()], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "suffix", "message"),
    [
        ({}, "stl", "mesh file"),
        ({"faces": np.int32([[0, 1, 4]])}, "ply", "name vertices"),
        ({"faces": np.zeros((2, 4), np.int32)}, "ply", "faces"),
        ({"colors": np.zeros((3, 3), np.float32)}, "ply", "colors"),
        ({"vertices": np.full((4, 3), np.nan, np.float32)}, "obj", "finite"),
        ({"faces": np.zeros((0, 3), np.int32)}, "glb", "empty mesh"),
    ],
)
def test_bad_meshes_are_refused(mesh, change, suffix, message):
    fields = {name: getattr(mesh, name) for name in ("vertices", "faces", "normals", "colors")} | change
    with pytest.raises(InputError, match=message):
        encode_mesh(Mesh(**fields), suffix)

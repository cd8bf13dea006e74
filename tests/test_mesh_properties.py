"""Any mesh comes back as it was written, in every format that is read; any damage to a file is an ``InputError``, and soon."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
from gltf_builder import Gltf
from hypothesis import given, settings
from hypothesis import strategies as st

from backlot.backend.core.color import to_srgb
from backlot.backend.io.meshes import decode_mesh, encode_mesh
from backlot.backend.io.writing import encode
from backlot.shared.errors import InputError
from backlot.shared.values import EncodedFile, Image, Mesh

FORMATS = ("ply", "obj", "glb")
WORDS = ("0", "-1", "99999999999", "1e308", "nan", "-", "[]", "{}", '""', "null", "2147483647", "4294967295", "1.5", "true")
PARTS = ("normals", "colors", "uvs", "attributes", "texture")
ASCII = b"""ply
format ascii 1.0
element vertex 5
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
property float s
property float t
element face 3
property list uchar int vertex_indices
end_header
0 0 0 255 0 0 0 0
1 0 0 0 255 0 1 0
1 1 0 0 0 255 1 1
0 1 0 9 9 9 0 1
0.5 2 1e-1 1 2 3 .5 .5
4 0 1 2 3
3 0 1 4
5 0 1 2 4 3
"""


@st.composite
def meshes(draw: st.DrawFn) -> Mesh:
    """Meshes with any of the parts, at any scale and position that float32 has room for, with vertices that no face names."""
    generator = np.random.default_rng(draw(st.integers(0, 2**31)))
    count, parts = draw(st.integers(3, 40)), draw(st.sets(st.sampled_from(PARTS)))
    scale, shift = 10.0 ** draw(st.integers(-6, 6)), draw(st.sampled_from([0.0, 0.1, -37.7, 1234.5]))
    vertices = (generator.normal(0, scale, (count, 3)) + shift * scale).astype(np.float32)
    faces = np.stack([generator.permutation(count)[:3] for _ in range(draw(st.integers(1, 60)))]).astype(np.int32)
    normals = generator.normal(0, 1, (count, 3))
    normals = (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)
    names = draw(st.lists(st.sampled_from(["confidence", "invented", "heat", "flow"]), unique=True)) if "attributes" in parts else []
    attributes = {n: generator.normal(0, 9, (count, 3) if n == "flow" else count).astype(np.float32) for n in names}
    uvs = generator.uniform(-1, 2, (len(faces), 3, 2)).astype(np.float32) if {"uvs", "texture"} & parts else None
    picture = Image(generator.integers(0, 256, (3, 2, draw(st.sampled_from([3, 4])))).astype(np.uint8), "srgb")
    return Mesh(vertices, faces, normals if "normals" in parts else None,
                generator.uniform(0, 1, (count, 3)).astype(np.float32) if "colors" in parts else None, uvs, attributes,
                picture if "texture" in parts else None)  # fmt: skip


def read(data: bytes, name: str, up: str = "y") -> Mesh:
    return decode_mesh(EncodedFile(np.frombuffer(data, np.uint8), name), up)


def world(mesh: Mesh) -> np.ndarray:
    """Corners of faces in world space, ``(M, 3, 3)`` float64."""
    return mesh.vertices.astype(np.float64)[mesh.faces] + np.array(mesh.origin)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("up", ["y", "z"])
@given(mesh=meshes())
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(suffix, up, mesh):
    back = read(encode_mesh(mesh, suffix, obj_up=up), f"a.{suffix}", up)
    size = np.abs(mesh.vertices).max()
    np.testing.assert_allclose(world(back), world(mesh), rtol=1e-6, atol=1e-6 * size)
    assert (back.uvs is None) == (mesh.uvs is None)
    if mesh.uvs is not None:
        np.testing.assert_allclose(back.uvs, mesh.uvs, atol=1e-6)
    assert (back.normals is None) == (mesh.normals is None)
    if mesh.normals is not None:
        np.testing.assert_allclose(back.normals[back.faces], mesh.normals[mesh.faces], atol=1e-6)
    assert (back.colors is None) == (mesh.colors is None)
    if mesh.colors is not None:
        exact = 0.51 / 255 if suffix == "ply" else 2e-6
        np.testing.assert_allclose(to_srgb(back.colors[back.faces]), to_srgb(mesh.colors[mesh.faces]), atol=exact)
    assert set(back.attributes) == (set() if suffix == "obj" else set(mesh.attributes))
    for name, values in back.attributes.items():
        np.testing.assert_array_equal(values[back.faces], mesh.attributes[name][mesh.faces])
    if suffix == "glb" and mesh.texture is not None:
        np.testing.assert_array_equal(back.texture.pixels, mesh.texture.pixels)
    assert (back.vertices.dtype, back.faces.dtype) == (np.float32, np.int32)


@pytest.mark.parametrize("suffix", ["ply", "glb", "usda"])
@given(
    names=st.lists(
        st.one_of(st.text(max_size=8), st.sampled_from(["x", "red", "S", "color", "st", "a b", "A_B", "flow_x"])), unique=True, max_size=5
    )
)
@settings(max_examples=60, deadline=None)
def test_attributes_of_any_name_are_kept(suffix, names):
    """Under the nearest name that the format allows, each under one of its own, and nothing else is mistaken for one of them."""
    vertices, faces = np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0]]), np.int32([[0, 1, 2]])
    attributes = {name: np.float32([k + 0.5, 2 * k, 3 * k]) for k, name in enumerate(names)}
    data = encode_mesh(Mesh(vertices, faces, colors=np.ones((3, 3), np.float32), attributes=attributes), suffix)
    if suffix == "usda":
        assert data.decode("ascii").count("float[] primvars:") == len(names)
        return
    back = read(data, f"a.{suffix}")
    np.testing.assert_array_equal(back.vertices, vertices)
    np.testing.assert_allclose(back.colors, 1)
    assert sorted(values.tolist() for values in back.attributes.values()) == sorted(values.tolist() for values in attributes.values())


def everything() -> Gltf:
    """A document with all that the reader follows."""
    build = Gltf()
    square = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    more = {"JOINTS_0": build.data(np.zeros((4, 4), np.uint8), "u1"), "WEIGHTS_0": build.data(np.float32([[1, 0, 0, 0]] * 4)),
            "NORMAL": build.data(np.float32([[0, 0, 1]] * 4)), "TEXCOORD_0": build.data(square[:, :2].copy()),
            "COLOR_0": build.data(np.zeros((4, 4), np.uint8), "u1", normalized=True),
            "_HEAT": build.data(np.float32([1, 2, 3, 4]))}  # fmt: skip
    part = build.part(square, [0, 1, 3, 2], 5, **more)
    part["targets"] = [{"POSITION": build.data(square)}]
    index, values = build.view(np.uint16([1]).tobytes()), build.view(np.float32([[5, 0, 0]]).tobytes())
    sparse = {"count": 1, "indices": {"bufferView": index, "componentType": 5123}, "values": {"bufferView": values}}
    build.document["accessors"][part["attributes"]["POSITION"]]["sparse"] = sparse
    build.document["meshes"][0]["weights"] = [0.5]
    instances = {"TRANSLATION": build.data(np.float32([[0, 0, 0], [3, 0, 0]]))}
    build.document["nodes"] = [{"mesh": 0, "skin": 0, "extensions": {"EXT_mesh_gpu_instancing": {"attributes": instances}}},
                               {"rotation": [0, 0, 0, 1], "children": [0]}]  # fmt: skip
    build.document["scenes"] = [{"nodes": [1]}]
    picture = build.view(encode(Image(np.zeros((2, 2, 3), np.uint8), "srgb"), "png"))
    build.document |= {"images": [{"bufferView": picture, "mimeType": "image/png"}], "textures": [{"source": 0}]}
    moved = {"index": 0, "extensions": {"KHR_texture_transform": {"offset": [0.5, 0], "rotation": 1, "scale": [2, 2], "texCoord": 1}}}
    build.document["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": moved, "baseColorFactor": [1, 0.5, 1, 1]}}]
    uvs = {"TEXCOORD_0": more["TEXCOORD_0"], "TEXCOORD_1": build.data(square[:, :2].copy()), "_FLOW": build.data(square.copy())}
    build.part(square, None, 6, **uvs)["material"] = 0
    build.part(square, [0, 1], 1)
    build.document["nodes"].append({"mesh": 0, "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 7, 0, 0, 1]})
    build.document["scenes"][0]["nodes"].append(2)
    build.document["skins"] = [{"joints": [1], "inverseBindMatrices": build.data(np.eye(4, dtype=np.float32)[None])}]
    return build


def whole_files() -> dict[str, bytes]:
    generator = np.random.default_rng(3)
    mesh = Mesh(generator.normal(0, 1, (4, 3)).astype(np.float32), np.int32([[0, 1, 2], [0, 2, 3]]),
                np.float32([[0, 0, 1]] * 4), np.full((4, 3), 0.5, np.float32), generator.uniform(0, 1, (2, 3, 2)).astype(np.float32),
                {"heat": np.float32([1, 2, 3, 4])}, Image(np.zeros((2, 2, 3), np.uint8), "srgb"))  # fmt: skip
    big = b"ply\nformat binary_big_endian 1.0\nelement vertex 3\nproperty double x\nproperty double y\nproperty double z\n"
    big += (
        b"element tristrips 1\nproperty list int int vertex_indices\nelement face 2\nproperty list uchar int vertex_indices\nend_header\n"
    )
    big += np.arange(9, dtype=">f8").tobytes() + np.array([4, 0, 1, 2, -1], ">i4").tobytes()
    big += b"\3" + np.array([0, 1, 2], ">i4").tobytes() + b"\4" + np.array([0, 1, 2, 0], ">i4").tobytes()
    build = everything()
    foreign = b"# z up\nv 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 1 1 0 0 0 1\nv 0 1 0 0 0 0\nv .5 .2 0 0 0 0\nvt 0 0\nvn 0 0 1\n"
    foreign += b"f 1/1/1 2/1/1 3/1/1 4//1 5\nl 1 2\n"
    foreign += b"v 3 0 0 1 1 1 1\nv 1 1 0 255 0 0\nv 2 -1 0\nv 2.5 2 0 0.5\nf -4 2 -3 -2 -1 4\nf 1 1 2\nf 1 \\\n2\n"
    return {**{f"own.{suffix}": encode_mesh(mesh, suffix) for suffix in FORMATS}, "text.ply": ASCII, "strips.ply": big,
            "all.glb": build.binary(), "all.gltf": build.text(), "foreign.obj": foreign}  # fmt: skip


FILES = whole_files()


def test_the_files_are_whole():
    for name, data in FILES.items():
        assert len(read(data, name).faces), name


def survives(data: bytes, name: str) -> None:
    started = time.monotonic()
    mesh, message = None, name
    try:
        mesh = read(data, name)
    except InputError as error:
        message = str(error)
    assert name in message
    if mesh is not None:
        assert np.isfinite(mesh.vertices).all()
        assert 0 <= mesh.faces.min() <= mesh.faces.max() < len(mesh.vertices)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("name", FILES)
def test_files_that_break_off(name):
    data = FILES[name]
    for length in range(0, len(data), max(1, len(data) // 300)):
        survives(data[:length], name)


@pytest.mark.parametrize("name", FILES)
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6), cut=st.booleans())
@settings(max_examples=250, deadline=None)
def test_files_with_other_bytes(name, changes, cut):
    data = bytearray(FILES[name])
    for where, value in changes:
        at = int(where * len(data))
        if cut:
            del data[at : at + 1 + value % 7]
        else:
            data[at] = value
    survives(bytes(data), name)


@pytest.mark.parametrize("name", FILES)
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from(WORDS)), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_files_with_other_numbers(name, changes):
    """Where a number stands in the text (or the header) of a file, something else does."""
    data = FILES[name]
    for where, text in changes:
        numbers = list(re.finditer(rb"-?\d+(?:\.\d+)?", data[:4000]))
        found = numbers[int(where * len(numbers))]
        data = data[: found.start()] + text.encode() + data[found.end() :]
    survives(data, name)

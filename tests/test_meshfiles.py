"""Meshes read back, by another library and by our own readers, are what was written; foreign and broken files are told apart."""

from __future__ import annotations

import io
import json
import struct
import zipfile

import numpy as np
import pytest
import trimesh

from backlot.backend.core.color import to_linear, to_srgb
from backlot.backend.io.direct import call, save
from backlot.backend.io.meshes import companions, decode_mesh, encode_mesh
from backlot.backend.io.reading import decode
from backlot.backend.runtime.delivery import deliver
from backlot.shared.errors import InputError, ParameterError
from backlot.shared.events import Finished
from backlot.shared.notes import collect_notes
from backlot.shared.operations import find
from backlot.shared.outputs import Writer
from backlot.shared.values import EncodedFile, Image, Mesh


@pytest.fixture
def mesh() -> Mesh:
    vertices = np.float32([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]]) + np.float32([10, 20, 30])
    faces = np.int32([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    normals = np.float32([[-1, 0, 0], [0.6, 0.8, 0], [0, 1, 0], [0, 0, 1]])
    colors = np.float32([[1, 0, 0], [0.18, 0.18, 0.18], [0, 0.5, 1], [0.002, 3.0, -1]])
    return Mesh(vertices, faces, normals, colors)


@pytest.fixture
def textured(mesh) -> Mesh:
    """Each face in a corner of the atlas of its own, so that all corners of a vertex differ in UV."""
    uvs = np.float32([[0.1, 0.1], [0.4, 0.1], [0.1, 0.4]]) + np.float32([[0, 0], [0.5, 0], [0, 0.5], [0.5, 0.5]])[:, None]
    picture = np.random.default_rng(0).uniform(0, 1, (16, 16, 3)).astype(np.float32)
    attributes = {"confidence": np.float32([0, 0.25, 0.5, 1]), "invented": np.float32([1, 0, 0, 1])}
    return Mesh(mesh.vertices, mesh.faces, mesh.normals, mesh.colors, uvs, attributes, Image(picture, "linear"))


def load(data: bytes, suffix: str) -> trimesh.Trimesh:
    return trimesh.load(io.BytesIO(data), file_type=suffix, process=False, force="mesh")


def read_back(mesh: Mesh, suffix: str) -> Mesh:
    return decode_mesh(EncodedFile(np.frombuffer(encode_mesh(mesh, suffix), np.uint8), f"mesh.{suffix}"))


def file(text: str | bytes, name: str) -> EncodedFile:
    return EncodedFile(np.frombuffer(text if isinstance(text, bytes) else text.encode(), np.uint8), name)


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
    x, y, z = mesh.vertices.T
    expected = np.stack([x, z, -y], 1)  # y up
    order = [int(np.abs(back.vertices - v).sum(1).argmin()) for v in expected]
    np.testing.assert_array_equal(np.float32(back.vertices[order]), expected)
    written = [[int(corner.split("//")[0]) - 1 for corner in line.split()[1:]] for line in data.decode().splitlines() if line[:2] == "f "]
    np.testing.assert_array_equal(written, mesh.faces)
    rows = np.array([[float(x) for x in line.split()[1:]] for line in data.decode().splitlines() if line[:2] == "v "])
    np.testing.assert_allclose(rows[:, 3:], to_srgb(np.clip(mesh.colors, 0, 1)), atol=1e-4)


def glb_parts(data: bytes) -> tuple[dict, bytes]:
    magic, version, length, head = struct.unpack_from("<4sIII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    return json.loads(data[20 : 20 + head]), data[20 + head + 8 :]


def test_glb_is_y_up_and_linear(mesh):
    data = encode_mesh(mesh, "glb")
    back = load(data, "glb")
    x, y, z = mesh.vertices.T
    np.testing.assert_allclose(back.vertices, np.stack([x, z, -y], 1))
    np.testing.assert_array_equal(back.faces, mesh.faces)
    document, body = glb_parts(data)
    accessor = document["accessors"][document["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]]
    view = document["bufferViews"][accessor["bufferView"]]
    colors = np.frombuffer(body, "<f4", accessor["count"] * 4, view["byteOffset"]).reshape(-1, 4)
    np.testing.assert_allclose(colors[:, :3], np.clip(mesh.colors, 0, 1))
    assert back.volume == pytest.approx(1.0)  # a turn, not a mirror: the faces still look outwards


def test_textured_glb(textured):
    data = encode_mesh(textured, "glb")
    back = load(data, "glb")
    flat = back.faces.ravel()
    x, y, z = textured.vertices[textured.faces.ravel()].T
    np.testing.assert_allclose(back.vertices[flat], np.stack([x, z, -y], 1))
    np.testing.assert_allclose(back.visual.uv[flat], textured.uvs.reshape(-1, 2), atol=1e-6)  # trimesh turns v back up
    shown = np.asarray(back.visual.material.baseColorTexture.convert("RGB"))
    np.testing.assert_array_equal(shown, np.rint(to_srgb(textured.texture.pixels) * 255))
    document, _ = glb_parts(data)
    names = set(document["meshes"][0]["primitives"][0]["attributes"])
    assert {"_CONFIDENCE", "_INVENTED", "TEXCOORD_0", "_COLOR_R", "_COLOR_G", "_COLOR_B"} <= names
    assert "COLOR_0" not in names  # which readers would multiply into the texture


@pytest.mark.parametrize("suffix", ["ply", "obj", "glb"])
def test_without_normals_and_colors(mesh, suffix):
    back = load(encode_mesh(Mesh(mesh.vertices, mesh.faces), suffix), suffix)
    assert (len(back.vertices), len(back.faces)) == (4, 4)


@pytest.mark.parametrize("suffix", ["ply", "obj", "glb"])
def test_own_readers_give_back_what_was_written(textured, suffix):
    back = read_back(textured, suffix)
    np.testing.assert_allclose(back.vertices[back.faces], textured.vertices[textured.faces], rtol=1e-6)
    np.testing.assert_allclose(back.uvs, textured.uvs, atol=1e-6)
    assert len(back.vertices) == 4  # the glb's vertices, split for their UVs, are one again
    np.testing.assert_allclose(back.normals[back.faces], textured.normals[textured.faces], atol=1e-4)
    clipped = np.clip(textured.colors, 0, 1)
    np.testing.assert_allclose(to_srgb(np.clip(back.colors, 0, 1)[back.faces]), to_srgb(clipped[textured.faces]), atol=0.6 / 255)
    if suffix != "obj":
        for name, values in textured.attributes.items():
            np.testing.assert_array_equal(back.attributes[name][back.faces], values[textured.faces])
    if suffix == "glb":
        assert back.texture is not None
        np.testing.assert_array_equal(back.texture.pixels, np.rint(to_srgb(textured.texture.pixels) * 255).astype(np.uint8))


def test_obj_finds_its_material_and_texture(textured, tmp_path):
    """Under any name that the artist chooses for the file, and in trimesh's eyes."""
    schema = find("reconstruct.depth")
    outputs = deliver(schema, {"mesh": textured, "report": {"faces": 4}}, {"mesh": "obj"})
    assert set(outputs) == {"mesh", "mesh.mtl", "mesh.png", "report"}
    written = Writer(tmp_path / "room.obj", "mesh").finish(Finished("job", outputs, {}))
    assert {p.name for p in written} == {"room.obj", "room.mtl", "room.png", "room.obj.json"}
    back = trimesh.load(tmp_path / "room.obj", process=False, force="mesh")
    shown = np.asarray(back.visual.material.image.convert("RGB"))
    np.testing.assert_array_equal(shown, np.rint(to_srgb(textured.texture.pixels) * 255))
    np.testing.assert_allclose(back.visual.uv[back.faces], textured.uvs, atol=1e-6)
    folder = Writer(tmp_path / "folder").finish(Finished("job", outputs, {}))
    assert {p.name for p in folder} == {"mesh.obj", "mesh.mtl", "mesh.png", "report.json", "provenance.json"}


def test_usd_is_complete_text(textured):
    text = encode_mesh(textured, "usda", "room").decode()
    assert text.count("(") == text.count(")")
    assert text.count("{") == text.count("}")
    assert "@room.png@" in text
    assert [f.name for f in companions(textured, "usda", "room")] == ["room.png"]
    start = text.index("point3f[] points = [") + len("point3f[] points = [")
    points = np.array(numbers(text[start : text.index("]", start)])).reshape(-1, 3)  # of "(1, 2, 3),"
    np.testing.assert_allclose(points, textured.vertices, rtol=1e-6)


def numbers(text: str) -> list[float]:
    return [float(word) for word in text.replace("(", " ").replace(")", " ").replace(",", " ").split()]


def test_usdz_is_aligned_and_unpacked(textured):
    data = encode_mesh(textured, "usdz")
    assert data == encode_mesh(textured, "usdz")
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.namelist() == ["mesh.usda", "texture.png"]
        for info in packed.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            name, extra = struct.unpack_from("<HH", data, info.header_offset + 26)
            assert (info.header_offset + 30 + name + extra) % 64 == 0
        picture = decode(file(packed.read("texture.png"), "texture.png"))
    np.testing.assert_allclose(to_linear(picture.pixels / np.float32(255)), textured.texture.pixels, atol=0.006)


def test_many_rows_of_obj():
    count = 70000
    vertices = np.random.default_rng(0).uniform(-1, 1, (count, 3)).astype(np.float32)
    faces = np.arange(count - count % 3, dtype=np.int32).reshape(-1, 3)
    back = load(encode_mesh(Mesh(vertices, faces), "obj", obj_up="z"), "obj")
    np.testing.assert_allclose(back.triangles.reshape(-1, 3), vertices[faces.ravel()], atol=1e-6)


def test_foreign_obj():
    """Quads, a pentagon, numbers from the end, comments, a continued line and normals that differ by corner."""
    text = (
        "\ufeff# by hand\nmtllib none.mtl\no thing\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 0.5 2 0 1.0\n"
        "vt 0 0\nvt 1 0\nvt 1 1 0\nvn 0 0 2\ns off\nf 1/1/1 2/2/1 3/3/1 4/1/1\nf -5/-3/-1 -4/-2/-1 \\\n-3/-1/-1 -1/-1/-1 -2/-1/-1\nl 1 2\n"
    )
    mesh = decode_mesh(file(text, "thing.OBJ"))
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2], [0, 2, 4], [0, 4, 3]]
    assert mesh.uvs.shape == (5, 3, 2)
    np.testing.assert_array_equal(mesh.normals[:4], [[0, -1, 0]] * 4)
    np.testing.assert_array_equal(mesh.vertices, [[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1], [0.5, 0, 2]])


def test_foreign_ply():
    """Text, big-endian, quads among triangles, extra elements and UVs by vertex."""
    head = (
        "ply\r\nformat {}\r\ncomment x\r\nelement vertex 4\r\nproperty double x\r\nproperty double y\r\nproperty double z\r\n"
        "property float s\r\nproperty float t\r\nproperty uchar quality\r\nelement face 2\r\nproperty list uint8 int32 vertex_index\r\n"
        "end_header\n"
    ).replace("\r", "")
    points = [(0, 0, 0, 0, 0, 1), (1, 0, 0, 1, 0, 2), (1, 1, 0, 1, 1, 3), (0, 1, 0, 0, 1, 4)]
    text = head.format("ascii 1.0") + "".join(" ".join(map(str, p)) + "\n" for p in points) + "4 0 1 2 3\n3 0 1 2\n"
    binary = head.format("binary_big_endian 1.0").encode()
    binary += b"".join(struct.pack(">dddffB", *p) for p in points) + struct.pack(">B4iB3i", 4, 0, 1, 2, 3, 3, 0, 1, 2)
    for data in (text.encode(), binary):
        mesh = decode_mesh(file(data, "scan.ply"))
        assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]
        np.testing.assert_array_equal(mesh.uvs, mesh.vertices[mesh.faces][..., :2])
        np.testing.assert_array_equal(mesh.attributes["quality"], [1, 2, 3, 4])


def test_foreign_glb():
    """Several nodes with transforms, short indices, written by trimesh."""
    scene = trimesh.Scene()
    turn = trimesh.transformations.rotation_matrix(0.3, (1, 2, 3))
    turn[:3, 3] = 4, 5, 6
    box = trimesh.creation.box((1, 2, 3))
    scene.add_geometry(box, node_name="a")
    scene.add_geometry(box, node_name="b", transform=turn)
    mesh = decode_mesh(file(scene.export(file_type="glb"), "scene.glb"))
    assert len(mesh.faces) == 24
    expected = np.concatenate([box.vertices, trimesh.transform_points(box.vertices, turn)])
    x, y, z = expected.T
    expected = np.stack([x, -z, y], 1)
    for point in expected:
        assert np.abs(mesh.vertices - point).max(1).min() < 1e-5
    back = trimesh.Trimesh(mesh.vertices, mesh.faces)
    assert back.volume == pytest.approx(12.0, rel=1e-5)


@pytest.mark.parametrize("suffix", ["ply", "obj", "glb"])
def test_garbage_is_an_input_error(textured, suffix):
    """Whatever comes: cut short, bytes flipped, nothing at all."""
    data = encode_mesh(textured, suffix)
    generator = np.random.default_rng(1)
    for length in [0, 3, 11, 20, len(data) // 3, len(data) // 2]:
        with pytest.raises(InputError, match="mesh"):
            decode_mesh(file(data[:length], f"a.{suffix}"))
    for _ in range(60):
        noise = np.frombuffer(data, np.uint8).copy()
        at = generator.integers(0, len(noise), 8)
        noise[at] = generator.integers(0, 256, len(at))
        try:
            decode_mesh(file(noise.tobytes(), f"a.{suffix}"))
        except InputError:
            continue


@pytest.mark.parametrize(
    ("change", "suffix", "message"),
    [
        ({}, "stl", "mesh file"),
        ({"faces": np.int32([[0, 1, 4]])}, "ply", "name vertices"),
        ({"faces": np.zeros((2, 4), np.int32)}, "ply", "faces"),
        ({"colors": np.zeros((3, 3), np.float32)}, "ply", "colors"),
        ({"vertices": np.full((4, 3), np.nan, np.float32)}, "obj", "finite"),
        ({"faces": np.zeros((0, 3), np.int32)}, "glb", "empty mesh"),
        ({"uvs": np.zeros((3, 3, 2), np.float32)}, "obj", "UVs"),
    ],
)
def test_bad_meshes_are_refused(mesh, change, suffix, message):
    fields = {name: getattr(mesh, name) for name in ("vertices", "faces", "normals", "colors")} | change
    with pytest.raises(InputError, match=message):
        encode_mesh(Mesh(**fields), suffix)


def test_unknown_kind_is_refused():
    with pytest.raises(InputError, match=r"glb"):
        decode_mesh(file(b"solid", "part.stl"))


def test_the_axis_of_obj_goes_all_the_way(mesh, tmp_path):
    """From a call or a job, to the file that is read and to those that are written."""
    save(mesh, tmp_path / "y.obj")
    save(mesh, tmp_path / "z.obj", obj_up="z")
    for axis in ("y", "z"):
        path = tmp_path / f"{axis}.obj"
        path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if not line.startswith("#")))
        back = call("system.echo", {"mesh": str(path), "obj_up": axis})["mesh"]
        np.testing.assert_array_equal(back.vertices, mesh.vertices)
        delivered = deliver(find("reconstruct.depth"), {"mesh": mesh}, {"mesh": "obj"}, axis)["mesh"]
        assert delivered.data.tobytes().startswith(b"# Backlot: " + axis.encode() + b" up")
    turned = call("system.echo", {"mesh": str(tmp_path / "z.obj"), "obj_up": "y"})["mesh"]
    assert not np.array_equal(turned.vertices, mesh.vertices)
    with pytest.raises(ParameterError, match="obj_up"):
        call("system.echo", {"mesh": str(tmp_path / "y.obj"), "obj_up": "x"})


@pytest.mark.parametrize(
    ("suffix", "words"), [("ply", "no textures"), ("obj", "confidence, invented: .obj has no attributes"), ("glb", "")]
)
def test_what_a_format_cannot_keep_is_noted(textured, suffix, words):
    with collect_notes() as notes:
        encode_mesh(textured, suffix)
    assert words in "".join(notes.sentences())
    assert bool(words) == bool(notes.sentences())


def test_names_that_a_format_does_not_allow(mesh):
    vector = np.arange(12, dtype=np.float32).reshape(4, 3)
    attributes = {
        "red": vector[:, 0],
        "Gr\u00f6\u00dfe 2": vector[:, 1],
        "2nd": vector[:, 2],
        "a b": vector[:, 0],
        "a_b": vector[:, 1],
        "flow": vector,
    }
    with collect_notes() as notes:
        back = read_back(Mesh(mesh.vertices, mesh.faces, attributes=attributes), "ply")
    assert set(back.attributes) == {"red_2", "Gr_e_2", "_2nd", "a_b", "a_b_2", "flow"}
    np.testing.assert_array_equal(back.attributes["flow"], vector)
    assert "Gr\u00f6\u00dfe 2 as Gr_e_2" in notes.sentences()[0]


@pytest.mark.parametrize("suffix", ["ply", "obj", "glb"])
def test_a_file_is_known_by_its_content(mesh, suffix):
    """Without a suffix, and with that of another format where the content says which it is."""
    data = encode_mesh(mesh, suffix)
    for name in ("scan", "scan.glb", "scan.PLY", "scan.obj"):
        if suffix == "obj" and name not in ("scan", "scan.obj"):
            continue
        with collect_notes() as notes:
            back = decode_mesh(file(data, name))
        np.testing.assert_allclose(back.vertices[back.faces], mesh.vertices[mesh.faces], rtol=1e-6)
        assert bool(notes.sentences()) == (not name.lower().endswith(suffix))
    with pytest.raises(InputError, match="ending in"):
        decode_mesh(file(b"something else", "scan"))

"""GlTF of other programs: everything that has triangles is read with the right values, and what is left out is said."""

from __future__ import annotations

import json

import numpy as np
import pytest
from gltf_builder import Gltf

from backlot.backend.io.meshes import decode_mesh
from backlot.backend.io.writing import encode
from backlot.shared.errors import InputError
from backlot.shared.inputs import read_input
from backlot.shared.notes import collect_notes
from backlot.shared.operations import find
from backlot.shared.values import EncodedFile, Image, Mesh

SQUARE = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
RIBBON = np.float32([[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0], [2, 0, 0], [2, 1, 0]])


def read(data: bytes, name: str = "thing.glb") -> tuple[Mesh, str]:
    with collect_notes() as notes:
        mesh = decode_mesh(EncodedFile(np.frombuffer(data, np.uint8), name))
    return mesh, "\n".join(notes.sentences())


def turned(points: np.ndarray) -> np.ndarray:
    """Y up as z up."""
    x, y, z = np.asarray(points, np.float64).T
    return np.stack([x, -z, y], 1)


def area_vector(mesh: Mesh) -> np.ndarray:
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
    return np.cross(b - a, c - a).sum(0) / 2


@pytest.mark.parametrize(
    ("mode", "corners", "area"),
    [
        (5, [0, 2, 1, 3], 1),  # a strip
        (5, [0, 2, 1, 3, 3, 4, 4], 1),  # with an end that repeats itself
        (5, [0, 2, 1, 3, 3, 2, 2, 4, 3, 5], 2),  # two strips, joined by triangles without area
        (6, [0, 2, 3, 1], 1),  # a fan
        (4, [0, 2, 1, 1, 2, 3], 1),
        (None, [0, 2, 1, 1, 2, 3], 1),
    ],
)
@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("mirrored", [True, False])
def test_strips_and_fans_are_triangles_that_look_the_same_way(mode, corners, area, indexed, mirrored):
    build = Gltf()
    if indexed:
        build.part(RIBBON, corners, mode)
    else:
        build.part(RIBBON[corners], None, mode)
    build.document["nodes"][0]["scale"] = [-1, 1, 1] if mirrored else [1, 1, 1]
    mesh, notes = read(build.binary())
    np.testing.assert_allclose(area_vector(mesh), [0, -area, 0], atol=1e-6)  # they look to +z in glTF, which is -y here
    assert mesh.vertices[mesh.faces, 0].max() == (0 if mirrored else area)
    assert notes == ""


def test_points_and_lines_are_counted():
    build = Gltf()
    build.part(SQUARE, [0, 1, 2, 0, 2, 3])
    for mode in (0, 1, 2, 3, 0):
        build.part(SQUARE, [0, 1], mode)
    mesh, notes = read(build.binary())
    assert len(mesh.faces) == 2
    assert "3 of lines, 2 of points" in notes
    lines = Gltf()
    lines.part(SQUARE, [0, 1], 1)
    with pytest.raises(InputError, match=r"thing.glb.*no triangles"):
        read(lines.binary())


def test_sparse_data_and_data_without_a_view():
    build = Gltf()
    part = build.part(SQUARE, [0, 1, 2, 0, 2, 3])
    index, values = build.view(np.uint16([1, 2]).tobytes()), build.view(np.float32([[5, 0, 0], [5, 5, 0]]).tobytes())
    sparse = {"count": 2, "indices": {"bufferView": index, "componentType": 5123}, "values": {"bufferView": values}}
    position = build.document["accessors"][part["attributes"]["POSITION"]]
    position["sparse"] = sparse
    mesh, _ = read(build.binary())
    np.testing.assert_allclose(mesh.vertices, turned([[0, 0, 0], [5, 0, 0], [5, 5, 0], [0, 1, 0]]))
    del position["bufferView"]
    position["sparse"]["count"] = 2
    mesh, _ = read(build.binary())
    np.testing.assert_allclose(mesh.vertices, turned([[0, 0, 0], [5, 0, 0], [5, 5, 0]]))  # two vertices at zero are one
    assert mesh.faces.tolist() == [[0, 1, 2]]


def test_text_with_its_data_inside_and_outside():
    build = Gltf()
    build.part(SQUARE, [0, 1, 2, 0, 2, 3])
    mesh, _ = read(build.text(), "thing.gltf")
    np.testing.assert_allclose(mesh.vertices, turned(SQUARE))
    with pytest.raises(InputError, match=r"thing.gltf with its data inside, got data in the file thing.bin.*\.glb"):
        read(build.text("thing.bin"), "thing.gltf")
    with pytest.raises(InputError, match=r"data in the file ../up.bin"):
        read(build.text("../up.bin"), "thing.gltf")


def test_quantised_positions_normals_and_uvs():
    build = Gltf()
    build.document["extensionsRequired"] = ["KHR_mesh_quantization"]
    points = build.data(np.int16(SQUARE * 32767), "i2", normalized=True)
    normals = build.data(np.int8([[0, 0, 127]] * 4), "i1", normalized=True)
    uvs = build.data(np.uint16(SQUARE[:, :2] * 65535), "u2", normalized=True)
    build.primitives.append(
        {"attributes": {"POSITION": points, "NORMAL": normals, "TEXCOORD_0": uvs}, "indices": build.data([0, 1, 2, 0, 2, 3], "u1")}
    )
    build.document["nodes"][0] |= {"scale": [10, 10, 10], "translation": [1, 2, 3]}
    mesh, _ = read(build.binary())
    np.testing.assert_allclose(mesh.vertices, turned(10 * SQUARE + np.float32([1, 2, 3])), atol=1e-5)
    np.testing.assert_allclose(mesh.normals, turned([[0, 0, 1]] * 4), atol=1e-6)
    expected = np.stack([SQUARE[:, 0], 1 - SQUARE[:, 1]], 1)[[[0, 1, 2], [0, 2, 3]]]
    np.testing.assert_allclose(mesh.uvs, expected, atol=1e-4)


def test_instances_are_as_many_meshes():
    build = Gltf()
    build.part(SQUARE, [0, 1, 2, 0, 2, 3])
    half = np.sqrt(0.5)
    extension = {
        "TRANSLATION": build.data(np.float32([[0, 0, 0], [10, 0, 0]])),
        "ROTATION": build.data(np.float32([[0, 0, 0, 1], [0, 0, half, half]])),
        "SCALE": build.data(np.float32([[1, 1, 1], [2, 2, 2]])),
    }
    build.document["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": extension}}
    build.document["extensionsRequired"] = ["EXT_mesh_gpu_instancing"]
    mesh, _ = read(build.binary())
    second = 2 * np.stack([-SQUARE[:, 1], SQUARE[:, 0], SQUARE[:, 2]], 1) + np.float32([10, 0, 0])  # a quarter turn about z
    np.testing.assert_allclose(mesh.vertices, turned(np.concatenate([SQUARE, second])), atol=1e-5)


def test_a_skin_stands_as_its_joints_do():
    """The node's own transform does not count then (glTF 3.7.3.3); joints that have left their bind pose carry their vertices."""
    build = Gltf()
    joints, weights = build.data(np.uint8([[0, 0, 0, 0]] * 2 + [[1, 0, 0, 0]] * 2), "u1"), build.data(np.float32([[1, 0, 0, 0]] * 4))
    build.part(SQUARE, [0, 1, 2, 0, 2, 3], JOINTS_0=joints, WEIGHTS_0=weights)
    bind = np.stack([np.eye(4, dtype=np.float32)] * 2)
    build.document["nodes"] = [
        {"mesh": 0, "skin": 0, "translation": [100, 0, 0]}, {"translation": [0, 0, 0]}, {"translation": [0, 7, 0]},
    ]  # fmt: skip
    build.document["scenes"] = [{"nodes": [0, 1, 2]}]
    build.document["skins"] = [{"joints": [1, 2], "inverseBindMatrices": build.data(bind)}]
    mesh, notes = read(build.binary())
    np.testing.assert_allclose(mesh.vertices, turned(SQUARE + np.float32([[0, 0, 0]] * 2 + [[0, 7, 0]] * 2)), atol=1e-6)
    assert "skin" in notes


def test_morph_targets_at_their_weights_and_animations():
    build = Gltf()
    part = build.part(SQUARE, [0, 1, 2, 0, 2, 3])
    part["targets"] = [{"POSITION": build.data(np.float32([[0, 0, 4]] * 4))}, {"POSITION": build.data(np.float32([[9, 9, 9]] * 4))}]
    build.document["meshes"][0]["weights"] = [0.5, 0]
    build.document["animations"] = [{"channels": [], "samplers": []}]
    mesh, notes = read(build.binary())
    np.testing.assert_allclose(mesh.vertices, turned(SQUARE + np.float32([0, 0, 2])))
    assert "animated" in notes


def textured(build: Gltf, part: dict, color: tuple[int, int, int], **reference: object) -> None:
    picture = encode(Image(np.full((4, 4, 3), color, np.uint8), "srgb"), "png")
    for kind in ("images", "textures", "materials"):
        build.document.setdefault(kind, [])
    build.document["images"].append({"bufferView": build.view(picture), "mimeType": "image/png"})
    build.document["textures"].append({"source": len(build.document["images"]) - 1})
    about = {"index": len(build.document["textures"]) - 1, **reference}
    build.document["materials"].append({"pbrMetallicRoughness": {"baseColorTexture": about}})
    part["material"] = len(build.document["materials"]) - 1


def test_the_uvs_of_the_base_colour_are_taken():
    build = Gltf()
    first, second = build.data(np.float32(SQUARE[:, :2] * 0.1)), build.data(np.float32(SQUARE[:, :2] * 0.5))
    part = build.part(SQUARE, [0, 1, 2, 0, 2, 3], TEXCOORD_0=first, TEXCOORD_1=second)
    textured(build, part, (200, 10, 20), texCoord=1)
    mesh, notes = read(build.binary())
    np.testing.assert_allclose(mesh.uvs[0], [[0, 1], [0.5, 1], [0.5, 0.5]])
    np.testing.assert_array_equal(mesh.texture.pixels[0, 0], [200, 10, 20])
    assert "several sets of UVs" in notes


def test_a_texture_transform_moves_the_uvs():
    """The example of the extension: a rotation of a quarter turn, counter-clockwise with v down."""
    build = Gltf()
    part = build.part(SQUARE, [0, 1, 2, 0, 2, 3], TEXCOORD_0=build.data(np.float32(SQUARE[:, :2])))
    moved = {"offset": [0.25, 0.5], "rotation": np.pi / 2, "scale": [0.5, 2]}
    textured(build, part, (1, 2, 3), extensions={"KHR_texture_transform": moved})
    build.document["extensionsRequired"] = ["KHR_texture_transform"]
    mesh, notes = read(build.binary())
    u, v = SQUARE[:, 0] * 0.5, SQUARE[:, 1] * 2
    expected = np.stack([v + 0.25, 1 - (-u + 0.5)], 1)
    np.testing.assert_allclose(mesh.uvs, expected[[[0, 1, 2], [0, 2, 3]]], atol=1e-6)
    assert "texture transform" in notes


def test_the_picture_is_that_of_the_scene_and_others_are_noted():
    build = Gltf()
    uv = build.data(np.float32(SQUARE[:, :2]))
    unused = {"attributes": {}}
    parts = [build.part(SQUARE + np.float32([k, 0, 0]), [0, 1, 2, 0, 2, 3], TEXCOORD_0=uv) for k in range(2)]
    textured(build, unused, (9, 9, 9))  # of a material that nothing uses
    textured(build, parts[0], (50, 60, 70))
    mesh, notes = read(build.binary())
    np.testing.assert_array_equal(mesh.texture.pixels[0, 0], [50, 60, 70])
    assert "do not share one base colour picture" in notes
    textured(build, parts[1], (1, 1, 1))
    _, notes = read(build.binary())
    assert "do not share one base colour picture" in notes


def test_a_picture_that_is_not_there_leaves_the_mesh():
    for image, words in (({"uri": "wood.png"}, "in another file (wood.png)"), ({"uri": "data:image/png;base64,AAAA"}, "cannot be read")):
        build = Gltf()
        part = build.part(SQUARE, [0, 1, 2, 0, 2, 3], TEXCOORD_0=build.data(np.float32(SQUARE[:, :2])))
        textured(build, part, (1, 2, 3))
        build.document["images"][0] = image
        mesh, notes = read(build.binary())
        assert mesh.texture is None
        assert mesh.uvs is not None
        assert words in notes


def test_what_only_some_parts_have():
    build = Gltf()
    more = {
        "TEXCOORD_0": build.data(np.float32(SQUARE[:, :2])), "COLOR_0": build.data(np.uint8([[255, 0, 0, 255]] * 4), "u1", normalized=True),
        "NORMAL": build.data(np.float32([[0, 0, 1]] * 4)), "_HEAT": build.data(np.float32([1, 2, 3, 4])),
        "_BOTH": build.data(np.float32([5, 5, 5, 5])),
    }  # fmt: skip
    build.part(SQUARE, [0, 1, 2, 0, 2, 3], **more)
    build.part(SQUARE + np.float32([5, 0, 0]), [0, 1, 2, 0, 2, 3], _BOTH=more["_BOTH"])
    mesh, notes = read(build.binary())
    assert mesh.uvs is None
    assert mesh.normals is None
    np.testing.assert_array_equal(mesh.colors, [[1, 0, 0]] * 4 + [[1, 1, 1]] * 4)
    assert set(mesh.attributes) == {"both"}
    for words in ("have uvs", "have normals", "have vertex colours", "the attribute heat"):
        assert words in notes


def test_vectors_as_attributes():
    build = Gltf()
    vector = np.float32(np.arange(12).reshape(4, 3))
    singles = {f"_WIND_{axis}": build.data(vector[:, k].copy()) for k, axis in enumerate("XYZ")}
    four = build.data(np.zeros((4, 4)))
    build.part(SQUARE, [0, 1, 2, 0, 2, 3], _FLOW=build.data(vector), _Mixed=build.data(vector[:, 0].copy()), _FOUR=four, **singles)
    mesh, notes = read(build.binary())
    np.testing.assert_array_equal(mesh.attributes["flow"], vector)
    np.testing.assert_array_equal(mesh.attributes["wind"], vector)
    assert set(mesh.attributes) == {"flow", "wind", "Mixed"}
    assert "_FOUR" in notes


def test_nodes_below_nodes_and_scenes():
    build = Gltf()
    build.part(SQUARE, [0, 1, 2, 0, 2, 3])
    build.document["nodes"] = [{"children": [1], "translation": [1, 0, 0]}, {"mesh": 0, "scale": [2, 2, 2]}, {"mesh": 0}]
    build.document["scenes"] = [{"nodes": [2]}, {"nodes": [0]}]
    build.document["scene"] = 1
    mesh, notes = read(build.binary())
    np.testing.assert_allclose(mesh.vertices, turned(2 * SQUARE + np.float32([1, 0, 0])))
    assert "2 scenes" in notes
    del build.document["scenes"], build.document["scene"]  # then every root counts, and no child twice
    mesh, _ = read(build.binary())
    assert len(mesh.faces) == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"extensionsRequired": ["KHR_draco_mesh_compression"]}, "KHR_draco_mesh_compression"),
        ({"extensionsRequired": ["EXT_meshopt_compression"]}, "EXT_meshopt_compression"),
        ({"extensionsRequired": ["NEW_thing"]}, "NEW_thing"),
        ({"asset": {"version": "1.0"}}, "no glTF 2"),
        ({"asset": {}}, "no glTF"),
        ({"nodes": [{"children": [0], "mesh": 0}]}, "circle"),
        ({"nodes": [{"mesh": 4}]}, "meshes 4"),
        ({"accessors": []}, "accessors"),
        ({"nodes": {"a": 1}}, "no list"),
    ],
)
def test_what_cannot_be_read_is_said(change, words):
    build = Gltf()
    build.part(SQUARE, [0, 1, 2, 0, 2, 3])
    build.document |= change
    with pytest.raises(InputError, match=words):
        read(build.binary())


def test_draco_without_saying_that_it_is_required():
    build = Gltf()
    part = build.part(SQUARE, [0, 1, 2, 0, 2, 3])
    part["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {}}}
    mesh, _ = read(build.binary())  # there is plain data too
    assert len(mesh.faces) == 2
    del build.document["accessors"][part["attributes"]["POSITION"]]["bufferView"]
    with pytest.raises(InputError, match="Draco"):
        read(build.binary())


def test_materials_lights_and_textures_that_are_required_do_not_matter():
    build = Gltf()
    build.part(SQUARE, [0, 1, 2, 0, 2, 3])
    build.document["extensionsRequired"] = ["KHR_materials_unlit", "KHR_texture_basisu", "KHR_lights_punctual", "EXT_texture_webp"]
    assert len(read(build.binary())[0].faces) == 2


def test_hidden_nodes_and_specular_glossiness():
    build = Gltf()
    part = build.part(SQUARE, [0, 1, 2, 0, 2, 3], TEXCOORD_0=build.data(np.float32(SQUARE[:, :2])))
    textured(build, part, (7, 8, 9))
    shading = build.document["materials"][0].pop("pbrMetallicRoughness")
    older = {"diffuseTexture": shading["baseColorTexture"], "diffuseFactor": [1, 0.5, 1, 1]}
    build.document["materials"][0]["extensions"] = {"KHR_materials_pbrSpecularGlossiness": older}
    hidden = {"mesh": 0, "translation": [5, 0, 0], "extensions": {"KHR_node_visibility": {"visible": False}}}
    build.document["nodes"] = [{"mesh": 0}, hidden]
    build.document["scenes"] = [{"nodes": [0, 1]}]
    mesh, notes = read(build.binary())
    assert len(mesh.faces) == 2
    np.testing.assert_array_equal(mesh.texture.pixels[0, 0], [7, 8, 9])
    assert "hidden" in notes
    assert "base colour factor" in notes


def test_text_with_its_files_next_to_it(tmp_path):
    """As Blender's "glTF Separate" writes it: two files of data and a picture, whose names are URLs."""
    build = Gltf()
    part = build.part(SQUARE, [0, 1, 2, 0, 2, 3], TEXCOORD_0=build.data(np.float32(SQUARE[:, :2])))
    textured(build, part, (3, 4, 5))
    picture = build.document["images"][0].pop("bufferView")
    view = build.document["bufferViews"][picture]
    (tmp_path / "wood grain.png").write_bytes(build.body[view["byteOffset"] : view["byteOffset"] + view["byteLength"]])
    build.document["images"][0]["uri"] = "wood%20grain.png"
    document = json.loads(build.text())
    document["buffers"] = [{"byteLength": len(build.body), "uri": "a.bin"}, {"byteLength": len(build.body), "uri": "Data/b.bin"}]
    document["bufferViews"][1]["buffer"] = 1
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b.bin").write_bytes(build.body)
    (tmp_path / "a.bin").write_bytes(build.body)
    (tmp_path / "thing.gltf").write_text(json.dumps(document))
    (item,) = find("reconstruct.texture").inputs[:1]
    with collect_notes() as notes:
        file = read_input(item, tmp_path / "thing.gltf")
    mesh, _ = read(file.data.tobytes(), file.name)
    np.testing.assert_allclose(mesh.vertices, turned(SQUARE))
    np.testing.assert_array_equal(mesh.texture.pixels[0, 0], [3, 4, 5])
    assert "another case" in "".join(notes.sentences())
    (tmp_path / "wood grain.png").unlink()
    mesh, said = read(read_input(item, tmp_path / "thing.gltf").data.tobytes())
    assert mesh.texture is None
    assert "in another file" in said
    (tmp_path / "a.bin").unlink()
    with pytest.raises(InputError, match=r"a.bin, the data of thing.gltf.*\.glb"):
        read_input(item, tmp_path / "thing.gltf")
    (tmp_path / "thing.gltf").write_text("{}")
    assert read_input(item, tmp_path / "thing.gltf").data.tobytes() == b"{}"


def test_overlapping_entries_and_unknown_modes_are_refused():
    build = Gltf()
    build.part(SQUARE, [0, 1, 2])
    build.document["bufferViews"][0]["byteStride"] = 1
    with pytest.raises(InputError, match="12 bytes every 1 bytes"):
        decode_mesh(EncodedFile(np.frombuffer(build.binary(), np.uint8), "a.glb"))
    build = Gltf()
    build.part(SQUARE, [0, 1, 2], 9)
    with pytest.raises(InputError, match="unknown mode 9"):
        decode_mesh(EncodedFile(np.frombuffer(build.binary(), np.uint8), "a.glb"))

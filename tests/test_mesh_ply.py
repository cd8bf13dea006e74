"""PLY of other programs: every encoding, type and element; the right values, and what is left out is said."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from backlot.backend.core.color import to_linear
from backlot.backend.io.meshes import decode_mesh
from backlot.shared.errors import InputError
from backlot.shared.notes import collect_notes
from backlot.shared.values import EncodedFile, Mesh

CODES = {"char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "uint": "I", "float": "f", "double": "d",
         "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f", "float64": "d"}  # fmt: skip
FORMS = ("ascii", "binary_little_endian", "binary_big_endian")
SQUARE = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
XYZ = ("float x", "float y", "float z")
FACE = ("list uchar int vertex_indices",)


def ply(form: str, *elements: tuple[str, tuple[str, ...], list[Any]], end: str = "\n", comment: bytes = b"made by hand") -> bytes:
    """A file of elements: name, properties, rows; a list is a tuple in its row."""
    lines = [b"ply", f"format {form} 1.0".encode(), b"comment " + comment]
    body = b""
    for name, properties, rows in elements:
        lines.append(f"element {name} {len(rows)}".encode())
        lines += [f"property {prop}".encode() for prop in properties]
        for row in rows:
            words: list[tuple[str, Any]] = []
            for prop, value in zip(properties, row, strict=True):
                kinds = prop.split()
                words += [(kinds[1], len(value)), *((kinds[2], v) for v in value)] if kinds[0] == "list" else [(kinds[0], value)]
            if form == "ascii":
                body += " ".join(str(v) for _, v in words).encode() + end.encode()
            else:
                order = "<" if "little" in form else ">"
                body += b"".join(struct.pack(order + CODES[kind], v) for kind, v in words)
    return end.encode().join([*lines, b"end_header", b""]) + body


def read(data: bytes, name: str = "scan.ply") -> tuple[Mesh, str]:
    with collect_notes() as notes:
        mesh = decode_mesh(EncodedFile(np.frombuffer(data, np.uint8), name))
    return mesh, "\n".join(notes.sentences())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("kinds", [("float", "uchar int"), ("double", "int uint"), ("float64", "uint8 int32"), ("short", "ushort ushort")])
@pytest.mark.parametrize("index", ["vertex_indices", "vertex_index"])
def test_encodings_and_types(form, end, kinds, index):
    """Triangles, quads and a pentagon, so that rows differ in length; the first byte of the data is one that could be a line's end."""
    points = [(10, 13, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 5)]
    properties = tuple(f"{kinds[0]} {axis}" for axis in "xyz")
    data = ply(form, ("vertex", properties, points), ("face", (f"list {kinds[1]} {index}",), [((0, 1, 2),), ((0, 1, 2, 3),), ((4, 1, 2),)]),
               end=end, comment="Stühle".encode("latin-1"))  # fmt: skip
    mesh, notes = read(data)
    np.testing.assert_array_equal(mesh.vertices, points)
    assert mesh.faces[0].tolist() == [0, 1, 2]
    assert len(mesh.faces) == 4
    assert "not UTF-8" in notes


@pytest.mark.parametrize("form", FORMS)
def test_everything_of_a_vertex(form):
    properties = (*XYZ, "float nx", "float ny", "float nz", "uchar red", "uchar green", "uchar blue", "float s", "float t",
                  "float quality", "int label", "float wind_x", "float wind_y", "float wind_z")  # fmt: skip
    rows = [(*p, 0, 0, 1, 255, 0, 51, p[0], p[1], 0.5 + k, k, 1, 2, k) for k, p in enumerate(SQUARE)]
    mesh, notes = read(ply(form, ("vertex", properties, rows), ("face", FACE, [((0, 1, 2, 3),)])))
    np.testing.assert_array_equal(mesh.normals, [[0, 0, 1]] * 4)
    np.testing.assert_allclose(mesh.colors, [to_linear(np.float32([1, 0, 0.2]))] * 4, atol=1e-6)
    np.testing.assert_array_equal(mesh.uvs, mesh.vertices[mesh.faces][..., :2])
    np.testing.assert_array_equal(mesh.attributes["quality"], [0.5, 1.5, 2.5, 3.5])
    np.testing.assert_array_equal(mesh.attributes["label"], [0, 1, 2, 3])
    np.testing.assert_array_equal(mesh.attributes["wind"], [[1, 2, k] for k in range(4)])
    assert set(mesh.attributes) == {"quality", "label", "wind"}
    assert notes == ""


@pytest.mark.parametrize("pair", [("s", "t"), ("u", "v"), ("texture_u", "texture_v")])
def test_vertices_that_uvs_split_are_one_again(pair):
    """As Blender's exporter splits them: two triangles that share an edge, with different UVs there."""
    rows = [(*SQUARE[k], u, 0.5) for k, u in ((0, 0.1), (1, 0.2), (2, 0.3), (0, 0.7), (2, 0.8), (3, 0.9))]
    mesh, _ = read(
        ply("ascii", ("vertex", (*XYZ, *(f"float {name}" for name in pair)), rows), ("face", FACE, [((0, 1, 2),), ((3, 4, 5),)]))
    )
    assert len(mesh.vertices) == 4
    np.testing.assert_allclose(mesh.uvs[..., 0], [[0.1, 0.2, 0.3], [0.7, 0.8, 0.9]])


@pytest.mark.parametrize("form", FORMS)
def test_uvs_of_faces(form):
    faces = (*FACE, "list uchar float texcoord")
    both = [((0, 1, 2), (0, 0, 1, 0, 1, 1)), ((0, 2, 3), (0, 0, 1, 1, 0, 1))]
    mesh, _ = read(ply(form, ("vertex", XYZ, SQUARE), ("face", faces, both)))
    np.testing.assert_array_equal(mesh.uvs, mesh.vertices[mesh.faces][..., :2])
    mesh, notes = read(ply(form, ("vertex", XYZ, SQUARE), ("face", faces, [both[0], ((0, 2, 3), ())])))
    assert mesh.uvs is None
    assert "1 of 2 faces have no UVs" in notes


@pytest.mark.parametrize("form", FORMS)
def test_triangle_strips(form):
    """Stanford's scans: one long list, -1 between strips, every other triangle turned."""
    points = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 2, 0), (5, 0, 0), (6, 0, 0), (5, 1, 0)]
    strips = ("tristrips", ("list int int vertex_indices",), [((0, 1, 2, 3, 4, -1, 5, 6, 7),)])
    mesh, notes = read(ply(form, ("vertex", XYZ, points), strips))
    assert len(mesh.faces) == 4
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()  # all look to +z
    assert notes == ""


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [("uchar", 51, 0.2), ("ushort", 13107, 0.2), ("float", 0.2, 0.2), ("double", 0.2, 0.2), ("int", 51, 0.2), ("float", 51.0, 0.2),
     ("char", -1, 1.0), ("uint", 13107, 0.2)],
)  # fmt: skip
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", [("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue")])
def test_colours_whatever_stores_them(kind, value, expected, form, names):
    top = {"uchar": 255, "ushort": 65535, "float": 1.0, "double": 1.0, "int": 255, "char": 0, "uint": 65535}[kind]
    top = 255.0 if value == 51.0 and kind == "float" else top
    rows = [(*p, value if k else top, value, value) for k, p in enumerate(SQUARE)]
    properties = (*XYZ, *(f"{kind} {name}" for name in names))
    mesh, notes = read(ply(form, ("vertex", properties, rows), ("face", FACE, [((0, 1, 2, 3),)])))
    np.testing.assert_allclose(mesh.colors[1:], to_linear(np.full((3, 3), expected, np.float32)), atol=1e-6)
    assert ("0 to 255" in notes) == (top == 255.0 and kind == "float")
    assert not mesh.attributes


def test_what_is_left_out_is_said():
    vertex = (*XYZ, "uchar red", "uchar green", "uchar blue", "uchar alpha", "list uchar int neighbours")
    rows = [(*p, 1, 2, 3, 10 * k, (1, 2)) for k, p in enumerate(SQUARE)]
    face = (*FACE, "uchar red", "int texnumber")
    faces = [((0, 1, 2), 1, 0), ((0, 2), 1, 0), ((0, 2, 2), 1, 0)]
    edge = ("edge", ("int vertex1", "int vertex2"), [(0, 1)])
    mesh, notes = read(ply("binary_little_endian", ("vertex", vertex, rows), edge, ("face", face, faces)))
    assert mesh.faces.tolist() == [[0, 1, 2]]
    parts = ("alpha of its vertex colours", "left out: edge", "lists of vertices are left out: neighbours", "1 of 3 faces have fewer",
             "properties of faces are left out: red, texnumber", "1 of 2 triangles name a vertex twice")  # fmt: skip
    for words in parts:
        assert words in notes


def test_scans_with_points_that_are_not_finite():
    points = [*SQUARE, (float("nan"), 0, 0)]
    faces = ("face", FACE, [((0, 1, 2),), ((0, 2, 4),), ((0, 2, 3),)])
    for form in FORMS:
        mesh, notes = read(ply(form, ("vertex", (*XYZ, "float heat"), [(*p, k) for k, p in enumerate(points)]), faces))
        assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
        assert len(mesh.vertices) == len(mesh.attributes["heat"]) == 4
        assert "1 of 3 triangles have vertices without finite coordinates" in notes


def test_text_in_any_layout_and_elements_in_any_order():
    text = b"ply\nformat ascii 1.0\nelement face 1\nproperty list uchar int vertex_indices\nelement vertex 3\nproperty float x\n"
    text += b"property float y\nproperty float z\nelement nothing 0\nproperty int a\nend_header\n\n3 0\n1 2 0 0\n0\n\n1 0 0 0\t1e0 0"
    mesh, _ = read(text)
    np.testing.assert_array_equal(mesh.vertices, [[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    assert mesh.faces.tolist() == [[0, 1, 2]]


def test_doubles_keep_their_digits_and_a_concave_polygon_is_covered_once():
    outline = [(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)]
    points = [(1000 + x / 8, y / 8, 0.125) for x, y in outline]
    mesh, _ = read(ply("binary_big_endian", ("vertex", ("double x", "double y", "double z"), points), ("face", FACE, [(tuple(range(5)),)])))
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 == pytest.approx(10 / 64)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no PLY header"),
        (b"ply\nformat ascii 1.0\n", "no PLY header"),
        (ply("ascii", ("vertex", XYZ, SQUARE)), r"no faces \(a point cloud"),
        (ply("binary_little_endian", ("vertex", XYZ, SQUARE), ("face", FACE, [])), r"point cloud"),
        (ply("ascii", ("vertex", XYZ[:2], [p[:2] for p in SQUARE]), ("face", FACE, [((0, 1, 2),)])), "x, y and z"),
        (ply("ascii", ("vertex", XYZ, SQUARE), ("face", FACE, [((0, 1, 9),)])), "faces that name vertices 0 to 3"),
        (ply("ascii", ("vertex", XYZ, SQUARE), ("face", FACE, [((0, 1),)])), "no triangles"),
        (ply("ascii", ("vertex", XYZ, SQUARE), ("face", FACE, [((0, 1, 2),)])).replace(b"3 0 1 2", b"3 0 1 two"), "numbers"),
        (ply("ascii", ("vertex", XYZ, SQUARE), ("face", FACE, [((0, 1, 2),)])).replace(b"3 0 1 2", b"3 0 1.5 2"), "face"),
        (ply("ascii", ("vertex", XYZ, SQUARE), ("face", FACE, [((0, 1, 2),)])).replace(b"3 0 1 2", b"9 0 1 2"), "less data"),
        (ply("ascii", ("vertex", XYZ, SQUARE), ("face", FACE, [((0, 1, 2),)])).replace(b"float x", b"quark x"), "header line"),
        (ply("ascii", ("vertex", XYZ, SQUARE), ("face", FACE, [((0, 1, 2),)])).replace(b"ascii", b"gzip"), "gzip"),
        (ply("ascii", ("vertex", (*XYZ, "float x"), [(*p, 0) for p in SQUARE])), "twice"),
        (ply("binary_big_endian", ("vertex", XYZ, SQUARE), ("face", FACE, [((0, 1, 2),)]))[:-3], "less data"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(data, words):
    with pytest.raises(InputError, match=words) as error:
        read(data)
    assert "scan.ply" in str(error.value)


def test_normals_have_length_1():
    """Some programs write them longer, or zero where they know none."""
    normals = [(0, 0, 5), (0, 0, 0), (3, 0, 4), (0, 0, -1)]
    rows = [(*p, *n) for p, n in zip(SQUARE, normals, strict=True)]
    mesh, notes = read(ply("ascii", ("vertex", (*XYZ, "float nx", "float ny", "float nz"), rows), ("face", FACE, [((0, 1, 2, 3),)])))
    np.testing.assert_allclose(mesh.normals, [[0, 0, 1], [0, 0, 1], [0.6, 0, 0.8], [0, 0, -1]], atol=1e-6)
    assert "1 of 4 normals have no direction" in notes

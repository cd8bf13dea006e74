"""OBJ of other programs: whatever the encoding, the line ends and the forms, the same mesh; what is left out is said."""

from __future__ import annotations

import re

import numpy as np
import pytest

from backlot.backend.core.color import to_linear
from backlot.backend.io.meshes import decode_mesh, encode_mesh
from backlot.shared.errors import InputError
from backlot.shared.notes import collect_notes
from backlot.shared.operations import OPERATIONS
from backlot.shared.values import EncodedFile, Mesh

PRISM = """# St\u00fchle
mtllib St\u00fchle 1.mtl
o St\u00fchle
v 0 0 0
v 1.0 0 0
v 1e0 1 0
v 0 1 0
v 0 0 -2.5E+0
g a b
usemtl wei\u00df
s off
f 1 2 3 4
f 1 5 2
"""
POINTS = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1], [0, 2.5, 0]])
"""Of ``PRISM``, z up."""
SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"


def read(text: str | bytes, up: str = "y", name: str = "thing.obj") -> tuple[Mesh, str]:
    data = text if isinstance(text, bytes) else text.encode()
    with collect_notes() as notes:
        mesh = decode_mesh(EncodedFile(np.frombuffer(data, np.uint8), name), up)
    return mesh, "\n".join(notes.sentences())


def area(mesh: Mesh) -> float:
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("layout", ["plain", "tabs", "comments", "continued", "old"])
def test_text_in_every_form(encoding, end, layout):
    lines = PRISM.splitlines()
    if layout == "tabs":
        lines = [("\t" + line.replace(" ", " \t ") + "  ") if line[:2] in ("v ", "f ") else line for line in lines]
    if layout == "comments":
        lines = [f"{line} # \u00fc 1 2 3" if line[:2] in ("v ", "f ") else line for line in lines] + ["", "#", "# C:\\folder\\", ""]
    if layout == "continued":
        lines = [line.replace(" ", f" \\{end}", 1) if line[:2] in ("v ", "f ") else line for line in lines]
    if layout == "old":
        lines = [line.replace("f ", "fo ") for line in lines]
    mesh, notes = read(end.join([*lines, ""]).encode(encoding))
    np.testing.assert_allclose(mesh.vertices, POINTS)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 4, 1]]
    assert ("not UTF-8" in notes) == (encoding in ("cp1252", "latin-1"))


def test_a_comment_that_ends_with_a_backslash_goes_on_nowhere():
    mesh, _ = read("# from C:\\scenes\\\n" + PRISM)
    np.testing.assert_allclose(mesh.vertices, POINTS)


@pytest.mark.parametrize("up", ["y", "z"])
def test_axes(up):
    """Blender's default (y up, -z forward), or z up on request; a file says which it is."""
    x, y, z = POINTS.T
    text = (
        PRISM
        if up == "y"
        else PRISM.replace("v 1e0 1 0", "v 1 0 1")
        .replace("v 0 1 0", "v 0 0 1")
        .replace("-2.5E+0", "0")
        .replace("v 0 0 0\ng", "v 0 2.5 0\ng")
    )
    mesh, notes = read(text, up)
    np.testing.assert_allclose(mesh.vertices, POINTS)
    assert notes == ""
    written = encode_mesh(Mesh(mesh.vertices, mesh.faces, np.tile(np.float32([0, 1, 0]), (5, 1))), "obj", obj_up=up)
    assert written.decode().splitlines()[0] == f"# Backlot: {'y up, -z forward' if up == 'y' else 'z up'}, vertex colours in sRGB"
    rows = [[float(k) for k in line.split()[1:]] for line in written.decode().splitlines() if line[:2] == "v "]
    np.testing.assert_allclose(rows, np.stack([x, z, -y], 1) if up == "y" else POINTS)
    for asked in ("y", "z"):
        back, notes = read(written, asked)
        np.testing.assert_allclose(back.vertices, POINTS, atol=1e-6)
        np.testing.assert_allclose(back.normals, np.tile([0, 1, 0], (5, 1)), atol=1e-6)
        assert ("which axis is up" in notes) == (asked != up)


def test_files_that_older_versions_wrote_are_z_up():
    text = "# Backlot: z up, vertex colours in sRGB\n" + SQUARE + "f 1 2 3\n"
    mesh, notes = read(text)
    np.testing.assert_array_equal(mesh.vertices[2], [1, 1, 0])
    assert "which axis is up" in notes
    mesh, _ = read(SQUARE + "f 1 2 3\n# z up\n")  # a comment at the end says nothing
    np.testing.assert_array_equal(mesh.vertices[2], [1, 0, 1])
    for comment in ("# Up axis: Z", "#up=+z", "# Z-Up"):
        mesh, _ = read(f"{comment}\n{SQUARE}f 1 2 3\n")
        np.testing.assert_array_equal(mesh.vertices[2], [1, 1, 0])
    mesh, _ = read("# turned from z up to y-up\n" + SQUARE + "f 1 2 3\n")
    np.testing.assert_array_equal(mesh.vertices[2], [1, 0, 1])
    with pytest.raises(InputError, match="y or z"):
        read(SQUARE + "f 1 2 3\n", "x")


def test_every_operation_with_a_mesh_has_the_option():
    for operation in OPERATIONS.values():
        takes = any(item.kind == "mesh" for item in operation.inputs)
        gives = any(output.kind == "mesh" and "obj" in output.formats for output in operation.outputs)
        assert any(parameter.name == "obj_up" for parameter in operation.parameters) == (takes or gives), operation.name


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        (
            "f 1 2 3\nl 1 2\nl 3 4\np 1\ncurv 0 1 1 2\nsurf 0 1 0 1 1 2 3 4\nf 1 2\n",
            "2 curves|1 curves, 1 faces of fewer.*2 lines, 1 points",
        ),
        ("f 1 2 3\nf 1 1 2\n", "1 of 2 triangles name a vertex twice"),
        ("f 1 2 3\nf 1 3 4 4\n", "1 of 3 triangles name a vertex twice"),
        ("v nan 0 0\nf 1 2 3\nf 1 2 5\n", "1 of 2 triangles have vertices without finite"),
        ("v 0 inf 0\nf 1 2 3\nf 1 2 5\n", "1 of 2 triangles have vertices without finite"),
        ("v 1 2 3 0.5\nf 1 2 3\n", "weights"),
        ("vt 0 0\nf 1/1 2/1 3/1\nf 1 3 4\n", "1 of 2 faces have no UVs"),
        ("vt nan 0\nf 1/1 2/1 3/1\n", "some UVs are not finite"),
        ("vn 0 0 1\nf 1//1 2//1 3//1\nf 1 3 4\n", "3 of 6 corners have no normal"),
        ("vn 0 0 1\nvn 0 1 0\nf 1//1 2//1 3//1\nf 1//2 3//2 4//2\n", "hard edges"),
    ],
)
def test_what_is_left_out_is_said(faces, words):
    mesh, notes = read(SQUARE + faces)
    assert re.search(words, notes), notes
    assert [0, 1, 2] in mesh.faces.tolist()
    assert np.isfinite(mesh.vertices).all()
    assert mesh.uvs is None


def test_forms_of_corners():
    text = SQUARE + "vt 0 0\nvt 1 0 0\nvt 0.25\nvn 0 0 2\nf 1/1 2/2/ 3/3/1\nf -4/-3/-1 -2/-2/-1 -1/-1/-1\n"
    mesh, _ = read(text)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    np.testing.assert_array_equal(mesh.uvs, [[[0, 0], [1, 0], [0.25, 0]], [[0, 0], [1, 0], [0.25, 0]]])
    np.testing.assert_allclose(mesh.normals, [[0, -1, 0]] * 4, atol=1e-6)
    mesh, _ = read("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 5 0 0\nv 6 0 0\nv 5 1 0\nf -3 -2 -1\n")  # counted where they stand
    assert mesh.faces.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_polygon_that_is_not_convex_is_covered_once():
    """A fan from its first corner would cover the notch too."""
    outline = [(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)]
    for start in range(5):
        ring = outline[start:] + outline[:start]
        for order in (ring, ring[::-1]):
            mesh, notes = read("".join(f"v {x} {y} 1\n" for x, y in order) + "vt 0 0\n" * 5 + "f 1/1 2/2 3/3 4/4 5/5\n")
            assert area(mesh) == pytest.approx(16 - 6)
            assert len(mesh.faces) == 3
            assert notes == ""
    star = [
        (np.cos(k * np.pi / 20) * (3 if k % 2 else 1), np.sin(k * np.pi / 20) * (3 if k % 2 else 1), 0.3 * np.cos(k * np.pi / 20))
        for k in range(40)
    ]
    mesh, _ = read("".join(f"v {x} {y} {z}\n" for x, y, z in star) + "f " + " ".join(str(k) for k in range(1, 41)) + "\n")
    signed = sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(star, star[1:] + star[:1], strict=True)) / 2
    flat = Mesh(np.stack([mesh.vertices[:, 0], mesh.vertices[:, 2], np.zeros(40)], 1), mesh.faces)
    assert area(flat) == pytest.approx(signed, rel=1e-5)
    mesh, _ = read("v 0 0 0\nv 3 0 0\nv 1 1 0\nv 2 -1 0\nv 2.5 2 0\nv 0 1 0\nf 1 2 3 4 5 6\n")  # crosses itself: any triangles, but soon
    assert len(mesh.faces) == 4


def test_colours_of_vertices():
    plain = SQUARE.replace("v 0 0 0", "v 0 0 0 1 0 0").replace("v 1 0 0", "v 1 0 0 0.5 0.5 0.5 1.0")
    mesh, notes = read(plain + "f 1 2 3\nf 1 3 4\n")
    np.testing.assert_allclose(mesh.colors[0], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(mesh.colors[1], to_linear(np.float32([0.5] * 3)), atol=1e-6)
    np.testing.assert_array_equal(mesh.colors[2:], np.ones((2, 3)))
    assert "2 of 4 vertices have no colour" in notes
    mesh, notes = read("v 0 0 0 255 0 51\nv 1 0 0 0 0 0\nv 0 1 0 1 1 1\nf 1 2 3\n")
    np.testing.assert_allclose(mesh.colors[0], to_linear(np.float32([1, 0, 0.2])), atol=1e-6)
    assert "0 to 255" in notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no vertices"),
        ("v 0 0 0\nv 1 0 0\n", "no faces"),
        (SQUARE + "l 1 2\n", "no faces"),
        (SQUARE + "f 1 2 9\n", "names v 9 of 4"),
        (SQUARE + "f 1/1 2/1 3/1\n", "names vt 1 of 0"),
        (SQUARE + "f 0 1 2\n", "line 5"),
        (SQUARE + "f -9 1 2\n", "line 5"),
        (SQUARE + "f 1 2 x\n", "line 5"),
        (SQUARE + "f 1 2 1_0\n", "line 5"),
        (SQUARE + "f 1 2 99999999999999999999999999\n", "line 5"),
        ("v 0,5 0,0 1,5\nf 1 1 1\n", "decimal point"),
        ("v 0 0\nf 1 1 1\n", "line 1"),
        ("v 0 0 1.#QNAN\nf 1 1 1\n", "line 1"),
        ("v nan nan nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "no triangles that can be used"),
        ("\0\1\2" * 100, "text|vertices"),
    ],
)
def test_what_is_wrong_is_said(text, words):
    with pytest.raises(InputError, match=words) as error:
        read(text)
    assert "thing.obj" in str(error.value)

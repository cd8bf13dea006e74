"""Stanford PLY in: polygons and triangle strips, with normals, colours, UVs and all other single properties of vertices as attributes."""

from __future__ import annotations

import numpy as np

from ....shared.notes import note
from ....shared.text_file import printable
from ....shared.values import Mesh
from .common import broken, count
from .file_colors import linear_colors
from .names import grouped
from .ply import COLORS, KNOWN, UV_PAIRS
from .ply_file import Element, List, read_elements
from .polygons import distinct, strip, triangulate

_COLOR_NAMES = (COLORS, ("diffuse_red", "diffuse_green", "diffuse_blue"), ("r", "g", "b"))
_INDICES = ("vertex_indices", "vertex_index")
_OF_FACES = {*_INDICES, "texcoord"}


def read(data: bytes, name: str) -> Mesh:
    """A mesh from a file's bytes, coordinates float64.

    Raises:
        InputError: No PLY, one without faces, or one that breaks off; the message says which.
    """
    elements = read_elements(data, name)
    vertex = elements.get("vertex")
    points = None if vertex is None else vertex.stack("x", "y", "z")
    if vertex is None or points is None:
        raise broken(name, "no vertices with x, y and z")
    _note_unread(elements, name)
    faces, uvs = _faces(elements, points, name)
    for pair in UV_PAIRS:
        each = vertex.stack(*pair)
        if uvs is None and each is not None and faces.size and 0 <= faces.min() <= faces.max() < len(each):
            uvs = each[faces]
    colors, of_colors = _colors(vertex, name)
    single = {n: v.astype(np.float32) for n, v in vertex.columns.items() if isinstance(v, np.ndarray) and n not in KNOWN | of_colors}
    return Mesh(points, faces, vertex.stack("nx", "ny", "nz"), colors, uvs, grouped(single))


def _faces(elements: dict[str, Element], points: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    face = elements.get("face", Element("face", 0))
    polygons = next((value for key in _INDICES if isinstance(value := face.columns.get(key), List)), None)
    strips = _strips(elements.get("tristrips"), name)
    if (polygons is None or not len(polygons.values)) and not len(strips):
        raise broken(name, "no faces (a point cloud?)")
    if polygons is None or not len(polygons.values):
        return strips, None
    keep = polygons.sizes >= 3
    if not keep.all():
        note(f"{count(~keep)} faces have fewer than three corners; they are left out", name)
    inside = np.repeat(keep, polygons.sizes)
    corners = polygons.values[inside].astype(np.int64)
    faces, entries = triangulate(polygons.sizes[keep], corners, points, name)
    if len(strips):
        return np.concatenate([faces, strips]), None
    texcoord = face.columns.get("texcoord")
    if not isinstance(texcoord, List) or not len(texcoord.values):
        return faces, None
    wrong = texcoord.sizes != 2 * polygons.sizes
    if wrong.any():
        note(f"{count(wrong)} faces have no UVs, so the UVs of the others are not used either", name)
        return faces, None
    return faces, texcoord.values.reshape(-1, 2)[inside][entries].astype(np.float64)


def _strips(element: Element | None, name: str) -> np.ndarray:
    """Triangle strips, which -1 separates, as faces."""
    found = [np.zeros((0, 3), np.int64)]
    lists = None if element is None else next((value for key in _INDICES if isinstance(value := element.columns.get(key), List)), None)
    if lists is not None:
        for corners in np.split(lists.values.astype(np.int64), np.cumsum(lists.sizes)[:-1]):
            ends = np.flatnonzero(corners < 0)
            found += [strip(part[part >= 0]) for part in np.split(corners, ends)]
    faces = np.concatenate(found)
    return faces[distinct(faces)]


def _colors(vertex: Element, name: str) -> tuple[np.ndarray | None, set[str]]:
    """Colours, scene-linear, and the names of their properties."""
    for names in _COLOR_NAMES:
        values = vertex.stack(*names)
        if values is None:
            continue
        kind = vertex.kind(names[0])
        if (alpha := vertex.columns.get("alpha")) is not None and isinstance(alpha, np.ndarray) and len(np.unique(alpha)) > 1:
            note("the alpha of its vertex colours is not read", name)
        return linear_colors(values, kind if kind[0] in "iu" else "float", name), set(names)
    return None, set()


def _note_unread(elements: dict[str, Element], name: str) -> None:
    others = [printable(key, 30) for key, one in elements.items() if key not in ("vertex", "face", "tristrips") and one.count]
    if others:
        note(f"only vertices and faces are read; left out: {', '.join(others)}", name)
    lists = [printable(key, 30) for key, value in elements["vertex"].columns.items() if isinstance(value, List)]
    if lists:
        note(f"lists of vertices are left out: {', '.join(lists)}", name)
    of_faces = [printable(key, 30) for key in elements["face"].columns if key not in _OF_FACES] if "face" in elements else []
    if of_faces:
        note(f"properties of faces are left out: {', '.join(of_faces)}", name)

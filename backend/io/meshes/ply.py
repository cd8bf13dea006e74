"""PLY: binary and little-endian out, with normals, colours, UVs and attributes; any kind in."""

from __future__ import annotations

import numpy as np

from ....shared.values import Mesh
from .common import broken, color_bytes, linear_colors, triangulate

_KINDS = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_KNOWN = {"x", "y", "z", "nx", "ny", "nz", "red", "green", "blue", "alpha", "s", "t", "u", "v", "texture_u", "texture_v"}


def write(mesh: Mesh) -> bytes:
    """The mesh as a file; UVs go with the faces as ``texcoord``, which is where MeshLab looks for them."""
    columns: dict[str, np.ndarray] = {axis: mesh.vertices[:, k] for k, axis in enumerate("xyz")}
    if mesh.normals is not None:
        columns |= {"n" + axis: mesh.normals[:, k] for k, axis in enumerate("xyz")}
    for name, values in sorted(mesh.attributes.items()):
        wide = values.reshape(len(values), -1)
        columns |= {name if wide.shape[1] == 1 else f"{name}_{k}": wide[:, k] for k in range(wide.shape[1])}
    fields = [(name, "<f4") for name in columns]
    if mesh.colors is not None:
        colors = color_bytes(mesh.colors)
        columns |= {name: colors[:, k] for k, name in enumerate(("red", "green", "blue"))}
        fields += [(name, "u1") for name in ("red", "green", "blue")]
    table = np.empty(len(mesh.vertices), fields)
    for name, values in columns.items():
        table[name] = values
    kinds: list[tuple[str, str] | tuple[str, str, int]] = [("count", "u1"), ("corners", "<i4", 3)]
    if mesh.uvs is not None:
        kinds += [("uv_count", "u1"), ("uvs", "<f4", 6)]
    faces = np.empty(len(mesh.faces), kinds)
    faces["count"], faces["corners"] = 3, mesh.faces
    if mesh.uvs is not None:
        faces["uv_count"], faces["uvs"] = 6, mesh.uvs.reshape(-1, 6)
    lines = ["ply", "format binary_little_endian 1.0", "comment Backlot", f"element vertex {len(table)}"]
    lines += [f"property {'uchar' if kind == 'u1' else 'float'} {name}" for name, kind in fields]
    lines += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    if mesh.uvs is not None:
        lines.append("property list uchar float texcoord")
    return "\n".join([*lines, "end_header", ""]).encode("ascii") + table.tobytes() + faces.tobytes()


def read(data: bytes, name: str) -> Mesh:
    """A mesh from a file's bytes; ``InputError`` says what is wrong with them."""
    elements, body, form = _header(data, name)
    tables = {}
    for element, count, properties in elements:
        if form == "ascii":
            table, body = _ascii(body, count, properties, name)
        else:
            table, body = _binary(body, count, properties, "<" if "little" in form else ">", name)
        tables[element] = table
    if "vertex" not in tables or not all(axis in tables["vertex"] for axis in "xyz"):
        raise broken(name, "no vertices with x, y and z")
    vertex, face = tables["vertex"], tables.get("face", {})

    def stack(*names: str) -> np.ndarray | None:
        return np.stack([vertex[n] for n in names], 1) if all(n in vertex for n in names) else None

    vertices = stack("x", "y", "z")
    assert vertices is not None
    polygons = face.get("vertex_indices", face.get("vertex_index"))
    if polygons is None or not isinstance(polygons, tuple) or not len(polygons[0]):
        raise broken(name, "no faces (a point cloud?)")
    sizes, corners = polygons
    keep = sizes >= 3
    inside = np.repeat(keep, sizes)
    faces, places = triangulate(sizes[keep].astype(np.int64), corners[inside].astype(np.int64))
    uvs = None
    texcoord = face.get("texcoord")
    if isinstance(texcoord, tuple) and (texcoord[0] == 2 * sizes).all():
        uvs = texcoord[1].reshape(-1, 2)[inside][places]
    for pair in (("s", "t"), ("u", "v"), ("texture_u", "texture_v")):
        per_vertex = stack(*pair)
        if uvs is None and per_vertex is not None and faces.size and 0 <= faces.min() <= faces.max() < len(per_vertex):
            uvs = per_vertex[faces]
    colors = stack("red", "green", "blue")
    attributes = {n: v.astype(np.float32) for n, v in vertex.items() if n not in _KNOWN and isinstance(v, np.ndarray)}
    normals = stack("nx", "ny", "nz")
    return Mesh(
        vertices.astype(np.float32),
        faces.astype(np.int32),
        None if normals is None else normals.astype(np.float32),
        None if colors is None else linear_colors(colors),
        None if uvs is None else uvs.astype(np.float32),
        attributes,
    )


_Property = tuple[str, str, str]
"""Name, kind, and the kind of the count for a list or ``""``."""


def _header(data: bytes, name: str) -> tuple[list[tuple[str, int, list[_Property]]], bytes, str]:
    end = data.find(b"end_header")
    if not data.startswith(b"ply") or end < 0 or end > 1 << 20:
        raise broken(name, "no PLY header")
    start = data.find(b"\n", end) + 1
    elements: list[tuple[str, int, list[_Property]]] = []
    form = ""
    for line in data[:end].decode("latin-1").splitlines()[1:]:
        words = line.split()
        try:
            if words[:1] == ["format"]:
                form = words[1]
            elif words[:1] == ["element"]:
                elements.append((words[1], int(words[2]), []))
            elif words[:2] == ["property", "list"]:
                elements[-1][2].append((words[4], _KINDS[words[3]], _KINDS[words[2]]))
            elif words[:1] == ["property"]:
                elements[-1][2].append((words[2], _KINDS[words[1]], ""))
        except (IndexError, ValueError, KeyError):
            raise broken(name, f"a header line {line[:60]!r}") from None
    if form not in ("ascii", "binary_little_endian", "binary_big_endian"):
        raise broken(name, f"format {form!r}")
    if any(not 0 <= count <= 1 << 31 for _, count, _ in elements):
        raise broken(name, "impossible counts")
    return elements, data[start:], form


_Table = dict[str, "np.ndarray | tuple[np.ndarray, np.ndarray]"]


def _binary(body: bytes, count: int, properties: list[_Property], order: str, name: str) -> tuple[_Table, bytes]:
    try:
        if any(kind for _, _, kind in properties):
            return _binary_lists(body, count, properties, order, name)
        table = np.frombuffer(body, [(n, order + kind) for n, kind, _ in properties], count)
    except ValueError:
        raise broken(name, "fewer bytes than its header promises, or a property twice") from None
    return {n: np.ascontiguousarray(table[n].astype(table[n].dtype.newbyteorder("="))) for n, _, _ in properties}, body[table.nbytes :]


def _binary_lists(body: bytes, count: int, properties: list[_Property], order: str, name: str) -> tuple[_Table, bytes]:
    """Lists have no fixed length: first guess that all rows are like the first one, else walk."""
    lengths = _lengths(body, properties, order, name) if count else []
    fields: list[tuple[str, str] | tuple[str, str, int]] = []
    for (prop, kind, counter), length in zip(properties, lengths, strict=False):
        if counter:
            fields += [(prop + "#", order + counter), (prop, order + kind, length)]
        else:
            fields.append((prop, order + kind))
    table = np.frombuffer(body, fields, count) if len(body) >= np.dtype(fields).itemsize * count else None
    uniform = table is not None and all(
        (table[p + "#"] == n).all() for (p, _, c), n in zip(properties, lengths, strict=False) if c
    )  # fmt: skip
    if uniform and table is not None:
        result: _Table = {}
        for (prop, kind, counter), length in zip(properties, lengths, strict=False):
            values = table[prop].astype(kind)
            result[prop] = (np.full(count, length), values.reshape(-1)) if counter else values
        return result, body[table.nbytes :]
    sizes: dict[str, list[int]] = {p: [] for p, _, _ in properties}
    parts: dict[str, list[np.ndarray]] = {p: [] for p, _, _ in properties}
    at = 0
    for _ in range(count):
        for prop, kind, counter in properties:
            length = 1
            if counter:
                length = int(np.frombuffer(body, order + counter, 1, at)[0])
                at += np.dtype(counter).itemsize
            parts[prop].append(np.frombuffer(body, order + kind, length, at))
            at += length * np.dtype(kind).itemsize
            sizes[prop].append(length)
    joined: _Table = {}
    for prop, kind, counter in properties:
        values = np.concatenate(parts[prop]).astype(kind) if parts[prop] else np.zeros(0, kind)
        joined[prop] = (np.array(sizes[prop], np.int64), values) if counter else values
    return joined, body[at:]


def _lengths(body: bytes, properties: list[_Property], order: str, name: str) -> list[int]:
    """How many entries each property has in the first row."""
    lengths, at = [], 0
    for _, kind, counter in properties:
        length = 1
        if counter:
            length = int(np.frombuffer(body, order + counter, 1, at)[0])
            at += np.dtype(counter).itemsize
        if length < 0 or length > 1 << 20:
            raise broken(name, f"a list of {length} entries")
        at += length * np.dtype(kind).itemsize
        lengths.append(length)
    return lengths


def _ascii(body: bytes, count: int, properties: list[_Property], name: str) -> tuple[_Table, bytes]:
    lines = body.split(b"\n", count)
    if len(lines) < count:
        raise broken(name, "fewer lines than its header promises")
    rest = lines[count] if len(lines) > count else b""
    values: dict[str, list[float]] = {p: [] for p, _, _ in properties}
    sizes: dict[str, list[int]] = {p: [] for p, _, _ in properties}
    try:
        for line in lines[:count]:
            words = iter(line.split())
            for prop, _, counter in properties:
                length = int(next(words)) if counter else 1
                values[prop] += [float(next(words)) for _ in range(length)]
                sizes[prop].append(length)
    except (StopIteration, ValueError, RuntimeError):
        raise broken(name, "a line that does not fit its header") from None
    table: _Table = {}
    for prop, kind, counter in properties:
        column = np.array(values[prop]).astype(kind)
        table[prop] = (np.array(sizes[prop], np.int64), column) if counter else column
    return table, rest

"""Meshes as files, with the axes that Blender's importers and exporters have by default: PLY and USD z up, OBJ and glTF y up.

Vertex colours are scene-linear in a ``Mesh``. PLY and OBJ have no rule; readers take their colours for sRGB, so that is written (Blender's
importers assume it by default). Textures are written as 8-bit sRGB PNG: inside ``glb`` and ``usdz``, next to ``obj`` and ``usda``; ``ply``
has none. The float texture itself is an output of its own.

A reader gives float64 and notes what it leaves out; ``repair.finished`` makes of that what can be worked with.

Files are read here and not by trimesh 5: it drops vertex attributes of PLY at 5 times the time, splits vertices at UV seams, and reads an
empty OBJ as a mesh (it reads OBJ 3 times faster).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ....shared.errors import InputError
from ....shared.notes import note
from ....shared.values import EncodedFile, Mesh
from . import glb, glb_read, obj, obj_read, ply, ply_read, usd
from .axes import check_up
from .common import broken, check, picture_bytes
from .far import with_origin
from .repair import finished

FORMATS = ("ply", "obj", "glb", "usda", "usdz")
READABLE: dict[str, Callable[[bytes, str], Mesh]] = {
    ".ply": ply_read.read,
    ".obj": obj_read.read,
    ".glb": glb_read.read,
    ".gltf": glb_read.read,
}
GLTF = (".glb", ".gltf")
_STARTS = {b"glTF": ".glb", b"ply\n": ".ply", b"ply\r": ".ply"}
"""How files begin that say what they are."""
_VERTEX = re.compile(rb"(?:^|[\r\n])v[ \t]+[-+.0-9]")
"""A line of an OBJ, which says nothing."""


def encode_mesh(mesh: Mesh, suffix: str, stem: str = "mesh", obj_up: str = "y") -> bytes:
    """The mesh as the bytes of a file.

    Args:
        mesh: In world space, z up.
        suffix: One of ``FORMATS``, with or without a dot.
        stem: The file's name without suffix; ``companions`` of that name belong next to it.
        obj_up: The axis that points up in an OBJ, ``y`` or ``z``; other formats say theirs or have but one.

    Raises:
        InputError: Another suffix, another axis, or arrays that make no mesh.
    """
    form = _form(suffix)
    check_up(obj_up)
    check(mesh)
    if form == "obj":
        return obj.write(mesh, stem, obj_up)
    if form == "usda":
        return usd.write(mesh, stem)
    return {"ply": ply.write, "glb": glb.write, "usdz": usd.archive}[form](mesh)


def companions(mesh: Mesh, suffix: str, stem: str = "mesh") -> list[EncodedFile]:
    """The files that belong next to ``encode_mesh``'s: material and texture of ``obj``, texture of ``usda``."""
    form = _form(suffix)
    if mesh.texture is None or mesh.uvs is None or form not in ("obj", "usda"):
        return []
    files = [EncodedFile(np.frombuffer(picture_bytes(mesh.texture), np.uint8), f"{stem}.png", "srgb")]
    if form == "obj":
        files.insert(0, EncodedFile(np.frombuffer(obj.material(stem, alpha=mesh.texture.pixels.shape[2] == 4), np.uint8), f"{stem}.mtl"))
    return files


def decode_mesh(file: EncodedFile, obj_up: str = "y") -> Mesh:
    """A mesh from a file: ``ply``, ``obj``, ``glb`` or ``gltf``, by its content where that says it, else by its name.

    Polygons become triangles; a texture inside a ``glb`` comes along.

    Args:
        file: The file.
        obj_up: The axis that points up in an OBJ, ``y`` or ``z``, unless its first lines say it.

    Raises:
        InputError: Another kind of file, or one that makes no mesh; the message names the file and what is wrong.
    """
    check_up(obj_up)
    data = file.data.tobytes()
    suffix = _known(data, file.name)
    try:
        with np.errstate(all="ignore"):  # numbers beyond float32 and those that are none are looked for at the end
            mesh = obj_read.read(data, file.name, obj_up) if suffix == ".obj" else READABLE[suffix](data, file.name)
            mesh = finished(mesh, file.name, split=suffix in GLTF or (suffix == ".ply" and mesh.uvs is not None))
        return with_origin(mesh, data, file.name)
    except InputError as error:
        if file.name in str(error):
            raise
        raise InputError(expected=f"{file.name} to be a mesh", got=str(error).rstrip(".")) from error
    except MemoryError:
        raise broken(file.name, "more than fits into memory") from None


def _known(data: bytes, name: str) -> str:
    """The suffix of what a file is, by its content if that says it."""
    suffix = Path(name).suffix.lower()
    found = next((kind for start, kind in _STARTS.items() if data.startswith(start)), suffix)
    if not found and _VERTEX.search(data, 0, 1 << 16):
        found = ".obj"
    if found not in READABLE:
        fix = "Export the mesh as .glb, .ply or .obj"
        raise InputError(expected=f"a mesh file ending in {', '.join(READABLE)}", got=name, fix=fix)
    if found != suffix and not (found == ".glb" and suffix == ".gltf"):
        note(f"its content is that of a {found} file", name)
    return found


def _form(suffix: str) -> str:
    form = suffix.lower().lstrip(".")
    if form not in FORMATS:
        raise InputError(expected="a mesh file as ." + ", .".join(FORMATS), got=repr(suffix))
    return form

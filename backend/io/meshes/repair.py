"""What is wrong in a mesh but does not stop it: left out or put right, with a note."""

from __future__ import annotations

import dataclasses

import numpy as np

from ....shared.notes import note
from ....shared.origin import relative
from ....shared.values import Mesh
from .common import broken, check, count, welded
from .normals import vertex_normals
from .polygons import distinct

_LENGTH = 1e-4
"""Normals whose length is off by less are left as they are."""


def finished(mesh: Mesh, name: str, *, split: bool = False) -> Mesh:
    """A mesh as a reader has it, float64 and with flaws, as one that can be worked with: finite, float32 and int32, near its origin.

    Args:
        mesh: What a file holds.
        name: The file, for messages and notes.
        split: Whether its format has several vertices where UVs differ; they become one again.

    Raises:
        InputError: Arrays that do not fit together, or nothing is left of it.
    """
    check(mesh, finite=False)
    mesh = _faces(mesh, name)
    if split:
        mesh = welded(mesh)
        mesh = _kept(mesh, distinct(mesh.faces), name)  # triangles without area, which strips have between them
    mesh = _with_unit_normals(_finite(mesh, name), name)
    vertices, origin = relative(mesh.vertices)
    if not np.isfinite(vertices).all():
        raise broken(name, "coordinates beyond 1e38")
    return dataclasses.replace(
        mesh, vertices=vertices, faces=mesh.faces.astype(np.int32), origin=origin, normals=_single(mesh.normals),
        colors=_single(mesh.colors), uvs=_single(mesh.uvs),
    )  # fmt: skip


def _single(values: np.ndarray | None) -> np.ndarray | None:
    return None if values is None else values.astype(np.float32)


def _faces(mesh: Mesh, name: str) -> Mesh:
    keep = np.isfinite(mesh.vertices).all(1)[mesh.faces].all(1)
    if not keep.all():
        note(f"{count(~keep)} triangles have vertices without finite coordinates; they are left out", name)
    flat = keep & ~distinct(mesh.faces)
    if flat.any():
        note(f"{count(flat)} triangles name a vertex twice; they are left out", name)
        keep &= ~flat
    return _kept(mesh, keep, name)


def _kept(mesh: Mesh, keep: np.ndarray, name: str) -> Mesh:
    """The mesh with some of its faces."""
    if not keep.any():
        raise broken(name, "no triangles that can be used")
    if keep.all():
        return mesh
    return dataclasses.replace(mesh, faces=mesh.faces[keep], uvs=None if mesh.uvs is None else mesh.uvs[keep])


def _finite(mesh: Mesh, name: str) -> Mesh:
    good = np.isfinite(mesh.vertices).all(1)
    if not good.all():
        mesh = _only(mesh, good)
    if mesh.normals is not None and not np.isfinite(mesh.normals).all():
        note("some normals are not finite; none are used", name)
        mesh = dataclasses.replace(mesh, normals=None)
    if mesh.uvs is not None and not np.isfinite(mesh.uvs).all():
        note("some UVs are not finite; none are used", name)
        mesh = dataclasses.replace(mesh, uvs=None, texture=None)
    if mesh.colors is not None and not np.isfinite(mesh.colors).all():
        note("some vertex colours are not finite; they become black", name)
        mesh = dataclasses.replace(mesh, colors=np.nan_to_num(mesh.colors, nan=0.0, posinf=0.0, neginf=0.0))
    return mesh


def _with_unit_normals(mesh: Mesh, name: str) -> Mesh:
    """Normals of length 1; vertices whose normal has no direction get the mean of their faces'."""
    if mesh.normals is None:
        return mesh
    length = np.linalg.norm(mesh.normals.astype(np.float64), axis=1, keepdims=True)
    if (np.abs(length - 1) <= _LENGTH).all():
        return mesh
    none = length[:, 0] < _LENGTH
    normals = mesh.normals / np.where(length < _LENGTH, 1, length)
    if none.any():
        if none[mesh.faces].any():
            note(f"{count(none)} normals have no direction; those vertices get the mean of their faces'", name)
        normals[none] = vertex_normals(mesh.vertices, mesh.faces)[none]
    return dataclasses.replace(mesh, normals=normals)


def _only(mesh: Mesh, good: np.ndarray) -> Mesh:
    """The mesh without the vertices that are not ``good``, which no face names."""
    number = np.cumsum(good) - 1

    def pick(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[good]

    attributes = {key: values[good] for key, values in mesh.attributes.items()}
    return dataclasses.replace(mesh, vertices=mesh.vertices[good], faces=number[mesh.faces], normals=pick(mesh.normals),
                               colors=pick(mesh.colors), attributes=attributes)  # fmt: skip

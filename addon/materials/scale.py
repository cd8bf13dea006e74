"""Real-world scale: how often a texture repeats on a mesh so that it covers the metres that it is meant for."""

from __future__ import annotations

import dataclasses

import bpy
import mathutils
import numpy as np

from ..scene import evaluated

WRAP_TOLERANCE = 1e-3
"""UV units: a seam closes when its two sides differ by a whole number, to this tolerance."""
SAME = 0.02
"""Scales that differ by less than this share look alike: one material serves both objects."""


@dataclasses.dataclass(frozen=True)
class Placement:
    """How a texture is mapped to an object.

    Attributes:
        coordinates: ``UV``; ``Object`` or ``Generated`` for a projection from the sides of a box.
        scale: For a Mapping node: repetitions for each unit of the coordinates.
    """

    coordinates: str
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def like(self, other: Placement) -> bool:
        """Whether one material can serve both."""
        near = np.allclose(self.scale, other.scale, rtol=SAME)
        return self.coordinates == other.coordinates and bool(near)


def placement(item: bpy.types.Object, tile: tuple[float, float] | None) -> Placement:
    """Where and how often a texture repeats on an object, its own scale included.

    What counts is what is rendered: the mesh after modifiers, or what a curve, a text or a metaball becomes, in whatever mode it is.

    Args:
        item: An object that a material can be given to.
        tile: Width and height of the texture in scene units; None where it is not known: the texture then fills the UV square.
    """
    with evaluated.own_mesh(item) as (mesh, matrix):
        has_uvs = mesh is not None and len(mesh.uv_layers) > 0
        measured = _density(mesh, matrix) if mesh is not None else None
    if tile is None:
        return Placement("UV") if has_uvs else Placement("Generated")
    width, height = tile
    if measured is not None:
        density, wraps = measured
        across, up = density / width, density / height
        # Where the UVs go around the object and close, a whole number of repetitions matters more than the exact metre.
        return Placement("UV", (max(1.0, round(across)) if wraps[0] else across, max(1.0, round(up)) if wraps[1] else up, 1.0))
    x, y, z = (abs(part) for part in matrix.to_scale())
    # The sides of the box show the texture upright. On top and bottom a texture that is not square is stretched.
    return Placement("Object", (x / width, y / width, z / height))


def uv_density(item: bpy.types.Object) -> tuple[float, tuple[bool, bool]] | None:
    """Scene units for one UV unit, and whether the UVs go around and meet themselves along U and along V.

    The median over the surface, weighted by area in the world, so that a few crushed faces do not count.

    Returns:
        None where there are no UVs, or only crushed ones.
    """
    with evaluated.own_mesh(item) as (mesh, matrix):
        return _density(mesh, matrix) if mesh is not None else None


def _density(mesh: bpy.types.Mesh, matrix: mathutils.Matrix) -> tuple[float, tuple[bool, bool]] | None:
    if not len(mesh.uv_layers) or not len(mesh.polygons):
        return None
    mesh.calc_loop_triangles()
    layer = next((layer for layer in mesh.uv_layers if layer.active_render), mesh.uv_layers[0])
    uv = _read(layer.uv, "vector", len(mesh.loops), 2)
    vertices = _read(mesh.vertices, "co", len(mesh.vertices), 3)
    corner_vertex = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corner_vertex)
    corners = np.empty(3 * len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("loops", corners)
    triangles = corners.reshape(-1, 3)
    world = vertices[corner_vertex[triangles]] @ np.array(matrix.to_3x3()).T
    flat = uv[triangles]
    area = np.linalg.norm(np.cross(world[:, 1] - world[:, 0], world[:, 2] - world[:, 0]), axis=1)
    one, two = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    uv_area = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
    good = (area > 0) & (uv_area > 1e-10)
    if not good.any() or area[good].sum() < 0.1 * area.sum():
        return None
    ratio, weight = np.sqrt(area[good] / uv_area[good]), area[good]
    order = np.argsort(ratio)
    total = np.cumsum(weight[order])
    density = float(ratio[order][np.searchsorted(total, total[-1] / 2)])
    return density, _wraps(corner_vertex, uv)


def _wraps(corner_vertex: np.ndarray, uv: np.ndarray) -> tuple[bool, bool]:
    """Whether vertices have UVs a whole number apart along U or V and equal along the other: the seam of a tube or globe."""
    order = np.argsort(corner_vertex, kind="stable")
    starts = np.flatnonzero(np.diff(corner_vertex[order], prepend=-1))
    low = np.minimum.reduceat(uv[order], starts, axis=0)
    extent = np.maximum.reduceat(uv[order], starts, axis=0) - low
    turn = (np.abs(extent - np.rint(extent)) < WRAP_TOLERANCE) & (np.rint(extent) >= 1)
    still = extent < WRAP_TOLERANCE
    return int((turn[:, 0] & still[:, 1]).sum()) >= 2, int((turn[:, 1] & still[:, 0]).sum()) >= 2


def _read(items: bpy.types.bpy_prop_collection, name: str, count: int, size: int) -> np.ndarray:
    flat = np.empty(count * size, np.float32)
    items.foreach_get(name, flat)
    return flat.reshape(count, size).astype(np.float64)

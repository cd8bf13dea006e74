"""Fewer triangles, with everything that hangs on the vertices carried over.

A large mesh first goes through fast-simplification (Garland and Heckbert, SIGGRAPH 1997, by thresholds), which is quick but stalls before
it reaches few triangles and knows neither borders nor topology; the rest is done in order of error by ``collapse.py``.
"""

from __future__ import annotations

import numpy as np

from ...shared.values import Mesh
from . import topology
from .clean import clean
from .collapse import collapse
from .nearest import nearest_points

LEVELS = (0.25, 0.05)
"""Parts of the triangles that levels of detail 1 and 2 keep."""
_CAREFUL = 5
"""Times the wanted triangles that are left to the careful stage."""
_LEAST = 100_000
"""Meshes smaller than this need no quick stage."""
_SCALE = 250.0
"""Median edges in the unit in which the quick stage works: its thresholds are absolute, and begin well below an edge then."""


def simplify(mesh: Mesh, faces: int) -> Mesh:
    """At most ``faces`` triangles where topology allows it, without UVs (they do not survive a collapse).

    Borders keep their shape and a manifold stays one. Normals, colours and attributes come from the nearest vertex of the input.
    Same input, same bytes.
    """
    if len(mesh.faces) <= faces:
        return mesh
    center = mesh.vertices.mean(0, dtype=np.float64)
    points, fewer = mesh.vertices - center, mesh.faces.astype(np.int32)
    start = max(_CAREFUL * faces, _LEAST)
    if len(fewer) > 1.5 * start:
        from fast_simplification import simplify as thin

        scale = max(topology.detail(mesh.vertices, mesh.faces), 1e-30) * _SCALE
        points, fewer = thin(points / scale, fewer, target_count=int(start), preserve_border=True)
        thinned, _ = clean(Mesh(points * scale, fewer.astype(np.int32)), folds=True)  # it folds faces onto each other here and there
        points, fewer = thinned.vertices, thinned.faces
    points, fewer = collapse(points, fewer, faces)
    return transfer(mesh, Mesh((points + center).astype(np.float32), fewer))


def transfer(source: Mesh, target: Mesh) -> Mesh:
    """Gives ``target`` the normals, colours and attributes of the nearest vertices of ``source``."""
    nearest = nearest_points(source.vertices, target.vertices)
    normals = source.normals[nearest] if source.normals is not None else topology.vertex_normals(target.vertices, target.faces)
    colors = None if source.colors is None else source.colors[nearest]
    attributes = {name: values[nearest] for name, values in source.attributes.items()}
    return Mesh(target.vertices, target.faces, normals, colors, target.uvs, attributes, target.texture)

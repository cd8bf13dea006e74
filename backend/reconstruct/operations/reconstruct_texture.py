"""``reconstruct.texture``: the colour of frames baked onto a mesh. Parameters: ``shared/operations/reconstruct_texture.py``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ....shared.errors import InputError
from ....shared.values import Mesh
from ...core.context import Context
from ...io.frames.source import FrameSource
from ...mesh import topology
from ...mesh.bake.views import Views
from ...mesh.finish import SLACK, finish
from ..fusion.depth_units import check_source
from ..near_origin import near_origin

_TOLERANCE = 0.01
"""Most that is taken for the tolerance by itself, as a part of the mesh's diagonal: triangles may be large."""


@near_origin
def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Gives ``mesh`` (with ``uvs`` and ``texture``), ``texture``, ``texture_confidence`` and ``report``.

    A mesh with UVs keeps its faces and UVs unless it has more than ``max_faces``; then, and without UVs, it is unwrapped. Frames
    without depth are tested against the mesh's own depth.

    Raises:
        InputError: A mesh without faces, frames without colour, or frames that do not show the mesh.
        JobCancelled: From ``context.progress``.
    """
    mesh: Mesh = inputs["mesh"]
    if not len(mesh.faces):
        raise InputError(expected="a mesh with faces", got="none", fix="Select a mesh with faces, or reconstruct one first")
    limit = int(parameters["max_faces"])
    if parameters["unwrap"] or (limit and len(mesh.faces) > limit):
        mesh = dataclasses.replace(mesh, uvs=None, texture=None)
    keep = mesh.uvs is not None
    diagonal = float(np.linalg.norm(np.ptp(mesh.vertices, axis=0).astype(np.float64)))
    tolerance = float(parameters["tolerance"])
    if tolerance <= 0:
        tolerance = min(SLACK * topology.detail(mesh.vertices, mesh.faces), _TOLERANCE * diagonal)
    given = {
        **parameters, "texture": True, "lods": False, "proxy": False, "normal_map": False, "min_component": 0,
        "max_faces": len(mesh.faces) if keep else limit,
    }  # fmt: skip
    check_source(FrameSource([frame for frame in inputs["frames"] if "depth" in frame.channels]))
    views = Views(inputs["frames"])
    outputs, report = finish(mesh, views, given, context, (0.0, 1.0), tolerance=tolerance, estimated=True)
    context.progress(1.0, "done")
    baked = report["texture"]
    notes = []
    if baked["overlaps"] > 0.002 * max(baked["texels"], 1):
        notes.append(f"{baked['overlaps']} texels are claimed by two triangles: parts of the mesh overlap in the texture")
    if mesh.uvs is not None and (mesh.uvs.min() < -1e-4 or mesh.uvs.max() > 1 + 1e-4):
        notes.append("Some UVs lie outside 0 to 1; what they cover is not baked")
    if baked["coverage"] < 0.5:
        notes.append(f"The frames show {100 * baked['coverage']:.0f} % of the mesh; the rest is filled in")
    return {**outputs, "report": {"notes": notes, "tolerance": tolerance, "depth": views.depth_stored, **report}}

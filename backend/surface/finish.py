"""The last steps of every reconstruction: clean up, simplify, texture, levels of detail, proxy."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ...shared.operations.surface_parameters import SURFACE_PARAMETERS
from ...shared.values import Image, Mesh
from ..context import Context
from ..reconstruct.frames import DepthFrame
from . import texture, topology, unwrap
from .clean import clean
from .simplify import LEVELS, simplify

TEXTURED_FACES = 100_000
"""Where a texture is wanted and no number of faces given: more would be charts too small to filter."""
SLACK = 2.5
"""Edges of the fine mesh, about a voxel each, by which mesh and depth may differ where colour is taken."""


def finish(
    mesh: Mesh, frames: Iterable[DepthFrame], parameters: Mapping[str, Any], context: Context, span: tuple[float, float] = (0.0, 1.0),
    *, tolerance: float = 0.0, estimated: bool = False,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Makes a raw surface into what people can use.

    Args:
        mesh: As fused, in world space.
        frames: For the texture; iterated once, and only if one is wanted.
        parameters: ``SURFACE_PARAMETERS``; missing ones take their defaults. ``min_component`` is used if it is there.
        context: Progress, cancel, device and seed.
        span: Which part of the job's progress this is.
        tolerance: How far mesh and depth may differ where colour is taken, scene units; 0 goes by the size of the mesh's edges.
        estimated: Depth has holes where it is not known, as that of footage has; the mesh's own depth stands in there, also in frames
            whose depth is 0 everywhere. False for a renderer's or a sensor's depth, where no depth means that nothing is there.

    Returns:
        Outputs (``mesh``; ``texture``, ``normal_map``, ``texture_confidence``, ``lod_1``, ``lod_2``, ``proxy`` where asked for), and a
        report that belongs under the key ``surface``.

    Raises:
        InputError: Nothing is left of the mesh, or a texture is wanted and no frame has colour or shows the mesh.
        JobCancelled: From ``context.progress``.
    """
    given = {p.name: p.default for p in SURFACE_PARAMETERS} | dict(parameters)

    def progress(part: float, stage: str) -> None:
        context.progress(span[0] + (span[1] - span[0]) * part, stage)

    clock = {}
    started = time.perf_counter()
    progress(0.0, "cleaning the mesh")
    fine, removed = clean(mesh, int(given.get("min_component") or 0))
    report: dict[str, Any] = {"removed": removed}
    clock["clean"] = time.perf_counter() - started
    if fine.normals is None:
        fine = dataclasses.replace(fine, normals=topology.vertex_normals(fine.vertices, fine.faces))
    limit = int(given["max_faces"]) or (TEXTURED_FACES if given["texture"] else 0)
    result = fine
    if limit and len(fine.faces) > limit:
        progress(0.05, f"simplifying {len(fine.faces):,} to {limit:,} triangles")
        started = time.perf_counter()
        result, _ = clean(simplify(fine, limit))
        clock["simplify"] = time.perf_counter() - started
    outputs: dict[str, Any] = {}
    if given["texture"]:
        tolerance = tolerance or SLACK * topology.detail(fine.vertices, fine.faces)
        result, more = _textured(result, fine, frames, given, tolerance, estimated, progress, report)
        outputs |= more
    if given["lods"]:
        started = time.perf_counter()
        for number, part in enumerate(LEVELS, 1):
            progress(0.84 + 0.06 * number, f"level of detail {number}")
            outputs[f"lod_{number}"] = simplify(dataclasses.replace(result, uvs=None, texture=None), max(int(part * len(result.faces)), 4))
        clock["levels of detail"] = time.perf_counter() - started
    report |= {"topology": topology.describe(len(result.vertices), result.faces)}
    report["seconds"] = {name: round(seconds, 3) for name, seconds in clock.items()}
    return {"mesh": result, **outputs}, report


def _textured(
    mesh: Mesh, fine: Mesh, frames: Iterable[DepthFrame], given: Mapping[str, Any], tolerance: float, estimated: bool,
    progress: Callable[[float, str], None], report: dict[str, Any],
) -> tuple[Mesh, dict[str, Any]]:  # fmt: skip
    size = int(given["texture_size"])
    if mesh.uvs is None:
        started = time.perf_counter()
        uvs, method = unwrap.unwrap(mesh.vertices, mesh.faces, size, lambda part: progress(0.15 + 0.15 * part, "unwrapping"))
        mesh = dataclasses.replace(mesh, uvs=uvs)
        report["unwrap"] = {"method": method, "seconds": round(time.perf_counter() - started, 3)}
    baked = texture.bake(
        mesh, frames, size, tolerance, bool(given["equal_exposure"]), estimated, lambda part, stage: progress(0.3 + 0.5 * part, stage)
    )
    report["texture"] = baked.figures
    outputs: dict[str, Any] = {"texture": baked.mesh.texture}
    outputs["texture_confidence"] = Image(np.ascontiguousarray(baked.confidence[..., None]), "data")
    return baked.mesh, outputs

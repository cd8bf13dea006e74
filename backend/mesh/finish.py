"""The last steps of every reconstruction: clean up, simplify, texture, levels of detail, proxy."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any

import numpy as np

from ...shared.operations.surface_parameters import SURFACE_PARAMETERS
from ...shared.values import Image, Mesh
from ..core.camera import camera_centre
from ..core.context import Context
from ..core.timings import Timings
from ..io.frames.frame import DepthFrame
from . import topology
from .bake import texture
from .bake.normals import normal_map
from .clean import clean
from .proxy.closing import proxy
from .raster import rasterise
from .simplify import LEVELS, simplify
from .unwrap import unwrapping as unwrap

TEXTURED_FACES = 100_000
"""Where a texture is wanted and no number of faces given: more would be charts too small to filter."""
SLACK = 2.5
"""Edges of the fine mesh, about a voxel each, by which mesh and depth may differ where colour is taken."""


def finish(
    mesh: Mesh, frames: Iterable[DepthFrame], parameters: Mapping[str, Any], context: Context, span: tuple[float, float] = (0.0, 1.0),
    *, tolerance: float = 0.0, estimated: bool = False,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Makes a raw surface into what people can use.

    Long: the steps in a row, each optional and each a call.

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

    timings = Timings()
    progress(0.0, "cleaning the mesh")
    fine, removed = clean(mesh, int(given.get("min_component") or 0))
    report: dict[str, Any] = {"removed": removed}
    timings.end("clean")
    if fine.normals is None:
        fine = dataclasses.replace(fine, normals=topology.vertex_normals(fine.vertices, fine.faces))
    limit = int(given["max_faces"]) or (TEXTURED_FACES if given["texture"] or given["normal_map"] else 0)
    result = fine
    if limit and len(fine.faces) > limit:
        progress(0.05, f"simplifying {len(fine.faces):,} to {limit:,} triangles")
        result, _ = clean(simplify(fine, limit))
        timings.end("simplify")
    outputs: dict[str, Any] = {}
    atlas = None
    watched = _Watched(frames)
    if given["texture"] or given["normal_map"]:
        uvs = result.uvs
        size = int(given["texture_size"])
        if uvs is None:
            uvs, method = unwrap.unwrap(result.vertices, result.faces, size, lambda part: progress(0.15 + 0.15 * part, "unwrapping"))
            report["unwrap"] = {"method": method, **unwrap.measure(result.vertices, result.faces, uvs, size)}
            timings.end("unwrap")
        result = dataclasses.replace(result, uvs=uvs)
    if given["texture"]:
        tolerance = tolerance or SLACK * topology.detail(fine.vertices, fine.faces)
        equalise = bool(given["equal_exposure"])
        baked = texture.bake(result, watched, size, tolerance, equalise, estimated, lambda part, stage: progress(0.3 + 0.45 * part, stage))
        result, atlas, report["texture"] = baked.mesh, baked.atlas, baked.figures
        outputs["texture"] = baked.mesh.texture
        outputs["texture_confidence"] = Image(np.ascontiguousarray(baked.confidence[..., None]), "data")
        timings.end("texture")
    if given["normal_map"]:
        progress(0.75, "baking normals")
        assert result.uvs is not None
        outputs["normal_map"] = Image(normal_map(result, fine, atlas or rasterise(result.uvs, result.faces, size)), "data")
        timings.end("normals")
    if given["lods"]:
        for number, part in enumerate(LEVELS, 1):
            progress(0.8 + 0.05 * number, f"level of detail {number}")
            outputs[f"lod_{number}"] = simplify(dataclasses.replace(result, uvs=None, texture=None), max(int(part * len(result.faces)), 4))
        timings.end("levels of detail")
    if given["proxy"]:
        centres = watched.camera_centres()
        outputs["proxy"], report["proxy"] = proxy(
            result,
            int(given["proxy_faces"]),
            centres,
            lambda part: progress(0.92 + 0.08 * part, "making the proxy"),
            bool(given["proxy_parts"]),
        )
        timings.end("proxy")
    report["topology"] = topology.describe(len(result.vertices), result.faces)
    report["seconds"] = timings.seconds
    return {"mesh": result, **outputs}, report


class _Watched:
    """Passes frames through and keeps their camera centres."""

    def __init__(self, frames: Iterable[DepthFrame]) -> None:
        self._frames = frames
        self._centres: list[np.ndarray] = []

    def __len__(self) -> int:
        return len(self._frames) if isinstance(self._frames, Sized) else 0

    def __iter__(self) -> Iterator[DepthFrame]:
        self._centres = []
        for frame in self._frames:
            self._centres.append(camera_centre(frame.camera))
            yield frame

    def camera_centres(self) -> np.ndarray:
        """Camera centres ``(E, 3)``; iterates the frames unless that was done."""
        if not self._centres:
            for _ in self:
                pass
        return np.array(self._centres, np.float64).reshape(-1, 3)

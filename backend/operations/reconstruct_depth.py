"""``reconstruct.depth``: a mesh from exact depth and cameras."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import psutil
import torch

from ...shared.errors import InputError
from ...shared.values import Mesh
from ..context import Context
from ..reconstruct import marching
from ..reconstruct.frames import FrameSource
from ..reconstruct.fusion import Fusion, Settings
from ..reconstruct.projection import Projection

MEMORY_SHARE = 0.35
"""Part of the free memory that voxels may take; growing them, the mesh and the frames need the rest."""
KEEP_SHARE = 0.15
"""Part of the free memory for decoded frames, so that the colour pass need not decode them again."""
MAX_JUMP = 2.5
"""See ``marching.extract``: real surfaces stay below 2 voxels, silhouettes against free space jump by 3 and more."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Fuses the frames and gives ``mesh`` (``Mesh``, world space) and ``report`` (a JSON object, lengths in scene units).

    Raises:
        InputError: Frames that cannot be used, no depth in any of them, or a volume that does not fit in memory.
        JobCancelled: From ``context.progress``.
    """
    frames = inputs["frames"]
    if not frames:
        raise InputError(expected="at least one frame", got="none", fix="Capture at least one frame")
    voxel, truncation = float(parameters["voxel"]), float(parameters["truncation"])
    source = FrameSource(frames, float(parameters["max_depth"]), int(psutil.virtual_memory().available * KEEP_SHARE))
    settings = Settings(voxel, truncation, int(_free_memory(context.device) * MEMORY_SHARE))
    fusion = Fusion.create(settings, context.device)
    clock = _Clock()
    skipped = []
    for index, frame in enumerate(source):
        clock.add("decode")
        context.progress(0.6 * index / len(source), f"fusing frame {index + 1}/{len(source)}")
        if frame.empty:
            skipped.append(frame.number)
            continue
        fusion.add(frame.depth, frame.camera, frame.noise, frame.confidence)
        clock.add("fuse")
    if len(skipped) == len(source):
        raise InputError(
            expected="depth in at least one frame",
            got=f"only background in {_names(skipped)}",
            fix="Point the camera at the scene, raise the maximum depth, or check the depth's units",
        )
    context.progress(0.6, "extracting the surface")
    blocks = fusion.blocks()
    vertices, normals, faces = marching.extract(blocks, voxel, truncation, MAX_JUMP)
    keep, components = marching.large_components(len(vertices), faces, int(parameters["min_component"]))
    dropped = int((~keep).sum())
    vertices, normals, faces = marching.compact(vertices, normals, faces, keep)
    clock.add("extract")
    if not len(faces):
        raise InputError(
            expected=f"a surface from {len(source) - len(skipped)} frames at a voxel size of {voxel:g}, in parts of at least "
            f"{parameters['min_component']} triangles",
            got=f"{dropped} triangles, all in smaller parts",
            fix="Use a smaller voxel size or a lower Smallest Part, and check the depth's units",
        )
    projection = Projection(vertices, blocks, voxel, truncation, context.seed)
    for index, frame in enumerate(source):
        context.progress(0.7 + 0.3 * index / len(source), f"colouring from frame {index + 1}/{len(source)}")
        if not frame.empty:
            projection.add(frame)
    colors = projection.colors(faces)
    clock.add("color")
    context.progress(1.0, "done")
    report = {
        "frames": len(source),
        "frames_skipped": skipped,
        "voxel": voxel,
        "truncation": truncation * voxel,
        "vertices": len(vertices),
        "faces": len(faces),
        "components": components,
        "faces_dropped": dropped,
        "bounds": [[float(f"{x:.6g}") for x in corner] for corner in (vertices.min(0), vertices.max(0))],
        "error": projection.errors(),
        "voxel_blocks": blocks.count,
        "voxel_bytes": blocks.bytes,
        "seconds": {name: round(seconds, 3) for name, seconds in clock.seconds.items()},
    }
    return {"mesh": Mesh(vertices, faces, normals, colors), "report": report}


class _Clock:
    """Seconds by stage; frames decode in a thread, so "decode" is the time spent waiting for it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def add(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now


def _free_memory(device: torch.device) -> int:
    host = psutil.virtual_memory().available
    return min(host, torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else host


def _names(numbers: list[int]) -> str:
    shown = ", ".join(str(n) for n in sorted(numbers)[:10])
    return f"frame {shown}" if len(numbers) == 1 else f"all {len(numbers)} frames ({shown}{', …' if len(numbers) > 10 else ''})"

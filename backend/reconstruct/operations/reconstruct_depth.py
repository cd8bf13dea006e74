"""``reconstruct.depth``: a mesh from exact or measured depth and cameras.

A few frames are looked at first (``survey``), for units, noise, memory and an early coarse mesh; then all are fused, one after the
other, the surface is extracted, and the frames come by a second time for colour, objects and the error report.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import psutil
import torch

from ....shared.errors import InputError, ParameterError
from ....shared.values import Mesh, SceneFrame
from ...core.context import Context
from ...core.depth_noise import NoiseModel
from ...core.timings import Timings
from ...io.frames.frame import DepthFrame
from ...io.frames.numbers import distinct_numbers
from ...io.frames.object_ids import Selection
from ...io.frames.source import FrameSource
from ...mesh.finish import finish
from ..fusion import report_notes, survey
from ..fusion.blocks import BLOCK_BYTES
from ..fusion.free_space import FreeSpace
from ..fusion.fusion import Settings
from ..fusion.partial import Partial
from ..fusion.projection import Projection
from ..fusion.surface import MAX_JUMP, TOGETHER, Surface, Volumes
from ..near_origin import near_origin

MEMORY_SHARE = 0.35
"""Part of the free memory that voxels may take; growing them, the mesh and the frames need the rest."""
KEEP_SHARE = 0.1
KEEP_MOST = 384 << 20
"""Part of the free memory, and bytes at most, for decoded frames, so that the colour pass need not decode them again."""
CONTRADICTION_STRIDE = 6
"""Every so many pixels it is looked whether other frames see through."""
SETTLED, FUSED, EXTRACTED = 0.04, 0.55, 0.6
"""Progress when the survey, the fusion and the extraction are done."""
DETAIL = 300
"""A voxel that suits a scene is about its distance divided by this: two pixels of a picture 640 wide at a usual focal length."""
SMALLEST_VOXEL = 1e-5
"""Scene units: float32 vertices a few hundred units from the origin cannot be distinguished below."""
FINISHING = ("max_faces", "lods", "proxy", "texture", "normal_map")

__all__ = ["MAX_JUMP", "run"]


@near_origin
def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Fuses the frames and gives ``mesh`` (``Mesh``, world space) and ``report`` (a JSON object, lengths in scene units).

    The mesh has the attributes ``confidence`` and, where frames have ids, ``object``. With finishing parameters there are more outputs,
    see ``surface.finish``.

    Long: the operation from its inputs to its report, step by step.

    Raises:
        InputError: Frames that cannot be used, no depth in any of them, units that do not fit, or a volume that does not fit in memory.
        JobCancelled: From ``context.progress``.
    """
    given: dict[str, Any] = {"noise": "measured", "noise_size": 0.0, "objects": "", "without_objects": "", "separate": False,
                             "drop_moving": False, "truncation": 0.0, **parameters}  # fmt: skip
    timings = Timings()  # frames decode in a thread: "decode" is the time spent waiting for it
    every = distinct_numbers(inputs["frames"])
    frames, bare = _with_depth(every)
    selection = Selection.parse(given["objects"], given["without_objects"], bool(given["separate"]))
    keep = min(int(psutil.virtual_memory().available * KEEP_SHARE), KEEP_MOST)
    source = FrameSource(frames, float(given["max_depth"]), keep, selection)
    context.progress(0.0, "looking at the frames")
    looked = survey.look(source)
    decode_seconds = timings.end("survey") / max(len(looked.frames), 1)
    voxel, resolved = _voxel(given, looked, len(source), context.device)
    settings = survey.settings_for(looked, voxel, _truncation(given), _noise(given), _memory_limit(context.device))
    expected = survey.estimate(looked, settings, len(source), context.device, decode_seconds) if looked.frames else None
    partial = None
    if expected is not None:
        rest = ", then the finish" if _finishes(given) else ""
        needed = f"about {expected.bytes / 2**20:.0f} MiB of memory and {expected.seconds:.0f} s"
        told = f"{report_notes.counted(len(source))}, voxels of {voxel:.3g}: {needed}"
        context.progress(0.01, told + rest)
        partial = Partial(context, looked.frames, int(given["min_component"]))
        partial.coarse(looked, settings, context.seed)
        timings.end("preview")
        context.progress(SETTLED, "first look", partial.picture)
    empty_space = FreeSpace(looked.frames, settings.truncation * settings.voxel + 3 * looked.noise.sigma(looked.far))
    surface, skipped, taken_out = _fuse(source, settings, empty_space if given["drop_moving"] else None, partial, given, context, timings)
    projection = Projection(surface.vertices, surface.faces, settings, len(source), context.seed)
    moving = report_notes.Moving()
    last = 0.9 if _finishes(given) else 1.0
    for index, frame in enumerate(source):
        part = index / len(source)
        context.progress(EXTRACTED + (last - EXTRACTED) * part, f"colouring from frame {index + 1}/{len(source)}")
        if not frame.empty:
            projection.add(frame)
            moving.add(frame, empty_space.contradicted(frame, CONTRADICTION_STRIDE), CONTRADICTION_STRIDE)
    objects = _objects(surface, projection, selection)
    mesh = Mesh(surface.vertices, surface.faces, surface.normals, projection.colors(), attributes={"confidence": surface.confidence})
    if objects is not None:
        mesh.attributes["object"] = objects.astype(np.float32)
    timings.end("color")
    report = {
        "notes": report_notes.notes(every, bare, skipped, looked, settings, projection.overlap(), moving, taken_out, resolved),
        "frames": len(source),
        "frames_skipped": skipped,
        "frames_without_depth": bare,
        "depth": source.depth_stored(),
        "voxel": settings.voxel,
        "voxel_chosen": not given["voxel"],
        "truncation": settings.truncation * settings.voxel,
        "noise": dataclasses.asdict(settings.noise or NoiseModel()),
        "vertices": len(surface.vertices),
        "faces": len(surface.faces),
        "components": surface.components,
        "faces_dropped": surface.dropped,
        "bounds": [[float(f"{x:.6g}") for x in corner] for corner in (surface.vertices.min(0), surface.vertices.max(0))],
        "error": projection.errors(),
        "overlap": report_notes.overlap(projection.overlap()),
        "moving": moving.report(),
        "objects": _ranges(surface, objects),
    }
    outputs: dict[str, Any] = {"mesh": mesh}
    if _finishes(given):
        outputs, report["surface"] = finish(mesh, source, parameters, context, (last, 1.0))
        timings.end("finish")
    report["estimate"] = None if expected is None else {"bytes": expected.bytes, "seconds": round(expected.seconds, 2)}
    report |= {"voxel_blocks": surface.blocks, "voxel_bytes": surface.blocks * BLOCK_BYTES, "seconds": timings.seconds}
    context.progress(1.0, "done")
    return {**outputs, "report": report}


def _fuse(
    source: FrameSource, settings: Settings, empty_space: FreeSpace | None, partial: Partial | None, given: Mapping[str, Any],
    context: Context, timings: Timings,
) -> tuple[Surface, list[int], float]:  # fmt: skip
    """The surface, the numbers of frames that show nothing, and the share of pixels taken out because other frames see through them."""
    volumes = Volumes(settings, context.device, bool(given["separate"]))
    skipped, out, total = [], 0, 0
    for index, frame in enumerate(source):
        timings.end("decode")
        picture = partial.picture if partial else None
        context.progress(SETTLED + (FUSED - SETTLED) * index / len(source), f"fusing frame {index + 1}/{len(source)}", picture)
        if frame.empty:
            skipped.append(frame.number)
            continue
        depth = frame.depth
        if empty_space is not None:
            contradicted = _contradicted(empty_space, frame, context.device)
            depth = np.where(contradicted, np.float32(0), depth)
            out, total = out + int(contradicted.sum()), total + int((frame.depth > 0).sum())
        volumes.add(frame, depth)
        if partial:
            partial.refine(volumes)
        timings.end("fuse")
    if len(skipped) == len(source):
        if given["objects"] or given["without_objects"]:
            raise _no_objects(source, given)
        raise InputError(
            expected="depth in at least one frame",
            got=f"only background in {report_notes.names(skipped)}",
            fix="Point the camera at the scene, raise the maximum depth, or check the depth's units",
        )
    context.progress(FUSED, "extracting the surface")
    surface = volumes.surface(int(given["min_component"]))
    if not len(surface.faces):
        raise InputError(
            expected=f"a surface from {len(source) - len(skipped)} frames at a voxel size of {settings.voxel:g}, in parts of at least "
            f"{given['min_component']} triangles",
            got=f"{surface.dropped} triangles, all in smaller parts",
            fix=f"Use a voxel size of about {settings.far / DETAIL:.1g}, which suits this distance, or a lower Smallest Part, and check "
            "the depth's units",
        )
    timings.end("extract")
    if partial:
        partial.refine(volumes, surface)
        timings.end("preview")
    context.progress(EXTRACTED, "the surface is there", partial.picture if partial else None)
    return surface, skipped, out / total if total else 0.0


def _no_objects(source: FrameSource, given: Mapping[str, Any]) -> InputError:
    """The refusal of a choice of objects of which nothing is seen, with the ids that frames have."""
    seen = sorted({int(n) for frame in source if frame.object_id is not None for n in np.unique(frame.object_id)})
    wanted = f"objects {given['objects']}" if given["objects"] else f"other objects than {given['without_objects']}"
    there = ", ".join(str(n) for n in seen[:20]) + (", …" if len(seen) > 20 else "")
    return InputError(
        expected=f"depth of {wanted} in at least one frame",
        got=f"none in {report_notes.counted(len(source))}",
        fix=f"Frames show the ids {there or 'of no object'}: choose among them, or raise the maximum depth",
    )


def _contradicted(empty_space: FreeSpace, frame: DepthFrame, device: torch.device) -> np.ndarray:
    found = empty_space.contradicted(frame) if device.type == "cpu" else empty_space.contradicted_torch(frame, 1, device).cpu().numpy()
    return found == 1


def _with_depth(frames: list[SceneFrame]) -> tuple[list[SceneFrame], list[int]]:
    """Frames that have depth, and the numbers of those that have none."""
    if not frames:
        raise InputError(expected="at least one frame", got="none", fix="Capture at least one frame")
    with_depth = [frame for frame in frames if "depth" in frame.channels]
    if not with_depth:
        fix = "Render or export a depth pass with the frames; reconstruct.footage does without"
        raise InputError(expected=f"frame {frames[0].number} to have depth", got="none", fix=fix)
    return with_depth, [frame.number for frame in frames if "depth" not in frame.channels]


def _voxel(given: Mapping[str, Any], looked: survey.Survey, count: int, device: torch.device) -> tuple[float, float]:
    """The voxel size, the artist's or chosen from the frames, and the size that the frames would be worth."""
    value = float(given["voxel"])
    if 0 < value < SMALLEST_VOXEL:
        raise ParameterError(expected=f"voxel to be 0 (chosen from the frames) or at least {SMALLEST_VOXEL:g}", got=f"{value:g}")
    if value or not looked.frames:  # without depth there is nothing to choose from, and nothing that is fused
        return value or 1.0, 0.0
    return survey.voxel_for(looked, _noise(given), count, device)


def _truncation(given: Mapping[str, Any]) -> float:
    value = float(given["truncation"])
    if 0 < value < 2:
        raise ParameterError(expected="truncation to be 0 (from the noise) or from 2 to 16 voxels", got=f"{value:g}")
    return value


def _noise(given: Mapping[str, Any]) -> NoiseModel | None:
    """The noise that the artist knows, or None to take what was measured."""
    kind, size = given["noise"], float(given["noise_size"])
    if kind == "exact":
        return NoiseModel()
    if not size or kind == "measured":
        return None
    return NoiseModel(size, 0.0) if kind == "constant" else NoiseModel(0.0, size)


def _finishes(given: Mapping[str, Any]) -> bool:
    return any(given.get(name) for name in FINISHING)


def _objects(surface: Surface, projection: Projection, selection: Selection) -> np.ndarray | None:
    """The object of each vertex: the volume that it came from, else what most views show there."""
    if not selection.apart:
        return projection.objects
    ends = [start for _, start, _ in surface.ranges[1:]] + [len(surface.vertices)]
    numbers = [number for number, _, _ in surface.ranges]
    return np.repeat(np.array(numbers, np.int32), np.diff([0, *ends]))


def _ranges(surface: Surface, objects: np.ndarray | None) -> list[dict[str, int]]:
    """Faces of each object; with ``separate`` also where they start."""
    if objects is None:
        return []
    if surface.ranges[0][0] != TOGETHER:
        ends = [start for _, _, start in surface.ranges[1:]] + [len(surface.faces)]
        return [
            {"id": number, "faces": end - face, "first_face": face, "first_vertex": vertex}
            for (number, vertex, face), end in zip(surface.ranges, ends, strict=True)
        ]
    numbers, counts = np.unique(objects[surface.faces[:, 0]], return_counts=True)
    return [{"id": int(number), "faces": int(count)} for number, count in zip(numbers, counts, strict=True)]


def _memory_limit(device: torch.device) -> int:
    host = psutil.virtual_memory().available
    free = min(host, torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else host
    return int(free * MEMORY_SHARE)

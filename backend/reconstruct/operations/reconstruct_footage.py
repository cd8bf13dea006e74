"""``reconstruct.footage``: a mesh from a clip whose camera is solved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import psutil
import torch

from ....shared.errors import InputError
from ....shared.values import SceneFrame, Tracks
from ...core.camera import camera_centre
from ...core.context import Context
from ...core.timings import Timings
from ...io.frames.frame import DepthFrame
from ...io.frames.numbers import distinct_numbers
from ...mesh.finish import finish
from ..fusion.survey import usual_voxel
from ..near_origin import near_origin
from ..stereo.depths import DepthMap, Estimate, estimate_depths
from ..stereo.gains import find_gains
from ..stereo.matching import Settings
from ..stereo.meshing import Fused, fuse, settings_for
from ..stereo.moving import without_moving
from ..stereo.solve_check import check_count, check_parallax, check_reprojection, reprojection
from ..stereo.views import Reader, View, read_views

MEMORY_SHARE = 0.35
"""Part of the free memory that voxels may take."""
FINISHING = ("max_faces", "lods", "proxy", "texture", "normal_map")
"""Parameters that ask for more than the fused mesh."""
FUSED_SHARE = 0.88
"""Of the progress, up to the fused mesh, if there is more to do."""
MATCHING_SHARE = 0.75
"""Of the progress, up to the depth maps."""
BYTES_PER_PIXEL = 80
"""That matching holds for each pixel of each frame: pictures, masks, planes, copies for the agreement, depth maps."""


@near_origin
def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Matches the frames and gives ``mesh`` (``Mesh``, world space) and ``report`` (a JSON object, lengths in scene units).

    A coarse ``mesh`` is emitted as soon as the smallest scale is matched.

    Long: the operation from its inputs to its report, step by step.

    Raises:
        InputError: Frames that hold no depth (one only, tripod, no overlap, mixed shapes), a solve that contradicts its tracks or the
            pictures, or a volume that does not fit in memory.
        JobCancelled: From ``context.progress``.
    """
    timings = Timings()
    frames: list[SceneFrame] = inputs["frames"] or []
    tracks: Tracks | None = inputs.get("tracks")
    check_count(frames)
    frames = sorted(distinct_numbers(frames, tracked=tracks is not None), key=lambda f: f.number)
    notes: list[str] = []
    solve = reprojection(frames, tracks) if tracks is not None else None
    if solve is not None:
        notes += check_reprojection(solve, frames[0].camera)
    elif tracks is not None:
        notes.append("None of the tracks is in these frames; depth ranges were found without them")
        tracks = None
    check_parallax([f.camera for f in frames], None)
    chosen = spread_out(frames, int(parameters["max_frames"]))
    if len(chosen) < len(frames):
        notes.append(f"{len(chosen)} of {len(frames)} frames were used, spread over the camera's path")
    still = without_moving(chosen, frames, lambda fraction, stage: context.progress(0.02 * fraction, stage))
    chosen, notes = still.frames, notes + still.notes
    longest = int(parameters["resolution"])
    _check_memory(chosen, longest)
    views = read_views(chosen, longest, lambda fraction, stage: context.progress(0.02 + 0.03 * fraction, stage))
    timings.end("read")

    def early(maps: list[DepthMap]) -> None:
        _emit_coarse(maps, views, context)

    estimate = estimate_depths(
        views,
        Settings(seed=context.seed % 2**31, device=context.device),
        lambda fraction, stage: context.progress(0.05 + (MATCHING_SHARE - 0.05) * fraction, stage),
        tracks,
        int(parameters["sources"]),
        bool(parameters["fill"]),
        early,
    )
    timings.end("match")
    gains = find_gains(views, estimate.maps, estimate.choices, context.seed)
    colors = [view.color.astype(np.float32) * gain for view, gain in zip(views, gains, strict=True)]
    voxel = float(parameters["voxel"]) or usual_voxel(estimate.maps)
    finishing = any(parameters.get(name) for name in FINISHING)
    last = FUSED_SHARE if finishing else 1.0
    settings = settings_for(estimate.maps, voxel, _memory_limit(context.device))

    def fusing(fraction: float, stage: str) -> None:
        context.progress(MATCHING_SHARE + (last - MATCHING_SHARE) * fraction, stage)

    fused = fuse(estimate.maps, colors, settings, int(parameters["min_component"]), context.device, context.seed, fusing)
    outputs: dict[str, Any] = {"mesh": fused.mesh}
    more: dict[str, Any] = {}
    if finishing:
        frames_again = FullSize(chosen, estimate.maps, gains)
        outputs, more["surface"] = finish(fused.mesh, frames_again, parameters, context, (last, 1.0), tolerance=2 * voxel, estimated=True)
    timings.end("mesh")
    context.progress(1.0, "done")
    report = {
        "frames": len(views),
        "resolution": [views[0].camera.width, views[0].camera.height],
        "reprojection": None
        if solve is None
        else {"median": _short(solve.median), "p95": _short(solve.p95), "observations": solve.observations},
        **_depth_report(estimate, views),
        **_mesh_report(fused),
        **more,
        "moving": {"objects": still.objects, "share": _short(still.share)},
        "gains": [[_short(g) for g in gain] for gain in gains],
        "notes": notes + estimate.notes + _gain_notes(gains),
        "seconds": timings.seconds,
    }
    return {**outputs, "report": report}


class FullSize:
    """The frames once more, undistorted and at the size on disk, for the texture; read one at a time."""

    def __init__(self, frames: Sequence[SceneFrame], maps: Sequence[DepthMap], gains: np.ndarray) -> None:
        self._frames, self._maps, self._gains = frames, maps, gains

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[DepthFrame]:
        reader = Reader()
        for frame, depth_map, gain in zip(self._frames, self._maps, self._gains, strict=True):
            _, color, _ = reader.read(frame)
            yield DepthFrame(frame.number, depth_map.camera, depth_map.depth, 0.0, color * gain, depth_map.confidence)


def spread_out(frames: Sequence[SceneFrame], most: int) -> list[SceneFrame]:
    """At most so many frames, evenly spread over the way the camera goes (and by number where it rests)."""
    if len(frames) <= most:
        return list(frames)
    centres = np.stack([camera_centre(f.camera) for f in frames])
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    steps = steps + 0.05 * max(float(steps.mean()), 1e-12)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0, way[-1], most)
    chosen = np.unique([int(np.abs(way - w).argmin()) for w in wanted])
    return [frames[i] for i in chosen]


def _emit_coarse(maps: list[DepthMap], views: Sequence[View], context: Context) -> None:
    """A first mesh from the coarsest scale; where even that holds nothing the real error comes later, with the reason."""
    try:
        colors = [view.color.astype(np.float32) for view in views]
        settings = settings_for(maps, usual_voxel(maps), _memory_limit(context.device))
        coarse = fuse(maps, colors, settings, 20, context.device, context.seed, lambda fraction, stage: None)
    except InputError:
        return
    context.emit("mesh", coarse.mesh)


def _check_memory(frames: Sequence[SceneFrame], longest: int) -> None:
    camera = frames[0].camera
    scale = min(1.0, longest / max(camera.width, camera.height))
    needed = BYTES_PER_PIXEL * len(frames) * camera.width * camera.height * scale**2
    free = 0.8 * psutil.virtual_memory().available
    if needed > free:
        fit = int(longest * (free / needed) ** 0.5)
        raise InputError(
            expected=f"frames whose matching fits in {free / 2**30:.3g} GiB",
            got=f"{needed / 2**30:.3g} GiB for {len(frames)} frames at a matching resolution of {longest}",
            fix=f"Use a matching resolution of {fit} or fewer frames",
        )


def _memory_limit(device: torch.device) -> int:
    host = psutil.virtual_memory().available
    free = min(host, torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else host
    return int(free * MEMORY_SHARE)


def _depth_report(estimate: Estimate, views: Sequence[View]) -> dict[str, Any]:
    rows = []
    for view, depth_map, choice in zip(views, estimate.maps, estimate.choices, strict=True):
        usable = max(int(view.mask.sum()), 1)
        rows.append({
            "number": view.number,
            "sources": [views[j].number for j in choice.sources],
            "angles": list(choice.angles),
            "overlap": round(choice.overlap, 3),
            "confirmed": round(float(((depth_map.depth > 0) & ~depth_map.filled).sum()) / usable, 4),
            "filled": round(float(depth_map.filled.sum()) / usable, 4),
        })  # fmt: skip
    return {
        "views": rows,
        "depth_range": [_short(min(r.near for r in estimate.ranges)), _short(max(r.far for r in estimate.ranges))],
        "depth_spread": _short(estimate.spread),
        "confirmed": round(float(np.mean([r["confirmed"] for r in rows])), 4),
        "filled": round(float(np.mean([r["filled"] for r in rows])), 4),
    }


def _mesh_report(fused: Fused) -> dict[str, Any]:
    mesh = fused.mesh
    invented = mesh.attributes.get("invented")
    return {
        "voxel": fused.settings.voxel,
        "truncation": _short(fused.settings.truncation * fused.settings.voxel),
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "components": fused.surface.components,
        "faces_dropped": fused.surface.dropped,
        "invented": round(float(invented.mean()), 4) if invented is not None else 0.0,
        "bounds": [[_short(x) for x in corner] for corner in (mesh.vertices.min(0), mesh.vertices.max(0))],
        "error": fused.error,
    }


def _gain_notes(gains: np.ndarray) -> list[str]:
    span = float(np.abs(np.log2(gains)).max())
    return [f"Exposure or white balance changes by up to {span:.2g} stops during the shot; evened out"] if span > 0.1 else []


def _short(value: float) -> float:
    return float(f"{value:.6g}")

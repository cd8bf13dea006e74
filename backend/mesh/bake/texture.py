"""Bakes a texture from frames: the steps of ``raster``, ``bake``, ``blend`` and ``fill`` in a row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sized
from typing import Any

import numpy as np

from ....shared.errors import InputError
from ....shared.values import Image, Mesh
from ...core.color import to_linear, to_srgb
from ...core.timings import Timings
from ...io.frames.frame import DepthFrame
from .. import raster
from . import fill
from .blend import blend, gains
from .observe import Baker

Report = Callable[[float, str], None]


@dataclasses.dataclass(frozen=True)
class Baked:
    """A texture and how it came about.

    Attributes:
        mesh: With the texture, vertex colours from it, and attributes ``invented`` of vertices that no frame shows.
        confidence: ``(S, S)`` float32 in 0..1, 0 where no frame shows the texel.
        atlas: The texels.
        figures: For the report.
    """

    mesh: Mesh
    confidence: np.ndarray
    atlas: raster.Atlas
    figures: dict[str, Any]


def bake(mesh: Mesh, frames: Iterable[DepthFrame], size: int, tolerance: float, equalise: bool, estimated: bool, progress: Report) -> Baked:
    """Bakes the frames' colour onto a mesh with UVs.

    Long: the steps in a row, each a call, with the refusals and the times of each.

    Args:
        mesh: With ``uvs``.
        frames: Decoded, each is looked at once; those without colour are passed over.
        size: Texels of the texture's sides.
        tolerance: Distance between mesh and depth that still counts as the same surface, scene units.
        equalise: Solve for a gain for each frame and channel.
        estimated: See ``Baker``.
        progress: Called between steps.

    Raises:
        InputError: No UVs, no frame with colour, or none that shows the mesh.
    """
    if mesh.uvs is None:
        raise InputError(expected="a mesh with UVs", got="none", fix="Unwrap the mesh first")
    timings = Timings()
    progress(0.0, "rasterising the atlas")
    atlas = raster.rasterise(mesh.uvs, mesh.faces, size)
    if not len(atlas.index):
        raise InputError(expected="UVs within 0 to 1", got="none that cover a texel", fix="Unwrap the mesh, or use a larger texture")
    baker = Baker(mesh, atlas, tolerance, estimated)
    timings.end("rasterise")
    count = len(frames) if isinstance(frames, Sized) else 0
    colored, useful = 0, 0
    for index, frame in enumerate(frames):
        of = f"/{count}" if count else ""
        progress(0.05 + 0.7 * (index / count if count else 1 - 0.98**index), f"baking frame {index + 1}{of}")
        colored += frame.color is not None
        useful += baker.add(frame) > 0
    timings.end("project")
    if not colored:
        fix = "Render or export the pictures along with the depth, or switch Bake Texture off"
        raise InputError(expected="colour in at least one frame", got="none", fix=fix)
    if not useful:
        fix = "Check that mesh and cameras are in the same space and unit"
        raise InputError(expected=f"frames that show the mesh within {tolerance:.3g} of their depth", got=f"none of {colored}", fix=fix)
    progress(0.76, "blending")
    gain = gains(baker.observations, baker.count) if equalise else np.ones((baker.count, 3), np.float32)
    colors, confidence = blend(baker.observations, gain)
    seen = confidence > 0
    timings.end("blend")
    progress(0.82, "filling what no frame shows")
    colors, vertex_colors = fill.fill_unseen(atlas, mesh.faces, len(mesh.vertices), colors, seen)
    picture = atlas.image(colors, 3)
    covered = np.zeros((size, size), bool)
    covered.reshape(-1)[atlas.index] = True
    progress(0.88, "levelling seams")
    # In display values, where a step of 1/255 is equally visible everywhere.
    shown = to_srgb(picture)
    points = fill.seam_points(mesh.faces, mesh.uvs, size)
    before = fill.level_seams(shown, covered, points)
    after = seam_steps(shown, points)
    picture = np.where(covered[..., None], np.maximum(to_linear(shown), 0), picture)
    timings.end("seams")
    progress(0.95, "filling between charts")
    weight = covered.astype(np.float32)[..., None]
    picture = np.where(covered[..., None], picture, fill.push_pull(np.concatenate([picture * weight, weight], 2)))
    timings.end("fill")
    inside = atlas.inside
    unseen = fill.vertex_means(atlas, mesh.faces, len(mesh.vertices), (~seen)[:, None].astype(np.float32), np.ones(len(seen), bool))[0]
    figures = {
        "size": size,
        "texels": int(inside.sum()),
        "coverage": round(float(seen[inside].mean()), 5),
        "occupancy": round(float(inside.sum()) / size**2, 4),
        "overlaps": atlas.overlaps,
        "frames": useful,
        "gains": [round(float(gain.min()), 4), round(float(gain.max()), 4)],
        "seam_step_before": _steps(before),
        "seam_step": _steps(after),
        "seconds": timings.seconds,
    }
    attributes = dict(mesh.attributes)
    own = (unseen[:, 0] > 0.5).astype(np.float32)
    attributes["invented"] = np.maximum(attributes["invented"], own) if "invented" in attributes else own
    textured = dataclasses.replace(
        mesh, colors=vertex_colors, attributes=attributes, texture=Image(np.ascontiguousarray(picture, np.float32), "linear")
    )
    return Baked(textured, atlas.image(confidence, 1)[..., 0], atlas, figures)


def seam_steps(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Differences across seams under bilinear filtering, the largest of the channels at each of ``fill.seam_points``' points."""
    if not len(points):
        return np.zeros(0, np.float32)
    sides = [bilinear(picture, points[:, k : k + 2]) for k in (0, 2)]
    result: np.ndarray = np.abs(sides[0] - sides[1]).max(1)
    return result


def bilinear(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Looks up ``(P, 2)`` columns and rows in texels, centres at halves; ``(P, C)``."""
    size = np.array(picture.shape[1::-1])
    at = np.clip(places - 0.5, 0, size - 1)
    low = np.minimum(at.astype(np.int64), np.maximum(size - 2, 0))
    part = (at - low)[:, :, None]
    high = np.minimum(low + 1, size - 1)
    top = picture[low[:, 1], low[:, 0]] * (1 - part[:, 0]) + picture[low[:, 1], high[:, 0]] * part[:, 0]
    bottom = picture[high[:, 1], low[:, 0]] * (1 - part[:, 0]) + picture[high[:, 1], high[:, 0]] * part[:, 0]
    result: np.ndarray = top * (1 - part[:, 1]) + bottom * part[:, 1]
    return result


def _steps(values: np.ndarray) -> dict[str, float]:
    """In 255ths of display white."""
    if not len(values):
        return {"mean": 0.0, "p99": 0.0, "max": 0.0}
    scaled = values * 255
    return {"mean": round(float(scaled.mean()), 3), "p99": round(float(np.percentile(scaled, 99)), 3), "max": round(float(scaled.max()), 3)}

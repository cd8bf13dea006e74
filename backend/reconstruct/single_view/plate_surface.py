"""From a plate's values to its surface: aligned to tracks or known distances, cleaned, with a backdrop where nothing was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....shared.errors import InputError
from ....shared.values import Tracks
from ...core.camera import project
from .align import Alignment, check_orientation, fit_distances, fit_tracks
from .edges import sharpen
from .plate import Plate
from .relief import Surface
from .sampling import sample

WRONG_CAMERA = 0.05
"""Median distance between tracks and the projections of their points, as a part of the picture's width, that no noise explains."""
BACKDROP = 1.5
"""How many times farther than the farthest measurement the backdrop stands, where no far distance was given."""


def align_plate(plate: Plate, tracks: Tracks | None, parameters: Mapping[str, Any], seed: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Depth in scene units and facts for the report.

    Returns:
        ``(H, W)`` float32 planar depth, NaN where unknown; ``alignment`` and ``notes`` by name.

    Raises:
        InputError: Tracks that do not fit the picture or contradict the declared kind; distances that contradict each other.
    """
    notes: list[str] = []
    near, far, known = (None if parameters[n] is None else float(parameters[n]) for n in ("near", "far", "distance"))
    facts: dict[str, Any] = {}
    if tracks is not None and len(tracks.points):
        places, distances, facts = _seen(plate, tracks, notes)
        values, spread = sample(plate.values, plate.valid, places)
        usable = np.isfinite(values)
        values, spread, distances = values[usable], spread[usable], distances[usable]
        check_orientation(values, distances, plate.kind)
        alignment = fit_tracks(values, spread, distances, plate.kind, seed)
        if len(distances) and np.ptp(distances[alignment.used]) < 0.1 * np.median(distances[alignment.used]):
            notes.append("The tracks that agree lie at about one distance: shape in depth is uncertain; track nearer and farther points")
        notes += _unit_notes(alignment)
        if near or known:
            notes.append("Tracks were given: near and known distance were not needed")
    else:
        alignment, assumed = fit_distances(plate.values, plate.kind, near, far)
        notes += [] if known and assumed else assumed
    depth = alignment.depth(plate.values, 0.0, np.inf)
    scale = 1.0
    if known and alignment.source != "tracks":
        scale = known / _at(depth, plate.valid, float(parameters["distance_x"]), float(parameters["distance_y"]))
        depth = depth * np.float32(scale)
    finite = depth[np.isfinite(depth) & (depth > 0)]
    if not finite.size:
        raise InputError(expected="distances above 0", got="none", fix="Check the kind of depth, and near and far")
    low, high = (float(q) for q in np.percentile(finite, (0.1, 99)))
    limit = far if far else max(20 * float(np.median(finite)), high)
    cut = float((depth[np.isfinite(plate.values)] > limit).mean()) if np.isfinite(plate.values).any() else 0.0
    depth = np.clip(depth, 0.5 * low, limit)
    if cut > 0.001:
        facts["beyond_far"] = round(cut, 4)
    facts |= {
        "kind": plate.kind, "source": alignment.source, "scale": alignment.scale * scale ** (-1 if plate.kind.startswith("inverse") else 1),
        "shift": alignment.shift * scale ** (-1 if plate.kind.startswith("inverse") else 1), "inliers": int(alignment.used.sum()),
        "residual_percent": None if alignment.residual is None else round(100 * alignment.residual, 3),
        "scale_error_percent": None if alignment.error is None else round(100 * alignment.error, 3),
    }  # fmt: skip
    known_depth = depth[plate.valid]
    facts |= {"near": float(np.nanpercentile(known_depth, 0.5)), "far": float(np.nanpercentile(known_depth, 99.5))}
    return depth, {"alignment": facts, "notes": notes}


def make_surface(plate: Plate, depth: np.ndarray, parameters: Mapping[str, Any]) -> Surface:
    """Sharp disparity with a backdrop, from aligned depth."""
    known = plate.valid & np.isfinite(depth) & (depth > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        disparity = np.where(known, 1 / depth, 0).astype(np.float32)
    if parameters["sharpen"]:
        disparity = sharpen(disparity, known, plate.color, plate.smear, float(parameters["tear"]) / 100)
    assumed = plate.opaque & ~known
    if parameters["backdrop"] and assumed.any():
        farthest = float(parameters["far"]) if parameters["far"] else BACKDROP / float(np.percentile(disparity[known], 0.1))
        disparity = np.where(assumed, np.float32(1 / farthest), disparity)
        return Surface(disparity, plate.opaque, assumed)
    return Surface(disparity, known & plate.opaque, np.zeros_like(known))


def _seen(plate: Plate, tracks: Tracks, notes: list[str]) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Where the plate shows solved points, ``(N, 2)``, and how far those are, ``(N,)``; what the camera makes of them."""
    if not plate.posed:
        raise InputError(
            expected="the camera that the tracks were solved with", got="none", fix="Send the plate with its scene camera (frames)"
        )
    numbers = np.unique(tracks.frames)
    here = tracks.frames == plate.number
    if not here.any():
        if len(numbers) != 1:
            shown = ", ".join(str(n) for n in numbers[:5]) + (" …" if len(numbers) > 5 else "")
            got = f"tracks of {f'the frames {shown}' if len(numbers) else 'no frame'}"
            raise InputError(expected=f"tracks seen in frame {plate.number}", got=got, fix="Choose a frame in which points are tracked")
        here[:] = True
    full = plate.image.pixels.shape
    scale = np.array([plate.camera.width / full[1], plate.camera.height / full[0]])
    places = tracks.pixels[here].astype(np.float64) * scale
    expected, distances = project(plate.camera, tracks.points[tracks.indices[here]])
    miss = np.linalg.norm((expected - places) / scale, axis=1)
    inside = (places >= 0).all(1) & (places < [plate.camera.width, plate.camera.height]).all(1) & (distances > 0)
    facts = {"tracks": int(here.sum()), "reprojection_px": round(float(np.median(miss[inside])), 3) if inside.any() else None}
    if inside.any() and np.median(miss[inside]) > WRONG_CAMERA * full[1]:
        raise InputError(
            expected="tracks whose points the camera sees where they were tracked", got=f"{np.median(miss[inside]):.0f} pixels away",
            fix="Check that plate, camera and solve belong together, and the focal length",
        )  # fmt: skip
    if inside.any() and np.median(miss[inside]) > 5:
        notes.append(f"The camera sees the tracks' points {np.median(miss[inside]):.1f} px from where they were tracked: check its lens")
    return places[inside], distances[inside], facts


def _unit_notes(alignment: Alignment) -> list[str]:
    if alignment.kind != "metric":
        return []
    for factor, name in ((0.001, "millimetres"), (0.01, "centimetres"), (0.3048, "feet"), (1000.0, "kilometres")):
        if abs(alignment.scale / factor - 1) < 0.15:
            return [f"The depth is in {name} of the scene's unit, the tracks say: it was scaled by {alignment.scale:.4g}"]
    if abs(alignment.scale - 1) > 0.1:
        return [f"The depth was scaled by {alignment.scale:.4g} to the tracks, though it is declared as metric: check the unit of either"]
    return []


def _at(depth: np.ndarray, valid: np.ndarray, x: float, y: float) -> float:
    """The median depth around a position given in per cent of the picture."""
    height, width = depth.shape
    row, column = min(int(y / 100 * height), height - 1), min(int(x / 100 * width), width - 1)
    reach = max(1, round(0.005 * max(height, width)))
    some = (slice(max(0, row - reach), row + reach + 1), slice(max(0, column - reach), column + reach + 1))
    around = depth[some][valid[some] & np.isfinite(depth[some])]
    if not around.size or not np.median(around) > 0:
        raise InputError(expected=f"depth at the known point, {x:g} % and {y:g} % of the picture", got="none", fix="Choose another point")
    return float(np.median(around))

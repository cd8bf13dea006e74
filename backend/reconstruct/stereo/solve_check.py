"""Checks a camera solve before hours go into it: is there parallax, and do the tracks agree with the cameras?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ....shared.errors import InputError
from ....shared.values import Camera, SceneFrame, Tracks
from ...core.camera import camera_centre, project
from ...core.lens import distort_pixels, undistort_pixels, undistorted

MIN_FRAMES = 2
# Least ratio of the widest baseline to the distance: 0.3 degrees. A pixel of error then costs half of the depth at 360 lines.
MIN_PARALLAX = 0.005
ALLOWED_ERROR = 0.005  # largest median reprojection error as a part of the picture's longer side, but at least ``ALLOWED_PIXELS``
ALLOWED_PIXELS = 3.0
WARN_PIXELS = 1.0
ENOUGH_TRACKS = 8


@dataclasses.dataclass(frozen=True)
class Reprojection:
    """How well solved points fall on their tracks.

    Attributes:
        median: Pixels.
        p95: Pixels.
        observations: How many were compared.
        focal_factor: The factor to the focal length that fits the tracks best; 1 for a right one.
    """

    median: float
    p95: float
    observations: int
    focal_factor: float


def check_count(frames: Sequence[SceneFrame]) -> None:
    """``InputError`` for fewer frames than have depth in them, or a frame number that occurs twice."""
    if len(frames) < MIN_FRAMES:
        raise InputError(
            expected="at least two frames from different positions; three or more for a check of each point",
            got=f"{len(frames)}",
            fix="Choose a range of solved frames; for a single picture use reconstruct.plate",
        )
    numbers = [f.number for f in frames]
    twice = sorted({n for n in numbers if numbers.count(n) > 1})
    if twice:
        raise InputError(expected="each frame once", got=f"frame {twice[0]} several times", fix="Number the frames of the shot")


def reprojection(frames: Sequence[SceneFrame], tracks: Tracks) -> Reprojection | None:
    """Projects each solved point, lens included, and compares with where it was tracked; None without any common frame."""
    errors, wanted, had = [], 0.0, 0.0
    for frame in frames:
        seen = np.flatnonzero(tracks.frames == frame.number)
        if not len(seen):
            continue
        points = np.asarray(tracks.points, np.float64)[tracks.indices[seen]]
        ideal, _ = project(undistorted(frame.camera), points)
        pixels = np.asarray(tracks.pixels, np.float64)[seen]
        error = np.linalg.norm(distort_pixels(frame.camera, ideal) - pixels, axis=1)
        errors.append(np.where(np.isfinite(error), error, np.inf))
        observed = undistort_pixels(frame.camera, pixels)
        center = (frame.camera.cx, frame.camera.cy)
        usable = np.isfinite(observed).all(1) & np.isfinite(ideal).all(1)
        a, b = observed[usable] - center, ideal[usable] - center
        wanted, had = wanted + float((a * b).sum()), had + float((b * b).sum())
    if not errors:
        return None
    every = np.concatenate(errors)
    p95 = float(np.sort(every)[int(0.95 * (len(every) - 1))])
    return Reprojection(float(np.median(every)), p95, len(every), wanted / had if had > 0 else 1.0)


def check_reprojection(found: Reprojection, camera: Camera) -> list[str]:
    """Notes for an unreliable solve.

    Raises:
        InputError: The tracks contradict the cameras: wrong focal length, lens, clip or frame range.
    """
    allowed = max(ALLOWED_PIXELS, ALLOWED_ERROR * max(camera.width, camera.height))
    if not found.median <= allowed:
        better = camera.fl_x * found.focal_factor
        off = abs(found.focal_factor - 1) > 0.01
        hint = f"a focal length of {better:.4g} px instead of {camera.fl_x:.4g} px would fit better; " if off else ""
        msg = "The solve contradicts its own tracks"
        raise InputError(
            msg,
            expected=f"a median reprojection error of at most {allowed:.3g} px",
            got=f"{found.median:.3g} px over {found.observations} observations",
            fix=f"Check the intrinsics: {hint}focal length, sensor size, lens distortion and frame numbers must be those of the solve",
        )
    if found.median > WARN_PIXELS:
        return [f"The solve's reprojection error is {found.median:.2g} px; below {WARN_PIXELS:g} px the depth would be sharper"]
    return []


def check_parallax(cameras: Sequence[Camera], distance: float | None) -> None:
    """Refuses a camera that only turns.

    Args:
        cameras: Of all frames.
        distance: Median distance of what is seen, in scene units, or None when nothing is known of it.

    Raises:
        InputError: A tripod shot, with the baseline and its ratio to the distance.
    """
    centres = np.stack([camera_centre(c) for c in cameras])
    baseline = float(np.linalg.norm(centres - np.median(centres, 0), axis=1).max() * 2)
    rounding = 1e-6 * float(np.abs(centres).max(initial=1e-30))
    if baseline <= rounding:
        msg = f"cameras that all have one centre (baseline {baseline:.3g})"
        raise no_parallax(msg)
    if distance is not None and baseline < MIN_PARALLAX * distance:
        msg = f"{baseline / distance:.2g}: a baseline of {baseline:.3g} at a distance of {distance:.3g} scene units"
        raise no_parallax(msg)


def no_parallax(got: str) -> InputError:
    """The refusal of a shot that holds no depth."""
    return InputError(
        "The camera only turns, as on a tripod, and such footage holds no depth",
        expected=f"a baseline of at least {MIN_PARALLAX:g} of the distance to the scene",
        got=got,
        fix="Use a shot in which the camera travels, or reconstruct.plate on one frame; do not solve with Tripod",
    )


def track_depths(camera: Camera, number: int, tracks: Tracks) -> np.ndarray:
    """Planar depths of the solved points that a frame shows: those tracked in it, or all that fall in the picture if those are few."""
    points = np.asarray(tracks.points, np.float64)
    seen = np.unique(tracks.indices[tracks.frames == number])
    pixels, z = project(camera, points)
    if len(seen) < ENOUGH_TRACKS:
        with np.errstate(invalid="ignore"):
            inside = (pixels >= 0).all(1) & (pixels[:, 0] < camera.width) & (pixels[:, 1] < camera.height)
        seen = np.flatnonzero(inside)
    return z[seen][z[seen] > 0]

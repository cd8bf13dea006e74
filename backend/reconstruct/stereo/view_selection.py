"""Which depths to look at, and through which other frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ....shared.errors import InputError
from ....shared.values import Camera, Tracks
from ...core.camera import camera_centre, project, unproject
from .geometry import transfer
from .solve_check import ENOUGH_TRACKS, track_depths
from .views import View

BEST_ANGLES = (5.0, 12.0)  # degrees between two views that measure depth well and still look alike; 3 to 15 are fine
MIN_OVERLAP = 0.2  # least part of a frame that a source must show
_SPREAD = 4.0  # degrees: sources closer together than this say the same


@dataclasses.dataclass(frozen=True)
class Range:
    """Planar depths of one frame, scene units.

    Attributes:
        near: Nothing is closer.
        far: Nothing that matters is farther.
        median: The usual distance.
    """

    near: float
    far: float
    median: float


@dataclasses.dataclass(frozen=True)
class Choice:
    """Sources of one frame.

    Attributes:
        sources: Numbers of views, the best first; empty when no other frame shows the same.
        neighbours: More of them, for the check of the result.
        angles: Degrees between the frame and each source.
        overlap: Part of the frame that at least two sources show (one, if there are only two frames).
    """

    sources: tuple[int, ...]
    neighbours: tuple[int, ...]
    angles: tuple[float, ...]
    overlap: float


def widened(depths: np.ndarray) -> Range:
    """A range from a sample of depths: the outermost hundredths are mistrusted, then there is room on both sides."""
    inverse = 1 / depths
    low, middle, high = (float(x) for x in np.percentile(inverse, [2, 50, 98]))
    return Range(1 / (high * 1.6), 1 / max(low * 0.5, 1e-3 * middle), 1 / middle)


def ranges_from_tracks(views: Sequence[View], tracks: Tracks) -> list[Range] | None:
    """A range for each frame from the solved points it shows; the shot's where a frame shows few. None if the shot has too few."""
    each = [track_depths(v.camera, v.number, tracks) for v in views]
    every = np.concatenate(each)
    if len(every) < ENOUGH_TRACKS:
        return None
    shot = widened(every)
    ranges = []
    for depths in each:
        if len(depths) < ENOUGH_TRACKS:
            ranges.append(shot)
            continue
        own = widened(depths)
        ranges.append(Range(own.near, max(own.far, min(shot.far, 2 * own.far)), own.median))
    return ranges


def _samples(camera: Camera, span: Range) -> np.ndarray:
    """World points ``(P, 3)`` of a grid of pixels, at three depths."""
    u, v = np.meshgrid((np.arange(6) + 0.5) / 6 * camera.width, (np.arange(5) + 0.5) / 5 * camera.height)
    pixels = np.stack([u, v], -1).reshape(-1, 2)
    depths = (span.median, 0.5 * (span.median + span.near), min(2 * span.median, span.far))
    return np.concatenate([unproject(camera, pixels, np.full(len(pixels), z)) for z in depths])


def _angles(points: np.ndarray, a: Camera, b: Camera) -> np.ndarray:
    x, y = camera_centre(a) - points, camera_centre(b) - points
    cosine = (x * y).sum(1) / np.maximum(np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1), 1e-30)
    angles: np.ndarray = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return angles


def _worth(angle: float) -> float:
    low, high = BEST_ANGLES
    if angle < low:
        return angle / low
    return float(np.exp(-(max(angle - high, 0.0) ** 2) / (2 * 8.0**2)))


def choose(views: Sequence[View], ranges: Sequence[Range], count: int, more: int = 8) -> list[Choice]:
    """Picks the sources of each frame: seen from 3 to 15 degrees aside, showing the same, and from different sides.

    Args:
        views: All frames.
        ranges: Of each.
        count: Sources wanted.
        more: Neighbours wanted for the check.

    Raises:
        InputError: No two frames show the same.
    """
    result = []
    for i, view in enumerate(views):
        points = _samples(view.camera, ranges[i])
        middle = points[: len(points) // 3]
        worth, angle, seen, sides = {}, {}, {}, {}
        for j, other in enumerate(views):
            if i == j or np.allclose(camera_centre(view.camera), camera_centre(other.camera), atol=1e-9 * ranges[i].median):
                continue
            pixels, _ = project(other.camera, points)
            with np.errstate(invalid="ignore"):
                inside = np.all((pixels >= 0) & (pixels < (other.camera.width, other.camera.height)), axis=1)
            if inside.mean() < MIN_OVERLAP:
                continue
            angle[j] = float(np.median(_angles(points[inside], view.camera, other.camera)))
            zoom = transfer_scale(view.camera, other.camera, ranges[i].median)
            worth[j] = _worth(angle[j]) * float(inside.mean()) * min(zoom, 1 / zoom)
            seen[j] = inside[: len(middle)]
            towards = camera_centre(other.camera) - middle.mean(0)
            sides[j] = towards / np.linalg.norm(towards)
        order: list[int] = []
        while worth and len(order) < max(count, more):
            left = {j: w * _fresh(sides[j], [sides[k] for k in order]) for j, w in worth.items() if j not in order}
            if not left:
                break
            order.append(max(left, key=lambda j: (left[j], -j)))
        sources = tuple(order[:count])
        shown = np.zeros(len(middle), np.int64)
        for j in sources:
            shown += seen[j]
        overlap = float((shown >= min(2, len(views) - 1)).mean())
        result.append(Choice(sources, tuple(order[:more]), tuple(round(angle[j], 2) for j in sources), overlap))
    if not any(c.sources for c in result):
        raise InputError(
            expected=f"frames that show the same things (at least {MIN_OVERLAP:.0%} of a frame in another one)",
            got=f"{len(views)} frames without overlap",
            fix="Choose frames closer together, and check that poses and depth are in the same units",
        )
    return result


def _fresh(side: np.ndarray, others: list[np.ndarray]) -> float:
    """1 for a direction unlike all others, down to a quarter."""
    if not others:
        return 1.0
    nearest = min(float(np.degrees(np.arccos(np.clip(side @ o, -1, 1)))) for o in others)
    return 1 - 0.75 * float(np.exp(-((nearest / _SPREAD) ** 2)))


def transfer_scale(a: Camera, b: Camera, depth: float) -> float:
    """How much larger ``b`` pictures what ``a`` sees in its middle."""
    M, t = transfer(a, b)
    z = M[2] @ (a.cx, a.cy, 1) + t[2] / depth
    return float(np.clip(b.fl_x / a.fl_x / max(z, 1e-3), 0.1, 10))

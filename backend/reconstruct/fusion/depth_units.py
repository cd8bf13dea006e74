"""Whether depth is in the unit of the cameras: what one frame shows has to be there, or hidden, where another frame looks.

A sample of one frame agrees with another frame that measured the same distance, contradicts one that sees past it, and says nothing where
that sees something nearer. Of depth in the right unit hardly anything is contradicted. Where much is, and nearly nothing once depth is
scaled, it is scaled wrongly. Frames that share nothing under any scale say nothing, and cameras that are close together, or depth that is
alike in all of them, agree at any large distance: a larger scale counts only where it fits better than an endless one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ....shared.errors import InputError
from ....shared.notes import note
from ....shared.values import Camera
from ...core.camera import camera_centre, project
from ...core.lens import undistort_pixels
from ...io.frames.frame import DepthFrame
from ...io.frames.source import FrameSource
from .sampling import pick, points_of

UNITS = {0.001: "millimetres", 0.01: "centimetres", 0.0254: "inches", 0.3048: "feet", 1000.0: "thousands of scene units",
         100.0: "hundreds of scene units"}  # fmt: skip
"""Factors by which depth may be off, and what it is in then."""
LARGE = 100.0
"""Frames that share nothing may be so indeed, and would at a somewhat other scale; only at a quite different one that proves something."""
LOOKED_AT = 6
"""Frames."""
FITS, SHARED = 0.85, 0.25
"""Least share that is not contradicted, and that is agreed on, where depth fits."""
WHOLE = 0.95
"""Share that is not contradicted where nothing is wrong but noise."""
NEIGHBOUR, LANDED = 0.3, 20
"""Share of a frame's samples that its best neighbour agrees on, where frames are all around an object; fewest samples of one for it."""
SMALL = (0.1, 0.2)
"""Factors of common exports (a tenth of a millimetre, 5,000 steps a metre) taken for millimetres; asked for where frames share nothing."""
BETTER, GAP = 3.0, 0.05
"""So many times less has to be contradicted at another scale, and by at least this share."""
_TOLERANCE = 0.02
_SAMPLES = 400
_ENOUGH = 200
_APART = 1e-3
"""Cameras that are closer, in parts of how far all are apart, count as one position."""
_ENDLESS = 1e6
"""Times the depth: baselines are nothing then."""
_GRID = np.geomspace(0.05, 200, 208)
"""Median depths in distances of the cameras from each other that are tried, every 4 %: neighbours are within the tolerance."""
_GRID_FRAMES, _GRID_SAMPLES, _GRID_ENOUGH = 5, 100, 60


def check_source(source: FrameSource) -> None:
    """``check_units`` of some frames, evenly spread, for operations that do not fuse.

    Raises:
        InputError: See ``check_units``; a frame that cannot be decoded.
    """
    chosen = sorted({int(n) for n in np.linspace(0, len(source) - 1, min(len(source), LOOKED_AT)).round()}) if len(source) > 1 else []
    frames = [frame for frame in (source[n] for n in chosen) if not frame.empty]
    if frames:
        check_units(frames, fit(frames))


class Fit(NamedTuple):
    """How frames fit together.

    Attributes:
        agreed: Share of samples that two frames agree on, of those that land on a measurement.
        kept: Share of samples that frames agree on, of those and the contradicted ones.
        neighbour: Share that a frame and the one that agrees with it most agree on, or more, in three of four frames.
    """

    agreed: float
    kept: float
    neighbour: float

    def beats(self, other: Fit | None) -> bool:
        """Whether it fits, and much better than the other."""
        wrong = 1.0 if other is None else 1 - other.kept
        around = other is None and self.kept >= WHOLE and self.neighbour >= NEIGHBOUR
        fits = around or (self.kept >= FITS and self.agreed >= SHARED)
        return fits and BETTER * (1 - self.kept) <= wrong and 1 - self.kept <= wrong - GAP


def check_units(frames: Sequence[DepthFrame], found: Fit | None) -> None:
    """Refuses depth that fits only in another unit, and notes what fits better along the ray, at another scale or as inverse depth.

    Args:
        frames: None of them empty.
        found: What ``fit`` gives for them.

    Raises:
        InputError: Frames contradict each other as they are, and fit in another of ``UNITS``.
    """
    if len(frames) < 2 or (found is not None and found.kept >= WHOLE):
        return
    along = fit([_along_ray(frame) for frame in frames])
    if along is not None and found is not None and along.beats(found):
        note(
            f"Depth looks like the distance along the ray: as it is, {_compared(found, along, 'read so')}. "
            "Export planar z (the distance along the camera's axis)"
        )
        return
    endless = fit(frames, _ENDLESS)
    tried = {factor: _beating(frames, factor, found, endless) for factor in UNITS if found is not None or max(factor, 1 / factor) >= LARGE}
    fits = {factor: better for factor, better in tried.items() if better is not None}
    if fits:
        factor = max(fits, key=lambda f: fits[f].kept)
        raise _wrong_unit(frames, found, factor, fits[factor])
    for factor in SMALL if found is None else ():
        better = _beating(frames, factor, found, endless)
        if better is not None:
            note(f"Depth and cameras may not fit: {_compared(found, better, f'with depth times {factor:g}')}. {_scaled_by(factor)}")
            return
    for inverse in (False, True) if found is not None and _spread(frames) > 0 else ():
        read = [dataclasses.replace(frame, depth=_inverse(frame.depth)) for frame in frames] if inverse else frames
        scale = _best_scale(read)
        better = _beating(read, scale, found, fit(read, _ENDLESS) if inverse else endless)
        if better is not None:
            if inverse:
                words = _compared(found, better, f"as {scale:.3g} divided by the numbers")
                note(f"Depth looks like inverse depth (disparity): as it is, {words}. Export distances")
            else:
                words = _compared(found, better, f"with depth times {scale:.3g}")
                note(f"Depth and cameras do not fit: as they are, {words}. {_scaled_by(scale)}")
            return


def fit(frames: Sequence[DepthFrame], factor: float = 1.0, samples: int = _SAMPLES, enough: int = _ENOUGH) -> Fit | None:
    """How frames fit together; None where too few samples of one land on a measurement of another, or nearly all are hidden by it.

    Args:
        frames: Without lens distortion.
        factor: Depth is multiplied by it.
        samples: Of each frame.
        enough: Fewest that have to land on a measurement.
    """
    generator = np.random.default_rng(0)
    agreed = beyond = total = 0
    best = []
    apart = _APART * _spread(frames) if frames else 0.0
    for frame in frames:
        best.append(0.0)
        points = points_of(frame, pick(frame, samples, generator), factor)
        for other in frames:
            if np.linalg.norm(camera_centre(other.camera) - camera_centre(frame.camera)) <= apart:  # would agree at any scale
                continue
            place, z = project(other.camera, points)
            nearest, farthest = _around(other.depth, place, z > 0)
            seen = nearest > 0
            z = z[seen] / factor
            behind, before = nearest[seen] > z * (1 + _TOLERANCE), farthest[seen] < z * (1 - _TOLERANCE)
            same = int((~behind & ~before).sum())
            best[-1] = max(best[-1], same / len(z) if len(z) >= LANDED else 0.0)
            agreed += same
            beyond += int(behind.sum())
            total += len(z)
    if total < enough or agreed + beyond < enough / 4:  # what is hidden says nothing
        return None
    return Fit(agreed / total, agreed / max(agreed + beyond, 1), float(np.quantile(best, 0.25)))


def _around(depth: np.ndarray, place: np.ndarray, ahead: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest depth of the four pixels around each position, float64; 0 where one of them is no measurement or outside."""
    height, width = depth.shape
    with np.errstate(invalid="ignore"):
        u, v = (np.where(ahead & np.isfinite(x), x, -2).clip(-2, 1e9) for x in place.T - 0.5)
    inside = (u >= 0) & (v >= 0) & (u <= width - 1) & (v <= height - 1)
    nearest, farthest = np.zeros(len(u)), np.zeros(len(u))
    x, y = u[inside].astype(np.int64), v[inside].astype(np.int64)
    corners = np.stack([depth[np.minimum(y + b, height - 1), np.minimum(x + a, width - 1)] for b in (0, 1) for a in (0, 1)])
    whole = (corners > 0).all(0)
    nearest[inside], farthest[inside] = np.where(whole, corners.min(0), 0), np.where(whole, corners.max(0), 0)
    return nearest, farthest


def _beating(frames: Sequence[DepthFrame], factor: float, found: Fit | None, endless: Fit | None) -> Fit | None:
    """The fit at a factor if it is much better than the one that was found, and, of a larger scale, than an endless one."""
    scaled = fit(frames, factor)
    if scaled is None or not scaled.beats(found) or (factor > 1 and not scaled.beats(endless)):
        return None
    return scaled


def _best_scale(frames: Sequence[DepthFrame]) -> float:
    """The factor at which frames fit best, however well: the middle of those that fit alike within the tolerance."""
    few = [frames[n] for n in sorted({int(n) for n in np.linspace(0, len(frames) - 1, _GRID_FRAMES).round()})]

    def qualities(factors: np.ndarray) -> np.ndarray:
        fits = [fit(few, float(factor), _GRID_SAMPLES, _GRID_ENOUGH) for factor in factors]
        return np.array([0.0 if found is None else found.kept * found.agreed for found in fits])

    coarse = _spread(frames) / _median_depth(frames) * _GRID
    near = coarse[int(np.argmax(qualities(coarse)))] * np.geomspace(0.93, 1.075, 30)
    found = qualities(near)
    return float(np.exp(np.log(near[found >= 0.98 * found.max()]).mean()))


def _compared(found: Fit | None, better: Fit, how: str) -> str:
    """What frames contradict, and what they do if depth is read in another way, in words."""
    if found is None:
        return f"no frame sees what another shows, {how} they agree on {better.agreed:.0%} of what both could see"
    return f"{1 - found.kept:.0%} of what two frames could see is contradicted, {how} {1 - better.kept:.0%}"


def _scaled_by(factor: float) -> str:
    return f"Multiply depth_unit_scale_factor (the frames' depth_scale) by {float(f'{factor:.3g}'):g}"


def _wrong_unit(frames: Sequence[DepthFrame], found: Fit | None, factor: float, better: Fit) -> InputError:
    words = _compared(found, better, f"with depth times {factor:g}")
    msg = f"Depth and cameras are in different units: as they are, {words}"
    return InputError(
        msg,
        expected=f"depth in the unit of the cameras, which stand {_spread(frames):.3g} apart",
        got=f"a median depth of {_median_depth(frames):.4g}, which looks like {UNITS[factor]}",
        fix=_scaled_by(factor),
    )


def _spread(frames: Sequence[DepthFrame]) -> float:
    """How far the cameras are apart along the axis along which they are farthest, scene units."""
    return float(np.ptp(np.stack([camera_centre(frame.camera) for frame in frames]), axis=0).max())


def _median_depth(frames: Sequence[DepthFrame]) -> float:
    return float(np.median(np.concatenate([frame.depth[frame.depth > 0][::101] for frame in frames])))


def _along_ray(frame: DepthFrame) -> DepthFrame:
    """The frame as if its depth were distance from the camera's centre."""
    return dataclasses.replace(frame, depth=(frame.depth / _ray_lengths(frame.camera)).astype(np.float32))


def _ray_lengths(camera: Camera) -> np.ndarray:
    """``(H, W)``: how much longer than along the axis the way along each pixel's ray is."""
    v, u = np.mgrid[: camera.height, : camera.width]
    ideal = undistort_pixels(camera, np.stack([u, v], -1).reshape(-1, 2) + 0.5)
    x, y = ((ideal - (camera.cx, camera.cy)) / (camera.fl_x, camera.fl_y)).T
    lengths: np.ndarray = np.sqrt(1 + x * x + y * y).reshape(camera.height, camera.width)
    return lengths


def _inverse(depth: np.ndarray) -> np.ndarray:
    made: np.ndarray = np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)
    return made

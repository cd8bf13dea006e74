"""Depth maps with confidence for tracked footage."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from ....shared.errors import InputError
from ....shared.values import Camera, Tracks
from ...core.camera import scaled
from ...core.morphology import dilate
from .consistency import agree, without_specks
from .geometry import pairs, transfer
from .matching import Fields, Matcher, Settings
from .planar_prior import fit_planes, supported
from .probe import probe_ranges
from .solve_check import check_parallax
from .view_selection import Choice, Range, choose, ranges_from_tracks
from .views import View

MAX_COST = 0.8
"""1 - ZNCC beyond which a match is none."""
MIN_TRUST = 0.3
"""Of the planar prior, for filling a hole."""
ON_PLANE, SIDES = 0.03, 3
"""And within how much of its inverse depth known pixels on how many of the four sides must lie on the hole's plane."""
FILLED_CONFIDENCE = 0.05
MIN_MATCHED = 0.05
"""Least part of all pixels that must be confirmed."""
TEXTURE, SPOT = 0.025, 0.03
"""Least deviation of gray values in a patch with texture, and least width of what is said to move, in widths of the picture."""
MOVING = 0.02
"""Part of a frame from which on the report says so, if the usual frame has as much; a single frame has to have twice and a half of it,
for at the ends of a shot other frames show less and mistakes are more."""
THIN = 0.5
"""Overlap or confirmed part of a frame below which the report names it."""


@dataclasses.dataclass(frozen=True)
class DepthMap:
    """Depth of one view.

    Attributes:
        number: Frame number in the shot.
        camera: Pinhole, of the map's size.
        depth: ``(H, W)`` float32, planar z in scene units; 0 = unknown.
        confidence: ``(H, W)`` float32, 0..1; 0 where unknown.
        spread: ``(H, W)`` float32, standard deviation among the views that agree, as a part of the depth.
        filled: ``(H, W)`` bool, where depth comes from a plane through its surroundings and no measurement.
        unconfirmed: Part of the frame that has texture and is shown by three others of which none agrees: what moves, or mirrors.
    """

    number: int
    camera: Camera
    depth: np.ndarray
    confidence: np.ndarray
    spread: np.ndarray
    filled: np.ndarray
    unconfirmed: float = 0.0


@dataclasses.dataclass(frozen=True)
class Estimate:
    """All that came out.

    Attributes:
        maps: One for each view, in order.
        ranges: Of depths that were searched.
        choices: Which frames each was matched with.
        spread: Median relative standard deviation of confirmed depth.
        notes: Sentences for the report.
    """

    maps: list[DepthMap]
    ranges: list[Range]
    choices: list[Choice]
    spread: float
    notes: list[str]


def estimate_depths(
    views: Sequence[View],
    settings: Settings,
    report: Callable[[float, str], None],
    tracks: Tracks | None = None,
    sources: int = 4,
    fill: bool = True,
    early: Callable[[list[DepthMap]], None] | None = None,
) -> Estimate:
    """Multi-view stereo on undistorted views.

    A depth is kept if at least two other frames agree with it within a pixel and 1 % (one if there are only two frames).

    Args:
        views: At least two, of one size.
        settings: Of the matching.
        report: Called with fraction and stage many times; may raise to stop.
        tracks: Solved points, for the ranges of depths; without them a few wide sweeps find the ranges.
        sources: Frames that each is matched with.
        fill: Whether holes on planes are filled, see ``prior.py``.
        early: Called once with small unfiltered maps when the coarsest scale is done.

    Raises:
        InputError: No parallax, no overlap, or hardly anything that frames agree on.
    """
    ranges = ranges_from_tracks(views, tracks) if tracks is not None else None
    if ranges is not None:
        check_parallax([v.camera for v in views], float(np.median([r.median for r in ranges])))
    else:
        ranges = probe_ranges(views, settings.device, lambda fraction, stage: report(0.05 * fraction, stage))
        check_parallax([v.camera for v in views], ranges[0].median)
    choices = choose(views, ranges, sources)
    matcher = Matcher(views, ranges, choices, settings)

    def after(level: int) -> None:
        if level == matcher.levels and early is not None:
            early([_confirm(matcher, i, level, fill=False) for i in range(len(views))])

    matcher.run(lambda fraction, stage: report(0.05 + 0.88 * fraction, stage), after)
    maps = []
    for i in range(len(views)):
        report(0.93 + 0.07 * i / len(views), f"checking frame {i + 1}/{len(views)}")
        maps.append(_confirm(matcher, i, 0, fill))
    return Estimate(maps, ranges, choices, _spread(maps), _judge(views, choices, maps, ranges))


def _confirm(matcher: Matcher, index: int, level: int, fill: bool) -> DepthMap:
    """Keeps what other views agree with, at the scale that the matcher is at."""
    view, choice = matcher.views[index], matcher.choices[index]
    gray, mask = matcher.pyramids[index].gray[level], matcher.pyramids[index].mask[level]
    height, width = gray.shape
    camera = scaled(view.camera, width, height) if level == 0 else _shrunk(view.camera, width, height, level)
    fields = matcher.fields.get(index)
    if fields is None:
        empty = np.zeros((height, width), np.float32)
        return DepthMap(view.number, camera, empty, empty, empty, np.zeros((height, width), bool))
    neighbours = [j for j in choice.neighbours if j in matcher.fields] or list(choice.sources)
    nothing = Fields(np.zeros_like(fields.planes), np.zeros_like(fields.cost))
    others = np.stack([matcher.fields.get(j, nothing).planes for j in neighbours])
    pair = len(matcher.views) == 2
    found = agree(fields.planes, others, pairs(view.camera, [matcher.views[j].camera for j in neighbours], 0.5**level), half_pixel=pair)
    needed = 1 if pair else 2
    keep = (mask > 0) & (found.count >= needed) & (fields.cost < MAX_COST)
    keep = without_specks(found.inverse, keep, max(4, 30 >> (2 * level)))
    # More views that agree and better matches are worth more; a lone plane-like match of a plain wall is not worth nothing.
    reliable = np.clip(1 - fields.cost / MAX_COST, 0.05, 1) * np.minimum(found.count / (needed + 1.0), 1)
    inverse = np.where(keep, found.inverse, np.float32(0))
    confidence = np.where(keep, reliable, 0).astype(np.float32)
    filled = np.zeros_like(keep)
    if fill and keep.any():
        planes = fit_planes(inverse, confidence, gray, 0.1 * max(width, height))
        span = matcher.ranges[index]
        filled = ~keep & (mask > 0) & (planes[..., 3] > MIN_TRUST) & (planes[..., 0] > 1 / span.far) & (planes[..., 0] < 1 / span.near)
        filled &= supported(planes, inverse, ON_PLANE) >= SIDES
        inverse = np.where(filled, planes[..., 0], inverse)
        confidence = np.where(filled, np.float32(FILLED_CONFIDENCE) * planes[..., 3], confidence)
    with np.errstate(divide="ignore"):
        depth = np.where(inverse > 0, 1 / inverse, np.float32(0)).astype(np.float32)
    unconfirmed = 0.0
    if level == 0:
        shown = _shown(view.camera, [matcher.views[j].camera for j in neighbours], matcher.ranges[index])
        lone = (mask > 0) & (found.asked >= min(3, len(neighbours))) & (shown >= min(3, len(neighbours))) & (found.count == 0)
        unconfirmed = _wide(lone & _textured(gray))
    return DepthMap(view.number, camera, depth, confidence, np.where(keep, found.spread, np.float32(0)), filled, unconfirmed)


def _shown(camera: Camera, others: list[Camera], span: Range) -> np.ndarray:
    """How many other cameras have each pixel in their picture, be it close or far."""
    v, u = np.mgrid[: camera.height, : camera.width]
    pixels = np.stack([u + 0.5, v + 0.5, np.ones(u.shape)])
    shown = np.zeros(u.shape, np.uint8)
    for other in others:
        M, t = transfer(camera, other)
        inside = np.ones(u.shape, bool)
        for depth in (0.6 * span.median, span.far):
            x, y, z = np.tensordot(M, pixels, 1) + t[:, None, None] / depth
            inside &= (z > 0) & (x >= 0) & (y >= 0) & (x < other.width * z) & (y < other.height * z)
        shown += inside
    return shown


def _textured(gray: np.ndarray) -> np.ndarray:
    planes = torch.from_numpy(gray)[None, None]
    mean, square = (F.avg_pool2d(p, 7, 1, 3, count_include_pad=False) for p in (planes, planes * planes))
    return (square - mean * mean)[0, 0].numpy() > TEXTURE**2


def _wide(lone: np.ndarray) -> float:
    """Share of the picture in spots that are at least ``SPOT`` wide; the fringes of silhouettes are not."""
    size = max(3, round(SPOT * max(lone.shape)) // 2 * 2 + 1)
    planes = torch.from_numpy(lone.astype(np.float32))[None, None]
    inner = F.avg_pool2d(planes, size, 1, size // 2) > 0.8
    return float(dilate(inner, size // 2).mul(planes).mean())


def _shrunk(camera: Camera, width: int, height: int, level: int) -> Camera:
    """The camera of a picture halved ``level`` times; odd rows and columns at the end are cut off."""
    scale = 0.5**level
    return dataclasses.replace(
        camera, width=width, height=height, fl_x=camera.fl_x * scale, fl_y=camera.fl_y * scale, cx=camera.cx * scale, cy=camera.cy * scale
    )


def _spread(maps: list[DepthMap]) -> float:
    values = np.concatenate([m.spread[m.spread > 0][::7] for m in maps])
    return float(np.median(values)) if len(values) else 0.0


def _judge(views: Sequence[View], choices: list[Choice], maps: list[DepthMap], ranges: list[Range]) -> list[str]:
    matched = [float(((m.depth > 0) & ~m.filled).sum()) / max(int(v.mask.sum()), 1) for m, v in zip(maps, views, strict=True)]
    if sum(matched) / len(matched) < MIN_MATCHED:
        msg = f"Frames agree on {sum(matched) / len(matched):.1%} of their pixels"
        raise InputError(
            msg,
            expected=f"at least {MIN_MATCHED:.0%}",
            got=f"{max(matched):.1%} in the best frame, at distances from {min(r.near for r in ranges):.3g} to "
            f"{max(r.far for r in ranges):.3g} scene units",
            fix="Check that poses, focal length and lens are those of this clip; mask what moves; plain or shiny things cannot be matched",
        )
    notes = []
    alone = [v.number for v, c in zip(views, choices, strict=True) if not c.sources]
    if alone:
        notes.append(f"No other frame shows what {_names(alone)} shows; left out")
    thin = [v.number for v, c in zip(views, choices, strict=True) if c.sources and c.overlap < THIN]
    if thin:
        notes.append(f"Thin overlap: less than half of {_names(thin)} is seen in two other frames; use frames closer together")
    narrow = [v.number for v, c in zip(views, choices, strict=True) if c.angles and max(c.angles) < 2.0]
    if narrow:
        notes.append(f"Little parallax: the sources of {_names(narrow)} are less than 2 degrees aside; use a longer range of frames")
    poor = [v.number for v, m in zip(views, matched, strict=True) if m < 0.5 * THIN]
    usual = float(np.median([m.unconfirmed for m in maps]))
    moving = [m.number for m in maps if m.unconfirmed > (MOVING if usual > MOVING else 2.5 * MOVING)]
    if moving:
        most = max(m.unconfirmed for m in maps)
        notes.append(f"Up to {most:.1%} of {_names(moving)} has texture that no other frame agrees with: mask what moves or mirrors")
    if poor:
        notes.append(
            f"Less than a quarter of {_names(poor)} could be confirmed by other frames: little texture, things that move, or a poor solve"
        )
    return notes


def _names(numbers: list[int]) -> str:
    shown = ", ".join(str(n) for n in numbers[:8])
    return f"frame{'s' if len(numbers) > 1 else ''} {shown}{' …' if len(numbers) > 8 else ''}"

"""Style: the content's structure painted with the style's patches.

The guide is the content with its colours moved onto the style's; the picture starts from it. The working resolution follows from the
stroke size, so that a proxy and the full frame match; above it the match field alone is refined, and the strokes keep their grain.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch

from . import pyramid
from .color_match import luminance, match_distribution, move_colors
from .descriptor import PATCH
from .engine import Fixed, Guide, Report, Settings, synthesize
from .voting import vote

REFERENCE_STROKE = 1.5
"""Stroke size in percent at which the style picture covers as much of the frame as it shows itself."""

FRAME_ASPECT = 4 / 3
"""Aspect by which the style's area is compared with the frame's height."""

LEAST_SIDE = 16
"""Least side of content and style in pixels: two patches and a little."""

_LEVELS = 5


@dataclasses.dataclass(frozen=True)
class Scale:
    """Sizes in which a frame is worked on.

    Attributes:
        working: Height and width of the content while patches are searched.
        style: Height and width of the style at that time.
        zoom: Output pixels to a working pixel, at least 1.
    """

    working: tuple[int, int]
    style: tuple[int, int]
    zoom: float


@dataclasses.dataclass(frozen=True)
class Part:
    """What is given when a part of a frame is painted into what is there already.

    Attributes:
        frame: Height and width of the whole frame: strokes are as large as its height says.
        grade: From content to target luminance ``(1, h, w)`` and target colours ``(C, h, w)``, the same for every frame of a shot.
        known: ``(C, H, W)`` paint that is there, as large as the content, or None.
        keep: ``(1, H, W)``, 1 where ``known`` stays.
        levels: Levels that are searched; few go on from the picture that is there, all start afresh.
        begin: ``(C, H, W)`` from which the search starts, or None for the target colours.
    """

    frame: tuple[int, int]
    grade: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
    known: torch.Tensor | None = None
    keep: torch.Tensor | None = None
    levels: int = 0
    begin: torch.Tensor | None = None


def scale_for(content: tuple[int, int], style: tuple[int, int], stroke: float) -> Scale:
    """The working sizes for a stroke size in percent of the content's height.

    A patch of the finest searched level is as large as a stroke; the style is scaled with the strokes.
    """
    zoom = stroke / 100 * content[0] / PATCH
    # Near full resolution a second resampling would cost more sharpness than it saves time.
    zoom = 1.0 if zoom < 1.5 else zoom
    working = content if zoom == 1 else pyramid.size_at(content, 1 / zoom, LEAST_SIDE)
    shown = content[0] * stroke / REFERENCE_STROKE / zoom
    factor = shown / (style[0] * style[1] / FRAME_ASPECT) ** 0.5
    # Never larger than four times the working picture: its memory would not be bounded.
    factor = min(factor, (4 * max(working[0] * working[1], 256 * 256) / (style[0] * style[1])) ** 0.5)
    return Scale(working, pyramid.size_at(style, factor, 2 * LEAST_SIDE), zoom)


def paint(
    content: torch.Tensor,
    style: torch.Tensor,
    stroke: float,
    structure: float,
    variety: float,
    generator: torch.Generator,
    report: Report | None = None,
    part: Part | None = None,
) -> torch.Tensor:
    """Paints the content with the style's patches.

    Args:
        content: ``(3 or 1, H, W)`` float32, display-like 0..1.
        style: The same number of channels.
        stroke: Size of the smallest strokes in percent of the content's height.
        structure: 0..1, how closely the content is followed.
        variety: 0..1, how strongly over-used strokes are avoided.
        generator: On the CPU; breaks ties in flat areas.
        report: Called between steps.
        part: Given when the content is a part of a frame of a shot.

    Returns:
        ``(C, H, W)`` float32, made of the style's pixels.
    """
    full = (int(content.shape[1]), int(content.shape[2]))
    scale = scale_for(full if part is None else part.frame, (int(style.shape[1]), int(style.shape[2])), stroke)
    if part is not None:
        scale = dataclasses.replace(scale, working=full if scale.zoom == 1 else pyramid.size_at(full, 1 / scale.zoom, LEAST_SIDE))
    small, source = pyramid.resize(content, scale.working), pyramid.resize(style, scale.style)
    if part is None:
        target, moved = match_distribution(luminance(small), luminance(source)), move_colors(small, source)
    else:
        target, moved = part.grade(small)
    first = moved if part is None or part.begin is None else pyramid.resize(part.begin, scale.working)
    fixed = None
    if part is not None and part.known is not None and part.keep is not None:
        fixed = Fixed(2 * part.known - 1, part.keep, None).at(scale.working)
    weight = 5.0 * structure**1.5
    guides = (
        Guide(2 * luminance(source), 2 * target, (weight,)),
        Guide(2 * source, 2 * moved, (0.25 * weight,)),
    )

    def start(level_source: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        noise = torch.randn(1, *size, generator=generator).to(content.device)
        return 2 * pyramid.resize(first, size) - 1 + 0.1 * level_source.std() * noise

    def show(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
        if report is not None:
            report(0.95 * fraction, stage, None if picture is None else (picture + 1) / 2)

    settings = Settings(variety=variety, passes=(6, 6, 5, 4, 3), components=24)
    levels = min(_LEVELS if part is None or not part.levels else part.levels, pyramid.level_count(scale.style, scale.working))
    picture, field = synthesize(2 * source - 1, scale.working, start, settings, guides, levels, show, fixed)
    picture = (picture + 1) / 2
    output, kept = scale.working, scale.style
    while output != full:
        step = min(2.0, full[0] / output[0])
        larger = full if step < 2 or full[0] / output[0] < 2.5 else (round(output[0] * 2), round(full[1] * output[0] * 2 / full[0]))
        ratio = larger[0] / output[0]
        finer = pyramid.size_at(kept, ratio)
        field = pyramid.refine(field, (output, larger), (kept, finer), (False, False))
        if report is not None:
            report(0.96, "refining", picture)
        picture = vote(field, pyramid.resize(style, finer), None, larger, (False, False), 1.2)
        output, kept = larger, finer
    return picture

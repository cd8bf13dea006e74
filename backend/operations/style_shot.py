"""``style.shot``: a shot painted in the manner of a picture. Parameters: ``shared/operations/style_shot.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from ...shared.errors import InputError
from ...shared.values import EncodedFile, Image
from ..context import Context
from ..imaging import check_mask, check_pixels, preview, to_planes
from ..keyframes.animation import Curve, frame_range
from ..style import contents, cuts, measure
from ..style.grade import fill_outside
from ..style.painter import Brush, Painter
from ..style.passes import Shot
from ..style.shot import Pace, Segment, Styled, segments, turned
from ..synthesis.color_match import apply_curve, curve_between, luminance
from ..synthesis.style import LEAST_SIDE

VARIETY = 0.35
"""As in ``style.image``."""
GRADED = 5
"""Frames of a scene, evenly spread, from which its colours are matched to the style's."""
MEASURED_PAIRS = 6
"""Pairs of frames for each gap in the report."""
MEASURED_BYTES = 1 << 30
"""Painted frames that are kept for the report; longer shots are measured on their first part."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Paints the frames; each is emitted as ``stylised`` with its number as soon as it is done, and not painted again when it is there.

    Raises:
        InputError: A style that is no picture; frames without passes, of different size, or with vectors that do not fit.
        ParameterError: Strength, frames or objects that cannot be read.
        JobCancelled: From ``context.progress``.
    """
    strength = Curve(str(parameters["strength"]), "strength")
    objects = contents.object_ids(str(parameters["objects"]))
    shot = Shot(inputs["frames"])
    wanted = [shot.numbers.index(n) for n in frame_range(str(parameters["frames_wanted"]), shot.numbers)]
    size = shot[0].size
    if min(size) < LEAST_SIDE:
        raise InputError(expected=f"frames of at least {LEAST_SIDE} x {LEAST_SIDE} pixels", got=f"{size[1]} x {size[0]}")
    mask = None if inputs.get("mask") is None else check_mask(inputs["mask"], size)
    job = _Job(shot, _style(inputs["style"], context.device), parameters, context)
    scenes = [(0, 1)]
    if len(shot) > 1:
        scenes = cuts.scenes(shot, context.device, lambda f: context.progress(0.05 * f, "checking vectors and ids"))
    files: dict[int, Any] = {}
    todo = []
    for index in wanted:
        earlier = context.emitted.get(("stylised", shot.numbers[index]))
        if earlier is not None:
            files[index] = earlier
        elif not contents.amount(shot[index], mask, objects, strength.at(shot.numbers[index])).any():
            files[index] = _finish(job, index, None, mask, objects, 0.0)
        else:
            todo.append(index)
    painted: dict[int, torch.Tensor] = {}
    done = 0
    for scene in scenes:
        inside = [i for i in todo if scene[0] <= i < scene[1]]
        start, end = (0.05 + 0.9 * (done + k * len(inside)) / max(1, len(todo)) for k in (0, 1))
        for styled in job.scene(scene, inside, _part(context, start, end)):
            number = shot.numbers[styled.index]
            if len(painted) * styled.paint.numel() * 2 < MEASURED_BYTES:
                painted[styled.index] = styled.paint.half().cpu()
            files[styled.index] = _finish(job, styled.index, styled, mask, objects, strength.at(number))
        done += len(inside)
    context.progress(0.96, "measuring")
    report = {
        "frames": [shot.numbers[i] for i in wanted],
        "scenes": [[shot.numbers[a], shot.numbers[b - 1]] for a, b in scenes],
        "segments": job.segments,
        "anchors": sorted(set(job.anchors)),
        "not_finite_pixels": {str(shot.numbers[i]): shot[i].bad for i in wanted if shot[i].bad},
        "warping_error": _measure(job, painted, scenes, context),
    }
    context.progress(1.0, "done")
    return {"stylised": [files[i] for i in wanted], "report": report}


def _style(style: Image, device: torch.device) -> torch.Tensor:
    """The style ``(3, h, w)`` in 0..1; gray becomes colour, what is transparent takes the colours around it."""
    check_pixels(style, "style", minimum=LEAST_SIDE)
    if style.color_space == "data":
        raise InputError(expected="the style to be a colour picture", got="data such as depth or ids", fix="Give a colour image")
    planes = to_planes(style, device)
    color = planes[:3].clamp(0, 1).expand(3, -1, -1) if planes.shape[0] < 3 else planes[:3].clamp(0, 1)
    return fill_outside(color, planes[3:]) if planes.shape[0] == 4 else color


class _Job:
    """What all frames of the job share."""

    def __init__(self, shot: Shot, style: torch.Tensor, parameters: Mapping[str, Any], context: Context) -> None:
        self.shot, self.context, self.parameters = shot, context, parameters
        self.keep = parameters["color"] == "keep"
        self.contents = contents.Contents(shot, context.device, self.keep)
        brush = Brush(float(parameters["stroke_size"]), float(parameters["structure"]), VARIETY)
        self.painter = Painter(luminance(style) if self.keep else style, shot[0].size, brush, context.seed)
        anchors, longest = int(parameters["anchors"]), int(parameters["segment"])
        self.pace = Pace(anchors, longest, min(anchors, longest // 2), float(parameters["repaint"]))
        self.segments: list[list[int]] = []
        self.anchors: list[int] = []
        self._curve: tuple[torch.Tensor, torch.Tensor] | None = None

    def scene(self, scene: tuple[int, int], wanted: list[int], report: Callable[[float, str, Any], None]) -> Iterator[Styled]:
        """Paints the wanted frames of a scene."""
        if not wanted:
            return
        spread = sorted({round(scene[0] + (scene[1] - 1 - scene[0]) * k / (GRADED - 1)) for k in range(GRADED)})
        several = [self.contents(i) for i in spread]
        grade = self.painter.grade(several)
        # Of the style, not of what was painted: then every chunk of a farm has the same.
        self._curve = curve_between(self.painter.source, torch.cat(several, 2)) if self.keep and len(spread) > 1 else None
        held: dict[int, Styled] = {}
        spans = segments(scene, self.pace.segment)
        for count, (first, last) in enumerate(spans):
            end = min(last + self.pace.overlap, scene[1]) if last < scene[1] else last
            asked = [i for i in wanted if first <= i < end]
            if not asked:
                continue
            self.segments.append([self.shot.numbers[first], self.shot.numbers[last - 1]])
            part = Segment(self.shot, self.contents, self.painter, grade, self.pace, (first, end), (first + last) // 2)
            for styled in part.frames(asked, lambda f, s, p, c=count: report((c + f) / len(spans), s, p)):  # type: ignore[misc]
                if styled.index >= last:
                    held[styled.index] = styled
                elif styled.index in held:
                    yield turned(held.pop(styled.index), styled, (styled.index - first + 1) / (self.pace.overlap + 1))
                else:
                    yield styled
            self.anchors += [self.shot.numbers[i] for i in part.painted]

    def display(self, styled: Styled) -> torch.Tensor:
        """A frame's paint in colour, ``(3, H, W)``; with the content's colours where those are kept."""
        if not self.keep:
            return styled.paint
        color = self.contents.planes(styled.index).clamp(0, 1)
        curve = self._curve or curve_between(styled.paint, luminance(color))
        return (apply_curve(styled.paint, *curve) + contents.soft_chroma(color, self.painter.stroke)).clamp(0, 1)


def _finish(job: _Job, index: int, styled: Styled | None, mask: np.ndarray | None, objects: set[int] | None, strength: float) -> Any:
    """Mixes, encodes and emits a frame."""
    passes, number = job.shot[index], job.shot.numbers[index]
    weight = contents.amount(passes, mask, objects, strength)
    sure = np.ones(passes.size, np.float32)
    image = passes.image
    if styled is not None:
        planes = job.contents.planes(index)
        paint = job.display(styled)
        image = contents.mixed(passes, planes, paint, weight)
        sure = styled.sure.cpu().numpy()
    value: Image | EncodedFile = image
    if job.parameters["layers"] == "all":
        value = contents.layered(passes, job.shot.source(index), image, weight, sure, f"stylised_{number:04d}.exr")
    job.context.emit("stylised", value, number)
    return job.context.emitted["stylised", number]  # as it was delivered: under the same name, and not in this process's memory


def _measure(job: _Job, painted: dict[int, torch.Tensor], scenes: list[tuple[int, int]], context: Context) -> dict[str, Any]:
    """E_warp of the paint and of the render at each gap, over some pairs of the longest scene."""
    first, last = max(scenes, key=lambda s: s[1] - s[0])
    rows: dict[str, Any] = {}
    for gap in measure.GAPS:
        places = [i for i in range(first, last - gap) if i in painted and i + gap in painted]
        if not places:
            continue
        joined = []
        for early in places[:: max(1, len(places) // MEASURED_PAIRS)]:
            context.progress(0.97, f"measuring {gap} frames apart")
            joined += measure.pairs(job.shot, gap, context.device, start=early, end=early + gap + 1)
        used = sorted({i for pair in joined for i in (pair.early, pair.late)})
        render = {i: job.contents(i) for i in used}
        error = measure.e_warp({i: painted[i].float().to(context.device) for i in used}, joined)
        floor = measure.e_warp(render, joined)
        rows[str(gap)] = {"stylised": error, "render": floor, "ratio": error / floor if floor else None, "pairs": len(joined)}
    return rows


def _part(context: Context, start: float, end: float) -> Callable[[float, str, Any], None]:
    def report(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
        shown = None if picture is None else preview(picture, "srgb")
        context.progress(start + (end - start) * min(1.0, fraction), stage, shown)

    return report

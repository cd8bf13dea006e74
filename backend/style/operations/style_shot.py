"""``style.shot``: a shot painted in the manner of a picture. Parameters: ``shared/operations/style_shot.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from ....shared.errors import InputError
from ....shared.values import EncodedFile, Image
from ...core.context import Context
from ...core.fill import fill_outside
from ...io.checks import check_mask
from ...io.frames.shot import Shot
from ...io.tensors import preview, to_planes
from ..image import directions
from ..image.painting import LEAST_SIDE
from ..image.still import check_color, check_visible
from ..shot import contents, cuts, measure
from ..shot.animation import Curve, frame_range
from ..shot.painter import Brush
from ..shot.passes import ids_of, image_of, open_shot
from ..shot.shot import Schedule
from ..shot.style_passes import Painted, StylePasses

VARIETY = 0.35
"""As in ``style.image``."""
MEASURED_PAIRS = 6
"""Pairs of frames for each gap in the report."""
MEASURED_BYTES = 1 << 30
"""Painted frames that are kept for the report; longer shots are measured on their first part."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Paints the frames; each is emitted as ``stylised`` with its number as soon as it is done, and not painted again when it is there.

    Raises:
        InputError: A style that is no picture; frames without passes, of different size, or with vectors that do not fit.
        ParameterError: Strength, frames, objects, regions or weights that cannot be read.
        JobCancelled: From ``context.progress``.
    """
    strength = Curve(str(parameters["strength"]), "strength")
    objects = directions.object_ids(str(parameters["objects"]))
    shot = open_shot(inputs["frames"])
    wanted = [shot.numbers.index(n) for n in frame_range(str(parameters["frames_wanted"]), shot.numbers)]
    size = shot.size
    if min(size) < LEAST_SIDE:
        raise InputError(expected=f"frames of at least {LEAST_SIDE} x {LEAST_SIDE} pixels", got=f"{size[1]} x {size[0]}")
    mask = None if inputs.get("mask") is None else check_mask(inputs["mask"], size)
    if mask is not None and not mask.any():
        raise InputError(
            expected="a mask that is white where the style shall act", got="black everywhere", fix="Paint it, or leave the mask out"
        )
    job = _Job(shot, inputs, parameters, context, mask, objects)
    scenes = [(0, 1)]
    if len(shot) > 1:
        scenes = cuts.scenes(shot, context.device, lambda f: context.progress(0.05 * f, "checking vectors and ids"))
    files: dict[int, Any] = {}
    todo = []
    resumed = False
    for index in wanted:
        earlier = context.emitted.get(("stylised", shot.numbers[index]))
        if earlier is not None:
            files[index], resumed = earlier, True
        elif not job.amount(index, strength.at(shot.numbers[index])).any():
            files[index] = _finish(job, index, None, 0.0)
        else:
            todo.append(index)
    notes = job.notes(wanted, complete=not resumed)
    painted: dict[int, torch.Tensor] = {}
    done = 0
    for scene in scenes:
        inside = [i for i in todo if scene[0] <= i < scene[1]]
        start, end = (0.05 + 0.9 * (done + k * len(inside)) / max(1, len(todo)) for k in (0, 1))
        for frame in job.style_passes.scene(scene, inside, _part(context, start, end)):
            number = shot.numbers[frame.index]
            if len(painted) * frame.paint.numel() * 2 < MEASURED_BYTES:
                painted[frame.index] = frame.paint.half().cpu()
            files[frame.index] = _finish(job, frame.index, frame, strength.at(number))
        done += len(inside)
    context.progress(0.96, "measuring")
    report = {
        "frames": [shot.numbers[i] for i in wanted],
        "scenes": [[shot.numbers[a], shot.numbers[b - 1]] for a, b in scenes],
        "segments": [[shot.numbers[a], shot.numbers[b]] for a, b in job.style_passes.segments],
        "anchors": [shot.numbers[i] for i in job.style_passes.anchors],
        "styles": job.style_passes.shares,
        "notes": notes,
        "not_finite_pixels": {str(shot.numbers[i]): n for i in wanted if (n := shot.not_finite(shot.numbers[i])["image"])},
        "warping_error": _measure(job, painted, scenes, context),
    }
    context.progress(1.0, "done")
    return {"stylised": [files[i] for i in wanted], "report": report}


def _style(style: Image, name: str, device: torch.device) -> torch.Tensor:
    """A style ``(3, h, w)`` in 0..1; gray becomes colour, what is transparent takes the colours around it."""
    check_color(style, name, LEAST_SIDE)
    planes = to_planes(style, device)
    color = planes[:3].clamp(0, 1).expand(3, -1, -1) if planes.shape[0] < 3 else planes[:3].clamp(0, 1)
    if planes.shape[0] == 4:
        check_visible(planes[3:], name)
    return fill_outside(color, planes[3:]) if planes.shape[0] == 4 else color


class _Job:
    """What all frames of the job share."""

    def __init__(
        self,
        shot: Shot,
        inputs: Mapping[str, Any],
        parameters: Mapping[str, Any],
        context: Context,
        mask: np.ndarray | None,
        objects: set[int] | None,
    ) -> None:
        self.shot, self.context, self.parameters, self._mask, self._objects = shot, context, parameters, mask, objects
        self._met = False  # whether a frame shows one of the objects
        given = [inputs["style"], *(inputs.get("styles") or [])]
        styles = [_style(style, f"style {number}" if number else "style", context.device) for number, style in enumerate(given)]
        weights = directions.read_weights(str(parameters["weights"]), len(styles))
        text = str(parameters["regions"])
        regions = directions.parse_regions(text, len(styles)) if text.strip() else None
        if regions is not None and len(shot) == 1 and not ids_of(shot.at(0)).any():
            raise InputError(expected="object ids, for regions go by them", got="none in the frame", fix="Render it with its passes")
        brush = Brush(float(parameters["stroke_size"]), float(parameters["structure"]), VARIETY)
        anchors, longest = int(parameters["anchors"]), int(parameters["segment"])
        schedule = Schedule(anchors, longest, min(anchors, longest // 2), float(parameters["repaint"]))
        self.style_passes = StylePasses(shot, styles, parameters["color"] == "keep", brush, schedule, context.seed, regions, weights)

    def amount(self, index: int, strength: float) -> np.ndarray:
        """How much the styles act on a frame, ``(H, W)`` float32 0..1."""
        weight = contents.amount(self.shot.at(index), self._mask, self._objects, strength)
        self._met = self._met or (self._objects is not None and bool(np.isin(ids_of(self.shot.at(index)), list(self._objects)).any()))
        kept = self.style_passes.kept(index)
        return weight if kept is None else weight * (1 - kept)

    def notes(self, wanted: list[int], complete: bool) -> list[str]:
        """What is strange about the frames, and about objects and regions if the frames were all looked at."""
        meaning = {
            "image": "its colour are NaN or infinite; the paint takes them for 0 or white",
            "motion": "its motion vectors are no finite numbers and count as 0",
        }
        counts = [(number, *item) for number in (self.shot.numbers[i] for i in wanted) for item in self.shot.not_finite(number).items()]
        notes = [f"Frame {number}: {count} pixels of {meaning[name]}" for number, name, count in counts if count]
        if not complete:
            return notes
        if self._objects is not None and not self._met:
            notes.append("None of the objects is in any of these frames: nothing was painted")
        unseen = [] if self.style_passes.regions is None else self.style_passes.regions.unseen()
        return notes + [f"Regions name {text}, which is in none of these frames" for text in unseen]


def _finish(job: _Job, index: int, painted: Painted | None, strength: float) -> Any:
    """Mixes, encodes and emits a frame."""
    number = job.shot.numbers[index]
    passes, source = job.shot[number], job.shot.source(number).channels["color"]
    weight = job.amount(index, strength)
    confidence = np.ones(passes.size, np.float32)
    image = image_of(passes)
    if painted is not None:
        image = contents.mixed(passes, job.style_passes.content.planes(index), painted.shown, weight)
        confidence = painted.confidence.cpu().numpy()
    value: Image | EncodedFile = image
    if job.parameters["layers"] == "all":
        value = contents.layered(image_of(passes), source, image, weight, confidence, f"stylised_{number:04d}.exr")
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
        render = {i: job.style_passes.content(i) for i in used}
        error = measure.e_warp({i: painted[i].float().to(context.device) for i in used}, joined)
        floor = measure.e_warp(render, joined)
        rows[str(gap)] = {"stylised": error, "render": floor, "ratio": error / floor if floor else None, "pairs": len(joined)}
    return rows


def _part(context: Context, start: float, end: float) -> Callable[[float, str, Any], None]:
    def report(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
        shown = None if picture is None else preview(picture, "srgb")
        context.progress(start + (end - start) * min(1.0, fraction), stage, shown)

    return report

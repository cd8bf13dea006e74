"""How well a styled shot holds together, and what it cost.

Pictures are ``(3, H, W)`` float32, display-encoded 0..1. E_warp is the mean squared difference (Lai et al., ECCV 2018, equation 9) between
a frame and an earlier one warped to it, over the pixels that are seen in both and lie off silhouettes. It is to be read next to the
render's own, measured on the same pixels: shading that changes and noise are in both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ...core.filters import central_differences, gaussian_blur
from ...core.morphology import dilate
from ...core.sampling import inside, nearest, sample
from ...io.frames.shot import Shot
from . import occlusion
from .trace import Geometry, Trace

GAPS = (1, 8, 16)
"""Frames between the two pictures that are compared."""
NO_ID = -(2**31)
"""Stands for pixels that touch another object."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two frames of a shot and where one is seen in the other.

    Attributes:
        late: Place in the order of the later frame.
        early: The same of the earlier.
        place: ``(2, H, W)``, where the later frame's pixels are in the earlier.
        seen: ``(H, W)`` bool.
    """

    late: int
    early: int
    place: torch.Tensor
    seen: torch.Tensor


def pairs(shot: Shot, gap: int, device: torch.device, step: int = 1, start: int = 0, end: int | None = None) -> list[Pair]:
    """Joins frames ``gap`` apart by chaining the vectors.

    Visibility holds in every frame between, and the place that was found is in the early frame and of the same object there: surfaces that
    come into view by less than half a pixel a frame pass each test from one frame to the next. Edges of one pixel are dropped.

    Args:
        shot: Without cuts.
        gap: Frames.
        device: Where to.
        step: Every ``step``-th pair.
        start: First place in the order.
        end: Last + 1, or None for all.
    """
    found = []
    for early in range(start, (len(shot) if end is None else end) - gap, step):
        geometry = Geometry.of(shot.at(early), device)
        trace = Trace.start(shot.at(early).size, 0, device)
        inner = torch.where(occlusion.edges(geometry.ids), NO_ID, geometry.ids)
        trace = trace.only(inner != NO_ID)
        for index in range(early + 1, early + gap + 1):
            following = Geometry.of(shot.at(index), device)
            trace = trace.carried(geometry, following, -1, strict=True)
            geometry = following
        seen = (trace.label >= 0) & ~occlusion.edges(geometry.ids)
        seen &= inside(trace.place, shot.at(early).size) & (nearest(inner, trace.place) == geometry.ids)
        found.append(Pair(early + gap, early, trace.place, seen))
    return found


def e_warp(pictures: Mapping[int, torch.Tensor] | Sequence[torch.Tensor], joined: Sequence[Pair]) -> float:
    """Mean squared warping error of the pictures over the pairs; NaN without a pixel that is seen twice."""
    total, count = 0.0, 0
    for pair in joined:
        warped = sample(pictures[pair.early], pair.place)
        error = (pictures[pair.late] - warped).square().mean(0)
        total += float(error[pair.seen].double().sum())
        count += int(pair.seen.sum())
    return total / count if count else float("nan")


def detail(picture: torch.Tensor, sigma: float = 1.5) -> float:
    """High-frequency energy: mean square of the fine part."""
    return float(fine_part(picture, sigma).double().square().mean())


def fine_part(picture: torch.Tensor, sigma: float = 1.5) -> torch.Tensor:
    """What a blur of ``sigma`` pixels takes away from a picture ``(C, H, W)``."""
    return picture - gaussian_blur(picture, sigma)


def edge_f1(picture: torch.Tensor, geometry: Geometry, normal: torch.Tensor | None = None, reach: int = 2) -> float:
    """F1 of the picture's strongest edges against those of ids, depth and normals; both may lie ``reach`` pixels apart."""
    truth = occlusion.edges(geometry.ids)
    if normal is not None:
        dx, dy = central_differences(normal)
        truth = truth | (dx.square().sum(0) + dy.square().sum(0) > 0.125)
    dx, dy = central_differences(gaussian_blur(picture.mean(0, keepdim=True), 1.0))
    slope = (dx.square() + dy.square())[0]
    count = int(truth.sum())
    if not count:
        return float("nan")
    found = slope >= slope.flatten().kthvalue(max(1, slope.numel() - count)).values
    near_truth, near_found = (dilate(m, reach) for m in (truth, found))
    precision, recall = float(near_truth[found].float().mean()), float(near_found[truth].float().mean())
    return 2 * precision * recall / max(precision + recall, 1e-9)


def leak(styled: np.ndarray, content: np.ndarray, allowed: np.ndarray) -> float:
    """Part of the pixels ``(H, W)`` outside ``allowed`` that were changed."""
    changed = (styled != content).reshape(*allowed.shape, -1).any(-1)
    return float(changed[~allowed].mean()) if (~allowed).any() else 0.0


def strip(pictures: Sequence[torch.Tensor], column: int | None = None) -> torch.Tensor:
    """One column over time, ``(3, H, T)``: steady paint draws lines, flicker draws noise."""
    at = pictures[0].shape[2] // 2 if column is None else column
    return torch.stack([p[:, :, at] for p in pictures], 2)

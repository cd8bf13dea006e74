"""Multi-view stereo over a pyramid: a plane sweep at the coarsest scale, then PatchMatch with slanted planes, finer and finer.

A hypothesis is a plane, kept as the inverse depth w at its pixel and w's slopes along columns and rows: the inverse depth of a plane is
linear in the pixel, so a neighbour's plane is one multiplication away. Follows, with our own arrangement:

- Xu and Tao, "Multi-Scale Geometric Consistency Guided Multi-View Stereo", CVPR 2019 (ACMH, ACMM): adaptive red-black sampling,
  sources weighed pixel by pixel, the sources' own depth as a part of the cost.
- Xu and Tao, "Planar Prior Assisted PatchMatch Multi-View Stereo", AAAI 2020 (ACMP): planes through reliable points help where there is
  little texture. Ours are fitted over what looks alike, see ``prior.py``.
- Schönberger et al., "Pixelwise View Selection for Unstructured Multi-View Stereo", ECCV 2016: bilaterally weighted NCC.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch

from .consistency import agree
from .engine import Task
from .geometry import Pairs, pairs
from .planar_prior import fit_planes
from .view_selection import Choice, Range
from .views import View

COARSEST = 160
"""Pixels of the longer side at which the sweep looks, about."""
SWEEP_STEP = 0.5
"""Pixels of movement between two planes, in the source that moves most."""
MAX_PLANES = 384
PRIOR_COST = 0.5
"""1 - ZNCC from which on a match is no support for the planar prior."""
PRIOR_REACH = 0.1
"""Of the prior over even colour, as a part of the longer side."""
_f = np.float32


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to match.

    Attributes:
        photometric: Iterations a scale without the sources' depth.
        geometric: Iterations a scale with it.
        prior: Weight of the planar prior where there is no texture at all; 0 for none.
        seed: Of the perturbations.
        device: Where to match.
    """

    photometric: int = 2
    geometric: int = 2
    prior: float = 0.2
    seed: int = 0
    device: torch.device = torch.device("cpu")  # noqa: RUF009 -- immutable


@dataclasses.dataclass
class Fields:
    """What is known of one view at the current scale.

    Attributes:
        planes: ``(H, W, 3)`` float32: inverse depth and its slope by column and by row; 0 = nothing.
        cost: ``(H, W)`` float32.
    """

    planes: np.ndarray
    cost: np.ndarray


class Pyramid:
    """Pictures and masks of a view, halved again and again."""

    def __init__(self, view: View, levels: int) -> None:
        self.gray, self.mask = [view.gray], [view.mask.astype(np.uint8)]
        for _ in range(levels):
            self.gray.append(np.ascontiguousarray(_halved(self.gray[-1])))
            self.mask.append(np.ascontiguousarray(_halved(self.mask[-1].astype(_f)) > 0.999).astype(np.uint8))


def _halved(a: np.ndarray) -> np.ndarray:
    height, width = a.shape[0] // 2 * 2, a.shape[1] // 2 * 2
    a = a[:height, :width]
    return (a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2]) / 4


def levels_for(width: int, height: int) -> int:
    """How often to halve."""
    return max(0, round(float(np.log2(max(width, height) / COARSEST))))


def sweep_planes(link: Pairs, span: Range, width: int, height: int) -> np.ndarray:
    """Inverse depths ``(K,)`` float32 from far to near, half a pixel of movement apart in the source that moves most."""
    low, high = 1 / span.far, 1 / span.near
    u, v = (g.reshape(-1).astype(_f) for g in np.meshgrid(np.linspace(0, width, 5), np.linspace(0, height, 5)))
    longest = 0.0
    for M, t in zip(link.M, link.t, strict=True):
        ends = []
        for w in (low, high):
            p = M @ np.stack([u, v, np.ones_like(u)]) + t[:, None] * _f(w)
            ends.append(p[:2] / np.maximum(p[2], 1e-3))
        moved = np.linalg.norm(ends[1] - ends[0], axis=0)
        longest = max(longest, float(np.median(moved)))
    count = int(np.clip(longest / SWEEP_STEP + 1, 16, MAX_PLANES))
    return np.linspace(low, high, count).astype(_f)


def enlarged(old: Fields, height: int, width: int) -> Fields:
    """Planes and costs at the next finer scale: each plane goes on through its four pixels."""
    rows, columns = (np.minimum(np.arange(n) // 2, m - 1) for n, m in ((height, old.cost.shape[0]), (width, old.cost.shape[1])))
    planes = old.planes[rows[:, None], columns[None]]
    planes[..., 1:] *= _f(0.5)
    planes[..., 0] += planes[..., 1] * (np.arange(width) - 2 * columns - 0.5).astype(_f)[None]
    planes[..., 0] += planes[..., 2] * (np.arange(height) - 2 * rows - 0.5).astype(_f)[:, None]
    return Fields(np.ascontiguousarray(planes), np.ascontiguousarray(old.cost[rows[:, None], columns[None]]))


def _doubled(a: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = (np.minimum(np.arange(n) // 2, m - 1) for n, m in ((height, a.shape[0]), (width, a.shape[1])))
    return a[rows[:, None], columns[None]]


class Matcher:
    """Depth for a set of views.

    Args:
        views: All of one size.
        ranges: Of depths, one for each view.
        choices: Sources, one for each view; views without any get no depth.
        settings: See ``Settings``.
    """

    def __init__(self, views: Sequence[View], ranges: Sequence[Range], choices: Sequence[Choice], settings: Settings) -> None:
        self.views, self.ranges, self.choices, self.settings = views, ranges, choices, settings
        self.levels = levels_for(views[0].camera.width, views[0].camera.height)
        self.pyramids = [Pyramid(v, self.levels) for v in views]
        self.fields: dict[int, Fields] = {}
        self.active = [i for i, c in enumerate(choices) if c.sources]

    def link(self, index: int, level: int) -> Pairs:
        """The view and its sources at a scale."""
        cameras = [self.views[j].camera for j in self.choices[index].sources]
        return pairs(self.views[index].camera, cameras, 0.5**level)

    def task(self, index: int, level: int) -> Task:
        """The view with its sources at a scale."""
        own, span = self.pyramids[index], self.ranges[index]
        others = [self.pyramids[j] for j in self.choices[index].sources]
        images, masks = np.stack([o.gray[level].reshape(-1) for o in others]), np.stack([o.mask[level].reshape(-1) for o in others])
        limits = (1 / span.far, 1 / span.near)
        return Task(own.gray[level], own.mask[level], images, masks, self.link(index, level), limits, self.settings.device)

    def sweep(self, index: int) -> None:
        """Starts a view at the coarsest scale."""
        task = self.task(index, self.levels)
        height, width = task.gray.shape
        self.fields[index] = Fields(*task.sweep(sweep_planes(task.link, self.ranges[index], width, height)))

    def enlarge(self, index: int, level: int) -> None:
        """Brings a view to a scale from the coarser one."""
        self.fields[index] = enlarged(self.fields[index], *self.pyramids[index].gray[level].shape)

    def improve(
        self,
        index: int,
        level: int,
        iterations: int,
        amount: float,
        inverses: dict[int, np.ndarray] | None = None,
        prior: np.ndarray | None = None,
    ) -> None:
        """PatchMatch iterations on one view.

        Args:
            index: Of the view.
            level: Times that its picture is halved.
            iterations: Each goes over both colours of the board.
            amount: First size of the perturbations in pixels; halves each time.
            inverses: The inverse depths ``(H, W)`` of all views as they were before this pass, for geometric consistency.
            prior: ``(H, W, 4)`` float32, see ``prior.py``.
        """
        fields = self.fields[index]
        others = None if inverses is None else np.stack([inverses[j] for j in self.choices[index].sources])
        self.task(index, level).improve(
            fields.planes, fields.cost, iterations, amount, self.settings.seed, 128 * level + 64 * (inverses is not None), others, prior,
            self.settings.prior,
        )  # fmt: skip

    def prior(self, index: int, level: int) -> np.ndarray | None:
        """The planar prior of a view for the next finer scale, from what its sources confirm at this one; None without anything."""
        fields, choice = self.fields[index], self.choices[index]
        others = [j for j in choice.sources if j in self.fields]
        if not others:
            return None
        cameras = [self.views[j].camera for j in others]
        link = pairs(self.views[index].camera, cameras, 0.5**level)
        found = agree(fields.planes, np.stack([self.fields[j].planes for j in others]), link, half_pixel=len(self.views) == 2)
        reliable = (found.count >= min(2, len(self.views) - 1)) & (self.pyramids[index].mask[level] > 0)
        weight = np.where(reliable, np.clip(1 - fields.cost / PRIOR_COST, 0, 1), 0).astype(_f)
        if not (weight > 0).any():
            return None
        planes = fit_planes(found.inverse, weight, self.pyramids[index].gray[level], PRIOR_REACH * max(found.inverse.shape))
        finer = self.pyramids[index].gray[level - 1].shape
        return np.concatenate([enlarged(Fields(planes[..., :3], fields.cost), *finer).planes, _doubled(planes[..., 3:], *finer)], -1)

    def inverses(self) -> dict[int, np.ndarray]:
        """A copy of all inverse depths; views without depth are 0."""
        shape = next(iter(self.fields.values())).cost.shape
        return {i: self.fields[i].planes[..., 0].copy() if i in self.fields else np.zeros(shape, _f) for i in range(len(self.views))}

    def run(self, report: Callable[[float, str], None], after: Callable[[int], None] | None = None) -> None:
        """All scales.

        Args:
            report: Called with fraction and stage before each view at each scale.
            after: Called with the level when a scale is done.
        """
        shares = np.array([4.0**-level for level in range(self.levels, -1, -1)])
        ends = np.cumsum(shares) / shares.sum()
        priors: dict[int, np.ndarray | None] = {}
        for step, level in enumerate(range(self.levels, -1, -1)):
            begin, length = (ends[step - 1] if step else 0.0), shares[step] / shares.sum()
            total = 2 * len(self.active)
            for n, i in enumerate(self.active):
                report(begin + length * n / total, f"matching frame {n + 1}/{len(self.active)}, 1/{2**level} size")
                if level == self.levels:
                    self.sweep(i)
                else:
                    self.enlarge(i, level)
                self.improve(
                    i, level, self.settings.photometric + (level == self.levels), 2.0 if level == self.levels else 1.0, None, priors.get(i)
                )
            known = self.inverses()
            for n, i in enumerate(self.active):
                report(begin + length * (0.5 + n / total), f"agreeing frame {n + 1}/{len(self.active)}, 1/{2**level} size")
                self.improve(i, level, self.settings.geometric, 0.5, known, priors.get(i))
            if after is not None:
                after(level)
            if level and self.settings.prior > 0:
                priors = {i: self.prior(i, level) for i in self.active}

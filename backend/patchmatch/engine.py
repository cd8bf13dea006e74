"""Guided coherent patch synthesis, coarse to fine.

Each pass describes every patch of the output, finds its source patch, and lets the matched patches vote on the pixels:
 - at coarse levels by exact search over interleaved parts of the source, normalised for completeness (GPNN, 2022), together with
   coherent candidates;
 - at fine levels by coherent candidates alone, with a penalty on sources that are used more often than others;
 - votes are weighted by the match's quality, so that bad matches do not blur good ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
import torch.nn.functional as F

from . import matching, pyramid
from .atlas import Atlas, Planes, Sheet, refine
from .descriptor import PATCH, SAMPLES, Projection
from .label_constraints import Labels, Owners, exact, least_distances
from .voting import vote

LEAST_PATCHES = 64
"""Fewest usable source patches at a level."""

Report = Callable[[float, str, "torch.Tensor | None"], None]
"""Called with the fraction done, a stage, and at times the picture so far ``(C, H, W)``; may raise to cancel."""


@dataclasses.dataclass(frozen=True)
class Guide:
    """What else output and source shall agree in.

    Attributes:
        source: ``(G, Hs, Ws)`` next to the source, or one tensor next to each source of an atlas.
        target: ``(G, H, W)`` next to the output.
        weight: Weight against the picture's own channels, from the coarsest to the finest level (the last one is repeated).
        exclusive: Whether its channels are regions, one of them 1 and the others 0: then each region is used evenly in itself.
    """

    source: Planes
    target: torch.Tensor
    weight: tuple[float, ...]
    exclusive: bool = False

    def at(self, level: int) -> float:
        """The weight at a level, counted from the coarsest."""
        return self.weight[min(level, len(self.weight) - 1)]


@dataclasses.dataclass(frozen=True)
class Fixed:
    """Pixels of the output that are given.

    Attributes:
        pixels: ``(C, H, W)``, of which those under the mask count.
        mask: ``(1, H, W)``, 1 where the output is given, else 0.
        corner: Row and column in the output of the (first) source's top-left corner: there its pixels are these. None where the
            pixels are no part of a source.
    """

    pixels: torch.Tensor
    mask: torch.Tensor
    corner: tuple[int, int] | None = (0, 0)

    def at(self, size: tuple[int, int]) -> Fixed:
        """The same at a level's size; pixels beyond the mask do not bleed into it."""
        mask = pyramid.resize(self.mask, size)
        pixels = pyramid.resize(self.pixels * self.mask, size) / mask.clamp_min(1e-6)
        if self.corner is None:
            return Fixed(pixels, (mask >= 0.5).float(), None)
        top, left = (round(c * s / whole) for c, s, whole in zip(self.corner, size, self.mask.shape[1:], strict=True))
        return Fixed(pixels, (mask >= 0.5).float(), (top, left))

    def put(self, picture: torch.Tensor) -> torch.Tensor:
        """The picture with these pixels in it."""
        return torch.where(self.mask > 0, self.pixels, picture)

    def settled(self, sheet: Sheet, tile: tuple[bool, bool]) -> tuple[torch.Tensor, torch.Tensor]:
        """Which patches are given as a whole, ``(gh, gw)`` bool, and where they come from, ``(2, gh, gw)`` int32."""
        assert self.corner is not None
        padded = matching.wrap(self.mask, tile, 0, PATCH - 1)
        whole = -F.max_pool2d(-padded[None], PATCH, 1)[0, 0] > 0
        rows, columns = (torch.arange(n, device=whole.device) - c for n, c in zip(whole.shape, self.corner, strict=True))
        height, width = sheet.sizes[0]
        y, x = rows.clamp(0, height - PATCH)[:, None], columns.clamp(0, width - PATCH)[None]
        return whole, sheet.snap(torch.stack(torch.broadcast_tensors(y, x)).int())


@dataclasses.dataclass(frozen=True)
class Settings:
    """How the synthesis works.

    Attributes:
        tile: Whether the output repeats without a seam along y, x.
        variety: 0..1, how strongly over-used sources are avoided.
        passes: Passes at each level from the coarsest (the last number is repeated).
        exact_pairs: Most distances in one exact pass; above, every second, third or fourth source patch is searched in turn.
        components: Principal components in which patches are compared.
        samples: Patches from which these are estimated.
    """

    tile: tuple[bool, bool] = (False, False)
    variety: float = 0.5
    passes: tuple[int, ...] = (10, 8, 6, 4, 3)
    exact_pairs: int = 16_000_000
    components: int = 28
    samples: int = SAMPLES


def synthesize(
    source: torch.Tensor | Atlas,
    size: tuple[int, int],
    start: Callable[[torch.Tensor, tuple[int, int]], torch.Tensor],
    settings: Settings,
    guides: tuple[Guide, ...] = (),
    levels: int = 0,
    report: Report | None = None,
    fixed: Fixed | None = None,
    alike: torch.Tensor | None = None,
    owners: Owners | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Makes a picture out of the source's patches.

    Long: the loop over levels and passes, which share the picture and the match field.
    Parameters: what can guide a synthesis; all but four are optional.

    Args:
        source: ``(C, Hs, Ws)`` float32, each side at least ``PATCH``; channels of comparable range (about -1..1). Or several of them.
        size: Height and width of the output, each at least ``PATCH``.
        start: Makes the picture ``(C, h, w)`` from which the coarsest level starts, given the (first) source at that level and the size.
        settings: How.
        guides: Further channels that steer the search and are not part of the output.
        levels: Number of levels, or 0 to choose it by the sizes.
        report: Called between steps.
        fixed: Pixels that are given, or None.
        alike: ``(G, H, W)`` next to the output: patches do not vote across its edges, see ``vote``. Or None.
        owners: Which sources may be used where, or None.

    Returns:
        The picture ``(C, H, W)`` float32, and the match field ``(2, gh, gw)`` int32 that made it: positions on the atlas' sheet.
    """
    tile = settings.tile
    atlas = source if isinstance(source, Atlas) else Atlas((source,))
    planes = atlas.planes if len(atlas.planes) > 1 else atlas.planes[0]
    levels = levels or _level_count(atlas, size)
    plan = _plan(size, levels, settings)
    done, total = 0.0, sum(sum(p) for p in plan)
    field = picture = None
    before: tuple[tuple[int, int], Sheet] | None = None
    for level in range(levels):
        factor = 0.5 ** (levels - 1 - level)
        here, sheet = pyramid.size_at(size, factor), atlas.sheet(factor)
        pixels = sheet.stack(planes)
        given = None if fixed is None else fixed.at(here)
        active = [g for g in guides if g.at(level) > 0]
        key_side = torch.cat([pixels, *(sheet.stack(g.source) * g.at(level) for g in active)])
        guide_side = [pyramid.resize(g.target, here) * g.at(level) for g in active]
        project = Projection(key_side, settings.components, sheet.usable, settings.samples)
        state = _Level(project(key_side), sheet, settings)
        edges = None if alike is None else pyramid.resize(alike, here)
        state.labels = None if owners is None else owners.at(here, sheet, tile)
        state.share = _share(sheet, guides, here, tile) if state.labels is None else state.labels.share(sheet.usable)
        if given is not None and given.corner is not None:
            state.settled = given.settled(sheet, tile)
        if field is None or before is None:
            picture = start(pixels[:, : sheet.sizes[0][0], : sheet.sizes[0][1]], here)
        else:
            field = refine(field, (before[0], here), before[1], sheet, tile)
            picture = vote(field, pixels, None, here, tile, 1.6, edges)
        if given is not None:
            picture = given.put(picture)
        before = (here, sheet)
        for number, cost in enumerate(plan[level]):
            if report is not None:
                report(done / total, f"matching {level + 1}/{levels}", picture if number == 0 else None)
            field, error = state.match(torch.cat([picture, *guide_side]), field, project, number)
            quality = torch.exp(-error / (2 * _median(state.free(error)) + 1e-6)) + 1e-2
            last = level == levels - 1 and number == len(plan[level]) - 1
            picture = vote(field, pixels, quality, here, tile, 1.2 if last else 2.0, edges)
            if given is not None:
                picture = given.put(picture)
            done += cost
    assert picture is not None
    assert field is not None
    return picture, field


def _level_count(atlas: Atlas, size: tuple[int, int]) -> int:
    """As many levels as the sizes allow and as leave enough usable patches at the coarsest."""
    levels = pyramid.level_count(atlas.size, size)
    while levels > 1:
        usable = atlas.sheet(0.5 ** (levels - 1)).usable
        if usable is None or int(usable.sum()) >= LEAST_PATCHES:
            break
        levels -= 1
    return levels


def _share(sheet: Sheet, guides: tuple[Guide, ...], size: tuple[int, int], tile: tuple[bool, bool]) -> torch.Tensor | None:
    """How often each source patch is used when every exclusive region is used evenly: ``(K,)``, or None without regions."""
    regions = next((g for g in guides if g.exclusive), None)
    if regions is None:
        return None
    rows, columns = sheet.grid
    gh, gw = pyramid.grid_of(size, tile)
    middle = PATCH // 2
    there = sheet.stack(regions.source)[:, middle : middle + rows, middle : middle + columns].argmax(0).flatten()
    here = torch.roll(pyramid.resize(regions.target, size), (-middle, -middle), (1, 2))[:, :gh, :gw].argmax(0).flatten()
    if sheet.usable is not None:
        there = torch.where(sheet.usable, there, len(regions.target))
    count = len(regions.target) + 1
    wanted, offered = torch.bincount(here, minlength=count), torch.bincount(there, minlength=count)
    return (wanted / offered.clamp_min(1))[there]


def _plan(size: tuple[int, int], levels: int, settings: Settings) -> list[list[float]]:
    """The cost of every pass of every level, in output pixels; small levels have a floor for their fixed cost."""
    plan = []
    for level in range(levels):
        h, w = pyramid.size_at(size, 0.5 ** (levels - 1 - level))
        plan.append([h * w + 8000.0] * settings.passes[min(level, len(settings.passes) - 1)])
    return plan


class _Level:
    """The search at one level."""

    def __init__(self, keys: torch.Tensor, sheet: Sheet, settings: Settings) -> None:
        self.keys, self.grid, self.settings = keys, sheet.grid, settings
        self.own: torch.Tensor | None = None
        self.share: torch.Tensor | None = None
        self.settled: tuple[torch.Tensor, torch.Tensor] | None = None
        self.labels: Labels | None = None
        self.usable = sheet.usable
        self.count = len(keys) if sheet.usable is None else int(sheet.usable.sum())
        # What may not be used costs too much to be chosen.
        self.closed = None if sheet.usable is None else torch.where(sheet.usable, 0.0, torch.inf)
        # Completeness: 0.05 at the middle of the control, a factor of ten to either end.
        self.alpha = 0.05 * 10 ** (2 * (0.5 - settings.variety))

    def free(self, values: torch.Tensor) -> torch.Tensor:
        """Those of ``(..., gh, gw)`` that belong to patches still to be made, ``(..., n)``."""
        return values.flatten(-2) if self.settled is None else values[..., ~self.settled[0]]

    def match(
        self, canvas: torch.Tensor, field: torch.Tensor | None, project: Projection, number: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One pass: a better match field and the squared distances ``(gh, gw)``."""
        if self.settled is not None and bool(self.settled[0].all()):
            return self.settled[1], torch.zeros(self.settled[0].shape, device=canvas.device)
        if self.settled is not None and field is not None:
            field = torch.where(self.settled[0], self.settled[1], field)
        field, error = self._search(canvas, field, project, number)
        if self.settled is None:
            return field, error
        return torch.where(self.settled[0], self.settled[1], field), error

    def _search(
        self, canvas: torch.Tensor, field: torch.Tensor | None, project: Projection, number: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        tile = self.settings.tile
        padded = matching.wrap(canvas, tile, 0, PATCH - 1)
        gh, gw = padded.shape[1] - PATCH + 1, padded.shape[2] - PATCH + 1
        stride = self._stride(gh * gw)
        if field is None:
            stride = min(stride, 4) or 4
        elif stride > 4:
            stride = 0
        if stride:
            return self._exact(project(padded), field, (gh, gw), stride, number)
        assert field is not None
        share, made = self.share, self.free(field)
        if share is None and self.usable is not None:
            share = torch.full((len(self.keys),), made.shape[1] / max(1, self.count), device=canvas.device)
        cost = self.settings.variety * matching.overuse(made, self.grid, share)
        if self.closed is not None:
            cost = cost + self.closed
        steps = _STEPS[number % len(_STEPS)]
        if self.labels is not None:
            field = field.clone()
        rows = max(1, matching.BAND // gw)
        result, errors = torch.empty_like(field), []
        for first in range(0, gh, rows):
            last = min(gh, first + rows)
            queries = project(padded[:, first : last + PATCH - 1])
            owners = None
            if self.labels is not None:
                owners = self.labels.band(first, last)
                self.labels.correct(field, first, last, queries, self.keys, self.usable)
            y, x, error = matching.coherent(queries, self.keys, self.grid, field, (first, last), steps, tile, cost, None, owners)
            result[:, first:last] = torch.stack([y, x]).view(2, last - first, gw)
            errors.append(error)
        return result, torch.cat(errors).view(gh, gw)

    def _stride(self, queries: int) -> int:
        stride = 1
        while queries * self.count / stride**2 > self.settings.exact_pairs:
            stride += 1
        return stride

    def _exact(
        self, queries: torch.Tensor, field: torch.Tensor | None, shape: tuple[int, int], stride: int, number: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        kh, kw = self.grid
        # Interleaved parts in an order that spreads them: 0, 2, 1, 3 for a stride of two.
        phase = (number * (stride**2 // 2 + 1)) % stride**2 if stride > 1 else 0
        every = queries
        if self.settled is not None:
            # What is given has its match; were it counted, all of the source would seem to be used already.
            queries = queries[~self.settled[0].flatten()]
        y = torch.arange(phase // stride, kh, stride, device=queries.device)
        x = torch.arange(phase % stride, kw, stride, device=queries.device)
        subset = (y[:, None] * kw + x[None]).flatten()
        if self.usable is not None:
            open_ones = subset[self.usable[subset]]
            subset = open_ones if len(open_ones) >= LEAST_PATCHES else torch.nonzero(self.usable).flatten()
        keys = self.keys if len(subset) == len(self.keys) else self.keys.index_select(0, subset)
        labels = None if self.labels is None else (self.labels.wanted.flatten(), self.labels.offered[subset])
        if self.own is None:
            own = least_distances(queries, keys, labels)
            self.own = torch.full((len(self.keys),), float(own.median()), device=queries.device)
        elif number < stride**2:
            own = least_distances(queries, keys, labels)
        else:
            own = self.own[subset]
        index, own = exact(queries, keys, own, self.alpha, labels)
        self.own[subset] = own
        found = subset[index]
        weight = 1 / (self.own + self.alpha)
        if self.settled is not None:
            open_found, found = found, self.settled[1][0].long().flatten() * kw + self.settled[1][1].flatten()
            found[~self.settled[0].flatten()] = open_found
        queries = every
        proposed = torch.stack([found // kw, found % kw]).int().view(2, *shape)
        distance = (self.keys[found] - queries).square().sum(1)
        if field is None or stride == 1:
            return proposed, distance.view(shape)
        fy, fx, kept = matching.coherent(
            queries, self.keys, self.grid, field, (0, shape[0]), _STEPS[number % len(_STEPS)], self.settings.tile, self.closed, weight,
            None if self.labels is None else self.labels.band(0, shape[0]),
        )  # fmt: skip
        old = fy.long() * kw + fx
        better = distance * weight[found] < kept * weight[old]
        if self.labels is not None:
            better |= self.labels.offered[old] != self.labels.wanted.flatten()
        chosen = torch.where(better, found, old)
        return torch.stack([chosen // kw, chosen % kw]).int().view(2, *shape), torch.where(better, distance, kept).view(shape)


def _ring(step: int) -> list[tuple[int, int]]:
    return [(y, x) for y in (-step, 0, step) for x in (-step, 0, step) if (y, x) != (0, 0)]


_STEPS = [_ring(1) + _ring(4), _ring(1) + _ring(2)]
"""Neighbours that are asked for candidates, pass by pass."""


def _median(values: torch.Tensor) -> torch.Tensor:
    flat = values.flatten()
    return flat[:: max(1, len(flat) // 65536)].median()

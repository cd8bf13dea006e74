"""PatchMatch on the CPU: planes spread from pixel to pixel and are perturbed. ``reference.py`` does the same in torch, for any device."""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from ...core.camera import Intrinsics
from ...core.compiled import Real, kernel
from .costs import INVALID, MAX_SOURCES, Plane, Samples, Sources, View, empty_samples, load_patch, source_costs

_f = np.float32
MAX_CANDIDATES = 10
"""The pixel's own plane, those of eight neighbours and the prior's."""
SOURCE_SIGMA = 0.3
"""A source whose two best costs average c weighs exp(-c² / (2 · 0.3²)), as in ACMH."""
PLAIN = 0.006
"""Standard deviation of a patch (of 1) by which the planar prior's pull falls to 1/e."""
STEEPEST = 0.17
"""Cosine of the largest angle between a surface's normal and the view: 80 degrees."""


class Prior(NamedTuple):
    """The planar prior.

    Attributes:
        planes: ``(H, W, 4)`` float32, see ``planar_prior.py``; ``(1, 1, 1)`` without one.
        weight: Where there is no texture at all, float32.
    """

    planes: np.ndarray
    weight: Real


class HalfIteration(NamedTuple):
    """Which half of which iteration of red-black PatchMatch.

    Attributes:
        seed: Of the perturbations.
        iteration: Its number, for the perturbations.
        parity: 0 or 1: which colour of the board.
        amount: Size of the perturbations in pixels, float32.
    """

    seed: int
    iteration: int
    parity: int
    amount: Real


class State(NamedTuple):
    """The planes so far, ``(H, W, 3)`` float32, and their costs, ``(H, W)`` float32."""

    field: np.ndarray
    cost: np.ndarray


class Pixel(NamedTuple):
    """A pixel whose plane is being improved.

    Attributes:
        u: Column.
        v: Row.
        speed: Pixels that the fastest source's match moves for a unit of inverse depth.
        pull: Weight of the planar prior here.
    """

    u: int
    v: int
    speed: Real
    pull: Real


class Candidates(NamedTuple):
    """Buffers for the planes that a pixel may take; each thread has its own.

    Attributes:
        planes: ``(MAX_CANDIDATES, 3)`` float32.
        costs: ``(MAX_CANDIDATES, MAX_SOURCES)`` float32.
        weights: ``(MAX_SOURCES,)`` float32, of the sources.
    """

    planes: np.ndarray
    costs: np.ndarray
    weights: np.ndarray


@kernel(fast=True)
def _hash(a: int, b: int, c: int) -> np.uint64:
    """Splitmix64 of three numbers: randomness that depends on neither threads nor order."""
    x = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F) ^ np.uint64(c)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel(fast=True)
def _uniform(x: int) -> Real:
    """-1..1."""
    return _f(np.float64(x >> np.uint64(40)) * 1.1920928955078125e-07 - 1.0)


@kernel(fast=True)
def _pixels_per_inverse(sources: Sources, u: Real, v: Real, w: Real) -> Real:
    """How many pixels the fastest source's match moves for a unit of inverse depth."""
    M, t = sources.M, sources.t
    fastest = 0.0 * w
    for s in range(len(M)):
        x = M[s, 0, 0] * u + M[s, 0, 1] * v + M[s, 0, 2] + t[s, 0] * w
        y = M[s, 1, 0] * u + M[s, 1, 1] * v + M[s, 1, 2] + t[s, 1] * w
        z = max(M[s, 2, 0] * u + M[s, 2, 1] * v + M[s, 2, 2] + t[s, 2] * w, _f(1e-6))
        dx, dy = (t[s, 0] - x / z * t[s, 2]) / z, (t[s, 1] - y / z * t[s, 2]) / z
        fastest = max(fastest, math.sqrt(dx * dx + dy * dy))
    return fastest


@kernel(fast=True)
def _plausible(view: View, lens: Intrinsics, plane: Plane) -> bool:
    """Whether a plane is within the range of depths and is not seen edge-on."""
    u, v, w, gu, gv = plane
    if not (w >= view.low and w <= view.high):
        return False
    x, y = u - lens.cx, v - lens.cy
    nx, ny, nz = gu * lens.fl_x, gv * lens.fl_y, w - gu * x - gv * y
    ray = (x / lens.fl_x) ** 2 + (y / lens.fl_y) ** 2 + _f(1)
    return w * w >= _f(STEEPEST * STEEPEST) * ray * (nx * nx + ny * ny + nz * nz)


@kernel(fast=True)
def _offset(direction: int, k: int) -> tuple[int, int]:
    """Columns and rows to position k of an arm: 0 to 3 are six positions nearby, 4 to 7 nine far away; see ``reference.ARMS``."""
    arm, far = direction & 3, direction >> 2
    if far:
        along, across = 5 + 2 * k, 0
    elif k == 0:
        along, across = 1, 0
    elif k == 5:
        along, across = 3, 0
    else:
        along = 2 if k < 3 else 3
        across = (1 if k < 3 else 2) * (1 if k & 1 else -1)
    if arm == 0:
        return along, across
    if arm == 1:
        return -along, across
    if arm == 2:
        return across, along
    return across, -along


@kernel(fast=True)
def _best_of_arm(cost: np.ndarray, u: int, v: int, direction: int) -> tuple[int, int]:
    """Column and row of the position with the least cost; -1, -1 where all are outside."""
    height, width = cost.shape
    best, at_u, at_v = _f(10), -1, -1
    for k in range(9 if direction >> 2 else 6):
        right, down = _offset(direction, k)
        x, y = u + right, v + down
        if x < 0 or y < 0 or x >= width or y >= height:
            continue
        if cost[y, x] < best:
            best, at_u, at_v = cost[y, x], x, y
    return at_u, at_v


@kernel(fast=True)
def _candidates(view: View, lens: Intrinsics, prior: np.ndarray, state: State, pixel: Pixel, planes: np.ndarray) -> int:
    """Fills ``planes`` with the pixel's own plane, those of the best pixels of eight arms and the prior's; returns their number."""
    u, v, field = pixel.u, pixel.v, state.field
    uc, vc = _f(u + 0.5), _f(v + 0.5)
    planes[0, 0], planes[0, 1], planes[0, 2] = field[v, u, 0], field[v, u, 1], field[v, u, 2]
    count = 1
    for direction in range(8):
        at_u, at_v = _best_of_arm(state.cost, u, v, direction)
        if at_u < 0:
            continue
        a, b = field[at_v, at_u, 1], field[at_v, at_u, 2]
        moved = field[at_v, at_u, 0] + a * _f(u - at_u) + b * _f(v - at_v)
        if not _plausible(view, lens, Plane(uc, vc, moved, a, b)):
            continue
        known = False
        for k in range(count):
            close = abs(planes[k, 0] - moved) * pixel.speed < _f(0.02)
            close = close and (abs(planes[k, 1] - a) + abs(planes[k, 2] - b)) * pixel.speed * _f(view.radius) < _f(0.04)
            known = known or close
        if known:
            continue
        planes[count, 0], planes[count, 1], planes[count, 2] = moved, a, b
        count += 1
    if prior.shape[2] == 4 and prior[v, u, 3] > 0 and _plausible(view, lens, Plane(uc, vc, prior[v, u, 0], prior[v, u, 1], prior[v, u, 2])):
        for k in range(3):
            planes[count, k] = prior[v, u, k]
        count += 1
    return count


@kernel(fast=True)
def _weigh_sources(table: np.ndarray, count: int, sources: int, weights: np.ndarray) -> None:
    """Fills ``weights``: a source counts by the mean of the two best costs of the candidates in it, as in ACMH."""
    for s in range(sources):
        first, second = _f(INVALID), _f(INVALID)
        for k in range(count):
            c = table[k, s]
            if c < first:
                first, second = c, first
            elif c < second:
                second = c
        c = first if count == 1 else _f(0.5) * (first + second)
        weights[s] = math.exp(-c * c * _f(0.5 / SOURCE_SIGMA**2)) + _f(1e-3)


@kernel(fast=True)
def _total_cost(costs: np.ndarray, weights: np.ndarray, sources: int, prior: np.ndarray, pixel: Pixel, w: Real) -> Real:
    """Weighted mean over the sources, and the pull towards the prior: weight x squared distance in pixels, at most the weight."""
    total, sum_weights = _f(0), _f(0)
    for s in range(sources):
        total += weights[s] * costs[s]
        sum_weights += weights[s]
    c = total / sum_weights
    if prior.shape[2] == 4 and prior[pixel.v, pixel.u, 3] > 0:
        d = (w - prior[pixel.v, pixel.u, 0]) * pixel.speed
        c += pixel.pull * prior[pixel.v, pixel.u, 3] * min(d * d, _f(1))
    return c


@kernel(fast=True)
def _perturbed(half: HalfIteration, number: int, k: int, plane: Plane, speed: Real, slope: Real) -> Plane:
    """The k-th of four variations of a plane: of the depth, of the slope, of both, of both by a quarter."""
    x = _hash(number, half.seed, half.iteration * 8 + k)
    y = _hash(x, half.seed, 1)
    z = _hash(y, half.seed, 2)
    size = half.amount if k < 3 else _f(0.25) * half.amount
    w, gu, gv = plane.w, plane.gu, plane.gv
    if k != 1:
        w = plane.w + _uniform(x) * size / max(speed, _f(1e-12))
    if k != 0:
        part = size if size < _f(1) else _f(1)
        gu, gv = plane.gu + _uniform(y) * slope * part, plane.gv + _uniform(z) * slope * part
    return Plane(plane.u, plane.v, w, gu, gv)


@kernel(fast=True)
def _improve(
    view: View, lens: Intrinsics, sources: Sources, prior: Prior, half: HalfIteration, state: State, u: int, v: int, samples: Samples,
    candidates: Candidates,
) -> None:  # fmt: skip
    """One pixel: the best of the candidates, then of its variations.

    Parameters: ten; the last two are buffers, apart because numba writes into arrays and not into fields.
    """
    planes, table, weights = candidates
    count_sources = len(sources.images)
    height, width = view.gray.shape
    n, deviation = load_patch(view, u, v, samples.patch)
    uc, vc = _f(u + 0.5), _f(v + 0.5)
    speed = _pixels_per_inverse(sources, uc, vc, state.field[v, u, 0])
    pixel = Pixel(u, v, speed, prior.weight * math.exp(-deviation * _f(1 / PLAIN)))
    count = _candidates(view, lens, prior.planes, state, pixel, planes)
    for k in range(count):
        source_costs(sources, height, width, Plane(uc, vc, planes[k, 0], planes[k, 1], planes[k, 2]), n, samples, table[k])
    _weigh_sources(table, count, count_sources, weights)
    best, at = _f(100), 0
    for k in range(count):
        c = _total_cost(table[k], weights, count_sources, prior.planes, pixel, planes[k, 0])
        if c < best:
            best, at = c, k
    plane = Plane(uc, vc, np.float64(planes[at, 0]), planes[at, 1], planes[at, 2])  # float64: perturbations may be tiny
    slope = _f(0.5) * planes[at, 0] / lens.fl_x
    for k in range(4):
        tried = _perturbed(half, v * width + u, k, plane, speed, slope)
        if not _plausible(view, lens, tried):
            continue
        source_costs(sources, height, width, tried, n, samples, table[0])
        c = _total_cost(table[0], weights, count_sources, prior.planes, pixel, tried.w)
        if c < best:
            best, plane = c, tried
    state.field[v, u, 0], state.field[v, u, 1], state.field[v, u, 2] = plane.w, plane.gu, plane.gv
    state.cost[v, u] = best


@kernel(fast=True)
def _improve_row(
    view: View, lens: Intrinsics, sources: Sources, prior: Prior, half: HalfIteration, v: int, field: np.ndarray, cost: np.ndarray
) -> None:
    samples = empty_samples()
    candidates = Candidates(np.empty((MAX_CANDIDATES, 3), _f), np.empty((MAX_CANDIDATES, MAX_SOURCES), _f), np.empty(MAX_SOURCES, _f))
    for u in range((v + half.parity) & 1, view.gray.shape[1], 2):
        if view.mask[v, u]:
            _improve(view, lens, sources, prior, half, State(field, cost), u, v, samples, candidates)


@kernel(parallel=True, fast=True)
def iterate(view: View, lens: Intrinsics, sources: Sources, prior: Prior, half: HalfIteration, field: np.ndarray, cost: np.ndarray) -> None:
    """One half of a red-black PatchMatch iteration on ``field`` (H, W, 3) and ``cost`` (H, W), in place.

    Pixels of one colour read only planes of the other, so threads do not matter.
    """
    for v in numba.prange(len(cost)):
        _improve_row(view, lens, sources, prior, half, v, field, cost)

"""Matching costs of planes on the CPU. ``reference.py`` has the same formulas in torch, for any device, and documents them.

Inside of ``prange`` no kernel here takes an attribute of a named tuple: with numba 0.68 writes were lost.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from ...core.compiled import Real, kernel

_f = np.float32
MAX_SAMPLES = 128
MAX_SOURCES = 16
INVALID = 2.0
"""Cost of a plane in a source that does not show it: outside the picture, masked, behind the camera. Real costs are 0 to 2 as well."""
FLOOR = 1.5 / 255
"""Standard deviation that counts as noise: patches flatter than this match nothing well."""
GEOMETRIC_WEIGHT, GEOMETRIC_LIMIT = 0.2, 3.0
"""Cost of each pixel of disagreement with a source's own depth map, and the most pixels that count (ACMM's 0.2 and 3)."""


class View(NamedTuple):
    """The view whose planes are estimated, and the patches in which it is compared.

    Attributes:
        gray: ``(H, W)`` float32, 0..1.
        mask: ``(H, W)`` uint8, what may be matched.
        radius: Of a patch, in pixels.
        step: Between samples, in pixels.
        color: 1 / sigma² of gray values, float32.
        space: 1 / sigma² of distance in pixels, float32.
        low: Least inverse depth, float32.
        high: Largest inverse depth, float32.
    """

    gray: np.ndarray
    mask: np.ndarray
    radius: int
    step: int
    color: Real
    space: Real
    low: Real
    high: Real


class Sources(NamedTuple):
    """The views that it is compared with.

    Attributes:
        images: ``(S, H * W)`` float32.
        masks: ``(S, H * W)`` uint8.
        M: ``(S, 3, 3)`` float32: with t from the view to the source, see ``geometry.Pairs``.
        t: ``(S, 3)`` float32.
        N: ``(S, 3, 3)`` float32: with r from the source to the view.
        r: ``(S, 3)`` float32.
        inverse: ``(S, H, W)`` float32, the sources' own inverse depths; ``(0, 1, 1)`` where they are not known.
    """

    images: np.ndarray
    masks: np.ndarray
    M: np.ndarray
    t: np.ndarray
    N: np.ndarray
    r: np.ndarray
    inverse: np.ndarray


class Source(NamedTuple):
    """One of the ``Sources``."""

    image: np.ndarray
    mask: np.ndarray
    M: np.ndarray
    t: np.ndarray


class Plane(NamedTuple):
    """A plane at a pixel: inverse depth ``w`` at the pixel centre (u, v), and by how much it grows per pixel along u and v."""

    u: Real
    v: Real
    w: Real
    gu: Real
    gv: Real


class Samples(NamedTuple):
    """Buffers for the samples of a patch; each thread has its own.

    Attributes:
        patch: ``(4, MAX_SAMPLES)`` float32, see ``load_patch``.
        fraction: ``(2, MAX_SAMPLES)`` float32, where they are between a source's pixels.
        pixels: ``(MAX_SAMPLES,)`` int32, numbers of the upper left of these pixels.
    """

    patch: np.ndarray
    fraction: np.ndarray
    pixels: np.ndarray


@kernel(fast=True)
def empty_samples() -> Samples:
    """New buffers."""
    return Samples(np.empty((4, MAX_SAMPLES), _f), np.empty((2, MAX_SAMPLES), _f), np.empty(MAX_SAMPLES, np.int32))


@kernel(fast=True)
def load_patch(view: View, u: int, v: int, patch: np.ndarray) -> tuple[int, Real]:
    """Fills ``patch`` (4, n): offsets, weights that sum to 1, and weight x normalised gray; returns n and the standard deviation."""
    gray, mask, radius = view.gray, view.mask, view.radius
    height, width = gray.shape
    center = gray[v, u]
    n = 0
    total, mean = _f(0), _f(0)
    for dv in range(-radius, radius + 1, view.step):
        y = v + dv
        if y < 0 or y >= height:
            continue
        for du in range(-radius, radius + 1, view.step):
            x = u + du
            if x < 0 or x >= width or mask[y, x] == 0:
                continue
            r = gray[y, x] - center
            w = _f(1) / ((_f(1) + r * r * view.color) * (_f(1) + _f(du * du + dv * dv) * view.space))
            patch[0, n], patch[1, n], patch[2, n], patch[3, n] = _f(du), _f(dv), w, r
            total += w
            mean += w * r
            n += 1
    mean /= total
    variance = _f(0)
    for k in range(n):
        patch[2, k] /= total
        r = patch[3, k] - mean
        variance += patch[2, k] * r * r
    scale = _f(1) / math.sqrt(variance + _f(FLOOR * FLOOR))
    for k in range(n):
        patch[3, k] = patch[2, k] * (patch[3, k] - mean) * scale
    return n, math.sqrt(variance)


@kernel(fast=True)
def _match(source: Source, height: int, width: int, plane: Plane, n: int, samples: Samples) -> Real:
    """1 - ZNCC of the patch with one source; see ``reference.costs_at``."""
    image, mask, M, t = source
    patch, fraction, index = samples
    u, v, w, gu, gv = plane
    x0 = M[0, 0] * u + M[0, 1] * v + M[0, 2] + t[0] * w
    y0 = M[1, 0] * u + M[1, 1] * v + M[1, 2] + t[1] * w
    z0 = M[2, 0] * u + M[2, 1] * v + M[2, 2] + t[2] * w
    if z0 <= _f(1e-6):
        return _f(INVALID)
    cx, cy = x0 / z0, y0 / z0
    if not (cx >= _f(0) and cy >= _f(0) and cx < _f(width) and cy < _f(height)):
        return _f(INVALID)
    if mask[int(cy) * width + int(cx)] == 0:
        return _f(INVALID)
    ax, ay, az = M[0, 0] + t[0] * gu, M[1, 0] + t[1] * gu, M[2, 0] + t[2] * gu
    bx, by, bz = M[0, 1] + t[0] * gv, M[1, 1] + t[1] * gv, M[2, 1] + t[2] * gv
    right, bottom = _f(width - 1.001), _f(height - 1.001)
    for k in range(n):
        du, dv = patch[0, k], patch[1, k]
        z = _f(1) / max(z0 + du * az + dv * bz, _f(1e-6))
        x = min(max((x0 + du * ax + dv * bx) * z - _f(0.5), _f(0)), right)
        y = min(max((y0 + du * ay + dv * by) * z - _f(0.5), _f(0)), bottom)
        ix, iy = np.int32(x), np.int32(y)
        index[k] = iy * np.int32(width) + ix
        fraction[0, k], fraction[1, k] = x - _f(ix), y - _f(iy)
    one, two, cross = _f(0), _f(0), _f(0)
    stride = np.int32(width)
    center = image[index[n >> 1]]
    for k in range(n):
        o = index[k]
        fx, fy = fraction[0, k], fraction[1, k]
        a, b = image[o], image[o + stride]
        top = a + (image[o + 1] - a) * fx
        low = b + (image[o + stride + 1] - b) * fx
        sample = top + (low - top) * fy - center
        weighted = patch[2, k] * sample
        one += weighted
        two += weighted * sample
        cross += patch[3, k] * sample
    variance = max(two - one * one, _f(0))
    return _f(1) - cross / math.sqrt(variance + _f(FLOOR * FLOOR))


@kernel(fast=True)
def _disagreement(inverse: np.ndarray, M: np.ndarray, t: np.ndarray, N: np.ndarray, r: np.ndarray, plane: Plane) -> Real:
    """Pixels between (u, v) and where a source's own depth sends the point back to, at most GEOMETRIC_LIMIT."""
    height, width = inverse.shape
    u, v, w = plane.u, plane.v, plane.w
    z = M[2, 0] * u + M[2, 1] * v + M[2, 2] + t[2] * w
    if z <= _f(1e-6):
        return _f(GEOMETRIC_LIMIT)
    x = (M[0, 0] * u + M[0, 1] * v + M[0, 2] + t[0] * w) / z
    y = (M[1, 0] * u + M[1, 1] * v + M[1, 2] + t[1] * w) / z
    if not (x >= _f(0) and y >= _f(0) and x < _f(width) and y < _f(height)):
        return _f(GEOMETRIC_LIMIT)
    there = inverse[int(y), int(x)]
    if there <= _f(0):
        return _f(GEOMETRIC_LIMIT)
    z = N[2, 0] * x + N[2, 1] * y + N[2, 2] + r[2] * there
    if z <= _f(1e-6):
        return _f(GEOMETRIC_LIMIT)
    x, y = (N[0, 0] * x + N[0, 1] * y + N[0, 2] + r[0] * there) / z - u, (N[1, 0] * x + N[1, 1] * y + N[1, 2] + r[1] * there) / z - v
    return min(math.sqrt(x * x + y * y), _f(GEOMETRIC_LIMIT))


@kernel(fast=True)
def source_costs(sources: Sources, height: int, width: int, plane: Plane, n: int, samples: Samples, costs: np.ndarray) -> None:
    """Costs of one plane in each source, with geometric consistency where the sources' own depth is known."""
    for s in range(len(sources.images)):
        source = Source(sources.images[s], sources.masks[s], sources.M[s], sources.t[s])
        c = _match(source, height, width, plane, n, samples)
        if len(sources.inverse) and c < _f(INVALID):
            c += _f(GEOMETRIC_WEIGHT) * _disagreement(sources.inverse[s], sources.M[s], sources.t[s], sources.N[s], sources.r[s], plane)
        costs[s] = c


@kernel(fast=True)
def _best_half(costs: np.ndarray, sources: int) -> Real:
    """Mean of the better half of a few costs."""
    half = (sources + 1) // 2
    total = _f(0)
    last, last_at = _f(-1), -1
    for _ in range(half):  # selection in order of (cost, number)
        best, at = _f(10), -1
        for s in range(sources):
            later = costs[s] > last or (costs[s] == last and s > last_at)
            if later and costs[s] < best:
                best, at = costs[s], s
        total += best
        last, last_at = best, at
    return total / _f(half)


@kernel(parallel=True, fast=True)
def sweep(view: View, sources: Sources, inverses: np.ndarray, field: np.ndarray, cost: np.ndarray) -> None:
    """The best of fronto-parallel planes for each pixel, by photometric cost alone.

    Args:
        view: The view.
        sources: Its sources.
        inverses: ``(K,)`` float32 inverse depths.
        field: ``(H, W, 3)`` float32, is filled with the planes.
        cost: ``(H, W)`` float32, is filled with their costs.
    """
    height, width = view.gray.shape
    mask, images, masks, M, t = view.mask, sources.images, sources.masks, sources.M, sources.t
    for v in numba.prange(height):
        samples, costs = empty_samples(), np.empty(MAX_SOURCES, _f)
        for u in range(width):
            cost[v, u] = INVALID
            for k in range(3):
                field[v, u, k] = 0
            if mask[v, u] == 0:
                continue
            n, _ = load_patch(view, u, v, samples.patch)
            for p in range(len(inverses)):
                for s in range(len(images)):
                    source = Source(images[s], masks[s], M[s], t[s])
                    costs[s] = _match(source, height, width, Plane(_f(u + 0.5), _f(v + 0.5), inverses[p], _f(0), _f(0)), n, samples)
                c = _best_half(costs, len(images))
                if c < cost[v, u]:
                    cost[v, u], field[v, u, 0] = c, inverses[p]


@kernel(fast=True)
def _plane_costs_row(view: View, sources: Sources, field: np.ndarray, v: int, costs: np.ndarray) -> None:
    height, width = view.gray.shape
    samples = empty_samples()
    for u in range(width):
        if view.mask[v, u] == 0:
            for s in range(len(sources.images)):
                costs[s, v, u] = INVALID
            continue
        n, _ = load_patch(view, u, v, samples.patch)
        plane = Plane(_f(u + 0.5), _f(v + 0.5), field[v, u, 0], field[v, u, 1], field[v, u, 2])
        for s in range(len(sources.images)):
            source = Source(sources.images[s], sources.masks[s], sources.M[s], sources.t[s])
            costs[s, v, u] = _match(source, height, width, plane, n, samples)


@kernel(parallel=True, fast=True)
def plane_costs(view: View, sources: Sources, field: np.ndarray, costs: np.ndarray) -> None:
    """Photometric costs ``(S, H, W)`` of a field of planes ``(H, W, 3)``, each source by itself."""
    for v in numba.prange(len(field)):
        _plane_costs_row(view, sources, field, v, costs)

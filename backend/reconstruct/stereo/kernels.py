"""The matching's inner loops for the CPU. ``reference.py`` says the same in torch, for any device, and documents the formulas."""

from __future__ import annotations

import math

import numba
import numpy as np

from ...core.compiled import Real, kernel

_f = np.float32
MAX_SAMPLES = 128
MAX_SOURCES = 16
INVALID = 2.0
"""Cost of a hypothesis that a source cannot judge: outside the picture, masked, behind the camera. Real costs are 0 to 2 as well."""
FLOOR = 1.5 / 255
"""Standard deviation that counts as noise: patches flatter than this match nothing well."""
GEOMETRIC_WEIGHT, GEOMETRIC_LIMIT = 0.2, 3.0
"""Cost of each pixel of disagreement with a source's own depth map, and the most pixels that count (ACMM's 0.2 and 3)."""
SOURCE_SIGMA = 0.3
"""A source whose two best costs average c weighs exp(-c² / (2 · 0.3²)), as in ACMH."""
PLAIN = 0.006
"""Standard deviation of a patch (of 1) by which the planar prior's pull falls to 1/e."""
STEEPEST = 0.17
"""Cosine of the largest angle between a surface's normal and the view: 80 degrees."""


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
def _patch(
    gray: np.ndarray, mask: np.ndarray, u: int, v: int, radius: int, step: int, inv_color: Real, inv_space: Real, patch: np.ndarray,
) -> tuple[int, Real]:  # fmt: skip
    """Fills ``patch`` (4, n): offsets, weights that sum to 1, and weight x normalised gray; returns n and the deviation."""
    height, width = gray.shape
    center = gray[v, u]
    n = 0
    total, mean = _f(0), _f(0)
    for dv in range(-radius, radius + 1, step):
        y = v + dv
        if y < 0 or y >= height:
            continue
        for du in range(-radius, radius + 1, step):
            x = u + du
            if x < 0 or x >= width or mask[y, x] == 0:
                continue
            r = gray[y, x] - center
            w = _f(1) / ((_f(1) + r * r * inv_color) * (_f(1) + _f(du * du + dv * dv) * inv_space))
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
def _match(
    image: np.ndarray, mask: np.ndarray, height: int, width: int, M: np.ndarray, t: np.ndarray, u: Real, v: Real, w: Real, gu: Real,
    gv: Real, patch: np.ndarray, n: int, work: np.ndarray, index: np.ndarray,
) -> Real:  # fmt: skip
    """1 - ZNCC of the patch with one source; see ``reference.plane_costs``."""
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
        work[0, k], work[1, k] = x - _f(ix), y - _f(iy)
    one, two, cross = _f(0), _f(0), _f(0)
    stride = np.int32(width)
    center = image[index[n >> 1]]
    for k in range(n):
        o = index[k]
        fx, fy = work[0, k], work[1, k]
        a, b = image[o], image[o + stride]
        top = a + (image[o + 1] - a) * fx
        low = b + (image[o + stride + 1] - b) * fx
        s = top + (low - top) * fy - center
        ws = patch[2, k] * s
        one += ws
        two += ws * s
        cross += patch[3, k] * s
    variance = max(two - one * one, _f(0))
    return _f(1) - cross / math.sqrt(variance + _f(FLOOR * FLOOR))


@kernel(fast=True)
def _disagreement(
    inverse: np.ndarray, height: int, width: int, M: np.ndarray, t: np.ndarray, N: np.ndarray, r: np.ndarray, u: Real, v: Real,
    w: Real,
) -> Real:  # fmt: skip
    """Pixels between (u, v) and where a source's own depth sends the point back to, at most GEOMETRIC_LIMIT."""
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
def _pixels_per_inverse(M: np.ndarray, t: np.ndarray, u: Real, v: Real, w: Real) -> Real:
    """How many pixels the fastest source's match moves for a unit of inverse depth."""
    fastest = 0.0 * w
    for s in range(len(M)):
        x = M[s, 0, 0] * u + M[s, 0, 1] * v + M[s, 0, 2] + t[s, 0] * w
        y = M[s, 1, 0] * u + M[s, 1, 1] * v + M[s, 1, 2] + t[s, 1] * w
        z = max(M[s, 2, 0] * u + M[s, 2, 1] * v + M[s, 2, 2] + t[s, 2] * w, _f(1e-6))
        dx, dy = (t[s, 0] - x / z * t[s, 2]) / z, (t[s, 1] - y / z * t[s, 2]) / z
        fastest = max(fastest, math.sqrt(dx * dx + dy * dy))
    return fastest


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
def sweep(
    gray: np.ndarray, mask: np.ndarray, images: np.ndarray, masks: np.ndarray, M: np.ndarray, t: np.ndarray, planes: np.ndarray,
    radius: int, step: int, colors: Real, spaces: Real, field: np.ndarray, cost: np.ndarray,
) -> None:  # fmt: skip
    """The best of fronto-parallel planes for each pixel; ``planes`` (K,) inverse depths, results to ``field`` and ``cost``."""
    height, width = gray.shape
    sources = len(images)
    for v in numba.prange(height):
        patch, work, index = np.empty((4, MAX_SAMPLES), _f), np.empty((2, MAX_SAMPLES), _f), np.empty(MAX_SAMPLES, np.int32)
        costs = np.empty(MAX_SOURCES, _f)
        for u in range(width):
            cost[v, u] = INVALID
            for k in range(3):
                field[v, u, k] = 0
            if mask[v, u] == 0:
                continue
            n, _ = _patch(gray, mask, u, v, radius, step, colors, spaces, patch)
            for p in range(len(planes)):
                for s in range(sources):
                    costs[s] = _match(
                        images[s], masks[s], height, width, M[s], t[s], _f(u + 0.5), _f(v + 0.5), planes[p], _f(0), _f(0), patch, n, work,
                        index,
                    )  # fmt: skip
                c = _best_half(costs, sources)
                if c < cost[v, u]:
                    cost[v, u], field[v, u, 0] = c, planes[p]


@kernel(parallel=True, fast=True)
def plane_costs(
    gray: np.ndarray, mask: np.ndarray, images: np.ndarray, masks: np.ndarray, M: np.ndarray, t: np.ndarray, field: np.ndarray,
    radius: int, step: int, colors: Real, spaces: Real, costs: np.ndarray,
) -> None:  # fmt: skip
    """Costs (S, H, W) of a field of planes, each source by itself."""
    height, width = gray.shape
    for v in numba.prange(height):
        patch, work, index = np.empty((4, MAX_SAMPLES), _f), np.empty((2, MAX_SAMPLES), _f), np.empty(MAX_SAMPLES, np.int32)
        for u in range(width):
            if mask[v, u] == 0:
                for s in range(len(images)):
                    costs[s, v, u] = INVALID
                continue
            n, _ = _patch(gray, mask, u, v, radius, step, colors, spaces, patch)
            for s in range(len(images)):
                costs[s, v, u] = _match(
                    images[s], masks[s], height, width, M[s], t[s], _f(u + 0.5), _f(v + 0.5), field[v, u, 0], field[v, u, 1],
                    field[v, u, 2], patch, n, work, index,
                )  # fmt: skip


@kernel(fast=True)
def _plausible(w: Real, gu: Real, gv: Real, u: Real, v: Real, lens: np.ndarray, low: Real, high: Real) -> bool:
    """Whether a plane is within the range of depths and is not seen edge-on."""
    if not (w >= low and w <= high):
        return False
    x, y = u - lens[2], v - lens[3]
    nx, ny, nz = gu * lens[0], gv * lens[1], w - gu * x - gv * y
    ray = (x / lens[0]) ** 2 + (y / lens[1]) ** 2 + _f(1)
    return w * w >= _f(STEEPEST * STEEPEST) * ray * (nx * nx + ny * ny + nz * nz)


@kernel(fast=True)
def _judge(
    images: np.ndarray, masks: np.ndarray, height: int, width: int, M: np.ndarray, t: np.ndarray, geometric: bool,
    inverse: np.ndarray, N: np.ndarray, r: np.ndarray, u: Real, v: Real, w: Real, gu: Real, gv: Real, patch: np.ndarray, n: int,
    work: np.ndarray, index: np.ndarray, costs: np.ndarray,
) -> None:  # fmt: skip
    """Costs of one hypothesis in each source, with the geometric part."""
    for s in range(len(images)):
        c = _match(images[s], masks[s], height, width, M[s], t[s], u, v, w, gu, gv, patch, n, work, index)
        if geometric and c < _f(INVALID):
            c += _f(GEOMETRIC_WEIGHT) * _disagreement(inverse[s], height, width, M[s], t[s], N[s], r[s], u, v, w)
        costs[s] = c


@kernel(fast=True)
def _weighed(costs: np.ndarray, weights: np.ndarray, sources: int) -> Real:
    total, sum_weights = _f(0), _f(0)
    for s in range(sources):
        total += weights[s] * costs[s]
        sum_weights += weights[s]
    return total / sum_weights


@kernel(fast=True)
def _prior_cost(prior: np.ndarray, v: int, u: int, w: Real, scale: Real, weight: Real) -> Real:
    """Pull towards the planar prior: weight x squared distance in pixels, at most weight."""
    if prior[v, u, 3] <= 0:
        return _f(0)
    d = (w - prior[v, u, 0]) * scale
    return weight * prior[v, u, 3] * min(d * d, _f(1))


@kernel(parallel=True, fast=True)
def iterate(
    gray: np.ndarray, mask: np.ndarray, images: np.ndarray, masks: np.ndarray, M: np.ndarray, t: np.ndarray, lens: np.ndarray,
    limits: np.ndarray, geometric: bool, inverse: np.ndarray, N: np.ndarray, r: np.ndarray, prior: np.ndarray, prior_weight: Real,
    radius: int, step: int, colors: Real, spaces: Real, seed: int, iteration: int, parity: int, amount: Real, field: np.ndarray,
    cost: np.ndarray,
) -> None:  # fmt: skip
    """One half of a red-black PatchMatch iteration on ``field`` (H, W, 3) and ``cost`` (H, W), in place.

    Pixels of one colour read only planes of the other, so threads do not matter. ``amount`` is the size of perturbations in pixels.
    """
    height, width = gray.shape
    sources = len(images)
    with_prior = len(prior) == height
    for v in numba.prange(height):
        patch, work, index = np.empty((4, MAX_SAMPLES), _f), np.empty((2, MAX_SAMPLES), _f), np.empty(MAX_SAMPLES, np.int32)
        table = np.empty((10, MAX_SOURCES), _f)
        planes = np.empty((10, 3), _f)
        weights = np.empty(MAX_SOURCES, _f)
        for u in range((v + parity) & 1, width, 2):
            if mask[v, u] == 0:
                continue
            n, deviation = _patch(gray, mask, u, v, radius, step, colors, spaces, patch)
            uc, vc = _f(u + 0.5), _f(v + 0.5)
            w, gu, gv = field[v, u, 0], field[v, u, 1], field[v, u, 2]
            speed = _pixels_per_inverse(M, t, uc, vc, w)
            planes[0, 0], planes[0, 1], planes[0, 2] = w, gu, gv
            count = 1
            for direction in range(8):  # four arms nearby, four far away: the best pixel of each
                arm, far = direction & 3, direction >> 2
                best, at_u, at_v = _f(10), -1, -1
                for k in range(9 if far else 6):
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
                        x, y = u + along, v + across
                    elif arm == 1:
                        x, y = u - along, v + across
                    elif arm == 2:
                        x, y = u + across, v + along
                    else:
                        x, y = u + across, v - along
                    if x < 0 or y < 0 or x >= width or y >= height:
                        continue
                    if cost[y, x] < best:
                        best, at_u, at_v = cost[y, x], x, y
                if at_u < 0:
                    continue
                a, b = field[at_v, at_u, 1], field[at_v, at_u, 2]
                moved = field[at_v, at_u, 0] + a * _f(u - at_u) + b * _f(v - at_v)
                if not _plausible(moved, a, b, uc, vc, lens, limits[0], limits[1]):
                    continue
                known = False
                for k in range(count):
                    close = abs(planes[k, 0] - moved) * speed < _f(0.02)
                    close = close and (abs(planes[k, 1] - a) + abs(planes[k, 2] - b)) * speed * _f(radius) < _f(0.04)
                    known = known or close
                if known:
                    continue
                planes[count, 0], planes[count, 1], planes[count, 2] = moved, a, b
                count += 1
            if (
                with_prior
                and prior[v, u, 3] > 0
                and _plausible(prior[v, u, 0], prior[v, u, 1], prior[v, u, 2], uc, vc, lens, limits[0], limits[1])
            ):
                for k in range(3):
                    planes[count, k] = prior[v, u, k]
                count += 1
            for k in range(count):
                _judge(
                    images, masks, height, width, M, t, geometric, inverse, N, r, uc, vc, planes[k, 0], planes[k, 1], planes[k, 2], patch,
                    n, work, index, table[k],
                )  # fmt: skip
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
            pull = prior_weight * math.exp(-deviation * _f(1 / PLAIN))
            best, at = _f(100), 0
            for k in range(count):
                c = _weighed(table[k], weights, sources)
                if with_prior:
                    c += _prior_cost(prior, v, u, planes[k, 0], speed, pull)
                if c < best:
                    best, at = c, k
            w, gu, gv = planes[at, 0], planes[at, 1], planes[at, 2]
            pixel = v * width + u
            slope = _f(0.5) * w / lens[0]
            for k in range(4):
                x = _hash(pixel, seed, iteration * 8 + k)
                y = _hash(x, seed, 1)
                z = _hash(y, seed, 2)
                size = amount if k < 3 else _f(0.25) * amount
                a, b, c = w, gu, gv
                if k != 1:
                    a = w + _uniform(x) * size / max(speed, _f(1e-12))
                if k != 0:
                    part = size if size < _f(1) else _f(1)
                    b, c = gu + _uniform(y) * slope * part, gv + _uniform(z) * slope * part
                if not _plausible(a, b, c, uc, vc, lens, limits[0], limits[1]):
                    continue
                _judge(images, masks, height, width, M, t, geometric, inverse, N, r, uc, vc, a, b, c, patch, n, work, index, table[0])
                total = _weighed(table[0], weights, sources)
                if with_prior:
                    total += _prior_cost(prior, v, u, a, speed, pull)
                if total < best:
                    best, w, gu, gv = total, a, b, c
            field[v, u, 0], field[v, u, 1], field[v, u, 2] = w, gu, gv
            cost[v, u] = best

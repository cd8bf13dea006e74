"""The matching in torch, on any device: the reference for ``kernels.py``, and what runs on a GPU.

A hypothesis at a pixel p is a plane: its inverse depth is w at p and w + a du + b dv at p + (du, dv). A pixel x of the reference is at
M (x, 1) + w(x) t in a source (homogeneous), so the plane's whole patch is carried over by one homography. The cost is 1 - ZNCC between
the reference's patch and the source's, bilinearly sampled, each sample weighed by how much it looks like the middle and how close it is;
gains and offsets of exposure fall out.
"""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from ...core.camera import Intrinsics
from .costs import FLOOR, GEOMETRIC_LIMIT, GEOMETRIC_WEIGHT, INVALID
from .kernels import PLAIN, SOURCE_SIGMA, STEEPEST


@dataclasses.dataclass(frozen=True)
class Problem:
    """A view and its sources at one scale.

    Attributes:
        gray: ``(H, W)`` float32, the reference.
        mask: ``(H, W)`` bool, what of it may be matched.
        images: ``(S, H, W)`` float32.
        masks: ``(S, H, W)`` bool.
        M: ``(S, 3, 3)`` float32, see ``geometry.Pairs``.
        t: ``(S, 3)`` float32.
        N: ``(S, 3, 3)`` float32.
        r: ``(S, 3)`` float32.
        lens: Of the reference.
        limits: Least and largest inverse depth.
        radius: Of the patch, in pixels.
        step: Between samples, in pixels.
        color: 1 / sigma² of gray values.
        space: 1 / sigma² of distance in pixels.
    """

    gray: Tensor
    mask: Tensor
    images: Tensor
    masks: Tensor
    M: Tensor
    t: Tensor
    N: Tensor
    r: Tensor
    lens: Intrinsics
    limits: tuple[float, float]
    radius: int = 3
    step: int = 1
    color: float = 400.0
    space: float = 0.0625

    def patches(self, v: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Offsets ``(K, 1)`` twice, weights and weight x normalised gray ``(K, P)``, deviation ``(P,)`` of pixels ``(P,)``."""
        height, width = self.gray.shape
        offsets = torch.arange(-self.radius, self.radius + 1, self.step, device=v.device)
        dv, du = (g.reshape(-1, 1) for g in torch.meshgrid(offsets, offsets, indexing="ij"))
        x, y = u + du, v + dv
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
        patch = self.gray[y, x] - self.gray[v, u]
        weight = 1 / ((1 + patch * patch * self.color) * (1 + (du * du + dv * dv) * self.space))
        weight = weight * (inside & self.mask[y, x])
        weight = weight / weight.sum(0).clamp_min(1e-12)
        mean = (weight * patch).sum(0)
        variance = (weight * (patch - mean) ** 2).sum(0)
        return du, dv, weight, weight * (patch - mean) / (variance + FLOOR**2).sqrt(), variance.sqrt()


Patches = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def costs_at(problem: Problem, v: Tensor, u: Tensor, planes: Tensor, patches: Patches | None = None) -> Tensor:
    """Costs ``(S, P)`` of a plane ``(P, 3)`` at each of some pixels: 0 (the same) to 2; ``INVALID`` where a source does not show it."""
    du, dv, weight, normal, _ = patches or problem.patches(v, u)
    height, width = problem.gray.shape
    w = planes[:, 0] + planes[:, 1] * du + planes[:, 2] * dv
    center = problem.gray[v, u]
    costs = []
    for image, seen, H, shift in zip(problem.images, problem.masks, problem.M, problem.t, strict=True):
        a, b, c = _carried(H, shift, u + 0.5, v + 0.5, planes[:, 0])
        there = _carried(H, shift, u + du + 0.5, v + dv + 0.5, w)
        z = there[2].clamp_min(1e-6)
        sample = _bilinear(image, (there[0] / z - 0.5).clamp(0, width - 1.001), (there[1] / z - 0.5).clamp(0, height - 1.001)) - center
        one, two = (weight * sample).sum(0), (weight * sample * sample).sum(0)
        cost = 1 - (normal * sample).sum(0) / ((two - one * one).clamp_min(0) + FLOOR**2).sqrt()
        x, y = a / c, b / c
        shown = (c > 1e-6) & (x >= 0) & (y >= 0) & (x < width) & (y < height) & problem.mask[v, u]
        shown &= seen[y.nan_to_num().clamp(0, height - 1).long(), x.nan_to_num().clamp(0, width - 1).long()]
        costs.append(torch.where(shown, cost, torch.full_like(cost, INVALID)))
    return torch.stack(costs)


def plane_costs(problem: Problem, planes: Tensor) -> Tensor:
    """Costs ``(S, H, W)`` of a field of planes ``(H, W, 3)``."""
    height, width = problem.gray.shape
    v, u = _grid(height, width, problem.gray.device)
    return costs_at(problem, v, u, planes.reshape(-1, 3)).reshape(-1, height, width)


def sweep(problem: Problem, inverses: Tensor, field: Tensor, cost: Tensor) -> None:
    """The best of fronto-parallel planes for each pixel, by the mean of the better half of its sources; see ``costs.sweep``."""
    height, width = problem.gray.shape
    v, u = _grid(height, width, problem.gray.device)
    patches = problem.patches(v, u)
    half = (len(problem.images) + 1) // 2
    best, at = torch.full((len(v),), INVALID, device=v.device), torch.zeros(len(v), device=v.device)
    for w in inverses:
        planes = torch.stack([w.expand(len(v)), torch.zeros_like(at), torch.zeros_like(at)], 1)
        c = costs_at(problem, v, u, planes, patches).sort(0).values[:half].mean(0)
        better = c < best
        best, at = torch.where(better, c, best), torch.where(better, w, at)
    field.zero_()
    field[..., 0] = torch.where(problem.mask, at.reshape(height, width), torch.zeros_like(field[..., 0]))
    cost.copy_(torch.where(problem.mask, best.reshape(height, width), torch.full_like(cost, INVALID)))


ARMS = [[(1, 0), (2, 1), (2, -1), (3, 2), (3, -2), (3, 0)], [(5 + 2 * k, 0) for k in range(9)]]
"""Along and across: the positions nearby and far away of which the best pixel is asked for its plane."""


def iterate(
    problem: Problem, inverse: Tensor | None, prior: Tensor | None, prior_weight: float, seed: int, iteration: int, parity: int,
    amount: float, field: Tensor, cost: Tensor,
) -> None:  # fmt: skip
    """One half of a red-black PatchMatch iteration, in place; see ``kernels.iterate``, which makes the same choices.

    Long: the same steps as ``kernels.iterate``, on all pixels at once.
    Parameters: those of ``kernels.iterate``, its tuples taken apart.

    Args:
        problem: The view and its sources.
        inverse: ``(S, H, W)`` float32, the sources' own inverse depths for geometric consistency, or None.
        prior: ``(H, W, 4)`` float32 planar prior, or None.
        prior_weight: Of the prior where there is no texture at all.
        seed: Of the perturbations.
        iteration: Number of the iteration, for the perturbations.
        parity: Which colour of the board.
        amount: Size of the perturbations in pixels.
        field: ``(H, W, 3)`` float32 planes.
        cost: ``(H, W)`` float32.
    """
    height, width = problem.gray.shape
    v, u = _grid(height, width, field.device)
    chosen = ((u + v) % 2 == parity) & problem.mask[v, u]
    v, u = v[chosen], u[chosen]
    patches = problem.patches(v, u)
    planes = [field[v, u]]
    speed = _speed(problem, v, u, planes[0][:, 0])
    usable = [torch.ones_like(v, dtype=torch.bool)]
    for candidate, there in _neighbours(v, u, field, cost):
        fine = there & _plausible(problem, candidate, v, u)
        for other, has in zip(planes, usable, strict=True):
            close = (other[:, 0] - candidate[:, 0]).abs() * speed < 0.02
            close &= (other[:, 1:] - candidate[:, 1:]).abs().sum(1) * speed * problem.radius < 0.04
            fine &= ~(close & has)
        planes.append(candidate)
        usable.append(fine)
    if prior is not None:
        planes.append(prior[v, u, :3])
        usable.append((prior[v, u, 3] > 0) & _plausible(problem, planes[-1], v, u))
    table = torch.stack([_judged(problem, inverse, v, u, p, patches) for p in planes])
    on = torch.stack(usable)
    capped = torch.where(on[:, None], table, torch.full_like(table, INVALID)).clamp_max(INVALID)
    two = capped.sort(0).values[:2]
    worth = torch.where(on.sum(0) == 1, two[0], two.mean(0))
    weights = torch.exp(-worth * worth * (0.5 / SOURCE_SIGMA**2)) + 1e-3
    pull = prior_weight * torch.exp(-patches[4] / PLAIN)

    def total(costs: Tensor, w: Tensor) -> Tensor:
        c = (weights * costs).sum(0) / weights.sum(0)
        if prior is None:
            return c
        trust = prior[v, u, 3].clamp_min(0)
        return c + pull * trust * (((w - prior[v, u, 0]) * speed) ** 2).clamp_max(1)

    totals = torch.stack([total(c, p[:, 0]) for c, p in zip(table, planes, strict=True)])
    best, at = torch.where(on, totals, torch.full_like(totals, math.inf)).min(0)
    mine = torch.stack(planes)[at, torch.arange(len(v), device=v.device)]
    pixel = v * width + u
    slope = 0.5 * mine[:, 0] / problem.lens.fl_x
    for k in range(4):
        x = _hash(pixel, seed, iteration * 8 + k)
        y = _hash(x, seed, 1)
        size = amount if k < 3 else 0.25 * amount
        tried = mine.clone()
        if k != 1:
            tried[:, 0] += _uniform(x) * size / speed.clamp_min(1e-12)
        if k != 0:
            tried[:, 1] += _uniform(y) * slope * min(size, 1.0)
            tried[:, 2] += _uniform(_hash(y, seed, 2)) * slope * min(size, 1.0)
        c = total(_judged(problem, inverse, v, u, tried, patches), tried[:, 0])
        better = _plausible(problem, tried, v, u) & (c < best)
        best, mine = torch.where(better, c, best), torch.where(better[:, None], tried, mine)
    field[v, u], cost[v, u] = mine, best


def _neighbours(v: Tensor, u: Tensor, field: Tensor, cost: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For each of eight arms the plane of its best pixel, gone on to here, and whether there is one."""
    height, width = cost.shape
    found = []
    for arm in ARMS:
        for turn in range(4):
            best, at = torch.full((len(v),), 10.0, device=v.device), torch.full_like(v, -1)
            for along, across in arm:
                dx, dy = [(along, across), (-along, across), (across, along), (across, -along)][turn]
                x, y = u + dx, v + dy
                inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
                place = y.clamp(0, height - 1) * width + x.clamp(0, width - 1)
                c = torch.where(inside, cost.reshape(-1)[place], torch.full_like(best, 10.0))
                better = c < best
                best, at = torch.where(better, c, best), torch.where(better, place, at)
            place = at.clamp_min(0)
            plane = field.reshape(-1, 3)[place].clone()
            plane[:, 0] += plane[:, 1] * (u - place % width) + plane[:, 2] * (v - place // width)
            found.append((plane, at >= 0))
    return found


def _judged(problem: Problem, inverse: Tensor | None, v: Tensor, u: Tensor, planes: Tensor, patches: Patches) -> Tensor:
    costs = costs_at(problem, v, u, planes, patches)
    if inverse is None:
        return costs
    height, width = problem.gray.shape
    away = []
    for own, M, t, N, r in zip(inverse, problem.M, problem.t, problem.N, problem.r, strict=True):
        x, y, z = _carried(M, t, u + 0.5, v + 0.5, planes[:, 0])
        x, y = x / z, y / z
        fine = (z > 1e-6) & (x >= 0) & (y >= 0) & (x < width) & (y < height)
        there = own[y.nan_to_num().clamp(0, height - 1).long(), x.nan_to_num().clamp(0, width - 1).long()]
        a, b, c = _carried(N, r, x, y, there)
        fine &= (there > 0) & (c > 1e-6)
        distance = torch.hypot(a / c - u - 0.5, b / c - v - 0.5).clamp_max(GEOMETRIC_LIMIT)
        away.append(torch.where(fine, distance, torch.full_like(distance, GEOMETRIC_LIMIT)))
    return torch.where(costs < INVALID, costs + GEOMETRIC_WEIGHT * torch.stack(away), costs)


def _speed(problem: Problem, v: Tensor, u: Tensor, w: Tensor) -> Tensor:
    """How many pixels the fastest source's match moves for a unit of inverse depth."""
    speeds = []
    for M, t in zip(problem.M, problem.t, strict=True):
        x, y, z = _carried(M, t, u + 0.5, v + 0.5, w)
        z = z.clamp_min(1e-6)
        speeds.append(torch.hypot((t[0] - x / z * t[2]) / z, (t[1] - y / z * t[2]) / z))
    return torch.stack(speeds).amax(0)


def _plausible(problem: Problem, planes: Tensor, v: Tensor, u: Tensor) -> Tensor:
    """Whether planes lie within the range of depths and are not seen edge-on."""
    w, gu, gv = planes.unbind(1)
    fl_x, fl_y, cx, cy = problem.lens
    x, y = u + 0.5 - cx, v + 0.5 - cy
    nx, ny, nz = gu * fl_x, gv * fl_y, w - gu * x - gv * y
    ray = (x / fl_x) ** 2 + (y / fl_y) ** 2 + 1
    return (w >= problem.limits[0]) & (w <= problem.limits[1]) & (w * w >= STEEPEST**2 * ray * (nx * nx + ny * ny + nz * nz))


def _grid(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    v, u = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    return v.reshape(-1), u.reshape(-1)


def _carried(H: Tensor, shift: Tensor, x: Tensor, y: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    a, b, c = (H[k, 0] * x + H[k, 1] * y + H[k, 2] + shift[k] * w for k in range(3))
    return a, b, c


def _bilinear(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    ix, iy = x.long(), y.long()
    fx, fy = x - ix, y - iy
    top = image[iy, ix] * (1 - fx) + image[iy, ix + 1] * fx
    low = image[iy + 1, ix] * (1 - fx) + image[iy + 1, ix + 1] * fx
    return top * (1 - fy) + low * fy


def _signed(x: int) -> int:
    return x - (1 << 64) if x >= 1 << 63 else x


def _shifted(x: Tensor, bits: int) -> Tensor:
    """Logical shift to the right of 64 bits."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _hash(a: Tensor, b: int, c: int) -> Tensor:
    """Splitmix64 of three numbers, in wrapping int64; see ``kernels._hash``."""
    second = b * 0xC2B2AE3D27D4EB4F & (1 << 64) - 1
    x = a * _signed(0x9E3779B97F4A7C15) ^ _signed(second) ^ c
    x = (x ^ _shifted(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shifted(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shifted(x, 31)


def _uniform(x: Tensor) -> Tensor:
    """-1..1."""
    return (_shifted(x, 40).double() * 2.0**-23 - 1).float()

"""The plane through each pixel of a depth map: by differences where depth is exact, fitted to a neighbourhood where it is noisy."""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from ....shared.values import Camera
from ..camera import Intrinsics, intrinsics
from ..compiled import Real, kernel
from ..depth_noise import NoiseModel
from . import kernels, reference

EDGE_WEIGHT = 0.1
"""Of pixels at a depth discontinuity: they help where nothing else sees the surface."""
ROUNDS = 3
GATE = 4.0
"""Standard deviations beyond which a neighbour has no say, from the pixel itself at first and then from the plane."""
RIDGE = 0.05
"""Pixels², added to the spread of the neighbours: a plane through too few of them keeps the slope that it starts from."""
SUPPORT = 0.6
"""Part of the neighbourhood that must agree for full weight."""
REACH = 2
"""Pixels, at least, over which the slope is found that a fit starts from."""
LEVEL = 2.0
"""Neighbours that a level start agrees with count so many times: steep starts are for where it fails."""
_f = np.float32
_EXACT = NoiseModel()


class PlaneFinder:
    """Finds planes with one set of settings.

    Args:
        voxel: Scene units.
        truncation: Scene units: a neighbour that strays by more makes an edge.
        noise: Of the depth, or None for exact depth.
        near: Distance up to which noisy depth has full weight; farther pixels count with the inverse of their variance.
    """

    def __init__(self, voxel: float, truncation: float, noise: NoiseModel | None = None, near: float = 0.0) -> None:
        self._voxel, self._truncation, self._noise, self._near = voxel, truncation, noise or _EXACT, near
        self._planes = np.zeros((1, 5), np.float32)

    def find(self, depth: np.ndarray, camera: Camera, step: float, confidence: np.ndarray | None) -> np.ndarray:
        """See ``reference.tangent_planes`` for the result, which the next call overwrites.

        Args:
            depth: ``(H, W)`` float32, 0 = no measurement.
            camera: With its size.
            step: Of quantised depth, scene units; 0 for float depth.
            confidence: ``(H, W)`` float32 in 0..1, times the weight; or None.
        """
        if len(self._planes) != depth.size + 1:
            self._planes = np.empty((depth.size + 1, 5), np.float32)
        lens = intrinsics(camera).single
        radius = self._radius(depth)
        if radius:
            sigma = self._noise.sigma(self._near)
            _fit(depth, lens, radius, _f(self._noise.constant), _f(self._noise.quadratic), _f(sigma), self._planes)
        else:
            kernels.tangent_planes(depth, lens, _baseline(step), _f(step), _f(self._truncation), _f(EDGE_WEIGHT), self._planes)
        if confidence is not None:
            self._planes[:-1, 4] *= np.clip(confidence.reshape(-1), 0, 1)
        return self._planes

    def find_torch(self, depth: np.ndarray, camera: Camera, step: float, confidence: np.ndarray | None, device: torch.device) -> Tensor:
        """The same in torch, on a device."""
        lens = intrinsics(camera)
        radius = self._radius(depth)
        tensor = torch.from_numpy(np.ascontiguousarray(depth, np.float32)).to(device)
        if radius:
            planes = fit(tensor, lens, radius, self._noise, self._near)
        else:
            planes = reference.tangent_planes(tensor, lens, _baseline(step), step, self._truncation, EDGE_WEIGHT)
        if confidence is not None:
            planes[:-1, 4] *= torch.from_numpy(np.ascontiguousarray(confidence, np.float32)).to(device).reshape(-1).clamp(0, 1)
        return planes

    def _radius(self, depth: np.ndarray) -> int:
        if self._noise == _EXACT:
            return 0
        some = depth[::4, ::4]
        some = some[some > 0]
        return self._noise.radius(float(np.median(some)), self._voxel) if len(some) else 0


def _baseline(step: float) -> int:
    return 3 if step > 0 else 1


def fit(depth: Tensor, intrinsics: Intrinsics, radius: int, noise: NoiseModel, near: float) -> Tensor:
    """Planes fitted to noisy depth, robustly: the inverse depth of a plane is linear in the pixel.

    Weighted least squares in a square window, in rounds; a neighbour's weight is (1 - (r / gate)²)², Tukey's biweight (Beaton and Tukey
    1974) of its distance from the plane of the round before. The first plane goes through the pixel with the slope that most neighbours
    in its row and in its column agree with: from pixel to pixel of a floor seen at a grazing angle depth changes by many times the gate.

    Args:
        depth: ``(H, W)`` float32, 0 = no measurement.
        intrinsics: Of the camera.
        radius: Of the window in pixels.
        noise: Of the depth.
        near: See ``PlaneFinder``.

    Returns:
        ``(H * W + 1, 5)`` float32 as from ``reference.tangent_planes``.
    """
    fl_x, fl_y, cx, cy = intrinsics
    height, width = depth.shape
    valid = depth > 0
    w = torch.where(valid, 1 / depth, 0.0)
    sigma = torch.sqrt((noise.constant * w * w) ** 2 + noise.quadratic**2) + 1e-7 * w
    padded = torch.nn.functional.pad(w, (radius,) * 4)
    gate = GATE * sigma
    first_u, first_v = _start(w, gate, radius, 1), _start(w, gate, radius, 0)
    value, gu, gv, support = w.clone(), torch.zeros_like(w), torch.zeros_like(w), torch.zeros_like(w)
    for _ in range(ROUNDS):
        sums = [torch.zeros_like(w) for _ in range(9)]
        for b in range(-radius, radius + 1):
            for a in range(-radius, radius + 1):
                other = padded[radius + b : radius + b + height, radius + a : radius + a + width]
                d = other - value - first_u * a - first_v * b
                r = (d - gu * a - gv * b) / gate
                q = torch.where(other > 0, (1 - r * r).clamp_min(0), 0.0) ** 2
                factors: list[Tensor | int] = [1, a, b, a * a, a * b, b * b, d, d * a, d * b]
                for total, factor in zip(sums, factors, strict=True):
                    total += q * factor
        s1 = sums[0].clamp_min(1e-12)
        mu, mv, mw = sums[1] / s1, sums[2] / s1, sums[6] / s1
        cuu, cuv, cvv = sums[3] / s1 - mu * mu + RIDGE, sums[4] / s1 - mu * mv, sums[5] / s1 - mv * mv + RIDGE
        cuw, cvw = sums[7] / s1 - mu * mw, sums[8] / s1 - mv * mw
        determinant = cuu * cvv - cuv * cuv
        gu, gv = (cvv * cuw - cuv * cvw) / determinant, (cuu * cvw - cuv * cuw) / determinant
        value, support = value + mw - gu * mu - gv * mv, sums[0]
    x = (torch.arange(width, device=depth.device, dtype=torch.float32) + 0.5 - cx) / fl_x
    y = ((torch.arange(height, device=depth.device, dtype=torch.float32) + 0.5 - cy) / fl_y)[:, None]
    A, B = (first_u + gu) * fl_x, (first_v + gv) * fl_y
    C = value - A * x - B * y
    D = (A * A + B * B + C * C).rsqrt()
    share = (support / (SUPPORT * (2 * radius + 1) ** 2)).clamp_max(1)
    variance = (noise.sigma(near) / (sigma * depth * depth)) ** 2
    weight = D * D * value * value / (x * x + y * y + 1) * share * variance.clamp_max(1)
    planes = torch.stack([A * D, B * D, C * D, D, weight], -1)
    planes = torch.where((valid & (value > 0))[..., None], planes, torch.zeros_like(planes)).reshape(-1, 5)
    return torch.cat([planes, planes.new_zeros(1, 5)])


def _start(w: Tensor, gate: Tensor, radius: int, axis: int) -> Tensor:
    """The slope along an axis that the neighbours agree with: none, or the difference to one side, the other, or both.

    Args:
        w: ``(H, W)`` inverse depth, 0 = no measurement.
        gate: ``(H, W)``, beyond which a neighbour does not agree.
        radius: Of the window that will be fitted.
        axis: 0 goes down, 1 to the right.

    Returns:
        ``(H, W)``, by which inverse depth grows from pixel to pixel.
    """
    reach = max(radius, REACH)
    padded = torch.nn.functional.pad(w, (reach, reach, 0, 0) if axis == 1 else (0, 0, reach, reach))
    line = {k: padded.narrow(axis, reach + k, w.shape[axis]) for k in range(-reach, reach + 1) if k}

    def agreeing(slope: Tensor | float, without: int) -> Tensor:
        total = torch.zeros_like(w)
        for k, other in line.items():
            if k != without:  # the slope was made of that one: it says nothing
                r = (other - w - slope * k) / gate
                total += torch.where(other > 0, (1 - r * r).clamp_min(0), 0.0) ** 2
        return total

    before, after = line[-reach], line[reach]
    best, most = torch.zeros_like(w), LEVEL * agreeing(0.0, 0)
    for slope, ends, without in (
        ((after - before) / (2 * reach), (before > 0) & (after > 0), 0), ((w - before) / reach, before > 0, -reach),
        ((after - w) / reach, after > 0, reach),
    ):  # fmt: skip
        support = agreeing(slope, without)
        better = ends & (support > most)
        best, most = torch.where(better, slope, best), torch.where(better, support, most)
    return best


@kernel(fast=True)
def _inverse(depth: np.ndarray, v: int, u: int) -> Real:
    """Inverse depth of a pixel, 0 where there is none."""
    if v < 0 or u < 0 or v >= depth.shape[0] or u >= depth.shape[1] or not depth[v, u] > 0:
        return _f(0)
    return _f(1) / depth[v, u]


@kernel(fast=True)
def _agreeing(depth: np.ndarray, v: int, u: int, down: int, right: int, reach: int, per_gate: Real, slope: Real, without: int) -> Real:
    """See ``_start``."""
    w, total = _f(1) / depth[v, u], _f(0)
    for k in range(-reach, reach + 1):
        if k != 0 and k != without:
            other = _inverse(depth, v + k * down, u + k * right)
            if other > 0:
                r = (other - w - slope * _f(k)) * per_gate
                q = max(_f(1) - r * r, _f(0))
                total += q * q
    return total


@kernel(fast=True)
def _first_slope(depth: np.ndarray, v: int, u: int, down: int, right: int, radius: int, per_gate: Real) -> Real:
    """See ``_start``."""
    reach = max(radius, REACH)
    best, most = _f(0), _f(LEVEL) * _agreeing(depth, v, u, down, right, reach, per_gate, _f(0), 0)
    if most >= 2 * reach:  # no other can be better
        return best
    w = _f(1) / depth[v, u]
    before, after = _inverse(depth, v - reach * down, u - reach * right), _inverse(depth, v + reach * down, u + reach * right)
    for n in range(3):
        without = 0
        if n == 0 and before > 0 and after > 0:
            slope = (after - before) / _f(2 * reach)
        elif n == 1 and before > 0:
            slope, without = (w - before) / _f(reach), -reach
        elif n == 2 and after > 0:
            slope, without = (after - w) / _f(reach), reach
        else:
            continue
        support = _agreeing(depth, v, u, down, right, reach, per_gate, slope, without)
        if support > most:
            best, most = slope, support
    return best


@kernel(parallel=True, fast=True)
def _fit(
    depth: np.ndarray, lens: Intrinsics, radius: int, constant: Real, quadratic: Real, sigma_near: Real, planes: np.ndarray,
) -> None:  # fmt: skip
    """See ``fit``.

    Long: one loop over pixels, whose sums stay in registers.
    """
    fl_x, fl_y, cx, cy = lens
    height, width = depth.shape
    full = _f(SUPPORT) * _f((2 * radius + 1) ** 2)
    for v in numba.prange(height):
        y = (_f(v) + _f(0.5) - cy) / fl_y
        for u in range(width):
            o = v * width + u
            z = depth[v, u]
            for k in range(5):
                planes[o, k] = 0
            if not z > 0:
                continue
            w = _f(1) / z
            sigma = np.sqrt((constant * w * w) ** 2 + quadratic * quadratic) + _f(1e-7) * w
            per_gate = _f(1) / (_f(GATE) * sigma)
            first_u = _first_slope(depth, v, u, 0, 1, radius, per_gate)
            first_v = _first_slope(depth, v, u, 1, 0, radius, per_gate)
            value, gu, gv, support = w, _f(0), _f(0), _f(0)
            for _ in range(ROUNDS):
                s1 = _f(0)
                su, sv, suu, suv, svv = _f(0), _f(0), _f(0), _f(0), _f(0)
                sw, suw, svw = _f(0), _f(0), _f(0)
                for b in range(max(v - radius, 0), min(v + radius + 1, height)):
                    fb = _f(b - v)
                    for a in range(max(u - radius, 0), min(u + radius + 1, width)):
                        other = depth[b, a]
                        if other > 0:
                            fa = _f(a - u)
                            d = _f(1) / other - value - first_u * fa - first_v * fb
                            r = (d - gu * fa - gv * fb) * per_gate
                            q = max(_f(1) - r * r, _f(0))
                            q = q * q
                            s1 += q
                            su += q * fa
                            sv += q * fb
                            suu += q * fa * fa
                            suv += q * fa * fb
                            svv += q * fb * fb
                            sw += q * d
                            suw += q * d * fa
                            svw += q * d * fb
                support = s1
                s1 = max(s1, _f(1e-12))
                mu, mv, mw = su / s1, sv / s1, sw / s1
                cuu, cuv, cvv = suu / s1 - mu * mu + _f(RIDGE), suv / s1 - mu * mv, svv / s1 - mv * mv + _f(RIDGE)
                cuw, cvw = suw / s1 - mu * mw, svw / s1 - mv * mw
                determinant = cuu * cvv - cuv * cuv
                gu, gv = (cvv * cuw - cuv * cvw) / determinant, (cuu * cvw - cuv * cuw) / determinant
                value += mw - gu * mu - gv * mv
            if not value > 0:
                continue
            x = (_f(u) + _f(0.5) - cx) / fl_x
            A, B = (first_u + gu) * fl_x, (first_v + gv) * fl_y
            C = value - A * x - B * y
            D = _f(1) / np.sqrt(A * A + B * B + C * C)
            relative = sigma_near / (sigma * z * z)
            planes[o, 0], planes[o, 1], planes[o, 2], planes[o, 3] = A * D, B * D, C * D, D
            trust = D * D * value * value / (x * x + y * y + _f(1))
            planes[o, 4] = trust * min(support / full, _f(1)) * min(relative * relative, _f(1))
    for k in range(5):
        planes[height * width, k] = 0

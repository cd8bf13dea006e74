"""Tangent planes of exact depth in torch, on any device.

Points are in camera space with x right, y down, z forward.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..camera import Intrinsics


def _shifted(w: Tensor, step: int, dim: int) -> Tensor:
    """The neighbour ``step`` pixels ahead; -1 outside the image."""
    result = torch.full_like(w, -1.0)
    size = w.shape[dim]
    if abs(step) < size:
        count = size - abs(step)
        result.narrow(dim, max(-step, 0), count).copy_(w.narrow(dim, max(step, 0), count))
    return result


def _gradient(w: Tensor, dim: int, baseline: int, tolerance: Tensor) -> tuple[Tensor, Tensor]:
    """Slope per baseline, and how far the two neighbours stray from it (infinite next to a hole)."""
    a1, b1 = _shifted(w, -baseline, dim), _shifted(w, baseline, dim)
    a2, b2 = _shifted(w, -2 * baseline, dim), _shifted(w, 2 * baseline, dim)
    a1, b1 = (
        torch.where(a1 < 0, torch.where(b1 > 0, 2 * w - b1, w), a1),
        torch.where(b1 < 0, torch.where(a1 > 0, 2 * w - a1, w), b1),
    )
    ga, gb = w - a1, b1 - w
    bend = (gb - ga).abs()
    bend_a = torch.where(a2 > 0, (ga - (a1 - a2)).abs(), bend)
    bend_b = torch.where(b2 > 0, ((b2 - b1) - gb).abs(), bend)
    one_sided = bend > 2 * torch.minimum(bend_a, bend_b) + tolerance
    slope = torch.where(one_sided, torch.where(bend_a < bend_b, ga, gb), 0.5 * (ga + gb))
    stray = torch.maximum((ga - slope).abs(), (gb - slope).abs())
    hole_a, hole_b = a1 <= 0, b1 <= 0
    slope = torch.where(hole_a, torch.where(hole_b, torch.zeros_like(w), gb), torch.where(hole_b, ga, slope))
    return slope, torch.where(hole_a | hole_b, torch.full_like(w, torch.inf), stray)


def tangent_planes(depth: Tensor, intrinsics: Intrinsics, baseline: int, noise: float, edge: float, edge_weight: float) -> Tensor:
    """The plane through each pixel's point, and how much to trust it.

    The inverse depth of a plane is linear in the pixel: 1/z = A x + B y + C with x = (u - cx) / fl_x. So differences of inverse
    depth give the plane without error. Of the two one-sided differences and their mean the one with the least bend is taken (as in
    essentially non-oscillatory schemes, Harten et al. 1987), which keeps creases and silhouettes sharp.

    Args:
        depth: ``(H, W)`` float32, planar z in scene units; 0 = no measurement.
        intrinsics: Of the camera.
        baseline: Pixels between the differenced values: 1 for exact depth, more for quantised depth.
        noise: Size of the depth's quantisation steps in scene units.
        edge: A neighbour that strays from the plane by more scene units than this makes the pixel an edge.
        edge_weight: Factor for the weight of edge pixels.

    Returns:
        ``(H * W + 1, 5)`` float32: unit normal n (pointing away from the camera), distance D and weight, so that D - n.X is the signed
        distance of X, positive in front. Pixels without measurement and the last row, which stands for "outside", are 0.
    """
    fl_x, fl_y, cx, cy = intrinsics
    height, width = depth.shape
    valid = depth > 0
    w = torch.where(valid, 1 / depth, torch.zeros_like(depth))
    tolerance = 1e-6 * w + 2 * noise * w * w
    slope_u, stray_u = _gradient(w, 1, baseline, tolerance)
    slope_v, stray_v = _gradient(w, 0, baseline, tolerance)
    x = (torch.arange(width, device=depth.device, dtype=torch.float32) + 0.5 - cx) / fl_x
    y = ((torch.arange(height, device=depth.device, dtype=torch.float32) + 0.5 - cy) / fl_y)[:, None]
    A, B = slope_u / baseline * fl_x, slope_v / baseline * fl_y
    C = w - A * x - B * y
    D = (A * A + B * B + C * C).rsqrt()
    weight = D * D * w * w / (x * x + y * y + 1)
    weight = torch.where(torch.maximum(stray_u, stray_v) * depth * depth > edge, weight * edge_weight, weight)
    planes = torch.stack([A * D, B * D, C * D, D, weight], -1)
    planes = torch.where(valid[..., None], planes, torch.zeros_like(planes)).reshape(-1, 5)
    return torch.cat([planes, planes.new_zeros(1, 5)])

"""The fusion in torch, on any device: the reference for ``kernels.py`` and what runs on a GPU.

What differs from plain truncated fusion (Curless and Levoy, "A Volumetric Method for Building Complex Models from Range Images",
SIGGRAPH 1996), because rendered depth is exact:

- Distances are those to the *tangent plane* of the pixel, not along the ray. They need no cosine correction, and looking up the nearest
  pixel makes no error on a flat surface.
- An observation counts the more the closer it is to the surface and the less oblique it is; free space counts little. A view that grazes
  an edge does not erode it then.
- Behind the surface a view knows nothing: its weight falls to zero within ``behind``, so the two sides of a thin board do not meet.
- Pixels next to a depth discontinuity count little.

Points are in camera space with x right, y down, z forward here; ``view`` is the world-to-camera matrix for that.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .blocks import DISTANCE_ONE, EDGE, LIMIT, VOXELS, WEIGHT_MAX, WEIGHT_ONE

Intrinsics = tuple[float, float, float, float]
"""fl_x, fl_y, cx, cy in pixels."""


def _shifted(w: Tensor, step: int, dim: int) -> Tensor:
    """The neighbour ``step`` pixels ahead; -1 outside the image."""
    result = torch.full_like(w, -1.0)
    size = w.shape[dim]
    if abs(step) < size:
        count = size - abs(step)
        result.narrow(dim, max(-step, 0), count).copy_(w.narrow(dim, max(step, 0), count))
    return result


def _gradient(w: Tensor, dim: int, baseline: int, tolerance: Tensor) -> tuple[Tensor, Tensor]:
    """Slope per baseline, and how far the two neighbours stray from it (infinite beside a hole)."""
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


def block_keys(depth: Tensor, intrinsics: Intrinsics, pose: Tensor, block: float, margin: float, stride: int) -> Tensor:
    """Keys of all blocks within ``margin`` of the surface, sorted, each once.

    Args:
        depth: ``(H, W)`` float32, 0 = no measurement.
        intrinsics: Of the camera.
        pose: ``(3, 4)`` float64 camera-to-world (x right, y down, z forward).
        block: Edge of a block in scene units.
        margin: In scene units, less than a block.
        stride: Pixels between samples.

    Returns:
        ``(N,)`` int64, see ``blocks.pack``.
    """
    fl_x, fl_y, cx, cy = intrinsics
    height, width = depth.shape
    device = depth.device
    v = (torch.arange(-(-height // stride), device=device) * stride + stride // 2).clamp_max(height - 1)
    u = torch.arange(min(stride // 2, width - 1), width, stride, device=device)
    z = depth[v][:, u].double()
    x, y = (u.double() + 0.5 - cx) / fl_x, (v.double() + 0.5 - cy) / fl_y
    rays = torch.stack([x.expand_as(z), y[:, None].expand_as(z), torch.ones_like(z)], -1)
    points = ((rays * z[..., None]) @ pose[:, :3].T + pose[:, 3])[z > 0]
    low = torch.floor((points - margin) * (1 / block)).long()
    high = torch.floor((points + margin) * (1 / block)).long()
    keys = []
    for corner in range(8):
        a, b, c = (torch.where(torch.tensor(bool(corner >> k & 1), device=device), high[:, k], low[:, k]) + LIMIT for k in range(3))
        keys.append(torch.unique((a << 42) | (b << 21) | c))
    return torch.unique(torch.cat(keys))


def integrate(
    planes: Tensor,
    size: tuple[int, int],
    coordinates: Tensor,
    view: Tensor,
    intrinsics: Intrinsics,
    voxel: float,
    truncation: float,
    behind: float,
    free_weight: float,
    falloff: float,
    distance: Tensor,
    weight: Tensor,
) -> tuple[Tensor, Tensor]:
    """Adds one view to some blocks.

    Args:
        planes: From ``tangent_planes``.
        size: Width and height of the depth map.
        coordinates: ``(N, 3)`` block coordinates.
        view: ``(3, 4)`` float64 world-to-camera (x right, y down, z forward).
        intrinsics: Of the camera.
        voxel: Edge of a voxel, scene units.
        truncation: Distances are clipped to this, scene units.
        behind: The same for the far side of the surface, where the weight falls linearly to 0.
        free_weight: Weight of a voxel in front of the truncation band.
        falloff: Weight at r voxels from the surface: 1 / (1 + falloff r²).
        distance: ``(N, 512)`` int16, as stored.
        weight: ``(N, 512)`` int16, as stored.

    Returns:
        New distance and weight.
    """
    fl_x, fl_y, cx, cy = intrinsics
    width, height = size
    i = torch.arange(VOXELS, device=planes.device)
    local = torch.stack([i & 7, i >> 3 & 7, i >> 6], -1).float() @ (view[:, :3] * voxel).float().T
    origin = ((coordinates.double() * (EDGE * voxel)) @ view[:, :3].T + view[:, 3]).float()
    X, Y, Z = (origin[:, None, k] + local[None, :, k] for k in range(3))
    u, v = X / Z * fl_x + cx, Y / Z * fl_y + cy
    seen = (Z > 1e-6) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    pixel = torch.where(seen, torch.where(seen, v, 0).long() * width + torch.where(seen, u, 0).long(), width * height)
    nx, ny, nz, D, trust = planes[pixel].unbind(-1)
    d = D - nx * X - ny * Y - nz * Z
    r = d / voxel
    near = 1 / (1 + falloff * r * r) * (1 + d.clamp_max(0) / behind).clamp_min(0)
    near = torch.where(d > truncation, free_weight, near)
    w = torch.floor(trust * near * WEIGHT_ONE + 0.5).clamp_min(1)
    w = torch.where((trust > 0) & (d > -behind), w, 0)
    old = weight.float()
    total = old + w
    mean = (distance.float() * old + d.clamp_max(truncation) * (DISTANCE_ONE / truncation) * w) / total.clamp_min(1)
    mean = torch.trunc(mean + torch.where(mean >= 0, 0.5, -0.5))
    return mean.to(torch.int16), total.clamp_max(WEIGHT_MAX).to(torch.int16)

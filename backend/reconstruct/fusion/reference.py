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

from ...core.camera import Intrinsics
from .blocks import DISTANCE_ONE, EDGE, LIMIT, VOXELS, WEIGHT_MAX, WEIGHT_ONE


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

    Parameters: the frame, the volume and how observations count, as the kernel takes them.

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

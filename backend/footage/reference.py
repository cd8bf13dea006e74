"""The matching's cost in torch, on any device: the reference for ``kernels.py``.

A hypothesis at a pixel p is a plane: its inverse depth is w at p and w + a du + b dv at p + (du, dv). A pixel x of the reference lies at
M (x, 1) + w(x) t in a source (homogeneous), so the plane's whole patch is carried over by one homography. The cost is 1 - ZNCC between
the reference's patch and the source's, bilinearly sampled, each sample weighed by how much it looks like the middle and how close it is;
gains and offsets of exposure fall out.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .kernels import FLOOR, INVALID


def plane_costs(
    gray: Tensor, mask: Tensor, images: Tensor, masks: Tensor, M: Tensor, t: Tensor, planes: Tensor, radius: int, step: int, color: float,
    space: float,
) -> Tensor:  # fmt: skip
    """Costs of a field of planes in each source.

    Args:
        gray: ``(H, W)`` float32, the reference.
        mask: ``(H, W)`` bool, what of it may be matched.
        images: ``(S, H, W)`` float32.
        masks: ``(S, H, W)`` bool.
        M: ``(S, 3, 3)`` float32, see ``geometry.Pairs``.
        t: ``(S, 3)`` float32.
        planes: ``(H, W, 3)`` float32: inverse depth, slope by column, slope by row.
        radius: Of the patch, in pixels.
        step: Between samples, in pixels.
        color: 1 / sigma² of gray values.
        space: 1 / sigma² of distance in pixels.

    Returns:
        ``(S, H, W)`` float32: 0 (the same) to 2 (the opposite); ``INVALID`` where a source does not show the pixel.
    """
    height, width = gray.shape
    device = gray.device
    v, u = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    offsets = torch.arange(-radius, radius + 1, step, device=device)
    dv, du = (g.reshape(-1, 1, 1) for g in torch.meshgrid(offsets, offsets, indexing="ij"))
    x, y = u + du, v + dv
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    patch = gray[y, x] - gray
    weight = 1 / ((1 + patch * patch * color) * (1 + (du * du + dv * dv) * space))
    weight = weight * (inside & mask[y, x])
    weight = weight / weight.sum(0).clamp_min(1e-12)
    mean = (weight * patch).sum(0)
    variance = (weight * (patch - mean) ** 2).sum(0)
    normal = weight * (patch - mean) / (variance + FLOOR**2).sqrt()
    w = planes[..., 0] + planes[..., 1] * du + planes[..., 2] * dv
    costs = []
    for image, seen, H, shift in zip(images, masks, M, t, strict=True):
        place = _carried(H, shift, u + 0.5, v + 0.5, planes[..., 0])
        there = _carried(H, shift, u + du + 0.5, v + dv + 0.5, w)
        z = there[2].clamp_min(1e-6)
        sx = (there[0] / z - 0.5).clamp(0, width - 1.001)
        sy = (there[1] / z - 0.5).clamp(0, height - 1.001)
        sample = _bilinear(image, sx, sy)
        sample = sample - image[v, u].mean()
        one, two = (weight * sample).sum(0), (weight * sample * sample).sum(0)
        cost = 1 - (normal * sample).sum(0) / ((two - one * one).clamp_min(0) + FLOOR**2).sqrt()
        cx, cy = place[0] / place[2], place[1] / place[2]
        shown = (place[2] > 1e-6) & (cx >= 0) & (cy >= 0) & (cx < width) & (cy < height) & mask
        shown &= seen[cy.nan_to_num().clamp(0, height - 1).long(), cx.nan_to_num().clamp(0, width - 1).long()]
        costs.append(torch.where(shown, cost, torch.full_like(cost, INVALID)))
    return torch.stack(costs)


def _carried(H: Tensor, shift: Tensor, x: Tensor, y: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    a, b, c = (H[k, 0] * x + H[k, 1] * y + H[k, 2] + shift[k] * w for k in range(3))
    return a, b, c


def _bilinear(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    ix, iy = x.long(), y.long()
    fx, fy = x - ix, y - iy
    top = image[iy, ix] * (1 - fx) + image[iy, ix + 1] * fx
    low = image[iy + 1, ix] * (1 - fx) + image[iy + 1, ix + 1] * fx
    return top * (1 - fy) + low * fy

"""What stays with things: a blur inside each object, and colours continued to where alpha has none."""

from __future__ import annotations

import torch


def soften(picture: torch.Tensor, ids: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian blur that stays inside each object: rows, then columns, over pixels of the same id.

    Args:
        picture: ``(C, H, W)``.
        ids: ``(H, W)``.
        sigma: Pixels.

    Returns:
        ``(C, H, W)``.
    """
    reach = max(1, round(2.5 * sigma))
    for axis in (1, 2):
        total, weight = picture.clone(), torch.ones_like(picture[:1])
        length = picture.shape[axis]
        for step in range(1, min(reach, length - 1) + 1):
            factor = float(torch.exp(torch.tensor(-(step**2) / (2 * sigma**2))))
            near, far = (slice(None),) * axis + (slice(None, -step),), (slice(None),) * axis + (slice(step, None),)
            same = factor * (ids[near[1:]] == ids[far[1:]]).float()[None]
            total[near] += same * picture[far]
            weight[near] += same
            total[far] += same * picture[near]
            weight[far] += same
        picture = total / weight
    return picture


def fill_outside(color: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """Colours ``(C, H, W)`` continued to where alpha ``(1, H, W)`` is 0, from the nearest level of a pyramid that knows any."""
    solid = (alpha > 0).float()
    if bool((solid > 0).all()) or not bool((solid > 0).any()):
        return color
    levels = [(color * solid, solid)]
    while max(levels[-1][1].shape[1:]) > 1 and not bool((levels[-1][1] > 0).all()):
        paint, weight = (torch.nn.functional.avg_pool2d(t[None], 2, 2, ceil_mode=True, count_include_pad=False)[0] for t in levels[-1])
        levels.append((paint, weight))
    paint, weight = levels.pop()
    filled = paint / weight.clamp_min(1e-6)
    while levels:
        paint, weight = levels.pop()
        size = [int(n) for n in weight.shape[1:]]
        larger = torch.nn.functional.interpolate(filled[None], size=size, mode="bilinear", align_corners=False)[0]
        filled = torch.where(weight > 0, paint / weight.clamp_min(1e-6), larger)
    return filled

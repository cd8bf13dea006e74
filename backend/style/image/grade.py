"""What stays with things: a blur inside each object."""

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

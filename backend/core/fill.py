"""Colours continued to where there are none."""

from __future__ import annotations

import numpy as np
import torch


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


def fill_holes(color: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The same for arrays.

    Args:
        color: ``(H, W, C)`` float32.
        known: ``(H, W)`` bool.

    Returns:
        ``(H, W, C)`` float32; unchanged where the colour is known, or nowhere is.
    """
    if known.all() or not known.any():
        return color
    planes = torch.from_numpy(np.where(known[..., None], color, 0).transpose(2, 0, 1).copy())
    filled = fill_outside(planes, torch.from_numpy(known[None].astype(np.float32)))
    return np.ascontiguousarray(filled.numpy().transpose(1, 2, 0))

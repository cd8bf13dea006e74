"""The joint layout as the generator sees it: where the bricks are, and a random number for each brick."""

from __future__ import annotations

import torch
import torch.nn.functional as F

PATTERN_CHANNELS = 4
"""Flag (there is a layout), mask (1 body, 0 joint), and two random numbers for each cell, N(0, 1) on the body."""


def encode(mask: torch.Tensor, cells: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """Makes the generator's pattern input.

    Args:
        mask: ``(B, H, W)`` float32 in 0..1, 1 on bodies and 0 in joints.
        cells: ``(B, H, W)`` int64, which body a pixel belongs to, each number at least 0.
        generator: On the CPU; draws the cells' numbers.

    Returns:
        ``(B, PATTERN_CHANNELS, H, W)`` float32.
    """
    batch = mask.shape[0]
    table = torch.randn(batch, int(cells.max()) + 1, 2, generator=generator).to(mask.device)
    drawn = torch.gather(table, 1, cells.flatten(1)[..., None].expand(-1, -1, 2)).transpose(1, 2).reshape(batch, 2, *mask.shape[1:])
    return torch.cat([torch.ones_like(mask)[:, None], mask[:, None], drawn * mask[:, None]], 1)


def label_cells(mask: torch.Tensor, tile: bool = True) -> torch.Tensor:
    """Finds the bodies of a painted mask: connected parts where it is above one half.

    Args:
        mask: ``(H, W)`` float32 in 0..1.
        tile: Whether the left side touches the right one and the top the bottom.

    Returns:
        ``(H, W)`` int64, 0 in joints, from 1 on bodies.
    """
    body = mask > 0.5
    height, width = mask.shape
    label = torch.where(body, torch.arange(1, height * width + 1, device=mask.device).view(height, width), 0).float()
    # The largest number in a part spreads through it; pointer jumping (taking the label of one's label) makes long parts quick.
    while True:
        padded = F.pad(label[None, None], (1, 1, 1, 1), mode="circular") if tile else F.pad(label[None, None], (1, 1, 1, 1))
        spread = torch.where(body, F.max_pool2d(padded, 3, 1)[0, 0], 0.0)
        index = (spread.long() - 1).clamp_min(0)
        spread = torch.where(body, torch.maximum(spread, spread.flatten()[index.flatten()].view(height, width)), 0.0)
        if torch.equal(spread, label):
            break
        label = spread
    _, dense = torch.unique(label, return_inverse=True)
    return dense if bool((label == 0).any()) else dense + 1

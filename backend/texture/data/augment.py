"""More from the same materials: rolls, crops, mirrors, turns and other colours, each with attributes that still fit.

Everything acts on stacks with a height, from which normals are derived afterwards, so a mirror or a turn cannot leave a normal map
pointing the old way.
"""

from __future__ import annotations

import torch

from ..attributes import COLORS, FAMILY_NAMES, NUMBERS
from .measure import measure

UPRIGHT = ("shingles",)
"""Families that must not stand on their heads: one row overlaps the next below."""
DIRECTED = (*UPRIGHT, "brick", "planks", "wood", "bark", "brushed_metal")
"""Families that lie along an axis: never turned by a quarter."""
HUE_DEGREES, LIGHTNESS, SATURATION = 12.0, 0.12, 0.2
"""Largest change of hue; of lightness and of saturation as a factor of 1 plus or minus this."""

_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_FROM_YIQ = torch.linalg.inv(_TO_YIQ)
_COLOR_MEASURES = (*COLORS, "variation")


def draw_crops(stacks: torch.Tensor, tiles: torch.Tensor, attributes: torch.Tensor, side: int, generator: torch.Generator) -> torch.Tensor:
    """One random view of each picture: rolled or placed, cut out, mirrored and turned as far as its family allows.

    Args:
        stacks: ``(B, C, S, S)`` of any type and any channels; patterns may be appended to the maps.
        tiles: ``(B,)`` bool: those may be cut across their borders.
        attributes: ``(B, V)`` vectors, for the families. Where a family is not known, only left and right are exchanged.
        side: Of the crops in pixels, at most S.
        generator: On the CPU.

    Returns:
        ``(B, C, side, side)``.
    """
    size = stacks.shape[-1]
    offsets = torch.rand(len(stacks), 2, generator=generator)
    coins = torch.rand(len(stacks), 3, generator=generator) < 0.5
    families = attributes[:, : len(FAMILY_NAMES)]
    named = families.amax(1) > 0
    upright, directed = (families[:, [FAMILY_NAMES.index(n) for n in names]].sum(1) > 0 for names in (UPRIGHT, DIRECTED))
    out = []
    for i, stack in enumerate(stacks):
        if tiles[i]:
            rows, columns = ((torch.arange(side) + int(o * size)) % size for o in offsets[i])
            crop = stack[:, rows][:, :, columns]
        else:
            top, left = (int(o * (size - side + 1)) for o in offsets[i])
            crop = stack[:, top : top + side, left : left + side]
        if coins[i, 0]:
            crop = crop.flip(2)
        if coins[i, 1] and named[i] and not upright[i]:
            crop = crop.flip(1)
        if coins[i, 2] and named[i] and not directed[i]:
            crop = crop.transpose(1, 2)
        out.append(crop)
    return torch.stack(out)


def recolor(stacks: torch.Tensor, generator: torch.Generator, strength: float = 1.0) -> torch.Tensor:
    """Turns the hue and scales lightness and saturation of each base colour a little; the other maps stay.

    Args:
        stacks: ``(B, 6, H, W)`` float in 0..1.
        generator: On the CPU.
        strength: Share of ``HUE_DEGREES``, ``LIGHTNESS`` and ``SATURATION``.
    """
    random = (torch.rand(len(stacks), 3, generator=generator) * 2 - 1) * strength
    angle = torch.deg2rad(random[:, 0] * HUE_DEGREES)
    light, rich = 1 + random[:, 1] * LIGHTNESS, 1 + random[:, 2] * SATURATION
    turn = torch.zeros(len(stacks), 3, 3)
    turn[:, 0, 0] = light
    turn[:, 1, 1] = turn[:, 2, 2] = light * rich * torch.cos(angle)
    turn[:, 2, 1] = light * rich * torch.sin(angle)
    turn[:, 1, 2] = -turn[:, 2, 1]
    matrix = (_FROM_YIQ @ turn @ _TO_YIQ).to(stacks)
    color = torch.einsum("bij,bjhw->bihw", matrix, stacks[:, :3]).clamp(0, 1)
    return torch.cat([color, stacks[:, 3:]], 1)


def relabel(stacks: torch.Tensor, attributes: torch.Tensor, names: tuple[str, ...] = _COLOR_MEASURES) -> torch.Tensor:
    """The attribute vectors with what can be measured put right, ``(B, V)``; by default what ``recolor`` changes."""
    measured = measure(stacks)
    out = attributes.clone()
    start = len(FAMILY_NAMES)
    for name in (*COLORS, *NUMBERS):
        width = 3 if name in COLORS else 1
        if name in names:
            out[:, start : start + width] = measured[name].reshape(len(out), width)
        start += width
    return out

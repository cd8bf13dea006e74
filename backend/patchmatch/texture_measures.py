"""What can be said about a texture and its exemplar in numbers and notes."""

from __future__ import annotations

import math

import torch

from . import pyramid
from .atlas import Sheet
from .descriptor import PATCH
from .transforms import Transform

_BLOCKS = 4
_UNEVEN_LIGHT = 0.2
_UNEVEN_GRAIN = 0.4


def verbatim_share(field: torch.Tensor) -> float:
    """Share of patches a patch's width apart that come from positions as far apart in the exemplar, 0..1: 1 is one copied piece."""
    shares = []
    for axis in (1, 2):
        if field.shape[axis] <= PATCH:
            continue
        moved = field.narrow(axis, PATCH, field.shape[axis] - PATCH) - field.narrow(axis, 0, field.shape[axis] - PATCH)
        moved[axis - 1] -= PATCH
        shares.append(float((moved.abs().amax(0) <= 1).float().mean()))
    return sum(shares) / len(shares) if shares else 1.0


def usage(field: torch.Tensor, sheet: Sheet, turns: list[Transform]) -> tuple[float, float]:
    """How much of the exemplar is used at all, 0..1, and how many times over the most used position is.

    Args:
        field: ``(2, gh, gw)`` int32 on the sheet.
        sheet: The finest layout.
        turns: Which copy each source of the sheet is.
    """
    height, width = sheet.sizes[0]
    rows, columns = (math.ceil((side - PATCH + 1) / PATCH) for side in (height, width))
    counts = torch.zeros(rows * columns, device=field.device)
    member = sheet.member_of(field[0])
    for number, (turn, size) in enumerate(zip(turns, sheet.sizes, strict=True)):
        own = member == number
        y = field[0][own].float() - sheet.tops[number] + PATCH / 2 - size[0] / 2
        x = field[1][own].float() + PATCH / 2 - size[1] / 2
        (yy, yx), (xy, xx) = turn.matrix()  # orthogonal: its transpose is the way back
        back_y, back_x = (yy * y + xy * x) / turn.scale, (yx * y + xx * x) / turn.scale
        row = ((back_y + height / 2 - PATCH / 2) / PATCH).long().clamp(0, rows - 1)
        column = ((back_x + width / 2 - PATCH / 2) / PATCH).long().clamp(0, columns - 1)
        counts += torch.bincount(row * columns + column, minlength=rows * columns)
    return float((counts > 0).float().mean()), float(counts.max()) / PATCH**2


def unevenness(exemplar: torch.Tensor) -> tuple[float, float]:
    """How differently bright, and how differently rough, a 4 x 4 grid of parts of the exemplar are.

    Args:
        exemplar: ``(C, H, W)``.

    Returns:
        Share of the variance that is between the parts' means, and the deviation of the logarithm of their detail.
    """
    gray = exemplar.mean(0, keepdim=True).cpu()
    height, width = gray.shape[1] // _BLOCKS * _BLOCKS, gray.shape[2] // _BLOCKS * _BLOCKS
    blocks = gray[0, :height, :width].unflatten(0, (_BLOCKS, -1)).unflatten(2, (_BLOCKS, -1))
    between = float(blocks.mean((1, 3)).var() / gray.var().clamp_min(1e-12))
    smooth = pyramid.resize(pyramid.resize(gray, pyramid.size_at((height, width), 0.25)), (int(gray.shape[1]), int(gray.shape[2])))
    detail = (gray - smooth)[0, :height, :width].square().unflatten(0, (_BLOCKS, -1)).unflatten(2, (_BLOCKS, -1)).mean((1, 3)).sqrt()
    grain = float((detail + 0.05 * gray.std()).clamp_min(1e-9).log().std())
    return between, grain


def exemplar_notes(exemplar: torch.Tensor) -> list[str]:
    """What an artist should know about an exemplar that is not the same everywhere."""
    light, grain = unevenness(exemplar)
    notes = []
    if light > _UNEVEN_LIGHT:
        notes.append("The exemplar is much brighter in some parts than in others; even lighting would give a more even texture")
    if grain > _UNEVEN_GRAIN:
        notes.append("The exemplar shows different things in different parts; crop it to one material, or paint label maps")
    return notes

"""Sizes and pictures of the levels, and the way of a match field from one level to the next finer."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .descriptor import PATCH

COARSEST_SOURCE = 24
"""Least side of the source at the coarsest level, in pixels: below, a 7 px patch holds most of the picture."""

COARSEST_OUTPUT = 12
MAX_LEVELS = 8


def level_count(source: tuple[int, int], output: tuple[int, int]) -> int:
    """Number of levels, a factor of two apart, for which source and output stay large enough."""
    levels = 1
    while levels < MAX_LEVELS and min(source) / 2**levels >= COARSEST_SOURCE and min(output) / 2**levels >= COARSEST_OUTPUT:
        levels += 1
    return levels


def size_at(size: tuple[int, int], factor: float, least: int = PATCH) -> tuple[int, int]:
    """A size at a level, rounded."""
    return max(least, round(size[0] * factor)), max(least, round(size[1] * factor))


def resize(picture: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resizes ``(C, H, W)`` with an antialiasing triangle filter."""
    if tuple(picture.shape[1:]) == size:
        return picture
    return F.interpolate(picture[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0]


def grid_of(size: tuple[int, int], tile: tuple[bool, bool] = (False, False)) -> tuple[int, int]:
    """Rows and columns of patches in a picture."""
    return size[0] if tile[0] else size[0] - PATCH + 1, size[1] if tile[1] else size[1] - PATCH + 1


def refine(
    field: torch.Tensor,
    output: tuple[tuple[int, int], tuple[int, int]],
    source: tuple[tuple[int, int], tuple[int, int]],
    tile: tuple[bool, bool],
) -> torch.Tensor:
    """The match field at the next finer level; patch centres keep their positions in both pictures.

    Args:
        field: ``(2, gh, gw)`` int32.
        output: Sizes of the output at the coarse and at the fine level.
        source: The same of the source.
        tile: Whether y, x wrap.
    """
    half = (PATCH - 1) / 2
    found, residuals = parents(output, (field.shape[1], field.shape[2]), tile, field.device)
    near = field[:, found[0]][:, :, found[1]].double()
    planes = []
    for axis in (0, 1):
        ratio = source[1][axis] / source[0][axis]
        residual = residuals[axis][:, None] if axis == 0 else residuals[axis][None]
        corner = (near[axis] + half + 0.5) * ratio + residual - half - 0.5
        planes.append(corner.round().clamp(0, source[1][axis] - PATCH).int())
    return torch.stack(planes)


def parents(
    output: tuple[tuple[int, int], tuple[int, int]], grid: tuple[int, int], tile: tuple[bool, bool], device: torch.device
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """For the rows and the columns of the fine grid of patches: the coarse row or column, and how far beyond it in fine pixels.

    Args:
        output: Sizes of the output at the coarse and at the fine level.
        grid: Rows and columns of the coarse field.
        tile: Whether y, x wrap.
        device: Where to.
    """
    half = (PATCH - 1) / 2
    found, residuals = [], []
    for axis in (0, 1):
        coarse, fine = output[0][axis], output[1][axis]
        centre = torch.arange(grid_of(output[1], tile)[axis], device=device, dtype=torch.float64) + half + 0.5
        parent = torch.floor(centre * coarse / fine - half)
        if not tile[axis]:
            parent = parent.clamp(0, grid[axis] - 1)
        residuals.append(centre - (parent + half + 0.5) * fine / coarse)
        found.append(parent.long() % grid[axis])
    return found, residuals

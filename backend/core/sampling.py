"""Warping by exact displacements: pictures are looked up where their pixels came from.

Places are row and column of pixels' centres, counted from 0, so that position (r, c) is the centre of pixel (r, c).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

LOBES = 3
"""Of the Lanczos window, on either side: it sees six pixels across and down."""


def grid(size: tuple[int, int], device: torch.device) -> torch.Tensor:
    """Every pixel's own place, ``(2, H, W)`` float32."""
    rows = torch.arange(size[0], dtype=torch.float32, device=device)
    columns = torch.arange(size[1], dtype=torch.float32, device=device)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))


def inside(positions: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Which positions ``(2, ...)`` lie in a picture of that size, ``(...)`` bool."""
    rows, columns = positions
    return (rows > -0.5) & (rows < size[0] - 0.5) & (columns > -0.5) & (columns < size[1] - 0.5)


def sample(picture: torch.Tensor, positions: torch.Tensor, mode: str = "bicubic") -> torch.Tensor:
    """Looks a picture up.

    Args:
        picture: ``(C, H, W)`` float32.
        positions: ``(2, h, w)`` or ``(2, n)`` float32; beyond the border its nearest pixel counts.
        mode: ``nearest``, ``bilinear``, ``bicubic`` (Keys, 1981, with a = -0.75 as in OpenCV), or ``lanczos`` of three lobes, for what is
            as thin as a pixel: between pixels it stays nearly as sharp as on them, where ``bicubic`` blurs it.

    Returns:
        ``(C, h, w)`` or ``(C, n)`` float32; cubic and Lanczos overshoot next to edges.
    """
    if mode == "lanczos":
        return _lanczos(picture, positions)
    height, width = picture.shape[1:]
    flat = positions[:, None] if positions.ndim == 2 else positions
    # align_corners=False: -1 and 1 are the outer edges of the border pixels.
    y = (2 * flat[0] + 1) / height - 1
    x = (2 * flat[1] + 1) / width - 1
    found = F.grid_sample(picture[None], torch.stack([x, y], -1)[None], mode=mode, padding_mode="border", align_corners=False)[0]
    return found[:, 0] if positions.ndim == 2 else found


def _lanczos(picture: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    base = positions.floor()
    taps = range(1 - LOBES, LOBES + 1)
    weights = torch.stack([_window(positions - base - tap) for tap in taps])  # (taps, 2, ...)
    weights = weights / weights.sum(0)  # so that an even picture stays even
    rows, columns = ([(b.long() + tap).clamp(0, side - 1) for tap in taps] for b, side in zip(base, picture.shape[1:], strict=True))
    found = torch.zeros(picture.shape[0], *positions.shape[1:], device=picture.device)
    for row, down in zip(rows, weights[:, 0], strict=True):
        line = torch.zeros_like(found)
        for column, right in zip(columns, weights[:, 1], strict=True):
            line += right * picture[:, row, column]
        found += down * line
    return found


def _window(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x.abs() < LOBES, torch.sinc(x) * torch.sinc(x / LOBES), torch.zeros_like(x))


def nearest(plane: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Values of a plane ``(H, W)`` of any type at the nearest pixels, ``(...)``."""
    rows = positions[0].round().long().clamp(0, plane.shape[0] - 1)
    columns = positions[1].round().long().clamp(0, plane.shape[1] - 1)
    return plane[rows, columns]

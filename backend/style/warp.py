"""Warping by exact displacements: pictures are looked up where their pixels came from.

Places are row and column of pixels' centres, counted from 0, so that place (r, c) is the centre of pixel (r, c).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F


def grid(size: tuple[int, int], device: torch.device) -> torch.Tensor:
    """Every pixel's own place, ``(2, H, W)`` float32."""
    rows = torch.arange(size[0], dtype=torch.float32, device=device)
    columns = torch.arange(size[1], dtype=torch.float32, device=device)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))


def inside(places: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Which places ``(2, ...)`` lie in a picture of that size, ``(...)`` bool."""
    rows, columns = places
    return (rows > -0.5) & (rows < size[0] - 0.5) & (columns > -0.5) & (columns < size[1] - 0.5)


def sample(picture: torch.Tensor, places: torch.Tensor, mode: str = "bicubic") -> torch.Tensor:
    """Looks a picture up.

    Args:
        picture: ``(C, H, W)`` float32.
        places: ``(2, h, w)`` or ``(2, n)`` float32; beyond the border its nearest pixel counts.
        mode: ``nearest``, ``bilinear`` or ``bicubic`` (Keys, 1981, with a = -0.75 as in OpenCV).

    Returns:
        ``(C, h, w)`` or ``(C, n)`` float32.
    """
    height, width = picture.shape[1:]
    flat = places[:, None] if places.ndim == 2 else places
    # align_corners=False: -1 and 1 are the outer edges of the border pixels.
    y = (2 * flat[0] + 1) / height - 1
    x = (2 * flat[1] + 1) / width - 1
    found = F.grid_sample(picture[None], torch.stack([x, y], -1)[None], mode=mode, padding_mode="border", align_corners=False)[0]
    return found[:, 0] if places.ndim == 2 else found


def nearest(plane: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Values of a plane ``(H, W)`` of any type at the nearest pixels, ``(...)``."""
    rows = places[0].round().long().clamp(0, plane.shape[0] - 1)
    columns = places[1].round().long().clamp(0, plane.shape[1] - 1)
    return plane[rows, columns]

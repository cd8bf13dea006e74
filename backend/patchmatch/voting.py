"""From a match field to pixels: every pixel is the weighted mean of what the patches over it propose."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .descriptor import PATCH, window
from .matching import BAND

FOREIGN = 1e-3
"""Weight of a patch beyond an edge: it counts only where there is no other, so that no pixel is left without paint."""


def vote(
    field: torch.Tensor,
    source: torch.Tensor,
    quality: torch.Tensor | None,
    size: tuple[int, int],
    tile: tuple[bool, bool],
    sigma: float,
    alike: torch.Tensor | None = None,
) -> torch.Tensor:
    """Blends the matched source patches.

    Args:
        field: ``(2, gh, gw)`` int32 match field.
        source: ``(C, Hs, Ws)`` pixels to take.
        quality: ``(gh, gw)`` weight of each patch, or None for equal weights.
        size: Height and width of the result.
        tile: Whether y, x wrap.
        sigma: Deviation in pixels of the Gaussian that favours a patch's centre.
        alike: ``(G, H, W)`` or None. A patch counts less for pixels that differ from its centre in this, by a Gaussian of deviation
            sqrt(0.5): the joint bilateral filter (Petschnigg et al. 2004) instead of a mean, so that no patch smears across an edge.

    Returns:
        ``(C, H, W)`` float32.
    """
    height, width = size
    channels, _, source_width = source.shape
    flat = source.reshape(channels, -1).T.contiguous()
    corner = field[0].long() * source_width + field[1]
    weight = torch.ones(corner.shape, device=source.device) if quality is None else quality
    corner, weight = (_pad(t, tile) for t in (corner, weight))
    centres = None if alike is None else _around(alike, tile)
    gaussian = window(sigma, source.device).tolist()
    bands = []
    rows = max(1, BAND // width)
    for first in range(0, height, rows):
        count = min(rows, height - first)
        total = torch.zeros(count * width, channels, device=source.device)
        norm = torch.zeros(count * width, 1, device=source.device)
        for dy in range(PATCH):
            for dx in range(PATCH):
                # Pixel p is at (dy, dx) of the patch whose corner is p - (dy, dx); the padding shifts that by PATCH - 1.
                y, x = first + PATCH - 1 - dy, PATCH - 1 - dx
                c = corner[y : y + count, x : x + width].reshape(-1) + (dy * source_width + dx)
                w = weight[y : y + count, x : x + width] * gaussian[dy][dx]
                if centres is not None and alike is not None and (dy, dx) != (PATCH // 2, PATCH // 2):
                    apart = (centres[:, y : y + count, x : x + width] - alike[:, first : first + count]).square_().sum(0)
                    w = w * torch.exp_(apart.neg_()).add_(FOREIGN)
                w = w.reshape(-1, 1)
                total.addcmul_(flat.index_select(0, c), w)
                norm += w
        bands.append((total / norm).view(count, width, channels))
    return torch.cat(bands).permute(2, 0, 1).contiguous()


def _pad(plane: torch.Tensor, tile: tuple[bool, bool]) -> torch.Tensor:
    """Pads ``(gh, gw)`` so that every pixel finds PATCH x PATCH patches: wrapped along tiling axes, zeros along the others."""
    n = PATCH - 1
    if tile[0]:
        plane = torch.cat([plane[-n:], plane], 0)
    else:
        plane = F.pad(plane, (0, 0, n, n))
    if tile[1]:
        plane = torch.cat([plane[:, -n:], plane], 1)
    else:
        plane = F.pad(plane, (n, n))
    return plane


def _around(planes: torch.Tensor, tile: tuple[bool, bool]) -> torch.Tensor:
    """Pads ``(G, H, W)`` by half a patch: wrapped along tiling axes, repeated along the others."""
    n = PATCH // 2
    vertical, horizontal = ("circular" if t else "replicate" for t in tile)
    planes = F.pad(planes[None], (0, 0, n, n), mode=vertical)
    return F.pad(planes, (n, n, 0, 0), mode=horizontal)[0]

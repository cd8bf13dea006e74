"""The search for source patches.

Exact search with completeness (Granot et al., GPNN, CVPR 2022, equation 2) where the picture is small, coherent candidates
(Ashikhmin 2001; Tong et al. 2002) with an occurrence penalty (Kaspar et al. 2015) everywhere. No randomised propagation.

A match field holds the top-left corner of the source patch for each output patch: ``(2, gh, gw)`` int32, y then x. Along an axis that
tiles there is a patch for every pixel, wrapped; along one that does not, only patches that lie inside.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .descriptor import PATCH

BAND = 1 << 17
"""Patches that are described and matched at a time: bounds memory to a few tens of MB."""

_CHUNK = 1 << 21
"""Distances in one block of the exact search: 8 MB, so that it stays near the cache."""


def wrap(picture: torch.Tensor, tile: tuple[bool, bool], before: int, after: int) -> torch.Tensor:
    """Pads the last two dimensions circularly along the axes that tile; the others stay."""
    if tile[0]:
        picture = torch.cat([picture[..., picture.shape[-2] - before :, :], picture, picture[..., :after, :]], -2)
    if tile[1]:
        picture = torch.cat([picture[..., picture.shape[-1] - before :], picture, picture[..., :after]], -1)
    return picture


def exact(queries: torch.Tensor, keys: torch.Tensor, own: torch.Tensor, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Nearest keys by distance over the key's own best distance, which makes all keys be used.

    Args:
        queries: ``(N, D)``.
        keys: ``(K, D)``.
        own: ``(K,)`` least squared distance of each key to any query, as known so far.
        alpha: Added to ``own``; small values force completeness, large ones give plain nearest neighbours.

    Returns:
        Index of the chosen key ``(N,)`` and the new ``own``.
    """
    weight = 1 / (own + alpha)
    # |q - k|^2 / (own + alpha) as one matrix product.
    right = torch.cat([-2 * weight[:, None] * keys, (weight * keys.square().sum(1))[:, None], weight[:, None]], 1).T.contiguous()
    left = torch.cat([queries, torch.ones_like(queries[:, :1]), queries.square().sum(1, keepdim=True)], 1)
    least = torch.full_like(own, torch.inf)
    chosen = []
    step = max(16, _CHUNK // len(keys))
    for start in range(0, len(left), step):
        distances = left[start : start + step] @ right
        chosen.append(distances.argmin(1))
        least = torch.minimum(least, distances.amin(0))
    return torch.cat(chosen), (least / weight).clamp_min(0)


def least_distances(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Squared distance of each key to its nearest query, ``(K,)``."""
    left = torch.cat([-2 * queries, torch.ones_like(queries[:, :1]), queries.square().sum(1, keepdim=True)], 1)
    right = torch.cat([keys, keys.square().sum(1, keepdim=True), torch.ones_like(keys[:, :1])], 1).T.contiguous()
    least = torch.full((len(keys),), torch.inf, device=keys.device)
    step = max(16, _CHUNK // len(keys))
    for start in range(0, len(left), step):
        least = torch.minimum(least, (left[start : start + step] @ right).amin(0))
    return least.clamp_min(0)


def overuse(field: torch.Tensor, grid: tuple[int, int], share: torch.Tensor | None = None) -> torch.Tensor:
    """How much more often than evenly the surroundings of each source patch are used: ``(K,)``, 0 for no more than evenly.

    Args:
        field: ``(2, gh, gw)`` int32.
        grid: Rows and columns of source patches, K in all.
        share: ``(K,)`` uses of each patch that would be even; None when all patches shall be used alike.
    """
    rows, columns = grid
    flat = field[0].flatten().long() * columns + field[1].flatten()
    used = torch.zeros(rows * columns, device=field.device)
    used.index_add_(0, flat, torch.ones(1, device=field.device).expand(len(flat)))
    even = max(1.0, len(flat) / (rows * columns)) if share is None else share.clamp_min(1.0)
    return (F.avg_pool2d(used.view(1, 1, rows, columns), PATCH, 1, PATCH // 2).view(-1) / even - 1).clamp_min(0)


def coherent(
    queries: torch.Tensor,
    keys: torch.Tensor,
    grid: tuple[int, int],
    field: torch.Tensor,
    rows: tuple[int, int],
    steps: list[tuple[int, int]],
    tile: tuple[bool, bool],
    cost: torch.Tensor | None,
    weight: torch.Tensor | None,
    owners: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tries, for every output patch in a band of rows, its neighbours' matches, shifted back.

    Parameters: one band of a search; all are tensors of the level.

    Args:
        queries: ``(N, D)`` of the band.
        keys: ``(K, D)``.
        grid: Rows and columns of source patches, K in all.
        field: ``(2, gh, gw)`` int32, whole match field before this pass.
        rows: First and last + 1 row of the band.
        steps: Offsets ``(dy, dx)`` of the neighbours that are asked.
        tile: Whether y, x wrap.
        cost: ``(K,)`` added to the squared distance, or None.
        weight: ``(K,)`` that multiplies the squared distance, or None.
        owners: ``(N,)`` and ``(K,)`` int64; only sources of the same number as the output patch may be chosen. Or None.

    Returns:
        y, x of the best source patches, int32 ``(N,)``, and their squared distances ``(N,)``.
    """
    first, last = rows
    height, width = field.shape[1:]
    kh, kw = grid
    ys = torch.arange(first, last, device=field.device)
    xs = torch.arange(width, device=field.device)
    current = field[:, first:last].reshape(2, -1)
    chosen = current[0].long() * kw + current[1]
    best = (keys.index_select(0, chosen) - queries).square().sum(1)
    score = _score(best, chosen, cost, weight)
    for dy, dx in steps:
        y = (ys + dy) % height if tile[0] else (ys + dy).clamp(0, height - 1)
        x = (xs + dx) % width if tile[1] else (xs + dx).clamp(0, width - 1)
        near = field[:, y][:, :, x]
        ny = (near[0] - dy).clamp(0, kh - 1)
        nx = (near[1] - dx).clamp(0, kw - 1)
        candidate = (ny.long() * kw + nx).flatten()
        new = torch.nonzero(candidate != chosen).flatten()
        if not len(new):
            continue
        offered = candidate.index_select(0, new)
        if owners is not None:
            allowed = owners[0].index_select(0, new) == owners[1].index_select(0, offered)
            new, offered = new[allowed], offered[allowed]
        distance = (keys.index_select(0, offered) - queries.index_select(0, new)).square().sum(1)
        offered_score = _score(distance, offered, cost, weight)
        better = offered_score < score.index_select(0, new)
        where = new[better]
        chosen[where], best[where], score[where] = offered[better], distance[better], offered_score[better]
    return (chosen // kw).int(), (chosen % kw).int(), best


def _score(distance: torch.Tensor, index: torch.Tensor, cost: torch.Tensor | None, weight: torch.Tensor | None) -> torch.Tensor:
    if weight is not None:
        distance = distance * weight.index_select(0, index)
    if cost is not None:
        distance = distance + cost.index_select(0, index)
    return distance

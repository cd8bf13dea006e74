"""How much of a texture is copied verbatim from its exemplar."""

from __future__ import annotations

import numpy as np
import torch

from .portilla_simoncelli import luminance

_PATCH = 7


def verbatim_rate(texture: np.ndarray, exemplar: np.ndarray, samples: int = 1500, seed: int = 0) -> float:
    """Share of neighbouring patches whose nearest exemplar patches are neighbours in the same way, 0..1: 1 is one copied piece.

    Exact nearest neighbours of 7 x 7 luminance patches, for random pairs of patches ``_PATCH`` pixels apart in x or y (so that they
    share no pixel).

    Args:
        texture: ``(H, W[, C])``.
        exemplar: ``(H, W[, C])``.
        samples: Number of pairs.
        seed: Of the choice of pairs.
    """
    made, source = (torch.from_numpy(luminance(a)).float() for a in (texture, exemplar))
    keys = source.unfold(0, _PATCH, 1).unfold(1, _PATCH, 1)
    columns = keys.shape[1]
    keys = keys.reshape(-1, _PATCH**2)
    random = np.random.default_rng(seed)
    height, width = made.shape
    y = random.integers(0, height - 2 * _PATCH, samples)
    x = random.integers(0, width - 2 * _PATCH, samples)
    down = random.integers(0, 2, samples)
    offset = np.stack([down, 1 - down], 1) * _PATCH
    grid = made.unfold(0, _PATCH, 1).unfold(1, _PATCH, 1)
    first = _nearest(grid[y, x].reshape(samples, -1), keys)
    second = _nearest(grid[y + offset[:, 0], x + offset[:, 1]].reshape(samples, -1), keys)
    moved = np.stack([second // columns - first // columns, second % columns - first % columns], 1)
    return float((np.abs(moved - offset).max(1) <= 1).mean())


def _nearest(queries: torch.Tensor, keys: torch.Tensor) -> np.ndarray:
    norms = keys.square().sum(1)
    return np.concatenate([(norms - 2 * q @ keys.T).argmin(1).numpy() for q in queries.split(64)])

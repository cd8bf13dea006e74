"""Luminance, and the matching of values and colours between two pictures."""

from __future__ import annotations

import torch

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Rec.709 weights, applied to display-like values."""

_QUANTILES = 512


def luminance(planes: torch.Tensor) -> torch.Tensor:
    """``(1 or 3, H, W)`` to ``(1, H, W)``."""
    return planes if planes.shape[0] == 1 else torch.einsum("chw,c->hw", planes, planes.new_tensor(LUMINANCE))[None]


def match_distribution(values: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Maps values by a monotone curve so that they are distributed as the reference's; shape kept, any shapes."""
    return apply_curve(values, *curve_between(values, reference))


def curve_between(values: torch.Tensor, reference: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes of the monotone curve that carries one distribution onto another: abscissas and ordinates."""
    return _quantiles(values), _quantiles(reference)


def apply_curve(values: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Piecewise linear interpolation, constant beyond the ends."""
    flat = values.flatten()
    right = torch.searchsorted(x, flat).clamp(1, len(x) - 1)
    x0, x1, y0, y1 = x[right - 1], x[right], y[right - 1], y[right]
    # Where many equal values make a step of the curve, its middle is taken.
    t = torch.where(x1 > x0, (flat - x0) / (x1 - x0).clamp_min(1e-9), torch.full_like(flat, 0.5)).clamp(0, 1)
    return (y0 + t * (y1 - y0)).view(values.shape)


def move_colors(picture: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Moves colours by the linear Monge-Kantorovich map (Pitié and Kokaram, 2007), so that mean and covariance become the reference's.

    Args:
        picture: ``(C, H, W)``.
        reference: ``(C, h, w)``.

    Returns:
        ``(C, H, W)`` float32.
    """
    return apply_map(picture, *map_between(picture, reference))


def map_between(picture: torch.Tensor, reference: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The map of ``move_colors``: a ``(C, C)`` matrix, the mean ``(C, 1, 1)`` to take away first and that to add afterwards."""
    a, b = (t.flatten(1).double().cpu() for t in (picture, reference))
    cov_a, cov_b = (torch.cov(t).reshape(len(t), len(t)) + 1e-6 * torch.eye(len(t), dtype=torch.float64) for t in (a, b))
    root = _root(cov_a)
    inverse = torch.linalg.inv(root)
    move = (inverse @ _root(root @ cov_b @ root) @ inverse).float().to(picture.device)
    mean_a, mean_b = (t.mean(1).float().to(picture.device)[:, None, None] for t in (a, b))
    return move, mean_a, mean_b


def apply_map(picture: torch.Tensor, move: torch.Tensor, mean: torch.Tensor, new_mean: torch.Tensor) -> torch.Tensor:
    """Applies a linear map of colours to ``(C, H, W)``."""
    return torch.einsum("dc,chw->dhw", move, picture - mean) + new_mean


def _quantiles(values: torch.Tensor) -> torch.Tensor:
    ordered = values.flatten().sort().values
    at = torch.linspace(0, len(ordered) - 1, _QUANTILES, device=values.device)
    return ordered[at.round().long()]


def _root(matrix: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T

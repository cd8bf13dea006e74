"""Distances between two sets of features, and how well one covers the other."""

from __future__ import annotations

import dataclasses

import torch

NEIGHBOURS = 5
"""As in Naeem et al., 2020."""


def kernel_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """KID: the unbiased squared maximum mean discrepancy under a cubic kernel (Binkowski et al., 2018). 0 for equal distributions.

    Args:
        first: ``(N, D)``, standardised.
        second: ``(M, D)``, likewise.
    """
    d = first.shape[1]
    xx, yy, xy = ((a @ b.T / d + 1) ** 3 for a, b in ((first, first), (second, second), (first, second)))
    n, m = len(first), len(second)
    return float((xx.sum() - xx.trace()) / (n * (n - 1)) + (yy.sum() - yy.trace()) / (m * (m - 1)) - 2 * xy.mean())


def energy_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """Energy distance with its sampling bias left in (Szekely and Rizzo, 2013): never negative, so that ratios of two have a meaning.

    Args:
        first: ``(N, D)``, standardised.
        second: ``(M, D)``, likewise.
    """
    between, within_first, within_second = (torch.cdist(a, b).mean() for a, b in ((first, second), (first, first), (second, second)))
    return float((2 * between - within_first - within_second).clamp_min(0))


@dataclasses.dataclass(frozen=True)
class Manifold:
    """Precision and recall (Kynkaanniemi et al., 2019), density and coverage (Naeem et al., 2020).

    Attributes:
        precision: Share of the made that lie within the neighbourhood of some real one.
        recall: Share of the real that lie within the neighbourhood of some made one.
        density: In how many real neighbourhoods a made one is, relative to what real ones have; may exceed 1.
        coverage: Share of the real whose neighbourhood holds a made one.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold(real: torch.Tensor, made: torch.Tensor, neighbours: int = NEIGHBOURS) -> Manifold:
    """Compares two sets by their nearest neighbours.

    Args:
        real: ``(N, D)``, more than ``neighbours`` rows.
        made: ``(M, D)``, likewise.
        neighbours: Which neighbour bounds a neighbourhood.
    """
    radius_real, radius_made = (torch.cdist(s, s).kthvalue(min(neighbours + 1, len(s)), dim=1).values for s in (real, made))
    between = torch.cdist(real, made)
    in_real = between < radius_real[:, None]
    return Manifold(
        precision=float(in_real.any(0).double().mean()),
        recall=float((between < radius_made[None]).any(1).double().mean()),
        density=float(in_real.double().sum(0).mean() / neighbours),
        coverage=float((between.min(1).values < radius_real).double().mean()),
    )

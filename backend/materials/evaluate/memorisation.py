"""Whether a model repeats what it was trained on."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from ...core.filters import gaussian_blur_torus
from .features import RandomNetwork, extract, standardise

COPY_CORRELATION = 0.9
"""Of two base colours at their best alignment. Different grains stay below 0.6, but bricks in one bond resemble each other without any
copying: the share above it counts against the share among real, held-out materials."""
_CANDIDATES = 4
_SIDE = 128
"""Largest side in pixels at which pictures are aligned."""
_SOFT = 1.0
"""Deviation in pixels of the blur before they are: a shift by half a pixel must not hide a copy."""


@dataclasses.dataclass(frozen=True)
class Memory:
    """How near generated materials come to the training data.

    Attributes:
        nearest: ``(M,)`` int, the training material that each is most like.
        correlation: ``(M,)`` with it at the best shift and mirroring, -1..1.
        distance_ratio: Median feature distance to the nearest training material, over the same for held-out materials: well below 1
            is copying, 1 is as new as real materials are.
        copies: Share whose correlation exceeds ``COPY_CORRELATION``.
        copies_real: The same share among the held-out materials: what regular layouts account for.
    """

    nearest: torch.Tensor
    correlation: torch.Tensor
    distance_ratio: float
    copies: float
    copies_real: float


def memory(made: torch.Tensor, training: torch.Tensor, held_out: torch.Tensor) -> Memory:
    """Searches the training data for the nearest picture of each generated one.

    Args:
        made: ``(M, 6, S, S)`` uint8 or float in 0..1.
        training: ``(N, 6, S, S)``.
        held_out: ``(K, 6, S, S)``, never trained on.
    """
    reference, ours, others = standardise(*(extract(s, RandomNetwork(0)) for s in (training, made, held_out)))
    nearest, correlation, distance = _nearest(made, ours, training, reference)
    _, expected, base = _nearest(held_out, others, training, reference)
    return Memory(
        nearest=nearest,
        correlation=correlation,
        distance_ratio=float(distance.median() / base.median().clamp_min(1e-9)),
        copies=float((correlation > COPY_CORRELATION).double().mean()),
        copies_real=float((expected > COPY_CORRELATION).double().mean()),
    )


def _nearest(
    stacks: torch.Tensor, features: torch.Tensor, training: torch.Tensor, reference: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For each stack the training material it is most like, their correlation, and the least distance of features."""
    distances = torch.cdist(features, reference)
    candidates = distances.topk(min(_CANDIDATES, len(reference)), dim=1, largest=False).indices
    nearest, correlation = candidates[:, 0].clone(), torch.full((len(stacks),), -1.0)
    grays: dict[int, torch.Tensor] = {}
    for i, rows in enumerate(candidates):
        own = _gray(stacks[i])
        for row in rows.tolist():
            if row not in grays:
                grays[row] = _gray(training[row])
            likeness = aligned_correlation(own, grays[row])
            if likeness > correlation[i]:
                nearest[i], correlation[i] = row, likeness
    return nearest, correlation, distances.min(1).values


def aligned_correlation(first: torch.Tensor, second: torch.Tensor) -> float:
    """Largest correlation of two ``(S, S)`` pictures over all shifts round the torus, mirrorings and quarter turns."""
    spectrum = torch.fft.rfft2(_unit(first))
    best = -1.0
    for turned in (second, second.T):
        for axes in ((), (0,), (1,), (0, 1)):
            product = torch.fft.irfft2(spectrum * torch.fft.rfft2(_unit(turned.flip(axes))).conj(), s=first.shape)
            best = max(best, float(product.max()))
    return best


def memory_sheet(made: torch.Tensor, training: torch.Tensor, found: Memory, count: int = 8) -> np.ndarray:
    """The closest pairs to look at: generated above, its nearest training material below.

    Returns:
        ``(2 S, n S, 3)`` uint8, sRGB, with 4 px between.
    """
    rows = found.correlation.argsort(descending=True)[:count]
    pictures = [[_color(made[i]), _color(training[found.nearest[i]])] for i in rows.tolist()]
    columns = [np.concatenate([pair[0], np.full((4, pair[0].shape[1], 3), 255, np.uint8), pair[1]]) for pair in pictures]
    gap = np.full((columns[0].shape[0], 4, 3), 255, np.uint8)
    return np.concatenate([part for column in columns for part in (column, gap)][:-1], axis=1)


def _gray(stack: torch.Tensor) -> torch.Tensor:
    """The base colour as ``(S, S)`` float32, no larger than ``_SIDE`` and a little blurred."""
    color = stack[:3].float().mean(0, keepdim=True)
    side = min(_SIDE, color.shape[-1])
    small = torch.nn.functional.interpolate(color[None], size=(side, side), mode="area")[0, 0]
    return gaussian_blur_torus(small, _SOFT)


def _unit(picture: torch.Tensor) -> torch.Tensor:
    centred = picture - picture.mean()
    return centred / centred.norm().clamp_min(1e-9)


def _color(stack: torch.Tensor) -> np.ndarray:
    values = stack[:3] if stack.dtype == torch.uint8 else (stack[:3].clamp(0, 1) * 255).round().to(torch.uint8)
    picture: np.ndarray = values.permute(1, 2, 0).numpy()
    return picture

"""Features of stacks from seeded random networks: what distances between sets of materials are measured on.

Untrained convolutions with pooled means and deviations describe textures well (Ustyuzhaninov et al., 2017), favour no data set, and can be
made anew anywhere from a seed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from ..stack import CHANNELS

NETWORKS = 5
"""Independent networks, so that a figure's spread over them tells how far it can be trusted."""
_WIDTHS = (24, 48, 72, 96)
_BATCH = 16
_LEVEL = 0.02
"""Deviation up to which a map counts as level and is not stretched: that would show the steps of 8 bits."""
_LEAST_DEVIATION = 0.05

Extractor = Callable[[torch.Tensor], torch.Tensor]
"""``(B, 6, S, S)`` float32 in 0..1 to ``(B, D)``."""


class RandomNetwork:
    """Four convolutions with orthogonal random kernels, halved between; features are means and deviations of every channel.

    Each map is brought to mean 0 and deviation 1 first, and its own mean and deviation join the features: else colour, which differs most
    between materials, would hide everything finer (a blur of 5 px went unnoticed). Padding is circular: materials tile.

    Args:
        seed: Of the kernels.
    """

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(1_000_003 + seed)
        self.kernels = []
        inputs = len(CHANNELS)
        for outputs in _WIDTHS:
            flat = torch.randn(outputs, inputs * 9, generator=generator)
            u, _, v = torch.linalg.svd(flat, full_matrices=False)
            # He's gain for the rectifier: activity neither dies nor grows with depth.
            self.kernels.append(((u @ v) * (2 * max(flat.shape) / flat.shape[1]) ** 0.5).reshape(outputs, inputs, 3, 3))
            inputs = outputs

    def __call__(self, stacks: torch.Tensor) -> torch.Tensor:
        """Gives ``(B, 492)``, numbers about 1."""
        mean, deviation = stacks.mean((2, 3)), stacks.std((2, 3))
        x = (stacks - mean[..., None, None]) / (deviation + _LEVEL)[..., None, None]
        found = [mean, deviation]
        for kernel in self.kernels:
            x = F.leaky_relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), kernel.to(x)), 0.1)
            found += [x.mean((2, 3)), x.std((2, 3))]
            x = F.avg_pool2d(x, 2)
        return torch.cat(found, 1)


@torch.no_grad()
def extract(stacks: torch.Tensor, network: Extractor) -> torch.Tensor:
    """Features of many stacks in batches.

    Args:
        stacks: ``(N, 6, S, S)`` uint8, or float in 0..1.
        network: A ``RandomNetwork`` or another.

    Returns:
        ``(N, D)`` float64.
    """
    made = []
    for batch in stacks.split(_BATCH):
        made.append(network(batch.float() / 255 if batch.dtype == torch.uint8 else batch.float()).double())
    return torch.cat(made)


def standardise(reference: torch.Tensor, *others: torch.Tensor) -> list[torch.Tensor]:
    """All sets of features in deviations of the reference from its mean, the reference first.

    No deviation counts as less than ``_LEAST_DEVIATION``: a number that never changes in a few real materials, such as the pattern of a
    metallic map that is level in all of them, would outweigh all others.
    """
    mean, deviation = reference.mean(0), reference.std(0).clamp_min(_LEAST_DEVIATION)
    return [(features - mean) / deviation for features in (reference, *others)]

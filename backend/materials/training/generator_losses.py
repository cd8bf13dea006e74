"""Losses of the material generator that need no discriminator."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from ...core import gan_losses
from ..attributes import FAMILY_NAMES
from ..data.measure import measure

LIGHTNESS, HUE = 2.0, 5.0
"""How much a difference counts in a colour's lightness and in its distance from gray, where one in height counts 1: heights fill their
range, lightness a part of it, and what distinguishes one stone from the next in hue is small and seen first."""


def patch_distance(made: torch.Tensor, real: torch.Tensor, projections: int = 32, stride: int = 2) -> torch.Tensor:
    """``gan_losses.patch_distance`` of stacks ``(B, 6, H, W)``, weighed as ``weigh`` does: patches of 7 px over all maps together.

    Args:
        made: ``(B, 6, H, W)``.
        real: As large as ``made``.
        projections: Random directions at each scale.
        stride: Step between patches in pixels.

    Returns:
        ``(B,)`` mean absolute difference, summed over three scales.
    """
    return gan_losses.patch_distance(weigh(made), weigh(real), projections, stride)


def weigh(stack: torch.Tensor) -> torch.Tensor:
    """A stack ``(B, 6, H, W)`` in which differences count as they should, see ``LIGHTNESS``; linear."""
    color, rest = stack[:, :3], stack[:, 3:]
    gray = color.mean(1, keepdim=True)
    return torch.cat([LIGHTNESS * gray + HUE * (color - gray), rest], 1)


def measured_distance(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """How far what can be measured (colours of body and gaps, variation, relief, roughness, metal) is off, ``(B,)``, summed."""
    ours, theirs = measure(made.clamp(0, 1)), measure(real)
    return torch.stack([(ours[name] - theirs[name]).abs().reshape(len(made), -1).mean(1) for name in theirs]).sum(0)


def code_distance(made: torch.Tensor, real: torch.Tensor, projections: int = 96) -> torch.Tensor:
    """Sliced Wasserstein distance between neighbourhoods of two codes, 3 and 5 cells wide.

    Args:
        made: ``(B, C, h, w)``, at least 7 cells a side; the outermost cells, whose torus is not the real one's, are left out.
        real: As large.
        projections: Random directions for each width.

    Returns:
        ``(B,)``.
    """
    total = torch.zeros(made.shape[0], device=made.device)
    for width in (3, 5):
        filters = gan_losses.random_filters(projections, made.shape[1], width, made.device, centred=False)
        total = total + gan_losses.sliced_wasserstein(made[..., 1:-1, 1:-1], real[..., 1:-1, 1:-1], filters)
    return total


def feature_distance(made: list[torch.Tensor], real: list[torch.Tensor]) -> torch.Tensor:
    """Difference of the mean and deviation of the discriminator's features, ``(B,)``."""
    parts = []
    for a, b in zip(made, real, strict=True):
        for deviation in (False, True):
            one, two = (_moment(x.float(), deviation) for x in (a, b.detach()))
            parts.append((one - two).abs().mean(1))
    return torch.stack(parts).mean(0)


def _moment(features: torch.Tensor, deviation: bool) -> torch.Tensor:
    """``(B, C)``: the mean over positions, or the deviation."""
    mean = features.mean((2, 3))
    return (features - mean[..., None, None]).square().mean((2, 3)).add(1e-6).sqrt() if deviation else mean


def likeness_loss(
    made: torch.Tensor, real: torch.Tensor, made_features: list[torch.Tensor], real_features: list[torch.Tensor]
) -> torch.Tensor:
    """How far a picture is from the one it should be, position by position: at half and quarter size, and in the discriminator's features.

    Not at full size: the finest detail is the noise's, and holding it to its place would only blur it.
    """
    total = torch.zeros((), device=made.device)
    made, real = weigh(made), weigh(real)
    for _ in range(2):
        made, real = F.avg_pool2d(made, 2), F.avg_pool2d(real, 2)
        total = total + (made - real).abs().mean()
    for a, b in zip(made_features, real_features, strict=True):
        total = total + 0.3 * (a.float() - b.float().detach()).abs().mean()
    return total


def latent_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Kullback–Leibler divergence of the encoder's Gaussian from N(0, 1), mean per number."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


def attribute_loss(predicted: torch.Tensor, wanted: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the family plus the mean squared error of the known values.

    Args:
        predicted: ``(B, A)``, family logits first.
        wanted: ``(B, A)`` in 0..1.
        known: ``(B, A)`` bool.
    """
    count = len(FAMILY_NAMES)
    entropy = F.cross_entropy(predicted[:, :count], wanted[:, :count]) / math.log(count)
    difference = (predicted[:, count:] - wanted[:, count:]).square() * known[:, count:]
    return entropy + 10 * difference.sum() / known[:, count:].sum().clamp_min(1)

"""What the networks are trained on, beside each other's judgement."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from ..attributes import FAMILY_NAMES
from ..data.measure import measure

PATCH = 7
SCALES = 3
LIGHTNESS, HUE = 2.0, 5.0
"""How much a difference counts in a colour's lightness and in its distance from gray, where one in height counts 1: heights fill their
range, lightness a part of it, and what distinguishes one stone from the next in hue is small and seen first."""


def relativistic(better: list[torch.Tensor], worse: list[torch.Tensor]) -> torch.Tensor:
    """Relativistic pairing loss (Jolicoeur-Martineau 2019; R3GAN 2024): ``better`` shall score above ``worse``, place by place."""
    return torch.stack([F.softplus(w.float() - b.float()).mean() for b, w in zip(better, worse, strict=True)]).sum()


def gradient_penalty(scores: list[torch.Tensor], stack: torch.Tensor) -> torch.Tensor:
    """Mean squared norm of the scores' gradient at ``stack`` (R1 on real, R2 on made ones; Mescheder et al. 2018)."""
    total = torch.stack([s.float().mean((1, 2, 3)).sum() for s in scores]).sum()
    (gradient,) = torch.autograd.grad(total, stack, create_graph=True)
    return gradient.float().square().sum((1, 2, 3)).mean()


def patch_distance(made: torch.Tensor, real: torch.Tensor, projections: int = 32, stride: int = 2) -> torch.Tensor:
    """Sliced Wasserstein distance between the patches of each made picture and those of its real one, at three scales.

    Patches of 7 px over all maps together are projected on random directions and sorted; sorted values are compared one by one
    (Pitié 2005; Elnekave and Weiss 2022). Positions do not matter, so a stochastic texture is compared by what it is made of.

    Args:
        made: ``(B, C, H, W)``.
        real: As large as ``made``.
        projections: Random directions at each scale.
        stride: Step between patches in pixels.

    Returns:
        ``(B,)`` mean absolute difference, summed over scales.
    """
    total = torch.zeros(made.shape[0], device=made.device)
    made, real = weigh(made), weigh(real)
    for scale in range(SCALES):
        filters = torch.randn(projections, made.shape[1], PATCH, PATCH, device=made.device)
        # Half of the directions look at differences only, so that colour does not drown detail.
        filters[::2] -= filters[::2].mean((2, 3), keepdim=True)
        filters = filters / filters.flatten(1).norm(dim=1)[:, None, None, None]
        step = stride if scale == 0 else 1
        a, b = (F.conv2d(x, filters, stride=step).flatten(2).float().sort(2).values for x in (made, real))
        total = total + (a - b).abs().mean((1, 2))
        if scale + 1 < SCALES:
            made, real = F.avg_pool2d(made, 2), F.avg_pool2d(real, 2)
    return total


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
        filters = torch.randn(projections, made.shape[1], width, width, device=made.device)
        filters = filters / filters.flatten(1).norm(dim=1)[:, None, None, None]
        a, b = (F.conv2d(x[..., 1:-1, 1:-1], filters).flatten(2).float().sort(2).values for x in (made, real))
        total = total + (a - b).abs().mean((1, 2))
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
    """``(B, C)``: the mean over places, or the deviation."""
    mean = features.mean((2, 3))
    return (features - mean[..., None, None]).square().mean((2, 3)).add(1e-6).sqrt() if deviation else mean


def likeness_loss(
    made: torch.Tensor, real: torch.Tensor, made_features: list[torch.Tensor], real_features: list[torch.Tensor]
) -> torch.Tensor:
    """How far a picture is from the one it should be, place by place: at half and quarter size, and in the discriminator's features.

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

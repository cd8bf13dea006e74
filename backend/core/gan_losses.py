"""Losses of every training with a discriminator: relativistic pairing, gradient penalty, distances between distributions of patches."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def relativistic(better: list[torch.Tensor], worse: list[torch.Tensor]) -> torch.Tensor:
    """Relativistic pairing loss (Jolicoeur-Martineau 2019; R3GAN 2024): ``better`` shall score above ``worse`` at every position.

    Args:
        better: Scores at each depth of the discriminator, any shapes.
        worse: Scores of the same shapes.

    Returns:
        A number, summed over depths.
    """
    return torch.stack([F.softplus(w.float() - b.float()).mean() for b, w in zip(better, worse, strict=True)]).sum()


def gradient_penalty(scores: list[torch.Tensor], pictures: torch.Tensor) -> torch.Tensor:
    """Mean squared norm of the scores' gradient (R1 on real pictures, R2 on generated ones; Mescheder et al. 2018).

    Args:
        scores: ``(B, 1, h, w)`` at each depth of the discriminator.
        pictures: ``(B, C, H, W)``, what was scored; requires a gradient.

    Returns:
        A number.
    """
    total = torch.stack([s.float().mean((1, 2, 3)).sum() for s in scores]).sum()
    (gradient,) = torch.autograd.grad(total, pictures, create_graph=True)
    return gradient.float().square().sum((1, 2, 3)).mean()


def random_filters(
    count: int, channels: int, side: int, device: torch.device, generator: torch.Generator | None = None, *, centred: bool = True
) -> torch.Tensor:
    """Random directions in the space of patches.

    Args:
        count: How many.
        channels: Of a patch.
        side: Of a patch in pixels.
        device: Where the filters go.
        generator: Their source; None for torch's own on the device.
        centred: Whether every second direction has mean 0 in each channel, so that colour does not outweigh detail.

    Returns:
        ``(count, channels, side, side)`` float32, each of length 1.
    """
    drawn_on = device if generator is None else generator.device
    filters = torch.randn(count, channels, side, side, generator=generator, device=drawn_on).to(device)
    if centred:
        filters[::2] -= filters[::2].mean((2, 3), keepdim=True)
    return filters / filters.flatten(1).norm(dim=1)[:, None, None, None]


def sliced_wasserstein(made: torch.Tensor, real: torch.Tensor, filters: torch.Tensor, stride: int = 1) -> torch.Tensor:
    """Sliced Wasserstein distance between the patches of two pictures (Pitié 2005; Elnekave and Weiss 2022).

    Patches are projected on each direction and sorted; sorted values are compared one by one. Positions do not matter.

    Args:
        made: ``(B, C, H, W)``.
        real: As large as ``made``.
        filters: See ``random_filters``.
        stride: Step between patches in pixels.

    Returns:
        ``(B,)`` mean absolute difference.
    """
    a, b = (F.conv2d(x, filters, stride=stride).flatten(2).float().sort(2).values for x in (made, real))
    return (a - b).abs().mean((1, 2))


def patch_distance(
    made: torch.Tensor, real: torch.Tensor, projections: int = 32, stride: int = 2, side: int = 7, scales: int = 3
) -> torch.Tensor:
    """``sliced_wasserstein`` at several scales, a factor of two apart: a stochastic texture is compared by what it is made of.

    Args:
        made: ``(B, C, H, W)``.
        real: As large as ``made``.
        projections: Random directions at each scale.
        stride: Step between patches in pixels, at full size.
        side: Of a patch in pixels.
        scales: How many.

    Returns:
        ``(B,)``, summed over scales.
    """
    total = torch.zeros(made.shape[0], device=made.device)
    for scale in range(scales):
        filters = random_filters(projections, made.shape[1], side, made.device)
        total = total + sliced_wasserstein(made, real, filters, stride if scale == 0 else 1)
        if scale + 1 < scales:
            made, real = F.avg_pool2d(made, 2), F.avg_pool2d(real, 2)
    return total

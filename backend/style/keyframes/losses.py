"""What the network of a shot is trained on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ...core.filters import box_mean
from ...core.gan_losses import random_filters
from ...core.morphology import erode

PATCH = 5


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of ``(B, C, H, W)`` where ``(B, 1, H, W)`` is 1; 0 if it is so nowhere."""
    return (values * mask).sum() / (mask.sum() * values.shape[1]).clamp_min(1.0)


def likeness(made: torch.Tensor, real: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Absolute difference plus that of the Laplacians at full and half size, which keeps lines sharp.

    Args:
        made: ``(B, 3, H, W)``.
        real: As large.
        mask: ``(B, 1, H, W)``, 1 where it counts.
    """
    total = masked_mean((made - real).abs(), mask)
    inner = erode(mask, 1)
    for _ in range(2):
        difference = made - real
        around = box_mean(difference, 1)
        total = total + 0.5 * masked_mean((difference - around).abs(), inner)
        made, real = F.avg_pool2d(made, 2), F.avg_pool2d(real, 2)
        inner = (F.avg_pool2d(inner, 2) > 0.99).float()
    return total


def patch_distribution(
    made: torch.Tensor, real: torch.Tensor, made_mask: torch.Tensor, real_mask: torch.Tensor, generator: torch.Generator, count: int = 512
) -> torch.Tensor:
    """Sliced Wasserstein distance between patches of one object in two pictures (Pitié 2005; Elnekave and Weiss 2022).

    Args:
        made: ``(3, H, W)``.
        real: ``(3, h, w)``.
        made_mask: ``(H, W)`` bool, patches around these pixels count.
        real_mask: ``(h, w)`` bool.
        generator: Of the projections and of the patches that are compared.
        count: Patches drawn from each, with repetition.
    """
    filters = random_filters(32, 3, PATCH, made.device, generator)
    sides = []
    edge = PATCH // 2
    for picture, mask in ((made, made_mask), (real, real_mask)):
        places = mask[edge:-edge, edge:-edge].flatten().nonzero()[:, 0]
        if not len(places):
            return made.sum() * 0
        drawn = places[torch.randint(len(places), (count,), generator=generator).to(places.device)]
        sides.append(F.conv2d(picture[None], filters)[0].flatten(1)[:, drawn].sort(1).values)
    return (sides[0] - sides[1]).abs().mean()


class Critic(nn.Module):
    """Says of patches whether they look painted; gives its scores and its features."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        sizes = [(3, width, 1), (width, width * 2, 2), (width * 2, width * 2, 2)]
        self.layers = nn.ModuleList([nn.Conv2d(a, b, 3 if s == 1 else 4, s, 1) for a, b, s in sizes])
        self.last = nn.Conv2d(width * 2, 1, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """``(B, 3, H, W)`` to scores ``(B, 1, h, w)`` and one tensor of features for each layer."""
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.last(x), features

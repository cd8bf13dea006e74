"""What is taken from the network while it learns, so that it can do without when a pass or the tracked paint is missing."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F

from .network import GUIDE

DROPPED = {"color": 0.02, "position": 0.4, "depth": 0.2}
"""Chance that a group of features is missing in a crop; 0.08 for the others."""
HOLES = 12
"""Pixels across a torn hole."""


def drop(features: torch.Tensor, spans: Mapping[str, slice], random: torch.Generator) -> torch.Tensor:
    """Takes whole groups of features ``(B, C, H, W)`` away from some crops."""
    features = features.clone()
    for group, span in spans.items():
        gone = torch.rand(len(features), generator=random) < DROPPED.get(group, 0.08)
        features[gone, span] = 0
    return features


def hide(guides: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Exchanges the slots of ``(B, SLOTS * GUIDE, H, W)`` at random, takes some away, and tears holes as disocclusions do."""
    slots = list(guides.split(GUIDE, 1))
    count, _, height, width = slots[0].shape
    swap = (torch.rand(count, 1, 1, 1, generator=random) < 0.5).to(guides.device)
    result = []
    for slot in (torch.where(swap, slots[1], slots[0]), torch.where(swap, slots[0], slots[1])):
        noise = torch.rand(count, 1, max(2, height // HOLES), max(2, width // HOLES), generator=random)
        noise = F.interpolate(noise, size=(height, width), mode="bilinear", align_corners=False)
        torn, level = torch.rand(count, 1, 1, 1, generator=random), torch.rand(count, 1, 1, 1, generator=random)
        # 8 of 100 lose all of it, 27 more a part of any size.
        level = torch.where(torn < 0.08, 2.0, torch.where(torn < 0.35, 0.8 * level, -1.0))
        result.append(slot * (noise > level).to(slot))
    return torch.cat(result, 1)

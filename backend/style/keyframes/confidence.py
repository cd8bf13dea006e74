"""How well a rendered frame is supported by what was painted.

Each pixel is mixed of tracked paint and of what the look makes of the passes alone. For each of these there is evidence of how far it may
lie from what the artist would have painted: how much the light on tracked paint had to be changed and how long ago it was painted; how
well the look explains the painted pixels of the same object; and how far the mixed candidates lie apart. Their mean by share, as a
deviation in shaped colour, becomes a confidence in 0..1.

The weights below were fitted to the errors on unpainted frames of ``benchmarks/scenes/small_shot.py`` (toon and dabs, one and two
keyframes, untrained and after 14 steps), so that the expected deviation is about the mean error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from .guides import PAINTED, Layer
from .network import GUIDE

SCALE = 0.05
"""Expected deviation (shaped colour, 0..1) at which the confidence is 1/e."""
_LIGHT = 0.2
"""Part of the change of light on tracked paint that the look has wrong."""
_AGE = 0.006
"""Deviation of tracked paint one frame away; it grows with the square root of the frames."""
_APART = 0.5
"""Part of the distance of the candidates from what was mixed of them."""
_UNPAINTED = 0.15
"""Deviation beyond that of the worst known object on objects that no keyframe shows painted."""


def look_errors(layers: Mapping[int, Layer], ids: Callable[[int], np.ndarray]) -> dict[int, float]:
    """How far the look is from the paint, by object.

    Args:
        layers: Keyframes by their frame numbers.
        ids: Object ids ``(H, W)`` of a frame.

    Returns:
        Mean absolute deviation in shaped colour of each object that any keyframe shows painted.
    """
    sums: dict[int, float] = {}
    counts: dict[int, int] = {}
    for number, layer in layers.items():
        painted = layer.planes[..., 7] > PAINTED
        off = np.abs(layer.planes[..., :3] - layer.planes[..., 3:6]).mean(-1)[painted]
        names, places = np.unique(ids(number)[painted], return_inverse=True)
        for name, total, count in zip(names.tolist(), np.bincount(places, off), np.bincount(places), strict=True):
            sums[name], counts[name] = sums.get(name, 0.0) + float(total), counts.get(name, 0) + int(count)
    return {name: sums[name] / counts[name] for name in sums}


def invention(ids: np.ndarray, errors: Mapping[int, float]) -> np.ndarray:
    """The deviation to expect of what the look invents, ``(H, W)`` float32, from a frame's ids and ``look_errors``."""
    unknown = max(errors.values(), default=0.0) + _UNPAINTED
    names, places = np.unique(ids, return_inverse=True)
    values = np.array([errors.get(name, unknown) for name in names.tolist()], np.float32)
    return values[places].reshape(ids.shape)


def support(
    weighed: tuple[torch.Tensor, torch.Tensor, torch.Tensor], predicted: torch.Tensor, guides: torch.Tensor, invented: torch.Tensor
) -> torch.Tensor:
    """The confidence of each pixel.

    Args:
        weighed: What ``ShotNetwork.weigh`` gives: picture, candidates and shares.
        predicted: ``(B, 3, H, W)`` from ``ShotNetwork.predict``.
        guides: ``(B, SLOTS * GUIDE, H, W)``.
        invented: ``(B, 1, H, W)``, see ``invention``.

    Returns:
        ``(B, 1, H, W)`` float32 in 0..1.
    """
    picture, candidates, shares = weighed
    penalties = []
    for slot in guides.float().split(GUIDE, 1):
        light = (predicted.float() - slot[:, 3:6]).abs().mean(1)
        age = (1 / slot[:, 8].clamp_min(1e-3) - 0.5).clamp_min(0)  # the frames between, see guides.nearness
        penalties.append(_LIGHT * light + _AGE * age.sqrt())
    penalties.append(invented[:, 0].float())
    apart = (candidates - picture[:, None]).abs().mean(2)
    off = (shares * (torch.stack(penalties, 1) + _APART * apart)).sum(1, keepdim=True)
    return torch.exp(-off / SCALE)

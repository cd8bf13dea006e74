"""The convolutions of VGG19 (Simonyan and Zisserman 2014), and pictures described by their activations."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F

CONVOLUTIONS = (
    ("conv1_1", 0, 3, 64), ("conv1_2", 2, 64, 64), ("conv2_1", 5, 64, 128), ("conv2_2", 7, 128, 128), ("conv3_1", 10, 128, 256),
    ("conv3_2", 12, 256, 256), ("conv3_3", 14, 256, 256), ("conv3_4", 16, 256, 256), ("conv4_1", 19, 256, 512), ("conv4_2", 21, 512, 512),
    ("conv4_3", 23, 512, 512), ("conv4_4", 25, 512, 512), ("conv5_1", 28, 512, 512),
)  # fmt: skip
"""Name, number of the layer in torchvision's ``features``, channels in and out. What comes later says nothing of style."""
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet, sRGB 0..1: what the network was trained to see."""
_FIRST_OF_BLOCK = {"conv2_1", "conv3_1", "conv4_1", "conv5_1"}


class Vgg(torch.nn.Module):
    """The network up to ``conv5_1``. Borders are replicated: zeros would paint a frame around every picture.

    Args:
        tensors: ``features.N.weight`` and ``features.N.bias`` for every convolution in ``CONVOLUTIONS``, float32.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        for _, number, _, _ in CONVOLUTIONS:
            for kind in ("weight", "bias"):
                self.register_buffer(f"{kind}_{number}", tensors[f"features.{number}.{kind}"].float())
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None])

    def forward(self, picture: torch.Tensor, wanted: tuple[str, ...]) -> dict[str, torch.Tensor]:
        """Activations after the rectifier.

        Args:
            picture: ``(3, H, W)`` sRGB 0..1, each side at least 16.
            wanted: Names in ``CONVOLUTIONS``.

        Returns:
            By name ``(C, h, w)``; each block halves the size, by means.
        """
        x = ((picture - self.mean) / self.deviation)[None]
        found: dict[str, torch.Tensor] = {}
        last = max(i for i, (name, *_) in enumerate(CONVOLUTIONS) if name in wanted)
        for name, number, _, _ in CONVOLUTIONS[: last + 1]:
            if name in _FIRST_OF_BLOCK:
                x = F.avg_pool2d(x, 2, ceil_mode=True)
            x = F.pad(x, (1, 1, 1, 1), mode="replicate")
            x = F.relu(F.conv2d(x, getattr(self, f"weight_{number}"), getattr(self, f"bias_{number}")))
            if name in wanted:
                found[name] = x[0]
        return found


HYPERCOLUMN = ("conv1_2", "conv2_2", "conv3_3", "conv4_1")
"""Layers that describe a position, from the stroke's edge to what it is part of."""


def hypercolumns(activations: Mapping[str, torch.Tensor], size: tuple[int, int]) -> torch.Tensor:
    """Stacks layers at one resolution (Kolkin et al. 2022, section 3.1).

    Args:
        activations: As ``Vgg`` gives them.
        size: Height and width.

    Returns:
        ``(C, h, w)``; every layer has the same energy, whatever its number of channels.
    """
    parts = []
    for name in HYPERCOLUMN:
        layer = activations[name]
        resized = F.interpolate(layer[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0]
        parts.append(resized / (layer.detach().square().sum(0).mean().sqrt() + 1e-6))
    return torch.cat(parts)

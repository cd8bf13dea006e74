"""A photograph of a material as a person would take it: some light, some exposure, and what lens, sensor and file format do to it."""

from __future__ import annotations

import math

import torch
from kornia.enhance import jpeg_codec_differentiable
from torch import Tensor

from .shading import Sky, Surface, encode_srgb, render_lit

BEST_QUALITY, WORST_QUALITY = 95.0, 50.0
"""Of JPEG, 1..100: between a camera's best and what web sites send."""


class Dice:
    """Random numbers for a batch.

    Args:
        batch: How many of each.
        generator: Their source.
    """

    def __init__(self, batch: int, generator: torch.Generator) -> None:
        self.batch, self.generator = batch, generator

    def uniform(self, low: float, high: float, channels: int = 1) -> Tensor:
        """``(B, channels)`` uniform numbers."""
        return torch.rand(self.batch, channels, generator=self.generator) * (high - low) + low

    def normal(self, spread: float, channels: int = 1) -> Tensor:
        """``(B, channels)`` normal numbers about 0."""
        return torch.randn(self.batch, channels, generator=self.generator) * spread

    def chance(self, probability: float) -> Tensor:
        """``(B, 1)``: 1 with that probability, else 0."""
        return (torch.rand(self.batch, 1, generator=self.generator) < probability).float()


def photograph(surface: Surface, generator: torch.Generator, tile: bool = True) -> Tensor:
    """Photographs of a batch of materials, each in light of its own: open shade, an overcast sky, or sun from one side.

    Args:
        surface: The materials.
        generator: Source of all random numbers.
        tile: Whether the surface wraps round (the picture then does so too, but for noise and compression).

    Returns:
        ``(B, 3, H, W)`` sRGB 0..1.
    """
    dice = Dice(len(surface.height), generator)
    direction = random_lights(dice)
    share = dice.uniform(0.0, 0.85) * dice.chance(0.8)  # of the light that comes from the sun
    warmth = dice.normal(0.08)
    tint = torch.cat([warmth, torch.zeros_like(warmth), -warmth], 1)
    # The camera is set so that a grey card facing the light is grey.
    sun = share / direction[:, 2:].clamp_min(0.35) * torch.exp(tint)
    lean = torch.nn.functional.normalize(dice.normal(1.0, 3), dim=1) * dice.uniform(0.0, 0.7)
    sky = Sky((1 - share) * torch.exp(-tint), lean)
    linear = render_lit(surface, direction, sun, sky, tile=tile, shadows=True)
    linear = linear * _exposure(linear, dice)[:, :, None, None] * torch.exp(dice.normal(0.05, 3))[:, :, None, None]
    return develop(linear, dice)


def random_lights(dice: Dice) -> Tensor:
    """``(B, 3)`` directions up to 70 degrees from the zenith."""
    tilt, azimuth = dice.uniform(0.05, math.radians(70)), dice.uniform(0, math.tau)
    return torch.cat([tilt.sin() * azimuth.cos(), tilt.sin() * azimuth.sin(), tilt.cos()], 1)


def develop(linear: Tensor, dice: Dice) -> Tensor:
    """Lens blur, sensor noise, tone curve and JPEG: linear light ``(B, 3, H, W)`` to sRGB 0..1."""
    side = torch.arange(-3.0, 4.0)
    kernel = torch.exp(-(side**2) / (2 * dice.uniform(0.05, 0.8) ** 2))
    kernel = kernel / kernel.sum(1, keepdim=True)
    linear = _filter(linear, kernel)
    noise = torch.randn(linear.shape, generator=dice.generator)
    linear = linear + noise * dice.uniform(0.0, 0.02)[:, :, None, None] * (linear + 0.02).clamp_min(0.0).sqrt()
    curve = dice.normal(0.15)[:, :, None, None]
    picture = encode_srgb(linear)
    picture = picture + curve * picture * (1 - picture) * (2 * picture - 1)  # more or less contrast about the middle
    return _compress(picture.clamp(0, 1), dice.uniform(0.0, 1.0) * dice.chance(0.7))


def _exposure(linear: Tensor, dice: Dice) -> Tensor:
    """Gain ``(B, 1)``: partly the light meter's, which turns every material grey, and never so much that all is white."""
    mean = linear.mean((1, 2, 3))[:, None].clamp_min(1e-3)
    gain = (0.2 / mean) ** dice.uniform(0.0, 0.4) * torch.exp2(dice.normal(0.2))
    return torch.minimum(gain, 0.5 / mean)


def _filter(picture: Tensor, kernel: Tensor) -> Tensor:
    """Each picture blurred along both axes with its own kernel ``(B, 7)``, borders wrapped."""
    for axis in (2, 3):
        picture = sum(picture.roll(i - 3, axis) * kernel[:, i, None, None, None] for i in range(7))  # type: ignore[assignment]
    return picture


def _compress(picture: Tensor, loss: Tensor) -> Tensor:
    """JPEG's loss; ``loss`` ``(B, 1)`` is 0 for none, else up to 1 for the worst quality."""
    quality = BEST_QUALITY + (WORST_QUALITY - BEST_QUALITY) * loss[:, 0]
    return torch.where(loss[..., None, None] > 0, jpeg_codec_differentiable(picture, quality), picture)

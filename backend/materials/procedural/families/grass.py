"""Grass seen from above: blades in tufts over thatch, the tallest on top."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .....shared.material import feature_factor
from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, mix, shade
from ..natural import natural
from ..palettes import palette
from ..strokes import Strokes, draw

PALETTE = palette("33,42,15/12,13,6 27,40,12/9,11,4 42,47,20/19,16,9 55,50,29/24,19,11 29,37,20/13,11,8 48,52,22/20,21,9")


def sample(canvas: Canvas) -> Attributes:
    """Meadow, lawn, dry grass."""
    return natural(canvas, "grass", PALETTE, roughness=(0.5, 0.85), wear=(0.0, 0.3), grown=0.1)


def _layer(
    canvas: Canvas, count: int, length: float, width: float, low: float, high: float, wild: float, comb: float, fine: int
) -> Strokes:
    """Blades from a height ``low`` at the root to ``high`` at the tip, that droop."""
    size, g = canvas.size, canvas.generator

    def rand(a: float = 0.0, b: float = 1.0) -> Tensor:
        return a + (b - a) * torch.rand(count, generator=g)

    tufts = max(count // 14, 1)
    centre = torch.rand((tufts, 2), generator=g) * size
    tuft = torch.randint(0, tufts, (count,), generator=g)
    around = rand(0, 2 * math.pi)
    reach = length * 0.35 * rand().sqrt()
    points = centre[tuft] + torch.stack([torch.cos(around), torch.sin(around)], 1) * reach[:, None]
    spread = rand(-1, 1) * (0.5 + 1.1 * wild)
    lean = torch.where(rand() < 0.25 + 0.75 * wild, around + rand(-0.7, 0.7), comb + spread)
    tall = rand(0.35, 1.0) * rand(0.6, 1.0)[tuft]
    sizes = (length * rand(0.55, 1.25)).clamp_max(length * 1.25)
    bend = rand(-1, 1) * (0.5 + 1.2 * wild)
    start = low + (high - low) * 0.35 * tall[:, None, None]
    end = (high - low) * tall[:, None, None]

    def rise(t: Tensor, w: Tensor) -> Tensor:
        return start + end * (1.3 * t - 0.65 * t * t) * 0.6 - 0.035 * w * w

    return draw(
        size,
        points,
        lean,
        sizes,
        width * rand(0.6, 1.2),
        bend,
        rise,
        lambda t: (1 - t * t * t) * (0.55 + 0.45 * (t * 4).clamp_max(1)),
        fine,
    )


def render(canvas: Canvas, a: Attributes) -> Material:
    """Blades in three layers: thatch, short blades, long blades."""
    factor = feature_factor(a.scale)
    area = (canvas.size / 256) ** 2
    dense = area / factor**2
    comb = canvas.uniform(0, 2 * math.pi)
    wild = a.irregularity
    soil = canvas.fbm(canvas.count(12, a.scale), 5, 0.6)
    height = 0.12 * soil
    tone = shade(0.06 * canvas.noise(canvas.count(20, a.scale), 3) + 0.04 * canvas.white(), 0.004, 0.012 * soil)
    gloss = 0.1 * soil + 0.15
    clump = canvas.noise(canvas.count(4, a.scale), 2)
    dry = 0.08 + 0.3 * canvas.uniform() ** 2
    for layer, (count, length, width, low, high) in enumerate(
        ((900, 22.0, 1.6, 0.08, 0.4), (1500, 30.0, 2.4, 0.2, 0.75), (750, 40.0, 3.2, 0.35, 1.0))
    ):
        number = max(int(count * dense), 8)
        blades = _layer(canvas, number, length * factor, width * factor**0.8, low, high, wild, comb, 1 if layer == 0 else 2)
        one, two, three, four = torch.rand((4, number), generator=canvas.generator)
        dead = (three < dry * (2.2 if layer == 0 else 0.7)).float()
        own, hue = blades.pick(one - 0.5), blades.pick(two - 0.5)
        straw = blades.pick(dead)
        t, w = blades.along, blades.across
        light = 0.12 * own + 0.13 * (t - 0.45) + 0.035 * w * blades.pick((four > 0.5).float() * 2 - 1) - 0.05 * (w.abs() < 0.3).float()
        light = light + 0.09 * (layer - 1.2) + 0.09 * straw
        red = 0.012 * hue + 0.022 * straw - 0.006 + 0.012 * (t > 0.93).float()
        yellow = 0.022 * hue + 0.012 * t + 0.022 * straw
        here = (blades.id > 0).float()
        alpha = blades.shrink(here)
        over = blades.shrink(blades.z) / alpha.clamp_min(1e-3)
        front = alpha * (over > height - 0.12).float()
        # A blade shades what is under it.
        tone = tone - shade(0.05 * canvas.blur(front, 2.0 * factor) * (1 - front))
        colour = blades.shrink(shade(light, red, yellow) * here[None]) / alpha.clamp_min(1e-3)
        tone = mix(tone, colour, front)
        gloss = mix(gloss, blades.shrink(0.05 * own + 0.1 * straw - 0.05 * t + 0.02 * w), front)
        height = mix(height, over, front)
    tone = tone + shade(0.02 * clump + 0.006 * canvas.white(), -0.008 * clump, 0.008 * clump)
    return assemble(a, height + 0.05 * clump, tone, gloss, spread=1.15 + 0.8 * (1 - a.variation))

"""Moss: cushions of leafy shoots, small stars of fine leaves that are brightest in the middle, over dark hollows."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .....shared.material import feature_factor
from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, mix, shade, smoothstep
from ..natural import natural
from ..palettes import palette
from ..strokes import draw

PALETTE = palette("33,39,12/10,10,5 42,46,14/14,12,6 24,33,13/7,8,5 50,47,18/19,15,8 36,41,27/15,15,12 40,30,17/13,9,6")
LEAVES = 8


def sample(canvas: Canvas) -> Attributes:
    """Cushions from bright to nearly brown."""
    return natural(canvas, "moss", PALETTE, roughness=(0.6, 0.97), wear=(0.0, 0.3), grown=0.1)


def render(canvas: Canvas, a: Attributes) -> Material:
    """Domes carry shoots; a shoot is a star of leaves that stand up in its middle."""
    factor, size, g = feature_factor(a.scale), canvas.size, canvas.generator
    amount = 0.1 + 0.5 * a.irregularity
    warp_x, warp_y = (canvas.noise(canvas.count(7, a.scale), 3) * (14 * factor * amount) for _ in range(2))
    big = canvas.voronoi(canvas.count(5.5, a.scale, 2), 0.3 + 0.6 * a.irregularity)
    small = canvas.voronoi(canvas.count(13, a.scale, 3), 0.4 + 0.6 * a.irregularity)
    domes = (1 - (1 - (big.border / 0.42).clamp(0, 1)) ** 2.2).sqrt() * (0.55 + 0.45 * canvas.per_cell(big.id))
    lumps = (1 - (1 - (small.border / 0.45).clamp(0, 1)) ** 2.0).sqrt() * (0.6 + 0.4 * canvas.per_cell(small.id))
    dome = canvas.warp(0.68 * domes + 0.32 * lumps, warp_x, warp_y)
    tint = canvas.warp(canvas.per_cell(big.id, 2), warp_x, warp_y) - 0.5
    dome = dome + 0.12 * canvas.noise(canvas.count(9, a.scale), 3)
    ground = canvas.fbm(canvas.count(30, a.scale), 4, 0.7)
    height = 0.55 * dome + 0.06 * ground
    tone = shade(0.1 * dome - 0.14 + 0.05 * canvas.noise(canvas.count(50, a.scale), 2) + 0.03 * canvas.white(), 0.006, 0.01)
    gloss = 0.1 * ground
    for layer in range(2):
        shoots = max(int((800 if layer == 0 else 600) * (size / 256) ** 2 / factor**2), 6)
        centre = torch.rand((shoots, 2), generator=g) * size
        at = centre.long() % size
        base = dome[at[:, 1], at[:, 0]]
        # Few shoots in the hollows.
        keep = torch.nonzero(base > 0.16 + 0.25 * layer * torch.rand(shoots, generator=g)).flatten()
        centre, base = centre[keep], base[keep]
        shoots = len(keep)
        if shoots < 2:
            continue
        count = shoots * LEAVES
        star = torch.arange(count) // LEAVES
        leaf = (torch.arange(count) % LEAVES).float()
        one, two, three, four = torch.rand((4, count), generator=g)
        angle = torch.rand(shoots, generator=g)[star] * 7 + leaf * (2 * math.pi / LEAVES) + (one - 0.5) * 0.7
        sizes = torch.rand(shoots, generator=g)[star] * 0.6 + 0.7
        length = factor * (5.6 + 1.4 * layer) * sizes * (0.7 + 0.5 * two)
        foot = (0.12 + 0.62 * base[star] + 0.05 * layer)[:, None, None]
        lift = (0.13 * sizes * (0.7 + 0.6 * three))[:, None, None]

        def rise(t: Tensor, w: Tensor, foot: Tensor = foot, lift: Tensor = lift) -> Tensor:
            return foot + lift * (0.75 + 0.5 * t - 1.35 * t * t) - 0.02 * w * w

        hair = draw(size, centre[star], angle, length, torch.full((count,), 1.25 * factor**0.7), (four - 0.5) * 1.3, rise, _leaf, 2)
        here = (hair.id > 0).float()
        alpha = hair.shrink(here)
        old = hair.pick((torch.rand(shoots, generator=g) < 0.06).float()[star])
        young = hair.pick(torch.rand(shoots, generator=g)[star] - 0.5)
        light = 0.10 * (0.5 - hair.along) + 0.09 * young + 0.05 * (hair.pick(three) - 0.5) + 0.22 * (hair.z - 0.55) + 0.03 * hair.across
        colour = shade(light, 0.035 * old - 0.012 * young, 0.014 * young + 0.012 * (0.5 - hair.along) + 0.01 * old)
        front = alpha
        tone = mix(tone - shade(0.05 * canvas.blur(front, 1.5 * factor)), hair.shrink(colour * here[None]) / alpha.clamp_min(1e-3), front)
        height = mix(height, hair.shrink(hair.z) / alpha.clamp_min(1e-3), front)
        gloss = mix(gloss, hair.shrink(0.08 * (hair.along - 0.5) * here), front)
    hollow = smoothstep(0.5, 0.05, dome)
    tone = tone + shade(0.05 * tint[0] - 0.08 * hollow, 0.01 * tint[1], 0.012 * tint[0]) + shade(0.008 * canvas.white())
    return assemble(a, height, tone, gloss + 0.04 * hollow, spread=1.1 + 0.8 * (1 - a.variation), gloss_spread=0.06)


def _leaf(t: Tensor) -> Tensor:
    return (1 - t * t) * (0.6 + 0.4 * (t * 3).clamp_max(1))

"""Lava: a dark crust of plates, ropes and clinker over cracks that glow."""

from __future__ import annotations

import math

import torch

from .....shared.material import feature_factor
from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, lab, mix, shade, smoothstep, srgb
from ..natural import natural
from ..palettes import palette

PALETTE = palette("13,12,12/85,33,7 16,14,13/92,42,10 10,10,11/76,22,5 20,17,16/62,17,6 18,15,14/95,55,16 22,21,21/10,8,8 25,20,18/14,9,7")


def sample(canvas: Canvas) -> Attributes:
    """Glowing flows, and two that have gone cold."""
    return natural(canvas, "lava", PALETTE, roughness=(0.45, 0.92), relief=(0.25, 0.9), wet=0.1, grown=0.05, odd=0.12)


def render(canvas: Canvas, a: Attributes) -> Material:
    """Plates on plates, ropes bowed by the flow on some of them, clinker on others; heat in the cracks.

    Long: one material from top to bottom.
    """
    factor, wild = feature_factor(a.scale), a.irregularity
    dx, dy = (canvas.noise(canvas.count(5, a.scale), 4, 0.5) * (7 + 16 * wild) * factor for _ in range(2))
    jx, jy = (canvas.noise(canvas.count(28, a.scale), 3, 0.6) * (1.5 + 1.5 * wild) * factor for _ in range(2))
    plates = canvas.voronoi(canvas.count(canvas.choose((4.5, 6, 7.5)), a.scale, 2), 0.5 + 0.38 * wild)
    shards = canvas.voronoi(canvas.count(13, a.scale, 3), 1.0)
    border = canvas.warp(plates.border, dx + jx, dy + jy)
    shard = canvas.warp(shards.border, dx * 0.8 + jx, dy * 0.8 + jy)
    own = canvas.warp(canvas.per_cell(plates.id, 4), dx + jx, dy + jy)
    own_shard = canvas.warp(canvas.per_cell(shards.id, 2), dx * 0.8 + jx, dy * 0.8 + jy)
    wide = canvas.uniform(0.05, 0.13)
    width = wide + 0.7 * wide * canvas.noise(canvas.count(6, a.scale), 3)
    width = width.clamp_min(0.015)
    breaks = smoothstep(0.1, 0.55, canvas.noise(canvas.count(5, a.scale), 2) + canvas.uniform(-0.1, 0.4))
    wall = smoothstep(width * 0.45, width + 0.07, border)
    wall_shard = mix(1.0, smoothstep(0.02, 0.13, shard), breaks)
    # Ropes: folds across the flow, bowed where it ran faster, each with its own height.
    flow = canvas.noise(canvas.count(4, a.scale), 2) * 1.5 + canvas.warp(canvas.noise(canvas.count(11, a.scale), 2), jx, jy) * 0.28
    number = canvas.count(19, a.scale, 3)
    lean = canvas.choose((-1, 0, 0, 1)) * max(number // 3, 1)
    turns = canvas.y * number + canvas.x * lean + flow * 2.2 + own[3] * 3
    fold = (torch.sin(math.pi * turns)).abs()
    ropes = fold.clamp_min(1e-4) ** 0.6 * (0.75 + 0.25 * torch.sin(4 * flow + own[0] * 9))
    twist = torch.sin(2 * math.pi * (canvas.x * canvas.count(26, a.scale) + 1.6 * flow)) * 0.12 * fold
    clinker = canvas.ridged(canvas.count(15, a.scale), 4, 0.65)
    lumps = canvas.voronoi(canvas.count(34, a.scale), 1.0)
    lump = canvas.warp((1 - (lumps.f1 / 0.75) ** 2).clamp_min(0) * (0.4 + 0.6 * canvas.per_cell(lumps.id)), jx * 2, jy * 2)
    ropy = smoothstep(0.42, 0.58, own[1] + 0.3 * canvas.noise(canvas.count(7, a.scale), 2) + canvas.choose((-0.35, 0.0, 0.1, 0.7)))
    skin = mix(0.45 * clinker + 0.4 * lump, 0.75 * ropes + twist + 0.08 * clinker, ropy)
    holes = canvas.voronoi(canvas.count(48, a.scale), 1.0)
    vesicle = smoothstep(0.32, 0.16, holes.f1) * (canvas.per_cell(holes.id) < 0.3).float() * (1 - 0.6 * ropy)
    grit = canvas.noise(canvas.size // 4, 3, 0.8)
    crust = 0.62 * skin + 0.2 * own[0] + 0.12 * own_shard[0] - 0.1 * vesicle + 0.035 * grit + 0.1 * (border / 0.4).clamp(0, 1)
    deep = torch.minimum(wall, 0.25 + 0.75 * wall_shard)
    height = 0.62 * deep + crust * (0.3 + 0.7 * deep) * 0.85 + 0.06 * canvas.noise(canvas.count(4, a.scale), 2)
    molten = smoothstep(0.62, 0.1, deep)
    current = canvas.warp(canvas.noise(canvas.count(14, a.scale), 3, 0.6), dx, dy)
    scum = smoothstep(0.1, 0.6, canvas.warp(canvas.noise(canvas.count(22, a.scale), 3, 0.65), dx + jx * 2, dy + jy * 2)) * molten
    height = height + 0.05 * scum + 0.03 * current * molten
    edge = smoothstep(0.0, 0.05, height - canvas.blur(height, 2.0 * factor))
    ash = smoothstep(0.0, 0.8, canvas.noise(canvas.count(5, a.scale), 5, 0.6) + 0.25 * (own[2] - 0.5))
    light = 0.17 * (skin - 0.4) + 0.08 * ash + 0.06 * (own[2] - 0.5) + 0.05 * edge - 0.09 * vesicle + 0.04 * (own_shard[1] - 0.5)
    red = 0.012 * (1 - ash) * own_shard[1] + 0.004 * grit
    yellow = 0.010 * ash + 0.006 * own[2] - 0.004 * edge
    tone = shade(light + 0.022 * grit + 0.012 * canvas.white(), red, yellow)
    gloss = 0.5 * ash + 0.35 * grit - 0.6 * ropy * fold + 0.3 * clinker - 0.7 * molten
    made = assemble(a, height, tone, gloss, gap=molten, spread=0.8, gloss_spread=0.09)
    glow = _glowing(a)
    if glow < 0.02:
        return made
    # Heat: yellow where the crack is deepest, dark red at its rim and on the scum, a faint shine on the walls.
    heat = smoothstep(0.25, 1.0, molten) * (0.75 + 0.45 * current) - 0.55 * scum
    colour = lab(made.stack[:3])
    hot = (heat - (heat * molten).sum() / molten.sum().clamp_min(1)) * molten * glow
    rim = canvas.blur(molten, 3.0 * factor) * (1 - molten) * glow
    warm = lab(a.gap_color) - lab(a.color)
    colour = (
        colour
        + shade(0.26 * hot, -0.05 * hot.clamp_min(0), 0.06 * hot)
        + rim[None] * 0.28 * warm * torch.tensor([0.35, 1.0, 1.0])[:, None, None]
    )
    return _with_colour(made, colour)


def _glowing(a: Attributes) -> float:
    """0..1: gaps much brighter than the crust are hot."""
    return min(max((max(a.gap_color) - max(a.color) - 0.05) * 3, 0.0), 1.0)


def _with_colour(made: Material, colour: torch.Tensor) -> Material:
    """The same material in another base colour, OKLab."""
    return Material(torch.cat([srgb(colour), made.stack[3:]]), made.pattern, made.cells)

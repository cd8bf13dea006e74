"""Bark: plates that flake in steps between deep fissures along the trunk, which runs up the tile."""

from __future__ import annotations

import torch

from .....shared.material import feature_factor
from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, mix, shade, smoothstep
from ..natural import natural
from ..palettes import palette

PALETTE = palette("38,30,24/13,9,7 45,40,35/17,14,12 50,35,25/18,10,7 33,29,26/10,9,8 55,51,46/22,18,15 44,33,22/20,13,8 36,36,31/12,12,10")


def sample(canvas: Canvas) -> Attributes:
    """Oak, pine, poplar, larch."""
    return natural(canvas, "bark", PALETTE, roughness=(0.65, 0.97), relief=(0.3, 0.95), grown=0.35)


def render(canvas: Canvas, a: Attributes) -> Material:
    """Ridges that part and meet, or plates one above another, or both; then flakes, cross cracks and fibres."""
    factor, wild = feature_factor(a.scale), a.irregularity
    sway = canvas.noise((canvas.count(4, a.scale), canvas.count(3, a.scale)), 3) * (6 + 16 * wild) * factor
    jag = canvas.noise((canvas.count(26, a.scale), canvas.count(12, a.scale)), 3, 0.6) * (1.5 + 2.5 * wild) * factor
    lift = canvas.noise((canvas.count(12, a.scale), canvas.count(8, a.scale)), 3, 0.6) * (3 + 6 * wild) * factor
    plates = canvas.voronoi((canvas.count(8, a.scale, 3), canvas.count(canvas.choose((2.6, 3.4, 5.0)), a.scale)), 0.5 + 0.5 * wild)
    border = canvas.warp(plates.border, sway + jag, lift)
    body = canvas.warp(canvas.per_cell(plates.id, 3), sway + jag, lift)
    seams = canvas.noise((canvas.count(9, a.scale, 3), canvas.count(2.2, a.scale)), 2, 0.4)
    seam = canvas.warp(seams.abs(), sway * 0.7 + jag, lift)
    style = canvas.uniform()
    # A fissure's width differs along it.
    width = 0.13 + 0.07 * canvas.noise((canvas.count(7, a.scale), canvas.count(5, a.scale)), 2)
    from_seam = (seam / 0.42).clamp(0, 1)
    from_plate = (border / 0.4).clamp(0, 1)
    way = torch.minimum(from_plate, mix(1.0, from_seam, smoothstep(0.15, 0.5, torch.tensor(style))))
    way = mix(way, from_seam, float(smoothstep(0.65, 0.95, torch.tensor(style))))
    wall = smoothstep(width * 0.35, width * 0.35 + 0.28, way)
    crown = (1 - (1 - way.clamp(0, 1)) ** 2).clamp_min(0)
    # Flakes: a slope cut into steps whose edges are ragged, each step lit on its lip.
    slope = 1.6 * crown + 0.8 * body[0] + 0.55 * canvas.noise((canvas.count(16, a.scale), canvas.count(6, a.scale)), 4, 0.55)
    steps = slope * 3.2
    riser = steps - steps.floor()
    flake = (steps.floor() + smoothstep(0.0, 0.22, riser)) / 3.2
    layers = torch.sin(steps.floor() * 2.4 + body[1] * 6)
    cross = canvas.voronoi((canvas.count(12, a.scale), canvas.count(17, a.scale)), 1.0)
    crack = canvas.warp(cross.border, jag * 2.2, lift * 0.9 + 2.5 * factor * canvas.noise(canvas.count(40, a.scale), 2))
    crack = (
        smoothstep(0.10, 0.0, crack) * smoothstep(-0.15, 0.35, canvas.noise((canvas.count(8, a.scale), canvas.count(7, a.scale)), 2)) * wall
    )
    fibre = canvas.warp(canvas.noise((canvas.size * 3 // 8, canvas.count(16, a.scale)), 2, 0.7), jag * 1.5, lift)
    ropes = canvas.warp(canvas.ridged((canvas.count(38, a.scale), canvas.count(7, a.scale)), 3, 0.6), jag * 1.5, lift)
    grit = canvas.noise(canvas.size // 4, 2, 0.8)
    height = 0.62 * wall + 0.16 * crown + 0.17 * flake - 0.17 * crack + 0.045 * fibre * wall + 0.07 * ropes + 0.022 * grit
    height = height + 0.04 * canvas.noise(canvas.count(5, a.scale), 2)
    inner = smoothstep(0.6, 0.1, wall)
    lip = smoothstep(0.3, 0.05, riser) * wall
    cavity = height - canvas.blur(height, 3 * factor)
    bloom = canvas.noise(canvas.count(6, a.scale), 4, 0.6)
    light = (
        0.09 * layers * wall
        + 0.10 * lip
        + 0.10 * (body[2] - 0.5)
        + 0.55 * cavity
        + 0.045 * fibre
        + 0.05 * ropes
        - 0.12 * crack
        + 0.06 * bloom
    )
    red = 0.018 * inner + 0.012 * layers * wall + 0.008 * body[1] - 0.01 * bloom
    yellow = 0.012 * inner + 0.012 * (body[0] - 0.5) + 0.012 * layers - 0.01 * lip
    tone = shade(light + 0.03 * grit + 0.015 * canvas.white(), red, yellow + 0.003 * canvas.white())
    gloss = 0.05 * inner - 0.05 * lip + 0.04 * fibre + 0.03 * bloom - 0.05 * layers + 0.04 * grit
    return assemble(a, height, tone, gloss, spread=1.1 + 0.5 * (1 - a.variation), gloss_spread=0.06)

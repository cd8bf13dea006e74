"""Sand: grains of several minerals, wind ripples with forks, small lumps and hollows."""

from __future__ import annotations

import math

import torch

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, mix, smoothstep
from ..palettes import palette
from .mineral import above, cavity, draw, grit, hollows, standard, tint, wander

PALETTE = palette("d3b98c/a98a5f e2d3b3/b9a47c c19a66/8f6b40 b5734a/7f4a2c 4a4642/2c2927 c9bda6/9a8c73 ece4d6/c4b79f a08a6c/6f5c44")


def sample(canvas: Canvas) -> Attributes:
    """Desert, beach, volcanic and coral sand."""
    return draw(canvas, "sand", PALETTE, (0.65, 0.98), deep=(0.1, 0.8))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Straight ripples where regular, forked ripples and trodden lumps where irregular."""
    wild, n = a.irregularity, canvas.count(11, a.scale, 3)
    turn = canvas.uniform(-1.2, 1.2)
    kx, ky = round(n * math.sin(turn)), max(round(n * math.cos(turn)), 1)
    length = canvas.size / math.hypot(kx, ky)
    # Bending by noise longer than a ripple keeps them parallel; a little of half a ripple's width makes them fork.
    bend = canvas.noise(max(n // 3, 2), 2) * (0.22 + 0.5 * wild) + canvas.noise(n, 1) * 0.30 * wild
    phase = (kx * canvas.x + ky * canvas.y + bend) % 1.0
    crest = canvas.uniform(0.62, 0.8)  # long slope to windward, short slope to leeward
    ripple = torch.where(phase < crest, phase / crest, (1 - phase) / (1 - crest))
    ripple = canvas.blur(ripple**1.25, 0.055 * length)
    patchy = 0.75 + 0.35 * canvas.noise(max(n // 2, 2), 2)
    lumps = canvas.noise(max(n, 3), 4, 0.45)
    trodden = standard(canvas.warp(lumps, *wander(canvas, n * 2, 0.2 * length)))
    flat = canvas.choose((0.0, 0.15, 0.6, 1.0)) * (0.4 + 0.6 * wild)
    height = mix(standard(ripple) * patchy + 0.15 * lumps, trodden, flat)

    grains = canvas.voronoi(min(canvas.count(92, 0.3 + 0.4 * a.scale, 20), canvas.size // 2), 1.0)
    kind = canvas.per_cell(grains.id, 3)
    fine, coarse = grit(canvas, 0.5), grit(canvas, 1.2)
    bump = standard(0.5 - grains.f1) * (0.5 + 0.8 * kind[0])
    height = standard(height) + 0.11 * bump + 0.08 * fine + 0.06 * coarse

    pieces = canvas.voronoi(canvas.count(30, a.scale, 8))  # bits of shell and coarse grains
    which = canvas.per_cell(pieces.id, 3)
    size = (0.10 + 0.16 * which[0]) * (which[1] < 0.05 + 0.22 * wild)
    piece = smoothstep(size, 0.7 * size - 0.01, canvas.warp(pieces.f1, *wander(canvas, 48, 1.5)))
    height = height + 0.55 * piece

    dark = (kind[1] > 0.93 - 0.1 * a.variation).float()
    bright = (kind[2] > 0.92).float()
    drift = above(standard(height) + 0.8 * canvas.noise(n, 3), 0.4, 0.8)
    light = 0.55 * (kind[0] - 0.5) + 0.22 * fine - 0.9 * dark + 0.75 * bright + 0.28 * (drift - 0.4) + 0.15 * cavity(canvas, height, 3)
    light = light + piece * (1.4 * which[2] - 0.5) + 0.2 * lumps
    warm = 0.22 * (kind[1] - 0.5) + 0.08 * lumps - 0.1 * dark - 0.12 * piece
    return assemble(
        a, height, tint(light, 1.5 * warm), 0.4 * fine + 0.5 * lumps - 1.2 * bright - 0.8 * piece, gap=hollows(height, 0.6), spread=0.75
    )

"""Brushed metal: long fine scratches in one direction in several depths, dents, cross scratches of use, oxide and smudges."""

from __future__ import annotations

import math

import torch

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, smoothstep
from ..palettes import palette
from .mineral import above, draw, grit, hollows, standard, tint, wander

PALETTE = palette(
    "b9babb/8f9092 a3a5a8/77797d c9a566/96773f b87a52/86502f 8b8f94/5f6368 c8c5bd/9b978e 5d6166/3c3f43 a88d5c/7a623a 9fa8ad/6f787d"
)
HANDLES = frozenset({"wear"})


def sample(canvas: Canvas) -> Attributes:
    """Steel, aluminium, brass, copper, bronze, titanium."""
    return draw(canvas, "brushed_metal", PALETTE, (0.18, 0.55), (0.92, 1.0), (0.03, 0.4), 0.05)


def render(canvas: Canvas, a: Attributes) -> Material:
    """Parallel hairlines where regular, crossed and swirled where irregular."""
    wild, size = a.irregularity, canvas.size
    broad = 2.0 ** (1.5 * (a.scale - 0.5))
    upright = canvas.uniform() < 0.4

    def line(across: float, length: float, swap: bool = False) -> torch.Tensor:
        sigma = (across, length) if upright != swap else (length, across)
        return standard(canvas.blur(canvas.white(), sigma))

    hair, mid, wide = line(0.4, 34 * broad), line(0.9 * broad, 60 * broad), line(3.0 * broad, 80 * broad)
    short = line(0.5, 7 * broad)
    sparse = line(0.55, 18 * broad)
    deep = smoothstep(1.6, 3.0, sparse) + smoothstep(1.9, 3.2, line(0.7 * broad, 30 * broad))
    cross = smoothstep(1.9, 3.0, line(0.5, 14 * broad, True)) * (0.2 + wild)
    height = 0.8 * hair + 0.5 * mid * broad + 0.15 * wide + 0.35 * short - 0.7 * deep - 0.5 * cross
    swirl = wander(canvas, canvas.count(4, a.scale, 2), 0.1 + 0.5 * wild, 1)
    height = canvas.warp(height, *swirl)
    deep = canvas.warp(deep, *swirl)

    number = round((6 + 90 * a.wear) * (size / 256) ** 2)
    lengths = 6 + 16 * torch.rand(number, generator=canvas.generator)
    bow = (torch.rand(number, generator=canvas.generator) - 0.5) * 0.02

    def scratch(u: torch.Tensor, v: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        inside = smoothstep(1.0, 0.5, u.abs() / lengths[index])
        return inside * smoothstep(1.1, 0.3, (v - bow[index] * u * u).abs())

    scratches = canvas.scatter(number, 23, scratch).value * smoothstep(0.0, 0.25, torch.tensor(a.wear))
    dent = canvas.voronoi(canvas.count(9, a.scale, 3))
    dents = smoothstep(0.35, 0.0, dent.f1) * (canvas.per_cell(dent.id) < 0.6 * a.wear) * canvas.per_cell(dent.id)
    cloud = canvas.noise(canvas.count(5, a.scale, 2), 4, 0.6)
    smudge = above(cloud + 0.3 * canvas.noise(canvas.count(18, a.scale, 4), 3), 0.25 + 0.2 * a.wear, 0.8)
    fine = grit(canvas, 0.5)
    brushed = standard(height)
    height = brushed + 0.10 * fine - 1.6 * scratches - 1.2 * dents + 0.15 * cloud
    specks = canvas.voronoi(canvas.count(30, a.scale, 8))
    speck = smoothstep(0.2, 0.08, specks.f1) * (canvas.per_cell(specks.id) < 0.02 + 0.16 * a.wear)
    light = (
        0.4 * brushed
        + 0.10 * canvas.warp(wide, *swirl)
        + 0.35 * cloud
        - 0.3 * smudge
        - 0.5 * deep
        + 1.1 * scratches
        + 0.12 * fine
        - 1.2 * speck
    )
    warm = 0.3 * cloud + 0.2 * smudge + 0.3 * speck
    gloss = 0.45 * brushed + 0.9 * smudge + 0.8 * scratches + 0.25 * cloud + 1.0 * speck
    metallic = 1 - 0.25 * smudge - speck
    return assemble(
        a, height, tint(light, warm), gloss, metallic, gap=hollows(height), spread=0.3, gloss_spread=0.05 + 0.02 * math.sqrt(wild)
    )

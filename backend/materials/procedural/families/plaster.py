"""Plaster: strokes of a trowel over one another, or rough-cast; fine sand, hairline cracks and stains."""

from __future__ import annotations

import math

import torch

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, mix, smoothstep
from ..palettes import palette
from .mineral import above, cavity, draw, grit, hollows, on_line, standard, tint, wander

PALETTE = palette(
    "e3dccd/b9ae9b d8cbb0/a8977a c9a77c/8f7150 d9a58a/a06f56 b8b4aa/8a867d e9e6df/c2beb4 c7724f/8a4a32 a9b3a6/7a8478 "
    "dcc27e/a68c4c 9aa7b0/6c7780"
)


def sample(canvas: Canvas) -> Attributes:
    """Lime, clay and painted render."""
    return draw(canvas, "plaster", PALETTE, (0.6, 0.95), deep=(0.1, 0.6))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Smooth strokes where regular, thrown and dragged render where irregular."""
    wild = a.irregularity
    size = canvas.size / canvas.count(6, a.scale, 2)
    height = torch.zeros_like(canvas.x)
    for at_256 in (6, 9):  # two coats, the second leaves the first visible between its strokes
        n = canvas.count(at_256, a.scale, 2)
        patch = canvas.voronoi(n)
        dx, dy = wander(canvas, n * 2, 0.14 * size)
        random = canvas.per_cell(patch.id, 4)
        turn = math.pi * (0.15 + (0.3 + 0.7 * wild) * random[0])
        px, py = (canvas.x - patch.cx) * canvas.size + dx, (canvas.y - patch.cy) * canvas.size + dy
        across, lengthwise = py * turn.cos() - px * turn.sin(), px * turn.cos() + py * turn.sin()
        teeth = on_line(canvas, across / (0.11 * size) + random[1] * 64, 3, 0.75)
        tip = (across * (random[2] - 0.5) + lengthwise * (random[3] - 0.5)) / size
        lip = smoothstep(0.16, 0.0, patch.border)
        stroke = 0.35 * teeth * (1 - 0.6 * lip) + 1.1 * tip + 0.5 * lip
        height = height + canvas.warp(stroke, *wander(canvas, n * 3, 3.0 + 4 * wild)) * (1.0 if at_256 == 6 else 0.6)
    thrown = canvas.blur(canvas.ridged(canvas.count(14, a.scale, 4), 2, 0.5), 1.2)
    lumps = canvas.noise(canvas.count(28, a.scale, 8), 2, 0.5)
    rough_cast = standard(0.8 * smoothstep(0.35, 0.8, thrown) + 0.7 * lumps)
    waves = canvas.noise(canvas.count(4, a.scale, 2), 2)
    amount = smoothstep(0.5, 1.0, torch.tensor(wild)) * canvas.uniform(0.5, 1.0)
    height = mix(standard(height), rough_cast, amount) + 0.5 * waves
    pits = smoothstep(0.22, 0.05, canvas.voronoi(canvas.count(40, a.scale, 12)).f1) * above(canvas.noise(12, 2), 0.25, 0.3)
    fine = grit(canvas, 0.7)
    height = standard(height) + (0.10 + 0.10 * wild) * fine - 0.9 * pits
    crack = canvas.warp(canvas.voronoi(canvas.count(4, a.scale, 2)).border, *wander(canvas, 24, 5, 3))
    crack = smoothstep(0.022, 0.004, crack) * above(canvas.noise(5, 2), 0.1 + 0.55 * a.wear, 0.3) * min(1.5 * a.wear, 1.0)
    height = height - 1.2 * crack
    stain, cloud = canvas.noise((7, 3), 4, 0.55), canvas.noise(canvas.count(6, a.scale, 2), 4, 0.55)
    burnish = cavity(canvas, height, 4)
    light = 0.32 * cloud + 0.25 * stain + 0.3 * burnish + 0.12 * fine - 1.2 * crack - 0.5 * pits
    tone = tint(light, 0.3 * cloud - 0.3 * stain)
    return assemble(a, height, tone, cloud - 0.6 * burnish + 0.3 * fine, gap=hollows(height, 0.7), spread=0.42)

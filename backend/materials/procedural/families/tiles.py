"""Wall and floor tiles: glazed or stone-like, square, oblong or hexagonal, some with a painted ornament."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from ..layouts import Layout
from ..palettes import palette
from .masonry import draw, grain, lay, piece, specks, stains, tilt

HANDLES = frozenset({"wear"})
COLORS = palette(
    "86,85,82/60,59,57 78,72,62/55,50,43 66,35,22/52,45,38 28,42,50/72,71,68 30,46,38/66,65,60 24,24,25/42,41,40 "
    "57,56,55/36,35,34 80,62,38/58,52,44 20,30,48/80,79,76"
)
SHAPES: list[tuple[str, tuple[int, int]]] = [
    ("stack_bond", (6, 6)),
    ("stack_bond", (7, 7)),
    ("stack_bond", (12, 12)),
    ("running_bond", (6, 12)),
    ("hexagons", (8, 8)),
    ("hexagons", (12, 12)),
]


def sample(canvas: Canvas) -> Attributes:
    """Plausible attributes."""
    return draw(canvas, "tiles", COLORS, (0.06, 0.7), irregularity=(0.0, 0.7))


def _ornament(canvas: Canvas, layout: Layout) -> Tensor:
    """A figure that every tile repeats, -1..1 ``(H, W)``."""
    across, down = layout.u / float(layout.u.abs().max()), layout.v / float(layout.v.abs().max())
    radius, turn = (across**2 + down**2).sqrt(), torch.atan2(down, across)
    petals = canvas.choose([4, 4, 8])
    kind = canvas.integer(0, 2)
    if kind == 0:
        return torch.tanh(9 * (0.55 + 0.22 * torch.cos(petals * turn) - radius))
    if kind == 1:
        corner = ((across.abs() - 1) ** 2 + (down.abs() - 1) ** 2).sqrt()
        return torch.tanh(9 * (0.16 - (corner - canvas.uniform(0.6, 0.85)).abs()))
    return torch.tanh(9 * torch.sin((across.abs() + down.abs()) * math.pi * canvas.uniform(1.2, 2.2)))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Draws the tiles."""
    kind, counts = canvas.choose(SHAPES)
    layout, edge, mask = lay(canvas, a, kind, counts, canvas.uniform(1.8, 3.4), bite=0.15 + 0.5 * a.wear)
    numbers, fine, weather = piece(canvas, layout), grain(canvas), stains(canvas)
    cloud = canvas.noise(canvas.count(12, a.scale), 4, 0.6)
    shifted = canvas.warp(cloud, numbers[3] * canvas.size / 2, numbers[4] * canvas.size / 2)  # each tile from another position
    veins = smoothstep(0.09, 0.0, shifted.abs()) * canvas.uniform(0.0, 1.0)
    crack = canvas.voronoi(max(canvas.count(10, a.scale), 2)).border
    crazed = smoothstep(0.045, 0.0, crack + 0.05 * canvas.noise(canvas.count(43, a.scale), 1)) * smoothstep(
        1.2 - 1.8 * a.wear, 2.0 - 1.8 * a.wear, numbers[5]
    )
    pits, dirt = specks(canvas, 160 + 900 * a.wear, (0.6, 1.7)), specks(canvas, 900, (0.5, 1.3))
    pillow = smoothstep(-0.6, 3.2, edge)
    figure = _ornament(canvas, layout) if kind == "stack_bond" and canvas.uniform() < 0.4 else torch.zeros_like(edge)
    face = 0.72 + 0.22 * pillow + (0.05 + 0.10 * a.irregularity) * (0.7 * numbers[2] + 0.7 * tilt(layout, numbers[:2], 20))
    face = face + 0.02 * shifted + 0.006 * fine + 0.012 * figure - 0.25 * crazed - 0.22 * pits
    sandy = canvas.blur(canvas.white(), 0.7) * 2
    grout = 0.22 + 0.05 * sandy + 0.06 * canvas.noise(canvas.count(28, a.scale), 2)
    height = grout + (face - grout) * mask
    light = 0.6 * numbers[2] + 0.7 * shifted - 0.8 * veins - 1.6 * crazed + 0.14 * fine + 0.22 * weather - 1.3 * pits - 0.35 * dirt
    light = (
        light + figure * canvas.choose([-0.9, 0.9, 1.4]) + 0.35 * (pillow - 0.8) - 0.9 * a.wear * (1 - pillow) * smoothstep(-1, 2, weather)
    )
    hue, strength = canvas.uniform(0, 2 * math.pi), canvas.uniform(0.1, 0.5)
    warm = 0.16 * numbers[5] + 0.15 * shifted + strength * math.cos(hue) * figure
    cool = 0.16 * numbers[0] + 0.15 * cloud + strength * math.sin(hue) * figure
    soil = (1 - mask) * (0.5 * sandy + 0.6 * weather + 0.4 * fine)
    tone = shade(light * mask + soil, warm * 0.5 * mask, cool * 0.5 * mask)
    rough = (
        2.2 * (1 - mask)
        + 0.12 * fine
        + 0.5 * shifted
        + 0.4 * weather * (0.4 + a.wear)
        + 1.3 * crazed
        + 1.2 * pits
        + 0.3 * numbers[1] * mask
    )
    return assemble(a, height, tone, rough, gap=1 - mask, pattern=mask, cells=layout.cells, gloss_spread=0.08)

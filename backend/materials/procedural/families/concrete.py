"""Concrete: the formwork's print and pores, cement clouds, water stains, the aggregate where the skin is gone."""

from __future__ import annotations

import torch

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, smoothstep
from ..palettes import palette
from .mineral import above, cavity, draw, grit, hollows, standard, stones, tint, wander

PALETTE = palette("9b9a95/6b6a66 b3b0a8/807d76 7f7f7d/4f4f4e a79f8f/6f685b c4c2bc/98958f 8a8f90/5b6061 6a6865/3d3c3a b09a86/7a6858")
HANDLES = frozenset({"wear"})


def sample(canvas: Canvas) -> Attributes:
    """Grey, warm and white cement."""
    return draw(canvas, "concrete", PALETTE, (0.5, 0.9), deep=(0.2, 0.9))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Smooth skin at no wear, exposed aggregate at full wear."""
    wild, n = a.irregularity, canvas.count
    cloud = canvas.noise(n(5, a.scale, 2), 5, 0.68)
    mottle = canvas.warp(canvas.noise(n(14, a.scale, 4), 3, 0.7), *wander(canvas, 10, 9))
    fine, coarse = grit(canvas, 0.6), grit(canvas, 1.4)
    height = 0.5 * cloud + 0.35 * mottle + 0.10 * fine + 0.12 * coarse

    boards = torch.zeros_like(cloud)
    if canvas.uniform() < 0.45:  # rough boards: their grain and a fin of mortar between them
        across = canvas.x if canvas.uniform() < 0.5 else canvas.y
        number = n(6, a.scale, 2)
        place = across * number
        board = place.floor()
        inside = (place - board - 0.5).abs() * canvas.size / number
        half = 0.5 * canvas.size / number
        step = canvas.per_cell(board.long())
        lattice = (n(60, a.scale), n(5, a.scale)) if across is canvas.x else (n(5, a.scale), n(60, a.scale))
        grain = canvas.warp(canvas.noise(lattice, 3, 0.6), *wander(canvas, n(8, a.scale, 2), 4))
        fin = smoothstep(half - 2.4, half - 0.6, inside + 0.8 * canvas.noise(n(20, a.scale)))
        boards = 0.9 * (step - 0.5) + 0.55 * grain + 1.0 * fin
        height = height + 0.8 * boards

    bubbles = torch.zeros_like(cloud)
    for at_256, share in ((14, 0.10), (28, 0.09), (56, 0.10)):  # pores of trapped air in three sizes
        cells = canvas.voronoi(n(at_256, a.scale, 4), 0.8)
        random = canvas.per_cell(cells.id, 2)
        radius = (0.08 + 0.22 * random[0] ** 2) * (random[1] < share * (0.5 + 1.2 * wild))
        around = canvas.warp(cells.f1, *wander(canvas, 40, 1.2))
        bubbles = torch.maximum(bubbles, smoothstep(radius, radius * 0.55 - 0.02, around) * (0.5 + random[0]))
    height = height - 1.5 * bubbles

    bare = above(cloud + 0.6 * mottle + 0.25 * fine, 0.75 * max(a.wear - 0.15, 0.0) ** 1.2, 0.25)
    cells = canvas.voronoi(n(20, a.scale, 5))
    small = canvas.voronoi(n(38, a.scale, 9))
    size = canvas.size / n(20, a.scale, 5)
    pieces = canvas.per_cell(cells.id, 4)
    top = stones(canvas, cells.id, (cells.border - 0.10 - 0.22 * pieces[0]) * size, 0.8 * size, 0.7)
    speck = stones(canvas, small.id, (small.border - 0.16) * size * 0.53, 0.4 * size, 0.7)
    paste = torch.maximum(top, 0.55 * speck)
    stone = smoothstep(0.02, 0.12, top)
    height = standard(height) + bare * (1.6 * paste - 1.1 + 0.15 * fine)

    crack = canvas.warp(canvas.voronoi(n(3.5, a.scale, 2)).border, *wander(canvas, 20, 7, 4))
    crack = smoothstep(0.018, 0.003, crack) * above(canvas.noise(4, 2), 0.7 * a.wear, 0.3)
    height = height - 1.8 * crack

    runs = canvas.warp(canvas.noise((n(22, a.scale), 2), 4, 0.7), *wander(canvas, 6, 5))
    deep = cavity(canvas, height, 5)
    light = 0.65 * cloud + 0.3 * mottle + 0.4 * runs + 0.15 * fine + 0.1 * coarse + 0.18 * deep - 0.5 * bubbles - 1.0 * crack + 0.3 * boards
    exposed = bare * stone
    light = light + exposed * (1.3 * pieces[1] - 0.5) + 0.12 * bare * (1 - stone) * (fine - 0.8)
    warm = 0.12 * mottle - 0.10 * runs + exposed * 0.35 * (pieces[2] - 0.4)
    tone = tint(light, 1.0 * warm, 0.3 * exposed * (pieces[3] - 0.5))
    return assemble(a, height, tone, 0.7 * cloud + 0.3 * fine - exposed + bare, gap=hollows(height), spread=0.7)

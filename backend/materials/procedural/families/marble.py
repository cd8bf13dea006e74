"""Marble: veins along warped ridges at several widths, clouds of mineral, a polish that shows the crystals."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, smoothstep
from ..palettes import palette
from .mineral import above, draw, grit, tint, wander

PALETTE = palette(
    "e6e3de/8b8a8c dcd8d0/a08a66 2e3030/b9b4a8 47584b/b4c2b0 c7a58e/7d4a3c d9c7a8/9a7a52 7a3f36/d4bfb2 8d959c/e3e3e1 "
    "3b3f4a/a9a59a c9ced0/5d666b"
)


def sample(canvas: Canvas) -> Attributes:
    """Carrara, Calacatta, black, green, rose and onyx, mostly polished; the gap colour is that of the veins."""
    return draw(canvas, "marble", PALETTE, (0.08, 0.38), living=0.06)


def render(canvas: Canvas, a: Attributes) -> Material:
    """Long parallel veins where regular, brecciated where irregular."""
    wild, n = a.irregularity, canvas.count(2.1, a.scale, 1)
    unit = canvas.size / n
    slow = wander(canvas, n, (0.10 + 0.16 * wild) * unit, 2)
    quick = wander(canvas, n * 4, (0.02 + 0.03 * wild) * unit, 3)
    dx, dy = slow[0] + quick[0], slow[1] + quick[1]
    right, down = canvas.choose(((0, 1), (1, 1), (-1, 1), (1, 0), (1, 2), (-1, 2), (2, 1), (2, -1)))
    swell = smoothstep(-0.7, 0.7, canvas.noise(n * 2, 2))

    def ridge(number: int, bend: float, width: float) -> Tensor:
        """Lines of a thickness in pixels, along the zeros of a wave that noise bends; thinner where they turn."""
        phase = number * (right * canvas.x + down * canvas.y) + bend * canvas.noise(n, 2, 0.5) + canvas.uniform()
        field = canvas.warp(torch.sin(2 * math.pi * phase), dx, dy)
        gx, gy = field - field.roll(1, 1), field - field.roll(1, 0)
        away = field.abs() / (gx * gx + gy * gy).sqrt().clamp_min(0.02)
        return torch.exp(-away / width)

    few = max(round(0.8 * n / math.hypot(right, down)), 1)
    bend = 0.22 + 0.5 * wild
    thick = 0.02 * unit
    broad = ridge(few, bend, 7 * thick) * swell
    veins = ridge(few, bend, thick * canvas.uniform(0.5, 1.3)) * (0.15 + 0.85 * swell)
    branch = ridge(few, 1.5 * bend, 0.5 * thick + 0.4) * above(canvas.noise(n, 2), 0.6, 0.8)
    threads = ridge(2 * few, 1.8 * bend, 0.7) * above(canvas.noise(n, 2), 0.4, 0.8)
    breccia = canvas.warp(canvas.voronoi(canvas.count(7, a.scale, 3)).border, *wander(canvas, n * 4, 0.06 * unit, 2))
    broken = smoothstep(0.07, 0.01, breccia) * above(canvas.noise(n, 2), 0.8 * max(wild - 0.35, 0.0), 0.5)
    vein = torch.stack([veins, 0.85 * branch, 0.6 * threads, 0.8 * broken]).amax(0) + 0.45 * broad
    vein = (vein + 0.06 * canvas.noise(n * 8, 3)).clamp(0, 1.2)

    clouds = canvas.warp(canvas.noise((n * 2 * max(abs(right), 1), n * 2 * max(down, 1)), 5, 0.6), 2 * dx, 2 * dy)
    fine, coarse = grit(canvas, 0.6), grit(canvas, 1.5)
    crystals = canvas.voronoi(min(canvas.count(60, a.scale, 16), canvas.size // 2))
    sugar = canvas.per_cell(crystals.id)
    height = -1.5 * vein + 0.35 * clouds + 0.14 * fine + 0.10 * coarse + 0.2 * (sugar - 0.5)
    low = smoothstep(0.1, 0.9, vein)
    light = 0.8 * clouds + 0.25 * (sugar - 0.5) + 0.14 * fine - 0.3 * broad + 0.2 * coarse
    warm = 0.4 * canvas.noise(n, 4) + 0.3 * vein + 0.1 * clouds
    gloss = 0.7 * vein + 0.4 * fine + 0.5 * clouds + 0.4 * (sugar - 0.5)
    return assemble(a, height, tint(light, warm), gloss, gap=low, spread=0.6, gloss_spread=0.025 + 0.06 * a.roughness)

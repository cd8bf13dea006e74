"""Shingles and roof tiles: split wood, slate or clay in overlapping rows."""

from __future__ import annotations

import torch

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from ..palettes import palette
from .masonry import draw, grain, lay, piece, specks, stains

HANDLES = frozenset({"wear"})
COLORS = palette(
    "44,40,36/18,16,14 55,40,27/24,17,12 36,38,41/16,17,18 29,30,33/12,12,13 62,33,22/28,16,12 70,47,32/33,22,16 "
    "32,39,36/14,17,16 52,50,46/25,23,20"
)
SHAPES: list[tuple[int, int]] = [(8, 10), (8, 10), (7, 9), (10, 8), (11, 13)]


def sample(canvas: Canvas) -> Attributes:
    """Plausible attributes."""
    return draw(canvas, "shingles", COLORS, (0.4, 0.95), irregularity=(0.05, 1.0))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Draws the roof."""
    layout, edge, mask = lay(canvas, a, "shingles", canvas.choose(SHAPES), canvas.uniform(1.0, 2.4), bite=0.35 + 0.5 * a.wear)
    numbers, fine, weather = piece(canvas, layout), grain(canvas), stains(canvas)
    size, make = canvas.size, canvas.integer(0, 2)
    apart = (numbers[3] * size / 2, numbers[4] * size / 2)  # every piece shows another part of the grain
    fibres = canvas.warp(
        canvas.noise((size // 3, canvas.count(9, a.scale)), 2, 0.7)
        + 0.6 * canvas.noise((canvas.count(28, a.scale), canvas.count(4, a.scale)), 2),
        *apart,
    )
    blotch = canvas.warp(canvas.noise(canvas.count(18, a.scale), 4, 0.6), *apart)
    pits = specks(canvas, 300 + 600 * a.wear, (0.7, 1.9))
    length, half = float(layout.v.abs().max()), float(layout.u.abs().max())
    down = (layout.v / length).clamp(-1, 1)
    thick = (0.55 + 0.12 * numbers[2] * (0.3 + a.irregularity)) * (0.62 + 0.5 * (down * 0.5 + 0.5))
    lean = 0.10 * numbers[0] * layout.u / half + 0.07 * numbers[1] * (0.3 + a.irregularity)
    if make == 0:  # split wood
        surface, light = 0.16 * fibres, 1.5 * fibres + 0.5 * blotch + 0.35 * fine
        split = smoothstep(0.45, 0.75, fibres) * smoothstep(0.8 - a.wear, 1.6 - a.wear, 1.5 * blotch + 0.6 * numbers[5] + 0.5)
    elif make == 1:  # slate, in thin leaves
        leaves = torch.round(blotch * 5) / 5
        surface, light = 0.10 * leaves + 0.05 * blotch + 0.02 * fine, 0.9 * leaves + 0.4 * blotch + 0.4 * fine
        split = smoothstep(0.5, 0.9, blotch - 0.4 + 0.6 * a.wear)
    else:  # clay, rounded across
        surface = 0.22 * (1 - (layout.u / half) ** 2) + 0.02 * fine + 0.04 * blotch
        light, split = 0.8 * blotch + 0.55 * fine, smoothstep(0.5, 0.7, blotch - 0.4 + 0.5 * a.wear)
    rim = smoothstep(-0.6, 1.6, edge)
    height = (thick + lean + surface - 0.12 * split - 0.08 * pits) * (0.15 + 0.85 * rim)
    streak = canvas.blur(canvas.white(), (1.1, 9.0)) * 9
    light = (
        light + 0.9 * numbers[2] + 0.30 * weather + 0.45 * streak + 0.9 * (down - 0.1) * (0.5 + 0.5 * numbers[5]) - 0.8 * split - 0.6 * pits
    )
    light = light + 0.9 * a.wear * smoothstep(2.2, 0.6, edge) * smoothstep(0.2, 0.8, down)
    warm = 0.25 * numbers[5] + 0.16 * blotch + 0.10 * weather
    gap = torch.maximum(1 - mask, smoothstep(-0.62, -0.98, down) * 0.75)
    tone = shade(light, 0.35 * warm, 0.5 * warm + 0.12 * numbers[0])
    rough = 0.5 * fine + 0.5 * blotch + 0.5 * numbers[1] + 0.4 * weather + 0.7 * split - 0.4 * a.wear * smoothstep(0.2, 0.9, down)
    return assemble(a, height, tone, rough, gap=gap, pattern=mask, cells=layout.cells)

"""Cobblestones: worn, rounded stones with earth or sand between them."""

from __future__ import annotations

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from ..palettes import palette
from .masonry import draw, grain, lay, piece, specks, stains, tilt

HANDLES = frozenset({"wear"})
COLORS = palette(
    "46,45,44/27,24,20 38,38,40/22,20,18 55,50,44/36,31,25 50,42,37/30,25,20 62,58,51/45,39,31 30,31,33/38,35,31 44,36,34/25,22,19"
)


def sample(canvas: Canvas) -> Attributes:
    """Plausible attributes."""
    return draw(canvas, "cobblestone", COLORS, (0.4, 0.9))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Draws the pavement."""
    layout, edge, mask = lay(canvas, a, "cobble", joint=canvas.uniform(2.6, 4.6), bite=0.45)
    numbers, fine, weather = piece(canvas, layout), grain(canvas), stains(canvas)
    coarse, facets = canvas.noise(canvas.count(18, a.scale), 3, 0.6), canvas.ridged(canvas.count(14, a.scale), 3)
    earth, grit = canvas.blur(canvas.white(), 0.8) * 2.5, specks(canvas, 1400, (0.9, 2.4))
    pits = specks(canvas, 700, (0.7, 1.8))
    reach = max(float(edge.max()) * 0.75, 2.0)
    t = (edge / reach).clamp(0, 1)
    flat = 1.6 + 2.2 * (0.5 + 0.5 * numbers[3]) + a.wear
    dome = 1 - (1 - t) ** flat
    face = 0.30 + 0.62 * dome + (0.06 + 0.12 * a.irregularity) * (numbers[2] + 0.8 * tilt(layout, numbers[:2], 14))
    face = face + 0.025 * fine + 0.07 * coarse * (1.2 - a.wear * 0.7) + 0.05 * facets - 0.12 * pits
    ground = 0.13 + 0.045 * earth + 0.09 * grit + 0.08 * canvas.noise(canvas.count(26, a.scale), 2) + 0.03 * weather
    height = ground + (face - ground) * mask
    veins = smoothstep(0.80, 0.97, facets) * smoothstep(0.1, 0.6, numbers[4])
    speckle = canvas.white() * (0.5 + 0.5 * numbers[5]).clamp(0.15, 1)
    light = 0.75 * numbers[2] + 0.4 * numbers[3] + 0.35 * fine + 0.35 * speckle + 0.55 * coarse + 0.3 * weather
    light = light + 0.55 * (dome - 0.6) + 0.7 * veins - 0.8 * pits + 0.4 * a.wear * smoothstep(0.75, 1.0, dome)
    warm = 0.20 * numbers[5] + 0.10 * coarse + 0.06 * weather
    soil = 0.7 * earth + 1.1 * grit * canvas.noise(canvas.size // 3, 1) + 0.5 * weather
    tone = shade(light * mask + soil * (1 - mask), warm * 0.35 * mask, (warm * 0.5 + 0.10 * numbers[0]) * mask + 0.1 * (1 - mask) * earth)
    rough = 0.9 * (1 - mask) + 0.3 * fine - (0.5 + 0.9 * a.wear) * smoothstep(0.6, 1.0, dome) + 0.4 * numbers[1] * mask + 0.3 * coarse
    return assemble(a, height, tone, rough, gap=1 - mask, pattern=mask, cells=layout.cells, gloss_spread=0.09)

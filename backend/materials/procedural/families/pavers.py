"""Pavers: concrete or clay blocks with bevelled edges and sand in the joints."""

from __future__ import annotations

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from ..palettes import palette
from .masonry import draw, grain, lay, piece, specks, stains, tilt

HANDLES = frozenset({"wear"})
COLORS = palette(
    "58,57,55/38,35,31 47,46,45/33,30,27 58,38,31/42,36,30 66,58,46/46,40,32 36,35,36/25,23,21 52,32,25/56,50,42 72,68,60/50,45,38"
)
SHAPES: list[tuple[str, tuple[int, int]]] = [
    ("herringbone", (16, 16)),
    ("herringbone", (12, 12)),
    ("herringbone", (16, 16)),
    ("running_bond", (7, 11)),
    ("stack_bond", (8, 8)),
    ("hexagons", (7, 7)),
]


def sample(canvas: Canvas) -> Attributes:
    """Plausible attributes."""
    return draw(canvas, "pavers", COLORS, (0.55, 0.95), irregularity=(0.0, 0.9))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Draws the pavement."""
    kind, counts = canvas.choose(SHAPES)
    layout, edge, mask = lay(canvas, a, kind, counts, canvas.uniform(1.4, 2.8), bite=0.3 + 0.3 * a.wear)
    numbers, fine, weather = piece(canvas, layout), grain(canvas), stains(canvas)
    coarse, sandy = canvas.noise(canvas.count(26, a.scale), 3, 0.65), canvas.blur(canvas.white(), 0.7) * 2
    stones, holes = specks(canvas, 1500, (0.8, 2.3)), specks(canvas, 700, (0.6, 1.8))
    kinds = canvas.noise(canvas.size // 3, 1) / 0.3
    bevel = smoothstep(-0.8, 2.8, edge)
    worn = smoothstep(0.9 - 1.2 * a.wear, 1.9 - 1.2 * a.wear, 1.3 * coarse + 0.5 * weather + 0.35 * numbers[4])
    face = 0.58 + 0.36 * bevel + (0.05 + 0.12 * a.irregularity) * (0.9 * numbers[2] + 0.9 * tilt(layout, numbers[:2], 18))
    face = face + 0.028 * fine + 0.03 * coarse - 0.15 * holes + (0.09 * stones - 0.07) * worn
    sand = 0.17 + 0.06 * sandy + 0.09 * canvas.noise(canvas.count(28, a.scale), 2) + 0.03 * weather
    height = sand + (face - sand) * mask
    light = 0.55 * numbers[2] + 0.45 * fine + 0.35 * coarse + 0.35 * weather - 0.8 * holes + 0.5 * (bevel - 0.8)
    light = light + stones * kinds * (0.35 + 1.1 * worn) - 0.35 * worn + 0.4 * a.wear * smoothstep(0.35, 0.0, (bevel - 0.6).abs()) * mask
    warm = 0.18 * numbers[5] + 0.10 * coarse + 0.08 * stones * kinds
    joint = (1 - mask) * (0.9 * sandy + 0.5 * weather)
    tone = shade(light * mask + joint, 0.45 * warm * mask, (0.5 * warm + 0.10 * numbers[0] + 0.07 * weather) * mask)
    rough = 0.7 * (1 - mask) + 0.35 * fine + 0.4 * numbers[1] * mask + 0.3 * weather - 0.5 * stones * worn
    return assemble(a, height, tone, rough, gap=1 - mask, pattern=mask, cells=layout.cells)

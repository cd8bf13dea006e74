"""Brick walls: fired clay with sandy faces, burnt ends and mortar."""

from __future__ import annotations

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from ..palettes import palette
from .masonry import draw, grain, lay, piece, specks, stains, tilt

HANDLES = frozenset({"wear"})
COLORS = palette(
    "55,30,22/66,62,56 62,36,26/55,52,48 48,23,17/72,69,63 68,45,31/61,57,50 74,62,45/68,64,57 38,25,22/44,42,40 "
    "42,38,36/58,56,53 80,78,74/74,72,68 30,28,29/40,39,38"
)


def sample(canvas: Canvas) -> Attributes:
    """Plausible attributes."""
    return draw(canvas, "brick", COLORS, (0.55, 0.95))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Draws the wall."""
    layout, edge, mask = lay(canvas, a, "running_bond", joint=canvas.uniform(2.2, 3.6))
    numbers, fine, coarse, weather = piece(canvas, layout), grain(canvas), canvas.noise(canvas.count(21, a.scale), 3, 0.6), stains(canvas)
    sandy, pits = canvas.blur(canvas.white(), 0.7) * 2, specks(canvas, 500 + 700 * a.wear, (0.8, 2.6))
    drag = canvas.noise((canvas.count(13, a.scale), canvas.size // 3), 2) * smoothstep(0.0, 0.4, numbers[5])
    spalled = smoothstep(0.5, 0.62, coarse * 1.2 + 0.35 * weather + 0.5 * a.wear + 0.25 * numbers[4] - 0.25)
    crown = smoothstep(-0.5, 2.2 + 2.5 * a.irregularity, edge)
    face = 0.75 + 0.25 * crown + (0.05 + 0.10 * a.irregularity) * (numbers[2] + tilt(layout, numbers[:2], 22))
    face = face + 0.035 * fine + 0.05 * coarse + 0.05 * drag - 0.28 * pits - 0.22 * spalled * a.wear - 0.03 * spalled * fine
    mortar = 0.12 + 0.07 * sandy + 0.10 * canvas.noise(canvas.count(32, a.scale), 2) + 0.06 * weather
    height = mortar + (face - mortar) * mask
    burnt = smoothstep(0.3, 0.9, numbers[3]) * smoothstep(-18, 20, layout.u * (numbers[4].sign()))
    lime = smoothstep(0.9, 2.2, weather + 0.5 * coarse / 0.3 + 0.3 * fine) * (0.3 + a.wear)
    light = 0.55 * numbers[2] + 0.35 * numbers[3] - 0.9 * burnt + 0.40 * fine + 0.5 * coarse + 0.25 * weather - 0.9 * pits
    light = light + 1.1 * lime + 0.5 * spalled * a.wear + 0.45 * a.wear * (1 - crown) * mask
    warm = 0.22 * numbers[5] - 0.2 * burnt - 0.3 * lime + 0.06 * fine + 0.08 * coarse
    joint = (1 - mask) * (0.8 * sandy + 0.5 * weather + 0.4 * fine)
    tone = shade(light * mask + joint, warm * mask * 0.5, (0.8 * warm + 0.12 * numbers[0]) * mask * 0.5)
    rough = 0.6 * (1 - mask) + 0.3 * fine + 0.4 * numbers[1] * mask + 0.5 * spalled - 0.3 * burnt - 0.3 * a.wear * (1 - crown) * mask
    return assemble(a, height, tone, rough, gap=1 - mask, pattern=mask, cells=layout.cells)

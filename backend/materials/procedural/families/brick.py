"""Brick walls: fired clay with sandy faces, burnt ends and mortar."""

from __future__ import annotations

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from .masonry import Pair, draw, grain, lay, piece, specks, stains, tilt

HANDLES = frozenset({"wear"})
COLORS: list[Pair] = [
    ((0.55, 0.30, 0.22), (0.66, 0.62, 0.56)),
    ((0.62, 0.36, 0.26), (0.55, 0.52, 0.48)),
    ((0.48, 0.23, 0.17), (0.72, 0.69, 0.63)),
    ((0.68, 0.45, 0.31), (0.61, 0.57, 0.50)),
    ((0.74, 0.62, 0.45), (0.68, 0.64, 0.57)),
    ((0.38, 0.25, 0.22), (0.44, 0.42, 0.40)),
    ((0.42, 0.38, 0.36), (0.58, 0.56, 0.53)),
    ((0.80, 0.78, 0.74), (0.74, 0.72, 0.68)),
    ((0.30, 0.28, 0.29), (0.40, 0.39, 0.38)),
]


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

"""Planks: boards with their own grain, knots, nails and gaps."""

from __future__ import annotations

import torch

from .....shared.material import feature_factor
from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from ..palettes import palette
from .masonry import draw, grain, lay, piece, stains

HANDLES = frozenset({"wear"})
COLORS = palette(
    "58,42,27/20,13,8 70,53,35/30,20,12 40,26,16/14,9,6 50,47,43/18,16,14 62,60,56/25,23,21 28,19,13/9,7,5 55,33,20/18,10,6 "
    "78,66,48/38,29,19"
)


def sample(canvas: Canvas) -> Attributes:
    """Plausible attributes."""
    return draw(canvas, "planks", COLORS, (0.25, 0.9))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Draws the boards, upright."""
    counts = canvas.choose([(6, 2), (6, 2), (8, 3), (5, 2)])
    layout, edge, mask = lay(canvas, a, "planks", counts, canvas.uniform(1.6, 3.2), bite=0.2 + 0.4 * a.wear)
    numbers, fine, weather, size = piece(canvas, layout), grain(canvas), stains(canvas), canvas.size
    factor = feature_factor(a.scale) ** 0.7
    apart = (numbers[3] * size / 2, numbers[4] * size / 2)
    # Year rings: a slowly rising field, bent by noise stretched along the board, and pushed aside by knots.
    bent = canvas.noise((max(round(9 / factor), 2), 2), 2, 0.3) * (0.7 + 0.8 * a.irregularity)
    knots = canvas.voronoi((max(round(7 / factor), 2), max(round(4 / factor), 2)))
    chosen = smoothstep(0.62, 0.68, canvas.per_cell(knots.id))
    knot = chosen * torch.exp(-((knots.f1 / 0.20) ** 2)) * (0.4 + 0.6 * a.irregularity)
    field = canvas.warp(bent + 1.5 * knot, *apart)
    inside = canvas.warp(knot, *apart)
    rings = (field * canvas.uniform(2.5, 4.5) + canvas.uniform(0.04, 0.14) * layout.u / factor * numbers[5].sign() + numbers[2]) % 1.0
    late = rings**2.2 * smoothstep(1.0, 0.86, rings)  # dark late wood, then a sharp step
    fibres = canvas.warp(
        canvas.noise((size // 2, max(canvas.count(6, a.scale), 2)), 1)
        + 0.8 * canvas.noise((size // 4, max(canvas.count(4, a.scale), 2)), 2, 0.6),
        *apart,
    )
    pores = smoothstep(0.30, 0.62, fibres)
    checks = smoothstep(0.74 - 0.25 * a.wear, 0.95 - 0.25 * a.wear, canvas.warp(canvas.fbm((canvas.count(37, a.scale), 5), 3), *apart)) * (
        0.2 + a.wear
    )
    half_length = size / (2 * max(round(counts[1] / feature_factor(a.scale)), 1))
    end = half_length - layout.v.abs()
    nails = torch.exp(-(((layout.u.abs() - 0.26 * size / counts[0] * feature_factor(a.scale)) ** 2 + (end - 9) ** 2) / 2.6))
    nailed = nails * (1.0 if canvas.uniform() < 0.55 else 0.0)
    rim = smoothstep(-0.5, 1.8, edge)
    cup = (layout.u / (0.5 * size / counts[0] * feature_factor(a.scale))) ** 2 * numbers[1]
    face = 0.55 + 0.30 * rim + (0.10 + 0.14 * a.irregularity) * (numbers[2] + 0.5 * cup + 0.5 * numbers[0] * layout.v / half_length)
    face = (
        face + (0.05 + 0.10 * a.wear) * late + 0.018 * fibres - 0.045 * pores - 0.16 * checks + 0.05 * inside + 0.003 * fine - 0.12 * nailed
    )
    height = 0.08 + 0.02 * fine + (face - 0.08) * mask
    light = 0.75 * numbers[2] - 0.95 * late + 0.45 * fibres - 0.55 * pores - 1.3 * checks - 1.3 * inside + 0.16 * fine + 0.3 * weather
    light = light - 2.2 * nailed + 0.5 * a.wear * (1 - rim) * mask + 0.35 * a.wear * smoothstep(0.4, 1.8, weather)
    warm = 0.18 * numbers[5] + 0.16 * late + 0.28 * inside - 0.12 * a.wear * smoothstep(0.0, 1.5, weather)
    tone = shade(light, 0.45 * warm, 0.55 * warm + 0.10 * numbers[1])
    rough = 0.6 * fibres + 0.5 * (1 - late) + 0.6 * checks + 0.4 * numbers[0] + 0.4 * weather * a.wear + 0.8 * (1 - mask) + 0.2 * fine
    metal = nailed if a.metallic > 0.01 else None
    return assemble(a, height, tone, rough, metal, gap=1 - mask, pattern=mask, cells=layout.cells)

"""Metal plates: riveted sheets, painted or bare, with scratches, rubbed edges and rust that runs down."""

from __future__ import annotations

import math

import torch

from .....shared.material import feature_factor
from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from ..palettes import palette
from .masonry import draw, grain, lay, piece, specks, stains, tilt

HANDLES = frozenset({"wear"})
COLORS = palette(
    "48,49,50/22,20,19 36,37,39/16,14,13 58,57,54/32,22,16 34,40,36/24,16,11 30,37,46/26,17,12 66,50,22/28,19,13 "
    "52,22,17/20,13,11 62,48,36/26,19,14 70,70,68/34,28,24"
)


def sample(canvas: Canvas) -> Attributes:
    """Plausible attributes."""
    return draw(canvas, "plates", COLORS, (0.2, 0.75), metallic=(0.0, 1.0), irregularity=(0.0, 0.8), dry=0.7)


def render(canvas: Canvas, a: Attributes) -> Material:
    """Draws the plates.

    Long: one material from top to bottom.
    """
    counts = canvas.choose([(3, 3), (4, 4), (3, 4), (4, 6), (5, 5)])
    layout, edge, mask = lay(canvas, a, "plates", counts, canvas.uniform(1.2, 2.4), bite=0.1 + 0.2 * a.wear)
    assert layout.rivets is not None
    numbers, fine, weather, size = piece(canvas, layout), grain(canvas), stains(canvas, 5), canvas.size
    coarse, dents = canvas.noise(canvas.count(21, a.scale), 4, 0.6), canvas.noise(max(round(7 / feature_factor(a.scale)), 2), 2)
    rivets, pits = layout.rivets, specks(canvas, 250 + 1200 * a.wear, (0.6, 1.8))
    brushed = canvas.blur(canvas.white(), (7.0, 0.4)) / 0.2
    count = int((30 + 220 * a.wear) * (size / 256) ** 2)
    reach = 6 + 10 * torch.rand(count, generator=canvas.generator)
    turn = torch.randn(count, generator=canvas.generator) * 0.5 + canvas.choose([0.0, 0.6, 1.57])
    scratches = canvas.scatter(
        count, 17, lambda u, v, k: (1 - (u / reach[k]) ** 2) * (1 - (v / 0.8) ** 2).clamp_min(0) - 0.02, turn
    ).value.clamp(0, 1)
    around = canvas.blur(rivets, 2.5) * 3
    near = smoothstep(5.0, 0.0, edge) + around.clamp(0, 1) * (1 - rivets)
    run = torch.roll(canvas.blur(torch.maximum(rivets, 1 - mask), (1.3, 9.0)), 9, 0) * (
        1 + 1.5 * canvas.noise((size // 4, canvas.count(4, a.scale)), 2)
    )
    rust = smoothstep(1.5 - 1.5 * a.wear, 2.5 - 1.5 * a.wear, 0.8 * near + 1.6 * run + 0.55 * weather + 1.1 * coarse + 0.08 * fine)
    rubbed = smoothstep(
        1.35 - 1.1 * a.wear, 1.5 - 1.1 * a.wear, 0.9 * smoothstep(3.0, 0.5, edge) + 0.6 * rivets + 0.4 * weather + 0.9 * coarse
    )
    rubbed = torch.maximum(rubbed * (0.3 + 0.7 * a.wear), scratches * min(1.0, 0.2 + a.wear)) * (1 - rust)
    tread = torch.zeros_like(edge)
    if canvas.uniform() < 0.25:  # chequer plate: short bars, every second one turned
        across = max(2 * round(size / (20 * feature_factor(a.scale))), 2)
        step = size / across
        i, j = (canvas.x * across).floor(), (canvas.y * across).floor()
        way = torch.where((i + j) % 2 == 0, 1.0, -1.0) * math.sqrt(0.5)
        px, py = canvas.x * size - (i + 0.5) * step, canvas.y * size - (j + 0.5) * step
        along, over = px * math.sqrt(0.5) + py * way, py * math.sqrt(0.5) - px * way
        tread = smoothstep(1.0, 0.55, ((along / (0.58 * step)) ** 2 + (over / (0.2 * step)) ** 2).sqrt()) * smoothstep(3, 7, edge)
    rim = smoothstep(-0.6, 1.2, edge)
    face = (
        0.50
        + 0.12 * rim
        + (0.04 + 0.08 * a.irregularity) * (numbers[2] + 0.6 * tilt(layout, numbers[:2], 40))
        + 0.09 * dents * (0.4 + a.irregularity)
    )
    face = face + 0.22 * rivets + 0.17 * tread - 0.035 * rubbed + rust * (0.018 * fine + 0.03) - 0.04 * pits + 0.003 * fine + 0.012 * coarse
    height = 0.06 + 0.02 * fine + (face - 0.06) * mask
    light = (
        0.5 * numbers[2] + 0.35 * coarse + 0.28 * weather + 0.16 * fine + (0.3 * brushed - 0.1) * a.metallic + 0.35 * rivets - 0.5 * pits
    )
    light = (
        light
        + 1.5 * rubbed
        - rust * (1.0 + 0.45 * fine - 0.9 * coarse)
        - 0.8 * (around.clamp(0, 1) * (1 - rivets))
        - 0.5 * run.clamp(0, 1)
        + 0.3 * tread
    )
    warm = 0.08 * numbers[5] + rust * (0.45 + 0.45 * coarse + 0.12 * fine) + 0.2 * run.clamp(0, 1) * a.wear
    tone = shade(light, 0.55 * warm, 0.75 * warm + 0.05 * numbers[0])
    rough = (
        0.4 * weather
        + 0.4 * coarse
        + 0.25 * fine
        + 0.2 * brushed * a.metallic
        + 2.4 * rust
        - 0.8 * rubbed * (1 - a.metallic)
        + 0.3 * numbers[1]
        + 0.6 * pits
    )
    metal = rubbed * (1.2 - a.metallic) - 1.4 * rust * a.metallic - (1 - mask)
    return assemble(a, height, tone, rough, metal, gap=1 - mask, pattern=mask, cells=layout.cells, gloss_spread=0.1)

"""Woven cloth: spun threads over and under, plain, striped or checked."""

from __future__ import annotations

import math

import torch

from .....shared.material import feature_factor
from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from ..palettes import palette
from .masonry import draw, grain, lay, stains

HANDLES = frozenset({"wear"})
COLORS = palette(
    "72,65,53/34,28,21 60,50,36/27,21,14 24,32,48/10,13,20 80,78,73/48,46,42 55,20,20/24,9,9 36,40,30/16,18,13 "
    "34,33,33/13,13,13 68,52,30/32,23,13 50,42,52/22,18,23"
)


def sample(canvas: Canvas) -> Attributes:
    """Plausible attributes."""
    return draw(canvas, "weave", COLORS, (0.5, 0.98), irregularity=(0.0, 0.9), dry=0.75)


def render(canvas: Canvas, a: Attributes) -> Material:
    """Draws the cloth."""
    counts = canvas.choose([(24, 24), (24, 24), (16, 24), (24, 16), (30, 30)])
    layout, edge, mask = lay(canvas, a, "weave", counts, canvas.uniform(0.8, 2.6), bite=0.25 + 0.4 * a.irregularity)
    size, factor = canvas.size, feature_factor(a.scale)
    nx = max(2, round(counts[0] / factor * size / 256))
    nx += nx % 2
    ny = max(2, round(counts[1] / factor * size / 256))
    ny += ny % 2
    fine, weather = grain(canvas, 0.45), stains(canvas)
    numbers = canvas.per_cell(layout.cells, 4) * 2 - 1
    standing = (layout.cells < nx).float()
    # Twist of the yarn: oblique plies over every thread, out of step from thread to thread.
    pitch = max(2.6, 0.42 * 256 / max(counts) * factor)
    twist = torch.sin(
        (layout.u * 0.8 + layout.v * 1.15) * (2 * math.pi / pitch) + 6.3 * numbers[1] + 1.2 * canvas.noise(canvas.count(32, a.scale), 2)
    )
    hairs_x, hairs_y = canvas.blur(canvas.white(), (0.4, 2.4)), canvas.blur(canvas.white(), (2.4, 0.4))
    hair = (hairs_x * standing + hairs_y * (1 - standing)) / 0.28
    slubs = canvas.noise((size // 4, canvas.count(18, a.scale)), 2) * standing + canvas.noise((canvas.count(18, a.scale), size // 4), 2) * (
        1 - standing
    )
    fuzz = canvas.ridged(canvas.count(43, a.scale), 2)
    height = (
        layout.profile * (0.72 + 0.28 * smoothstep(-1.0, 2.0, edge))
        + 0.07 * twist * layout.profile
        + 0.035 * hair
        + 0.07 * slubs * (0.3 + a.irregularity)
    )
    height = height + 0.03 * fine + 0.10 * a.wear * (fuzz - 0.5) + 0.04 * weather * a.irregularity
    thin = smoothstep(1.1 - 0.9 * a.wear, 2.2 - 0.9 * a.wear, weather + 0.25 * fine)
    light = 0.55 * numbers[0] + 0.35 * twist + 0.5 * hair + 0.5 * slubs + 0.35 * fine + 0.8 * (layout.profile - 0.6) + 0.2 * weather
    light = light + (0.8 * thin + 0.4 * a.wear * smoothstep(0.8, 1.0, fuzz)) * (1 if canvas.uniform() < 0.7 else -1)
    warm, cool = 0.10 * numbers[2] + 0.04 * weather, 0.10 * numbers[3] + 0.05 * slubs
    design, hue = canvas.integer(0, 4), canvas.uniform(0, 2 * math.pi)
    band = canvas.choose([2, 4, 6])
    column, line = layout.cells % max(nx, 1), (layout.cells - nx).clamp_min(0)
    dyed = torch.zeros_like(edge)
    if design == 1:  # warp and weft of two colours
        dyed = standing * 2 - 1
    elif design == 2:  # stripes
        dyed = torch.where(standing > 0, (column // band % 2).float(), 0.5) * 2 - 1
    elif design == 3:  # checks
        dyed = torch.where(standing > 0, (column // band % 2).float(), (line // band % 2).float()) * 2 - 1
    depth, tint = canvas.uniform(0.5, 1.6), canvas.uniform(0.05, 0.5)
    tone = shade(light + depth * dyed, 0.5 * (warm + tint * math.cos(hue) * dyed), 0.5 * (cool + tint * math.sin(hue) * dyed))
    rough = 0.5 * hair + 0.4 * fine - 0.6 * layout.profile + 0.4 * weather + 0.8 * thin + 0.3 * numbers[1]
    dark = smoothstep(0.42, 0.05, layout.profile + 0.06 * fine)
    return assemble(a, height, tone, rough, gap=torch.maximum(dark, 1 - mask), pattern=mask, cells=layout.cells)

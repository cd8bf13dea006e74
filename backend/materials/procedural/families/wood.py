"""Planed wood: year rings cut lengthwise, rays, pores and fibres; the grain runs up the tile."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .....shared.material import feature_factor
from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from ..natural import natural
from ..palettes import palette
from ..strokes import draw

PALETTE = palette(
    "66,48,31/45,29,17 76,61,43/58,41,26 42,27,18/24,14,9 52,31,19/33,17,10 80,68,52/62,48,34 30,21,16/16,11,8 "
    "56,53,49/33,31,29 58,36,24/38,20,13"
)


def sample(canvas: Canvas) -> Attributes:
    """Oak, ash, walnut, cherry, pine, wenge, weathered grey."""
    return natural(canvas, "wood", PALETTE, roughness=(0.25, 0.85), relief=(0.05, 0.7), wear=(0.0, 0.5), grown=0.05, wet=0.2)


def render(canvas: Canvas, a: Attributes) -> Material:
    """Rings are the levels of a field that rises across the tile; where noise outruns the rise they close to cathedrals.

    Long: one material from top to bottom.
    """
    factor, wild, size, g = feature_factor(a.scale), a.irregularity, canvas.size, canvas.generator
    rings = canvas.count(canvas.choose((9, 13, 18)), a.scale, 3)
    bow = canvas.noise((canvas.count(2.6, a.scale), 1), 2, 0.35) * rings * canvas.uniform(0.05, 0.1 + 0.22 * wild)
    wave = canvas.noise((canvas.count(7, a.scale), canvas.count(1.7, a.scale)), 3, 0.4) * (0.08 + 0.3 * wild)
    knots = torch.zeros(size, size)
    if wild > 0.45 and canvas.uniform() < 0.3:
        spots = canvas.voronoi((canvas.count(5, a.scale), canvas.count(2.5, a.scale)), 0.9)
        some = (canvas.per_cell(spots.id) < 0.45).float()
        knots = torch.exp(-((spots.f1 / 0.16) ** 2)) * some
        bow = bow + canvas.uniform(2.5, 4.5) * torch.exp(-((spots.f1 / 0.27) ** 2)) * some
    level = canvas.x * rings + bow + wave
    level = level + 0.012 * rings * canvas.noise((size // 3, canvas.count(10, a.scale)), 1) * 0.6
    # Years differ in width: the same shift for a whole ring, periodic as the rings are.
    year = level + 0.22 * torch.sin(level * (2 * math.pi * canvas.integer(1, 3) / 1.0) / rings * canvas.integer(2, 4))
    phase = year - year.floor()
    number = year.floor().long() % rings
    own = torch.rand((3, rings), generator=g)[:, number]
    late_from = 0.45 + 0.3 * own[0]
    late = smoothstep(late_from - 0.35, 0.96, phase) * smoothstep(1.0, 0.93, phase)
    porous = smoothstep(0.5, 0.0, phase)
    fibre = canvas.noise((size // 2, canvas.count(7, a.scale)), 1) * 0.7 + canvas.noise((size // 4, canvas.count(12, a.scale)), 2) * 0.5
    silk = canvas.noise((canvas.count(45, a.scale), canvas.count(3, a.scale)), 2)
    figure = canvas.noise((canvas.count(5, a.scale), canvas.count(11, a.scale)), 3) * canvas.uniform() ** 2
    count = max(int(canvas.uniform(300, 2600) * (size / 256) ** 2 / factor**1.5), 20)
    points = torch.rand((count, 2), generator=g) * size
    at = points.long() % size
    keep = torch.rand(count, generator=g) < 0.15 + 0.85 * porous[at[:, 1], at[:, 0]]
    # Pores follow the grain: the direction along which the rings' level stays.
    gx = (torch.roll(level, -2, 1) - torch.roll(level, 2, 1)) % rings
    gx = torch.where(gx > rings / 2, gx - rings, gx)
    gy = torch.roll(level, -2, 0) - torch.roll(level, 2, 0)
    xx, xy, yy = canvas.blur(torch.stack([gx * gx, gx * gy, gy * gy]), 5.0 * factor)
    turn = (0.25 * torch.atan2(2 * xy, xx - yy)).clamp(-0.3, 0.3)
    points, at = points[keep], at[keep]
    count = len(points)
    one, two, three = torch.rand((3, count), generator=g)
    angle = math.pi / 2 + turn[at[:, 1], at[:, 0]] + 0.05 * (one - 0.5)
    length, width = factor * (3 + 9 * two * two), 0.35 + 0.5 * three * factor**0.5
    lines = draw(size, points, angle, length, width, 0.1 * (one - 0.5), _flat(one), lambda t: _lens(t) ** 0.4)
    pore = lines.shrink((lines.id > 0).float() * (0.35 + 0.65 * lines.pick(two)))
    rays = int(canvas.uniform(0, 260) * canvas.uniform() * (size / 256) ** 2 / factor**1.5) + 4
    spot = torch.rand((rays, 2), generator=g) * size
    tilt = torch.rand(rays, generator=g)
    other = tilt.flip(0)
    length, width = factor * (4 + 12 * tilt), 1 + 1.8 * other * factor
    flecks = draw(size, spot, 0.3 * (tilt - 0.5) + math.pi / 2, length, width, 0.8 * (other - 0.5), _flat(tilt), lambda t: _lens(t) ** 0.6)
    fleck = flecks.shrink((flecks.id > 0).float())
    strength = canvas.uniform(0.5, 1.0)
    light = (
        -0.11 * late * (0.5 + 0.7 * own[1]) * strength
        - 0.11 * pore
        + 0.05 * fleck
        + 0.026 * fibre
        + 0.028 * silk
        + 0.02 * figure
        - 0.1 * knots
    )
    light = light + 0.03 * (own[2] - 0.5) + 0.02 * canvas.noise((canvas.count(3, a.scale), 1), 3) + 0.006 * canvas.white()
    red = 0.014 * late + 0.006 * silk - 0.006 * fleck + 0.02 * knots + 0.003 * figure
    yellow = 0.008 * silk - 0.008 * late * own[1] + 0.004 * fibre + 0.008 * (own[2] - 0.5) - 0.01 * pore
    hard = 1.0 if canvas.uniform() < 0.5 else -0.6
    height = 0.42 * hard * late - 0.55 * pore + 0.14 * fibre + 0.14 * silk + 0.1 * fleck + 0.2 * wave * wild + 0.02 * canvas.white()
    gloss = 0.6 * pore - 0.3 * late + 0.25 * fibre - 0.35 * fleck + 0.2 * silk - 0.5 * knots
    gap = smoothstep(0.25, 0.95, pore * 0.85 + 0.45 * late * own[1] + 0.3 * knots)
    return assemble(
        a, height, shade(light, 0.5 * red, 0.65 * yellow), gloss, gap=gap, spread=0.85 + 0.3 * (1 - a.variation), gloss_spread=0.05
    )


def _flat(order: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Strokes that lie flat, one over another in the order of ``(count,)`` numbers 0..1."""
    return lambda t, w: 0.5 + 0.4 * order[:, None, None] + 0 * t * w


def _lens(t: Tensor) -> Tensor:
    return (4 * t * (1 - t)).clamp(0, 1)

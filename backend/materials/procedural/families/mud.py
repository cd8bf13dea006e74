"""Mud: dried polygons with curled edges, finer cracks within them, or wet and trodden without cracks."""

from __future__ import annotations

import dataclasses

import torch

from .....shared.material import feature_factor
from ...attributes import Attributes, Color
from ...stack import Material
from ..canvas import Canvas, assemble, mix, smoothstep
from ..layouts import make_layout
from ..palettes import palette
from .mineral import above, cavity, draw, grit, hollows, offsets, standard, tint, wander

PALETTE = palette("a08a6d/4c3c2b 8b6e52/3d2c1e b9a78d/63523d 6f5a45/33261a 9c9488/4d463d a8714e/54311d 7d7566/393329 c7b596/75603f")


def sample(canvas: Canvas) -> Attributes:
    """Clay, silt and loam, dry or wet."""
    return draw(canvas, "mud", PALETTE, (0.6, 0.95))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Cracks close from a wetness of 0.4 on, and are gone at 0.75."""
    wild, factor = a.irregularity, feature_factor(a.scale)
    layout = make_layout("cracked", (canvas.size, canvas.size), factor, wild, canvas.generator)
    size, n = 256 / 7 * factor, canvas.count(7, a.scale, 2)
    closed = float(smoothstep(0.4, 0.75, torch.tensor(a.wetness)))
    dx, dy = offsets(canvas, layout.cells)
    random = canvas.per_cell(layout.cells, 5)
    fine, coarse = grit(canvas, 0.6), grit(canvas, 1.4)
    edge = layout.edge + 0.035 * size * canvas.noise(n * 4, 4, 0.7) - 0.02 * size * random[4] + 0.5  # torn, of several widths
    inside = edge.clamp_min(0)
    curl = torch.exp(-inside / (0.16 * size)) * (0.5 + random[0])
    bowl = (dx * dx + dy * dy) / (size * size)
    tip = 1.6 * (dx * (random[1] - 0.5) + dy * (random[2] - 0.5)) / size
    lumps = canvas.noise(n * 2, 4, 0.6)
    plate = 0.8 * curl + 0.7 * bowl.clamp(0, 0.6) + tip + 0.5 * (random[3] - 0.5) + 0.25 * lumps
    small = canvas.warp(canvas.voronoi(n * 3).border, *wander(canvas, n * 6, 0.06 * size, 2))
    hair = smoothstep(0.085, 0.02, small) * above(canvas.noise(n * 2, 2), 0.25 + 0.4 * wild, 0.5)
    flakes = canvas.noise(n * 6, 3, 0.7)
    rounded = smoothstep(0.0, 0.07 * size + 1.0, edge)
    dry = plate - 0.45 * hair + 0.13 * flakes
    floor = -2.0 + 0.25 * lumps + 0.15 * coarse
    dry = torch.lerp(floor, dry, rounded * layout.mask)

    trodden = canvas.warp(canvas.noise(n, 3, 0.45), *wander(canvas, n, 0.25 * size, 2))
    pressed = canvas.blur(canvas.ridged(n, 2, 0.5), 0.02 * size)
    wet = standard(standard(trodden) + 0.8 * standard(pressed) + 0.10 * flakes)
    blurred = canvas.blur(dry, 0.1 + 3.0 * closed)
    height = mix(standard(dry), standard(wet + 0.35 * (1 - closed) * standard(blurred)), closed) + 0.05 * fine + 0.07 * coarse

    stones = canvas.voronoi(canvas.count(30, a.scale, 8))
    which = canvas.per_cell(stones.id, 3)
    radius = (0.14 + 0.2 * which[0]) * (which[1] < 0.03 + 0.12 * wild)
    pebble = smoothstep(radius, radius * 0.5 - 0.01, canvas.warp(stones.f1, *wander(canvas, 40, 1.0)))
    height = height + 0.4 * pebble
    pale = canvas.noise(n, 4, 0.6)
    rim = cavity(canvas, height, 0.10 * size)
    crust = (1 - closed) * (0.5 * curl + 0.35 * (random[4] - 0.5))
    light = 0.45 * pale + 0.28 * rim + crust + 0.18 * fine + 0.14 * coarse + 0.12 * flakes - 0.5 * hair * (1 - closed)
    light = light + pebble * (1.2 * which[2] - 0.5)
    warm = 0.16 * pale + 0.12 * (random[1] - 0.5) * (1 - closed) - 0.1 * crust
    pattern = (layout.mask + (1 - layout.mask) * closed).clamp(0, 1)
    gap = torch.lerp(1 - rounded * layout.mask, hollows(height, 0.9), closed)
    # Wet through, mud is one glossy mass: hollows differ less from the body.
    soaked = dataclasses.replace(a, roughness=a.roughness * (1 - 0.5 * closed), gap_color=_between(a.gap_color, a.color, 0.6 * closed))
    gloss = 0.6 * pale + 0.3 * fine + 0.2 * rim
    return assemble(soaked, height, tint(light, 1.3 * warm), gloss, gap=gap, pattern=pattern, cells=layout.cells, spread=0.7)


def _between(first: Color, second: Color, share: float) -> Color:
    red, green, blue = (x + (y - x) * share for x, y in zip(first, second, strict=True))
    return red, green, blue

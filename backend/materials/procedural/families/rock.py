"""Rock: tilted strata broken to ledges, faces of fracture, cracks, mineral stains and weathering."""

from __future__ import annotations

import math

import torch

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, mix, smoothstep
from ..palettes import palette
from .mineral import above, cavity, draw, grit, hollows, on_line, standard, tint, wander

PALETTE = palette(
    "8c857b/4a443d 6f6e6c/343331 a58a6a/5f4a35 9e6b4b/553423 b5ab9a/6f6657 54565a/242629 7b7466/3c382f c9b79a/85735a 6a5a58/332a29"
)


def sample(canvas: Canvas) -> Attributes:
    """Granite, slate, sandstone, limestone, basalt."""
    return draw(canvas, "rock", PALETTE, (0.6, 0.95))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Bedded where regular, shattered where irregular."""
    wild, n = a.irregularity, canvas.count(5, a.scale, 2)
    unit = canvas.size / n
    tilt = torch.zeros_like(canvas.x)
    for at_256, weight in ((5, 1.0), (11, 0.62), (24, 0.33), (48, 0.16)):  # planes of fracture, each size breaking the last
        cells = canvas.count(at_256, a.scale, 2)
        squash = max(round(cells * canvas.choose((0.6, 1.0, 1.0, 1.5))), 2)
        faces = canvas.voronoi((cells, squash))
        random = canvas.per_cell(faces.id, 3)
        lean_x, lean_y = (canvas.x - faces.cx) * cells * (random[0] - 0.5), (canvas.y - faces.cy) * squash * (random[1] - 0.5)
        plane = 2.4 * (lean_x + lean_y) + 0.9 * (random[2] - 0.5)
        tilt = tilt + weight * canvas.warp(plane, *wander(canvas, cells * 2, 0.22 * canvas.size / cells, 2))
    # Beds advance by whole periods along both axes, so that they meet at the edges of the tile.
    right, down = canvas.choose(((0, 1), (1, 2), (-1, 2), (1, 1), (-1, 1), (1, 0), (1, 3), (-1, 3)))
    period = max(round(canvas.count(13, a.scale, 4) / math.hypot(right, down)), 2)
    bend = canvas.noise(max(n // 2, 2), 4, 0.55) * (0.7 + 1.6 * wild) + 0.5 * tilt
    bed = on_line(canvas, period * (right * canvas.x + down * canvas.y) + bend, 3, 0.75, period)
    erosion = canvas.noise(canvas.count(16, a.scale, 4), 4, 0.62)
    stepped = smoothstep(-0.15, 0.15, bed + 0.25 * erosion) + 0.5 * bed
    shatter = mix(0.25, 1.0, wild)
    height = standard(tilt) * shatter + standard(stepped) * (1.05 - shatter) + 0.17 * erosion
    network = canvas.voronoi(canvas.count(6, a.scale, 2)).border
    network = canvas.warp(network, *wander(canvas, canvas.count(10, a.scale, 3), 0.25 * unit, 4))
    crack = smoothstep(0.05, 0.0, network) * above(canvas.noise(n, 2), 0.35 + 0.5 * a.wear, 0.4)
    fine, coarse = grit(canvas, 0.6), grit(canvas, 1.3)
    rubble = canvas.ridged(canvas.count(22, a.scale, 6), 3, 0.65)
    height = standard(height) - 0.9 * crack + 0.09 * standard(rubble) + 0.05 * fine + 0.05 * coarse

    stain = canvas.warp(canvas.noise(n, 5, 0.65), *wander(canvas, n * 2, 0.2 * unit))
    crystals = canvas.voronoi(min(canvas.count(64, a.scale, 16), canvas.size // 2))
    mineral = canvas.per_cell(crystals.id, 2)
    granular = canvas.choose((0.15, 0.35, 0.8))
    exposed = cavity(canvas, height, 0.12 * unit)
    broad = cavity(canvas, height, 0.5 * unit)
    light = 0.42 * bed + 0.45 * stain + 0.32 * exposed + 0.2 * broad + 0.15 * fine + granular * 0.9 * (mineral[0] - 0.5) - 0.8 * crack
    iron = smoothstep(0.15, 0.8, stain + 0.5 * bed)
    warm = 0.22 * iron - 0.16 * stain + 0.12 * bed + 0.2 * granular * (mineral[1] - 0.5)
    return assemble(
        a, height, tint(light, 1.4 * warm, 0.25 * iron), 0.5 * stain - 0.4 * exposed + 0.3 * fine, gap=hollows(height, 0.5), spread=0.85
    )

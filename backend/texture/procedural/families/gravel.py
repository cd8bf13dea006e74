"""Gravel: stones of several sizes and kinds, over one another, with facets, dust and sand between them."""

from __future__ import annotations

import torch

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from ..layouts import make_layout
from .mineral import cavity, draw, grit, offsets, on_line, standard, stones, wander

PALETTE = (
    ("8f8b84", "3f3b36"),
    ("a39a8b", "4d453a"),
    ("77787a", "2e2f31"),
    ("b7a68c", "5f5140"),
    ("9c8070", "45362d"),
    ("c9c4ba", "6e675c"),
    ("5c5f63", "222326"),
    ("a88e66", "4e3f2b"),
)


def sample(canvas: Canvas) -> Attributes:
    """River pebbles and crushed stone."""
    return draw(canvas, "gravel", PALETTE, (0.45, 0.92))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Round pebbles where regular, crushed stone where irregular."""
    from .....shared.material import feature_factor

    layout = make_layout("pebbles", (canvas.size, canvas.size), feature_factor(a.scale), a.irregularity, canvas.generator)
    size = 256 / 18 * feature_factor(a.scale)
    angular = 0.15 + 0.8 * a.irregularity
    fine, coarse = grit(canvas, 0.6), grit(canvas, 1.3)
    random = canvas.per_cell(layout.cells, 6)
    big = 0.75 + 1.3 * stones(canvas, layout.cells, layout.edge, size, angular) + 0.7 * (random[0] - 0.5)
    height = torch.where(layout.mask > 0.5, big, torch.full_like(big, -0.4) + 0.12 * coarse)
    owner, tints = layout.cells, random
    # Smaller stones: under the large ones where they fill the joints, some on top of them.
    for at_256, base, share in ((30.0, 0.15, 1.0), (44.0, -0.15, 1.0), (21.0, 1.15, 0.10 + 0.14 * a.irregularity), (38.0, 1.2, 0.10)):
        cells = canvas.voronoi(canvas.count(at_256, a.scale, 6))
        width = canvas.size / canvas.count(at_256, a.scale, 6)
        there = canvas.per_cell(cells.id, 6)
        rim = (cells.border - 0.06 - 0.16 * there[1]) * width
        rim = rim + 0.8 * canvas.noise(canvas.count(60, a.scale, 8))
        top = base + 0.075 * width * stones(canvas, cells.id, rim, width, angular) + 0.5 * (there[2] - 0.5)
        over = (rim > 0) & (there[0] < share) & (top > height)
        height = torch.where(over, top, height)
        tints = torch.where(over, there, tints)
        owner = torch.where(over, cells.id + int(owner.max()) + 1, owner)
    dx, dy = offsets(canvas, owner)
    bands = on_line(canvas, (dx * (tints[3] - 0.5) + dy * (tints[4] - 0.5)) / (0.10 * size) + 64 * tints[5], 2)
    speckle = canvas.noise(min(canvas.count(70, a.scale, 16), canvas.size // 2), 2)
    stone = smoothstep(-0.3, 0.0, height)
    height = standard(height) + 0.045 * fine + 0.05 * coarse + 0.05 * speckle * stone + 0.04 * bands * stone
    banded = smoothstep(0.55, 0.8, tints[5])
    # Shadow: what lies below its surroundings sees less of the sky.
    shadow = cavity(canvas, height, 0.35 * size).clamp(-2.2, 0.8)
    chalky = (tints[4] > 0.9).float() - (tints[3] > 0.88).float()
    light = 0.85 * (tints[1] - 0.5) + 0.35 * chalky + 0.25 * shadow + (0.10 + 0.22 * banded) * bands + 0.12 * speckle + 0.12 * fine
    dust = canvas.noise(canvas.count(9, a.scale, 3), 3)
    warm = 0.42 * (tints[2] - 0.5) + 0.08 * dust + 0.05 * bands * banded
    red = 0.22 * (tints[3] - 0.5)
    edge = canvas.blur((height > height.mean() - 0.3).float(), 1.0)
    gloss = 0.6 * (tints[5] - 0.5) + 0.3 * dust + 0.2 * fine - 0.3 * edge
    return assemble(a, height, shade(light * (0.4 + 0.6 * stone), red, warm), gloss, pattern=layout.mask, cells=layout.cells)

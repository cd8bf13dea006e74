"""Gravel: stones of several sizes and kinds, over one another, with facets, dust and sand between them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .....shared.material import feature_factor
from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, smoothstep
from ..layouts import make_layout
from ..palettes import palette
from .mineral import cavity, draw, grit, offsets, on_line, quantile, standard, stones, tint

PALETTE = palette("8f8b84/3f3b36 a39a8b/4d453a 77787a/2e2f31 b7a68c/5f5140 9c8070/45362d c9c4ba/6e675c 5c5f63/222326 a88e66/4e3f2b")


def sample(canvas: Canvas) -> Attributes:
    """River pebbles and crushed stone."""
    return draw(canvas, "gravel", PALETTE, (0.45, 0.92))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Round pebbles where regular, crushed stone where irregular."""
    wild, factor = a.irregularity, feature_factor(a.scale)
    layout = make_layout("pebbles", (canvas.size, canvas.size), factor, wild, canvas.generator)
    size = 256 / 18 * factor
    angular = 0.15 + 0.75 * wild
    fine, coarse = grit(canvas, 0.6), grit(canvas, 1.3)
    tints = canvas.per_cell(layout.cells, 6)
    edge = layout.edge - (0.03 + 0.10 * tints[5]) * size + 0.5 * canvas.noise(canvas.count(50, a.scale, 12))
    bed = 0.55 * stones(canvas, layout.cells, edge, size, angular) + 0.30 * (tints[0] - 0.5)
    height = torch.where(edge > 0, bed, -0.35 + 0.06 * coarse)
    pattern, owner = layout.mask, layout.cells
    # Loose stones of three sizes, small ones first, so that the larger lie on them.
    area = (canvas.size / size) ** 2
    for number, wide, base in ((1.3 * area, 0.22, -0.2), (0.22 * area, 0.42, 0.2), (0.08 * area, 0.66 + 0.25 * wild, 0.45)):
        top, there, new = _loose(canvas, round(number), wide * size, angular)
        over = there & (base + top > height)
        height = torch.where(over, base + top, height)
        tints = torch.where(over, canvas.per_cell(new, 6), tints)
        owner = torch.where(over, new + int(owner.max()) + 1, owner)
        pattern = torch.maximum(pattern, canvas.blur(over.float(), 0.5))
    dx, dy = offsets(canvas, owner)
    bands = on_line(canvas, (dx * (tints[3] - 0.5) + dy * (tints[4] - 0.5)) / (0.10 * size) + 64 * tints[5], 2)
    speckle = canvas.noise(min(canvas.count(70, a.scale, 16), canvas.size // 2), 2)
    stone = smoothstep(-0.25, 0.0, height)
    height = standard(height) + 0.035 * fine + 0.04 * coarse + stone * (0.05 * speckle + 0.03 * bands)
    banded = smoothstep(0.6, 0.85, tints[5])
    # What is below its surroundings sees less of the sky.
    shadow = cavity(canvas, height, 0.3 * size).clamp(-2.2, 0.8)
    kind = 0.5 * (tints[4] > 0.88).float() - 0.45 * (tints[3] > 0.85).float()
    dust = canvas.noise(canvas.count(9, a.scale, 3), 3)
    light = 0.8 * (tints[1] - 0.5) + kind + 0.34 * shadow + (0.05 + 0.25 * banded) * bands + 0.12 * speckle + 0.10 * fine
    warm = 0.6 * (tints[2] - 0.45) + 0.2 * dust + 0.1 * bands * banded
    tone = tint(light * (0.4 + 0.6 * stone), warm * stone, 0.3 * (tints[3] - 0.5) * stone)
    gloss = 0.6 * (tints[5] - 0.5) + 0.3 * dust + 0.2 * fine - 0.3 * stone
    gap = smoothstep(quantile(height, 0.4), quantile(height, 0.08), height)
    return assemble(a, height, tone, gloss, gap=gap, pattern=pattern, cells=owner)


def _loose(canvas: Canvas, number: int, radius: float, angular: float) -> tuple[Tensor, Tensor, Tensor]:
    """Scattered stones of about a radius in pixels: height over their bed, where they are, which (int64 from 0); each a cut polygon."""
    random = torch.rand((number, 24), generator=canvas.generator)
    sides = 7

    def stamp(u: Tensor, v: Tensor, index: Tensor) -> Tensor:
        r = random[index]
        scale = radius * (0.6 + 0.5 * r[..., 0])
        u, v = u / scale, v / (scale * (0.55 + 0.4 * r[..., 1]))
        reach = torch.zeros_like(u)
        for k in range(sides):
            turn = 2 * math.pi * (k + 0.7 * (r[..., 2 + k] - 0.5)) / sides
            reach = torch.maximum(reach, (u * turn.cos() + v * turn.sin()) / (0.72 + 0.22 * r[..., 9 + k]))
        reach = torch.lerp((u * u + v * v).sqrt() / 0.9, reach, 0.3 + 0.65 * angular)
        dome = (1 - reach.clamp(0, 1) ** (2.2 + 1.5 * angular)).clamp_min(0).sqrt()
        flat = 0.75 + 0.3 * r[..., 16] + (0.25 + 0.5 * angular) * ((r[..., 17] - 0.5) * u + (r[..., 18] - 0.5) * v)
        facet = 0.85 + 0.4 * r[..., 19] - 0.9 * angular * (u * (r[..., 20] - 0.5) + v * (r[..., 21] - 0.5)).abs()
        return torch.minimum(dome, torch.minimum(flat, facet)) * (reach < 1) * (0.7 + 0.5 * r[..., 22])

    stamps = canvas.scatter(number, math.ceil(radius * 1.15), stamp)
    return 0.5 * stamps.value, stamps.id > 0, (stamps.id - 1).clamp_min(0)

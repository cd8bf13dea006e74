"""Ice: clear and clouded, with cracks whose planes lead into the depth, bubbles frozen in, and frost on top."""

from __future__ import annotations

import math

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
    "55,72,80/28,48,60 42,60,68/14,28,36 70,82,87/45,63,73 30,50,58/8,19,25 62,72,75/36,45,49 48,68,66/20,40,40 78,85,88/58,68,74"
)


def sample(canvas: Canvas) -> Attributes:
    """Lake ice, glacier ice, frosted ice."""
    return natural(canvas, "ice", PALETTE, roughness=(0.06, 0.6), relief=(0.05, 0.65), wear=(0.0, 0.4), wet=0.25, grown=0.0, odd=0.12)


def _cracks(canvas: Canvas, a: Attributes, cells: float, stray: float, reach: float) -> tuple[Tensor, Tensor, Tensor]:
    """Line of the cracks, the plane that each leads into the depth on one side, and a number per piece; 0..1."""
    factor = feature_factor(a.scale)
    found = canvas.voronoi((canvas.count(cells, a.scale, 2), canvas.count(cells, a.scale, 2)), 0.85)
    dx, dy = (canvas.noise(canvas.count(cells * 1.5, a.scale), 4, 0.5) * stray * factor for _ in range(2))
    border = canvas.warp(found.border, dx, dy)
    own = canvas.warp(canvas.per_cell(found.id, 2), dx, dy)
    pixels = border * canvas.size / canvas.count(cells, a.scale, 2)
    line = torch.exp(-((pixels / 0.85) ** 2))
    # Light falls on the plane of a crack on one side of it only: on pieces with a high number.
    plane = torch.exp(-pixels / (reach * factor)) * smoothstep(0.45, 0.8, own[0])
    return line, plane, own[1]


def render(canvas: Canvas, a: Attributes) -> Material:
    """Cracks of two sizes, clouds, bubbles in swarms, needles of frost.

    Long: one material from top to bottom.
    """
    factor, wild, size, g = feature_factor(a.scale), a.irregularity, canvas.size, canvas.generator
    big, big_plane, piece = _cracks(canvas, a, 4.5, 3 + 6 * wild, 9.0)
    mid, mid_plane, shard = _cracks(canvas, a, 10, 1.5 + 3 * wild, 4.0)
    fine, _, _ = _cracks(canvas, a, 25, 2, 2.0)
    swarm = canvas.noise(canvas.count(4, a.scale), 3)
    some = smoothstep(-0.3, 0.35, canvas.noise(canvas.count(4, a.scale), 2) + 0.15)
    few = smoothstep(0.0, 0.5, canvas.noise(canvas.count(5, a.scale), 2) + canvas.uniform(-0.2, 0.3))
    rare = smoothstep(0.25, 0.7, canvas.noise(canvas.count(5, a.scale), 2) + canvas.uniform(-0.2, 0.3))
    line = torch.maximum(big * (0.35 + 0.65 * some), torch.maximum(0.75 * mid * few, 0.5 * fine * rare))
    plane = torch.maximum(big_plane * (0.3 + 0.7 * some), 0.7 * mid_plane * few)
    veil = canvas.warp(canvas.noise((canvas.count(20, a.scale), canvas.count(20, a.scale)), 3, 0.6), 9 * swarm, 9 * few)
    plane = plane * (0.7 + 0.4 * veil)
    dx, dy = (canvas.noise(canvas.count(5, a.scale), 3) * 16 * factor for _ in range(2))
    cloud = canvas.warp(canvas.fbm(canvas.count(5, a.scale), 5, 0.6), dx, dy)
    milk = smoothstep(0.45, 0.85, cloud)
    bubbles = torch.zeros(size, size)
    ring = torch.zeros(size, size)
    for cells, least, most, share in ((15, 0.16, 0.36, 0.35), (34, 0.16, 0.34, 0.4)):
        found = canvas.voronoi(canvas.count(cells, a.scale), 0.8)
        own = canvas.per_cell(found.id, 3)
        radius = least + (most - least) * own[0] ** 2
        there = (own[1] < share * (0.35 + smoothstep(-0.3, 0.5, swarm))).float() * (0.4 + 0.6 * own[2])
        soft = 0.9 * canvas.count(cells, a.scale) / size
        disc = smoothstep(radius + soft, radius - soft, found.f1) * there
        edge = torch.exp(-(((found.f1 - radius * 0.85) / (soft * 0.9)) ** 2)) * there
        bubbles, ring = torch.maximum(bubbles, disc), torch.maximum(ring, edge)
    # Frost: ferns of needles that grow from points, in patches.
    frosty = smoothstep(-0.1, 0.5, canvas.noise(canvas.count(4, a.scale), 3, 0.55) + canvas.uniform(-0.55, 0.25))
    count = max(int(1500 * (size / 256) ** 2 / factor**2), 10)
    seeds = torch.rand((max(count // 18, 1), 2), generator=g) * size
    seed = torch.randint(0, len(seeds), (count,), generator=g)
    one, two, three = torch.rand((3, count), generator=g)
    around = (one * 6).floor() * (math.pi / 3) + 0.35 * (two - 0.5) + torch.rand(len(seeds), generator=g)[seed] * 6
    away = 11 * factor * three
    points = seeds[seed] + torch.stack([torch.cos(around), torch.sin(around)], 1) * away[:, None]
    side = torch.where(two > 0.5, 1.0, -1.0) * (math.pi / 3) * (one * 97 % 1 > 0.3).float()
    at = points.floor().long() % size
    keep = frosty[at[:, 1], at[:, 0]] > two * 0.6 + 0.12
    points, around, side, three = points[keep], around[keep], side[keep], three[keep]
    needle = torch.zeros(size, size)
    if len(points):

        def rise(t: Tensor, w: Tensor) -> Tensor:
            return 0.4 + 0.5 * three[:, None, None] * (1 - t) + 0 * w

        length, width = factor * (3 + 7 * (1 - three)), torch.full((len(points),), 0.75)
        needles = draw(size, points, around + side, length, width, 0.2 * side, rise, lambda t: 1 - 0.7 * t)
        needle = needles.shrink((needles.id > 0).float() * (0.5 + 0.5 * needles.z))
    rime = frosty * (0.55 + 0.45 * canvas.fbm(canvas.count(40, a.scale), 4, 0.7)) * 0.5
    frost = torch.maximum(rime, needle)
    grit = canvas.noise(size // 3, 2, 0.8)
    dimples = canvas.noise(canvas.count(9, a.scale), 2)
    scratch = canvas.ridged((canvas.count(3, a.scale), canvas.count(5, a.scale)), 2)
    light = (
        0.30 * line
        + 0.16 * plane
        + 0.13 * milk
        + 0.10 * ring
        + 0.07 * bubbles
        + 0.20 * frost
        + 0.05 * (piece - 0.5)
        + 0.035 * (shard - 0.5) * few
    )
    light = light + 0.03 * veil + 0.02 * dimples + 0.012 * grit + 0.007 * canvas.white()
    pale = 0.6 * line + 0.5 * milk + frost + 0.3 * plane
    tone = shade(light, 0.014 * pale - 0.012 * cloud, 0.016 * pale + 0.012 * (cloud - 0.5) - 0.008 * (piece - 0.5))
    height = (
        0.42 * milk
        + 0.5 * cloud
        + 0.24 * dimples
        + 0.3 * (piece - 0.5)
        + 0.14 * (shard - 0.5) * few
        + 0.5 * frost
        - 0.55 * line
        + 0.12 * ring
    )
    height = height + 0.025 * grit + 0.08 * scratch
    gloss = 1.3 * frost + 0.6 * line + 0.35 * milk + 0.1 * grit + 0.25 * ring + 0.12 * veil
    deep = smoothstep(0.75, 0.1, cloud + 0.35 * (piece - 0.5) + 0.5 * frost) * (1 - 0.8 * line)
    return assemble(a, height, tone, gloss, gap=deep, spread=0.9, gloss_spread=0.10)

"""Asphalt: broken stones of several sizes in a dark binder, worn free on top; cracks, oil and tar."""

from __future__ import annotations

import torch

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, smoothstep
from ..palettes import palette
from .mineral import above, cavity, draw, grit, hollows, standard, stones, tint, wander

PALETTE = palette("56565a/232325 6f6e6c/2f2e2d 434447/19191b 87837c/3d3a36 5f5a55/282522 77706a/312d29 7a4a40/35201b 999690/4c4a47")
HANDLES = frozenset({"wear"})


def sample(canvas: Canvas) -> Attributes:
    """Fresh and black to old and bleached."""
    return draw(canvas, "asphalt", PALETTE, (0.55, 0.95))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Closely graded where regular, coarse and gappy where irregular; wear bares the stones and opens cracks."""
    wild = a.irregularity
    fine, coarse = grit(canvas, 0.6), grit(canvas, 1.3)
    binder = 0.25 * canvas.noise(canvas.count(40, a.scale, 10), 3, 0.7) + 0.10 * coarse
    height, tints = binder - 0.1, torch.zeros(4, canvas.size, canvas.size)
    for at_256, share, rise in ((50, 0.6, 0.4), (32, 0.5, 0.6), (21, 0.3 + 0.3 * wild, 0.85)):
        n = canvas.count(at_256, a.scale, 6)
        width = canvas.size / n
        cells = canvas.voronoi(n)
        random = canvas.per_cell(cells.id, 4)
        rim = (cells.border - 0.07 - 0.2 * random[3]) * width + 0.6 * canvas.noise(canvas.count(64, a.scale, 8))
        flat = torch.minimum(stones(canvas, cells.id, rim, width, 0.85, 0.35), 0.55 + 0.2 * random[0])  # rolled: tops at one level
        top = rise * (flat + 0.35 * (random[1] - 0.5))
        over = (rim > 0) & (random[2] < share) & (top > height)
        height = torch.where(over, top, height)
        tints = torch.where(over, random * 0.98 + 0.01, tints)
    body = canvas.blur((tints[0] > 0).float(), 0.6)
    clean = (
        above(0.6 * canvas.noise(canvas.count(7, a.scale, 3), 4) + 0.5 * standard(height) + 0.25 * fine, 0.25 + 0.6 * a.wear, 0.4) * body
    )
    cloud = canvas.noise(canvas.count(5, a.scale, 2), 4, 0.6)
    crack = canvas.warp(canvas.voronoi(canvas.count(4, a.scale, 2)).border, *wander(canvas, 22, 7, 4))
    crack = smoothstep(0.05, 0.012, crack) * above(canvas.noise(4, 2), 0.75 * max(a.wear - 0.25, 0.0), 0.3)
    height = standard(height) + 0.25 * cloud + 0.08 * fine + 0.08 * coarse - 2.6 * crack
    speck = canvas.noise(min(canvas.count(90, a.scale, 16), canvas.size // 2), 2)
    hollow = cavity(canvas, height, 4)
    light = clean * (1.7 * (tints[0] - 0.35) + 0.25 * speck) + 0.25 * hollow + 0.3 * cloud + 0.2 * fine + 0.12 * coarse - 0.8 * crack
    warm = clean * 0.42 * (tints[1] - 0.45) + 0.05 * cloud
    oil = above(canvas.noise(canvas.count(4, a.scale, 2), 4), 0.12, 0.8)
    light = light - 0.35 * oil
    gloss = 0.4 * clean + 0.5 * cloud + 0.3 * fine - 0.9 * oil - 0.4 * (1 - body)
    return assemble(a, height, tint(light, warm, clean * 0.2 * (tints[3] - 0.5)), gloss, gap=hollows(height, 0.5), spread=0.9)

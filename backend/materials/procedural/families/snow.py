"""Snow: drifts combed by the wind, clods and crystals; hollows are blue, single crystals flash."""

from __future__ import annotations

import math

import torch

from .....shared.material import feature_factor
from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from ..natural import natural
from ..palettes import palette

PALETTE = palette("92,94,96/82,87,93 88,91,94/76,82,90 93,93,92/84,86,88 84,88,93/70,78,88 86,86,85/73,74,76 78,76,74/60,58,56")


def sample(canvas: Canvas) -> Attributes:
    """Fresh, wind-packed, old and dirty snow."""
    return natural(
        canvas, "snow", PALETTE, roughness=(0.45, 0.9), relief=(0.1, 0.8), wear=(0.0, 0.3), wet=0.25, grown=0.02, odd=0.08, chroma=0.006
    )


def render(canvas: Canvas, a: Attributes) -> Material:
    """Ripples with a steep lee side, dunes under them, clods on top, crystals over all."""
    factor, wild = feature_factor(a.scale), a.irregularity
    far = canvas.noise(canvas.count(4, a.scale), 3, 0.5)
    bend = canvas.noise(canvas.count(6, a.scale), 3, 0.5)
    # Ripples: a wave steepened to one side, whose crests part and end.
    number, lean = canvas.count(canvas.choose((8, 11, 14)), a.scale, 2), canvas.choose((-3, -1, 1, 3))
    phase = canvas.y * number + canvas.x * lean + (0.2 + 0.5 * wild) * bend + 0.5 * far
    turn = phase - phase.floor()
    crest = smoothstep(-0.1, 0.66, turn) * smoothstep(1.02, 0.58, turn)
    strong = 0.15 + 0.85 * smoothstep(
        -0.6, 0.5, canvas.noise((canvas.count(7, a.scale), canvas.count(5, a.scale)), 2) + canvas.uniform(-0.5, 0.3)
    )
    ripples = crest * strong
    # Wind scours pits with sharp upper edges.
    pits_x, pits_y = (canvas.noise(canvas.count(14, a.scale), 3) * 6 * factor for _ in range(2))
    pit = canvas.voronoi((canvas.count(9, a.scale), canvas.count(12, a.scale)), 1.0)
    dip = canvas.warp((1 - pit.f1).clamp(0, 1) ** 2 * canvas.per_cell(pit.id) * smoothstep(0.0, 0.35, pit.edge), pits_x, pits_y)
    clods = canvas.voronoi(canvas.count(21, a.scale), 1.0)
    share = 0.03 + 0.35 * canvas.uniform() ** 2 * wild
    chosen = (canvas.per_cell(clods.id) < share).float()
    size = 0.22 + 0.3 * canvas.per_cell(clods.id)
    rag = canvas.noise(canvas.count(45, a.scale), 2) * 1.8 * factor
    clod = canvas.warp((1 - (clods.f1 / size) ** 2).clamp_min(0).sqrt() * size * chosen, rag, rag.roll(9, 0))
    clod = clod * (0.8 + 0.35 * canvas.noise(canvas.count(60, a.scale), 2))
    flakes = canvas.voronoi(min(canvas.count(88, a.scale), canvas.size // 2), 1.0)
    flake = canvas.per_cell(flakes.id, 3)
    facet_x, facet_y = (canvas.x - flakes.cx) * canvas.size, (canvas.y - flakes.cy) * canvas.size
    tilt = (torch.cos(flake[0] * 2 * math.pi) * facet_x + torch.sin(flake[0] * 2 * math.pi) * facet_y) * flake[1]
    powder = canvas.noise(canvas.count(38, a.scale), 4, 0.75)
    crumbs = canvas.ridged(canvas.count(26, a.scale), 3, 0.7)
    loose = smoothstep(-0.3, 0.5, canvas.noise(canvas.count(5, a.scale), 3) - 0.6 * (crest - 0.5))
    height = 0.24 * far + 0.4 * ripples - 0.25 * dip * (0.5 + wild) + 0.55 * clod + 0.022 * powder + 0.035 * crumbs * loose
    height = height + (0.007 * tilt / factor + 0.012 * (flake[2] - 0.5)) * (0.4 + 0.9 * loose)
    cavity = height - canvas.blur(height, 5 * factor)
    hollow = canvas.blur(height, 1.5 * factor) - canvas.blur(height, 9 * factor)
    icy = smoothstep(0.15, 0.7, canvas.noise(canvas.count(4, a.scale), 4, 0.55)) * (1 - loose)
    dirt = smoothstep(0.35, 0.9, canvas.noise(canvas.count(7, a.scale), 5, 0.65)) + 1.4 * (
        canvas.warp((canvas.per_cell(clods.id) > 0.97).float(), rag, rag) * (clods.f1 < 0.16).float()
    )
    spark = canvas.blur(canvas.white(), 0.6) > 1.05
    light = 0.7 * cavity + 0.35 * hollow + 0.045 * (flake[2] - 0.5) + 0.02 * powder - 0.05 * icy - 0.035 * dirt + 0.03 * spark.float()
    blue = -0.04 * hollow - 0.008 * icy + 0.008 * dirt - 0.03 * cavity
    tone = shade(light + 0.012 * canvas.white(), 0.003 * dirt - 0.004 * icy, blue + 0.002 * (flake[0] - 0.5))
    gloss = 0.25 * loose - 0.6 * icy + 0.35 * (flake[1] - 0.5) + 0.15 * powder + 0.15 * dirt
    # Light that comes through the snow is blue; it gathers in hollows, without an edge.
    soft = canvas.blur(height, 2.5 * factor) + 0.25 * cavity + 0.02 * powder
    low, high = (float(q) for q in torch.quantile(soft.flatten()[::7], torch.tensor([0.0, 0.75])))
    made = assemble(a, height, tone, gloss, gap=((high - soft) / (high - low)).clamp(0, 1) ** 1.1, spread=0.42, gloss_spread=0.06)
    stack = made.stack.clone()
    stack[4] = torch.where(spark, stack[4] * 0.3, stack[4] + (0.7 * a.roughness * spark.float()).mean()).clamp(0, 1)
    return Material(stack)

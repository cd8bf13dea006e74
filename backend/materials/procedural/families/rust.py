"""Rust: scale in layers that flakes off, powder, pits and runs, bare metal where it was rubbed."""

from __future__ import annotations

import torch

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, lab, mix, shade, smoothstep, srgb
from ..palettes import palette
from .mineral import above, cavity, draw, grit, hollows, standard, tint, wander

PALETTE = palette("8a4a25/3d2317 a65a2a/4a2a1a 6f3b22/2b1a14 b8703a/5c3219 7a4c36/35231c 5a3527/241814 9c5a3c/46302a c07f45/6a3c1e")


def sample(canvas: Canvas) -> Attributes:
    """Fresh orange to old brown, some with bare metal."""
    metal = (0.0, 0.08) if canvas.uniform() < 0.55 else (0.08, 0.5)
    return draw(canvas, "rust", PALETTE, (0.6, 0.95), metal, living=0.1)


def render(canvas: Canvas, a: Attributes) -> Material:
    """Even film where regular, thick flakes where irregular."""
    wild, n = a.irregularity, canvas.count(6, a.scale, 2)
    unit = canvas.size / n
    fine, coarse = grit(canvas, 0.6), grit(canvas, 1.3)
    height, rims, levels = 0.25 * canvas.noise(n, 3), torch.zeros_like(fine), torch.zeros_like(fine)
    for k, (scale, share) in enumerate(((1.0, 0.62), (1.6, 0.5), (2.6, 0.42))):  # coats of scale, each ragged and lifted at its edge
        field = canvas.noise(round(n * scale), 5, 0.62)
        plates = canvas.voronoi(round(n * scale * 2.2))
        field = canvas.warp(field + (0.25 + 0.5 * wild) * (canvas.per_cell(plates.id) - 0.5), *wander(canvas, n * 4, 0.06 * unit, 3))
        field = standard(field)
        cut = float(field.quantile(1 - share)) if field.numel() < 1 << 24 else 0.0
        coat = smoothstep(cut - 0.06, cut + 0.06, field)
        lifted = coat * torch.exp(-(field - cut).clamp_min(0) / 0.22)
        thick = (0.75, 0.6, 0.45)[k]
        height = height + thick * coat * (1 + 0.6 * wild * lifted)
        rims, levels = torch.maximum(rims, lifted), levels + coat * thick
    pustules = canvas.voronoi(canvas.count(34, a.scale, 8))
    random = canvas.per_cell(pustules.id, 2)
    blister = smoothstep(0.5, 0.1, canvas.warp(pustules.f1, *wander(canvas, 40, 1.5))) * (random[0] > 0.45) * random[1]
    pores = canvas.voronoi(canvas.count(52, a.scale, 12))
    hole = smoothstep(0.30, 0.12, pores.f1) * (canvas.per_cell(pores.id) < 0.28)
    grain = canvas.noise(canvas.count(40, a.scale, 10), 3, 0.75)
    height = standard(height) + 0.35 * blister - 0.5 * hole + 0.16 * grain + 0.09 * fine + 0.10 * coarse

    powder = above(canvas.noise(n, 5, 0.7) + 0.35 * canvas.noise(n * 5, 3), 0.4, 0.5)  # fresh orange bloom
    cloud = canvas.noise(n * 2, 4, 0.65)
    runs = canvas.warp(canvas.noise((n * 4, max(n // 3, 1)), 4, 0.65), *wander(canvas, n, 0.1 * unit))
    edge = cavity(canvas, height, 2.5)
    light = 0.35 * levels + 0.5 * cloud + 0.5 * powder + 0.25 * runs + 0.25 * edge + 0.16 * fine + 0.16 * grain - 0.6 * hole + 0.2 * rims
    orange = 0.55 * powder + 0.25 * cloud + 0.12 * runs - 0.15 * levels - 0.2 * hole
    scrape = canvas.blur(canvas.white(), (10.0, 0.7)) if canvas.uniform() < 0.5 else canvas.blur(canvas.white(), (0.7, 10.0))
    rubbed = standard(-0.8 * levels + 0.7 * cloud - 0.3 * powder + 0.12 * grain) + 0.2 * standard(scrape)
    bare = above(rubbed, a.metallic, 0.12)
    light = light - 0.6 * above(rubbed, a.metallic + 0.14 * min(1.0, 6 * a.metallic), 0.4)  # old brown rust around the metal
    base = assemble(
        a,
        height - 0.35 * bare,
        tint(light, 1.1 * orange, 0.25 * runs),
        cloud + 0.5 * powder + 0.3 * fine - 0.4 * edge,
        gap=hollows(height, 0.5),
    )
    if a.metallic <= 0.02:
        return base
    # Bare metal keeps its own grey whatever the rust's colour, and shines.
    steel = lab((0.56, 0.55, 0.54)) + shade(0.035 * standard(scrape) + 0.05 * cloud + 0.02 * fine)
    color = srgb(torch.lerp(lab(base.stack[:3]), steel, bare))
    smooth = (0.42 + 0.05 * standard(scrape) + 0.04 * fine).clamp(0.1, 0.9)
    rough = mix(base.stack[4], smooth * (0.4 + 0.75 * a.roughness), 0.8 * bare)
    rough = (rough + a.roughness - rough.mean()).clamp(0, 1)
    return Material(torch.cat([color, base.stack[3:4], rough[None], bare[None]]))

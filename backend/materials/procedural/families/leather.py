"""Leather: a grain of small pebbled cells, creases where it was bent, pores and a worn patina."""

from __future__ import annotations

from .....shared.material import feature_factor
from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, mix, shade, smoothstep
from ..natural import natural
from ..palettes import palette

PALETTE = palette(
    "42,25,15/22,12,7 30,18,12/14,8,6 13,12,12/6,5.5,5.5 60,40,24/36,21,12 45,14,11/22,6,6 72,62,48/48,38,28 "
    "20,26,22/9,12,11 22,24,34/10,11,17"
)


def sample(canvas: Canvas) -> Attributes:
    """Tan, brown, black, red, cream, dyed."""
    return natural(
        canvas,
        "leather",
        PALETTE,
        roughness=(0.28, 0.75),
        relief=(0.1, 0.7),
        wear=(0.0, 0.7),
        irregularity=(0.1, 1.0),
        wet=0.15,
        grown=0.02,
    )


def render(canvas: Canvas, a: Attributes) -> Material:
    """Two sizes of cells that share the surface; their furrows deepen along creases."""
    factor, wild = feature_factor(a.scale), a.irregularity
    dx, dy = (canvas.noise(canvas.count(9, a.scale), 3) * (4 + 6 * wild) * factor for _ in range(2))
    fx, fy = (canvas.noise(canvas.count(44, a.scale), 2) * 1.1 * factor for _ in range(2))
    across, down = canvas.choose(((26, 26), (30, 22), (20, 30), (34, 34)))
    jitter = 0.6 + 0.38 * wild
    large = canvas.voronoi((canvas.count(across, a.scale), canvas.count(down, a.scale)), jitter)
    fine = canvas.voronoi((canvas.count(across * 1.9, a.scale), canvas.count(down * 1.9, a.scale)), jitter)
    border = canvas.warp(large.border, dx + fx, dy + fy)
    border_fine = canvas.warp(fine.border, dx + fx, dy + fy)
    own = canvas.warp(canvas.per_cell(large.id, 3), dx + fx, dy + fy)
    own_fine = canvas.warp(canvas.per_cell(fine.id), dx + fx, dy + fy)
    smooth = smoothstep(-0.2, 0.5, canvas.noise(canvas.count(5, a.scale), 2) + canvas.uniform(-0.5, 0.3))
    # A cell is a low cushion; its furrow's width differs from side to side.
    width = 0.38 + 0.07 * canvas.noise(canvas.count(30, a.scale), 2)
    cushion = (1 - (1 - (border / width).clamp(0, 1)) ** 2.4).sqrt() * (0.6 + 0.4 * own[0])
    cushion_fine = (1 - (1 - (border_fine / (width * 1.25)).clamp(0, 1)) ** 2.2).sqrt() * (0.75 + 0.25 * own_fine)
    grain = mix(cushion * (0.8 + 0.2 * cushion_fine), 0.35 * cushion + 0.5 * cushion_fine, smooth)
    # Creases: long folds, each with finer ones next to it.
    bend_x, bend_y = (canvas.noise(canvas.count(4, a.scale), 4, 0.55) * 11 * factor for _ in range(2))
    folds = canvas.voronoi((canvas.count(4.5, a.scale, 2), canvas.count(3, a.scale, 2)), 0.85)
    minor = canvas.voronoi((canvas.count(10, a.scale, 3), canvas.count(8, a.scale, 3)), 1.0)
    fold = canvas.warp(folds.border, bend_x + fx, bend_y + fy)
    fold_minor = canvas.warp(minor.border, bend_x * 0.7 + fx, bend_y * 0.7 + fy)
    some = smoothstep(0.2 - 0.6 * wild, 1.0 - 0.6 * wild, canvas.noise(canvas.count(4, a.scale), 2))
    some_minor = smoothstep(0.05, 0.6, canvas.noise(canvas.count(6, a.scale), 2) - 0.25 + 0.5 * wild)
    crease = smoothstep(0.13, 0.0, fold) ** 2.5 * some
    crease_minor = smoothstep(0.12, 0.0, fold_minor) ** 2 * some_minor
    swell = smoothstep(0.0, 0.3, fold) * some + 0.35 * smoothstep(0.0, 0.3, fold_minor) * some_minor
    spots = canvas.voronoi(canvas.count(42, a.scale), 1.0)
    pores = smoothstep(0.2, 0.08, canvas.warp(spots.f1, dx, dy)) * (canvas.warp((canvas.per_cell(spots.id) < 0.22).float(), dx, dy) > 0.5)
    grit = canvas.noise(canvas.size // 3, 2, 0.8)
    height = 0.62 * grain - 0.2 * crease - 0.14 * crease_minor + 0.08 * swell - 0.16 * pores + 0.035 * grit
    height = height + 0.05 * canvas.noise(canvas.count(4, a.scale), 2)
    rub = (height - canvas.blur(height, 4 * factor)) * 1.6
    patina = canvas.noise(canvas.count(3, a.scale), 5, 0.6)
    blotch = canvas.noise(canvas.count(9, a.scale), 4, 0.6)
    light = 0.16 * rub + 0.03 * patina + 0.028 * blotch + 0.03 * (own[1] - 0.5) - 0.035 * crease - 0.025 * crease_minor - 0.05 * pores
    # Use rubs the dye off the tops.
    bald = smoothstep(0.12, 0.4, rub + 0.14 * patina - 0.22 + 0.3 * a.wear) * a.wear
    light = light + 0.13 * bald + 0.014 * grit + 0.007 * canvas.white()
    tone = shade(light, 0.008 * blotch + 0.008 * (own[2] - 0.5) - 0.006 * bald, 0.007 * patina + 0.006 * blotch + 0.012 * bald)
    gloss = -0.5 * rub + 0.10 * patina + 0.12 * crease + 0.06 * crease_minor + 0.06 * grit + 0.10 * bald + 0.05 * (own[1] - 0.5)
    furrow = smoothstep(0.55, 0.0, grain + 0.1 - 0.22 * crease - 0.16 * crease_minor)
    return assemble(a, height, tone, gloss, gap=furrow, spread=0.65 + 0.25 * (1 - a.variation), gloss_spread=0.06)

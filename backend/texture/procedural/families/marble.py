"""Marble: veins along warped ridges at several widths, clouds of mineral, a polish that shows the crystals."""

from __future__ import annotations

import torch

from ...attributes import Attributes
from ...stack import Material
from ..canvas import Canvas, assemble, shade, smoothstep
from .mineral import above, draw, grit, quantile, standard, wander

PALETTE = (
    ("e6e3de", "8b8a8c"),
    ("dcd8d0", "a08a66"),
    ("2e3030", "b9b4a8"),
    ("47584b", "b4c2b0"),
    ("c7a58e", "7d4a3c"),
    ("d9c7a8", "9a7a52"),
    ("7a3f36", "d4bfb2"),
    ("8d959c", "e3e3e1"),
    ("3b3f4a", "a9a59a"),
    ("c9ced0", "5d666b"),
)


def sample(canvas: Canvas) -> Attributes:
    """Carrara, Calacatta, black, green, rose and onyx, mostly polished; the gap colour is that of the veins."""
    return draw(canvas, "marble", PALETTE, (0.08, 0.38))


def render(canvas: Canvas, a: Attributes) -> Material:
    """Long parallel veins where regular, brecciated where irregular."""
    wild, n = a.irregularity, canvas.count(4, a.scale, 2)
    unit = canvas.size / n
    across = canvas.integer(1, 2)
    cells = (n, max(n // across, 1)) if canvas.uniform() < 0.5 else (max(n // across, 1), n)
    slow = wander(canvas, n, (0.25 + 0.35 * wild) * unit, 3)
    quick = wander(canvas, n * 5, 0.07 * unit, 3)
    dx, dy = slow[0] + quick[0], slow[1] + quick[1]
    swell = smoothstep(-0.5, 0.6, canvas.noise(n * 2, 2))

    def ridge(scale: float, width: float) -> torch.Tensor:
        field = canvas.noise((max(round(cells[0] * scale), 1), max(round(cells[1] * scale), 1)), 2, 0.4)
        field = canvas.warp(field, dx, dy).abs()
        return torch.exp(-field / width)

    broad = ridge(1, 0.16) * (0.35 + 0.65 * swell)
    veins = torch.maximum(ridge(1, 0.035), 0.8 * ridge(1.7, 0.03)) * (0.3 + 0.7 * swell)
    threads = ridge(3, 0.03) * above(canvas.noise(n * 2, 2), 0.5, 0.6)
    breccia = canvas.warp(canvas.voronoi(canvas.count(9, a.scale, 3)).border, *wander(canvas, n * 4, 0.12 * unit, 3))
    broken = smoothstep(0.09, 0.0, breccia) * above(canvas.noise(n, 2), 0.15 + 0.75 * wild, 0.5)
    vein = torch.maximum(torch.maximum(veins, 0.65 * threads), 0.85 * broken) + 0.35 * broad
    vein = (vein + 0.12 * canvas.noise(n * 8, 3)).clamp(0, 1.2)

    clouds = canvas.warp(canvas.noise(n * 2, 5, 0.6), dx, dy)
    fine, coarse = grit(canvas, 0.6), grit(canvas, 1.5)
    crystals = canvas.voronoi(min(canvas.count(60, a.scale, 16), canvas.size // 2))
    sugar = canvas.per_cell(crystals.id)
    height = -1.5 * vein + 0.35 * clouds + 0.14 * fine + 0.10 * coarse + 0.2 * (sugar - 0.5)
    low = smoothstep(quantile(vein, 0.62), quantile(vein, 0.92), vein)
    light = 0.8 * clouds + 0.35 * (sugar - 0.5) + 0.14 * fine - 0.3 * broad + 0.2 * coarse
    warm = 0.3 * canvas.noise(n, 4) + 0.25 * vein + 0.1 * clouds
    gloss = 0.7 * vein + 0.4 * fine + 0.5 * clouds + 0.4 * (sugar - 0.5)
    return assemble(a, height, shade(light, 0.35 * warm, warm), gloss, gap=low, gloss_spread=0.025 + 0.06 * a.roughness)

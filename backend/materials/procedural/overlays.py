"""Wear, growth and wetness over a finished stack, for families that do not draw them themselves."""

from __future__ import annotations

import torch
from torch import Tensor

from ..attributes import Attributes, Color
from ..stack import BASE_COLOR, HEIGHT, METALLIC, ROUGHNESS, Material
from .canvas import Canvas, lab, level, mix, ramp, smoothstep, srgb


def finish(canvas: Canvas, material: Material, a: Attributes, handled: frozenset[str] = frozenset()) -> Material:
    """Applies wear, growth and wetness, in this order, except those that the family drew itself."""
    stack = material.stack.clone()
    if a.wear > 0.01 and "wear" not in handled:
        stack = wear(canvas, stack, a.wear)
    if a.growth > 0.01 and "growth" not in handled:
        stack = growth(canvas, stack, a.growth)
    if a.wetness > 0.01 and "wetness" not in handled:
        stack = wetness(canvas, stack, a.wetness)
    pattern = None if material.pattern is None else material.pattern.clamp(0, 1)
    return Material(stack.clamp(0, 1), pattern, material.cells)


def exposure(canvas: Canvas, height: Tensor, sigma: float = 3.0) -> Tensor:
    """How far a pixel stands out of its surroundings: about -1..1, positive on edges and bumps, ``(H, W)``."""
    out = height - canvas.blur(height, sigma)
    return (out / (2.5 * out.std().clamp_min(1e-6))).clamp(-1, 1)


def wear(canvas: Canvas, stack: Tensor, amount: float) -> Tensor:
    """Rubbed edges and chips: lighter and smoother where the surface stands out, small pits and scratches elsewhere."""
    height = stack[HEIGHT]
    patchy = canvas.noise(max(canvas.size // 40, 2), 4, 0.65)
    rub = smoothstep(1.25 - 1.25 * amount, 1.7 - 1.0 * amount, exposure(canvas, height) + 0.9 * patchy + 0.45)
    chips = smoothstep(0.98 - 0.5 * amount, 1.1 - 0.5 * amount, canvas.noise(max(canvas.size // 9, 2), 3, 0.6) * 1.2 + 0.35 * patchy + 0.1)
    color = lab(stack[BASE_COLOR])
    grain = canvas.white() * 0.012
    lighter = torch.stack([color[0] + 0.10 * amount + grain, color[1] * 0.72, color[2] * 0.75])
    color = torch.lerp(color, lighter, rub * min(1.0, 0.35 + amount))
    deeper = torch.stack([color[0] - 0.09 + grain, color[1] * 0.9, color[2] * 0.9])
    color = torch.lerp(color, deeper, chips * 0.8)
    dent = height - 0.10 * chips * (0.4 + amount) - 0.03 * rub * amount
    rough = stack[ROUGHNESS] + 0.08 * amount * chips - 0.07 * amount * rub
    metal = stack[METALLIC]
    metal = metal + rub * amount * metal * (1 - metal)
    return torch.cat([srgb(color), torch.stack([dent, rough, metal])])


_PLANTS: list[list[Color]] = [
    [(0.09, 0.11, 0.04), (0.22, 0.26, 0.09), (0.36, 0.40, 0.15), (0.55, 0.57, 0.29)],  # moss
    [(0.07, 0.11, 0.05), (0.16, 0.24, 0.10), (0.29, 0.37, 0.17), (0.45, 0.53, 0.28)],  # darker moss
    [(0.13, 0.12, 0.05), (0.28, 0.27, 0.11), (0.45, 0.43, 0.20), (0.63, 0.61, 0.36)],  # dry moss
    [(0.18, 0.21, 0.15), (0.33, 0.38, 0.27), (0.50, 0.55, 0.42), (0.70, 0.72, 0.58)],  # lichen
]


def growth(canvas: Canvas, stack: Tensor, amount: float) -> Tensor:
    """Moss and lichen: from the hollows outwards, in cushions and tufts, rough and green."""
    height, size = stack[HEIGHT], canvas.size
    coarse = canvas.noise(max(size // 50, 2), 4, 0.6)
    fine = canvas.noise(max(size // 8, 2), 3, 0.75)
    stipple = canvas.blur(canvas.white(), 0.6)
    stipple = stipple / stipple.std()
    low = level(canvas.blur(height, 1.2))
    reach = 1.1 * (1 - low) + 0.5 * coarse + 0.30 * fine
    share = min(0.88, 0.05 * amount + 0.70 * amount**1.4)
    threshold = float(torch.quantile(reach.flatten()[::5], 1 - share))
    inside = reach - threshold  # how deep in the patch: thin and spotty at its border, thick cushions within
    cover = smoothstep(-0.10, 0.13, inside + 0.07 * stipple + 0.10 * fine)
    cushion = 1 - canvas.noise(max(size // 9, 2), 2, 0.7).abs() * 2.2
    tuft = (0.5 + 0.22 * stipple + 0.5 * canvas.noise(max(size // 4, 2), 1)).clamp(0, 1)
    thick = smoothstep(0.0, 0.4, inside)
    tips = 0.12 + 0.30 * cushion.clamp(0, 1) + 0.38 * tuft + 0.16 * thick + 0.30 * coarse
    plant = ramp(_PLANTS[canvas.integer(0, 3)], tips)
    plant[2] = plant[2] + 0.02 * canvas.noise(max(size // 24, 2), 3)
    plant[1] = plant[1] + 0.035 * smoothstep(0.35, 0.8, canvas.noise(max(size // 16, 2), 3))  # brown, where it has dried
    color = lab(stack[BASE_COLOR])
    film = smoothstep(-0.45, 0.0, inside) * (1 - cover) * (0.25 + 0.3 * amount)  # a green bloom around the patches
    color = torch.lerp(color, torch.stack([color[0] * 0.90, color[1] * 0.7 - 0.012, color[2] * 0.8 + 0.018]), film)
    color = torch.lerp(color, plant, cover * (0.80 + 0.18 * thick))
    shadow = smoothstep(-0.16, 0.0, inside) * (1 - cover)
    color[0] = color[0] * (1 - 0.16 * shadow)
    raised = cover * (0.02 + 0.09 * thick + 0.07 * cushion.clamp(0, 1) * thick + 0.10 * (tuft - 0.4)) * (0.6 + 0.5 * amount)
    rough = mix(stack[ROUGHNESS], 0.88 + 0.14 * (tuft - 0.5), cover)
    return torch.cat([srgb(color), torch.stack([height + raised, rough, stack[METALLIC] * (1 - cover)])])


def wetness(canvas: Canvas, stack: Tensor, amount: float) -> Tensor:
    """Damp hollows first, then everything, then puddles with a level surface above 0.7."""
    height = stack[HEIGHT]
    patchy = canvas.noise(max(canvas.size // 64, 2), 3)
    low = 1 - level(canvas.blur(height, 1.0))
    damp = smoothstep(1.0 - 1.25 * amount, 1.45 - 1.2 * amount, low + 0.3 * patchy + 0.12) * min(1.0, 0.5 + amount)
    color = lab(stack[BASE_COLOR])
    soaked = torch.stack([color[0] * 0.72 - 0.01, color[1] * 0.9, color[2] * 0.9])
    porous = 1 - 0.75 * stack[METALLIC]
    color = torch.lerp(color, soaked, damp * porous)
    rough = stack[ROUGHNESS]
    rough = torch.lerp(rough, 0.16 + 0.42 * rough * rough, damp)
    metal = stack[METALLIC]
    if amount > 0.7:
        share = (amount - 0.7) / 0.3 * 0.32
        line = float(torch.quantile((height + 0.12 * patchy).flatten()[::5], share))
        surface = line - 0.12 * patchy
        pool = smoothstep(0.012, -0.012, height - surface)
        depth = (surface - height).clamp(0, 0.3)
        color[0] = color[0] * (1 - pool * (0.10 + depth))
        rough = torch.lerp(rough, torch.tensor(0.04), pool)
        height = torch.maximum(height, torch.lerp(height, surface, pool))
        metal = metal * (1 - 0.8 * pool)
    return torch.cat([srgb(color), torch.stack([height, rough, metal])])

"""Wear, growth and wetness over a finished stack, for families that do not draw them themselves."""

from __future__ import annotations

import torch
from torch import Tensor

from ..attributes import Attributes
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
    return Material(stack.clamp(0, 1), material.pattern, material.cells)


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


def growth(canvas: Canvas, stack: Tensor, amount: float) -> Tensor:
    """Moss and lichen: from the hollows outwards, in tufts, rough and green."""
    height = stack[HEIGHT]
    coarse = canvas.noise(max(canvas.size // 45, 2), 4, 0.6)
    fine = canvas.noise(max(canvas.size // 6, 2), 2, 0.7)
    low = level(canvas.blur(height, 1.5))
    reach = 1.25 * (1 - low) + 0.55 * coarse + 0.22 * fine
    order = reach.flatten().argsort(descending=True)
    share = min(0.9, 0.06 * amount + 0.72 * amount**1.4)
    threshold = float(reach.flatten()[order[min(int(share * reach.numel()), reach.numel() - 1)]])
    cover = smoothstep(threshold - 0.05, threshold + 0.06, reach)
    tufts = level(canvas.noise(max(canvas.size // 5, 2), 3, 0.8) + 0.35 * canvas.white())
    kind = canvas.integer(0, 3)
    greens = [
        [(0.13, 0.17, 0.05), (0.29, 0.36, 0.10), (0.47, 0.52, 0.20)],
        [(0.10, 0.15, 0.06), (0.21, 0.31, 0.11), (0.40, 0.47, 0.22)],
        [(0.22, 0.23, 0.08), (0.41, 0.42, 0.16), (0.60, 0.59, 0.30)],
        [(0.17, 0.22, 0.14), (0.38, 0.44, 0.29), (0.58, 0.62, 0.45)],
    ]
    plant = ramp(list(greens[kind]), 0.15 + 0.5 * tufts + 0.35 * (coarse * 0.5 + 0.5))
    color = torch.lerp(lab(stack[BASE_COLOR]), plant, cover * 0.93)
    shadow = smoothstep(threshold - 0.22, threshold, reach) * (1 - cover)
    color[0] = color[0] * (1 - 0.14 * shadow)
    thick = height + cover * (0.03 + 0.10 * (tufts - 0.35)) * (0.6 + 0.6 * amount)
    rough = mix(stack[ROUGHNESS], 0.86 + 0.1 * (tufts - 0.5), cover)
    return torch.cat([srgb(color), torch.stack([thick, rough, stack[METALLIC] * (1 - cover)])])


def wetness(canvas: Canvas, stack: Tensor, amount: float) -> Tensor:
    """Damp hollows first, then everything, then puddles with a level surface above 0.7."""
    height = stack[HEIGHT]
    patchy = canvas.noise(max(canvas.size // 64, 2), 3)
    low = 1 - level(canvas.blur(height, 1.0))
    damp = smoothstep(1.0 - 1.25 * amount, 1.45 - 1.2 * amount, low + 0.3 * patchy + 0.12) * min(1.0, 0.5 + amount)
    color = lab(stack[BASE_COLOR])
    soaked = torch.stack([color[0] * 0.72 - 0.01, color[1] * 1.12, color[2] * 1.12])
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

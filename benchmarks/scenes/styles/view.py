"""What the five pictures show: a bay in the evening, as colour, direction and depth at every pixel."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.ndimage import gaussian_filter, zoom


def noise(shape: tuple[int, int], size: float, seed: int, octaves: int = 3) -> np.ndarray:
    """Smooth noise, ``(H, W)`` float64 with mean 0 and deviation 1; ``size`` in pixels is that of the largest bumps."""
    rng = np.random.default_rng(seed)
    total = np.zeros(shape)
    for octave in range(octaves):
        cell = size / 2**octave
        counts = [max(4, round(s / cell) + 3) for s in shape]
        grid = zoom(rng.standard_normal(counts), [s / (c - 3) for s, c in zip(shape, counts, strict=True)], order=3)
        total += grid[: shape[0], : shape[1]] / 2**octave
    return (total - total.mean()) / total.std()


@dataclasses.dataclass(frozen=True)
class View:
    """The motif.

    Attributes:
        color: ``(H, W, 3)`` display-encoded 0..1.
        angle: ``(H, W)`` radians, along which a painter would lead the brush.
        region: ``(H, W)`` int, numbers of the motif's parts.
        height: ``(H, W)`` a smooth field; its contours follow the forms.
    """

    color: np.ndarray
    angle: np.ndarray
    region: np.ndarray
    height: np.ndarray


def bay(height: int, width: int) -> View:
    """Sky with clouds and a low sun, hills, water, a shore with trees and a house.

    Long: one scene, object by object.
    """
    y, x = np.mgrid[:height, :width] / height
    aspect = width / height
    shape = (height, width)
    ripple = noise(shape, height / 6, 1)
    color = np.empty((height, width, 3))
    sky = np.clip(y / 0.5, 0, 1)[..., None]
    color[:] = (1 - sky) * [0.16, 0.3, 0.52] + sky * [0.96, 0.76, 0.5]
    field = y + 0.12 * np.sin(3 * x) + 0.04 * ripple
    region = np.zeros(shape, int)
    clouds = noise(shape, height / 3, 2, 4) + 2.0 * np.exp(-(((y - 0.18) / 0.14) ** 2)) - 1.6
    t = np.clip(clouds, 0, 1)[..., None]
    color = (1 - t) * color + t * np.where((noise(shape, height / 5, 3) > 0)[..., None], [0.97, 0.9, 0.84], [0.72, 0.56, 0.58])
    region[clouds > 0.25] = 1
    sun = np.hypot(x - 0.62 * aspect, y - 0.36)
    color = np.where((sun < 0.06)[..., None], [1.0, 0.93, 0.62], color)
    glow = np.exp(-((sun / 0.16) ** 2))[..., None]
    color = (1 - 0.5 * glow) * color + 0.5 * glow * [1.0, 0.84, 0.45]
    region[sun < 0.06] = 2
    shades = [([0.42, 0.46, 0.6], [0.62, 0.56, 0.6]), ([0.2, 0.3, 0.42], [0.4, 0.42, 0.44]), ([0.08, 0.2, 0.17], [0.36, 0.44, 0.2])]
    for number, (level, rough) in enumerate([(0.44, 0.05), (0.5, 0.07), (0.55, 0.04)]):
        line = level + rough * np.sin(2.2 * x * (number + 1) + number * 2.0) + 0.02 * noise(shape, height / 8, 10 + number)
        inside = (y > line) & (y < 0.66)
        lit = np.clip(0.5 + 0.5 * noise(shape, height / 9, 20 + number), 0, 1)[..., None]
        color = np.where(inside[..., None], (1 - lit) * shades[number][0] + lit * shades[number][1], color)
        region[inside] = 3 + number
        field = np.where(inside, (y - line) * 1.6 + 0.5 * np.sin(4 * x + number), field)
    water = y > 0.6
    glint = np.clip(
        0.5 + 0.7 * noise((height, max(8, width // 6)), height / 16, 30)[:, np.minimum(np.arange(width) // 6, width // 6 - 1)], 0, 1
    )
    streak = np.exp(-(((x - 0.62 * aspect) / (0.05 + 0.3 * np.maximum(y - 0.55, 0))) ** 2))
    mirror = np.clip(0.25 + 0.35 * glint + 0.6 * streak * glint, 0, 1)[..., None]
    color = np.where(water[..., None], (1 - mirror) * [0.07, 0.2, 0.32] + mirror * [0.98, 0.8, 0.55], color)
    region[water] = 6
    field = np.where(water, y * 2 + 0.02 * ripple, field)
    shore = 0.78 + 0.08 * np.sin(2.6 * x + 0.6) + 0.02 * ripple
    land = y > shore
    lit = np.clip(0.5 + 0.6 * noise(shape, height / 7, 40), 0, 1)[..., None]
    color = np.where(land[..., None], (1 - lit) * [0.16, 0.1, 0.06] + lit * [0.72, 0.45, 0.16], color)
    region[land] = 7
    field = np.where(land, (y - shore) + 0.3 * np.sin(5 * x), field)
    for number, (cx, cy, r) in enumerate([(0.16, 0.62, 0.15), (0.3, 0.7, 0.1), (1.16, 0.66, 0.17), (1.3, 0.76, 0.1)]):
        trunk = (np.abs(x - cx - 0.02 * np.sin(9 * y)) < 0.014) & (y > cy) & (y < cy + 0.24)
        color = np.where(trunk[..., None], [0.1, 0.05, 0.04], color)
        region[trunk] = 8
        crown = np.hypot(x - cx, (y - cy) * 1.15) < r * (1 + 0.16 * noise(shape, height / 12, 50 + number))
        shade = np.clip(0.5 - 2.4 * ((cx - x) * 0.7 + (y - cy)) + 0.25 * noise(shape, height / 20, 60 + number), 0, 1)[..., None]
        color = np.where(crown[..., None], (1 - shade) * [0.03, 0.1, 0.1] + shade * [0.56, 0.62, 0.16], color)
        region[crown] = 9 + number
        field = np.where(crown, np.hypot(x - cx, y - cy) * 2, field)
    wall = (np.abs(x - 0.86) < 0.09) & (np.abs(y - 0.8) < 0.07)
    roof = (y > 0.66) & (y < 0.74) & (np.abs(x - 0.86) < 0.13 * (y - 0.64) / 0.1)
    color = np.where(wall[..., None], np.where((x < 0.83)[..., None], [0.9, 0.82, 0.68], [0.6, 0.5, 0.46]), color)
    color = np.where(roof[..., None], [0.66, 0.16, 0.1], color)
    color = np.where(((np.abs(x - 0.9) < 0.02) & (np.abs(y - 0.8) < 0.03))[..., None], [0.1, 0.1, 0.16], color)
    region[wall], region[roof] = 20, 21
    field = np.where(wall | roof, y, field)
    smooth = gaussian_filter(field, height / 60)
    gy, gx = np.gradient(smooth)
    angle = np.arctan2(gx, -gy) + 0.25 * noise(shape, height / 5, 70, 1)
    return View(np.clip(color, 0, 1), angle, region, smooth)

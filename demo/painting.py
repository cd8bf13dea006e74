"""The demo's style: a painting of our own, made stroke by stroke (CC0).

Bristled strokes follow a swirling field, from broad underpainting to fine accents; each has a colour of the palette,
its own bristles and a lit ridge where the paint piles up. numpy only.
"""

from __future__ import annotations

import itertools

import numpy as np

_COLORS = (
    *((12, 22, 58), (22, 52, 110), (36, 96, 150), (70, 150, 176), (150, 196, 190)),
    *((238, 214, 140), (244, 176, 62), (214, 96, 40), (120, 36, 42)),
)
PALETTE = np.array(_COLORS, np.float32) / 255.0
"""sRGB, from night blue over foam to ochre and rust."""

LAYERS = ((26.0, 7.0, 500), (13.0, 5.0, 1700), (6.0, 4.0, 4200), (3.0, 3.0, 5200))
"""Half width of the brush in pixels, length in brush widths, strokes for 512 px squared."""


def paint(size: int = 512, seed: int = 7) -> np.ndarray:
    """``(size, size, 3)`` uint8, sRGB."""
    rng = np.random.default_rng(seed)
    angle, tone = _composition(size, rng)
    canvas = PALETTE[0][None, None].repeat(size, 0).repeat(size, 1).copy()
    relief = np.zeros((size, size), np.float32)
    for width, length, count in LAYERS:
        width *= size / 512
        for y, x in rng.uniform(0, size, (count, 2)):
            _stroke(canvas, relief, angle, tone, float(y), float(x), width, length * width, rng)
    dy, dx = np.gradient(relief)
    light = np.clip(1.0 + 0.9 * (-0.6 * dx - 0.8 * dy), 0.6, 1.5)[..., None]
    return (np.clip(canvas * light, 0, 1) * 255).round().astype(np.uint8)


def _composition(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Stroke direction (radians) and tone (0..1 along the palette) at each pixel: whirls around a few suns over a dark land."""
    v, u = np.mgrid[:size, :size].astype(np.float32) / size
    flow_x, flow_y = np.ones_like(u), 0.25 * np.sin(7 * u + 2 * v)
    tone = 0.12 + 0.32 * v + 0.07 * np.sin(9 * u + 5 * np.sin(4 * v)) + 0.06 * np.sin(23 * v + 6 * np.sin(5 * u))
    for x, y, radius, strength in ((0.25, 0.26, 0.16, 0.5), (0.7, 0.18, 0.1, 0.42), (0.62, 0.5, 0.13, 0.3), (0.1, 0.62, 0.08, 0.3)):
        dx, dy = u - x, v - y
        near = np.exp(-(dx**2 + dy**2) / (2 * (1.6 * radius) ** 2))
        flow_x, flow_y = flow_x * (1 - near) - 9 * dy * near / radius * 0.2, flow_y * (1 - near) + 9 * dx * near / radius * 0.2
        tone += strength * np.exp(-(dx**2 + dy**2) / (2 * radius**2)) * (1 + 0.18 * np.cos(np.hypot(dx, dy) * 130))
    land = 1 / (1 + np.exp(-(v - 0.78 - 0.05 * np.sin(6 * u) - 0.03 * np.sin(17 * u + 1)) * 60))
    tone = tone * (1 - land) + land * (0.86 + 0.14 * np.sin(11 * u + 30 * v))
    return np.arctan2(flow_y, flow_x), np.clip(tone + rng.normal(0, 0.008, tone.shape), 0, 1).astype(np.float32)


def _stroke(
    canvas: np.ndarray, relief: np.ndarray, angle: np.ndarray, tone: np.ndarray, y: float, x: float, width: float, length: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Lays one curved, bristled stroke, following the field from its start."""
    size = len(canvas)
    color = _mix(tone[int(y), int(x)] + rng.normal(0, 0.045)) * rng.uniform(0.86, 1.12)
    steps = max(4, int(length / max(1.0, width * 0.5)))
    path = []
    for _ in range(steps):
        if not (0 <= y < size and 0 <= x < size):
            break
        path.append((y, x))
        heading = angle[int(y), int(x)]
        y, x = y + np.sin(heading) * length / steps, x + np.cos(heading) * length / steps
    if len(path) < 2:
        return
    points = np.array(path, np.float32)
    low, high = np.maximum(points.min(0) - width - 1, 0).astype(int), np.minimum(points.max(0) + width + 2, size).astype(int)
    v, u = np.mgrid[low[0] : high[0], low[1] : high[1]].astype(np.float32)
    best, across, along = np.full(v.shape, 1e9, np.float32), np.zeros(v.shape, np.float32), np.zeros(v.shape, np.float32)
    for i, ((y0, x0), (y1, x1)) in enumerate(itertools.pairwise(points)):
        ty, tx = y1 - y0, x1 - x0
        t = np.clip(((v - y0) * ty + (u - x0) * tx) / max(1e-6, ty * ty + tx * tx), 0, 1)
        ey, ex = v - y0 - t * ty, u - x0 - t * tx
        distance = np.hypot(ey, ex)
        nearer = distance < best
        best[nearer] = distance[nearer]
        across[nearer] = ((ex * ty - ey * tx) / max(1e-6, np.hypot(ty, tx)))[nearer]
        along[nearer] = ((i + t) / (len(points) - 1))[nearer]
    bristles = np.interp(np.linspace(-1, 1, 33), np.linspace(-1, 1, 12), rng.uniform(0.35, 1, 12)).astype(np.float32)
    hair = np.interp(np.clip(across / width, -1, 1), np.linspace(-1, 1, 33), bristles)
    paint_left = np.clip(1.25 - along * rng.uniform(0.5, 1.0), 0, 1)
    cover = np.clip((width - best) / max(1.0, 0.25 * width), 0, 1) * np.clip(hair * paint_left * 1.6, 0, 1)
    region = canvas[low[0] : high[0], low[1] : high[1]]
    region += cover[..., None] * (color * (0.9 + 0.2 * hair[..., None]) - region)
    ridge = relief[low[0] : high[0], low[1] : high[1]]
    ridge += cover * (0.35 * hair + 0.35 * (np.abs(across / width) > 0.75) - ridge)


def _mix(tone: float) -> np.ndarray:
    position = float(np.clip(tone, 0, 1)) * (len(PALETTE) - 1)
    index = min(int(position), len(PALETTE) - 2)
    return PALETTE[index] + (position - index) * (PALETTE[index + 1] - PALETTE[index])

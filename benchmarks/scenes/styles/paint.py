"""Paints the five style pictures: ``python -m benchmarks.scenes.styles.paint [NAME …]``."""

from __future__ import annotations

import sys

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial import cKDTree

from ....backend.core.color_spaces import LUMINANCE
from ....backend.io.writing import encode
from ....shared.values import Image
from . import STYLES, path_of
from .view import View, bay, noise

HEIGHT, WIDTH, ZOOM = 384, 512, 2
"""The picture's size, and how much larger it is painted."""


def gouache(view: View) -> np.ndarray:
    """Opaque strokes from broad to fine along the forms, with the marks of the bristles and a little relief."""
    rng = np.random.default_rng(1)
    h, w = view.region.shape
    canvas = np.broadcast_to([0.55, 0.42, 0.3], (h, w, 3)).copy()
    relief = np.zeros((h, w))
    detail = np.abs(view.color - gaussian_filter(view.color, (8, 8, 0))).sum(2)
    for width, count, least in ((46, 700, 0.0), (26, 1700, 0.0), (15, 2600, 0.05), (9, 2600, 0.12)):
        for _ in range(count):
            cy, cx = int(rng.integers(0, h)), int(rng.integers(0, w))
            if detail[cy, cx] < least * rng.uniform(0.5, 1.5):
                continue
            _stroke(canvas, relief, view, (cy, cx), width * rng.uniform(0.7, 1.25), rng)
    gy, gx = np.gradient(gaussian_filter(relief, 1.0))
    return canvas * (1 + np.clip(1.1 * (gx + gy), -0.14, 0.14))[..., None]


def _stroke(canvas: np.ndarray, relief: np.ndarray, view: View, at: tuple[int, int], width: float, rng: np.random.Generator) -> None:
    h, w = relief.shape
    length = width * rng.uniform(2.0, 3.4)
    reach = int(0.6 * length + width)
    top, left = max(0, at[0] - reach), max(0, at[1] - reach)
    y, x = np.mgrid[top : min(h, at[0] + reach), left : min(w, at[1] + reach)]
    angle = view.angle[at] + rng.normal(0, 0.18)
    u = ((x - at[1]) * np.cos(angle) + (y - at[0]) * np.sin(angle)) / (length / 2)
    v = (-(x - at[1]) * np.sin(angle) + (y - at[0]) * np.cos(angle)) / (width / 2) + rng.normal(0, 0.25) * (u * u - 0.3)
    bristles = np.interp(np.linspace(-1.1, 1.1, 64), np.linspace(-1.1, 1.1, 22), rng.normal(0, 1, 22))
    comb = np.interp(v, np.linspace(-1.1, 1.1, 64), bristles)
    # Ends are ragged, and towards the end of the stroke the paint runs out in streaks.
    body = np.clip((1 - np.abs(v)) * width / 4, 0, 1) * np.clip((1 + 0.12 * comb - np.abs(u)) * length / 9, 0, 1)
    dry = np.clip(1.25 - np.clip(u, 0, 1) ** 2 * (0.9 + 0.55 * comb), 0, 1)
    cover = (body * dry)[..., None]
    color = view.color[at] + rng.normal(0, 0.028) + rng.normal(0, 0.02, 3)
    window = (slice(top, min(h, at[0] + reach)), slice(left, min(w, at[1] + reach)))
    canvas[window] = (1 - cover) * canvas[window] + cover * (color + 0.022 * comb[..., None])
    relief[window] = (1 - cover[..., 0]) * relief[window] + cover[..., 0] * (0.25 * comb + 0.6 * body)


def ink(view: View) -> np.ndarray:
    """Pen lines on cream paper, crossed the more often the darker; outlines by hand."""
    h, w = view.region.shape
    y, x = np.mgrid[:h, :w].astype(float)
    tone = np.clip((_luma(view.color) - 0.08) * 1.12, 0, 1)
    tone = np.clip(tone + 0.05 * noise((h, w), 60, 1), 0, 1)
    mark = np.zeros((h, w))
    for number, (angle, spacing, limit) in enumerate([(0.75, 11.0, 0.8), (-0.55, 11.0, 0.56), (1.45, 10.0, 0.36), (0.1, 9.0, 0.2)]):
        bend = 5.0 * noise((h, w), 190, 5 + number, 2) + 0.5 * noise((h, w), 24, 15 + number, 1)
        phase = (x * np.sin(angle) - y * np.cos(angle) + bend) / spacing
        line, offset = np.floor(phase), np.abs(phase - np.floor(phase) - 0.5) * spacing
        along = x * np.cos(angle) + y * np.sin(angle)
        hashed = np.modf(np.sin(line * 12.9898 + number * 78.233) * 43758.5453)[0]
        # A hand lifts the pen: every line is made of pieces, thicker where it was pressed.
        piece = np.sin(along / (26 + 20 * np.abs(hashed)) + 20 * hashed)
        press = 1.25 + 0.55 * np.sin(along / 31 + 40 * hashed) + 1.3 * np.clip(limit - tone, 0, 0.4)
        wanted = (tone < limit + 0.07 * hashed) & (piece > -0.93)
        mark = np.maximum(mark, np.clip(press + 0.6 - offset, 0, 1) * wanted)
    edges = np.zeros((h, w), bool)
    edges[1:] |= view.region[1:] != view.region[:-1]
    edges[:, 1:] |= view.region[:, 1:] != view.region[:, :-1]
    away = distance_transform_edt(~edges)
    mark = np.maximum(mark, np.clip(1.7 + 0.7 * noise((h, w), 40, 40, 2) - away, 0, 1))
    mark = np.maximum(mark, tone < 0.055)
    paper = np.array([0.93, 0.885, 0.79]) * (1 + 0.02 * noise((h, w), 7, 41) + 0.02 * noise((h, w), 120, 42))[..., None]
    black = np.array([0.09, 0.085, 0.12]) * (1 + 0.25 * noise((h, w), 16, 43))[..., None]
    cover = (mark * np.clip(0.93 + 0.05 * noise((h, w), 9, 44), 0, 1))[..., None]
    return (1 - cover) * paper + cover * black


def woodcut(view: View) -> np.ndarray:
    """Three blocks: ochre, rust and black, with tapered cuts that follow the forms."""
    h, w = view.region.shape
    tone = np.clip(_luma(view.color) + 0.03 * noise((h, w), 30, 1), 0, 1)
    warm = gaussian_filter(view.color[..., 0] - view.color[..., 2], 3)
    fiber = noise((h, max(8, w // 10)), 5, 2)[:, np.minimum(np.arange(w) // 10, w // 10 - 1)]
    paper = np.broadcast_to([0.94, 0.9, 0.8], (h, w, 3)) * (1 + 0.012 * noise((h, w), 5, 3))[..., None]
    picture = paper
    for color, cover in (([0.88, 0.66, 0.3], (tone < 0.78) & (warm > -0.06)), ([0.42, 0.56, 0.6], (tone < 0.85) & (warm <= -0.06))):
        print_ = gaussian_filter(cover.astype(float), 1.2) * np.clip(0.93 + 0.07 * fiber, 0, 1)
        picture = (1 - print_[..., None]) * picture + print_[..., None] * color
    print_ = gaussian_filter(((tone < 0.52) & (warm > 0.1)).astype(float), 1.2) * np.clip(0.95 + 0.07 * fiber, 0, 1)
    picture = (1 - print_[..., None]) * picture + print_[..., None] * np.array([0.66, 0.27, 0.14])
    phase = view.height * h / 9.5 + 0.22 * noise((h, w), 60, 4, 2)
    gy, gx = np.gradient(phase)
    pitch = np.clip(np.hypot(gx, gy), 0.02, 0.4)
    offset = np.abs(phase - np.round(phase)) / pitch
    # The knife's cut is as wide as the tone is light, and swells and tapers along its way.
    swell = 0.12 * noise((h, w), 34, 5, 2)
    cut = np.clip((np.clip((tone - 0.06) * 1.45 + swell, 0, 1.05) * 0.5 / pitch - offset) / 1.1 + 0.5, 0, 1)
    black = (1 - cut) * np.clip(0.97 + 0.05 * fiber, 0, 1)
    return (1 - black[..., None]) * picture + black[..., None] * np.array([0.075, 0.065, 0.07])


def watercolour(view: View) -> np.ndarray:
    """Washes with hard, darker rims, blooms, and pigment that settles in the paper's grain."""
    h, w = view.region.shape
    y, x = np.mgrid[:h, :w]
    dy, dx = (9 * noise((h, w), 70, 1 + n, 3) + 3 * noise((h, w), 18, 3 + n, 2) for n in (0, 1))
    at = (np.clip(y + dy, 0, h - 1).astype(int), np.clip(x + dx, 0, w - 1).astype(int))
    color = gaussian_filter(view.color, (5, 5, 0))[at]
    density = -np.log(np.clip(0.12 + 0.9 * color, 0.03, 1))
    grain = noise((h, w), 7, 5, 2)
    total = np.zeros_like(density)
    strength = density.mean(2)
    for step in range(7):
        level = 0.06 + 0.2 * step
        wash = strength + 0.05 * noise((h, w), 90, 10 + step, 3) > level
        inside = distance_transform_edt(wash)
        rim = np.exp(-inside / 2.6) + 0.35 * np.exp(-inside / 11)
        bloom = 1 + 0.22 * noise((h, w), 85, 20 + step, 4)
        layer = gaussian_filter(wash.astype(float), 0.9) * (0.75 * bloom + 0.6 * rim)
        hue = density / np.maximum(strength, 0.05)[..., None]
        total += 0.21 * layer[..., None] * gaussian_filter(hue, (7, 7, 0))
    total *= (1 + 0.13 * grain + 0.06 * noise((h, w), 14, 40))[..., None]
    dry = noise((h, w), 9, 41, 2) + 0.8 * noise((h, w), 160, 42, 2) > 2.9
    total[dry] *= 0.2
    return np.array([0.975, 0.965, 0.935]) * np.exp(-total) * (1 + 0.012 * grain)[..., None]


def mosaic(view: View) -> np.ndarray:
    """Stones in rows along the forms, set in grey mortar, each a little tilted."""
    h, w = view.region.shape
    rng = np.random.default_rng(3)
    pitch = 17.0
    y, x = np.mgrid[pitch / 2 : h : pitch, pitch / 2 : w : pitch]
    seeds = np.stack([y.ravel(), x.ravel()], 1) + rng.uniform(-0.45, 0.45, (y.size, 2)) * pitch
    pixels = np.moveaxis(np.mgrid[:h, :w], 0, -1).reshape(-1, 2).astype(float)
    for _ in range(4):
        _, nearest = cKDTree(seeds).query(pixels)
        # A stone belongs to one part of the motif: its centre moves to the middle of that part's pixels.
        part = view.region.ravel()
        own = part[(np.clip(seeds[:, 0], 0, h - 1).astype(int) * w + np.clip(seeds[:, 1], 0, w - 1).astype(int))]
        same = (part == own[nearest]).astype(float) + 0.05
        count = np.bincount(nearest, same, len(seeds)).clip(1e-9)
        seeds = np.stack([np.bincount(nearest, same * pixels[:, k], len(seeds)) / count for k in (0, 1)], 1)
    angle = view.angle[np.clip(seeds[:, 0], 0, h - 1).astype(int), np.clip(seeds[:, 1], 0, w - 1).astype(int)]
    _, near = cKDTree(seeds).query(pixels, 7)
    offset = pixels[:, None] - seeds[near]
    c, s = np.cos(angle[near]), np.sin(angle[near])
    u, v = offset[..., 1] * c + offset[..., 0] * s, -offset[..., 1] * s + offset[..., 0] * c
    size = 1 + 0.12 * rng.standard_normal(len(seeds))[near]
    square = (np.abs(u) ** 5 + np.abs(v) ** 5) ** 0.2 / size
    order = np.argsort(square, 1)
    first, second = (np.take_along_axis(square, order[:, k : k + 1], 1)[:, 0] for k in (0, 1))
    stone = np.take_along_axis(near, order[:, :1], 1)[:, 0]
    gap = np.clip((second - first) / 1.6 - 1.0, 0, 1) * np.clip((pitch * 0.62 - first) / 1.4, 0, 1)
    smooth = gaussian_filter(view.color, (4, 4, 0)).reshape(-1, 3)
    base = smooth[np.clip(seeds[:, 0], 0, h - 1).astype(int) * w + np.clip(seeds[:, 1], 0, w - 1).astype(int)]
    color = base + rng.normal(0, 0.045, (len(seeds), 1)) + rng.normal(0, 0.025, (len(seeds), 3))
    tilt = rng.normal(0, 0.012, (len(seeds), 2))
    lit = 1 + (offset[np.arange(len(stone)), order[:, 0]] * tilt[stone]).sum(1)
    vein = (0.025 * noise((h, w), 8, 4)).ravel()
    stones = np.clip(color[stone], 0.02, 1) * (lit + vein)[:, None]
    mortar = np.array([0.3, 0.28, 0.26]) * (1 + 0.12 * noise((h, w), 5, 5)).ravel()[:, None]
    return (gap[:, None] * stones + (1 - gap[:, None]) * mortar).reshape(h, w, 3)


def _luma(color: np.ndarray) -> np.ndarray:
    return color @ np.array(LUMINANCE)


def paint(name: str) -> np.ndarray:
    """One of the pictures, ``(HEIGHT, WIDTH, 3)`` uint8 sRGB."""
    view = bay(HEIGHT * ZOOM, WIDTH * ZOOM)
    large = np.clip({"gouache": gouache, "ink": ink, "woodcut": woodcut, "watercolour": watercolour, "mosaic": mosaic}[name](view), 0, 1)
    small = large.reshape(HEIGHT, ZOOM, WIDTH, ZOOM, 3).mean((1, 3))
    return np.rint(small * 255).astype(np.uint8)


def main() -> None:
    """Paints those named on the command line, or all."""
    for name in sys.argv[1:] or STYLES:
        path_of(name).write_bytes(encode(Image(paint(name)), "png"))
        print(path_of(name))


if __name__ == "__main__":
    main()

"""Composites with known alpha: one photograph over another along outlines that are smooth, wavy or like hair."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import gaussian_filter

PAIRS = (("coffee", "astronaut"), ("rocket", "coffee"), ("brick", "grass"), ("astronaut", "gravel"))
"""Photographs of scikit-image (CC0): front and back."""
_FINE = 4
"""Samples per pixel along each axis."""


def composites(height: int, width: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """24 of them: ``(H, W, 3)`` float32, display-encoded, and alpha ``(H, W)`` float32."""
    from skimage import data, transform  # of the extra "bench"

    def photograph(name: str) -> np.ndarray:
        pixels = getattr(data, name)()
        pixels = pixels[..., :3] if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
        return transform.resize(pixels, (height, width), anti_aliasing=True).astype(np.float32)

    for names in PAIRS:
        front, back = (photograph(name) for name in names)
        if names == ("brick", "grass"):  # both are grey
            front, back = front * [1, 0.6, 0.5], back * [0.5, 0.8, 0.4]
        for alpha in _alphas(height, width):
            yield (alpha[..., None] * front + (1 - alpha[..., None]) * back).astype(np.float32), alpha


def _alphas(height: int, width: int) -> Iterator[np.ndarray]:
    """A disc, a wavy disc, a disc with rays like hair; each sharp and blurred by a pixel."""
    y, x = np.mgrid[: height * _FINE, : width * _FINE] / _FINE
    angle, radius = np.arctan2(y - height / 2, x - width / 2), np.hypot(y - height / 2, x - width / 2) * 240 / height
    for shape in (
        radius < 80,
        radius < 80 + 8 * np.sin(24 * angle),
        (radius < 70) | ((radius < 95) & (np.sin(60 * angle) > 0.3)),
    ):
        alpha = shape.astype(np.float32).reshape(height, _FINE, width, _FINE).mean((1, 3))
        yield alpha
        yield gaussian_filter(alpha, 1.0)

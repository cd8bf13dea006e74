"""A small shaded picture of a mesh, for progress: from above and aside, like a doll's house, since what faces away is left out."""

from __future__ import annotations

import numpy as np

from ...core.color import to_srgb
from ...core.compiled import kernel

WIDTH, HEIGHT = 320, 240
_OVERSAMPLE = 2
_BACKGROUND = 0.035
_ELEVATION = 35.0
_f = np.float32


def shade(vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray, up: np.ndarray, back: np.ndarray,
          colors: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
    """Draws the mesh.

    Args:
        vertices: ``(N, 3)`` float32.
        faces: ``(M, 3)`` int32.
        normals: ``(N, 3)`` float32.
        up: What is up in the world, for the picture.
        back: From the scene towards the onlooker, roughly.
        colors: ``(N, 3)`` float32, scene-linear; None for clay.

    Returns:
        ``(240, 320, 3)`` uint8, sRGB.
    """
    width, height = WIDTH * _OVERSAMPLE, HEIGHT * _OVERSAMPLE
    right, above, towards = _axes(up, back)
    middle = np.percentile(vertices, [1, 99], axis=0)
    center = middle.mean(0)
    local = (vertices - center) @ np.stack([right, above, towards], 1)
    low, high = np.percentile(local[:, :2], 0.5, axis=0), np.percentile(local[:, :2], 99.5, axis=0)
    scale = 0.92 * float(np.min(np.array([width, height]) / np.maximum(high - low, 1e-9)))
    flat = np.empty((len(local), 3), np.float32)
    flat[:, 0] = width / 2 + (local[:, 0] - (low[0] + high[0]) / 2) * scale
    flat[:, 1] = height / 2 - (local[:, 1] - (low[1] + high[1]) / 2) * scale
    flat[:, 2] = local[:, 2]
    lamp = 0.45 * right + 0.65 * above + 0.6 * towards
    light = 0.18 + 0.62 * np.clip(normals @ (lamp / np.linalg.norm(lamp)), 0, 1) + 0.2 * np.clip(normals @ towards, 0, 1)
    base = np.full((len(vertices), 3), (0.62, 0.59, 0.55)) if colors is None else np.clip(colors, 0, 1)
    picture = np.full((height, width, 3), _BACKGROUND, np.float32)
    nearest = np.full((height, width), -np.inf, np.float32)
    _draw(flat, faces, (base * light[:, None]).astype(np.float32), nearest, picture)
    small = picture.reshape(HEIGHT, _OVERSAMPLE, WIDTH, _OVERSAMPLE, 3).mean((1, 3))
    return np.rint(255 * to_srgb(np.clip(small, 0, 1))).astype(np.uint8)


def _axes(up: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right, up and towards the onlooker, who stands ``_ELEVATION`` degrees above the ground."""
    up = up / max(float(np.linalg.norm(up)), 1e-12)
    level = back - (back @ up) * up
    if np.linalg.norm(level) < 1e-3:
        level = np.eye(3)[int(np.argmin(np.abs(up)))]
        level = level - (level @ up) * up
    level = level / np.linalg.norm(level)
    angle = np.radians(_ELEVATION)
    towards = np.cos(angle) * level + np.sin(angle) * up
    right = np.cross(up, level)
    return right, np.cross(towards, right), towards


@kernel()
def _draw(flat: np.ndarray, faces: np.ndarray, shades: np.ndarray, nearest: np.ndarray, picture: np.ndarray) -> None:
    height, width = nearest.shape
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay = flat[i, 0], flat[i, 1]
        ux, uy, vx, vy = flat[j, 0] - ax, flat[j, 1] - ay, flat[k, 0] - ax, flat[k, 1] - ay
        area = ux * vy - uy * vx
        if not area < 0:  # rows run down, so what faces the onlooker is clockwise here
            continue
        left, right = min(ax, flat[j, 0], flat[k, 0]), max(ax, flat[j, 0], flat[k, 0])
        top, bottom = min(ay, flat[j, 1], flat[k, 1]), max(ay, flat[j, 1], flat[k, 1])
        for y in range(max(int(np.ceil(top - _f(0.5))), 0), min(int(np.floor(bottom - _f(0.5))), height - 1) + 1):
            for x in range(max(int(np.ceil(left - _f(0.5))), 0), min(int(np.floor(right - _f(0.5))), width - 1) + 1):
                px, py = _f(x) + _f(0.5) - ax, _f(y) + _f(0.5) - ay
                s = (px * vy - py * vx) / area
                t = (ux * py - uy * px) / area
                if s < 0 or t < 0 or s + t > 1:
                    continue
                z = flat[i, 2] + s * (flat[j, 2] - flat[i, 2]) + t * (flat[k, 2] - flat[i, 2])
                if z > nearest[y, x]:
                    nearest[y, x] = z
                    for c in range(3):
                        picture[y, x, c] = shades[i, c] + s * (shades[j, c] - shades[i, c]) + t * (shades[k, c] - shades[i, c])

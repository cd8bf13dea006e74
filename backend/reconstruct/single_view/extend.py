"""What is behind: the far side of a tear goes on under the near side, for as many pixels as a moved camera may uncover.

The disparity grows ring by ring from the pixels behind a tear, each ring continuing the slope of the surface it came from, under
whatever hides it; where it would come out in front of the picture it stops. Then the grown part is smoothed where rings from several
sides met. Layered depth images are made so (J. Shade et al., 1998); the growth by local planes is our own.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .edges import Tears

_SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
_SLOPE_KEPT = 0.97
"""Part of the slope that each ring hands on: a plane estimated from few pixels should not run away."""
_STEEPEST = 0.02
"""Largest relative change of disparity a pixel in the grown part."""
_SMOOTHING = 40


@dataclasses.dataclass(frozen=True)
class Hidden:
    """Surface behind the picture.

    Attributes:
        grown: ``(H, W)`` bool, pixels under which something was added.
        disparity: ``(H, W)`` float32: of the added surface there, of the picture elsewhere.
        seeds: ``(H, W)`` bool, the visible pixels that it grew from.
    """

    grown: np.ndarray
    disparity: np.ndarray
    seeds: np.ndarray


def extend_behind(disparity: np.ndarray, valid: np.ndarray, tears: Tears, width: int, gap: float) -> Hidden:
    """Grows the far sides of all tears.

    Args:
        disparity: ``(H, W)`` float32.
        valid: ``(H, W)`` bool.
        tears: Between its pixels.
        width: How many pixels to grow.
        gap: The added surface keeps at least this part of its disparity behind what hides it.
    """
    shape = disparity.shape
    far = _far_side(disparity, valid, tears)
    slope_x, slope_y = _slopes(disparity, valid, tears, far)
    grown = np.zeros(shape, bool)
    value = disparity.astype(np.float32).copy()
    front = np.nonzero(far)
    for _ in range(width):
        target, predicted, sx, sy, parent = _ring(front, value, slope_x, slope_y, shape)
        if not len(target):
            break
        y, x = np.divmod(target, shape[1])
        # What hides it must lie before the surface it comes from; a slope that leads in front of that was none.
        fits = valid[y, x] & ~grown[y, x] & (disparity[y, x] > parent * (1 + gap))
        y, x, predicted, parent = y[fits], x[fits], predicted[fits], parent[fits]
        predicted = np.clip(predicted, 0.5 * parent, disparity[y, x] / (1 + gap))
        value[y, x], grown[y, x] = predicted, True
        slope_x[y, x], slope_y[y, x] = sx[fits], sy[fits]
        front = (y, x)
    _smooth(value, grown, far, disparity, gap)
    return Hidden(grown, value, far)


def _far_side(d: np.ndarray, valid: np.ndarray, tears: Tears) -> np.ndarray:
    """Pixels right behind a tear between two pixels with depth."""
    far = np.zeros(d.shape, bool)
    right, down = (tears.right > 0) & np.isfinite(tears.right), (tears.down > 0) & np.isfinite(tears.down)
    far[:, :-1] |= right & (d[:, :-1] < d[:, 1:])
    far[:, 1:] |= right & (d[:, 1:] < d[:, :-1])
    far[:-1] |= down & (d[:-1] < d[1:])
    far[1:] |= down & (d[1:] < d[:-1])
    return far & valid


def _slopes(d: np.ndarray, valid: np.ndarray, tears: Tears, where: np.ndarray, reach: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Disparity per pixel in x and y at some pixels, from up to ``reach`` neighbours that no tear parts from them; 0 elsewhere."""
    y, x = np.nonzero(where)
    result = []
    for jump, axis in ((tears.right, 1), (tears.down, 0)):
        total, weight = np.zeros(len(y)), np.zeros(len(y))
        for sign in (-1, 1):
            joined = np.ones(len(y), bool)
            for k in range(1, reach + 1):
                py, px = (y, x + sign * k) if axis else (y + sign * k, x)
                inside = (py >= 0) & (py < d.shape[0]) & (px >= 0) & (px < d.shape[1])
                py, px = np.clip(py, 0, d.shape[0] - 1), np.clip(px, 0, d.shape[1] - 1)
                edge = (py, np.minimum(px, x + sign * (k - 1))) if axis else (np.minimum(py, y + sign * (k - 1)), px)
                edge = tuple(np.clip(e, 0, n - 1) for e, n in zip(edge, jump.shape, strict=True))
                joined &= inside & valid[py, px] & (jump[edge] == 0)
                step = (d[py, px] - d[y, x]) * sign / k
                total += np.where(joined, step * k * k, 0)
                weight += joined * k * k
        slope = np.zeros(d.shape, np.float32)
        slope[y, x] = np.clip(total / np.maximum(weight, 1), -_STEEPEST * d[y, x], _STEEPEST * d[y, x])
        result.append(slope)
    return result[0], result[1]


def _ring(
    front: tuple[np.ndarray, ...], value: np.ndarray, slope_x: np.ndarray, slope_y: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, ...]:
    """Neighbours of the front with what the front predicts there (disparity, slopes) and what it is itself.

    The farthest prediction and those close to it are averaged.
    """
    index, guess, gx, gy, own = [], [], [], [], []
    y, x = front
    v, sx, sy = value[y, x], slope_x[y, x], slope_y[y, x]
    for dy, dx in _SIDES:
        ny, nx = y + dy, x + dx
        inside = (ny >= 0) & (ny < shape[0]) & (nx >= 0) & (nx < shape[1])
        index.append((ny * shape[1] + nx)[inside])
        guess.append((v + dx * sx + dy * sy)[inside])
        gx.append(sx[inside])
        gy.append(sy[inside])
        own.append(v[inside])
    flat, predicted = np.concatenate(index), np.concatenate(guess)
    target, group = np.unique(flat, return_inverse=True)
    farthest = np.full(len(target), np.inf, np.float32)
    np.minimum.at(farthest, group, predicted.astype(np.float32))
    weight = (predicted <= farthest[group] + 0.03 * np.abs(farthest[group]) + 1e-12).astype(np.float64)
    total = np.bincount(group, weight, len(target))
    parts = (predicted, np.concatenate(gx), np.concatenate(gy), np.concatenate(own))
    means = [np.bincount(group, weight * a, len(target)) / total for a in parts]
    return target, means[0].astype(np.float32), _SLOPE_KEPT * means[1], _SLOPE_KEPT * means[2], means[3].astype(np.float32)


def _smooth(value: np.ndarray, grown: np.ndarray, seeds: np.ndarray, disparity: np.ndarray, gap: float) -> None:
    """Averages the grown part with neighbours of about the same distance, in place; it stays behind the picture."""
    y, x = np.nonzero(grown)
    if not len(y):
        return
    sheet = grown | seeds
    near = []
    for dy, dx in _SIDES[:4]:
        ny, nx = np.clip(y + dy, 0, value.shape[0] - 1), np.clip(x + dx, 0, value.shape[1] - 1)
        near.append((ny, nx, sheet[ny, nx]))
    limit = disparity[y, x] / (1 + gap)
    for _ in range(_SMOOTHING):
        here = value[y, x]
        total, count = here.astype(np.float64), np.ones(len(y))
        for ny, nx, inside in near:
            other = value[ny, nx]
            close = inside & (np.abs(other - here) < 0.05 * here)
            total += np.where(close, other, 0)
            count += close
        value[y, x] = np.minimum(total / count, limit)

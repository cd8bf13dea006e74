"""Depth edges: where one surface ends in front of another, to the pixel, and blurred edges made sharp.

Everything works on disparity (1 / depth), because a plane's disparity is linear in the picture: what neighbours on the same plane do
not predict is an edge, however slanted the plane is.
"""

from __future__ import annotations

import dataclasses

import numpy as np

_RAMP = 1.5
"""A step reaches at most this many times farther over the double distance; a slope would reach 2 times."""


@dataclasses.dataclass(frozen=True)
class Tears:
    """Where neighbouring pixels do not belong together.

    Attributes:
        right: ``(H, W - 1)`` float32: between pixel (v, u) and (v, u + 1); 0 = together, else how large the jump is, as a part of
            the smaller disparity. Infinite between a pixel with and one without depth.
        down: ``(H - 1, W)`` float32, between (v, u) and (v + 1, u).
    """

    right: np.ndarray
    down: np.ndarray

    def pixels(self) -> np.ndarray:
        """``(H, W)`` bool: pixels on either side of a tear."""
        mask = np.zeros((self.right.shape[0], self.down.shape[1]), bool)
        mask[:, :-1] |= self.right > 0
        mask[:, 1:] |= self.right > 0
        mask[:-1] |= self.down > 0
        mask[1:] |= self.down > 0
        return mask

    @property
    def count(self) -> int:
        """How many pairs of pixels are torn."""
        return int((self.right > 0).sum() + (self.down > 0).sum())


def find_tears(disparity: np.ndarray, valid: np.ndarray, threshold: float, grazing: float, focal: tuple[float, float]) -> Tears:
    """Tears a map where it jumps, and where the surface is seen edge-on.

    Args:
        disparity: ``(H, W)`` float32, above 0 where valid.
        valid: ``(H, W)`` bool.
        threshold: Smallest jump, as a part of the disparity of the farther pixel, beyond what the slopes at both sides predict.
        grazing: Largest angle between the surface's normal and the line of sight, in degrees; only steps of at least
            ``threshold`` are torn for it.
        focal: ``(x, y)`` in pixels of the map.
    """
    right = _jumps(disparity, valid, threshold, np.tan(np.radians(grazing)) / focal[0])
    down = _jumps(np.ascontiguousarray(disparity.T), valid.T, threshold, np.tan(np.radians(grazing)) / focal[1]).T
    return Tears(right, np.ascontiguousarray(down))


def _jumps(disparity: np.ndarray, valid: np.ndarray, threshold: float, steepest: float) -> np.ndarray:
    """Along rows: the jump between each pixel and the next, 0 where there is none."""
    d = np.where(valid, disparity, np.float32(np.nan)).astype(np.float32)
    step = np.diff(d, axis=1)
    padded = np.pad(step, ((0, 0), (1, 1)), constant_values=np.nan)
    before, after = padded[:, :-2], padded[:, 2:]
    # The slope on either side may explain the step; a slope that is itself a jump explains nothing, so the better one counts.
    unexplained = np.fmin(np.fmin(np.abs(step - before), np.abs(step - after)), np.abs(step))
    # Between two jumps (a thin thing, one or two pixels across) a neighbouring slope of the same size would hide both.
    limit = 0.5 * np.abs(step)
    alone = (np.abs(np.nan_to_num(before)) > limit) & (np.abs(np.nan_to_num(after)) > limit)
    unexplained = np.where(alone & (np.sign(before) != np.sign(after)), np.abs(step), unexplained)
    with np.errstate(invalid="ignore"):
        low = np.fmin(d[:, 1:], d[:, :-1])
        jump, relative = unexplained / low, np.abs(step) / low
        torn = (jump > threshold) | ((relative > threshold) & (relative > steepest))
    size = np.where(torn, np.maximum(relative, 1e-6), 0).astype(np.float32)
    mixed = valid[:, 1:] != valid[:, :-1]
    return np.where(mixed, np.float32(np.inf), np.nan_to_num(size, nan=0.0)).astype(np.float32)


def sharpen(disparity: np.ndarray, valid: np.ndarray, color: np.ndarray, radius: int, threshold: float) -> np.ndarray:
    """Gives pixels on a blurred depth edge to one of the two sides, the one they look like.

    Networks and filtered renders smear a silhouette over several pixels; meshes would hang a curtain there. A pixel counts as smeared
    where the map steps by more than ``threshold`` over twice the radius and hardly more over twice that again, which slopes do.

    Args:
        disparity: ``(H, W)`` float32.
        valid: ``(H, W)`` bool.
        color: ``(H, W, 3)`` float32, display-encoded, 0..1.
        radius: Largest half width of a smeared edge, in pixels; 0 leaves the map as it is.
        threshold: Smallest step, as a part of the farther disparity.

    Returns:
        ``(H, W)`` float32.
    """
    result = np.where(valid, disparity, np.float32(np.nan)).astype(np.float32)
    size = radius
    while size >= 1:
        for axis in (1, 0):
            result = _snap(result, color, size, threshold, axis)
        size //= 2
    return np.where(valid, result, disparity).astype(np.float32)


def _snap(d: np.ndarray, color: np.ndarray, size: int, threshold: float, axis: int) -> np.ndarray:
    if d.shape[axis] <= 4 * size + 1:
        return d
    one, other, far_one, far_other = (_shifted(d, s, axis, np.nan) for s in (-size, size, -2 * size, 2 * size))
    step, wide = other - one, far_other - far_one
    with np.errstate(invalid="ignore", divide="ignore"):
        is_step = (np.abs(step) > threshold * np.fmin(one, other)) & (np.abs(wide) <= _RAMP * np.abs(step))
        part = (d - one) / step
        smeared = is_step & (part > 0.04) & (part < 0.96)
    index = np.nonzero(smeared)
    if not len(index[0]):
        return d
    before, after = (_shifted(color, s, axis)[index] for s in (-size, size))
    span = after - before
    contrast = (span**2).sum(-1)
    likeness = ((color[index] - before) * span).sum(-1) / np.maximum(contrast, 1e-12)
    choice = np.where(contrast > 0.1**2, likeness, part[index]) > 0.5
    result = d.copy()
    result[index] = np.where(choice, other[index], one[index])
    return result


def _shifted(array: np.ndarray, by: int, axis: int, beyond: float | None = None) -> np.ndarray:
    """``result[i] = array[i + by]`` along an axis; past the border a number, or what is at the border."""
    place = np.arange(array.shape[axis]) + by
    result = np.take(array, np.clip(place, 0, array.shape[axis] - 1), axis)
    if beyond is not None:
        outside = (place < 0) | (place >= array.shape[axis])
        result[(slice(None),) * axis + (outside,)] = beyond
    return result

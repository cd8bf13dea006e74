"""Depth edges: where one surface ends in front of another, to the pixel, and blurred edges made sharp.

Everything works on disparity (1 / depth), because a plane's disparity is linear in the picture: what neighbours on the same plane do
not predict is an edge, however slanted the plane is.
"""

from __future__ import annotations

import dataclasses

import numpy as np

_RAMP = 1.15
"""A step reaches at most this many times farther over the double distance; a slope would reach 2 times."""
_SHARP = 0.5
"""Part of a step that one pair of neighbours makes, from which on the edge is sharp already."""
_SIZES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)


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
        # Towards its outline a round thing falls off ever more steeply: of such a run only the last, largest step is the edge.
        for beside in (before, after):
            torn &= ~((np.sign(beside) == np.sign(step)) & (np.abs(beside) > 2 * np.abs(step)))
    size = np.where(torn, np.maximum(relative, 1e-6), 0).astype(np.float32)
    mixed = valid[:, 1:] != valid[:, :-1]
    return np.where(mixed, np.float32(np.inf), np.nan_to_num(size, nan=0.0)).astype(np.float32)


def sharpen(disparity: np.ndarray, valid: np.ndarray, color: np.ndarray, radius: int, threshold: float) -> np.ndarray:
    """Gives pixels on a blurred depth edge to one of the two sides, the one they look like.

    Networks and filtered renders smear a silhouette over several pixels; meshes would hang a curtain there. A pixel counts as smeared
    where the map steps by more than ``threshold`` over a few pixels, no two neighbours make most of that step, and it steps hardly farther
    over twice as many pixels, as slopes would.

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
    for axis in (1, 0):
        result = _snap(result, color, radius, threshold, axis)
    for _ in range(2):  # single pixels that went to the wrong side
        result = _settled(result, result != np.where(valid, disparity, np.float32(np.nan)))
    return np.where(valid, result, disparity).astype(np.float32)


def _snap(d: np.ndarray, color: np.ndarray, radius: int, threshold: float, axis: int) -> np.ndarray:
    """Sharpens along rows (axis 1) or columns (axis 0)."""
    result = d.copy()
    nearest = np.full(d.shape, np.inf, np.float32)  # how far the edge is that a pixel was snapped to
    claimed = np.zeros(d.shape, bool)
    for size in _SIZES:
        if size > radius or d.shape[axis] <= 4 * size + 1:
            break
        one, other, far_one, far_other = (_shifted(d, s, axis, np.nan) for s in (-size, size, -2 * size, 2 * size))
        with np.errstate(invalid="ignore", divide="ignore"):
            step = other - one
            is_step = (np.abs(step) > threshold * np.fmin(one, other)) & (np.abs(far_other - far_one) <= _RAMP * np.abs(step))
            part = (d - one) / step
            following = _shifted(d, 1, axis, np.nan)
            after = (following - one) / step
            middle = is_step & (part <= 0.5) & (after > 0.5) & ~(np.abs(following - d) > _SHARP * np.abs(step)) & ~claimed
        centre = np.nonzero(middle)
        if not len(centre[0]):
            continue
        for k in range(-size + 1, size + 1):
            place = list(centre)
            place[axis] = np.clip(centre[axis] + k, 0, d.shape[axis] - 1)
            spot = (place[0], place[1])
            claimed[spot] = True
            values = (one[centre], other[centre])
            behind = _like_the_second(color, centre, spot, size, axis) if abs(k - 0.5) <= 0.5 * size + 0.5 else np.full(len(spot[0]), k > 0)
            closer = abs(k - 0.5) < nearest[spot]
            chosen = (spot[0][closer], spot[1][closer])
            result[chosen] = np.where(behind, values[1], values[0])[closer]
            nearest[chosen] = abs(k - 0.5)
    return result


def _settled(d: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Takes the median of 3 x 3 pixels where something was changed, and next to it."""
    changed = changed & np.isfinite(d)
    padded = np.pad(changed, 1)
    near = sum(padded[dy : dy + d.shape[0], dx : dx + d.shape[1]].astype(np.int32) for dy in range(3) for dx in range(3)) > 0
    y, x = np.nonzero(near & np.isfinite(d))
    if not len(y):
        return d
    around = [d[np.clip(y + dy, 0, d.shape[0] - 1), np.clip(x + dx, 0, d.shape[1] - 1)] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    result = d.copy()
    result[y, x] = np.nanmedian(np.stack(around), axis=0)
    return result


def _like_the_second(color: np.ndarray, centre: tuple[np.ndarray, ...], spot: tuple[np.ndarray, ...], size: int, axis: int) -> np.ndarray:
    """Whether pixels look like the far end of their step rather than like its near end; by their place if both ends look alike."""
    ends = []
    for sign in (-1, 1):
        place = list(centre)
        place[axis] = np.clip(centre[axis] + sign * size, 0, color.shape[axis] - 1)
        ends.append(color[place[0], place[1]])
    span = ends[1] - ends[0]
    contrast = (span**2).sum(-1)
    likeness = ((color[spot] - ends[0]) * span).sum(-1) / np.maximum(contrast, 1e-12)
    missed = ((color[spot] - ends[0] - np.clip(likeness, 0, 1)[:, None] * span) ** 2).sum(-1)
    clear = (contrast > 0.15**2) & (missed < 0.5 * contrast)
    result: np.ndarray = np.where(clear, likeness > 0.5, spot[axis] > centre[axis])
    return result


def _shifted(array: np.ndarray, by: int, axis: int, beyond: float | None = None) -> np.ndarray:
    """``result[i] = array[i + by]`` along an axis; past the border a number, or what is at the border."""
    place = np.arange(array.shape[axis]) + by
    result = np.take(array, np.clip(place, 0, array.shape[axis] - 1), axis)
    if beyond is not None:
        outside = (place < 0) | (place >= array.shape[axis])
        result[(slice(None),) * axis + (outside,)] = beyond
    return result

"""The tracked guide: for each pixel of a frame, paint of the keyframes before and after it that shows the same piece of surface."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from . import kernels
from .features import edges
from .network import GUIDE, SLOTS
from .tracking import Tracker

PAINTED = 0.95
"""Share of a sampled pixel that has to be painted."""
MIXED = np.float32(0.1)
"""Weight of paint from a silhouette where there is none: better than nothing where the look has a pattern that cannot be foretold."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """A keyframe as it is tracked.

    Attributes:
        number: Its frame.
        planes: ``(H, W, 8)`` float32: paint (3, shaped), what the look alone predicts (3), border of objects and a pixel next to it,
            painted (0..1).
    """

    number: int
    planes: np.ndarray


def make_layer(number: int, paint: np.ndarray, predicted: np.ndarray, border: np.ndarray, mask: np.ndarray) -> Layer:
    """A layer of ``(H, W, 3)`` paint and prediction, ``(H, W)`` border and mask."""
    return Layer(
        number, np.ascontiguousarray(np.concatenate([paint, predicted, widened(border)[..., None], mask[..., None]], -1), np.float32)
    )


def widened(border: np.ndarray) -> np.ndarray:
    """``(H, W)`` float32: the maximum over each pixel's eight neighbours and itself."""
    for axis in (0, 1):
        padded = np.pad(border, [(1, 1) if a == axis else (0, 0) for a in (0, 1)])
        count = border.shape[axis]
        border = np.maximum.reduce([np.take(padded, range(n, n + count), axis) for n in range(3)])
    return border


def nearness(gap: int) -> float:
    """Weight of paint ``gap`` frames away: halved at 1 frame, so that between two keyframes the nearer one leads."""
    return 1.0 / (0.5 + gap)


class Guides:
    """Makes guides of any frame.

    Args:
        tracker: Of the shot.
        layers: By frame number.
    """

    def __init__(self, tracker: Tracker, layers: Mapping[int, Layer]) -> None:
        self.tracker, self.layers = tracker, dict(layers)
        self._borders: dict[int, np.ndarray] = {}

    def guide(self, number: int, without: int | None = None) -> np.ndarray:
        """``(SLOTS * GUIDE, H, W)`` float32 for a frame; the keyframe ``without`` is not used.

        The first slot is the nearest keyframe at or before the frame that shows the pixel, the second the nearest after it; what one
        side lacks is filled with a farther keyframe of the other.
        """
        usable = sorted((k for k in self.layers if k != without), key=lambda k: abs(k - number))
        before, after = [k for k in usable if k <= number], [k for k in usable if k > number]
        height, width = self.tracker.shot.size
        slots = np.zeros((SLOTS, height, width, GUIDE), np.float32)
        taken = np.full((SLOTS, height, width), -1, np.int32)
        if self.tracker.able:
            for own, other in ((0, 1), (1, 0)):
                for key in (before, after)[own] + (before, after)[other]:
                    if (taken[own] >= 0).all():
                        break
                    fill = (taken[own] < 0) & (taken[other] != key)
                    if key in (before, after)[other]:  # the nearest one is the other slot's own
                        fill &= taken[other] >= 0 if own == 1 else self._seen_nearer(number, key, (before, after)[other])
                    piece = self.slot(number, self.layers[key])
                    fill &= piece[..., 6] > 0
                    slots[own][fill], taken[own][fill] = piece[fill], key
        return np.ascontiguousarray(slots.transpose(0, 3, 1, 2).reshape(SLOTS * GUIDE, height, width))

    def _seen_nearer(self, number: int, key: int, side: list[int]) -> np.ndarray:
        """Where a keyframe of that side nearer than ``key`` shows the pixel, and will take its slot."""
        seen = np.zeros(self.tracker.shot.size, bool)
        for nearer in side[: side.index(key)]:
            seen |= self.slot(number, self.layers[nearer])[..., 6] > 0
        return seen

    def slot(self, number: int, layer: Layer, gap: int | None = None) -> np.ndarray:
        """``(H, W, GUIDE)``: one layer tracked to a frame."""
        planes, seen = self.tracker.warp(layer.planes, number, layer.number)
        return self._finish(planes, seen, number, abs(number - layer.number) if gap is None else gap)

    def _finish(self, planes: np.ndarray, seen: np.ndarray, number: int, gap: int) -> np.ndarray:
        # Pixels at a silhouette are mixed with what is behind: they serve where there is a silhouette again, elsewhere hardly.
        clean = (planes[..., 6] < 0.3) | (self._border(number) > 0)
        usable = ((seen > 0) & (planes[..., 7] > PAINTED)).astype(np.float32)[..., None]
        near = np.where(clean, np.float32(1), MIXED)[..., None] * np.float32(nearness(gap))
        return np.concatenate([planes[..., :6] * usable, usable, planes[..., 6:7] * usable, near * usable], -1)

    def displaced(self, key: int, random: np.random.Generator) -> np.ndarray:
        """A keyframe's own paint from elsewhere on the same object, turned and shifted: as if the object had moved under the light.

        It teaches what else cannot be learnt from one painted frame: paint whose light has changed is to be trusted less.
        """
        ids = self.tracker.ids(key)
        height, width = ids.shape
        at, seen = np.full((height, width, 2), -1e6, np.float32), np.zeros((height, width), np.uint8)
        rows, columns = np.mgrid[:height, :width].astype(np.float32) + 0.5
        for name in np.unique(ids):
            mine = ids == name
            centre = np.array([columns[mine].mean(), rows[mine].mean()], np.float32)
            extent = float(min(np.sqrt(mine.sum()), 0.5 * min(height, width)))
            angle, shift = random.uniform(-1.6, 1.6), random.uniform(-0.35, 0.35, 2).astype(np.float32) * extent
            c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
            x, y = columns[mine] - centre[0], rows[mine] - centre[1]
            place = np.stack([c * x - s * y, s * x + c * y], -1) + centre + shift
            u, v = np.floor(place[:, 0]).astype(int), np.floor(place[:, 1]).astype(int)
            inside = (u >= 0) & (v >= 0) & (u < width) & (v < height)
            inside[inside] = ids[v[inside], u[inside]] == name
            at[mine], seen[mine] = place, inside
        layer = self.layers[key]
        planes = np.zeros_like(layer.planes)
        kernels.sample(layer.planes, ids, at, seen, ids, planes)
        return self._finish(planes, seen, key, int(random.integers(2, 12)))

    def _border(self, number: int) -> np.ndarray:
        """``(H, W)`` bool: silhouettes of a frame, one pixel wider on either side."""
        if number not in self._borders:
            self._borders[number] = widened(edges(self.tracker.shot[number])[..., 0])
        return self._borders[number]

    def round_trip(self, key: int, via: int) -> np.ndarray:
        """A keyframe's own paint as it would come back to it from frame ``via``: sampled twice, and only what is seen in both."""
        planes, seen = self.tracker.warp(self.layers[key].planes, via, key)
        planes[..., 7] *= seen
        return self.slot(key, Layer(via, planes))

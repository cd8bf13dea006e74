"""Where each pixel of a frame is in another frame of the shot, and whether it can be seen there.

What moves rigidly is placed directly: the motions of its frames are multiplied and the point is seen by the other camera, behind whatever
passed in between. What bends is followed along the motion vectors frame by frame; a point that is hidden on the way is lost. Visibility
is proved in the first case by id and depth, in the second by id and by the vector that leads back.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import OrderedDict

import numpy as np

from ....shared.values import Camera
from ...core.camera import intrinsics
from ...core.lens import distort_pixels, undistort_pixels
from ...io.frames.frame import Frame
from ...io.frames.shot import Shot
from . import kernels
from .rigid import motions


@dataclasses.dataclass(frozen=True)
class Places:
    """Where the pixels of a frame are in another.

    Attributes:
        at: ``(H, W, 2)`` float32, column and row; pixel centres are at + 0.5.
        seen: ``(H, W)`` uint8, 1 where the surface can be seen there.
    """

    at: np.ndarray
    seen: np.ndarray


class Tracker:
    """Finds positions between frames of a shot; keeps motions and the latest positions.

    Args:
        shot: The frames. Without depth everything is followed, without vectors everything is taken to stand still, without both
            nothing can be tracked.
        keep_bytes: Room for positions.
    """

    def __init__(self, shot: Shot, keep_bytes: int = 2**29) -> None:
        self.shot = shot
        self.has_depth, self.has_motion = "depth" in shot.present, "motion" in shot.present
        self.warnings: list[str] = []
        if self.has_motion:
            self._check_vectors()
        self._steps: dict[int, dict[int, np.ndarray | None]] = {}
        self._kept: OrderedDict[tuple[int, int], Places] = OrderedDict()
        self._lens: tuple[object, ...] = ()
        self._pixels = np.zeros((0, 0, 2))
        height, width = shot.size
        self._most = max(4, keep_bytes // (height * width * 9))

    @property
    def able(self) -> bool:
        """Whether anything can be tracked at all."""
        return self.has_depth or self.has_motion

    def places(self, number: int, other: int) -> Places:
        """Places of the pixels of frame ``number`` in frame ``other``; both are in the shot."""
        key = (number, other)
        if key not in self._kept:
            chain = [number]
            while (chain[-1], other) not in self._kept and chain[-1] != other and self._follows(chain[-1]):
                chain.append(self._neighbour(chain[-1], other))
            for step in reversed(chain):  # from the other frame outwards, so that each needs its neighbour's only
                if (step, other) not in self._kept:
                    self._keep((step, other), self._compute(step, other))
        self._kept.move_to_end(key)
        return self._kept[key]

    def warp(self, picture: np.ndarray, number: int, other: int) -> tuple[np.ndarray, np.ndarray]:
        """A picture of frame ``other`` as it is on the surfaces in frame ``number``.

        Args:
            picture: ``(H, W, C)`` float32.
            number: The frame to bring it to.
            other: The frame it belongs to.

        Returns:
            ``(H, W, C)`` float32, 0 where it is not seen, and ``seen`` ``(H, W)`` uint8.
        """
        places = self.places(number, other)
        out = np.zeros((*self.shot.size, picture.shape[2]), np.float32)
        kernels.sample(np.ascontiguousarray(picture, np.float32), self.ids(other), places.at, places.seen, self.ids(number), out)
        return out, places.seen

    def ids(self, number: int) -> np.ndarray:
        """Object ids ``(H, W)`` int32; without that pass, 1 where there is depth."""
        frame = self.shot[number]
        if frame.object_id is not None:
            return frame.object_id
        return (frame.depth > 0).astype(np.int32) if frame.depth is not None else np.ones(frame.size, np.int32)

    def moving(self, number: int, other: int) -> dict[int, np.ndarray | None]:
        """Motion of each object of a frame to another in world space; None for what cannot be placed directly."""
        if not self.has_motion:
            return {int(name): np.eye(4) for name in np.unique(self.ids(number))}
        found: dict[int, np.ndarray | None] = {int(name): np.eye(4) for name in np.unique(self.ids(number))}
        low, high = min(number, other), max(number, other)
        numbers = [n for n in self.shot.numbers if low <= n <= high]
        for first, second in itertools.pairwise(numbers):
            step = self._step(first, second)
            for name, total in found.items():
                motion = step.get(name)
                found[name] = None if total is None or motion is None else motion @ total
        if other < number:  # a rigid motion back is the inverse of the one ahead
            return {name: None if m is None else np.linalg.inv(m) for name, m in found.items()}
        return found

    def _check_vectors(self) -> None:
        """Notes vectors that are empty although the camera moves, and those that lead away from their objects."""
        numbers = self.shot.numbers
        pairs = [(a, b) for a, b in itertools.pairwise(numbers) if b == a + 1]
        if not pairs:
            return
        first, second = pairs[len(pairs) // 2]
        a, b = self.shot[first], self.shot[second]
        assert a.to_next is not None
        moved = float(np.abs(np.asarray(a.camera.camera_to_world) - np.asarray(b.camera.camera_to_world)).max()) > 1e-6
        if moved and not a.to_next.any():
            self.has_motion = False
            text = "The motion pass is empty although the camera moves (motion blur is on?)"
            self.warnings.append(f"{text}: all objects are taken to stand still" if self.has_depth else f"{text}: nothing can be tracked")
            return
        height, width = a.size
        ids, ids_b = self.ids(first), self.ids(second)
        rows, columns = np.mgrid[:height, :width]
        u = np.floor(columns + 0.5 + a.to_next[..., 0]).astype(int)
        v = np.floor(rows + 0.5 + a.to_next[..., 1]).astype(int)
        inside = (u >= 0) & (v >= 0) & (u < width) & (v < height)
        led = float((ids[inside] == ids_b[v[inside], u[inside]]).mean()) if inside.any() else 1.0
        still = float((ids == ids_b).mean())
        if led < still - 0.01:
            self.warnings.append(
                f"The motion vectors do not fit the frames: they lead {led:.1%} of the pixels of frame {first} to their object in frame "
                f"{second}, no motion {still:.1%}. Render colour and passes from the same scene"
            )

    # -- inside ------------------------------------------------------------------------------------------------------

    def _keep(self, key: tuple[int, int], places: Places) -> None:
        self._kept[key] = places
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def _neighbour(self, number: int, other: int) -> int:
        index = self.shot.numbers.index(number)
        return self.shot.numbers[index + (1 if other > number else -1)]

    def _follows(self, number: int) -> bool:
        """Whether positions of this frame may need those of its neighbour."""
        return self.has_motion

    def _step(self, first: int, second: int) -> dict[int, np.ndarray | None]:
        """Motions of objects from a frame to the next one of the shot, from whichever of the two shows them."""
        if first not in self._steps:
            a, b = self.shot[first], self.shot[second]
            found: dict[int, np.ndarray | None] = {}
            if self.has_depth and second == first + 1:
                assert a.to_next is not None
                assert b.to_previous is not None
                found = motions(a, b, a.to_next)
                unknown = [name for name in (int(n) for n in np.unique(self.ids(second))) if found.get(name) is None and name not in found]
                if unknown:
                    back = motions(b, a, b.to_previous)
                    found.update({n: None if back.get(n) is None else np.linalg.inv(back[n]) for n in unknown if n in back})  # type: ignore[arg-type]
            self._steps[first] = found
        return self._steps[first]

    def _compute(self, number: int, other: int) -> Places:
        frame = self.shot[number]
        height, width = frame.size
        at, seen = np.full((height, width, 2), -1e6, np.float32), np.zeros((height, width), np.uint8)
        if number == other:
            rows, columns = np.mgrid[:height, :width]
            return Places(np.stack([columns, rows], -1).astype(np.float32) + 0.5, np.ones((height, width), np.uint8))
        todo = np.ones((height, width), np.uint8)
        if self.has_depth:
            index = self._reproject(frame, other, at, seen)
            todo[index >= 0] = 0
        if self.has_motion and todo.any():
            self._follow(frame, other, todo, at, seen)
        return Places(at, seen)

    def _reproject(self, frame: Frame, other: int, at: np.ndarray, seen: np.ndarray) -> np.ndarray:
        key = self.shot[other]
        assert frame.depth is not None
        assert key.depth is not None
        ids = self.ids(frame.number)
        known = {name: motion for name, motion in self.moving(frame.number, other).items() if motion is not None}
        to_world = np.asarray(frame.camera.camera_to_world, np.float64)
        to_key = np.linalg.inv(np.asarray(key.camera.camera_to_world, np.float64))
        matrices = np.stack([to_key @ to_world, *(to_key @ motion @ to_world for motion in known.values())])
        names = np.array(sorted(known), np.int64)
        position = {name: number + 1 for number, name in enumerate(known)}
        lookup = np.array([position[name] for name in names.tolist()], np.int32)
        index = np.full(ids.shape, -1, np.int32)
        if len(names):
            slot = np.clip(np.searchsorted(names, ids), 0, len(names) - 1)
            index = np.where(names[slot] == ids, lookup[slot], -1).astype(np.int32)
        index[frame.depth <= 0] = 0  # the background stands still, infinitely far
        landed = np.zeros((*frame.size, 3))
        pixels = self._undistorted(frame.camera)
        kernels.project_moved(frame.depth, index, matrices, intrinsics(frame.camera), intrinsics(key.camera), pixels, landed)
        if key.camera.distortion is not None:
            landed[..., :2] = distort_pixels(key.camera, landed[..., :2])
        kernels.visible(landed, frame.depth, ids, index, key.depth, self.ids(other), at, seen)
        return index

    def _undistorted(self, camera: Camera) -> np.ndarray:
        """Pixels ``(H, W, 2)`` float64 without lens distortion; empty for a lens that has none. Kept for the latest lens."""
        if camera.distortion is None:
            return np.zeros((0, 0, 2))
        lens = (*intrinsics(camera), camera.distortion)
        if self._lens != lens:
            rows, columns = np.mgrid[: camera.height, : camera.width]
            self._lens, self._pixels = lens, undistort_pixels(camera, np.stack([columns, rows], -1) + 0.5)
        return self._pixels

    def _follow(self, frame: Frame, other: int, todo: np.ndarray, at: np.ndarray, seen: np.ndarray) -> None:
        near = self._neighbour(frame.number, other)
        step = 1 if other > frame.number else -1
        if near != frame.number + step:
            return  # a gap in the frames: nothing leads across it
        neighbour = self.shot[near]
        vectors, back = (frame.to_next, neighbour.to_previous) if step > 0 else (frame.to_previous, neighbour.to_next)
        there = self.places(near, other)
        kernels.follow(vectors, back, self.ids(frame.number), self.ids(near), there.at, there.seen, todo, at, seen)

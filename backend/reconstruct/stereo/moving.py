"""Things that move by themselves, where frames bring a renderer's motion vectors: a camera that moves does not explain those.

What stands still is found, in the next frame, on the ray on which its pixel of this frame is, at whatever depth. What is found next to
that ray moves by itself, however slowly. Motion along the ray cannot be distinguished from another depth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ....shared.values import Camera, Image, SceneFrame
from ...core.camera import scaled
from ...core.lens import undistort_pixels
from ...core.morphology import dilate_mask
from ...io.frames.decode import Wanted, decode_frame
from .geometry import transfer
from .views import Report

STILL = 0.05
"""Pixels next to its ray where a thing still stands still: vectors in half precision are off by a third of that."""
LOOSE = 4.0
"""Or so many times what is usual in the frame, where cameras or vectors are less exact."""
OFF = 1.0
"""Pixels that half of a frame is next to its rays: these vectors are not of these cameras."""
LEAST = 12
"""Fewest pixels that say that an object moves: more than half of those it has in a frame."""
BORDER = 2
"""Pixels around what moves that are left out too: colour is smooth across outlines, ids are not."""

MOTION = Wanted(("motion", "object_id"), needed=("motion",))
AT_ONCE = 1 << 19
"""Pixels, so that a 4K frame takes no gigabytes."""


@dataclasses.dataclass(frozen=True)
class Still:
    """Frames without what moves.

    Attributes:
        frames: The frames; what moves is masked out where there is any.
        objects: Ids of the objects that move, which are masked out in every frame.
        share: Part of all pixels that is masked out because of that.
        notes: Sentences for a person.
    """

    frames: list[SceneFrame]
    objects: list[int]
    share: float
    notes: list[str]


def without_moving(frames: Sequence[SceneFrame], every: Sequence[SceneFrame], report: Report = lambda fraction, stage: None) -> Still:
    """Masks out what moves by itself, in frames that have the channel ``motion``, by pixel and, with ``object_id``, by object.

    Args:
        frames: Those that will be used.
        every: All there are: vectors lead to the frames right before and after, of which only the cameras are needed.
        report: Called with fraction and stage before each frame that has vectors.

    Raises:
        InputError: Vectors without four components, or vectors, ids and mask of different sizes.
    """
    cameras = {frame.number: frame.camera for frame in every}
    moves: dict[int, np.ndarray] = {}
    objects: set[int] = set()
    strange = 0
    for index, frame in enumerate(frames):
        neighbours = {step: cameras[frame.number + step] for step in (-1, 1) if frame.number + step in cameras}
        if "motion" not in frame.channels or not neighbours:
            continue
        report(index / len(frames), f"looking for what moves, frame {index + 1}/{len(frames)}")
        beside, ids = _beside(frame, neighbours)
        usual = float(np.median(beside))
        if usual > OFF:
            strange += 1
            continue
        moves[frame.number] = beside > max(STILL, LOOSE * usual)
        if ids is not None:
            objects |= _moving_objects(ids, moves[frame.number])
    notes = []
    if strange:
        notes.append(f"The motion vectors of {strange} of {len(frames)} frames do not fit the cameras' motion, and were not used")
    if not any(found.any() for found in moves.values()):
        return Still(list(frames), [], 0.0, notes)
    still = [_masked(frame, moves.get(frame.number), objects) for frame in frames]
    share = float(np.mean([part for _, part in still]))
    what = "Something moves by itself"
    if objects:
        ids_of = ", ".join(map(str, sorted(objects)))
        what = f"Object {ids_of} moves by itself" if len(objects) == 1 else f"Objects {ids_of} move by themselves"
    notes.append(f"{what}, as the motion vectors show: left out, with {share:.1%} of the pixels")
    return Still([frame for frame, _ in still], sorted(objects), share, notes)


def off_the_ray(a: Camera, b: Camera, pixels: np.ndarray, found: np.ndarray) -> np.ndarray:
    """How far positions in ``b`` lie from where pixels of ``a`` can be, at any depth from 0 to infinity.

    Args:
        a: The one camera.
        b: The other.
        pixels: ``(N, 2)`` in ``a``.
        found: ``(N, 2)`` in ``b``.

    Returns:
        ``(N,)`` float64, pixels; 0 where the ray does not lie before ``b``.
    """
    M, t = transfer(a, b)
    far = np.concatenate([undistort_pixels(a, pixels), np.ones((len(pixels), 1))], 1) @ M.T
    ahead = far[:, 2] > 1e-9
    z = np.where(ahead, far[:, 2], 1.0)[:, None]
    apart = undistort_pixels(b, found) - far[:, :2] / z
    way = t[:2] * z - far[:, :2] * t[2]  # of the picture of a point that comes nearer
    length = np.linalg.norm(way, axis=1)
    way = way / np.maximum(length, 1e-12)[:, None]
    along = np.where(length > 1e-9 * np.abs(z[:, 0]), (apart * way).sum(1), 0.0)
    beside: np.ndarray = np.linalg.norm(apart - np.maximum(along, 0)[:, None] * way, axis=1)
    return np.where(ahead & np.isfinite(beside), beside, 0.0)


def _beside(frame: SceneFrame, neighbours: Mapping[int, Camera]) -> tuple[np.ndarray, np.ndarray | None]:
    """``(H, W)`` float32, pixels that each is next to its ray in the frame before (-1) or after (1), and the ids, if there are any."""
    decoded = decode_frame(frame, MOTION)
    assert decoded.to_previous is not None
    assert decoded.to_next is not None
    height, width = decoded.size
    to_previous, to_next = decoded.to_previous.reshape(-1, 2), decoded.to_next.reshape(-1, 2)
    v, u = np.divmod(np.arange(height * width), width)
    pixels = np.stack([u, v], 1) + 0.5
    ids = decoded.object_id
    known = (to_previous != 0).any(1) | (to_next != 0).any(1)  # else there is nothing, or it goes with the camera
    known = known if ids is None else known | (ids.reshape(-1) > 0)
    beside = np.zeros(height * width)
    for step, camera in neighbours.items():
        moved = to_previous if step < 0 else to_next
        a, b = decoded.camera, scaled(camera, width, height)
        for start in range(0, len(pixels), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            beside[some] = np.maximum(beside[some], off_the_ray(a, b, pixels[some], pixels[some] + moved[some]))
    return np.where(known, beside, 0).astype(np.float32).reshape(height, width), ids


def _moving_objects(ids: np.ndarray, moves: np.ndarray) -> set[int]:
    numbers, place = np.unique(ids, return_inverse=True)
    place = place.reshape(-1)
    moving, shown = np.bincount(place, moves.reshape(-1)), np.bincount(place)
    return set(numbers[(numbers > 0) & (moving >= LEAST) & (moving > 0.5 * shown)].tolist())


def _masked(frame: SceneFrame, moves: np.ndarray | None, objects: set[int]) -> tuple[SceneFrame, float]:
    """The frame with what moves masked out, and which part of it that is."""
    decoded = decode_frame(frame, Wanted((*(() if moves is None else ("motion",)), *(("object_id",) if objects else ()), "mask")))
    ids = decoded.object_id
    parts = [part for part in (moves, None if ids is None else np.isin(ids, list(objects))) if part is not None]
    if not parts:
        return frame, 0.0
    out = np.logical_or.reduce(parts)
    out = dilate_mask(out, BORDER)
    keep = ~out
    if decoded.mask is not None:
        keep &= decoded.mask > 0
    return dataclasses.replace(frame, channels={**frame.channels, "mask": Image(keep[..., None].astype(np.uint8), "data")}), float(
        out.mean()
    )

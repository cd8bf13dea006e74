"""From scene frames to the passes of a shot: colour, depth, exact motion, ids, and what else is there.

Displacements are in pixels, rows first: what is seen at pixel ``(row, column)`` of frame t is found in frame t - 1 at
``(row, column) + previous`` and in frame t + 1 at ``(row, column) + next``. Blender's Vector pass has other orders and signs
(docs/PROTOCOL.md, "Motion vectors"); they end here.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from ....shared.errors import InputError
from ....shared.values import DEPTH_BACKGROUND, Camera, EncodedFile, Image, SceneFrame
from ...core.color import to_float
from ...io.frames.channels import LAYERS, FrameFiles, displacements

_SWITCH = {
    "color": "Output Properties > Output: render the frames as OpenEXR",
    "depth": "View Layer Properties > Passes > Data > Z",
    "normal": "View Layer Properties > Passes > Data > Normal",
    "motion": "View Layer Properties > Passes > Data > Vector (Cycles, with Motion Blur off)",
    "object_id": "View Layer Properties > Passes > Data > Indexes > Object Index, and give the objects pass indices",
}
NEEDED = ("color", "depth", "motion", "object_id")
KEPT_FRAMES = 12
"""Decoded frames that are kept: an anchor's neighbourhood is gone through forward and backward."""


@dataclasses.dataclass(frozen=True)
class Passes:
    """One frame.

    Attributes:
        number: In the shot.
        camera: Of all passes.
        image: The colour as it was given, for what must come back bit for bit.
        depth: ``(H, W)`` float32, planar z in scene units, inf where there is nothing.
        previous: ``(2, H, W)`` float32, see above.
        next: ``(2, H, W)`` float32.
        ids: ``(H, W)`` int32, 0 is background.
        normal: ``(H, W, 3)`` float32 in world space, or None.
        albedo: ``(H, W, 3)`` float32 linear, or None.
        rest: ``(H, W, 3)`` float32, where the surface point is in the rest pose, or None.
        mask: ``(H, W)`` float32 0..1, where the style acts, or None.
        bad: Pixels whose colour is not a finite number.
        lost: The same of motion vectors.
    """

    number: int
    camera: Camera
    image: Image
    depth: np.ndarray
    previous: np.ndarray
    next: np.ndarray
    ids: np.ndarray
    normal: np.ndarray | None = None
    albedo: np.ndarray | None = None
    rest: np.ndarray | None = None
    mask: np.ndarray | None = None
    bad: int = 0
    lost: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.ids.shape[0]), int(self.ids.shape[1])

    @property
    def outside(self) -> np.ndarray:
        """``(H, W)`` bool: beyond a cropped render region, where nothing was rendered."""
        empty = (self.depth == 0) & (self.ids == 0)
        return empty & (self.image.pixels[..., 3] == 0) if self.image.pixels.shape[2] == 4 else empty


class Shot:
    """Frames in order of their numbers, decoded when they are asked for.

    Args:
        frames: What the client sent; at least one.

    Raises:
        InputError: Two frames of one number, or frames of different size.
    """

    def __init__(self, frames: Sequence[SceneFrame]) -> None:
        self._frames = sorted(frames, key=lambda f: f.number)
        self.numbers = [f.number for f in self._frames]
        double = [n for n, m in zip(self.numbers, self.numbers[1:], strict=False) if n == m]
        if double:
            raise InputError(
                expected="every frame number once", got=f"frame {double[0]} twice", fix="Check frame_number in transforms.json"
            )
        self._kept: collections.OrderedDict[int, Passes] = collections.OrderedDict()
        self._flaws: dict[int, tuple[int, int]] = {}
        self._size: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Passes:
        """The frame at a place in the order."""
        found = self._kept.pop(index, None)
        if found is None:
            found = decode_passes(self._frames[index], needed=NEEDED if len(self) > 1 else ("color",))
            self._size = self._size or found.size
            self._flaws[index] = (found.bad, found.lost)
            if found.size != self._size:
                raise InputError(
                    expected=f"all frames to be {self._size[1]} x {self._size[0]} pixels",
                    got=f"{found.size[1]} x {found.size[0]} in frame {found.number}",
                    fix="Render the range again at one resolution",
                )
        self._kept[index] = found
        while len(self._kept) > KEPT_FRAMES:
            self._kept.popitem(last=False)
        return found

    def flaws(self, index: int) -> tuple[int, int]:
        """``Passes.bad`` and ``Passes.lost`` of a frame, which is not decoded once more for them."""
        return self._flaws[index] if index in self._flaws else (self[index].bad, self[index].lost)

    def source(self, index: int) -> Image | EncodedFile:
        """The colour of the frame at a place in the order as it came."""
        return self._frames[index].channels["color"]

    def follows(self, index: int) -> bool:
        """Whether the frame at ``index`` is the one right after that at ``index - 1``: only then do vectors join them."""
        return index > 0 and self.numbers[index] == self.numbers[index - 1] + 1


def decode_passes(frame: SceneFrame, needed: Sequence[str] = NEEDED) -> Passes:
    """Decodes and checks one frame.

    Raises:
        InputError: A pass is missing (says which, and where Blender has its switch), cannot be read, or has another size.
    """
    where = f"frame {frame.number}"
    files = FrameFiles(frame, where)
    color = files.pick("color")
    if color is None:
        raise _missing(NEEDED[0], where, files)
    height, width = color.pixels.shape[:2]
    got: dict[str, np.ndarray | None] = {}
    for channel in ("depth", "motion", "object_id", "normal", "albedo", "rest", "mask"):
        image = files.pick(channel)
        if image is None and channel in needed:
            raise _missing(channel, where, files)
        if image is not None and image.pixels.shape[:2] != (height, width):
            raise InputError(
                expected=f"the {channel} of {where} to be {width} x {height} pixels, like its colour",
                got=f"{image.pixels.shape[1]} x {image.pixels.shape[0]}",
                fix="Render colour and passes at one resolution; with Crop to Render Region crop both, or neither",
            )
        got[channel] = None if image is None else _values(image, channel)
    depth, motion, ids = got["depth"], got["motion"], got["object_id"]
    depth = np.ones((height, width), np.float32) if depth is None else depth[..., 0]
    vectors = np.zeros((height, width, 4), np.float32) if motion is None else motion
    if vectors.shape[2] < 4:
        raise InputError(expected=f"four components in the motion of {where}", got=f"{vectors.shape[2]}", fix=f"Use {_SWITCH['motion']}")
    ways = displacements(np.nan_to_num(vectors, nan=0.0, posinf=0.0, neginf=0.0))
    to_previous, to_next = (np.ascontiguousarray(np.moveaxis(way[..., ::-1], -1, 0), np.float32) for way in ways)
    colors = to_float(color.pixels)[..., : 3 if color.pixels.shape[2] >= 3 else 1]
    mask = got["mask"]
    return Passes(
        frame.number,
        frame.camera,
        color,
        np.where(np.isfinite(depth) & (depth < DEPTH_BACKGROUND), depth, np.float32(np.inf)).astype(np.float32),
        to_previous,
        to_next,
        np.zeros((height, width), np.int32) if ids is None else np.rint(np.nan_to_num(ids[..., 0])).astype(np.int32),
        _three(got["normal"]),
        _three(got["albedo"]),
        _three(got["rest"]),
        None if mask is None else np.clip(np.nan_to_num(mask[..., :3].mean(2)), 0, 1).astype(np.float32),
        int((~np.isfinite(colors).all(2)).sum()),
        int((~np.isfinite(vectors).all(2)).sum()),
    )


def _values(image: Image, channel: str) -> np.ndarray:
    """Masks are 0..1 whatever they are stored in; ids and other data keep their numbers."""
    return to_float(image.pixels) if channel in ("mask", "albedo") else image.pixels.astype(np.float32)


def _three(values: np.ndarray | None) -> np.ndarray | None:
    return None if values is None else np.ascontiguousarray(np.nan_to_num(values[..., :3], posinf=0.0, neginf=0.0), np.float32)


def _missing(channel: str, where: str, files: FrameFiles) -> InputError:
    name = LAYERS[channel][0]
    there = ", ".join(files.names()) or "none"
    return InputError(expected=f"the pass {name} ({channel}) in {where}", got=f"layers: {there}", fix=f"Switch it on: {_SWITCH[channel]}")

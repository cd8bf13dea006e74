"""From scene frames to the passes that training and rendering work on, any frame at any time."""

from __future__ import annotations

import dataclasses
import itertools
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from ....shared.errors import InputError
from ....shared.values import DEPTH_BACKGROUND, Camera, Image, SceneFrame
from ...core.color import to_float, to_linear
from ...io.frames.channels import FrameFiles, displacements

PASSES = ("depth", "normal", "motion", "object_id", "albedo", "diffuse", "position")
"""What is used beside colour, each only if every frame has it."""
_CHANNEL = {"position": "rest"}
_COMPONENTS = {"normal": 3, "motion": 4, "albedo": 3, "diffuse": 3, "position": 3}
HOW_TO_GET = {
    "depth": "View Layer > Passes > Data > Z",
    "normal": "View Layer > Passes > Data > Normal",
    "motion": "View Layer > Passes > Data > Vector, with motion blur off",
    "object_id": "View Layer > Passes > Data > Object Index",
    "albedo": "View Layer > Passes > Light > Diffuse > Color",
    "diffuse": "View Layer > Passes > Light > Diffuse > Direct and Indirect",
    "position": "an AOV named rest_position of the coordinates at rest",
}


@dataclasses.dataclass(frozen=True)
class ShotFrame:
    """Decoded passes of one frame; what is missing is None.

    Attributes:
        number: Frame number in the shot.
        camera: Scaled to the picture's size.
        color: ``(H, W, 3)`` float32, scene-linear, finite, unassociated.
        alpha: ``(H, W)`` float32, or None.
        depth: ``(H, W)`` float32, planar z in scene units, 0 = background.
        normal: ``(H, W, 3)`` float32, camera space.
        to_previous: ``(H, W, 2)`` float32, pixels right and down to where the surface is in the previous frame.
        to_next: The same to the next frame.
        object_id: ``(H, W)`` int32, 0 = background.
        albedo: ``(H, W, 3)`` float32, scene-linear.
        diffuse: ``(H, W, 3)`` float32, scene-linear light on diffuse surfaces.
        position: ``(H, W, 3)`` float32, coordinates at rest.
    """

    number: int
    camera: Camera
    color: np.ndarray
    alpha: np.ndarray | None = None
    depth: np.ndarray | None = None
    normal: np.ndarray | None = None
    to_previous: np.ndarray | None = None
    to_next: np.ndarray | None = None
    object_id: np.ndarray | None = None
    albedo: np.ndarray | None = None
    diffuse: np.ndarray | None = None
    position: np.ndarray | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.color.shape[0], self.color.shape[1]

    def has(self, name: str) -> bool:
        """Whether a pass of ``PASSES`` is there."""
        return getattr(self, {"motion": "to_previous"}.get(name, name)) is not None


class Shot:
    """The frames of a shot by number.

    Args:
        frames: What the client sent, in any order.
        keep_bytes: Decoded frames are kept as long as they fit in this.

    Raises:
        InputError: No frames, or a number twice.
    """

    def __init__(self, frames: Sequence[SceneFrame], keep_bytes: int = 2**30) -> None:
        if not frames:
            raise InputError(expected="at least one frame", got="none", fix="Capture the shot's frame range")
        self._frames = {frame.number: frame for frame in frames}
        if len(self._frames) != len(frames):
            numbers = sorted(frame.number for frame in frames)
            double = next(a for a, b in itertools.pairwise(numbers) if a == b)
            raise InputError(expected="every frame number once", got=f"frame {double} twice")
        self.numbers = sorted(self._frames)
        self._kept: OrderedDict[int, ShotFrame] = OrderedDict()
        self._room = keep_bytes
        first = self[self.numbers[0]]
        self.size = first.size
        self.present = tuple(name for name in PASSES if first.has(name))

    def __contains__(self, number: int) -> bool:
        return number in self._frames

    def __getitem__(self, number: int) -> ShotFrame:
        """The decoded frame.

        Raises:
            InputError: A file that cannot be read, or a picture of another size than the first.
        """
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        frame = decode_frame(self._frames[number])
        if hasattr(self, "size") and frame.size != self.size:
            raise InputError(
                expected=f"frame {number} to be {self.size[1]} x {self.size[0]} pixels, like frame {self.numbers[0]}",
                got=f"{frame.size[1]} x {frame.size[0]}",
                fix="Render all frames of a shot at the same size",
            )
        if hasattr(self, "present"):
            for name in self.present:
                if not frame.has(name):
                    raise InputError(
                        expected=f"{name} in frame {number}, as in frame {self.numbers[0]}", got="none", fix=f"Turn on {HOW_TO_GET[name]}"
                    )
        self._kept[number] = frame
        while len(self._kept) > 2 and sum(_bytes(f) for f in self._kept.values()) > self._room:
            self._kept.popitem(last=False)
        return frame

    def source(self, number: int) -> SceneFrame:
        """The frame as the client sent it."""
        return self._frames[number]

    @property
    def missing(self) -> list[str]:
        """Passes that would help and are not there, each with how to turn it on."""
        return [f"{name} ({HOW_TO_GET[name]})" for name in PASSES if name not in self.present]


def _bytes(frame: ShotFrame) -> int:
    return sum(value.nbytes for value in vars(frame).values() if isinstance(value, np.ndarray))


def decode_frame(frame: SceneFrame) -> ShotFrame:
    """Decodes every pass that a frame has.

    Raises:
        InputError: No colour, a file that cannot be read, or passes of different sizes.
    """
    where = f"frame {frame.number}"
    found = _pictures(frame, where)
    pixels = found["color"].pixels
    height, width = pixels.shape[:2]
    for name, image in found.items():
        if image.pixels.shape[:2] != (height, width):
            got = f"{image.pixels.shape[1]} x {image.pixels.shape[0]}"
            fix = "Render all passes at the same size, without a cropped region"
            raise InputError(expected=f"{name} of {where} to be {width} x {height} pixels, like its colour", got=got, fix=fix)
    color, alpha = linear_color(found["color"])
    values = {name: _floats(image) for name, image in found.items() if name not in ("color", "object_id")}
    camera = _scaled(frame.camera, width, height)
    depth = values.get("depth")
    if depth is not None:
        depth = np.where((depth[..., 0] < DEPTH_BACKGROUND) & (depth[..., 0] > 0), depth[..., 0] * np.float32(frame.depth_scale), 0)
    normal = values.get("normal")
    if normal is not None:
        normal = normal[..., :3] @ np.asarray(camera.camera_to_world[:3, :3], np.float32)
    motion = values.get("motion")
    back = ahead = None
    if motion is not None:
        back, ahead = displacements(motion)
    ids = None
    if "object_id" in found:
        raw = found["object_id"].pixels[..., 0]
        ids = np.rint(np.nan_to_num(raw.astype(np.float64))).astype(np.int64).astype(np.int32)
    rest = {name: values[name][..., :3] for name in ("albedo", "diffuse", "position") if name in values}
    return ShotFrame(frame.number, camera, color, alpha, depth, normal, back, ahead, ids, **rest)


def linear_color(image: Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Scene-linear colour ``(H, W, 3)`` float32 with NaN and infinities as 0, and alpha ``(H, W)`` or None."""
    pixels = to_float(image.pixels)
    alpha = None
    if pixels.shape[2] in (2, 4):
        alpha = np.clip(np.nan_to_num(pixels[..., -1]), 0, 1)
        pixels = pixels[..., :-1]
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, -1)
    if image.color_space == "srgb":
        pixels = to_linear(pixels)
    return np.ascontiguousarray(np.nan_to_num(pixels[..., :3], nan=0.0, posinf=0.0, neginf=0.0), np.float32), alpha


def _pictures(frame: SceneFrame, where: str) -> dict[str, Image]:
    """The colour and what there is of ``PASSES``."""
    files = FrameFiles(frame, where)
    color = files.pick("color")
    if color is None:
        there = ", ".join(files.names()) or "none"
        fix = "Render the colour with the geometry passes, as OpenEXR"
        raise InputError(expected=f"{where} to have colour", got=f"layers: {there}", fix=fix)
    found = {"color": color}
    for name in PASSES:
        image = files.pick(_CHANNEL.get(name, name))
        if image is not None and image.pixels.shape[2] < _COMPONENTS.get(name, 1):
            fix = f"Turn on {HOW_TO_GET[name]}"
            got = f"{image.pixels.shape[2]}"
            raise InputError(expected=f"{_COMPONENTS[name]} components in the {name} of {where}", got=got, fix=fix)
        if image is not None:
            found[name] = image
    light = [_floats(image) for image in (files.pick("diffuse_direct"), files.pick("diffuse_indirect")) if image is not None]
    if light and "diffuse" not in found:
        found["diffuse"] = Image(np.ascontiguousarray(sum(light), np.float32), "data")
    return found


def _floats(image: Image) -> np.ndarray:
    # Depth in integers keeps its numbers: depth_scale says what one of them is.
    return np.nan_to_num(image.pixels.astype(np.float32), nan=0.0, posinf=1e10, neginf=0.0)


def _scaled(camera: Camera, width: int, height: int) -> Camera:
    if (camera.width, camera.height) == (width, height):
        return camera
    x, y = width / camera.width, height / camera.height
    return Camera(width, height, camera.fl_x * x, camera.fl_y * y, camera.cx * x, camera.cy * y, camera.camera_to_world)

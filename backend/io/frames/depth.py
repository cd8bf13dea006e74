"""From scene frames to clean depth, colour and confidence arrays, one frame at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from ....shared.errors import InputError
from ....shared.values import DEPTH_BACKGROUND, Camera, EncodedFile, Image, SceneFrame
from ...core.camera import check_camera, scaled
from ...core.color import to_linear
from .channels import FrameFiles
from .selection import Selection, whole_ids

if TYPE_CHECKING:
    from .undistort import Straight

_LAYERS = {"depth": ("Depth", "Enable the Z pass and render again"), "color": ("Combined", "")}
"""Of channels that a file of several layers must hold: Blender's name of the layer, and what to do."""


@dataclasses.dataclass(frozen=True)
class DepthFrame:
    """A decoded frame.

    Attributes:
        number: Frame number in the shot.
        camera: With the depth map's size.
        depth: ``(H, W)`` float32, planar z in scene units; 0 = no measurement.
        noise: Size of the depth's quantisation steps in scene units, 0 for float depth.
        color: ``(h, w, 3)`` float32, scene-linear, of the same shape of picture but any resolution, or None.
        confidence: ``(H, W)`` float32 in 0..1, or None.
        ids: ``(H, W)`` int32, which object each pixel shows, or None.
        background: ``(H, W)`` bool, where a renderer says that there is nothing at any distance; None if nobody says so.
    """

    number: int
    camera: Camera
    depth: np.ndarray
    noise: float
    color: np.ndarray | None
    confidence: np.ndarray | None
    ids: np.ndarray | None = None
    background: np.ndarray | None = None

    @property
    def empty(self) -> bool:
        """Whether there is no measurement at all."""
        return not (self.depth > 0).any()


class FrameSource:
    """Decodes frames in order, the next one in a thread while the caller works on this one.

    Args:
        frames: What the client sent.
        max_depth: Measurements farther than this are dropped, scene units; 0 keeps all.
        keep_bytes: Decoded frames are kept for the next pass as long as they fit in this.
        selection: Which objects; pixels of others lose their depth.
    """

    def __init__(
        self, frames: Sequence[SceneFrame], max_depth: float = 0.0, keep_bytes: int = 0, selection: Selection | None = None
    ) -> None:
        self._frames, self._max_depth, self._room, self._selection = frames, max_depth, keep_bytes, selection or Selection()
        self._kept: dict[int, DepthFrame] = {}
        self._straight: Straight | None = None

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[DepthFrame]:
        with ThreadPoolExecutor(1, "backlot-decode") as pool:
            pending = pool.submit(self._get, 0)
            for index in range(len(self._frames)):
                frame = pending.result()
                if index + 1 < len(self._frames):
                    pending = pool.submit(self._get, index + 1)
                yield frame

    def __getitem__(self, index: int) -> DepthFrame:
        """One frame, decoded at once."""
        return self._get(index)

    def _get(self, index: int) -> DepthFrame:
        if index in self._kept:
            return self._kept[index]
        frame = decode_frame(self._frames[index], self._max_depth, self._selection)
        if frame.camera.distortion is not None:
            if self._straight is None:
                from .undistort import Straight

                self._straight = Straight()
            frame = self._straight.frame(frame)
        size = sum(a.nbytes for a in (frame.depth, frame.color, frame.confidence, frame.ids, frame.background) if a is not None)
        if size <= self._room:
            self._room -= size
            self._kept[index] = frame
        return frame


def decode_frame(frame: SceneFrame, max_depth: float = 0.0, selection: Selection | None = None) -> DepthFrame:
    """Decodes and checks one frame, which keeps the distortion of its lens.

    NaN, infinities, zero, negative values and the background (>= 1e9) are "no measurement". Depth of another resolution than
    the camera's is fine if the shape of the picture is the same; the camera is scaled to the depth.

    Raises:
        InputError: No depth, a file that cannot be read, sizes that do not fit, a pose that is not rigid, 8-bit depth, a selection
            of objects without ``object_id``.
    """
    where = f"frame {frame.number}"
    check_camera(frame.camera, where)
    files = FrameFiles(frame, where)
    depth = pick_channel(files, frame, "depth", where)
    if depth is None:
        raise InputError(expected=f"{where} to have depth", got="none", fix="Render or export a depth pass with the frames")
    values, noise = _depth(depth, frame.depth_scale, max_depth, where)
    height, width = values.shape
    _check_shape(width, height, frame.camera.width, frame.camera.height, f"the depth of {where}", "its camera")
    color = pick_channel(files, frame, "color", where)
    if color is not None:
        _check_shape(color.pixels.shape[1], color.pixels.shape[0], width, height, f"the colour of {where}", "its depth")
    confidence = pick_channel(files, frame, "confidence", where)
    trust = None
    if confidence is not None:
        trust = _unit(confidence.pixels[..., 0])
        if trust.shape != values.shape:
            got = f"{trust.shape[1]} x {trust.shape[0]}"
            raise InputError(expected=f"the confidence of {where} to be {width} x {height}, like its depth", got=got)
        trust = np.nan_to_num(trust, nan=0.0, posinf=1.0, neginf=0.0)
    mask = pick_channel(files, frame, "mask", where)
    if mask is not None:
        if mask.pixels.shape[:2] != values.shape:
            got = f"{mask.pixels.shape[1]} x {mask.pixels.shape[0]}"
            raise InputError(expected=f"the mask of {where} to be {width} x {height}, like its depth", got=got)
        values = np.where(mask.pixels[..., 0] > 0, values, np.float32(0))
    selection = selection or Selection()
    ids = _ids(files, frame, (height, width), selection, where)
    if ids is not None and selection.needs_ids:
        values = np.where(selection.keep(ids), values, np.float32(0))
    return DepthFrame(
        frame.number, scaled(frame.camera, width, height), np.ascontiguousarray(values), noise,
        None if color is None else linear_rgb(color), trust, ids, _background(depth),
    )  # fmt: skip


def _background(depth: Image) -> np.ndarray | None:
    """What a renderer marks as background, if anything; infinity may also be a sensor that failed."""
    if depth.pixels.dtype != np.float32:
        return None
    with np.errstate(invalid="ignore"):
        background = (depth.pixels[..., 0] >= DEPTH_BACKGROUND) & np.isfinite(depth.pixels[..., 0])
    return background if background.any() else None


def _ids(files: FrameFiles, frame: SceneFrame, shape: tuple[int, int], selection: Selection, where: str) -> np.ndarray | None:
    image = pick_channel(files, frame, "object_id", where)
    if image is None:
        if selection.needs_ids:
            fix = "Render the object index pass (IndexOB) with the frames, or choose no objects"
            raise InputError(expected=f"{where} to have object_id, to choose objects by", got="none", fix=fix)
        return None
    ids = whole_ids(image, where)
    if ids.shape != shape:
        got = f"{ids.shape[1]} x {ids.shape[0]}"
        raise InputError(expected=f"the object_id of {where} to be {shape[1]} x {shape[0]}, like its depth", got=got)
    return ids


def pick_channel(files: FrameFiles, frame: SceneFrame, channel: str, where: str) -> Image | None:
    """The picture of a channel that the frame has, or None.

    Raises:
        InputError: It cannot be read, or depth or colour is said to be in a file whose layers have other names.
    """
    value = frame.channels.get(channel)
    if value is None:
        return None
    if not isinstance(value, (Image, EncodedFile)):
        raise InputError(expected=f"{channel} of {where} to be an image", got=type(value).__name__)
    image = files.pick(channel)
    if image is None and channel in _LAYERS:
        layer, fix = _LAYERS[channel]
        file = value.name if isinstance(value, EncodedFile) else channel
        raise InputError(expected=f"a layer {layer} in {file} ({where})", got=", ".join(files.names()) or "none", fix=fix)
    return image


def _depth(image: Image, scale: float, max_depth: float, where: str) -> tuple[np.ndarray, float]:
    pixels = image.pixels
    if pixels.dtype == np.uint8:
        fix = "Export float EXR, or 16-bit PNG with depth_unit_scale_factor; a colourised preview holds no distances"
        raise InputError(expected=f"the depth of {where} as float or 16-bit integer", got="8-bit", fix=fix)
    if pixels.shape[2] >= 3 and not np.array_equal(pixels[..., 0], pixels[..., 1], equal_nan=pixels.dtype.kind == "f"):
        raise InputError(
            expected=f"the depth of {where} to have one channel", got=f"{pixels.shape[2]} that differ", fix="Check which file is depth"
        )
    raw = pixels[..., 0].astype(np.float32)
    measured = np.isfinite(raw) & (raw < DEPTH_BACKGROUND) & (raw != 0)
    if pixels.dtype.kind == "f" and measured.any() and (raw[measured] < 0).mean() > 0.5:
        fix = "Depth is positive along the view; flip its sign"
        raise InputError(expected=f"the depth of {where} to be positive", got="mostly negative values", fix=fix)
    with np.errstate(invalid="ignore", over="ignore"):
        values = np.where(measured & (raw > 0), raw * np.float32(scale), np.float32(0))
    if max_depth > 0:
        values[values > max_depth] = 0
    noise = 0.0
    if pixels.dtype.kind == "u":
        noise = scale
    elif pixels.dtype == np.float16 and (values > 0).any():
        noise = float(np.median(values[values > 0])) * 2.0**-10  # one step of half precision
    return values, noise


def linear_rgb(image: Image) -> np.ndarray:
    """The colours of a picture, ``(H, W, 3)`` float32, scene-linear; what is not finite is black."""
    pixels = _unit(image.pixels)
    if pixels.shape[2] < 3:
        pixels = np.repeat(pixels[..., :1], 3, -1)
    pixels = pixels[..., :3]
    if image.color_space == "srgb":
        pixels = to_linear(pixels)
    return np.ascontiguousarray(np.nan_to_num(pixels, nan=0.0, posinf=0.0, neginf=0.0), np.float32)


def _unit(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else pixels.astype(np.float32)


def _check_shape(width: int, height: int, other_width: int, other_height: int, what: str, other: str) -> None:
    """The same shape of picture, up to a pixel of rounding."""
    if abs(width * other_height - height * other_width) > max(width, other_width, height, other_height):
        got = f"{width} x {height} pixels"
        fix = "Export both from the same camera, without cropping"
        raise InputError(expected=f"{what} to have the shape of {other}, {other_width} x {other_height} pixels", got=got, fix=fix)

"""From frames of footage to straight pictures at the size that is matched."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from ....shared.errors import InputError
from ....shared.values import Camera, SceneFrame
from ...core.camera import check_camera, scaled
from ...core.color import to_srgb
from ...core.lens import Undistorter
from ...io.frames.channels import FrameFiles
from ...io.frames.depth import linear_rgb, pick_channel

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Rec.601 weights on display-encoded colour: what matching looks at."""
Report = Callable[[float, str], None]


@dataclasses.dataclass(frozen=True)
class View:
    """A straightened frame.

    Attributes:
        number: Frame number in the shot.
        camera: Pinhole, of the pictures' size.
        gray: ``(H, W)`` float32, display-encoded luma, 0..1.
        color: ``(H, W, 3)`` float16, scene-linear.
        mask: ``(H, W)`` bool, what may be matched: inside the picture and not masked out.
    """

    number: int
    camera: Camera
    gray: np.ndarray
    color: np.ndarray
    mask: np.ndarray


def read_views(frames: Sequence[SceneFrame], longest: int, report: Report) -> list[View]:
    """Decodes, straightens and shrinks all frames.

    Args:
        frames: With colour; a channel ``mask`` is 0 where a frame is not to be used (things that move, mattes, burnt-in text).
        longest: Most pixels of the longer side; smaller pictures stay as they are.
        report: Called with fraction and stage before each frame.

    Raises:
        InputError: A frame without colour or with a picture that does not fit its camera, or frames of different sizes.
    """
    views: list[View] = []
    reader = Reader()
    size: tuple[int, int] | None = None
    for index, frame in enumerate(frames):
        report(index / len(frames), f"reading frame {index + 1}/{len(frames)}")
        where = f"frame {frame.number}"
        camera, color, mask = reader.read(frame)
        width, height = camera.width, camera.height
        if size is not None and (width, height) != size:
            raise InputError(
                expected=f"all frames to be {size[0]} x {size[1]} pixels, like frame {frames[0].number}",
                got=f"{width} x {height} in {where}",
                fix="Take one clip at a time, and proxies of one size",
            )
        size = (width, height)
        views.append(_shrunk(frame.number, camera, color, mask, longest))
    return views


class Reader:
    """Decodes and straightens frames; frames of one lens share its map."""

    def __init__(self) -> None:
        self._undistorter: Undistorter | None = None

    def read(self, frame: SceneFrame) -> tuple[Camera, np.ndarray, np.ndarray]:
        """The pinhole camera, scene-linear colour ``(H, W, 3)`` float32 and the mask ``(H, W)`` bool, at the size on disk.

        Raises:
            InputError: No colour, or a picture or mask that does not fit the camera.
        """
        where = f"frame {frame.number}"
        check_camera(frame.camera, where)
        files = FrameFiles(frame, where)
        color = _color(files, frame, where)
        height, width = color.shape[:2]
        camera = _fitted(frame.camera, width, height, where)
        mask = _mask(files, frame, width, height, where)
        if camera.distortion is not None:
            if self._undistorter is None or not self._undistorter.fits(camera):
                self._undistorter = Undistorter(camera)
            color, mask = self._undistorter.picture(color), self._undistorter.mask(mask)
            camera = dataclasses.replace(camera, distortion=None)
        return camera, color, mask


def _shrunk(number: int, camera: Camera, color: np.ndarray, mask: np.ndarray, longest: int) -> View:
    scale = longest / max(camera.width, camera.height)
    if scale < 1:
        width, height = max(round(camera.width * scale), 8), max(round(camera.height * scale), 8)
        color, mask = _resized(color, width, height), _resized(mask[..., None].astype(np.float32), width, height)[..., 0] > 0.999
        camera = scaled(camera, width, height)
    gray = to_srgb(np.clip(color, 0, 1)) @ LUMA
    finite = np.clip(color, -60000, 60000).astype(np.float16)
    return View(number, camera, np.ascontiguousarray(gray, np.float32), np.ascontiguousarray(finite), np.ascontiguousarray(mask))


def _resized(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
    made = F.interpolate(planes, (height, width), mode="bilinear", antialias=True, align_corners=False)
    return made[0].permute(1, 2, 0).contiguous().numpy()


def _color(files: FrameFiles, frame: SceneFrame, where: str) -> np.ndarray:
    image = pick_channel(files, frame, "color", where)
    if image is None:
        raise InputError(expected=f"{where} to have a picture", got="none", fix="Give the clip's frames as colour")
    return linear_rgb(image)


def _mask(files: FrameFiles, frame: SceneFrame, width: int, height: int, where: str) -> np.ndarray:
    image = pick_channel(files, frame, "mask", where)
    if image is None:
        return np.ones((height, width), bool)
    if image.pixels.shape[:2] != (height, width):
        got = f"{image.pixels.shape[1]} x {image.pixels.shape[0]}"
        raise InputError(expected=f"the mask of {where} to be {width} x {height}, like its picture", got=got)
    return image.pixels[..., 0] > 0  # as reconstruct.depth takes it


def _fitted(camera: Camera, width: int, height: int, where: str) -> Camera:
    """The camera at the picture's size: a solve of the full clip goes with its proxies."""
    if (camera.width, camera.height) == (width, height):
        return camera
    if abs(width * camera.height - height * camera.width) > max(width, camera.width, height, camera.height):
        raise InputError(
            expected=f"the picture of {where} to have the shape of its camera, {camera.width} x {camera.height} pixels",
            got=f"{width} x {height} pixels",
            fix="Solve and reconstruct the same clip, without cropping",
        )
    return scaled(camera, width, height)

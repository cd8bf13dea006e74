"""From frames of footage to undistorted pictures at the size that is matched."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from ....shared.values import Camera, Image, SceneFrame
from ...core.camera import check_aspect, scaled
from ...core.color import to_srgb
from ...core.color_spaces import LUMA
from ...io.frames.decode import Wanted, decode_frame
from ...io.frames.sizes import at_size, note_size
from ...io.frames.undistorted_frames import UndistortedFrames

WANTED = Wanted(("color", "mask"), needed=("color",))
Report = Callable[[float, str], None]


@dataclasses.dataclass(frozen=True)
class View:
    """An undistorted frame.

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
    """Decodes, undistorts and shrinks all frames.

    Args:
        frames: With colour; a channel ``mask`` is 0 where a frame is not to be used (things that move, mattes, burnt-in text).
        longest: Most pixels of the longer side; smaller pictures stay as they are.
        report: Called with fraction and stage before each frame.

    Raises:
        InputError: A frame without colour or with a picture that does not fit its camera, or frames of different shapes.
    """
    views: list[View] = []
    reader = Reader()
    size: tuple[int, int] | None = None
    for index, frame in enumerate(frames):
        report(index / len(frames), f"reading frame {index + 1}/{len(frames)}")
        camera, color, mask = reader.read(frame)
        if size is None:
            size = camera.width, camera.height
        elif (camera.width, camera.height) != size:
            camera, color, mask = _as_large(camera, color, mask, size, frame.number, frames[0].number)
        views.append(_shrunk(frame.number, camera, color, mask, longest))
    return views


class Reader:
    """Decodes and undistorts frames; frames of one lens share its map."""

    def __init__(self) -> None:
        self._undistorted = UndistortedFrames()

    def read(self, frame: SceneFrame) -> tuple[Camera, np.ndarray, np.ndarray]:
        """The pinhole camera, scene-linear colour ``(H, W, 3)`` float32 and the mask ``(H, W)`` bool, at the size on disk.

        Raises:
            InputError: See ``decode_frame``; no colour.
        """
        decoded = decode_frame(frame, WANTED)
        mask = np.ones(decoded.size, np.float32) if decoded.mask is None else decoded.mask
        found = self._undistorted.frame(dataclasses.replace(decoded, mask=mask))
        assert found.color is not None
        assert found.mask is not None
        return found.camera, found.color, found.mask > 0


def _as_large(
    camera: Camera, color: np.ndarray, mask: np.ndarray, size: tuple[int, int], number: int, first: int
) -> tuple[Camera, np.ndarray, np.ndarray]:
    """A frame at the size (width and height) of the first one."""
    own, fix = (camera.width, camera.height), "Take one clip at a time, and proxies of one shape"
    check_aspect(own, size, f"frame {number}", f"frame {first}", fix)
    note_size("colour", own, f"frame {first}", size, f"frame {number}")
    sized = at_size("color", Image(color, "linear"), *size, strict=True).pixels
    kept = at_size("mask", Image(mask[..., None].astype(np.float32), "data"), *size, strict=True).pixels[..., 0] > 0
    return scaled(camera, *size), sized, kept


def _shrunk(number: int, camera: Camera, color: np.ndarray, mask: np.ndarray, longest: int) -> View:
    scale = longest / max(camera.width, camera.height)
    if scale < 1:
        width, height = max(round(camera.width * scale), 8), max(round(camera.height * scale), 8)
        color, mask = _resized(color, width, height), _resized(mask[..., None].astype(np.float32), width, height)[..., 0] > 0.999
        camera = scaled(camera, width, height)
    gray = to_srgb(np.clip(color, 0, 1)) @ np.array(LUMA, np.float32)
    finite = np.clip(color, -60000, 60000).astype(np.float16)
    return View(number, camera, np.ascontiguousarray(gray, np.float32), np.ascontiguousarray(finite), np.ascontiguousarray(mask))


def _resized(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
    made = F.interpolate(planes, (height, width), mode="bilinear", antialias=True, align_corners=False)
    return made[0].permute(1, 2, 0).contiguous().numpy()

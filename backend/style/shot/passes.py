"""The passes that style.shot works on: colour, depth, exact motion, ids, and what else is there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from ....shared.values import Image, SceneFrame
from ...io.frames.decode import Wanted
from ...io.frames.frame import Frame
from ...io.frames.shot import Shot

NEEDED = ("image", "depth", "motion", "object_id")
WANTED = Wanted((*NEEDED, "position", "mask"), NEEDED, search=True, match_camera=False, far=math.inf)
"""Background is infinitely far; depth 0 is outside of a cropped render region."""
KEEP_BYTES = 2**31
"""Room for decoded frames: an anchor's neighbourhood is gone through forward and backward, a dozen frames at 1080p."""


def open_shot(frames: Sequence[SceneFrame], keep_bytes: int = KEEP_BYTES) -> Shot:
    """The frames of a shot; one that is alone needs its colour only.

    Raises:
        InputError: See ``Shot``.
    """
    wanted = WANTED if len(frames) > 1 else dataclasses.replace(WANTED, needed=("image",))
    return Shot(frames, wanted, keep_bytes)


def image_of(frame: Frame) -> Image:
    """The colour as it was given, for what must come back bit for bit."""
    assert frame.image is not None
    return frame.image


def ids_of(frame: Frame) -> np.ndarray:
    """Object ids ``(H, W)`` int32; 0 everywhere without that pass."""
    return np.zeros(frame.size, np.int32) if frame.object_id is None else frame.object_id


def outside(frame: Frame) -> np.ndarray:
    """``(H, W)`` bool: outside of a cropped render region, where nothing was rendered."""
    if frame.depth is None:
        return np.zeros(frame.size, bool)
    empty = (frame.depth == 0) & (ids_of(frame) == 0)
    pixels = image_of(frame).pixels
    return empty & (pixels[..., 3] == 0) if pixels.shape[2] == 4 else empty

"""The passes that style.keyframes works on, any frame at any time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....shared.values import SceneFrame
from ...io.frames.decode import Wanted
from ...io.frames.frame import Frame
from ...io.frames.shot import Shot

PASSES = ("depth", "normal", "motion", "object_id", "albedo", "diffuse", "position")
"""What is used with the colour, each only if every frame has it."""
WANTED = Wanted(("color", *PASSES), ("color",), search=True, match_camera=False)


def open_shot(frames: Sequence[SceneFrame], keep_bytes: int = 2**30) -> Shot:
    """The frames of a shot, which all have the passes that the first one has.

    Raises:
        InputError: See ``Shot``.
    """
    return Shot(frames, WANTED, keep_bytes, alike=True)


def color_of(frame: Frame) -> np.ndarray:
    """The frame's colour, ``(H, W, 3)`` float32, scene-linear."""
    assert frame.color is not None
    return frame.color

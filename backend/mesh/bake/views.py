"""Frames for baking, with or without depth of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from ....shared.values import Image, SceneFrame
from ...io.frames.frame import DepthFrame
from ...io.frames.source import FrameSource


class Views:
    """Decodes frames in order. Where a frame has no depth its depth is 0 everywhere and its mask becomes confidence.

    Args:
        frames: What the client sent.
    """

    def __init__(self, frames: Sequence[SceneFrame]) -> None:
        self._bare = ["depth" not in frame.channels for frame in frames]
        self._source = FrameSource([_stood_in(frame) if bare else frame for frame, bare in zip(frames, self._bare, strict=True)])

    @property
    def depth_stored(self) -> str:
        """How the depth of the frames that have any was stored and in which unit, in words, once they were decoded."""
        return self._source.depth_stored(without=[index for index, bare in enumerate(self._bare) if bare])

    def __len__(self) -> int:
        return len(self._bare)

    def __iter__(self) -> Iterator[DepthFrame]:
        for frame, bare in zip(self._source, self._bare, strict=True):
            if not bare:
                yield frame
                continue
            shown = (frame.depth > 0).astype(np.float32)
            trust = shown if frame.confidence is None else shown * frame.confidence
            yield dataclasses.replace(frame, depth=np.zeros_like(frame.depth), confidence=trust)


def _stood_in(frame: SceneFrame) -> SceneFrame:
    """The frame with a depth of 1 everywhere, so that it is decoded and checked like any other."""
    depth = np.broadcast_to(np.float32(1), (frame.camera.height, frame.camera.width, 1))
    return dataclasses.replace(frame, channels={**frame.channels, "depth": Image(depth, "data")}, depth_scale=1.0, integer_depth_unit=1.0)

"""Depth frames in order, undistorted, for fusion and baking: the next one is decoded in a thread."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ....shared.notes import with_notes
from ....shared.values import SceneFrame
from .decode import Wanted, decode_frame
from .frame import DepthFrame
from .object_ids import Selection
from .undistorted_frames import UndistortedFrames

WANTED = Wanted(("depth", "color", "confidence", "mask", "object_id"), needed=("depth",))


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
        self._undistorted = UndistortedFrames()
        self._stored: dict[int, str] = {}

    def depth_stored(self, without: Collection[int] = ()) -> str:
        """How the depth of the frames that were decoded was stored and in which unit, such as ``floats in scene units``, in words.

        Args:
            without: Positions of frames that do not count.
        """
        counts = Counter(text for index, text in sorted(self._stored.items()) if index not in without)
        if len(counts) < 2:
            return next(iter(counts), "")
        return "; ".join(f"{text} ({count} frames)" for text, count in counts.items())

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[DepthFrame]:
        with ThreadPoolExecutor(1, "backlot-decode") as pool:
            get = with_notes(self._get)
            pending = pool.submit(get, 0)
            for index in range(len(self._frames)):
                frame = pending.result()
                if index + 1 < len(self._frames):
                    pending = pool.submit(get, index + 1)
                yield frame

    def __getitem__(self, index: int) -> DepthFrame:
        """One frame, decoded at once."""
        return self._get(index)

    def _get(self, index: int) -> DepthFrame:
        if index in self._kept:
            return self._kept[index]
        frame = DepthFrame.of(self._undistorted.frame(decode_depth(self._frames[index], self._max_depth, self._selection)))
        self._stored[index] = frame.depth_stored
        if frame.nbytes <= self._room:
            self._room -= frame.nbytes
            self._kept[index] = frame
        return frame


def decode_depth(frame: SceneFrame, max_depth: float = 0.0, selection: Selection | None = None) -> DepthFrame:
    """One frame as it is fused: depth that is too far, masked out or of other objects is 0. Its lens distortion stays.

    Raises:
        InputError: See ``decode_frame``; no depth, or a selection of objects without ``object_id``.
    """
    selection = selection or Selection()
    needed = ("depth", "object_id") if selection.needs_ids else ("depth",)
    found = DepthFrame.of(decode_frame(frame, dataclasses.replace(WANTED, needed=needed, max_depth=max_depth)))
    depth = found.depth
    if found.mask is not None:
        depth = np.where(found.mask > 0, depth, np.float32(0))
    if found.object_id is not None and selection.needs_ids:
        depth = np.where(selection.keep(found.object_id), depth, np.float32(0))
    return dataclasses.replace(found, depth=np.ascontiguousarray(depth), mask=None, alpha=None)

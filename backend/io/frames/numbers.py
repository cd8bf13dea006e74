"""Frames by number, where each needs one of its own."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from ....shared.errors import InputError
from ....shared.notes import note
from ....shared.values import SceneFrame


def distinct_numbers(frames: Sequence[SceneFrame], *, tracked: bool = False) -> list[SceneFrame]:
    """The frames, numbered in the order of the list from 0 where several have one number, as those of several cameras may.

    Args:
        frames: In the order of the list.
        tracked: Whether tracks name frames by their numbers.

    Raises:
        InputError: Two frames of one number that tracks name.
    """
    counts = Counter(frame.number for frame in frames)
    if len(counts) == len(frames):
        return list(frames)
    number, count = counts.most_common(1)[0]
    if tracked:
        fix = "Check frame_number in transforms.json"
        raise InputError(expected="every frame number once, since tracks name frames by it", got=f"frame {number} {count} times", fix=fix)
    if len(counts) > 1:
        note(f"Several frames have one number, such as {count} of frame {number}: they are numbered in the order of the list, from 0")
    return [dataclasses.replace(frame, number=index) for index, frame in enumerate(frames)]

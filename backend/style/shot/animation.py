"""Numbers that change over a shot: ``0.8``, or keys such as ``1:0 24:1`` with straight lines between."""

from __future__ import annotations

import re

from ....shared.errors import ParameterError


class Curve:
    """A value by frame number.

    Args:
        text: One number, or ``frame:value`` several times with spaces or commas between.
        name: What to call it in messages.
        low: Smallest value allowed.
        high: Largest.

    Raises:
        ParameterError: Anything else.
    """

    def __init__(self, text: str, name: str, low: float = 0.0, high: float = 1.0) -> None:
        self.keys: list[tuple[int, float]] = []
        try:
            for part in re.split(r"[\s,;]+", text.strip()):
                frame, colon, value = part.rpartition(":")
                self.keys.append((int(frame) if colon else 0, float(value)))
        except ValueError:
            self.keys = []
        frames = [frame for frame, _ in self.keys]
        several = len(self.keys) > 1 and ":" in text
        if not self.keys or (len(self.keys) > 1 and (not several or frames != sorted(set(frames)))):
            raise ParameterError(expected=f'{name} as a number, or as frames in order such as "1:0 24:1"', got=repr(text)[:80])
        if not all(low <= value <= high for _, value in self.keys):
            raise ParameterError(expected=f"{name} from {low:g} to {high:g}", got=repr(text)[:80])

    def at(self, frame: int) -> float:
        """The value at a frame; before the first key and after the last it stays."""
        before = [key for key in self.keys if key[0] <= frame] or self.keys[:1]
        after = [key for key in self.keys if key[0] >= frame] or self.keys[-1:]
        (a, x), (b, y) = before[-1], after[0]
        return x if b <= a else x + (y - x) * (frame - a) / (b - a)


def frame_range(text: str, numbers: list[int]) -> list[int]:
    """Frames to work on: ``""`` for all, ``none``, or parts such as ``1-8 12 20-24`` of those there are.

    Raises:
        ParameterError: Not a range, or a part of it without a frame of the shot. Ranges may go beyond the shot, as a farm's last chunk.
    """
    if not text.strip():
        return list(numbers)
    if text.strip().lower() == "none":
        return []
    wanted: set[int] = set()
    there = f"frames of the shot, {numbers[0]} to {numbers[-1]}"
    for part in re.split(r"[\s,;]+", text.strip()):
        found = re.fullmatch(r"(-?\d+)(?:-(-?\d+))?", part)
        if not found:
            raise ParameterError(expected='frames such as "1-8 12", or "none"', got=repr(text)[:80])
        first, last = int(found[1]), int(found[2] or found[1])
        inside = {n for n in numbers if first <= n <= last}
        if not inside:
            raise ParameterError(expected=there, got=f"{part}, of which the shot has none")
        wanted |= inside
    return sorted(wanted)

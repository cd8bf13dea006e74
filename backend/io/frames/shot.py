"""The frames of a shot by number, decoded when they are asked for."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence

from ....shared.errors import InputError
from ....shared.values import SceneFrame
from .channels import SWITCHES, WORDS
from .decode import Wanted, decode_frame
from .frame import Frame


class Shot:
    """The frames of a shot in the order of their numbers.

    Args:
        frames: What the client sent, in any order.
        wanted: What is decoded of each.
        keep_bytes: Decoded frames are kept as long as they fit in this, but always the two latest.
        alike: Whether every frame must have the fields that the first one has.

    Attributes:
        numbers: Frame numbers in ascending order.
        size: Height and width in pixels of all frames.
        present: Those of ``wanted.fields`` next to colour that the first frame has.

    Raises:
        InputError: No frames, a number twice, or a first frame that cannot be decoded.
    """

    def __init__(self, frames: Sequence[SceneFrame], wanted: Wanted, keep_bytes: int = 2**30, alike: bool = False) -> None:
        if not frames:
            raise InputError(expected="at least one frame", got="none", fix="Capture the shot's frame range")
        self._frames = {frame.number: frame for frame in frames}
        self.numbers = sorted(frame.number for frame in frames)
        double = next((a for a, b in itertools.pairwise(self.numbers) if a == b), None)
        if double is not None:
            fix = "Check frame_number in transforms.json"
            raise InputError(expected="every frame number once", got=f"frame {double} twice", fix=fix)
        self._wanted, self._room = wanted, keep_bytes
        self._passes = [name for name in wanted.fields if name not in ("image", "color")]
        self._kept: OrderedDict[int, Frame] = OrderedDict()
        self._not_finite: dict[int, dict[str, int]] = {}
        first = decode_frame(self._frames[self.numbers[0]], wanted)
        self.size = first.size
        self.present = tuple(name for name in self._passes if first.has(name))
        self._checked = self.present if alike else ()
        self._keep(first)

    def __len__(self) -> int:
        return len(self.numbers)

    def __contains__(self, number: int) -> bool:
        return number in self._frames

    def __getitem__(self, number: int) -> Frame:
        """The decoded frame of a number.

        Raises:
            InputError: See ``decode_frame``; another size than the first frame, or a field less.
        """
        found = self._kept.get(number)
        if found is not None:
            self._kept.move_to_end(number)
            return found
        frame = decode_frame(self._frames[number], self._wanted)
        if frame.size != self.size:
            raise InputError(
                expected=f"all frames to be {self.size[1]} x {self.size[0]} pixels, like frame {self.numbers[0]}",
                got=f"{frame.size[1]} x {frame.size[0]} in frame {number}",
                fix="Render all frames of a shot at one resolution",
            )
        for name in self._checked:
            if not frame.has(name):
                expected = f"{WORDS.get(name, name)} in frame {number}, as in frame {self.numbers[0]}"
                raise InputError(expected=expected, got="none", fix=f"Turn on {SWITCHES.get(name, name)}")
        self._keep(frame)
        return frame

    def at(self, index: int) -> Frame:
        """The decoded frame at a position in the order of numbers."""
        return self[self.numbers[index]]

    def source(self, number: int) -> SceneFrame:
        """The frame as the client sent it."""
        return self._frames[number]

    def follows(self, index: int) -> bool:
        """Whether the frame at ``index`` is the next one after that at ``index - 1``: only then motion vectors join them."""
        return index > 0 and self.numbers[index] == self.numbers[index - 1] + 1

    def not_finite(self, number: int) -> dict[str, int]:
        """``Frame.not_finite`` of a frame, which is not decoded again for it."""
        return self._not_finite[number] if number in self._not_finite else self[number].not_finite

    @property
    def missing(self) -> list[str]:
        """Fields that were wanted and are not there, each with how to turn it on."""
        return [f"{name} ({SWITCHES[name]})" for name in self._passes if name not in self.present and name in SWITCHES]

    def _keep(self, frame: Frame) -> None:
        self._kept[frame.number] = frame
        self._not_finite[frame.number] = frame.not_finite
        while len(self._kept) > 2 and sum(kept.nbytes for kept in self._kept.values()) > self._room:
            self._kept.popitem(last=False)

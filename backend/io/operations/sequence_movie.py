"""``sequence.movie``: a sequence of pictures as a movie. Parameters: ``shared/operations/sequence_movie.py``."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ....shared.errors import InputError
from ....shared.frame_names import NAME_FIX, check_once, number_names
from ....shared.notes import note
from ....shared.values import EncodedFile, Image
from ...core.camera import check_aspect
from ...core.color import from_float, to_srgb
from ...core.context import Context
from ..display import displayed
from ..frames.sizes import at_size, note_size
from ..movie import encode_movie, encoder, frame_rate
from ..reading import decode

MOST_FRAMES = 100_000
"""More than an hour; numbers so far apart are dates or versions."""
MOST_HELD, SHORT = 100, 5000
"""Frames for each picture in a movie of more than ``SHORT`` frames: with more, the numbers are no frames'."""
EVEN = 50
"""Most by which a gap between time stamps is larger than usual."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Gives the ``movie`` as a file, and a ``report``. Pictures are decoded one after the other, each when its turn comes.

    Raises:
        InputError: Names in which two numbers vary, or two of one number; an unreadable picture; pictures of several sizes; those at the
            left of another shape, or for other frames.
        JobFailed: No encoder.
        JobCancelled: From ``context.progress``.
    """
    tracks = [_Track(inputs["pictures"], "pictures")]
    if not inputs.get("beside") and _are_time_stamps(tracks[0].numbers):
        note("The numbers are as far apart as those of time stamps: each picture is one frame, in their order, from 0")
        tracks = [_Track([file.changed(number=n) for n, file in enumerate(tracks[0].files)], "pictures")]
    first, last = tracks[0].numbers[0], tracks[0].numbers[-1]
    count, pictures = last - first + 1, len(tracks[0].numbers)
    if count > max(MOST_HELD * pictures, SHORT) or count > MOST_FRAMES:
        got = f"{pictures} pictures for the frames {first} to {last}"
        raise InputError(expected=f"a picture for at least each {MOST_HELD}th of at most {MOST_FRAMES} frames", got=got, fix=NAME_FIX)
    if inputs.get("beside"):
        tracks.insert(0, _Track(inputs["beside"], "beside"))
        if not any(first <= number <= last for number in tracks[0].numbers):
            got = f"frames {tracks[0].numbers[0]} to {tracks[0].numbers[-1]}"
            raise InputError(expected=f"pictures at the left for the frames {first} to {last}", got=got, fix="Give those of the same shot")
    name, fps = encoder(), float(parameters["fps"])
    movie = encode_movie(_frames(tracks, first, last, context), fps, str(parameters["quality"]))
    context.progress(1.0, "done")
    height, width = tracks[-1].size
    notes = [text for track in tracks for text in track.notes(first, last)]
    if name != "libx264":
        notes.append(f"Encoded by {name}: this FFmpeg has no libx264, and some players may not show it")
    report = {
        "first": first, "last": last, "frames": count, "fps": fps, "seconds": round(float(count / frame_rate(fps)), 3),
        "size": [width * len(tracks), height], "encoder": name, "notes": notes,
    }  # fmt: skip
    return {"movie": EncodedFile(np.frombuffer(movie, np.uint8), "movie.mp4"), "report": report}


def _frames(tracks: list[_Track], first: int, last: int, context: Context) -> Iterator[np.ndarray]:
    """The frames of the movie, ``(H, W, 3)`` uint8 sRGB; tracks side by side, as large as the last of them."""
    for number in range(first, last + 1):
        context.progress((number - first) / (last - first + 1), f"frame {number} ({number - first + 1}/{last - first + 1})")
        shown = [track.at(number) for track in tracks]
        if shown[0].shape != shown[-1].shape:
            shown[0] = _as_large(shown[0], *(track.size for track in tracks))
        yield np.concatenate(shown, axis=1)


def _as_large(pixels: np.ndarray, size: tuple[int, int], other: tuple[int, int]) -> np.ndarray:
    """A picture at the left at the size of the others, ``(H, W, 3)`` uint8 sRGB; sizes are height and width."""
    check_aspect(size[::-1], other[::-1], "pictures at the left", "the others", "Render both with one shape")
    note_size("beside", size[::-1], "the others", other[::-1], "")
    made = at_size("color", Image(pixels, "srgb"), other[1], other[0], strict=False)
    return from_float(to_srgb(made.pixels), np.uint8)


def _are_time_stamps(numbers: list[int]) -> bool:
    """Whether numbers, in order, are too far apart for frames, and evenly so: one stray picture is none."""
    if numbers[-1] - numbers[0] < max(MOST_HELD * len(numbers), SHORT):
        return False
    gaps = np.diff(numbers)
    return len(gaps) > 1 and bool(gaps.max() <= EVEN * np.median(gaps))


class _Track:
    """Pictures by frame number. Where one is missing, the one before it stands for it (before all of them, the first).

    Attributes:
        numbers: Frames that have a picture, in order.
        files: Their files.
        size: Height and width, known after the first ``at``.
    """

    def __init__(self, files: list[EncodedFile], name: str) -> None:
        self._name, self._files = name, _by_number(files)
        self.numbers = sorted(self._files)
        self.files = [self._files[number] for number in self.numbers]
        self.size = (0, 0)
        self._current: tuple[int, np.ndarray] | None = None

    def at(self, number: int) -> np.ndarray:
        """What is to be seen at a frame, ``(H, W, 3)`` uint8 sRGB."""
        held = self.numbers[max(0, bisect.bisect_right(self.numbers, number) - 1)]
        if self._current is None or self._current[0] != held:
            self._current = (held, self._read(self._files[held]))
        return self._current[1]

    def notes(self, first: int, last: int) -> list[str]:
        """What stands for what, in words."""
        missing = [number for number in range(first, last + 1) if number not in self._files]
        if not missing:
            return []
        return [f"No picture in {self._name} of {_ranges(missing)}: the one before, or else the first, is held"]

    def _read(self, file: EncodedFile) -> np.ndarray:
        pixels = displayed(decode(file), file.name)
        size = (pixels.shape[0], pixels.shape[1])
        if self.size == (0, 0):
            self.size = size
        if size != self.size:
            expected = f"{file.name} to be of {self.size[1]} x {self.size[0]} pixels, as the frames before it"
            raise InputError(expected=expected, got=f"{size[1]} x {size[0]}", fix="Give the frames of one shot")
        return pixels


def _ranges(numbers: list[int]) -> str:
    """Such as ``frames 4-5, 9``; of many ranges the first."""
    starts = [n for i, n in enumerate(numbers) if not i or numbers[i - 1] != n - 1]
    ends = [n for i, n in enumerate(numbers) if i + 1 == len(numbers) or numbers[i + 1] != n + 1]
    texts = [str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True)]
    return ("frame " if len(numbers) == 1 else "frames ") + ", ".join(texts[:6]) + (" and others" if len(texts) > 6 else "")


def _by_number(files: list[EncodedFile]) -> dict[int, EncodedFile]:
    """The files by frame: by their own numbers if all have one, else by their names."""
    names = [file.name for file in files]
    given = [file.number for file in files if file.number is not None]
    numbers = given if len(given) == len(files) else number_names(names)
    check_once(list(zip(numbers, names, strict=True)))
    return dict(zip(numbers, files, strict=True))

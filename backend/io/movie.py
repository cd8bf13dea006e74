"""Movies for looking at: H.264 in MP4, which every player plays, by FFmpeg through PyAV."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from ...shared.errors import InputError, JobFailed
from .temporary import no_room, temporary_file, words_of

QUALITIES = ("high", "medium", "low")
ENCODERS = {
    "libx264": [{"crf": crf, "preset": "fast", "rc-lookahead": "10"} for crf in ("12", "18", "24")],
    "mpeg4": [{"qmin": step, "qmax": step} for step in ("2", "5", "10")],
}
"""By FFmpeg's names, the best first, with their options for each of ``QUALITIES``. Constant rate factors of 12, 18 and 24 gave luma within
42-45, 36-40 and 33-35 dB of the pictures on three shots of 320 x 180, grainy and painted. The short lookahead keeps ten frames in memory in
place of forty. Builds of FFmpeg without GPL parts have no libx264."""
NTSC = (24, 30, 48, 60, 120)
"""Frame rates that television made slower by 1000/1001."""
MOST_SIDE = 16384
"""Pixels; libx264 takes no more."""
_BT709 = 1
"""The number of Rec.709 as primaries, transfer and matrix (ITU-T H.273)."""
_LIMITED = 1
"""Luma from 16 to 235, as players expect."""


def encoder() -> str:
    """The first of ``ENCODERS`` that this FFmpeg has.

    Raises:
        JobFailed: None of them.
    """
    for name in ENCODERS:
        with contextlib.suppress(ValueError):  # unknown, or this build only decodes it
            av.Codec(name, "w")
            return name
    raise JobFailed(
        expected=f"an FFmpeg with one of the encoders {', '.join(ENCODERS)}", got=f"PyAV {av.__version__} without them",
        fix="Install PyAV's own build into the backend's Python: pip install --force-reinstall av",
    )  # fmt: skip


def frame_rate(fps: float) -> Fraction:
    """The exact rate: 23.976 (and 23.98) is 24000/1001, other numbers are what they say to a thousandth."""
    for whole in NTSC:
        if abs(fps - whole / 1.001) < 0.005:
            return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(1000)


def encode_movie(frames: Iterable[np.ndarray], fps: float, quality: str = "high") -> bytes:
    """Encodes frames as they come; a few of them are in memory at a time.

    Args:
        frames: ``(H, W, 3)`` uint8, sRGB, all of one size. Odd sizes get one more line of the same pixels at the right or the bottom,
            because colour is stored at half the resolution.
        fps: Frames per second.
        quality: One of ``QUALITIES``.

    Returns:
        The bytes of an .mp4, its index at the beginning; the same frames give the same bytes.

    Raises:
        InputError: No frames, or larger than ``MOST_SIDE``.
        JobFailed: No encoder, or it fails.
        StorageError: No room for the temporary file.
    """
    name = encoder()
    options = ENCODERS[name][QUALITIES.index(quality)]
    with temporary_file(".mp4") as path:  # FFmpeg writes the index last and then moves it: no stream
        try:
            _write(path, frames, name, frame_rate(fps), options)
            with open(path, "rb") as file:
                return file.read()
        except av.FFmpegError as error:
            if isinstance(error, OSError):
                raise no_room(error) from error
            message = f"{name} could not encode the movie: {words_of(str(error))}"
            raise JobFailed(message) from error
        except OSError as error:
            raise no_room(error) from error


def _write(path: str, frames: Iterable[np.ndarray], name: str, rate: Fraction, options: dict[str, str]) -> None:
    convert = VideoReformatter()
    stream: av.VideoStream | None = None
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as out:
        for number, pixels in enumerate(frames):
            even = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)), "edge")
            if stream is None:
                stream = cast(av.VideoStream, out.add_stream(name, rate=rate, options=dict(options)))
                _describe(stream.codec_context, even.shape[1], even.shape[0], rate)
            frame = av.VideoFrame.from_ndarray(even, format="rgb24")
            frame = convert.reformat(frame, format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG,
                                     interpolation="AREA")  # fmt: skip
            frame.pts = number
            out.mux(stream.encode(frame))
        if stream is None:
            raise InputError(expected="at least one frame of a movie", got="none")
        out.mux(stream.encode(None))


def _describe(codec: av.VideoCodecContext, width: int, height: int, rate: Fraction) -> None:
    if max(width, height) > MOST_SIDE:
        raise InputError(expected=f"a movie of at most {MOST_SIDE} pixels a side", got=f"{width} x {height}", fix="Use smaller pictures")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.color_primaries = codec.color_trc = codec.colorspace = _BT709
    codec.color_range = _LIMITED
    codec.gop_size = max(1, round(rate))  # a whole picture each second: players step back and forth without delay

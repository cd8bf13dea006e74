"""Thumbnails: cut out of a sheet, made smaller, kept as text in the file."""

from __future__ import annotations

import base64

import numpy as np

from ...shared.errors import InputError
from ..images import png

SIDE = 128
"""Longest side of a thumbnail in px: two screen pixels to one in a panel of usual width on a dense screen."""


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Makes a picture smaller by averaging, which neither aliases nor shifts; a smaller one is returned as it is.

    Args:
        pixels: ``(H, W, C)`` uint8, uint16 or float32, row 0 at the top.
        side: Longest side of the result in px.

    Returns:
        ``(h, w, C)`` of the same type, with the proportions of the input to a pixel.
    """
    height, width, _ = pixels.shape
    factor = side / max(height, width)
    if factor >= 1:
        return pixels
    rows = _starts(height, max(1, round(height * factor)))
    columns = _starts(width, max(1, round(width * factor)))
    summed = np.add.reduceat(np.add.reduceat(pixels.astype(np.float64), rows, axis=0), columns, axis=1)
    counts = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))[..., None]
    mean = summed / counts
    return (np.rint(mean) if pixels.dtype.kind == "u" else mean).astype(pixels.dtype)


def _starts(length: int, count: int) -> np.ndarray:
    return np.arange(count) * length // count


def cut(sheet: np.ndarray, rows: int, columns: int, count: int, gap: int = 0) -> np.ndarray:
    """Cuts a sheet into thumbnails.

    Args:
        sheet: ``(H, W, C)`` uint8, sRGB: ``rows`` times ``columns`` pictures of one size, row by row.
        rows: Pictures from top to bottom.
        columns: Pictures from left to right.
        count: How many there are; the last row may not be full.
        gap: Pixels between two pictures.

    Returns:
        ``(count, h, w, 3)`` uint8, no side longer than ``SIDE``.

    Raises:
        InputError: The sheet has no room for so many.
    """
    fits = rows > 0 and columns > 0 and 1 <= count <= rows * columns
    height, width = ((sheet.shape[0] + gap) // rows - gap, (sheet.shape[1] + gap) // columns - gap) if fits else (0, 0)
    if height < 1 or width < 1:
        raise InputError(expected=f"a sheet of {rows} x {columns} pictures for {count} variations", got=f"pixels of {sheet.shape}")
    color = sheet[..., :3] if sheet.shape[2] >= 3 else np.repeat(sheet[..., :1], 3, axis=2)
    return np.stack(
        [
            shrink(color[top : top + height, left : left + width], SIDE)
            for top, left in ((number // columns * (height + gap), number % columns * (width + gap)) for number in range(count))
        ]
    )


def to_text(pictures: np.ndarray) -> str:
    """Packs thumbnails for a string property.

    Args:
        pictures: ``(N, h, w, 3)`` uint8, sRGB.
    """
    count, height, width, channels = pictures.shape
    strip = pictures.reshape(count * height, width, channels)
    return base64.b64encode(png.encode(np.ascontiguousarray(strip), level=9)).decode("ascii")


def from_text(text: str, count: int) -> np.ndarray | None:
    """Unpacks thumbnails.

    Returns:
        ``(count, h, w, 3)`` uint8, sRGB, or None when the text holds no such pictures (an old or edited file).
    """
    try:
        strip = png.decode(base64.b64decode(text, validate=True))
    except (InputError, ValueError):
        return None
    if count < 1 or strip.shape[0] % count or strip.dtype != np.uint8:
        return None
    return strip.reshape(count, strip.shape[0] // count, *strip.shape[1:])

"""Sheets of the gallery: pictures in columns, with a caption under each and a title above."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813 -- the name its own documentation uses

MARGIN, GAP, COLUMN_GAP = 20, 6, 20
HEADER, FOOTER = 78, 30
BODY = 404
"""Pixels from the top of the columns to their end."""
PAPER, INK, QUIET = (0.955, 0.95, 0.94), (0.1, 0.1, 0.11, 1.0), (0.42, 0.42, 0.43, 1.0)
QUALITIES = (86, 82, 78, 74, 70, 65, 60)


@dataclasses.dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        caption: Under it.
        pixels: ``(BODY, W, 3)`` float32, sRGB 0..1.
    """

    caption: str
    pixels: np.ndarray


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """``(H, W, 3)`` to another size, float32 0..1."""
    if pixels.shape[:2] == (height, width):
        return pixels.astype(np.float32)
    source = oiio.ImageBuf(np.ascontiguousarray(pixels, np.float32))
    region = oiio.ROI(0, width, 0, height, 0, 1, 0, 3)
    return np.clip(_pixels(oiio.ImageBufAlgo.resize(source, "lanczos3", 0.0, region)), 0, 1)


def middle(pixels: np.ndarray, side: int) -> np.ndarray:
    """A square from the middle, no pixel changed."""
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return pixels[top : top + side, left : left + side]


def mosaic(pictures: list[np.ndarray], columns: int, height: int = BODY) -> np.ndarray:
    """Equal squares in rows and columns, as high as a column of the sheet."""
    rows = -(-len(pictures) // columns)
    side = (height - (rows - 1) * GAP) // rows
    page = np.broadcast_to(np.array(PAPER, np.float32), (height, columns * (side + GAP) - GAP, 3)).copy()
    for number, picture in enumerate(pictures):
        y, x = (index * (side + GAP) for index in divmod(number, columns))
        page[y : y + side, x : x + side] = resize(picture, side, side)
    return page


def sheet(title: str, line: str, columns: list[Column]) -> np.ndarray:
    """The whole sheet, ``(H, W, 3)`` float32, sRGB 0..1.

    Args:
        title: In large letters.
        line: Below it, small.
        columns: From left to right.
    """
    width = sum(column.pixels.shape[1] + COLUMN_GAP for column in columns) - COLUMN_GAP + 2 * MARGIN
    page = oiio.ImageBuf(np.broadcast_to(np.array(PAPER, np.float32), (HEADER + BODY + FOOTER, width, 3)).copy())
    oiio.ImageBufAlgo.render_text(page, MARGIN, 38, title, 27, "", INK)
    oiio.ImageBufAlgo.render_text(page, MARGIN, 63, line, 15, "", QUIET)
    x = MARGIN
    for column in columns:
        oiio.ImageBufAlgo.paste(page, x, HEADER, 0, 0, oiio.ImageBuf(np.ascontiguousarray(column.pixels, np.float32)))
        oiio.ImageBufAlgo.render_text(page, x, HEADER + BODY + 20, column.caption, 14, "", QUIET)
        x += column.pixels.shape[1] + COLUMN_GAP
    return _pixels(page)


def read_picture(path: Path) -> np.ndarray:
    """``(H, W, 3)`` float32, 0..1."""
    return _pixels(oiio.ImageBuf(str(path)))[..., :3]


def _pixels(buffer: oiio.ImageBuf) -> np.ndarray:
    pixels = buffer.get_pixels(oiio.FLOAT)
    if pixels is None:
        raise OSError(buffer.geterror())
    return np.asarray(pixels)


def write_jpeg(path: Path, pixels: np.ndarray, most: int) -> int:
    """Writes a picture in the best quality that takes at most ``most`` bytes (or the least one); gives the bytes."""
    buffer = oiio.ImageBuf(np.ascontiguousarray(pixels, np.float32))
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / "sheet.jpg"
        for quality in QUALITIES:
            buffer.specmod().attribute("Compression", f"jpeg:{quality}")
            buffer.specmod().attribute("oiio:ColorSpace", "srgb_rec709_scene")
            if not buffer.write(str(temporary), oiio.UINT8):
                raise OSError(buffer.geterror())
            if temporary.stat().st_size <= most:
                break
        path.write_bytes(temporary.read_bytes())
    return path.stat().st_size

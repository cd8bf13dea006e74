"""Puts the demo's pictures on one sheet with a caption each. Run in the backend's Python, which has OpenImageIO."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import skimage

MARGIN, CAPTION = 16, 34
PAPER, INK = (0.955, 0.95, 0.94), (0.1, 0.1, 0.11, 1.0)
CELL = (420, 315)


def load(path: Path) -> np.ndarray:
    """``(H, W, 3)`` float32 in 0..1."""
    pixels = _pixels(oiio.ImageBuf(str(path)))
    return pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., :1].repeat(3, -1)


def _pixels(picture: oiio.ImageBuf) -> np.ndarray:
    """``(H, W, C)`` float32."""
    found = picture.get_pixels(oiio.FLOAT)
    assert found is not None, picture.geterror()
    return found


def fit(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Scales to fill ``width`` x ``height``, cutting what is too much."""
    h, w = pixels.shape[:2]
    scale = max(width / w, height / h)
    source = oiio.ImageBuf(np.ascontiguousarray(pixels))
    size = round(w * scale), round(h * scale)
    resized = _pixels(oiio.ImageBufAlgo.resize(source, "lanczos3", 0.0, oiio.ROI(0, size[0], 0, size[1], 0, 1, 0, 3)))
    y, x = (size[1] - height) // 2, (size[0] - width) // 2
    return np.clip(resized[y : y + height, x : x + width], 0, 1)


def pair(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two pictures in one cell."""
    half = (CELL[0] - 6) // 2
    gap = np.full((CELL[1], CELL[0] - 2 * half, 3), PAPER, np.float32)
    return np.concatenate([fit(left, half, CELL[1]), gap, fit(right, half, CELL[1])], 1)


def wipe(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """One cell: the left half of one picture, the right half of another."""
    cell = fit(before, *CELL)
    cell[:, CELL[0] // 2 :] = fit(after, *CELL)[:, CELL[0] // 2 :]
    cell[:, CELL[0] // 2 - 1 : CELL[0] // 2 + 1] = PAPER
    return cell


def strip(folder: Path, count: int = 4) -> np.ndarray:
    """Frames of a painted shot side by side over the whole width; scene-linear files, shown through the sRGB curve."""
    files = sorted(folder.glob("*.exr"))
    chosen = [files[round(n * (len(files) - 1) / (count - 1))] for n in range(count)]
    whole = 3 * CELL[0] + 2 * MARGIN
    width = (whole - (count - 1) * 6) // count
    cells = []
    for file in chosen:
        linear = np.clip(load(file), 0, 1)
        shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
        cells += [fit(shown.astype(np.float32), width, width * 3 // 4), np.full((width * 3 // 4, 6, 3), PAPER, np.float32)]
    return np.concatenate(cells[:-1], 1)


def sheet(folder: Path) -> np.ndarray:
    """The whole sheet."""
    photographs = Path(skimage.__file__).parent / "data"
    tiles = {name: load(folder / f"2-{name}-tile.png") for name in ("brick", "gravel")}
    rows = [
        [
            (pair(load(photographs / "brick.png"), np.tile(tiles["brick"], (2, 2, 1))), "photograph of brick -> tile, repeated 2 x 2"),
            (pair(load(photographs / "gravel.png"), np.tile(tiles["gravel"], (2, 2, 1))), "photograph of gravel -> tile, repeated 2 x 2"),
            (wipe(load(folder / "1-scene.png"), load(folder / "3-textured.png")), "the scene before | with its textures"),
        ],
        [
            (fit(load(folder / "2-variations.png"), *CELL), "a prompt -> variations (GAN, weights trained here)"),
            (fit(load(folder / "4-style.png"), *CELL), "a style, painted by the demo"),
            (
                pair(load(folder / "5-stylised-replace.png"), load(folder / "5-stylised-keep.png")),
                "the camera's frame in that style | in its own colours",
            ),
        ],
        [(strip(folder / "shot"), "frames of a moving camera in that style, steady along the renderer's motion vectors")],
        [
            (
                fit(load(folder / "6-rebuilt-beside.png"), 3 * CELL[0] + 2 * MARGIN, 560),
                "left: the original; right: the mesh rebuilt from depth, with its baked texture, beside it",
            )
        ],
    ]
    width = 3 * CELL[0] + 4 * MARGIN
    height = sum(row[0][0].shape[0] + CAPTION + MARGIN for row in rows) + MARGIN
    page = oiio.ImageBuf(np.broadcast_to(np.asarray(PAPER, np.float32), (height, width, 3)).copy())
    y = MARGIN
    for row in rows:
        x = MARGIN
        for pixels, caption in row:
            oiio.ImageBufAlgo.paste(page, x, y, 0, 0, oiio.ImageBuf(np.ascontiguousarray(pixels, np.float32)))
            oiio.ImageBufAlgo.render_text(page, x + 2, y + pixels.shape[0] + 21, caption, 16, "", INK)
            x += pixels.shape[1] + MARGIN
        y += row[0][0].shape[0] + CAPTION + MARGIN
    return _pixels(page)


def main() -> int:
    """Writes contact-sheet.png into the folder given."""
    folder = Path(sys.argv[1])
    output = oiio.ImageBuf(np.ascontiguousarray(sheet(folder)))
    if not output.write(str(folder / "contact-sheet.png"), oiio.UINT8):
        print(output.geterror(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Style on pictures: time of ``style.image``, how much of the content stays, how near the patches are to the style's, and what leaks.

    python3 dev.py bench style [--size 512] [--device cpu] [--threads 2] [--uhd] [--tiny]

Contents are pictures from scikit-image's wheel, styles those and the project's own looks. Columns: wall and processor seconds, wall time
as a part of its bar of 12 s at 512 px; F1 of the content's edges (Canny, within 2 px); structural similarity of the blurred luminance,
the content's tones moved onto the result's; sliced Wasserstein distance of the patches to the style's as a part of the content's own (0 is
the style, 1 the content); pixels with more than a tenth of another region's style. "plain" is the first version: no edges, no detail.
``--uhd`` also paints 3840 x 2160 pixels once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import skimage.transform
import torch
from scipy.ndimage import binary_dilation, gaussian_filter
from skimage.feature import canny
from skimage.metrics import structural_similarity

from ..backend.core.context import Context
from ..backend.io.reading import decode
from ..backend.style.operations.style_image import run
from ..shared.operations import find
from ..shared.values import EncodedFile, Image
from ._report import Report, Row, begin, machine, make_parser, peak_memory, print_table, timed, to_bytes
from .metrics.distribution import patch_swd
from .metrics.portilla_simoncelli import luminance

STYLES = Path(__file__).parent / "scenes" / "styles"
PLAIN = {"edges": 0.0, "detail": 0.0}
CASES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("astronaut", "coffee", "plain", PLAIN),
    ("astronaut", "coffee", "default", {}),
    ("astronaut", "ink", "plain", PLAIN),
    ("astronaut", "ink", "default", {}),
    ("chelsea", "gouache", "plain", PLAIN),
    ("chelsea", "gouache", "default", {}),
    ("chelsea", "gouache", "content", {"orientation": "content"}),
    ("chelsea", "ink", "angle 0", {"orientation": "angle"}),
    ("astronaut", "woodcut", "luminance", {"color": "luminance"}),
    ("astronaut", "watercolour", "keep", {"color": "keep"}),
    ("astronaut", "watercolour", "regions", {"regions": "1:1 2:2"}),
    ("astronaut", "watercolour", "weights", {"weights": "50 30 20"}),
    ("astronaut", "watercolour", "everything", {"regions": "1:1 2:2", "orientation": "content", "edges": 1.0, "detail": 1.0}),
)
TINY_CASES = (CASES[1], CASES[10])
SEVERAL = ("regions", "weights", "everything")


def style_of(name: str) -> np.ndarray:
    """A picture ``(H, W, 3)`` uint8 of the project's own looks, else of scikit-image."""
    file = STYLES / f"{name}.png"
    if not file.exists():
        return np.ascontiguousarray(getattr(skimage.data, name)()[..., :3])
    return np.ascontiguousarray(decode(EncodedFile.read(file)).pixels[..., :3])


def objects(side: int) -> np.ndarray:
    """Ids ``(side, side, 1)`` of an ellipse (1) and of a corner (2) on the ground (0)."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    ids = (((x - 0.44) / 0.39) ** 2 + ((y - 0.52) / 0.55) ** 2 < 1).astype(np.uint8)
    ids[(y > 0.52) & (x > 0.65)] = 2
    return ids[..., None]


def leak(side: int, given: dict[str, Any], device: torch.device) -> float:
    """Pixels with more than a tenth of another region's style: three looks, each in one primary colour."""
    gray = [luminance(style_of(name)) for name in ("watercolour", "ink", "mosaic")]
    looks = []
    for channel, values in enumerate(gray):
        picture = np.zeros((*values.shape, 3), np.uint8)
        picture[..., channel] = 40 + 215 * (values - values.min()) / np.ptp(values)
        looks.append(picture)
    ids = objects(side)
    pixels = paint(square("astronaut", side), looks, given, device, ids).astype(np.float64)
    own = np.take_along_axis(pixels, ids.astype(np.int64), 2)[..., 0]
    return float((own < 0.9 * pixels.sum(2)).mean())


def edge_f1(pixels: np.ndarray, content: np.ndarray) -> float:
    """F1 of the edges within two pixels."""
    found, truth = (canny(luminance(p), sigma=2.0) for p in (pixels, content))
    wide = [binary_dilation(e, iterations=2) for e in (found, truth)]
    precision, recall = (found & wide[1]).sum() / max(1, found.sum()), (truth & wide[0]).sum() / max(1, truth.sum())
    return float(2 * precision * recall / max(1e-9, precision + recall))


def low_ssim(pixels: np.ndarray, content: np.ndarray) -> float:
    """Structural similarity of the luminance blurred to 1/128 of the width, tones matched by rank."""
    low = [gaussian_filter(luminance(p), content.shape[1] / 128) for p in (pixels, content)]
    matched = np.interp(low[1], np.quantile(low[1], np.linspace(0, 1, 256)), np.quantile(low[0], np.linspace(0, 1, 256)))
    return float(structural_similarity(low[0], matched, data_range=1.0))


def square(name: str, side: int) -> np.ndarray:
    """The middle of a picture of scikit-image, ``(side, side, 3)`` uint8."""
    picture = np.asarray(getattr(skimage.data, name)())[..., :3]
    short = min(picture.shape[:2])
    top, left = (picture.shape[0] - short) // 2, (picture.shape[1] - short) // 2
    resized = skimage.transform.resize(picture[top : top + short, left : left + short], (side, side), anti_aliasing=True)
    return to_bytes(resized)


def paint(
    content: np.ndarray, styles: list[np.ndarray], given: dict[str, Any], device: torch.device, ids: np.ndarray | None = None
) -> np.ndarray:
    """What ``style.image`` makes of a content, ``(H, W, 3)`` uint8; ``given`` are its parameters."""
    inputs: dict[str, Any] = {"content": Image(content), "style": Image(styles[0]), "styles": [Image(s) for s in styles[1:]]}
    if ids is not None:
        inputs["ids"] = Image(ids, "data")
    pixels: np.ndarray = run(inputs, find("style.image").check_parameters(given), Context(device, 1))["image"].pixels
    return pixels


def uhd(report: Report) -> Row:
    """3840 x 2160 pixels once."""
    whole = skimage.transform.resize(skimage.data.astronaut()[56:344], (2160, 3840), anti_aliasing=True)
    paint_it = partial(paint, to_bytes(whole), [style_of("gouache")], {}, report.device)
    pixels, wall, cpu = timed(paint_it, report.device)
    report.save_picture("style_uhd_part.jpg", pixels[400:1100, 1500:2600])
    figures = {"px": 3840, "wall s": wall, "cpu s": cpu, "peak MB": round(peak_memory())}
    return {"content": "astronaut", "style": "gouache", "settings": "3840x2160", **figures}


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint each case and measure it."""
    parser = make_parser(__file__, __doc__, threads=0, device=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--uhd", action="store_true")
    options, report = begin(parser, arguments)
    device, side = report.device, 64 if options.tiny else options.size
    small = square("coffee", 64)
    paint(small, [small], {}, device)
    rows, pictures = list[Row](), []
    for content_name, style_name, label, given in TINY_CASES if options.tiny else CASES:
        content, styles = square(content_name, side), [style_of(style_name)]
        if label in SEVERAL:
            styles += [style_of("ink"), style_of("mosaic")]
        ids = objects(side) if "regions" in given else None
        pixels, wall, cpu = timed(partial(paint, content, styles, given, device, ids), device)
        row = {
            "content": content_name,
            "style": style_name,
            "settings": label,
            "px": side,
            "wall s": wall,
            "cpu s": cpu,
            "of bar": wall / (12.0 * side**2 / 512**2),
            "edge F1": edge_f1(pixels, content),
            "low SSIM": low_ssim(pixels, content),
            "style distance": patch_swd(pixels, styles[0]) / patch_swd(content, styles[0]),
            "leak": leak(side, given, device) if ids is not None else None,
            "peak MB": round(peak_memory()),
        }
        rows.append(row)
        pictures.append(pixels)
    if options.tiny:
        report.save_picture("style_tiny.jpg", np.concatenate(pictures, 1))
    else:
        report.save_picture("style_before_after.jpg", np.concatenate([np.concatenate(pictures[k:6:2], 1) for k in (0, 1)]))
        report.save_picture("style_directed.jpg", np.concatenate([np.concatenate(pictures[k : k + 3], 1) for k in (6, 9)]))
    if options.uhd and not options.tiny:
        rows.append(dict.fromkeys(rows[0]) | uhd(report))
    print(machine(device))
    print_table(rows)
    report.save_rows(f"style_{device.type}", rows)


if __name__ == "__main__":
    main()

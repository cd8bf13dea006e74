"""Style on photographs: time of ``style.image``, how much of the content's structure stays and how near the patches are to the style's.

    python3 dev.py bench style [--size 512] [--device cpu] [--threads 2]

Contents and styles are pictures from scikit-image's wheel. Columns: wall and processor seconds, wall time as a part of its bar of 30 s
at 512 px, correlation of the blurred luminance with the content's, and sliced Wasserstein distance of the patches to the style's as a
part of the content's own distance (0 is the style, 1 is the content).
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import skimage.data
import skimage.transform
import torch
from backlot.backend.context import Context
from backlot.backend.operations.style_image import run
from backlot.shared.operations import find
from backlot.shared.values import Image
from scipy.ndimage import gaussian_filter

from .metrics.distribution import patch_swd
from .metrics.portilla_simoncelli import luminance
from .report import machine, peak_memory, print_table, save_picture, save_rows, timed

CASES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("astronaut", "coffee", "default", {}),
    ("astronaut", "immunohistochemistry", "default", {}),
    ("astronaut", "immunohistochemistry", "keep", {"color": "keep"}),
    ("chelsea", "rocket", "strength 1", {"strength": 1.0}),
    ("chelsea", "coffee", "stroke 4 %", {"stroke_size": 4.0, "strength": 1.0}),
    ("chelsea", "coffee", "stroke 0.6 %", {"stroke_size": 0.6, "strength": 1.0}),
)


def square(name: str, side: int) -> np.ndarray:
    picture = np.asarray(getattr(skimage.data, name)())[..., :3]
    short = min(picture.shape[:2])
    top, left = (picture.shape[0] - short) // 2, (picture.shape[1] - short) // 2
    resized = skimage.transform.resize(picture[top : top + short, left : left + short], (side, side), anti_aliasing=True)
    return (255 * resized).round().astype(np.uint8)


def paint(content: np.ndarray, style: np.ndarray, given: dict[str, Any], device: torch.device) -> np.ndarray:
    inputs = {"content": Image(content), "style": Image(style)}
    pixels: np.ndarray = run(inputs, find("style.image").check_parameters(given), Context(device, 1))["image"].pixels
    return pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    small = square("coffee", 64)
    paint(small, small, {}, device)
    rows, pictures = [], []
    for content_name, style_name, label, given in CASES:
        content, style = square(content_name, arguments.size), np.ascontiguousarray(getattr(skimage.data, style_name)()[..., :3])
        pixels, wall, cpu = timed(lambda c=content, s=style, g=given: paint(c, s, g, device), device)
        low = [gaussian_filter(luminance(p), arguments.size / 64).ravel() for p in (pixels, content)]
        rows.append(
            {
                "content": content_name,
                "style": style_name,
                "settings": label,
                "px": arguments.size,
                "wall s": wall,
                "cpu s": cpu,
                "of bar": wall / (30.0 * arguments.size**2 / 512**2),
                "structure": float(np.corrcoef(low)[0, 1]),
                "style distance": patch_swd(pixels, style) / patch_swd(content, style),
                "peak MB": round(peak_memory()),
            }
        )
        pictures.append(pixels)
    half = [p[::2, ::2] if arguments.size > 400 else p for p in pictures]
    sheet = np.concatenate([np.concatenate(half[:3], 1), np.concatenate(half[3:], 1)])
    save_picture(f"style_{arguments.size}.jpg", sheet)
    print(machine(device))
    print_table(rows)
    print(save_rows(f"style_{device.type}", device, rows))


if __name__ == "__main__":
    main()

"""Textures from photographs: time and quality of ``texture.synthesize``.

    python3 dev.py bench textures [--size 256] [--seeds 3] [--large] [--device cpu] [--threads 2] [--originality 0.25] [--rotation none]

Exemplars are scikit-image's photographs (CC0, 512 px). Columns: wall and processor seconds, typical-crop ratio (1 is a real crop,
the bar is 1.10), patch distribution and autocorrelation ratios (bar 1.5), share of verbatim copies, the wrap line's percentiles (5..95),
and the wall time as a part of its bar: 5 s at 256 px, 60 s at 1024 px. ``--rotation`` and ``--originality`` are the operation's own.
"""

from __future__ import annotations

import argparse

import numpy as np
import skimage.data
import torch

from backlot.backend.core.context import Context
from backlot.backend.materials.operations.texture_synthesize import run
from backlot.shared.operations import find
from backlot.shared.values import Image

from .metrics.likeness import likeness
from .metrics.seam import seam_percentiles
from .report import machine, print_table, save_picture, save_rows, timed

BARS = {256: 5.0, 1024: 60.0}


def synthesize(exemplar: np.ndarray, side: int, seed: int, device: torch.device, given: dict[str, object]) -> np.ndarray:
    parameters = find("texture.synthesize").check_parameters({"size": [side, side], **given})
    pixels: np.ndarray = run({"exemplar": Image(exemplar)}, parameters, Context(device, seed))["base_color"].pixels
    return pixels


def measure(
    name: str, exemplar: np.ndarray, side: int, seed: int, device: torch.device, given: dict[str, object]
) -> tuple[dict[str, object], np.ndarray]:
    pixels, wall, cpu = timed(lambda: synthesize(exemplar, side, seed, device, given), device)
    seams = seam_percentiles(pixels)
    row: dict[str, object] = {
        "exemplar": name,
        **given,
        "px": side,
        "seed": seed,
        "wall s": wall,
        "cpu s": cpu,
        "of bar": wall / BARS.get(side, 5.0 * side**2 / 256**2),
        **likeness(pixels, exemplar),
        "seam x": round(min(seams["x"], seams["x2"], key=lambda v: 50 - abs(v - 50))),
        "seam y": round(min(seams["y"], seams["y2"], key=lambda v: 50 - abs(v - 50))),
    }
    return row, pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="1024 px as well")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--originality", type=float, default=0.25)
    parser.add_argument("--rotation", default="none")
    arguments = parser.parse_args()
    given: dict[str, object] = {"originality": arguments.originality, "rotation": arguments.rotation}
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    synthesize(skimage.data.gravel()[:64, :64, None], 64, 0, device, given)  # loads libraries, so that the first row is like the others
    rows = []
    for name in ("brick", "gravel", "grass"):
        exemplar = np.asarray(getattr(skimage.data, name)())[..., None]
        for seed in range(1, arguments.seeds + 1):
            row, pixels = measure(name, exemplar, arguments.size, seed, device, given)
            rows.append(row)
            if seed == 1:
                save_picture(f"texture_{name}_{arguments.size}.png", pixels)
        if arguments.large:
            row, pixels = measure(name, exemplar, 1024, 1, device, given)
            rows.append(row)
            save_picture(f"texture_{name}_1024.jpg", pixels[:512, :512])
    print(machine(device))
    print_table(rows)
    print(save_rows(f"textures_{device.type}", device, rows))


if __name__ == "__main__":
    main()

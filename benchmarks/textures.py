"""Textures from photographs: time and quality of ``texture.synthesize``.

    python3 dev.py bench textures [--size 256] [--seeds 3] [--large] [--device cpu] [--threads 2]
        [--originality 0.25] [--rotation none] [--tiny]

Exemplars are scikit-image's photographs (CC0, 512 px). Columns: wall and processor seconds, typical-crop ratio (1 is a real crop,
the bar is 1.10), patch distribution and autocorrelation ratios (bar 1.5), share of verbatim copies, the wrap line's percentiles (5..95),
and the wall time as a part of its bar: 5 s at 256 px, 60 s at 1024 px. ``--rotation`` and ``--originality`` are the operation's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import skimage.data
import torch

from ..backend.core.context import Context
from ..backend.materials.operations.texture_synthesize import run
from ..shared.operations import find
from ..shared.values import Image
from ._report import Row, begin, machine, make_parser, print_table, timed
from .metrics.likeness import likeness
from .metrics.seam import seam_percentiles

BARS = {256: 5.0, 1024: 60.0}


def synthesize(exemplar: np.ndarray, side: int, seed: int, device: torch.device, given: dict[str, object]) -> np.ndarray:
    """A tileable texture ``(side, side, C)``; ``given`` are parameters of the operation."""
    parameters = find("texture.synthesize").check_parameters({"size": [side, side], **given})
    pixels: np.ndarray = run({"exemplar": Image(exemplar)}, parameters, Context(device, seed))["base_color"].pixels
    return pixels


def measure(
    name: str, exemplar: np.ndarray, side: int, seed: int, device: torch.device, given: dict[str, object]
) -> tuple[Row, np.ndarray]:
    """Figures of one texture, and its pixels."""
    pixels, wall, cpu = timed(partial(synthesize, exemplar, side, seed, device, given), device)
    seams = seam_percentiles(pixels)
    row: Row = {
        "exemplar": name,
        **given,
        "px": side,
        "seed": seed,
        "wall s": wall,
        "cpu s": cpu,
        "of bar": wall / BARS.get(side, 5.0 * side**2 / 256**2),
        **likeness(pixels, exemplar),
        "seam x": round(_extreme(seams["x"], seams["x2"])),
        "seam y": round(_extreme(seams["y"], seams["y2"])),
    }
    return row, pixels


def _extreme(*percentiles: float) -> float:
    """The one that is farthest from the middle."""
    return max(percentiles, key=lambda v: abs(v - 50))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each photograph and seed."""
    parser = make_parser(__file__, __doc__, threads=0, device=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="1024 px as well")
    parser.add_argument("--originality", type=float, default=0.25)
    parser.add_argument("--rotation", default="none")
    options, report = begin(parser, arguments)
    device = report.device
    given: dict[str, object] = {"originality": options.originality, "rotation": options.rotation}
    names, side, seeds = ["brick", "gravel", "grass"], options.size, options.seeds
    if options.tiny:
        names, side, seeds = names[:1], 128, 1  # the measures take crops of 128 px
    synthesize(skimage.data.gravel()[:64, :64, None], 64, 0, device, given)  # loads libraries, so that the first row is like the others
    rows = []
    for name in names:
        exemplar = np.asarray(getattr(skimage.data, name)())[: 256 if options.tiny else None, : 256 if options.tiny else None, None]
        for seed in range(1, seeds + 1):
            row, pixels = measure(name, exemplar, side, seed, device, given)
            rows.append(row)
            if seed == 1:
                report.save_picture(f"texture_{name}_{side}.png", pixels)
        if options.large and not options.tiny:
            row, pixels = measure(name, exemplar, 1024, 1, device, given)
            rows.append(row)
            report.save_picture(f"texture_{name}_1024.jpg", pixels[:512, :512])
    print(machine(device))
    print_table(rows)
    report.save_rows(f"textures_{device.type}", rows)


if __name__ == "__main__":
    main()

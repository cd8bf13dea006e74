"""Contact sheets of the procedural materials, to look at: base colour, height, roughness, metallic and a lit preview.

python3 dev.py bench material_sheet brick wood --samples 4 --seed 0 --size 256 --out sheet.png
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..backend.io.writing import encode
from ..backend.materials.attributes import Attributes
from ..backend.materials.procedural import available, render, sample_attributes
from ..backend.materials.stack import BASE_COLOR, HEIGHT, METALLIC, ROUGHNESS, Material
from ..shared.material import FAMILIES
from ..shared.values import Image
from ._report import begin, make_parser, to_bytes


def lit(material: Material, depth: float) -> torch.Tensor:
    """``(3, H, W)`` sRGB: the surface under a light from the top left, GGX with a soft sky; ``depth`` in pixels."""
    stack = material.stack
    base, rough, metal = stack[BASE_COLOR] ** 2.2, stack[ROUGHNESS].clamp_min(0.06), stack[METALLIC]
    z = stack[HEIGHT] * depth
    dx, dy = (torch.roll(z, -1, 1) - torch.roll(z, 1, 1)) / 2, (torch.roll(z, -1, 0) - torch.roll(z, 1, 0)) / 2
    normal = torch.stack([-dx, -dy, torch.ones_like(dx)])
    normal = normal / normal.norm(dim=0)
    light, view = torch.tensor([-0.5, -0.6, 0.62]), torch.tensor([0.0, 0.0, 1.0])
    light = light / light.norm()
    half = (light + view) / (light + view).norm()

    def dot(a: torch.Tensor) -> torch.Tensor:
        return torch.einsum("chw,c->hw", normal, a).clamp_min(1e-3)

    alpha, nl, nv, nh = rough**2, dot(light), dot(view), dot(half)
    peak = alpha**2 / (math.pi * (nh**2 * (alpha**2 - 1) + 1) ** 2)
    visible = 0.5 / (nl * (nv * (1 - alpha) + alpha) + nv * (nl * (1 - alpha) + alpha))
    f0 = 0.04 * (1 - metal) + base * metal
    fresnel = f0 + (1 - f0) * (1 - torch.dot(half, view)) ** 5
    sun = (base * (1 - metal) / math.pi + fresnel * peak * visible) * nl * 3.2
    up = 0.5 + 0.5 * normal[2]
    mirrored = 0.25 + 0.75 * (0.5 + 0.5 * torch.tanh(3 * (2 * normal[2] * normal[1] - 0.25) / (0.3 + rough)))
    sky = (base * (1 - metal) * 0.38 + f0 * mirrored * 0.55) * up
    return (sun + sky).clamp(0, 1) ** (1 / 2.2)


def row(family: str, seed: int, size: int, changes: dict[str, float]) -> torch.Tensor:
    """One sample as ``(3, H, 5 W)``."""
    a: Attributes = dataclasses.replace(sample_attributes(family, seed), **changes)  # type: ignore[arg-type]
    started = time.perf_counter()
    material = render(family, a, seed, size)
    spent = time.perf_counter() - started
    entry = FAMILIES[family]
    depth = max(2.0 * 256 * entry.depth / entry.metres, 3.0) * (0.3 + 1.4 * a.relief)
    numbers = {k: round(v, 2) for k, v in dataclasses.asdict(a).items() if isinstance(v, float)}
    print(f"{family} {seed}: {spent * 1e3:.0f} ms {numbers}")
    grey = [material.stack[c].expand(3, -1, -1) for c in (HEIGHT, ROUGHNESS, METALLIC)]
    return torch.cat([material.stack[BASE_COLOR], *grey, lit(material, depth)], 2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the sheet."""
    parser = make_parser(__file__, __doc__, threads=1)
    parser.add_argument("families", nargs="*", help="default: all")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="attributes to fix")
    parser.add_argument("--out", type=Path, help="default: material_sheet.png among the results")
    options, report = begin(parser, arguments)
    if options.tiny:
        options.families, options.samples, options.size = options.families or ["brick"], 1, 64
    changes = {name: float(value) for name, _, value in (item.partition("=") for item in options.set)}
    rows = [
        row(family, options.seed + k, options.size, changes) for family in options.families or available() for k in range(options.samples)
    ]
    pixels = to_bytes(torch.cat(rows, 1).permute(1, 2, 0).numpy())
    path = options.out or report.folder / "material_sheet.png"
    path.write_bytes(encode(Image(np.ascontiguousarray(pixels)), path.suffix))
    print(path)


if __name__ == "__main__":
    main()

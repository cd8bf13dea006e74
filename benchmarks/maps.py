"""Maps from one photograph: how near they are to the truth, and to the usual shortcut.

    python3 dev.py bench maps [--count 52] [--size 256] [--threads 1] [--tiny]

Held-out procedural materials (seeds the training never saw, all families in turn) are photographed at random; each method estimates
maps from the photograph, and estimate and truth are rendered under nine lights. Rows: ``ours``, the network; ``luminance``, bright is
high (its depth chosen on other materials in its favour) with roughness 0.6; ``flat``, no relief. In both the base colour is the
photograph. Columns: re-render error (root mean square of sRGB 0..1), the same with the true mean colour, which no photograph
shows; mean angle between normals in degrees; mean error of roughness and base colour; on how many materials ours is better.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
import skimage.data
import torch

from ..backend.core.color import to_linear
from ..backend.core.context import Context
from ..backend.materials import maps
from ..backend.materials.operations.texture_maps import run
from ..backend.materials.photo import shading
from ..backend.materials.photo.baselines import flat, from_luminance
from ..backend.materials.photo.camera import photograph
from ..backend.materials.photo.estimate import estimate, load_network
from ..backend.materials.photo.materials import FIRST_HELD_OUT_SEED, make_materials
from ..backend.materials.photo.shading import Surface
from ..shared.operations import find
from ..shared.values import Image
from ._report import Report, Row, begin, machine, make_parser, print_table, timed, to_bytes

CPU = torch.device("cpu")
TUNING_SEED, DEPTHS = 800_000, (1.0, 2.0, 4.0, 6.0, 8.0)


def ours(photos: torch.Tensor) -> Surface:
    """What the network estimates of photographs ``(B, 3, H, W)``."""
    estimates = [estimate(load_network(), photo, tile=True) for photo in photos]
    return Surface(*(torch.cat([getattr(e, f.name) for e in estimates]) for f in dataclasses.fields(Surface)))


def in_right_mean(estimate_: Surface, truth: Surface) -> Surface:
    """The estimate with the truth's mean base colour in linear light."""
    got, wanted = (to_linear(s.base_color) for s in (estimate_, truth))
    gain = wanted.mean((2, 3), keepdim=True) / got.mean((2, 3), keepdim=True).clamp_min(1e-4)
    return dataclasses.replace(estimate_, base_color=shading.encode_srgb(got * gain))


def angles(estimate_: Surface, truth: Surface) -> torch.Tensor:
    """Mean angle between normals, ``(B,)`` degrees."""
    normals = [maps.normal_from_height(s.height, 1.0) * 2 - 1 for s in (estimate_, truth)]
    cosine = (normals[0] * normals[1]).sum(1).clamp(-1, 1)
    return torch.rad2deg(torch.acos(cosine)).mean((1, 2))


def best_depth(size: int, count: int) -> float:
    """Depth at which height from luminance does best, on materials that nothing else uses."""
    truth = make_materials(TUNING_SEED, count, size).surface(list(range(count)))
    photos = photograph(truth, torch.Generator().manual_seed(7))
    return min(DEPTHS, key=lambda depth: float(shading.rerender_error(from_luminance(photos, depth), truth).mean()))


def strip(photo: torch.Tensor, estimates: list[Surface], number: int) -> torch.Tensor:
    """One line of the picture: the photograph, then for each its base colour, normals, and the look under two lights."""
    parts = [photo]
    for surface in estimates:
        one = Surface(*(getattr(surface, f.name)[number : number + 1] for f in dataclasses.fields(Surface)))
        lights = shading.nine_lights()
        parts += [one.base_color[0], maps.normal_from_height(one.height, 1.0)[0]]
        parts += [shading.render_standard(one, lights[i])[0] for i in (2, 6)]
    return torch.cat(parts, 2)


def photographs(report: Report, side: int) -> None:
    """Real photographs through the whole operation."""
    lines = []
    sources = {name: getattr(skimage.data, name)() for name in ("brick", "gravel", "grass")}
    for picture in sources.values():
        pixels = np.asarray(picture)[:side, :side]
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels[..., :3]
        got = run({"photo": Image(np.ascontiguousarray(pixels))}, find("texture.maps").check_parameters({}), Context(CPU))
        planes = {n: torch.from_numpy(v.pixels.astype(np.float32)).permute(2, 0, 1) for n, v in got.items() if n != "report"}
        color = planes["base_color"] / 255
        height, roughness, metallic = planes["height"], planes["roughness"] / 255, planes["metallic"] / 255
        surface = Surface(color[None], height * got["report"]["depth_px"], roughness, metallic)
        shown = [torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1).expand(3, -1, -1), color]
        shown += [m.expand(3, -1, -1) for m in (height, planes["normal"], roughness, planes["ambient_occlusion"] / 255)]
        shown += [shading.render_standard(surface, shading.nine_lights()[i], tile=False)[0] for i in (2, 6)]
        lines.append(torch.cat(shown, 2))
    report.save_picture("maps_photographs.jpg", to_pixels(torch.cat(lines, 1)))


def to_pixels(planes: torch.Tensor) -> np.ndarray:
    """From ``(C, H, W)`` in 0..1 to ``(H, W, C)`` uint8."""
    return to_bytes(planes.permute(1, 2, 0).numpy())


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each method on the same photographs."""
    parser = make_parser(__file__, __doc__, threads=1)
    parser.add_argument("--count", type=int, default=52)
    parser.add_argument("--size", type=int, default=256)
    options, report = begin(parser, arguments)
    if options.tiny:
        options.count, options.size = 2, 64
    held_out = make_materials(FIRST_HELD_OUT_SEED, options.count, options.size)
    depth = best_depth(options.size, 2 if options.tiny else 26)
    luminance = functools.partial(from_luminance, depth_px=depth)
    methods: dict[str, Callable[[torch.Tensor], Surface]] = {"ours": ours, f"luminance, depth {depth:g} px": luminance, "flat": flat}
    found: dict[str, dict[str, list[torch.Tensor]]] = {name: {} for name in methods}
    lines = []
    generator = torch.Generator().manual_seed(11)
    for first in range(0, options.count, 13):
        truth = held_out.surface(list(range(first, min(first + 13, options.count))))
        photos = photograph(truth, generator)
        estimates = []
        for name, method in methods.items():
            surface, wall, _ = timed(functools.partial(method, photos), CPU)
            estimates.append(surface)
            measures = {
                "re-render": shading.rerender_error(surface, truth),
                "with right mean": shading.rerender_error(in_right_mean(surface, truth), truth),
                "degrees": angles(surface, truth),
                "roughness": (surface.roughness - truth.roughness).abs().mean((1, 2)),
                "base color": (surface.base_color - truth.base_color).abs().mean((1, 2, 3)),
                "s": torch.full((len(photos),), wall / len(photos)),
            }
            for measure, values in measures.items():
                found[name].setdefault(measure, []).append(values)
        lines += [strip(photos[i], [truth, *estimates[:2]], i) for i in range(0, len(photos), 4)]
    joined = {name: {measure: torch.cat(parts) for measure, parts in of.items()} for name, of in found.items()}
    rows: list[Row] = []
    for name, of in joined.items():
        better = float((joined["ours"]["re-render"] < of["re-render"]).float().mean())
        rows.append({"method": name, **{measure: float(v.mean()) for measure, v in of.items()}, "ours is better": f"{better:.0%}"})
    print(machine(CPU))
    print_table(rows)
    each: list[Row] = [
        {"family": held_out.family(i), **{name: float(of["re-render"][i]) for name, of in joined.items()}} for i in range(options.count)
    ]
    report.save_rows("maps_cpu", [*rows, *each])
    picture = torch.cat(lines[:14], 1)
    report.save_picture("maps_held_out.jpg", to_pixels(torch.nn.functional.avg_pool2d(picture, 2)))
    photographs(report, 64 if options.tiny else 256)


if __name__ == "__main__":
    main()

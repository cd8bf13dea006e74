"""Materials from prompts: time, memory, seams and shift equivariance of ``texture.generate``.

    python3 dev.py bench materials [--model NAME or FILE.safetensors] [--threads 2] [--count 40] [--large] [--device cpu] [--tiny]

Six tables. The whole operation, prompt to six maps, warm: median of seven, against its bar (1 s at 512 px on 2 CPU cores, 30 ms on an
H200). Its parts, each alone. The generator in float32, in bfloat16 and compiled. The wrap line's percentile among the interior lines,
for every map, both axes, first and second difference: on a torus all lines are alike, so over many materials the percentiles must be
spread evenly, nine of ten within 5..95. Whether the lattice of the generator's doublings shows (1 everywhere: no). And what is left of a
cyclic shift when it is undone.
"""

from __future__ import annotations

import copy
import dataclasses
import statistics
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..backend.core.context import Context
from ..backend.materials.evaluate.seam import seam_percentiles
from ..backend.materials.generator import patterns
from ..backend.materials.generator.conditioning import describe, make_brief
from ..backend.materials.generator.generate import Request, produce
from ..backend.materials.generator.model import MaterialModel, material_model
from ..backend.materials.generator.noise import STRIDE, make_seeds
from ..backend.materials.generator.prior import COARSEST
from ..backend.materials.generator.tiled import generate_tiled
from ..backend.materials.maps import ambient_occlusion, normal_from_height
from ..backend.materials.operations.texture_generate import maps_of, run
from ..backend.materials.procedural.layouts import make_layout
from ..backend.materials.prompt import read_prompt
from ..backend.materials.stack import BASE_COLOR, HEIGHT
from ..shared.material import FAMILIES, feature_factor
from ..shared.operations import find
from ._models import model_file, use_model
from ._report import Report, Row, begin, machine, make_parser, peak_memory, print_table, timed

PROMPTS = ("wet mossy cobblestone", "old red brick wall", "rusty metal")
"""Irregular stones, whose layout is the dearest; a regular layout; none."""
BARS = {"cpu": 1.0, "cuda": 0.030}
"""Seconds for 512 x 512 px."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How large and how often.

    Attributes:
        sides: Pixels of the whole operation; the first is that of the parts too.
        repeats: Of every time, of which the median counts.
        tile: Pixels of the materials whose seams, lattice and shifts are measured.
        compiled: Measure the compiled generator, which takes a C++ compiler and a minute.
    """

    sides: tuple[int, ...] = (512,)
    repeats: int = 7
    tile: int = 256
    compiled: bool = True


LARGE, TINY = Plan((512, 1024, 2048)), Plan((64,), 1, 64, False)


def generate(prompt: str, side: int, model: str, device: torch.device, seed: int) -> dict[str, Any]:
    """The whole operation, as a worker runs it."""
    parameters = find("texture.generate").check_parameters({"prompt": prompt, "size": [side, side], "model": model})
    return run({}, parameters, Context(device, seed))


def median_time(call: Callable[[int], object], device: torch.device, repeats: int) -> tuple[float, float]:
    """Median wall and processor seconds of ``call(number)``, after one call that does not count."""
    call(0)
    times = [timed(partial(call, number), device)[1:] for number in range(1, repeats + 1)]
    return statistics.median(t[0] for t in times), statistics.median(t[1] for t in times)


def operation(model: str, device: torch.device, plan: Plan) -> list[Row]:
    """The whole operation by prompt and size; sizes rise, because the peak of memory only ever does."""
    rows: list[Row] = []
    for side in plan.sides:
        for prompt in PROMPTS if side == plan.sides[0] else PROMPTS[:1]:
            call = partial(generate, prompt, side, model, device)
            first = timed(partial(call, 0), device)[1]
            wall, cpu = median_time(call, device, plan.repeats if side < 2048 else 3)
            bar = BARS[device.type] * (side / 512) ** 2
            rows.append(
                {
                    "prompt": prompt, "px": side, "first s": first, "wall s": wall, "cpu s": cpu, "of bar": wall / bar,
                    "Mpx/s": side**2 / 1e6 / wall, "peak MB": peak_memory(),
                }
            )  # fmt: skip
            if device.type == "cuda":
                rows[-1]["peak GPU MB"] = torch.cuda.max_memory_allocated(device) / 2**20
    return rows


def parts(model: MaterialModel, device: torch.device, plan: Plan) -> list[Row]:
    """What the operation consists of."""
    side, prompt = plan.sides[0], PROMPTS[0]
    made = produce(model, Request((side, side), prompt), 1)
    height, depth_px = made.stack[HEIGHT], made.depth_m / (made.width_m / side)
    attributes = made.brief.attributes

    def draw(seed: int) -> torch.Generator:
        return torch.Generator().manual_seed(seed)

    def layout(name: str) -> Callable[[int], Any]:
        factor = feature_factor(attributes.scale)
        return lambda seed: make_layout(name, (side, side), factor, attributes.irregularity, draw(seed))

    cobble, latent = layout("cobble")(1), made.brief.latent.to(device)
    pattern = patterns.encode(cobble.mask[None], cobble.cells[None], draw(1))
    seeds = make_seeds(1, (side, side), draw(1), pattern, device)
    style = model.generator.style(attributes.vector()[None].to(device), latent)
    calls: dict[str, Callable[[int], Any]] = {
        "prompt read": lambda _: read_prompt(prompt),
        "brief": lambda seed: make_brief(model, describe(model, prompt, None), {}, draw(seed)),
        "layout: cobble": layout("cobble"),
        "layout: running bond": layout("running_bond"),
        "noise": lambda seed: make_seeds(1, (side, side), draw(seed), pattern, device),
        "generator": lambda _: generate_tiled(model.generator, style, seeds),
        "normals": lambda _: normal_from_height(height, depth_px),
        "ambient occlusion": lambda _: ambient_occlusion(height, depth_px),
        "six maps, as images": lambda _: maps_of(made, "opengl"),
    }
    rows = []
    with torch.inference_mode():
        for name, call in calls.items():
            wall, cpu = median_time(call, device, plan.repeats)
            rows.append({f"part, {side} px": name, "wall ms": 1e3 * wall, "cpu ms": 1e3 * cpu})
    return rows


def execution(model: MaterialModel, device: torch.device, plan: Plan) -> list[Row]:
    """The generator in float32, in bfloat16 and compiled: the first call, those after it, and how far the maps differ."""
    request, rows, plainly = Request((plan.sides[0], plan.sides[0]), PROMPTS[2]), list[Row](), 0.0
    plain = produce(model, request, 1).stack
    ways = [("float32", model, False), ("bfloat16", model, True)]
    if plan.compiled:
        faster = copy.copy(model.generator)
        faster.forward = torch.compile(model.generator.forward, dynamic=False)  # type: ignore[method-assign]
        ways.append(("float32, compiled", dataclasses.replace(model, generator=faster), False))
    for name, way, half in ways:
        call = partial(produce, way, request, half=half)
        first = timed(partial(call, 0), device)[1]
        wall, cpu = median_time(call, device, plan.repeats)
        plainly = plainly or wall
        difference = (produce(way, request, 1, half=half).stack - plain).abs()
        rows.append(
            {
                "generator": name, "first s": first, "wall s": wall, "cpu s": cpu, "gain": plainly / wall,
                "mean diff": float(difference.mean()), "max diff": float(difference.max()),
            }
        )  # fmt: skip
    return rows


def seams(model: MaterialModel, count: int, side: int) -> list[Row]:
    """Percentiles of the wrap line, for every map as it is saved, over materials of all families."""
    found: dict[str, dict[str, list[float]]] = {}
    names = list(FAMILIES)
    for number in range(count):
        family = names[number % len(names)]
        made = produce(model, Request((side, side), FAMILIES[family].label.lower()), 1000 + number)
        for name, image in maps_of(made, "opengl").items():
            for channel in range(image.pixels.shape[2]):
                plane = image.pixels[..., channel].astype(np.float64)
                if np.ptp(plane) == 0:
                    continue  # a map that is one value all over has no lines
                for kind, value in seam_percentiles(plane).items():
                    found.setdefault(name, {}).setdefault(kind, []).append(value)
    rows = []
    for name, kinds in found.items():
        for kind, values in kinds.items():
            inside = sum(5 <= v <= 95 for v in values) / len(values)
            spread = np.percentile(values, (5, 50, 95))
            rows.append(
                {
                    "map": name, "axis": kind[0], "difference": "second" if kind.endswith("2") else "first", "lines": len(values),
                    "p5": spread[0], "median": spread[1], "p95": spread[2], "within 5-95": inside,
                }
            )  # fmt: skip
    return rows


def lattice(model: MaterialModel, count: int, side: int) -> list[Row]:
    """Whether the doublings of the generator show: mean step between pixels by position in the 8 px cell, against the mean."""
    steps: dict[str, list[np.ndarray]] = {}
    for number in range(count):
        family = list(FAMILIES)[number % len(FAMILIES)]
        stack = produce(model, Request((side, side), FAMILIES[family].label.lower()), 2000 + number).stack.cpu().numpy()
        for name, plane in (("base_color", stack[BASE_COLOR].mean(0)), ("height", stack[HEIGHT])):
            for axis in (0, 1):
                lines = np.abs(plane - np.roll(plane, 1, axis)).mean(1 - axis)
                steps.setdefault(name, []).append(lines.reshape(-1, STRIDE).mean(0) / lines.mean())
    return [
        {"step within the cell of": name, **{str(i): v for i, v in enumerate(np.mean(found, 0).tolist())}} for name, found in steps.items()
    ]


def equivariance(model: MaterialModel, count: int, side: int, device: torch.device) -> list[Row]:
    """The largest difference that a cyclic shift of noise and layout leaves when it is undone, over materials with and without layout."""
    rows = []
    for prompt, name in (("cobblestone", "cobble"), ("brick", "running_bond"), ("rust", "none"), ("marble", "none")):
        worst, typical = 0.0, []
        for seed in range(max(2, count // 8)):
            draw = torch.Generator().manual_seed(seed)
            brief = make_brief(model, describe(model, prompt, None), {}, draw)
            pattern = None
            if name != "none":
                made = make_layout(name, (side, side), feature_factor(brief.attributes.scale), brief.attributes.irregularity, draw)
                pattern = patterns.encode(made.mask[None], made.cells[None], draw)
            seeds = make_seeds(1, (side, side), draw, pattern, device)
            style = model.generator.style(brief.attributes.vector()[None].to(device), brief.latent.to(device))
            shift = [COARSEST * int(v) for v in torch.randint(1, side // COARSEST, (2,), generator=draw)]
            whole, moved = generate_tiled(model.generator, style, seeds), generate_tiled(model.generator, style, seeds.roll(*shift))
            difference = (moved - torch.roll(whole, shift, (1, 2))).abs()
            worst = max(worst, float(difference.max()))
            typical.append(float(difference.mean()))
        rows.append(
            {"shifted": prompt, "layout": name, "materials": len(typical), "max diff": worst, "mean diff": statistics.mean(typical)}
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the six tables."""
    parser = make_parser(__file__, __doc__, threads=2, device=True)
    parser.add_argument("--model", default="materials", help="a name, as in: backlot models list; or a file")
    parser.add_argument("--count", type=int, default=78, help="materials whose seams are measured")
    parser.add_argument("--large", action="store_true", help="1024 and 2048 px as well")
    options, report = begin(parser, arguments)
    plan = TINY if options.tiny else LARGE if options.large else Plan()
    count = 2 if options.tiny else options.count
    with tempfile.TemporaryDirectory(prefix="backlot-bench-") as state:
        name = use_model(model_file(options.model), Path(state))
        measure(name, material_model(name, report.device), count, plan, report)


def measure(name: str, model: MaterialModel, count: int, plan: Plan, report: Report) -> None:
    """Print and save the tables of a model; ``name`` is that by which the operation finds it."""
    device = report.device
    print(machine(device))
    tables = {"operation": operation(name, device, plan)}
    print_table(tables["operation"])
    calls: dict[str, Callable[[], list[Row]]] = {
        "parts": lambda: parts(model, device, plan),
        "execution": lambda: execution(model, device, plan),
        "seams": lambda: seams(model, count, plan.tile),
        "lattice": lambda: lattice(model, max(1, count // 2), plan.tile),
        "equivariance": lambda: equivariance(model, count, plan.tile, device),
    }
    for title, call in calls.items():
        with torch.inference_mode():
            tables[title] = call()
        print()
        print_table(tables[title])
    report.save_rows(f"materials_{device.type}", [{"table": title, **row} for title, table in tables.items() for row in table])


if __name__ == "__main__":
    main()

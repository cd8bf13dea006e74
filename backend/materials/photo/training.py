"""Training of the estimator: procedural materials, photographed anew in every step.

    python -m backlot.backend.materials.photo.training --minutes 28 --data /tmp/photo_maps --out benchmarks/results/photo_maps

writes ``photo_maps.safetensors``, ``log.csv`` and ``metrics.json``. Losses: L1 on base colour, roughness, metallic and height, the
difference of normals at four scales, and the difference of renders under random lights.
"""

from __future__ import annotations

import argparse
import copy
import csv
import dataclasses
import datetime
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ...core.devices import halves_pay
from ...io.models.cards import ModelCard
from ...io.models.registry import save_model
from .. import maps
from .camera import Dice, photograph, random_lights
from .estimate import load_network
from .materials import FIRST_HELD_OUT_SEED, FIRST_TRAINING_SEED, Materials, draw, make_materials
from .network import ARCHITECTURE, MapNetwork
from .shading import Surface, encode_srgb, render_lit, rerender_error

MARGIN = 8
"""Pixels at each border of a crop that do not count: there the network guesses what is beyond, and so do the renders."""

LICENCE = "GPL-3.0-or-later"

WEIGHTS = {"base": 2.0, "roughness": 0.5, "metallic": 0.5, "height": 0.2, "normal": 4.0, "render": 2.0}


def losses(estimate: Surface, truth: Surface, generator: torch.Generator) -> dict[str, Tensor]:
    """Parts of the loss, each a number of the order of 0.1."""
    batch = len(truth.height)
    centred = [s.height - s.height.mean((1, 2), keepdim=True) for s in (estimate, truth)]
    spread = centred[1].std((1, 2), keepdim=True) + 0.5
    parts = {
        "base": (estimate.base_color - truth.base_color).abs().mean(),
        "roughness": (estimate.roughness - truth.roughness).abs().mean(),
        "metallic": (estimate.metallic - truth.metallic).abs().mean(),
        "height": ((centred[0] - centred[1]).abs() / spread).mean(),
        "normal": estimate.height.new_zeros(()),
        "render": estimate.height.new_zeros(()),
    }
    for scale in (1, 2, 4, 8):
        normals = [maps.encode_normal(*maps.slopes(F.avg_pool2d(h, scale) / scale, tile=False)) for h in centred]
        parts["normal"] = parts["normal"] + (normals[0] - normals[1]).abs().mean()
    for _ in range(2):
        direction, sun = random_lights(Dice(batch, generator)), torch.ones(batch, 3)
        pictures = [encode_srgb(render_lit(s, direction, sun, tile=False).clamp_min(1e-4)) for s in (estimate, truth)]
        parts["render"] = parts["render"] + (pictures[0] - pictures[1]).abs().mean()
    return parts


@dataclasses.dataclass
class Recipe:
    """Everything that shapes a training run, besides the data.

    Attributes:
        minutes: Wall time.
        batch: Photographs in a step.
        crop: Their side in pixels, a multiple of the network's stride.
        rate: Peak learning rate of AdamW; it falls along a cosine to 1 %.
        average: Decay of the moving average of the weights, which is what is kept.
        seed: Of weights, crops, lights and cameras.
    """

    minutes: float = 28.0
    batch: int = 6
    crop: int = 128
    rate: float = 1.2e-3
    average: float = 0.998
    seed: int = 0


def train(
    training: Materials,
    held_out: Materials,
    recipe: Recipe,
    log: Path,
    keep: Callable[[MapNetwork], None] = lambda now: None,
    start: MapNetwork | None = None,
) -> MapNetwork:
    """Trains and gives the averaged network.

    Args:
        training: Materials to learn from.
        held_out: Of these, some are measured every few minutes.
        recipe: Settings.
        log: CSV of losses, a row for each 100 steps.
        keep: Called with the averaged network so far, each time it was measured.
        start: Trained before, to go on from; None for a new one.
    """
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    network = (start or MapNetwork()).requires_grad_(True).train().channels_last()
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, (0.9, 0.98), weight_decay=1e-3)
    step, sums, started, measured = 0, dict.fromkeys(WEIGHTS, 0.0), time.monotonic(), 0.0
    with log.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "seconds", *WEIGHTS, "held-out re-render error"])
        file.flush()
        while (done := (time.monotonic() - started) / (60 * recipe.minutes)) < 1:
            warm = min(1.0, step / 200)
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate * warm * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
            parts = _step(network, training, recipe, generator, optimizer)
            with torch.no_grad():
                decay = min(recipe.average, (step + 1) / (step + 10))
                for kept, now in zip(average.parameters(), network.parameters(), strict=True):
                    kept.lerp_(now, 1 - decay)
            sums = {name: sums[name] + parts[name] for name in sums}
            step += 1
            if step % 100 == 0:
                row = [step, round(time.monotonic() - started), *(f"{total / 100:.4f}" for total in sums.values())]
                if done - measured > 0.2 or step == 500:
                    measured = done
                    row.append(f"{validate(average, held_out, 10):.4f}")
                    keep(average)
                writer.writerow(row)
                file.flush()
                sums = dict.fromkeys(WEIGHTS, 0.0)
    return average


def _step(
    network: MapNetwork, training: Materials, recipe: Recipe, generator: torch.Generator, optimizer: torch.optim.Optimizer
) -> dict[str, float]:
    with torch.no_grad():
        truth = draw(training, recipe.batch, recipe.crop, generator)
        photo = photograph(truth, generator, tile=False).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=halves_pay(torch.device("cpu"))):
        estimate = network(photo)
    parts = losses(estimate.crop(MARGIN), truth.crop(MARGIN), generator)
    loss = sum(WEIGHTS[name] * part for name, part in parts.items())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[union-attr]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return {name: float(part.detach()) for name, part in parts.items()}


@torch.no_grad()
def validate(network: MapNetwork, held_out: Materials, count: int = 26) -> float:
    """Mean re-render error under nine lights on photographs of the first ``count`` held-out materials."""
    indices = list(range(min(count, len(held_out))))
    truth = held_out.surface(indices)
    photo = photograph(truth, torch.Generator().manual_seed(1))
    errors = []
    for number in indices:
        estimate = network(photo[number : number + 1])
        wanted = Surface(*(getattr(truth, f.name)[number : number + 1] for f in dataclasses.fields(truth)))
        errors.append(rerender_error(estimate, wanted))
    return float(torch.cat(errors).mean())


def materials_at(path: Path, first_seed: int, count: int) -> Materials:
    """The materials in a file, made first if it is not there."""
    if not path.exists():
        make_materials(first_seed, count).save(path)
    return Materials.load(path)


def main() -> None:
    """The command in this module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=Recipe.minutes)
    parser.add_argument("--materials", type=int, default=624)
    parser.add_argument("--data", type=Path, required=True, help="folder for the materials, made when it is empty")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    training = materials_at(arguments.data / "training.safetensors", FIRST_TRAINING_SEED, arguments.materials)
    held_out = materials_at(arguments.data / "held_out.safetensors", FIRST_HELD_OUT_SEED, 104)
    recipe = Recipe(minutes=arguments.minutes)

    def keep(network: MapNetwork, **metrics: float) -> None:
        data = {
            "description": "procedural materials of this project, photographed at random",
            "materials": len(training),
            "licence": LICENCE,
        }
        command = f"python -m {__spec__.name} {' '.join(sys.argv[1:])}"
        created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        config = dataclasses.asdict(network.config)
        card = ModelCard(ARCHITECTURE, config, "Maps from one photograph", LICENCE, data, command, created, metrics=metrics)
        weights = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
        save_model(arguments.out / "photo_maps.safetensors", weights, card)

    network = train(training, held_out, recipe, arguments.out / "log.csv", keep, load_network(arguments.start) if arguments.start else None)
    metrics = {"re-render error under 9 lights": validate(network, held_out)}
    (arguments.out / "metrics.json").write_text(json.dumps({"recipe": dataclasses.asdict(recipe), **metrics}, indent=1) + "\n")
    keep(network, **metrics)


if __name__ == "__main__":
    main()

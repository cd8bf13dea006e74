"""All library measures of one model at once.

Distances mean little alone, so each stands next to the same between two sets of real materials: that is the noise floor.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch

from ....shared.errors import InputError
from ..attributes import NUMBERS
from ..data.dataset import Dataset
from ..data.measure import MEASURED, measure
from ..stack import CHANNELS
from .distances import NEIGHBOURS, energy_distance, kernel_distance, manifold
from .features import NETWORKS, Extractor, RandomNetwork, extract, standardise
from .memorisation import Memory, memory
from .regressor import r_precision, train_regressor
from .seam import seam_percentiles

LEAST = 3 * NEIGHBOURS
"""Fewest materials on each side: below, the neighbourhoods say nothing."""
TARGETS = {"precision": 0.8, "coverage": 0.8, "r_precision": 0.8}
SEAM_RANGE = (5.0, 95.0)
"""Percentiles of the interior lines between which a wrap line cannot be distinguished from them."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Measures of one model.

    Attributes:
        figures: What goes into the JSON file.
        found: Nearest training materials, for the sheet of pictures.
    """

    figures: dict[str, Any]
    found: Memory


def evaluate(
    made: torch.Tensor,
    asked: torch.Tensor,
    held_out: Dataset,
    training: Dataset,
    *,
    seconds: float = 120.0,
    steps: int = 3000,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Evaluation:
    """Measures generated materials against real ones.

    Args:
        made: ``(M, 6, S, S)`` uint8, generated; S as in the datasets.
        asked: ``(M, V)`` attribute vectors they were generated from.
        held_out: Real materials that were not trained on.
        training: Real materials that were.
        seconds: Time for the attribute reader's training.
        steps: Most steps of it.
        seed: Of every choice.
        progress: Called with a fraction and what is being done.

    Raises:
        InputError: Too few materials.
    """
    for what, count in (("generated", len(made)), ("held-out", len(held_out)), ("training", len(training))):
        if count < LEAST:
            raise InputError(expected=f"at least {LEAST} {what} materials to measure with", got=str(count))
    say = progress or (lambda fraction, what: None)
    say(0.0, "reading of attributes")
    reader = train_regressor(training, seconds, steps, seed)
    say(0.5, "features")
    generator = torch.Generator().manual_seed(seed)
    disjoint = training.stacks[torch.randperm(len(training), generator=generator)[: len(made)]]
    networks: list[Extractor] = [RandomNetwork(seed + number) for number in range(NETWORKS)]
    figures: dict[str, Any] = {
        "counts": {"made": len(made), "held_out": len(held_out), "training": len(training), "side": int(made.shape[-1])},
        "random_networks": _compare(made, disjoint, held_out.stacks, networks),
        "own_encoder": _compare(made, disjoint, held_out.stacks, [reader.features]),
    }
    say(0.7, "nearest training materials")
    found = memory(made, training.stacks, held_out.stacks)
    figures["memory"] = {
        "distance_ratio": found.distance_ratio,
        "copies": {"made": found.copies, "real": found.copies_real},
        "correlation_median": float(found.correlation.median()),
        "correlation_highest": float(found.correlation.max()),
    }
    say(0.85, "descriptions")
    others = torch.cat([held_out.attributes, training.attributes])
    figures["r_precision"] = {
        "made": r_precision(reader, made, asked, others, seed),
        "real": r_precision(reader, held_out.stacks, held_out.attributes, others, seed),
    }
    figures["asked_and_measured"] = _obedience(made, asked)
    say(0.95, "seams")
    figures["seams"] = seams(made)
    say(1.0, "")
    return Evaluation(figures, found)


def seams(stacks: torch.Tensor) -> dict[str, float]:
    """Share of the wrap lines of all stacks that lie within ``SEAM_RANGE``, for each map; 0.9 is what interior lines have."""
    values = stacks.float().numpy()
    low, high = SEAM_RANGE
    shares = {}
    for channel, name in enumerate(CHANNELS):
        percentiles = [p for stack in values for p in seam_percentiles(stack[channel]).values()]
        shares[name] = sum(low <= p <= high for p in percentiles) / len(percentiles)
    return shares


def rows(figures: dict[str, Any]) -> list[list[str]]:
    """The table for people: measure, generated, real against real, target."""
    lines = []
    for key, label in (("random_networks", "random networks"), ("own_encoder", "own encoder")):
        group = figures[key]
        lines.append([f"KID x 1000, {label}", f"{1000 * group['kid']['made']:.1f}", f"{1000 * group['kid']['real']:.1f}", ""])
        lines.append([f"energy distance over real's, {label}", f"{group['energy_ratio']:.2f}", "1", ""])
        for name in ("precision", "recall", "density", "coverage"):
            target = f">= {TARGETS[name]}" if name in TARGETS else ""
            lines.append([f"{name}, {label}", f"{group[name]['made']:.2f}", f"{group[name]['real']:.2f}", target])
    r = figures["r_precision"]
    lines.append(["R-precision@100", f"{r['made']:.2f}", f"{r['real']:.2f}", f">= {TARGETS['r_precision']}"])
    for name, error in figures["asked_and_measured"].items():
        lines.append([f"asked and measured {name}, mean error", f"{error:.3f}", "", ""])
    near = figures["memory"]
    lines.append(["distance to training over real's", f"{near['distance_ratio']:.2f}", "1", ""])
    lines.append(["resembles one training material, share", f"{near['copies']['made']:.3f}", f"{near['copies']['real']:.3f}", ""])
    lines.append(["highest aligned correlation", f"{near['correlation_highest']:.2f}", "", ""])
    for name, share in figures["seams"].items():
        lines.append([f"wrap lines like interior ones, {name}", f"{share:.2f}", "0.90", ""])
    return lines


def _compare(made: torch.Tensor, disjoint: torch.Tensor, held_out: torch.Tensor, networks: list[Extractor]) -> dict[str, Any]:
    """Means over the networks of every distance, generated and real, to the held-out materials."""
    kid: dict[str, list[float]] = {"made": [], "real": []}
    energy: dict[str, list[float]] = {"made": [], "real": []}
    parts: dict[str, dict[str, list[float]]] = {n: {"made": [], "real": []} for n in ("precision", "recall", "density", "coverage")}
    for network in networks:
        reference, ours, theirs = standardise(*(extract(s, network) for s in (held_out, made, disjoint)))
        for who, features in (("made", ours), ("real", theirs)):
            kid[who].append(kernel_distance(reference, features))
            energy[who].append(energy_distance(reference, features))
            for name, value in dataclasses.asdict(manifold(reference, features)).items():
                parts[name][who].append(value)
    spread = float(torch.tensor(kid["made"]).std(correction=0))
    return {
        "kid": {"made": _mean(kid["made"]), "real": _mean(kid["real"]), "made_spread": spread},
        "energy_ratio": _mean(energy["made"]) / max(_mean(energy["real"]), 1e-12),
        **{name: {who: _mean(values) for who, values in both.items()} for name, both in parts.items()},
    }


def _obedience(made: torch.Tensor, asked: torch.Tensor) -> dict[str, float]:
    """Mean absolute difference between the attributes that pixels show and those that were asked for."""
    shown = {name: torch.cat([measure(part)[name] for part in made.split(16)]) for name in MEASURED}
    errors = {}
    start = asked.shape[1] - len(NUMBERS) - 6
    for number, name in enumerate(("color", "gap_color")):
        errors[name] = float((shown[name] - asked[:, start + 3 * number : start + 3 * number + 3]).abs().mean())
    for number, name in enumerate(NUMBERS):
        if name in shown:
            errors[name] = float((shown[name] - asked[:, start + 6 + number]).abs().mean())
    return errors


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)

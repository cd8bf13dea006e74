"""The whole state of a training on disk, so that it goes on where it was: networks, averages, optimisers, random numbers, time spent."""

from __future__ import annotations

import dataclasses
import json
from operator import attrgetter
from pathlib import Path

import torch
from safetensors.torch import save_file

from ...io.atomic import in_one_step
from ...io.tensor_file import tensor_file
from ..generator.networks import Config
from .training import Options, Trainer

FORMAT = "backlot-training-2"
_NETWORKS = ("generator", "critic", "encoder", "inverter", "mean_generator", "mean_encoder", "prior.critic")
_OPTIMISERS = {
    "making": "generator_optimiser",
    "judging": "discriminator_optimiser",
    "prior.making": "prior.generator_optimiser",
    "prior.judging": "prior.discriminator_optimiser",
}
"""Name in the file -> attribute of the trainer. The file's names are older."""
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def save_checkpoint(path: Path, trainer: Trainer) -> Path:
    """Writes the state in one step: a crash while writing leaves the one before.

    Raises:
        StorageError: No room, or no right to write.
    """
    tensors: dict[str, torch.Tensor] = {"random": trainer.random.get_state()}
    for name in _NETWORKS:
        tensors.update({f"{name}.{k}": v.detach().cpu().contiguous() for k, v in attrgetter(name)(trainer).state_dict().items()})
    for name, attribute in _OPTIMISERS.items():
        for number, state in attrgetter(attribute)(trainer).adam.state_dict()["state"].items():
            tensors.update({f"{name}.{number}.{k}": state[k].detach().cpu().contiguous().clone() for k in _MOMENTS})
    said = {
        "format": FORMAT,
        "config": json.dumps(dataclasses.asdict(trainer.config)),
        "options": json.dumps(dataclasses.asdict(trainer.options)),
        "state": json.dumps({"step_number": trainer.step_number, "spent": trainer.spent, "skipped": trainer.skipped}),
        "prior": json.dumps({"step_number": trainer.prior.step_number}),
        "usual": json.dumps({name: attrgetter(attribute)(trainer).usual for name, attribute in _OPTIMISERS.items()}),
    }
    with in_one_step(path) as temporary:
        save_file(tensors, temporary, metadata=said)
    return path


def load_checkpoint(path: Path, device: torch.device, options: Options | None = None) -> Trainer:
    """A trainer in the state that a checkpoint holds.

    Args:
        path: The file.
        device: Where to train on.
        options: Instead of those in the file; time and steps already spent count.

    Raises:
        InputError: Missing, damaged, or not a checkpoint of this version.
    """
    expected, fix = f"a training checkpoint at {path}", "Start again without --resume"
    with tensor_file(path, FORMAT, expected, fix) as (tensors, said):
        config = Config.from_json(json.loads(said["config"]))
        trainer = Trainer(config, options or Options(**json.loads(said["options"])), device)
        for name in _NETWORKS:
            attrgetter(name)(trainer).load_state_dict(_under(tensors, name))
        usual = json.loads(said["usual"])
        for name, attribute in _OPTIMISERS.items():
            optimiser = attrgetter(attribute)(trainer)
            _load_optimiser(optimiser.adam, _under(tensors, name))
            optimiser.usual = usual[name]
        trainer.random.set_state(tensors["random"])
        for target, entry in ((trainer, "state"), (trainer.prior, "prior")):
            for key, value in json.loads(said[entry]).items():
                setattr(target, key, value)
    return trainer


def _under(tensors: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(name + "."): v for k, v in tensors.items() if k.startswith(name + ".")}


def _load_optimiser(optimiser: torch.optim.Optimizer, moments: dict[str, torch.Tensor]) -> None:
    state = optimiser.state_dict()
    numbers = sorted({int(key.split(".")[0]) for key in moments})
    state["state"] = {number: {k: moments[f"{number}.{k}"] for k in _MOMENTS} for number in numbers}
    optimiser.load_state_dict(state)

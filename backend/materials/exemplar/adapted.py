"""``engine="gan"`` of ``texture.synthesize``: a model adapted to one photograph, kept, and asked for textures.

The first call for a photograph trains for minutes; what it learnt is kept among the user's models under a name made from the photograph's
content, so that every further seed and size takes a moment. A training that was cancelled or killed goes on where it was.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ....shared.model_folders import models_folder
from ...io.models.registry import tensor_digest
from ..generator.arrange import arrange, read_codes
from ..generator.generate import Produced, Request, produce
from ..generator.model import MaterialModel, card_of, material_model, read_material_model, save_material_model
from ..generator.tone import find_tone
from ..training.adapt import SIDE, at_scale, continue_from, exemplar_options, prepare_exemplar
from ..training.checkpoint import load_checkpoint, save_checkpoint
from ..training.monitor import Monitor, Schedule
from ..training.training import Trainer, train

BASE = "materials"
RECIPE = "arranged codes, at the exemplar's scale"
"""Part of what names an adapted model: another way of training makes another model."""
CHECKPOINT = "checkpoint.safetensors"
REARRANGE = 150
"""Steps after which the exemplar's codes are read and arranged anew: the inverter learns too."""
ARRANGED = 4
"""Arrangements that the training draws from at a time."""
TONE_TILES = 4
"""Tiles by which the tone curves are found."""
Report = Callable[[float, str, np.ndarray | None], None]
"""Called with the fraction done, a stage and at times a picture ``(H, W, 3)`` uint8; may raise to cancel."""


@dataclasses.dataclass(frozen=True)
class Adapted:
    """A model adapted to an exemplar.

    Attributes:
        model: Ready for use.
        minutes: That its training took.
        trained_now: Whether that was just now.
    """

    model: MaterialModel
    minutes: float
    trained_now: bool


def adapted_model(stack: torch.Tensor, minutes: float, tiles: bool, device: torch.device, report: Report) -> Adapted:
    """The model for an exemplar, trained if it is not there yet, or was trained for less time.

    Args:
        stack: ``(6, H, W)`` float32 in 0..1, see ``stack.CHANNELS``.
        minutes: How long to train at most.
        tiles: Whether the exemplar tiles.
        device: Where to train.
        report: See ``Report``.

    Raises:
        InputError: The exemplar is too small or has no texture, or there is no base model.
    """
    base = material_model(BASE, device)
    name = model_name(stack, base)
    path = models_folder() / f"{name}.safetensors"
    if path.is_file():
        model = material_model(name, device)
        spent = float(model.card.metrics.get("minutes", 0.0))
        if spent >= 0.9 * minutes:
            return Adapted(model, spent, False)
    spent = _train(path, stack, base, minutes, tiles, device, report)
    return Adapted(material_model(name, device), spent, True)


def more(adapted: Adapted, size: tuple[int, int], seed: int, report: Callable[[float], None] | None = None) -> Produced:
    """A texture of any size from an adapted model."""
    return produce(adapted.model, Request(size, layout="none"), seed, report)


def model_name(stack: torch.Tensor, base: MaterialModel) -> str:
    """The name under which the model of an exemplar is kept: from its content and the base's."""
    content = hashlib.sha256((RECIPE + tensor_digest({"stack": stack.half(), **base.generator.state_dict()})).encode())
    return f"exemplar-{content.hexdigest()[:16]}"


def _train(
    path: Path, stack: torch.Tensor, base: MaterialModel, minutes: float, tiles: bool, device: torch.device, report: Report
) -> float:
    folder = path.parent / "training" / path.stem
    options = exemplar_options(minutes, int(path.stem[-8:], 16))
    report(0.0, "making variations", None)
    data = prepare_exemplar(stack, base, options.seed, tiles, report=lambda f: report(0.08 * f, "making variations", None))
    checkpoint = folder / CHECKPOINT
    trainer = load_checkpoint(checkpoint, device, options) if checkpoint.is_file() else continue_from(base, options, device)
    schedule = Schedule(check=max(5.0, 60 * minutes / 20), save=60.0)
    watch = Monitor(folder, data, schedule, lambda f, words, picture: report(0.08 + 0.9 * f, words, picture), tensorboard=False)
    small = at_scale(stack)

    def step(trainer: Trainer, losses: dict[str, float]) -> bool:
        if trainer.step_number >= options.warm and (trainer.arranged is None or trainer.step_number % REARRANGE == 0):
            trainer.arranged = _arranged(trainer, small)
        return watch(trainer, losses)

    try:
        train(data, trainer, step)
    except BaseException:
        save_checkpoint(checkpoint, trainer)  # cancelled or failed: what was learnt is kept
        raise
    finally:
        watch.finish()
    card = card_of(
        trainer.config,
        title="One photograph",
        licence="The photograph's",
        data={"description": "one exemplar and patch-made variations of it", "materials": len(data)},
        base=base.name,
        command=json.dumps(dataclasses.asdict(options)),
        metrics={"minutes": trainer.spent / 60, "steps": trainer.step_number},
    )
    codes = read_codes(trainer.inverter, small)
    plain = save_material_model(path, trainer.networks(), data.attributes[:1], card, codes=codes)
    unlike = read_material_model(plain, device)
    made = torch.stack([produce(unlike, Request((SIDE, SIDE), layout="none"), seed).stack.cpu() for seed in range(TONE_TILES)])
    save_material_model(path, trainer.networks(), data.attributes[:1], card, find_tone(made, data.stacks.float() / 255), codes)
    save_checkpoint(checkpoint, trainer)
    return trainer.spent / 60


def _arranged(trainer: Trainer, picture: torch.Tensor) -> torch.Tensor:
    codes = read_codes(trainer.inverter, picture)
    return torch.cat([arrange(codes, (SIDE, SIDE), trainer.random) for _ in range(ARRANGED)])

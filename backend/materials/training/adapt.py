"""From a model to a model: training on from a base, and adapting a base to one photograph.

One picture is a famine for a GAN. So the patch engine, which is good at fidelity and bad at novelty, first makes variations of it, all
maps together; the generator, which already knows what materials are made of, then learns from the exemplar and its variations, and gives
what the patch engine cannot: any number of seeds, any size, in a moment, and morphing.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from ....shared.errors import InputError
from ...patchmatch.texture import Options as PatchOptions
from ...patchmatch.texture import synthesize_texture
from ..attributes import FAMILY_NAMES
from ..data.dataset import Dataset, Entry, build_dataset
from ..generator.conditioning import encode_photo
from ..generator.model import MaterialModel
from ..generator.networks import Config
from ..stack import BASE_COLOR
from .training import Options, Trainer

SIDE = 256
"""Pixels of a square of training data, and to which a smaller exemplar's shorter side is enlarged."""
LARGEST = 512
"""Pixels to which a larger exemplar's shorter side is reduced: beyond, crops show too little of the arrangement."""
LEAST_SIDE = 96
"""Pixels of an exemplar's shorter side: less is hardly more than one crop."""
LEAST_CONTRAST = 0.01
"""Standard deviation of the base colour below which there is no texture to learn."""
VARIATIONS = 6
"""Patch-made variations next to the exemplar."""


def continue_from(model: MaterialModel, options: Options, device: torch.device) -> Trainer:
    """A trainer that starts with a model's weights.

    Raises:
        InputError: The model's file holds no discriminator.
    """
    if not model.training:
        raise InputError(
            expected="a model that can be trained on",
            got=f"{model.name!r}, whose file holds no discriminator",
            fix="Use a model saved by backlot train, or the one that comes with Backlot",
        )
    trainer = Trainer(Config.from_json(model.card.config), options, device)
    for name in ("generator", "encoder"):
        state = getattr(model, name).state_dict()
        for target in (getattr(trainer, name), getattr(trainer, f"mean_{name}")):
            target.load_state_dict(state)
    for name, network in (("critic", trainer.critic), ("inverter", trainer.inverter), ("prior_critic", trainer.prior.critic)):
        network.load_state_dict({k.removeprefix(name + "."): v for k, v in model.training.items() if k.startswith(name + ".")})
    return trainer


def exemplar_options(minutes: float, seed: int) -> Options:
    """Options to adapt a trained base: first reconstruction of this one in its own colours, then adversarial steps; averages follow faster.

    The encoder stays the base's: of one photograph there is nothing to tell apart.
    """
    return Options(
        minutes=minutes,
        prior=0.0,
        describe=False,
        warm=200,
        rate=7e-4,
        gamma=0.05,
        patches=2.0,
        recolor=0.0,
        turn=False,
        average=0.99,
        seed=seed,
    )


def prepare_exemplar(
    stack: torch.Tensor,
    model: MaterialModel,
    seed: int,
    tiles: bool = False,
    variations: int = 0,
    report: Callable[[float], None] | None = None,
) -> Dataset:
    """Training data from one material.

    Args:
        stack: ``(6, H, W)`` float32 in 0..1, as in ``stack.CHANNELS``.
        model: The base, whose encoder says what the exemplar is like.
        seed: Of the variations.
        tiles: Whether the exemplar tiles.
        variations: How many the patch engine makes; 0 for ``VARIATIONS``.
        report: Called with the fraction done; may raise to cancel.

    Returns:
        Squares of ``SIDE`` px: parts of the exemplar that cover it, and variations.

    Raises:
        InputError: Too small, or without texture.
    """
    height, width = stack.shape[1:]
    if min(height, width) < LEAST_SIDE:
        raise InputError(
            expected=f"an exemplar of at least {LEAST_SIDE} x {LEAST_SIDE} pixels",
            got=f"{width} x {height}",
            fix="Use a larger photograph, or the patch engine, which needs only 16",
        )
    if float(stack[BASE_COLOR].std((1, 2)).max()) < LEAST_CONTRAST:
        raise InputError(
            expected="an exemplar with texture", got="one nearly even colour", fix="Use a photograph that shows the material's detail"
        )
    small = at_scale(stack)
    vector = encode_photo(model, small[BASE_COLOR]).attributes.vector()
    vector[: len(FAMILY_NAMES)] = F.one_hot(vector[: len(FAMILY_NAMES)].argmax(), len(FAMILY_NAMES)).float()
    squares = _cover(small.cpu())
    whole = tiles and len(squares) == 1
    entries = [Entry(f"exemplar {n}", s, vector, tiles=whole) for n, s in enumerate(squares)]
    random, variations = torch.Generator().manual_seed(seed), variations or VARIATIONS
    for number in range(variations):
        if report is not None:
            report(number / variations)
        made = synthesize_texture(small, (SIDE, SIDE), (True, True), PatchOptions(), random)
        entries.append(Entry(f"variation {number}", made.pixels.clamp(0, 1).cpu(), vector))
    return build_dataset(entries, {"source": "one exemplar", "variations": variations})


def scale_of(size: tuple[int, int]) -> float:
    """By how much an exemplar of a height and width is enlarged before it is learnt: 1 between ``SIDE`` and ``LARGEST``."""
    shorter = min(size)
    return min(max(shorter, SIDE), LARGEST) / shorter


def at_scale(stack: torch.Tensor) -> torch.Tensor:
    """An exemplar ``(C, H, W)`` with its shorter side brought to ``SIDE`` to ``LARGEST``."""
    height, width = stack.shape[1:]
    scale = scale_of((height, width))
    size = [round(side * scale) for side in (height, width)]
    return F.interpolate(stack[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0].clamp(0, 1)


def _cover(picture: torch.Tensor) -> list[torch.Tensor]:
    """Overlapping squares of ``SIDE`` that cover a picture."""
    rows, columns = (_places(side) for side in picture.shape[1:])
    return [picture[:, y : y + SIDE, x : x + SIDE] for y in rows for x in columns]


def _places(side: int) -> list[int]:
    count = max(1, round(side / SIDE * 2 - 1))
    return [round(p) for p in torch.linspace(0, side - SIDE, count).tolist()]

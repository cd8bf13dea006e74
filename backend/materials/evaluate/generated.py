"""Materials from a model to be measured: as many as asked for, described as held-out ones are."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ....shared.errors import InputError
from ..data.dataset import Dataset, to_bytes
from ..generator.model import MaterialModel
from ..generator.noise import make_seeds
from ..generator.patterns import PATTERN_CHANNELS, encode
from ..generator.tiled import canvas_of, fit, generate_tiled


def make_materials(
    model: MaterialModel,
    described: Dataset,
    count: int,
    seed: int = 0,
    layouts: bool = True,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Generates materials from the descriptions of real ones, each with a latent and noise of its own.

    Args:
        model: Ready for use.
        described: Materials whose attributes (in order, again from the start if there are fewer) are asked for.
        count: How many to make.
        seed: Of latents and noise.
        layouts: Whether the joint layout of the described material is given too, as when an artist chooses one.
        progress: Called with a fraction and what is being done.

    Returns:
        ``(count, 6, S, S)`` uint8 on the CPU, and the attributes ``(count, V)`` that were asked for.

    Raises:
        InputError: The model knows other attributes than the dataset has.
    """
    if model.generator.config.attributes != described.attributes.shape[1]:
        got = f"{model.generator.config.attributes} in the model, {described.attributes.shape[1]} in the dataset"
        raise InputError(expected="a model and a dataset with the same attributes", got=got, fix="Use a model trained with this version")
    random = torch.Generator().manual_seed(seed)
    size = (described.size, described.size)
    canvas = canvas_of(size)
    made = []
    rows = torch.arange(count) % len(described)
    for number, row in enumerate(rows.tolist()):
        if progress:
            progress(number / count, "generating")
        pattern = torch.zeros(1, PATTERN_CHANNELS, *canvas)
        if (
            layouts
            and canvas == size
            and bool(described.has_pattern[row])
            and described.patterns is not None
            and described.cells is not None
        ):
            mask = described.patterns[row].float() / 255
            pattern = encode(mask[None], described.cells[row].long().clamp_min(0)[None], random)
        seeds = make_seeds(1, canvas, random, pattern.to(model.device), model.device)
        latent = torch.randn(1, model.generator.config.latent, generator=random).to(model.device)
        with torch.inference_mode():
            style = model.generator.style(described.attributes[row][None].to(model.device), latent)
        made.append(to_bytes(fit(generate_tiled(model.generator, style, seeds), size).cpu()))
    return torch.stack(made), described.attributes[rows]

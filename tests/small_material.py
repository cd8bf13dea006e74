"""A material model of a few thousand untrained weights: what it makes is noise, the way there is real."""

from __future__ import annotations

from pathlib import Path

import torch

from backlot.backend.materials.attributes import FAMILY_NAMES, VECTOR_SIZE
from backlot.backend.materials.generator.model import card_of, save_material_model
from backlot.backend.materials.generator.networks import Config, Encoder, Generator, Inverter
from backlot.backend.materials.training.discriminators import Discriminator, PriorDiscriminator

SMALL = Config(
    latent=4, style=16, channels=(16, 16, 8, 8), critic=(16, 16, 16), encoder=(8, 8, 16, 16), prior=(8, 8, 8), prior_critic=(8, 8, 8)
)


def save_small(path: Path, each: int = 1) -> Path:
    """Writes one that can be trained on, with a library of so many materials of each family."""
    torch.manual_seed(0)
    networks = {
        "generator": Generator(SMALL),
        "encoder": Encoder(SMALL),
        "critic": Discriminator(SMALL),
        "inverter": Inverter(SMALL),
        "prior_critic": PriorDiscriminator(SMALL),
    }
    library = torch.rand(each * len(FAMILY_NAMES), VECTOR_SIZE, generator=torch.Generator().manual_seed(0))
    library[:, : len(FAMILY_NAMES)] = torch.eye(len(FAMILY_NAMES)).repeat(each, 1)
    return save_material_model(path, networks, library, card_of(SMALL, title="small", licence="CC0-1.0", data={"description": "nothing"}))

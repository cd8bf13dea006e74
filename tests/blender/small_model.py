"""Writes a material model of a few thousand untrained weights into the state folder: run by the backend's Python.

What it makes is noise; what is tested with it is the way from the panel through the backend and back.
"""

import torch

from backlot.backend.materials.generator.model import card_of, save_material_model
from backlot.backend.materials.generator.networks import Config, Encoder, Generator
from backlot.backend.materials.procedural import available, sample_attributes
from backlot.shared.model_folders import models_folder

torch.manual_seed(1)
config = Config(style=16, channels=(16, 16, 8, 8), encoder=(8, 8, 8, 8), prior=(8, 8, 8))
library = torch.stack([sample_attributes(family, seed).vector() for family in available() for seed in range(2)])
networks = {"generator": Generator(config), "encoder": Encoder(config)}
save_material_model(models_folder() / "small.safetensors", networks, library, card_of(config, title="For tests"))

"""A material model in memory: weights, what it was trained on, and how to ask it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ....shared.errors import InputError
from ...io.models.cards import ModelCard
from ...io.models.registry import find_model, load_model, save_model
from .networks import Config, Encoder, Generator

ARCHITECTURE = "material-gan-2"


@dataclasses.dataclass(frozen=True)
class MaterialModel:
    """Networks ready for use.

    Attributes:
        name: As it was asked for.
        generator: On the device, not training.
        encoder: On the device, not training.
        library: ``(N, A)`` float32, attribute vectors of the materials it was trained on.
        card: What the file says of itself.
        training: Weights of the discriminators (``critic.…``, ``prior_critic.…``) and the
            inverter (``inverter.…``), for training on; may be empty.
        tone: Curves of its maps, see ``tone.find_tone``, or None.
        codes: Of the one exemplar that it was adapted to, see ``arrange.read_codes``, or None.
    """

    name: str
    generator: Generator
    encoder: Encoder
    library: torch.Tensor
    card: ModelCard
    training: Mapping[str, torch.Tensor]
    tone: torch.Tensor | None = None
    codes: torch.Tensor | None = None

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.generator.parameters()).device


def save_material_model(
    path: Path,
    networks: Mapping[str, torch.nn.Module],
    library: torch.Tensor,
    card: ModelCard,
    tone: torch.Tensor | None = None,
    codes: torch.Tensor | None = None,
) -> Path:
    """Writes a model file, half precision.

    Args:
        path: The file.
        networks: ``generator`` and ``encoder``; with ``critic`` and ``inverter`` it can be trained on.
        library: ``(N, A)`` attribute vectors of what it was trained on.
        card: As ``card_of`` makes it.
        tone: Curves, see ``MaterialModel``.
        codes: Of an exemplar, see ``MaterialModel``.
    """
    tensors: dict[str, torch.Tensor] = {"library": library.half()}
    if tone is not None:
        tensors["tone"] = tone
    if codes is not None:
        tensors["codes"] = codes.half()
    for prefix, module in networks.items():
        tensors.update({f"{prefix}.{k}": v.half() for k, v in module.state_dict().items()})
    return save_model(path, tensors, card)


def read_material_model(path: Path, device: torch.device, name: str = "") -> MaterialModel:
    """Reads a model file.

    Raises:
        InputError: Missing, damaged, foreign, or of another architecture.
    """
    tensors, card = load_model(path, ARCHITECTURE)
    networks: dict[str, torch.nn.Module] = {}
    try:
        config = Config.from_json(card.config)
        for prefix, network in (("generator", Generator(config)), ("encoder", Encoder(config))):
            network.load_state_dict({k.removeprefix(prefix + "."): v.float() for k, v in tensors.items() if k.startswith(prefix + ".")})
            network.requires_grad_(False).eval()
            networks[prefix] = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        library = tensors["library"].float()
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        raise InputError(
            expected=f"weights of the architecture {ARCHITECTURE!r} in {path.name}",
            got=f"others ({str(error).splitlines()[0][:120]})",
            fix="The file was made by another version: train the model again, or get a newer file",
        ) from error
    training = {k: v.float() for k, v in tensors.items() if k.startswith(("critic.", "prior_critic.", "inverter."))}
    generator, encoder = networks["generator"], networks["encoder"]
    assert isinstance(generator, Generator)
    assert isinstance(encoder, Encoder)
    codes = tensors["codes"].float().to(device) if "codes" in tensors else None
    return MaterialModel(name or path.stem, generator, encoder, library, card, training, tensors.get("tone"), codes)


def material_model(name: str, device: torch.device) -> MaterialModel:
    """The model of that name, kept in memory until its file changes.

    Raises:
        InputError: No such model, or its file cannot be used.
    """
    path = find_model(name)
    state = path.stat()
    return _cached(name, str(path), state.st_mtime_ns, state.st_size, str(device))


@functools.lru_cache(maxsize=4)
def _cached(name: str, path: str, _changed: int, _size: int, device: str) -> MaterialModel:
    return read_material_model(Path(path), torch.device(device), name)


def card_of(config: Config, **said: Any) -> ModelCard:
    """A card for networks of these sizes."""
    return ModelCard(architecture=ARCHITECTURE, config=dataclasses.asdict(config), **said)

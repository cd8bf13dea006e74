"""The file of a trained shot: weights and the painted keyframes, so that a farm needs only it and the passes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ....shared.errors import InputError
from ....shared.values import EncodedFile
from .dataset import Keyframe
from .features import Statistics
from .network import Config, ShotNetwork

FORMAT = "backlot-keyframes-1"
ENTRY = "backlot"
MOST_HEADER = 1 << 20


@dataclasses.dataclass
class ShotModel:
    """A network with what it belongs to.

    Attributes:
        network: For rendering and to go on with.
        statistics: Of the shot.
        size: Height and width of the frames in pixels.
        keyframes: What was painted, by frame number.
        steps: Training steps in all.
        history: Errors over the training.
    """

    network: ShotNetwork
    statistics: Statistics
    size: tuple[int, int]
    keyframes: Mapping[int, Keyframe]
    steps: int = 0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def encode(self, name: str = "model.safetensors") -> EncodedFile:
        """As a file."""
        tensors = {f"network.{k}": v.detach().cpu().contiguous() for k, v in self.network.state_dict().items()}
        for number, key in self.keyframes.items():
            tensors[f"paint.{number}"] = torch.from_numpy(key.paint.astype(np.float16))
            tensors[f"mask.{number}"] = torch.from_numpy(np.rint(key.mask * 255).astype(np.uint8))
        said = {
            "format": FORMAT,
            "config": dataclasses.asdict(self.network.config),
            "statistics": self.statistics.to_json(),
            "size": self.size,
            "steps": self.steps,
            "history": self.history[-400:],
        }
        # One entry: safetensors writes several in any order, and the same model shall be the same bytes.
        return EncodedFile(np.frombuffer(save(tensors, {ENTRY: json.dumps(said)}), np.uint8), name)


def read_model(file: EncodedFile) -> ShotModel:
    """Reads a model file; nothing in it is executed.

    Raises:
        InputError: Damaged, of another kind or of another version.
    """
    expected = f"{file.name} to be a model of style.keyframes"
    fix = "Give the model.safetensors that an earlier run wrote"
    try:
        data = file.data.tobytes()
        length = int.from_bytes(data[:8], "little")
        if not 2 <= length <= MOST_HEADER:
            raise InputError(expected=expected, got="another kind of file", fix=fix)
        said = json.loads(json.loads(data[8 : 8 + length]).get("__metadata__", {}).get(ENTRY, "{}"))
        if said.get("format") != FORMAT:
            raise InputError(expected=expected, got=f"a file of another kind ({str(said.get('format', 'unnamed'))[:60]})", fix=fix)
        tensors = load(data)
        height, width = (int(side) for side in said["size"])
        config, statistics = Config.from_json(said["config"]), Statistics.from_json(said["statistics"])
        if max(config.transfer, *config.widths) > 1024:
            raise InputError(expected=expected, got="a network of absurd size", fix=fix)
        network = ShotNetwork(config)
        network.load_state_dict({k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")})
        keyframes = {}
        for name, tensor in tensors.items():
            if name.startswith("paint."):
                number = int(name.removeprefix("paint."))
                paint, mask = tensor.float().numpy(), tensors[f"mask.{number}"].numpy().astype(np.float32) / 255
                if paint.shape != (height, width, 3) or mask.shape != (height, width):
                    raise InputError(expected=expected, got="keyframes of another size than it says", fix=fix)
                keyframes[number] = Keyframe(number, paint, mask)
        return ShotModel(network, statistics, (height, width), keyframes, int(said["steps"]), list(said["history"]))
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise InputError(
            expected=expected, got=f"a damaged file ({str(error).splitlines()[0][:120] if str(error) else error!r})", fix=fix
        ) from error

"""The network on photographs of any size: in pieces that overlap, on a torus where the photograph tiles."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ....shared.errors import InputError
from ...io.models.registry import SHIPPED, load_model
from .network import ARCHITECTURE, STRIDE, MapConfig, MapNetwork
from .shading import Surface

PIECE = 512
"""Side of what is estimated at once, in pixels, without its margin: about 300 MB of memory."""

MARGIN, RAMP = 64, 32
"""Pixels of photograph around a piece, and over how many of them it fades into the next; the outermost ``MARGIN - RAMP`` are cut off."""

WEIGHTS = SHIPPED / "photo_maps.safetensors"


@functools.lru_cache(maxsize=2)
def load_network(path: Path = WEIGHTS) -> MapNetwork:
    """The trained network, for inference on the CPU.

    Raises:
        InputError: The file is missing, damaged or of another architecture.
    """
    tensors, card = load_model(path, ARCHITECTURE)
    try:
        network = MapNetwork(MapConfig(tuple(card.config["widths"]), int(card.config["blocks"])))
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        msg = f"{path.name} does not fit the network that its card describes"
        raise InputError(msg, fix="Install Backlot again") from error
    return network.eval().requires_grad_(False).channels_last()


@torch.no_grad()
def estimate(
    network: MapNetwork, photo: Tensor, tile: bool = False, report: Callable[[float], None] = lambda done: None, piece: int = PIECE
) -> Surface:
    """Maps of a photograph.

    Args:
        network: On the photograph's device.
        photo: ``(3, H, W)`` sRGB 0..1, any size.
        tile: Whether it tiles; then the maps do so too.
        report: Called after each piece with the share done.
        piece: Side of a piece, a multiple of ``STRIDE``.

    Returns:
        A batch of one, of the same size.
    """
    height, width = photo.shape[1:]
    rows, columns = _spans(height, tile, piece), _spans(width, tile, piece)
    total, weight = photo.new_zeros(6, height, width), photo.new_zeros(height, width)
    for number, (y, x) in enumerate((y, x) for y in rows for x in columns):
        part = photo.index_select(1, y[0].to(photo.device)).index_select(2, x[0].to(photo.device))
        maps = network(part[None].contiguous(memory_format=torch.channels_last))
        fade = (y[1][:, None] * x[1][None]).to(photo.device)
        stack = torch.cat([maps.base_color[0], maps.height, maps.roughness, maps.metallic]) * fade
        # On a small torus a piece reaches round and meets itself, so pixels are added up, not set.
        band = photo.new_zeros(6, height, len(x[0])).index_add_(1, y[0].to(photo.device), stack)
        total.index_add_(2, x[0].to(photo.device), band)
        band = photo.new_zeros(height, len(x[0])).index_add_(0, y[0].to(photo.device), fade)
        weight.index_add_(1, x[0].to(photo.device), band)
        report((number + 1) / (len(rows) * len(columns)))
    total /= weight
    return Surface(total[None, :3], total[None, 3], total[None, 4], total[None, 5])


def _spans(length: int, tile: bool, piece: int) -> list[tuple[Tensor, Tensor]]:
    """Pixels that each piece looks at along one axis, and how much each counts: two ``(n,)``, n a multiple of ``STRIDE``.

    Pieces begin at multiples of ``STRIDE``, where the network gives the same whichever piece it sees.
    """
    if not tile and length <= piece + 2 * MARGIN:
        index = torch.arange(math.ceil(length / STRIDE) * STRIDE)
        return [(index.clamp_max(length - 1), (index < length).float())]
    count = math.ceil(length / piece)
    core = math.ceil(length / count / STRIDE) * STRIDE
    spans = []
    for start in range(0, length, core):
        index = torch.arange(start - MARGIN, start + core + MARGIN)
        ramp = ((torch.arange(len(index)) + 0.5 - (MARGIN - RAMP)) / RAMP).clamp(0, 1)
        weight = torch.minimum(ramp, ramp.flip(0))
        if tile:
            spans.append((index % length, weight))
            continue
        # The network continues the photograph by itself, as it did in training: no margin is invented.
        inside = (index >= 0) & (index < math.ceil(length / STRIDE) * STRIDE)
        weight = torch.where((index < core) & (start == 0), 1.0, weight)
        weight = torch.where((index >= start) & (start + core >= length), 1.0, weight)
        weight = torch.where(index < length, weight, 0.0)
        spans.append((index[inside].clamp_max(length - 1), weight[inside]))
    return spans

"""The network of a shot: what a look makes of a pixel's passes, and how painted pixels that were tracked are put to use.

``transfer`` knows colour, normals, edges and object, and sees a few pixels around: it says how the artist would paint this light on this
thing. ``repair`` gets that, and from two keyframes the tracked paint, *moved along with the light*: paint + transfer(here) -
transfer(there), so that a pattern stays on its surface while the shading on it follows the render. It weighs the three and adds what is
missing. Nothing is normalised over a frame, which would flicker; weights start so that the untrained output is already a fair guess.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .features import CHANNELS, LOOK, MOST_IDS

SLOTS = 2  # keyframes that a pixel is given paint from
GUIDE = 9  # planes of a slot: tracked paint (3), what ``transfer`` says of it there (3), seen, border there, nearness in time
EMBEDDING = 6
_TRANSFER_PRIOR = 0.03  # weight of the prediction next to tracked paint before training


@dataclasses.dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        groups: Groups of features, see ``features.CHANNELS``.
        transfer: Channels of the per-pixel part.
        widths: Channels of the repair part at full, half and quarter size.
    """

    groups: tuple[str, ...]
    transfer: int = 32
    widths: tuple[int, int, int] = (24, 40, 56)

    @classmethod
    def of_size(cls, size: str, groups: tuple[str, ...]) -> Config:
        """``lite`` (about 60,000 multiplications a pixel) or ``full``."""
        return cls(groups) if size == "lite" else cls(groups, 96, (64, 128, 192))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Config:
        """From a model file."""
        a, b, c = (int(w) for w in data["widths"])
        return cls(tuple(str(g) for g in data["groups"]), int(data["transfer"]), (a, b, c))


def _conv(inputs: int, outputs: int, size: int = 3, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, size, stride, (size // 2) * dilation, dilation, padding_mode="zeros")
    nn.init.kaiming_normal_(layer.weight, 0.1)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _act(x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, 0.1)


class Transfer(nn.Module):
    """Features to the difference between paint and render; sees 9 pixels across."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.first = _conv(inputs, width)
        self.middle = nn.ModuleList([_conv(width, width, dilation=d) for d in (1, 2)])
        self.mix = _conv(width, width, 1)
        self.last = _conv(width, 3, 1)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, C, H, W)`` to ``(B, 3, H, W)``, shaped colour."""
        x = _act(self.first(x))
        for layer in self.middle:
            x = x + _act(layer(x))
        result: torch.Tensor = self.last(_act(self.mix(x)))
        return result


class Repair(nn.Module):
    """A U-Net of three sizes that weighs candidates and adds a correction."""

    def __init__(self, inputs: int, widths: tuple[int, int, int]) -> None:
        super().__init__()
        a, b, c = widths
        self.first = _conv(inputs, a)
        self.down1, self.down2 = _conv(a, b, stride=2), _conv(b, c, stride=2)
        self.halves, self.quarters = _conv(b, b), nn.ModuleList([_conv(c, c) for _ in range(2)])
        self.up1, self.up0 = _conv(b + c, b), _conv(a + b, a)
        self.last = _conv(a, SLOTS + 1 + 3, 1)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, C, H, W)``, sides divisible by 4, to ``(B, SLOTS + 1 + 3, H, W)``: changes of log weights, and a correction."""
        full = _act(self.first(x))
        half = _act(self.down1(full))
        half = half + _act(self.halves(half))
        quarter = _act(self.down2(half))
        for layer in self.quarters:
            quarter = quarter + _act(layer(quarter))
        half = _act(self.up1(torch.cat([half, F.interpolate(quarter, scale_factor=2.0, mode="nearest")], 1)))
        full = full + _act(self.up0(torch.cat([full, F.interpolate(half, scale_factor=2.0, mode="nearest")], 1)))
        result: torch.Tensor = self.last(full)
        return result


class ShotNetwork(nn.Module):
    """Both parts and the embedding of objects."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.objects = nn.Embedding(MOST_IDS + 1, EMBEDDING)
        nn.init.normal_(self.objects.weight, std=0.5)
        with torch.no_grad():
            self.objects.weight[0] = 0  # an object that was not there in training
        self.transfer = Transfer(self._count(LOOK) + EMBEDDING, config.transfer)
        self.repair = Repair(self._count(tuple(CHANNELS)) + EMBEDDING + 3 + SLOTS * GUIDE, config.widths)

    def _count(self, wanted: tuple[str, ...]) -> int:
        return sum(CHANNELS[g] for g in self.config.groups if g in wanted)

    def spans(self) -> dict[str, slice]:
        """Planes of each group of features."""
        spans, at = {}, 0
        for group in self.config.groups:
            spans[group] = slice(at, at + CHANNELS[group])
            at += CHANNELS[group]
        return spans

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """``(B, H, W)`` int64 to ``(B, EMBEDDING, H, W)``."""
        known = (ids > 0).float()[..., None]  # 0 stays 0, whatever training did
        embedded: torch.Tensor = (self.objects(ids) * known).permute(0, 3, 1, 2)
        return embedded

    def predict(self, features: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """What the look makes of the passes alone: ``(B, C, H, W)`` and ``(B, H, W)`` to ``(B, 3, H, W)``."""
        spans = self.spans()
        seen = [features[:, spans[g]] for g in self.config.groups if g in LOOK]
        changed: torch.Tensor = self.transfer(torch.cat([*seen, self.embed(ids)], 1))
        return changed + (features[:, spans["color"]] + 1) / 2  # paint begins as the render

    def forward(self, features: torch.Tensor, ids: torch.Tensor, predicted: torch.Tensor, guides: torch.Tensor) -> torch.Tensor:
        """The stylised picture ``(B, 3, H, W)`` float32, shaped colour; arguments as of ``weigh``."""
        return self.weigh(features, ids, predicted, guides)[0]

    def weigh(
        self, features: torch.Tensor, ids: torch.Tensor, predicted: torch.Tensor, guides: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The stylised picture, and what it was mixed of.

        Args:
            features: ``(B, C, H, W)``, sides divisible by 4.
            ids: ``(B, H, W)`` int64.
            predicted: ``(B, 3, H, W)`` from ``predict``.
            guides: ``(B, SLOTS * GUIDE, H, W)``.

        Returns:
            ``(B, 3, H, W)`` float32, shaped colour; the candidates ``(B, SLOTS + 1, 3, H, W)``, of which the last is ``predicted``; and
            their shares ``(B, SLOTS + 1, H, W)``, summing to 1.
        """
        candidates, weights, inputs = [], [], [features, self.embed(ids), predicted]
        for slot in guides.split(GUIDE, 1):
            paint, there, seen, nearness = slot[:, :3], slot[:, 3:6], slot[:, 6:7], slot[:, 8:9]
            moved = predicted + (paint - there) * seen
            candidates.append(moved)
            weights.append(torch.log(nearness.clamp_min(1e-3)) - 30 * (1 - seen))
            inputs += [moved, (predicted - there) * seen, slot[:, 6:]]
        weights.append(torch.full_like(weights[0], _TRANSFER_PRIOR).log())
        out = self.repair(torch.cat(inputs, 1)).float()
        shares = torch.softmax(torch.cat(weights, 1).float() + out[:, : SLOTS + 1], 1)
        candidates.append(predicted)
        mixed = sum(shares[:, n : n + 1] * c.float() for n, c in enumerate(candidates))
        result: torch.Tensor = mixed + 0.5 * out[:, SLOTS + 1 :]
        return result, torch.stack(candidates, 1).float(), shares


def count_multiplications(network: ShotNetwork) -> int:
    """Multiplications for a pixel at full size."""

    def cost(layer: nn.Conv2d) -> int:
        return layer.weight.numel()

    repair, transfer = network.repair, network.transfer
    total = sum(cost(m) for m in transfer.modules() if isinstance(m, nn.Conv2d)) + cost(repair.first) + cost(repair.up0) + cost(repair.last)
    half = cost(repair.down1) + cost(repair.halves) + cost(repair.up1)
    quarter = cost(repair.down2) + sum(cost(m) for m in repair.quarters.modules() if isinstance(m, nn.Conv2d))
    return total + half // 4 + quarter // 16

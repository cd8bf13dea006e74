"""R-precision: does a material fit its own description best? Scored by a small network that learnt attributes from real materials."""

from __future__ import annotations

import math
import time

import torch
import torch.nn.functional as F
from torch import nn

from ..attributes import FAMILY_NAMES, VECTOR_SIZE
from ..data.dataset import Dataset
from ..stack import CHANNELS

CANDIDATES = 100
_WIDTHS = (32, 64, 96, 128)
_FAMILIES = len(FAMILY_NAMES)
_CROP, _BATCH, _RATE = 128, 16, 2e-3


class Regressor(nn.Module):
    """Four convolutions of stride 2, pooled means and deviations, two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        inputs = [len(CHANNELS), *_WIDTHS[:-1]]
        self.stages = nn.ModuleList(nn.Conv2d(i, o, 3, 2, 1) for i, o in zip(inputs, _WIDTHS, strict=True))
        pooled = 2 * (len(CHANNELS) + sum(_WIDTHS))
        self.level = nn.BatchNorm1d(pooled)
        self.inner = nn.Linear(pooled, 128)
        self.outer = nn.Linear(128, VECTOR_SIZE)
        self.deviation: torch.Tensor
        self.register_buffer("deviation", torch.full((VECTOR_SIZE - _FAMILIES,), 0.1))

    def features(self, stacks: torch.Tensor) -> torch.Tensor:
        """``(B, 6, H, W)`` in 0..1 to ``(B, 128)``: the self-trained encoder of the library's measures."""
        x = (stacks - 0.5) * 2
        found = [x.mean((2, 3)), x.std((2, 3))]
        for stage in self.stages:
            x = F.leaky_relu(stage(x), 0.1)
            found += [x.mean((2, 3)), x.std((2, 3))]
        return F.leaky_relu(self.inner(self.level(torch.cat(found, 1))), 0.1)

    def forward(self, stacks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the families ``(B, F)`` and the numbers ``(B, V - F)``, both without a squashing function."""
        out = self.outer(self.features(stacks))
        return out[:, :_FAMILIES], out[:, _FAMILIES:]

    @torch.no_grad()
    def likelihood(self, stacks: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
        """How well each description fits each stack, as a log likelihood.

        Args:
            stacks: ``(B, 6, H, W)`` in 0..1.
            candidates: ``(C, V)`` attribute vectors.

        Returns:
            ``(B, C)``.
        """
        logits, numbers = self(stacks)
        families = F.log_softmax(logits, 1) @ candidates[:, :_FAMILIES].T
        # A number counts by how exactly this network reads it: one it cannot read should not decide.
        gaps = (numbers[:, None] - candidates[None, :, _FAMILIES:]) / self.deviation
        return families - 0.5 * gaps.square().sum(2)


def train_regressor(data: Dataset, seconds: float = 120.0, steps: int = 3000, seed: int = 0) -> Regressor:
    """Trains on real materials until the time or the steps are over.

    A tenth of the materials is kept aside to find how exactly each attribute can be read.

    Args:
        data: Real materials; numbers that are not known do not count.
        seconds: Most time.
        steps: Most steps of 16 crops.
        seed: Of weights, crops and the share kept aside.
    """
    generator = torch.Generator().manual_seed(seed)
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    network = Regressor()
    torch.random.set_rng_state(state)
    rows = torch.randperm(len(data), generator=generator)
    kept = rows[: max(2, len(rows) // 10)]
    used = rows[len(kept) :]
    optimiser = torch.optim.Adam(network.parameters(), _RATE, (0.9, 0.99))
    end = time.monotonic() + seconds
    began = time.monotonic()
    for step in range(steps):
        now = time.monotonic()
        if now > end:
            break
        fraction = max(step / steps, (now - began) / seconds)
        for group in optimiser.param_groups:
            group["lr"] = _RATE * (0.5 + 0.5 * math.cos(math.pi * fraction)) + 1e-5
        batch = used[torch.randint(len(used), (min(_BATCH, len(used)),), generator=generator)]
        logits, numbers = network(_crops(data, batch, generator))
        loss = _loss(logits, numbers, data.attributes[batch], data.known[batch])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    network.eval()
    with torch.no_grad():
        _, numbers = network(_crops(data, kept, generator))
        error = (numbers - data.attributes[kept][:, _FAMILIES:]).square()
        known = data.known[kept][:, _FAMILIES:].float()
        spread = data.attributes[:, _FAMILIES:].std(0)
        deviation = ((error * known).sum(0) / known.sum(0).clamp_min(1)).sqrt()
        # Where nothing is known the number says nothing: its spread makes it count for little.
        network.deviation.copy_(torch.where(known.sum(0) > 0, deviation, 10 * spread.clamp_min(0.1)).clamp_min(0.02))
    return network


@torch.no_grad()
def r_precision(network: Regressor, stacks: torch.Tensor, attributes: torch.Tensor, others: torch.Tensor, seed: int = 0) -> float:
    """R-precision@100: share of materials whose own description fits them better than 99 descriptions of others.

    Args:
        network: Trained on real materials.
        stacks: ``(N, 6, S, S)`` uint8 or float in 0..1.
        attributes: ``(N, V)`` what each was made from.
        others: ``(M, V)`` descriptions to be distinguished from, at least 2; drawn anew for each material.
        seed: Of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    hits = 0
    for stack, own in zip(stacks, attributes, strict=True):
        foreign = others[(others - own).abs().amax(1) > 1e-4]
        drawn = foreign[torch.randperm(len(foreign), generator=generator)[: CANDIDATES - 1]]
        values = stack[None].float() / 255 if stack.dtype == torch.uint8 else stack[None].float()
        scores = network.likelihood(values, torch.cat([own[None], drawn]))[0]
        hits += int(scores.argmax() == 0)
    return hits / len(stacks)


def _loss(logits: torch.Tensor, numbers: torch.Tensor, attributes: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    families = -(F.log_softmax(logits, 1) * attributes[:, :_FAMILIES]).sum(1)
    gaps = F.smooth_l1_loss(numbers, attributes[:, _FAMILIES:], reduction="none", beta=0.05) * known[:, _FAMILIES:]
    return families.mean() + 10 * gaps.mean()


def _crops(data: Dataset, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random positions of these materials, ``(B, 6, side, side)``, mirrored left to right at random."""
    side = min(_CROP, data.size)
    out = []
    for row in rows.tolist():
        stack = data.stacks[row]
        if data.tiles[row]:
            shift = torch.randint(data.size, (2,), generator=generator).tolist()
            stack = stack.roll(shift, (1, 2))
        top, left = torch.randint(data.size - side + 1, (2,), generator=generator).tolist()
        crop = stack[:, top : top + side, left : left + side].float() / 255
        out.append(crop.flip(2) if torch.rand(1, generator=generator) < 0.5 else crop)
    return torch.stack(out)

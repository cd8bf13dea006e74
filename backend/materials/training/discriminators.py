"""The discriminators, of map stacks and of codes, with the discriminator's step and the adversarial loss of the generator."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ...core import gan_losses
from ..generator.layers import CODE, LAYOUT_CHANNELS, SLOPE
from ..generator.networks import Config
from ..stack import CHANNELS
from .optimiser import ClippedAdam

LEAST = 26
"""Cells a side of the receptive field of the discriminator of codes."""


class Critic(nn.Module):
    """Convolutions without padding, with scores at several depths; the attributes enter by projection (Miyato and Koyama 2018).

    Args:
        inputs: Channels that come in.
        widths: Channels of the three stages.
        taps: Layers after which features are taken, at the end of a stage each.
        attributes: Length of the attribute vector.
    """

    def __init__(self, inputs: int, widths: tuple[int, ...], taps: tuple[int, ...], attributes: int) -> None:
        super().__init__()
        a, b, c = widths
        layers = [(inputs, a, 3, 1), (a, a, 3, 1), (a, b, 4, 2), (b, b, 3, 1), (b, c, 4, 2), (c, c, 3, 1)]
        self.layers = nn.ModuleList(nn.Conv2d(i, o, k, stride) for i, o, k, stride in layers)
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight, SLOPE)  # type: ignore[arg-type]
        self.taps = taps
        tapped = [layers[tap][1] for tap in taps]
        self.heads = nn.ModuleList(nn.Conv2d(n, 1, 1) for n in tapped)
        self.wanted = nn.ModuleList(nn.Sequential(nn.Linear(attributes, 128), nn.LeakyReLU(SLOPE), nn.Linear(128, n)) for n in tapped)

    def features(self, stack: torch.Tensor, layout: torch.Tensor) -> list[torch.Tensor]:
        """Features at each depth of a stack or codes ``(B, C, H, W)`` under a layout ``(B, L, H, W)``."""
        x = self.seen(stack, layout)
        found = []
        for number, layer in enumerate(self.layers):
            x = F.leaky_relu(layer(x), SLOPE)
            if number in self.taps:
                found.append(x)
        return found

    def seen(self, stack: torch.Tensor, layout: torch.Tensor) -> torch.Tensor:
        """The input of the first layer."""
        raise NotImplementedError

    def score(self, features: list[torch.Tensor], attributes: torch.Tensor) -> list[torch.Tensor]:
        """Scores ``(B, 1, h, w)`` at each depth, for attributes ``(B, A)`` in 0..1."""
        scores = []
        for x, head, wanted in zip(features, self.heads, self.wanted, strict=True):
            direction = wanted(attributes * 2 - 1).to(x.dtype) / math.sqrt(x.shape[1])
            scores.append(head(x) + (x * direction[..., None, None]).sum(1, keepdim=True))
        return scores


class Discriminator(Critic):
    """Scores patches of a stack ``(B, 6, H, W)`` with the layout ``(B, PATTERN_CHANNELS, H, W)``: at two depths, 20 and 60 px wide."""

    def __init__(self, config: Config) -> None:
        super().__init__(4 * (len(CHANNELS) + 2), config.critic, (3, 5), config.attributes)

    def seen(self, stack: torch.Tensor, layout: torch.Tensor) -> torch.Tensor:
        """Four pixels as one."""
        return F.pixel_unshuffle(torch.cat([stack * 2 - 1, layout[:, :2].to(stack.dtype)], 1), 2)


class PriorDiscriminator(Critic):
    """Scores codes ``(B, CODE, h, w)`` with the layout ``(B, LAYOUT_CHANNELS, h, w)``: at three depths, 5, 12 and 26 cells wide."""

    def __init__(self, config: Config) -> None:
        super().__init__(CODE + LAYOUT_CHANNELS, config.prior_critic, (1, 3, 5), config.attributes)

    def seen(self, stack: torch.Tensor, layout: torch.Tensor) -> torch.Tensor:
        """The cells as they are, those of small toruses repeated."""
        x = torch.cat([stack, layout.to(stack.dtype)], 1)
        times = [-(-LEAST // side) for side in x.shape[2:]]
        return x.repeat(1, 1, *times) if max(times) > 1 else x


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Real and generated ones of equal attributes.

    Attributes:
        real: ``(B, C, H, W)``.
        made: As large, from the generator, with its gradient.
        layout: ``(B, L, H, W)``, of both.
        attributes: ``(B, A)`` in 0..1, of both.
    """

    real: torch.Tensor
    made: torch.Tensor
    layout: torch.Tensor
    attributes: torch.Tensor

    def half(self, enabled: bool) -> torch.autocast:
        """bfloat16 where it pays, on the batch's device."""
        return torch.autocast(self.real.device.type, torch.bfloat16, enabled=enabled)


class GeneratorStep(NamedTuple):
    """The generator's adversarial loss, and the discriminator's features of both."""

    loss: torch.Tensor
    features: list[torch.Tensor]
    real_features: list[torch.Tensor]


def discriminator_step(
    critic: Critic, optimiser: ClippedAdam, given: Pairs, rate: float, penalty: float, wrong: float, half: bool
) -> dict[str, float]:
    """One step of the discriminator: the real one of each pair shall score higher, also than itself under wrong attributes.

    Args:
        critic: To train.
        optimiser: Of its parameters.
        given: The pairs.
        rate: Learning rate.
        penalty: Weight of R1 and R2 in this step; 0 to leave them out.
        wrong: Weight of real ones under wrong attributes.
        half: bfloat16 where it pays.

    Returns:
        ``discriminator`` (its loss), ``margin`` of the real over the made in the scores, and ``penalty`` where it was asked for.
    """
    penalise, attributes = penalty > 0, given.attributes
    real = given.real.detach().requires_grad_(penalise)
    made = given.made.detach().float().requires_grad_(penalise)
    with given.half(half):
        real_features = critic.features(real, given.layout)
        real_scores = critic.score(real_features, attributes)
        made_scores = critic.score(critic.features(made, given.layout), attributes)
        loss = gan_losses.relativistic(real_scores, made_scores)
        others = attributes.roll(1, 0)
        differ = (attributes - others).abs().amax(1) > 0.01  # of one exemplar's crops none do
        if bool(differ.any()):
            other_scores = critic.score([f[differ] for f in real_features], others[differ])
            loss = loss + wrong * gan_losses.relativistic([r[differ] for r in real_scores], other_scores)
    found = {}
    if penalise:
        norms = gan_losses.gradient_penalty(real_scores, real) + gan_losses.gradient_penalty(made_scores, made)
        loss = loss + penalty * norms
        found["penalty"] = float(norms.detach())
    optimiser.step(loss, rate)
    margin = sum(float((r - m).detach().float().mean()) for r, m in zip(real_scores, made_scores, strict=True))
    return {"discriminator": float(loss.detach()), "margin": margin, **found}


@contextlib.contextmanager
def _fixed(critic: Critic) -> Iterator[None]:
    critic.requires_grad_(False)
    try:
        yield
    finally:
        critic.requires_grad_(True)


def generator_step(critic: Critic, given: Pairs, half: bool) -> GeneratorStep:
    """The generator's side: the generated one of each pair shall score higher. The discriminator's weights get no gradient."""
    with given.half(half), _fixed(critic):
        with torch.no_grad():
            real_features = critic.features(given.real, given.layout)
            real_scores = critic.score(real_features, given.attributes)
        features = critic.features(given.made, given.layout)
        return GeneratorStep(gan_losses.relativistic(critic.score(features, given.attributes), real_scores), features, real_features)

"""Training of the material model: from nothing, or on from a base, on a dataset of map stacks.

One step, top to bottom: a batch of real crops; the generator makes as many with the same attributes and layouts, half of them with the latent
that the encoder saw in a photograph of the same material, half with a random one; the discriminator learns to score the real one of each pair
higher (relativistic pairing with R1 and R2, R3GAN 2024) and to refuse real ones under wrong attributes; the generator learns the opposite, and
with patch distributions (sliced Wasserstein) and feature statistics it is told directly what its material is made of.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
import time
from collections.abc import Callable

import torch
from torch import nn

from . import losses
from .data.dataset import Dataset
from .networks import Config, Discriminator, Encoder, Generator
from .sampling import Batch, Sampler
from .seeds import make_seeds


@dataclasses.dataclass(frozen=True)
class Options:
    """How to train.

    Attributes:
        minutes: Time to train, resumed time included.
        steps: Most steps, or 0 for no limit.
        batch: Crops in a step.
        crop: Side of a crop in pixels.
        margin: See ``Sampler``.
        rate: Learning rate of Adam; falls to a tenth over the last half.
        gamma: Weight of R1 and R2.
        lazy: Steps between two R1 and R2.
        patches: Weight of the patch distribution; four times as much at the start, when the discriminator knows nothing.
        features: Weight of the feature statistics.
        divergence: Weight of the latent's divergence from N(0, 1).
        average: Decay of the averaged weights.
        seed: Of everything random.
        half: bfloat16 where it pays.
    """

    minutes: float = 60.0
    steps: int = 0
    batch: int = 8
    crop: int = 64
    margin: int = 8
    rate: float = 1e-3
    gamma: float = 1.0
    lazy: int = 8
    patches: float = 2.0
    features: float = 1.0
    divergence: float = 0.02
    average: float = 0.998
    seed: int = 0
    half: bool = True


class Trainer:
    """Networks, their averages and optimisers, and one step of training."""

    def __init__(self, config: Config, options: Options, device: torch.device) -> None:
        torch.manual_seed(options.seed)
        self.config, self.options, self.device = config, options, device
        layout = torch.channels_last
        self.generator = Generator(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.critic = Discriminator(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.encoder = Encoder(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.mean_generator = copy.deepcopy(self.generator).requires_grad_(False)
        self.mean_encoder = copy.deepcopy(self.encoder).requires_grad_(False)
        betas = (0.0, 0.99)
        making = [*self.generator.parameters(), *self.encoder.parameters()]
        self.making = torch.optim.Adam(making, options.rate, betas)
        self.judging = torch.optim.Adam(self.critic.parameters(), options.rate, betas)
        self.random = torch.Generator().manual_seed(options.seed)
        self.step_number = 0
        self.spent = 0.0  # seconds

    def progress(self) -> float:
        """0..1 of the time or the steps, whichever is nearer its end."""
        parts = [self.spent / (60 * self.options.minutes)]
        if self.options.steps:
            parts.append(self.step_number / self.options.steps)
        return min(1.0, max(parts))

    def step(self, batch: Batch) -> dict[str, float]:
        """One step of both sides; gives the losses."""
        began, o = time.monotonic(), self.options
        self._set_rate()
        count = len(batch.stack)
        latent, divergence, told = self._latents(batch)
        side = o.crop + 2 * o.margin
        seeds = make_seeds(count, (side, side), self.random, batch.pattern, self.device)
        middle = slice(o.margin, o.margin + o.crop)
        pattern = batch.pattern[..., middle, middle]
        with self._autocast():
            made = self.generator(self.generator.style(batch.attributes, latent), seeds)[..., middle, middle]

        judged = self._judge(batch, made.detach(), pattern)

        with self._autocast():
            with torch.no_grad():
                real_features = self.critic.features(batch.stack, pattern)
                real_scores = self.critic.score(real_features, batch.attributes)
            features = self.critic.features(made, pattern)
            fooled = losses.relativistic(self.critic.score(features, batch.attributes), real_scores)
        known = slice(0, count - count // 2)  # those whose latent the encoder gave: only they have one true answer
        made = made.float()
        patches = losses.patch_distance(made[known], batch.stack[known]).mean()
        statistics = losses.feature_distance([f[known] for f in features], [f[known] for f in real_features]).mean()
        start = 1 + 3 * max(0.0, 1 - self.step_number / 1000)
        total = fooled + start * o.patches * patches + o.features * statistics + o.divergence * divergence + told
        # Values far outside 0..1 are clipped when a material is saved: they must not pay.
        total = total + 0.1 * (made - made.clamp(0, 1)).square().mean()
        self.making.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.generator.parameters(), 10.0)
        self.making.step()
        self._average()
        self.step_number += 1
        self.spent += time.monotonic() - began
        return {
            **judged,
            "fooled": float(fooled),
            "patches": float(patches),
            "statistics": float(statistics),
            "divergence": float(divergence),
            "attributes": float(told),
        }

    def _latents(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Latents (the first half encoded, the rest drawn), their divergence, and the loss of the encoder's reading of attributes."""
        with self._autocast():
            mean, log_variance, read = self.encoder(batch.photo)
        drawn = torch.randn(mean.shape, generator=self.random).to(self.device)
        encoded = mean + drawn * (log_variance / 2).exp()
        half = len(mean) // 2
        latent = torch.cat([encoded[: len(mean) - half], drawn[len(mean) - half :]])
        return latent, losses.latent_divergence(mean, log_variance), losses.attribute_loss(read, batch.attributes, batch.known)

    def _judge(self, batch: Batch, made: torch.Tensor, pattern: torch.Tensor) -> dict[str, float]:
        """A step of the discriminator."""
        penalise = self.step_number % self.options.lazy == 0
        real = batch.stack.detach().requires_grad_(penalise)
        fake = made.float().requires_grad_(penalise)
        with self._autocast():
            real_features = self.critic.features(real, pattern)
            real_scores = self.critic.score(real_features, batch.attributes)
            fake_scores = self.critic.score(self.critic.features(fake, pattern), batch.attributes)
            wrong_scores = self.critic.score(real_features, batch.attributes.roll(1, 0))
            loss = losses.relativistic(real_scores, fake_scores) + 0.5 * losses.relativistic(real_scores, wrong_scores)
        penalty = torch.zeros(())
        if penalise:
            penalty = losses.gradient_penalty(real_scores, real) + losses.gradient_penalty(fake_scores, fake)
            loss = loss + self.options.lazy * self.options.gamma / 2 * penalty
        self.judging.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.critic.parameters(), 10.0)
        self.judging.step()
        margin = sum(float((r - f).detach().float().mean()) for r, f in zip(real_scores, fake_scores, strict=True))
        return {"judged": float(loss), "margin": margin, **({"penalty": float(penalty)} if penalise else {})}

    def _set_rate(self) -> None:
        fraction = self.progress()
        falling = 1.0 if fraction < 0.5 else 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (fraction - 0.5) / 0.5))
        warm = min(1.0, (self.step_number + 1) / 100)
        for optimiser in (self.making, self.judging):
            optimiser.param_groups[0]["lr"] = self.options.rate * falling * warm

    def _average(self) -> None:
        """Moves the averaged weights; faster at the start, when there is nothing to keep."""
        keep = min(self.options.average, (1 + self.step_number) / (10 + self.step_number))
        with torch.no_grad():
            for mean, now in ((self.mean_generator, self.generator), (self.mean_encoder, self.encoder)):
                averaged, current = list(mean.parameters()), list(now.parameters())
                torch._foreach_lerp_(averaged, current, 1 - keep)

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.half)


Watch = Callable[[Trainer, dict[str, float]], bool]
"""Called after every step with its losses; True ends the training. May raise to cancel."""


def train(data: Dataset, trainer: Trainer, watch: Watch) -> None:
    """Trains until the time, the steps or ``watch`` end it."""
    o = trainer.options
    sampler = Sampler(data, o.crop, o.margin, trainer.random, trainer.device)
    while trainer.progress() < 1:
        if watch(trainer, trainer.step(sampler.draw(o.batch))):
            break

"""Training of the material model: from nothing, or on from a base, on a dataset of map stacks.

Phase 1, generator and discriminator on crops. One step, top to bottom: a batch of real crops; the generator makes as many with the same
attributes and layouts, from the codes that the inverter reads from the real ones; the discriminator learns to score the real one of each
pair higher (relativistic pairing with R1 and R2, R3GAN 2024), and lower under wrong attributes; the generator learns the opposite, with
losses on patch distributions (sliced Wasserstein) and feature statistics. Phase 2: the inverter is frozen, and the prior learns to make
such codes from noise, whole tiles at a time (``prior_training``).
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

from ....shared.errors import InputError
from ...core.devices import halves_pay
from ..data.dataset import Dataset
from ..generator.networks import Config, Encoder, Generator, Inverter
from ..generator.noise import Seeds, make_seeds
from . import generator_losses, prior_training
from .batches import Batch, Sampler
from .discriminators import Discriminator, Pairs, discriminator_step, generator_step
from .optimiser import ClippedAdam, average
from .prior_training import CodeSet, PriorTrainer, read_codes

LEAST_CROP = 56
"""Pixels: of a smaller crop the discriminator's last layer sees nothing."""
UNKNOWN_SHARE = 0.5
"""Weight of patch and feature statistics where a code is from no real picture."""
WRONG = 0.5
"""Weight of real ones under wrong attributes in the discriminator's loss."""


@dataclasses.dataclass(frozen=True)
class Options:
    """How to train.

    Attributes:
        minutes: Time to train, resumed time included.
        steps: Most steps, or 0 for no limit.
        batch: Crops in a step.
        prior: Share of the time, at its end, in which the prior is trained; 0 for a model whose codes are arranged.
        warm: Steps at the start without the discriminator: they teach to draw, quickly.
        crop: Side of a crop in pixels.
        margin: See ``Sampler``.
        rate: Learning rate of Adam, twice as much while warm; falls to a tenth over the last half, of drawing and of the prior.
        gamma: Weight of R1 and R2, for stacks in 0..1; at 1 the discriminator saw hardly more than chance.
        lazy: Steps between two R1 and R2.
        patches: Weight of the patch distribution.
        features: Weight of the feature statistics.
        likeness: Weight of the likeness of what was made from an inverted code to its original.
        measured: Weight of the measurable attributes of what was made, against its pair's: so that sliders are obeyed.
        divergence: Weight of the latent's divergence from N(0, 1).
        describe: Whether the encoder is trained along; without it all latents are random.
        recolor: Share of the crops that are given other colours, with attributes to match.
        turn: Whether crops are mirrored and turned.
        average: Decay of the averaged weights.
        seed: Of everything random.
        half: Whether bfloat16 may be used, where it pays.
    """

    minutes: float = 60.0
    steps: int = 0
    prior: float = 0.4
    warm: int = 5000
    batch: int = 8
    crop: int = 64
    margin: int = 8
    rate: float = 7e-4
    gamma: float = 0.2
    lazy: int = 8
    patches: float = 2.0
    features: float = 1.0
    likeness: float = 2.0
    measured: float = 1.0
    divergence: float = 0.02
    describe: bool = True
    recolor: float = 0.5
    turn: bool = True
    average: float = 0.998
    seed: int = 0
    half: bool = True


@dataclasses.dataclass(frozen=True)
class _Source:
    """What the generator is given in a step, with the latent's divergence and the encoder's attribute loss."""

    style: torch.Tensor
    seeds: Seeds
    code: torch.Tensor
    divergence: torch.Tensor
    attribute_loss: torch.Tensor


class Trainer:
    """Networks, their averages and optimisers, and one step of training."""

    def __init__(self, config: Config, options: Options, device: torch.device) -> None:
        if options.crop < LEAST_CROP:
            raise InputError(expected=f"crops of at least {LEAST_CROP} px, as the discriminator sees them", got=f"{options.crop} px")
        torch.manual_seed(options.seed)
        self.config, self.options, self.device = config, options, device
        self.half = options.half and halves_pay(device)
        layout = torch.channels_last
        self.generator = Generator(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.critic = Discriminator(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.encoder = Encoder(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.inverter = Inverter(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.mean_generator = copy.deepcopy(self.generator).requires_grad_(False)
        self.mean_encoder = copy.deepcopy(self.encoder).requires_grad_(False)
        drawing = [p for name, p in self.generator.named_parameters() if not name.startswith("prior.")]
        self.generator_optimiser = ClippedAdam([*drawing, *self.encoder.parameters(), *self.inverter.parameters()], options.rate)
        self.discriminator_optimiser = ClippedAdam(list(self.critic.parameters()), options.rate)
        self.random = torch.Generator().manual_seed(options.seed)
        self.prior = PriorTrainer(
            self.generator, self.mean_generator, self.encoder, self.mean_encoder, prior_training.Options(), device, self.random
        )
        self.codes_read: CodeSet | None = None
        self.arranged: torch.Tensor | None = None  # (N, CODE, h, w) codes on toruses that no real picture has, to draw half of the time
        self.step_number = 0
        self.spent = 0.0  # seconds
        self.skipped = 0.0  # seconds of phase 1 that were not needed

    def networks(self) -> dict[str, nn.Module]:
        """What a model file holds: the averaged networks, and those that training on needs."""
        return {
            "generator": self.mean_generator,
            "encoder": self.mean_encoder,
            "critic": self.critic,
            "inverter": self.inverter,
            "prior_critic": self.prior.critic,
        }

    def progress(self) -> float:
        """0..1 of the time or the steps, whichever is nearer its end."""
        parts = [(self.spent + self.skipped) / (60 * self.options.minutes)]
        if self.options.steps:
            parts.append(self.step_number / self.options.steps)
        return min(1.0, max(parts))

    @property
    def training_prior(self) -> bool:
        """Whether phase 2 has begun."""
        return self.progress() >= 1 - self.options.prior

    def finish_drawing(self) -> None:
        """Ends phase 1 early, when it no longer improves."""
        self.skipped = max(0.0, 60 * self.options.minutes * (1 - self.options.prior) - self.spent)

    def read(self, data: Dataset, report: Callable[[], object] = lambda: None) -> None:
        """Reads the codes that the prior learns; ``report`` is called often and may raise to cancel."""
        began, before = time.monotonic(), self.spent

        def count(_: float) -> None:
            self.spent = before + time.monotonic() - began
            report()

        self.codes_read = read_codes(data, self.inverter, self.prior.options.codes_read, self.random, self.device, count)

    def prior_step(self) -> dict[str, float]:
        """One step of phase 2, after ``read``; gives the losses."""
        assert self.codes_read is not None
        began = time.monotonic()
        done = 1 - (1 - self.progress()) / self.options.prior
        found = self.prior.step(self.codes_read, _falling(done) * min(1.0, (self.prior.step_number + 1) / 100), self.half)
        self.step_number += 1
        self.spent += time.monotonic() - began
        return found

    def step(self, batch: Batch) -> dict[str, float]:
        """One step of phase 1; gives the losses."""
        began = time.monotonic()
        found = self._warm_up_step(batch) if self.step_number < self.options.warm else self._adversarial_step(batch)
        average(((self.mean_generator, self.generator), (self.mean_encoder, self.encoder)), self.options.average, self.step_number)
        self.step_number += 1
        self.spent += time.monotonic() - began
        return found

    def _warm_up_step(self, batch: Batch) -> dict[str, float]:
        """A step at the start, without the discriminator: reconstruct what the codes were read from."""
        o, count = self.options, len(batch.stack)
        middle = slice(o.margin, o.margin + o.crop)
        real = batch.stack[..., middle, middle]
        s = self._source(batch, slice(0, count))
        with self._autocast():
            made = self.generator(s.style, s.seeds, code=s.code)[..., middle, middle].float()
        patches = generator_losses.patch_distance(made, real).mean()
        likeness = (
            generator_losses.likeness_loss(made, real, [], [])
            + 0.5 * (generator_losses.weigh(made) - generator_losses.weigh(real)).abs().mean()
        )
        total = o.patches * patches + 3 * o.likeness * likeness + o.divergence * s.divergence + s.attribute_loss
        self.generator_optimiser.step(total, 2 * self._rate(), momentum=0.9)
        parts = {"patches": patches, "likeness": likeness, "divergence": s.divergence, "attributes": s.attribute_loss}
        return {name: float(value.detach()) for name, value in parts.items()}

    def _adversarial_step(self, batch: Batch) -> dict[str, float]:
        """A discriminator step and a generator step."""
        o, count = self.options, len(batch.stack)
        middle = slice(o.margin, o.margin + o.crop)
        real, pattern = batch.stack[..., middle, middle], batch.pattern[..., middle, middle]
        # Arranged codes are from no real picture: there is no target to compare with position by position.
        known = slice(0, count if self.arranged is None else count - count // 2)
        s = self._source(batch, known)
        with self._autocast():
            made = self.generator(s.style, s.seeds, code=s.code)[..., middle, middle]

        given = Pairs(real, made, pattern, batch.attributes)
        penalty = o.lazy * o.gamma / 2 if self.step_number % o.lazy == 0 else 0.0
        critic_losses = discriminator_step(self.critic, self.discriminator_optimiser, given, self._rate(), penalty, WRONG, self.half)
        adversarial, features, real_features = generator_step(self.critic, given, self.half)
        made = made.float()
        share = torch.ones(count, device=self.device)
        share[known.stop :] = UNKNOWN_SHARE
        patches = (share * generator_losses.patch_distance(made, real)).mean()
        statistics = (share * generator_losses.feature_distance(features, real_features)).mean()
        measured = generator_losses.measured_distance(made, real).mean()
        likeness = generator_losses.likeness_loss(made[known], real[known], [f[known] for f in features], [f[known] for f in real_features])
        total = adversarial + o.patches * patches + o.features * statistics + o.likeness * likeness
        total = total + o.divergence * s.divergence + o.measured * measured + s.attribute_loss
        # Values far outside 0..1 are clipped when a material is saved: that must not lower the loss.
        total = total + 0.1 * (made - made.clamp(0, 1)).square().mean()
        self.generator_optimiser.step(total, self._rate())
        return {
            **critic_losses,
            "generator": float(adversarial.detach()),
            "patches": float(patches.detach()),
            "statistics": float(statistics.detach()),
            "likeness": float(likeness.detach()),
            "measured": float(measured.detach()),
            "divergence": float(s.divergence.detach()),
            "attributes": float(s.attribute_loss.detach()),
        }

    def _source(self, batch: Batch, known: slice) -> _Source:
        """Style, noise and codes; codes are read from the real ones for the ``known``, and arranged ones for the rest.

        Half of the latents are random: what a code says must not depend on them.
        """
        count, side = len(batch.stack), batch.stack.shape[-1]
        seeds = make_seeds(count, (side, side), self.random, batch.pattern, self.device)
        latent = torch.randn(count, self.config.latent, generator=self.random).to(self.device)
        divergence = attribute_loss = torch.zeros((), device=self.device)
        if self.options.describe:
            with self._autocast():
                mean, log_variance, read = self.encoder(batch.photo)
            half = count - count // 2
            latent = torch.cat([(mean + latent * (log_variance / 2).exp())[:half], latent[half:]])
            divergence = generator_losses.latent_divergence(mean, log_variance)
            attribute_loss = generator_losses.attribute_loss(read, batch.attributes, batch.known)
        with self._autocast():
            found = self.inverter(batch.stack, batch.pattern)
            style = self.generator.style(batch.attributes, latent)
        return _Source(
            style=style,
            seeds=seeds,
            code=torch.cat([found[known], self._arranged_codes(found[known.stop :])]),
            divergence=divergence,
            attribute_loss=attribute_loss,
        )

    def _arranged_codes(self, like: torch.Tensor) -> torch.Tensor:
        """Parts of arranged codes, as many and as large as ``like``."""
        if self.arranged is None or not len(like):
            return like
        parts = []
        for _ in range(len(like)):
            one, down, right = (
                int(torch.randint(side, (), generator=self.random)) for side in (len(self.arranged), *self.arranged.shape[2:])
            )
            moved = self.arranged[one].roll((down, right), (1, 2))
            parts.append(moved[:, : like.shape[2], : like.shape[3]])
        return torch.stack(parts).to(like)

    def _rate(self) -> float:
        """Learning rate of phase 1, now."""
        since = self.step_number if self.step_number < self.options.warm else self.step_number - self.options.warm
        done = self.progress() / (1 - self.options.prior) if self.options.prior < 1 else 1.0
        return self.options.rate * _falling(done) * min(1.0, (since + 1) / 100)

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)


def _falling(done: float) -> float:
    """Factor of a learning rate: 1 for the first half, then down to a tenth."""
    return 1.0 if done < 0.5 else 0.1 + 0.45 * (1 + math.cos(math.pi * min(1.0, (done - 0.5) / 0.5)))


Watch = Callable[[Trainer, dict[str, float]], bool]
"""Called after every step with its losses; True ends the training. May raise to cancel."""


def train(data: Dataset, trainer: Trainer, watch: Watch) -> None:
    """Trains until the time, the steps or ``watch`` end it."""
    o = trainer.options
    sampler = Sampler(data, o.crop, o.margin, trainer.random, trainer.device, recolor=o.recolor, turn=o.turn)
    while trainer.progress() < 1:
        if trainer.training_prior and trainer.codes_read is None:
            trainer.read(data, lambda: watch(trainer, {}))
        if watch(trainer, trainer.prior_step() if trainer.training_prior else trainer.step(sampler.draw(o.batch))):
            break

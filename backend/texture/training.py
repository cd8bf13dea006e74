"""Training of the material model: from nothing, or on from a base, on a dataset of map stacks.

One step, top to bottom: a batch of real crops; the generator makes as many with the same attributes and layouts, half of them from the
noise that the inverter reads out of the real ones, with the latent that the encoder saw in a photograph of the same material, half of
them from random noise and latents; the discriminator learns to score the real one of each pair higher (relativistic pairing with R1 and
R2, R3GAN 2024) and to refuse real ones under wrong attributes; the generator learns the opposite, and with patch distributions (sliced
Wasserstein) and feature statistics it is told directly what its material is made of.
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

from ...shared.errors import InputError
from . import losses
from .data.dataset import Dataset
from .networks import Config, Discriminator, Encoder, Generator, Inverter, joints
from .sampling import Batch, Sampler
from .seeds import Seeds, make_seeds

LEAST_CROP = 56
"""Pixels: of a smaller crop the discriminator's last layer sees nothing."""
UNKNOWN_SHARE = 0.5
"""How much patch and feature statistics count where the noise is plain."""


@dataclasses.dataclass(frozen=True)
class Options:
    """How to train.

    Attributes:
        minutes: Time to train, resumed time included.
        steps: Most steps, or 0 for no limit.
        batch: Crops in a step.
        warm: Steps at the start without the discriminator, all from inverted noise: they teach to draw, quickly.
        crop: Side of a crop in pixels.
        margin: See ``Sampler``.
        rate: Learning rate of Adam, twice as much while warm; falls to a tenth over the last half.
        gamma: Weight of R1 and R2, for stacks in 0..1; at 1 the discriminator saw hardly more than chance.
        lazy: Steps between two R1 and R2.
        patches: Weight of the patch distribution.
        features: Weight of the feature statistics.
        likeness: Weight of the likeness of what was made from an inverted code to its original.
        measured: Weight of the measurable attributes of what was made, against its pair's: so that sliders are obeyed.
        codes: Weight of the likeness of codes made from noise to inverted ones.
        divergence: Weight of the latent's divergence from N(0, 1).
        recolor: Share of the crops that are given other colours, with attributes to match.
        turn: Whether crops are mirrored and turned.
        average: Decay of the averaged weights.
        seed: Of everything random.
        half: bfloat16 where it pays.
    """

    minutes: float = 60.0
    steps: int = 0
    warm: int = 2000
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
    codes: float = 1.0
    divergence: float = 0.02
    recolor: float = 0.5
    turn: bool = True
    average: float = 0.998
    seed: int = 0
    half: bool = True


@dataclasses.dataclass(frozen=True)
class _Source:
    """What the generator is given in a step, and what that costs: ``dreamt`` is how unlike real codes those made from noise are."""

    style: torch.Tensor
    seeds: Seeds
    code: torch.Tensor
    dreamt: torch.Tensor
    divergence: torch.Tensor
    told: torch.Tensor


class Trainer:
    """Networks, their averages and optimisers, and one step of training."""

    def __init__(self, config: Config, options: Options, device: torch.device) -> None:
        if options.crop < LEAST_CROP:
            raise InputError(expected=f"crops of at least {LEAST_CROP} px, as the discriminator sees them", got=f"{options.crop} px")
        torch.manual_seed(options.seed)
        self.config, self.options, self.device = config, options, device
        layout = torch.channels_last
        self.generator = Generator(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.critic = Discriminator(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.encoder = Encoder(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.inverter = Inverter(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        self.mean_generator = copy.deepcopy(self.generator).requires_grad_(False)
        self.mean_encoder = copy.deepcopy(self.encoder).requires_grad_(False)
        making = [*self.generator.parameters(), *self.encoder.parameters(), *self.inverter.parameters()]
        self.making = torch.optim.Adam(making, options.rate)
        self.judging = torch.optim.Adam(self.critic.parameters(), options.rate)
        self.random = torch.Generator().manual_seed(options.seed)
        self.arranged: torch.Tensor | None = None  # (N, CODE, h, w) codes on toruses, to learn from instead of those made from noise
        self.norms: dict[str, float] = {}
        self.step_number = 0
        self.spent = 0.0  # seconds

    def networks(self) -> dict[str, nn.Module]:
        """What a model file holds: the averaged networks, and those that training on needs."""
        return {"generator": self.mean_generator, "encoder": self.mean_encoder, "critic": self.critic, "inverter": self.inverter}

    def progress(self) -> float:
        """0..1 of the time or the steps, whichever is nearer its end."""
        parts = [self.spent / (60 * self.options.minutes)]
        if self.options.steps:
            parts.append(self.step_number / self.options.steps)
        return min(1.0, max(parts))

    def step(self, batch: Batch) -> dict[str, float]:
        """One step of both sides; gives the losses."""
        began = time.monotonic()
        self._set_rate()
        found = self._draw_step(batch) if self.step_number < self.options.warm else self._full_step(batch)
        self._average()
        self.step_number += 1
        self.spent += time.monotonic() - began
        return found

    def _draw_step(self, batch: Batch) -> dict[str, float]:
        """A step at the start: to draw what noise and latent were read from."""
        o, count = self.options, len(batch.stack)
        middle = slice(o.margin, o.margin + o.crop)
        real = batch.stack[..., middle, middle]
        s = self._source(batch, slice(0, count))
        with self._autocast():
            made = self.generator(s.style, s.seeds, code=s.code)[..., middle, middle].float()
        patches = losses.patch_distance(made, real).mean()
        likeness = losses.likeness_loss(made, real, [], []) + 0.5 * (made - real).abs().mean()
        total = o.patches * patches + 3 * o.likeness * likeness + o.divergence * s.divergence + o.codes * s.dreamt + s.told
        self.making.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self._advance("making", self.making)
        parts = {"patches": patches, "likeness": likeness, "divergence": s.divergence, "codes": s.dreamt, "attributes": s.told}
        return {name: float(value.detach()) for name, value in parts.items()}

    def _full_step(self, batch: Batch) -> dict[str, float]:
        """A step of both sides."""
        o, count = self.options, len(batch.stack)
        middle = slice(o.margin, o.margin + o.crop)
        real, pattern = batch.stack[..., middle, middle], batch.pattern[..., middle, middle]
        known = slice(0, count - count // 2)  # those whose noise and latent are read from the real ones: only they have one true answer
        s = self._source(batch, known)
        with self._autocast():
            made = self.generator(s.style, s.seeds, code=s.code)[..., middle, middle]

        judged = self._judge(real, made.detach(), pattern, batch.attributes)

        with self._autocast():
            with torch.no_grad():
                real_features = self.critic.features(real, pattern)
                real_scores = self.critic.score(real_features, batch.attributes)
            features = self.critic.features(made, pattern)
            fooled = losses.relativistic(self.critic.score(features, batch.attributes), real_scores)
        made = made.float()
        # Plain noise has no one true answer, but the same attributes and layout: what it is made of should be nearly the same.
        share = torch.ones(count, device=self.device)
        share[known.stop :] = UNKNOWN_SHARE
        patches = (share * losses.patch_distance(made, real)).mean()
        statistics = (share * losses.feature_distance(features, real_features)).mean()
        measured = losses.measured_distance(made, real).mean()
        likeness = losses.likeness_loss(made[known], real[known], [f[known] for f in features], [f[known] for f in real_features])
        total = fooled + o.patches * patches + o.features * statistics + o.likeness * likeness
        total = total + o.divergence * s.divergence + o.codes * s.dreamt + o.measured * measured + s.told
        # Values far outside 0..1 are clipped when a material is saved: they must not pay.
        total = total + 0.1 * (made - made.clamp(0, 1)).square().mean()
        self.making.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self._advance("making", self.making)
        return {
            **judged,
            "fooled": float(fooled.detach()),
            "patches": float(patches.detach()),
            "statistics": float(statistics.detach()),
            "likeness": float(likeness.detach()),
            "measured": float(measured.detach()),
            "divergence": float(s.divergence.detach()),
            "codes": float(s.dreamt.detach()),
            "attributes": float(s.told.detach()),
        }

    def _source(self, batch: Batch, known: slice) -> _Source:
        """Style, noise and codes; codes and latents are read from the real ones for the ``known``, and made from noise for the rest."""
        count, side = len(batch.stack), batch.stack.shape[-1]
        seeds = make_seeds(count, (side, side), self.random, batch.pattern, self.device)
        with self._autocast():
            mean, log_variance, read = self.encoder(batch.photo)
            found = self.inverter(batch.stack, batch.pattern)
        drawn = torch.randn(mean.shape, generator=self.random).to(self.device)
        latent = torch.cat([(mean + drawn * (log_variance / 2).exp())[known], drawn[known.stop :]])
        with self._autocast():
            style = self.generator.style(batch.attributes, latent)
            dreamt = self.generator.code(style, seeds).float()
        laid = 1.5 * joints(batch.pattern)
        return _Source(
            style=style,
            seeds=seeds,
            code=torch.cat([found[known], self._strange(dreamt[known.stop :])]),
            # With the joints beside them: a code must not only look like one, it must fit the layout.
            dreamt=losses.code_distance(torch.cat([dreamt, laid], 1), torch.cat([found.detach(), laid], 1)).mean(),
            divergence=losses.latent_divergence(mean, log_variance),
            told=losses.attribute_loss(read, batch.attributes, batch.known),
        )

    def _strange(self, dreamt: torch.Tensor) -> torch.Tensor:
        """Codes that no real picture goes with: made from noise, or where there are any, parts of arranged ones."""
        if self.arranged is None or not len(dreamt):
            return dreamt
        parts = []
        for _ in range(len(dreamt)):
            one, down, right = (
                int(torch.randint(side, (), generator=self.random)) for side in (len(self.arranged), *self.arranged.shape[2:])
            )
            moved = self.arranged[one].roll((down, right), (1, 2))
            parts.append(moved[:, : dreamt.shape[2], : dreamt.shape[3]])
        return torch.stack(parts).to(dreamt)

    def _judge(self, real: torch.Tensor, made: torch.Tensor, pattern: torch.Tensor, attributes: torch.Tensor) -> dict[str, float]:
        """A step of the discriminator."""
        penalise = self.step_number % self.options.lazy == 0
        real = real.detach().requires_grad_(penalise)
        fake = made.float().requires_grad_(penalise)
        with self._autocast():
            real_features = self.critic.features(real, pattern)
            real_scores = self.critic.score(real_features, attributes)
            fake_scores = self.critic.score(self.critic.features(fake, pattern), attributes)
            loss = losses.relativistic(real_scores, fake_scores)
            wrong = attributes.roll(1, 0)
            differ = (attributes - wrong).abs().amax(1) > 0.01  # of one exemplar's crops none do
            if bool(differ.any()):
                wrong_scores = self.critic.score([f[differ] for f in real_features], wrong[differ])
                loss = loss + 0.5 * losses.relativistic([r[differ] for r in real_scores], wrong_scores)
        penalty = torch.zeros(())
        if penalise:
            penalty = losses.gradient_penalty(real_scores, real) + losses.gradient_penalty(fake_scores, fake)
            loss = loss + self.options.lazy * self.options.gamma / 2 * penalty
        self.judging.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._advance("judging", self.judging)
        margin = sum(float((r - f).detach().float().mean()) for r, f in zip(real_scores, fake_scores, strict=True))
        return {"judged": float(loss.detach()), "margin": margin, **({"penalty": float(penalty.detach())} if penalise else {})}

    def _advance(self, side: str, optimiser: torch.optim.Optimizer) -> None:
        """An optimiser's step with the gradient held to three times its usual norm: one bad batch must not undo the rest."""
        parameters = optimiser.param_groups[0]["params"]
        usual = self.norms.get(side, 0.0)
        norm = float(nn.utils.clip_grad_norm_(parameters, 3 * usual if usual else 10.0))
        if math.isfinite(norm):
            optimiser.step()
            self.norms[side] = 0.98 * usual + 0.02 * min(norm, 3 * usual) if usual else norm

    def _set_rate(self) -> None:
        fraction = self.progress()
        falling = 1.0 if fraction < 0.5 else 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (fraction - 0.5) / 0.5))
        drawing = self.step_number < self.options.warm
        since = self.step_number if drawing else self.step_number - self.options.warm
        rate = (2 if drawing else 1) * self.options.rate * falling * min(1.0, (since + 1) / 100)
        for optimiser in (self.making, self.judging):
            optimiser.param_groups[0]["lr"] = rate
            # With a fixed goal momentum pays; with an opponent it overshoots (R3GAN trains without).
            optimiser.param_groups[0]["betas"] = (0.9 if drawing else 0.0, 0.99)

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
    sampler = Sampler(data, o.crop, o.margin, trainer.random, trainer.device, recolor=o.recolor, turn=o.turn)
    while trainer.progress() < 1:
        if watch(trainer, trainer.step(sampler.draw(o.batch))):
            break

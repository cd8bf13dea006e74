"""Training for one shot: first what the look makes of the passes, then what to make of tracked paint."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch

from ...core.devices import halves_pay
from ...core.gan_losses import gradient_penalty, relativistic
from . import augment, losses
from .dataset import Dataset, Keyframe
from .examples import Batch, Example, Sampler, Window, gather
from .features import Statistics
from .network import ShotNetwork
from .tracking import Tracker

# Fraction done, a few words, and a function that makes a picture of an unpainted frame, or None
Report = Callable[[float, str, Callable[[], np.ndarray] | None], None]
TRANSFER_SHARE = 0.3  # part of the time for the prediction; it may end sooner
CHECK_EVERY = 40  # steps between looks at the held-out crops
PATIENCE = 12  # checks without improvement after which the prediction is done: going on would learn the keyframe by heart
GAMMA = 0.05  # weight of the gradient penalty on either side
AVERAGE = 0.995


@dataclasses.dataclass(frozen=True)
class Options:
    """How to train.

    Attributes:
        size: ``lite`` or ``full``.
        minutes: Most time.
        steps: Most steps; 0 for no limit. A run that ends by steps gives the same bytes each time.
        detail: 0..1, how much the painted structure of unpainted frames counts next to likeness.
        seed: Of everything random.
        side: Of a crop, in pixels, a multiple of 4.
        batch: Crops in a step.
    """

    size: str = "lite"
    minutes: float = 10.0
    steps: int = 0
    detail: float = 0.5
    seed: int = 0
    side: int = 64
    batch: int = 4


class Trainer:
    """Trains the network of a shot.

    Args:
        tracker: Of the shot.
        statistics: Of the shot.
        keyframes: What is painted.
        network: To go on with, or a new one.
        options: How.
        device: Where.
        resumed: Whether the network has been trained on (some of) these keyframes before.
    """

    def __init__(
        self, tracker: Tracker, statistics: Statistics, keyframes: Mapping[int, Keyframe], network: ShotNetwork, options: Options,
        device: torch.device, resumed: bool = False,
    ) -> None:  # fmt: skip
        torch.manual_seed(options.seed & (2**63 - 1))
        self.options, self.device, self.resumed = options, device, resumed
        self.random = torch.Generator().manual_seed((options.seed + 1) & (2**63 - 1))
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dataset = Dataset(tracker, statistics, keyframes, options.side, options.seed)
        self.sampler = Sampler(options.side, self.random)
        self.half = halves_pay(device)
        self.history: list[dict[str, float | str]] = []
        self.steps = 0
        self._began, self._shown = time.monotonic(), 0.0

    def run(self, report: Report) -> ShotNetwork:
        """Trains until the time or the steps are used up; gives the network for rendering, on the device.

        Raises:
            JobCancelled: From ``report``.
        """
        self._began = time.monotonic()
        self._train_transfer(report)
        self.network.transfer.requires_grad_(False)
        self.network.objects.requires_grad_(False)
        report(self._fraction(), "tracking the paint", None)
        self.dataset.track(self._predict, lambda text: report(self._fraction(), text, None))
        network = self._train_repair(report)
        network.requires_grad_(True)
        return network

    # -- the prediction ------------------------------------------------------------------------------------------------

    def _train_transfer(self, report: Report) -> None:
        network, examples = self.network, self.dataset.painted()
        parameters = [*network.transfer.parameters(), *network.objects.parameters()]
        optimiser = torch.optim.Adam(parameters, 1e-3 if self.resumed else 3e-3, (0.9, 0.99))
        share = TRANSFER_SHARE * (0.5 if self.resumed else 1.0)
        best, best_state, waited = float("inf"), copy.deepcopy(network.state_dict()), 0
        began, first = self._fraction(), self.steps
        while (done := (self._fraction() - began) / share) < 1:
            self._pace(optimiser, 3e-3 * (0.4 if self.resumed else 1), done)
            batch = self._draw(examples)
            assert batch.target is not None
            assert batch.weight is not None
            with self._cast():
                made = network.predict(self._drop(batch.features), batch.ids)
            loss = losses.likeness(made.float(), batch.target, batch.weight)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            self.steps += 1
            if (self.steps - first) % CHECK_EVERY == 0:
                error = self._held_out(lambda b: network.predict(b.features, b.ids))
                self.history.append(
                    {"stage": "prediction", "step": self.steps, "loss": round(float(loss.detach()), 5), "held_out": round(error, 5)}
                )
                waited = 0 if error < best * 0.995 else waited + 1
                if error < best:
                    best, best_state = error, copy.deepcopy(network.state_dict())
                if waited >= PATIENCE:
                    break
            self._show(report, f"learning the look, step {self.steps}", predicted_only=True)
        if best < float("inf"):
            network.load_state_dict(best_state)

    # -- the repair ----------------------------------------------------------------------------------------------------

    def _train_repair(self, report: Report) -> ShotNetwork:
        network, dataset = self.network, self.dataset
        average = copy.deepcopy(network).requires_grad_(False)
        optimiser = torch.optim.Adam(network.repair.parameters(), 2e-3, (0.9, 0.99))
        critic = losses.Critic().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        critic_optimiser = torch.optim.Adam(critic.parameters(), 1e-3, (0.5, 0.99))
        examples, others = dataset.tracked(), dataset.unpainted()
        began, first, seen = self._fraction(), self.steps, 0
        best, best_state = float("inf"), copy.deepcopy(average.state_dict())
        while examples and (done := (self._fraction() - began) / max(1 - began, 1e-6)) < 1:
            self._pace(optimiser, (0.8e-3 if self.resumed else 2e-3), done)
            batch = self._draw(examples)
            assert batch.target is not None
            assert batch.weight is not None
            made = self._make(network, batch, drop=True)
            loss = losses.likeness(made, batch.target, batch.weight)
            if others and self.options.detail > 0 and done > 0.25 and self.steps % 3 == 0:
                loss = loss + self._unpainted(network, critic, critic_optimiser, batch, made, done)
            if dataset.pairs and self.steps % 6 == 1 and done > 0.1:
                loss = loss + 0.5 * self._steadiness(network)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.repair.parameters(), 1.0)
            optimiser.step()
            self.steps += 1
            seen += 1
            rate = min(AVERAGE, 1 - 1 / (1 + seen))
            with torch.no_grad():
                for kept, new in zip(average.repair.parameters(), network.repair.parameters(), strict=True):
                    kept.lerp_(new, 1 - rate)
            if (self.steps - first) % (2 * CHECK_EVERY) == 0:
                error = self._held_out(lambda b: self._make(average, b))
                self.history.append(
                    {"stage": "repair", "step": self.steps, "loss": round(float(loss.detach()), 5), "held_out": round(error, 5)}
                )
                if error < best:
                    best, best_state = error, copy.deepcopy(average.state_dict())
            self._show(report, f"training, step {self.steps}", average)
        if best < float("inf"):
            average.load_state_dict(best_state)
        return average

    def _unpainted(
        self,
        network: ShotNetwork,
        critic: losses.Critic,
        critic_optimiser: torch.optim.Optimizer,
        batch: Batch,
        made: torch.Tensor,
        done: float,
    ) -> torch.Tensor:
        """The critic's and the distribution's part: pictures of unpainted frames shall consist of what is painted."""
        assert batch.target is not None
        assert batch.weight is not None
        chosen = self._choose(self.dataset.unpainted(), self.options.batch)
        other = gather(chosen, self.device)
        picture = self._make(network, other)
        whole = batch.weight.flatten(1).mean(1) > 0.97
        total = torch.zeros((), device=self.device)
        for n in range(len(picture)):
            # The same object in a painted crop, if this batch has one.
            ids = batch.ids
            wanted = int(other.ids[n].flatten().mode().values)
            for m in range(len(ids)):
                mask = (ids[m] == wanted) & (batch.weight[m, 0] > 0)
                if int(mask.sum()) >= 200:
                    total = total + losses.patch_distribution(picture[n], batch.target[m], other.ids[n] == wanted, mask, self.random) / len(
                        picture
                    )
                    break
        if int(whole.sum()) >= 2 and done > 0.4 and self.steps % 6 == 0:
            count = min(int(whole.sum()), len(picture))
            real, fake = batch.target[whole][:count].clone().requires_grad_(), picture[:count].detach().requires_grad_()
            penalised = self.steps % 48 == 0
            with self._cast(not penalised):
                (a, _), (b, _) = critic(real), critic(fake)
            critic_loss = relativistic([a], [b])
            if penalised:
                critic_loss = critic_loss + 8 * GAMMA * (gradient_penalty([a], real) + gradient_penalty([b], fake)) / 2
            critic_optimiser.zero_grad(set_to_none=True)
            critic_loss.backward()
            critic_optimiser.step()
            critic.requires_grad_(False)
            with self._cast():
                scores, _ = critic(picture[:count])
                _, ours = critic(made[whole])
                with torch.no_grad():
                    real_scores, theirs = critic(batch.target[whole])
            matching = torch.stack([(x.float() - y.float()).abs().mean() for x, y in zip(ours, theirs, strict=True)]).mean()
            critic.requires_grad_(True)
            total = total + 0.01 * relativistic([scores], [real_scores[:count]]) + 0.1 * matching
        return self.options.detail * total

    def _steadiness(self, network: ShotNetwork) -> torch.Tensor:
        """Two frames in a row shall show the same on the same surface, where the render itself does."""
        pair = self.dataset.pairs[min(int(self._chance() * len(self.dataset.pairs)), len(self.dataset.pairs) - 1)]
        crops = pair.draw(self.sampler, max(2, self.options.batch // 2))
        one, two = gather([(pair.first, w) for w, _ in crops], self.device), gather([(pair.second, w) for _, w in crops], self.device)
        made = self._make(network, one.beside(two))
        grid, mask = pair.grid(crops, self.device)
        first, second = made.chunk(2)
        there = torch.nn.functional.grid_sample(second, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return losses.masked_mean((first - there).abs(), mask)

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _make(self, network: ShotNetwork, batch: Batch, drop: bool = False) -> torch.Tensor:
        assert batch.predicted is not None
        assert batch.guides is not None
        features, guides = batch.features, batch.guides
        if drop:
            features, guides = self._drop(features), augment.hide(guides, self.random)
        with self._cast():
            made: torch.Tensor = network(features, batch.ids, batch.predicted, guides)
        return made.float()

    def _predict(self, features: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), self._cast():
            made = self.network.predict(features[None].float().to(self.device), ids[None].to(self.device))
        return made[0].float().cpu()

    def _held_out(self, make: Callable[[Batch], torch.Tensor]) -> float:
        total, weight = 0.0, 1e-9
        for batch in self.dataset.held_out(self.device):
            assert batch.target is not None
            assert batch.weight is not None
            with torch.no_grad(), self._cast():
                made = make(batch).float()
            total += float(((made - batch.target).abs() * batch.weight).sum())
            weight += float(batch.weight.sum()) * 3
        return total / weight

    def _choose(self, examples: list[Example], count: int) -> list[tuple[Example, Window]]:
        chosen = [examples[min(int(self._chance() * len(examples)), len(examples) - 1)] for _ in range(count)]
        return [(e, self.sampler.window(e)) for e in chosen]

    def _draw(self, examples: list[Example]) -> Batch:
        return gather(self._choose(examples, self.options.batch), self.device)

    def _drop(self, features: torch.Tensor) -> torch.Tensor:
        return augment.drop(features, self.network.spans(), self.random)

    def _cast(self, wanted: bool = True) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half and wanted)

    def _pace(self, optimiser: torch.optim.Optimizer, rate: float, done: float) -> None:
        """A short warm-up, then half a cosine down to a twentieth."""
        factor = min(1.0, 0.1 + done * 30) * (0.05 + 0.95 * 0.5 * (1 + float(np.cos(np.pi * min(done, 1.0)))))
        for group in optimiser.param_groups:
            group["lr"] = rate * factor

    def _fraction(self) -> float:
        spent = (time.monotonic() - self._began) / max(self.options.minutes * 60, 1e-3)
        return self.steps / self.options.steps if self.options.steps else spent

    def _chance(self) -> float:
        return float(torch.rand((), generator=self.random))

    def _show(self, report: Report, stage: str, network: ShotNetwork | None = None, predicted_only: bool = False) -> None:
        now = time.monotonic()
        due = now - self._shown > 4.0
        if due:
            self._shown = now
        shown = network or self.network

        def picture() -> np.ndarray:
            return self.dataset.preview(shown, None if predicted_only else self.half, self.device)

        report(min(self._fraction(), 1.0), stage, picture if due else None)

"""Training of the prior: to make, from noise, codes like those that the inverter reads from real materials, whole tiles at a time.

All codes are read once, with their layouts and photographs, because the inverter no longer changes. A step is
that of ``training`` at an eighth of the size: half of the generated codes have the latent that the encoder reads from a photograph of the
same material, and must have that material's neighbourhoods of codes (sliced Wasserstein); half have a random latent and only the
adversarial loss.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
import torch.nn.functional as F

from ...core.devices import halves_pay
from ..data.dataset import Dataset
from ..generator.layers import layout_cells
from ..generator.networks import Encoder, Generator, Inverter
from ..generator.noise import STRIDE
from ..generator.prior import FACTORS
from . import generator_losses
from .batches import Sampler
from .discriminators import Pairs, PriorDiscriminator, discriminator_step, generator_step
from .optimiser import ClippedAdam, average

WRONG = 0.3  # weight of real codes under wrong attributes in the discriminator's loss
PHOTO = 128  # side in pixels of a photograph from which a material's latent is read
TIMES = 24  # shifts, turns and colours in which a material is read at most
BORDER = 4  # cells at the edge of a picture whose codes know of what is not there


@dataclasses.dataclass(frozen=True)
class Options:
    """How to train the prior.

    Attributes:
        codes_read: Codes read before the start, at most ``TIMES`` for each material.
        batch: Codes in a step.
        rate: Learning rate of Adam.
        gamma: Weight of R1 and R2.
        lazy: Steps between two R1 and R2.
        codes: Weight of the distance between neighbourhoods of codes.
        features: Weight of the statistics of the discriminator's features.
        divergence: Weight of the latent's divergence from N(0, 1).
        average: Decay of the averaged weights.
    """

    codes_read: int = 4096
    batch: int = 16
    rate: float = 7e-4
    gamma: float = 1.0
    lazy: int = 8
    codes: float = 1.0
    features: float = 1.0
    divergence: float = 0.05
    average: float = 0.998


@dataclasses.dataclass(frozen=True)
class CodeSet:
    """Real codes and what goes with them, in half precision.

    Attributes:
        codes: ``(N, CODE, h, w)``, each channel with mean 0 and deviation 1 over all of them.
        layouts: ``(N, LAYOUT_CHANNELS, h, w)``, see ``layers.layout_cells``.
        photos: ``(N, 3, PHOTO, PHOTO)`` uint8 sRGB, another position of each material under a random light.
        attributes: ``(N, A)`` float32 in 0..1.
        known: ``(N, A)`` bool.
        tiles: Whether the codes are whole toruses.
    """

    codes: torch.Tensor
    layouts: torch.Tensor
    photos: torch.Tensor
    attributes: torch.Tensor
    known: torch.Tensor
    tiles: bool


def read_codes(
    data: Dataset,
    inverter: Inverter,
    count: int,
    random: torch.Generator,
    device: torch.device,
    report: Callable[[float], None] | None = None,
) -> CodeSet:
    """Reads codes of randomly shifted, mirrored, turned and recoloured materials.

    Args:
        data: The materials; of those that do not tile the edge is left out, of the others too if any does not.
        inverter: Trained.
        count: Of the codes; fewer of a small library.
        random: Draws everything.
        device: Where the inverter is.
        report: Called with the fraction done; may raise to cancel.
    """
    side = data.size // STRIDE * STRIDE
    sampler = Sampler(data, side, 0, random, device)
    tiles = bool(data.tiles.all())
    kept: list[list[torch.Tensor]] = []
    batch = 8
    count = min(count, TIMES * len(data))
    for start in range(0, count, batch):
        if report is not None:
            report(start / count)
        drawn = sampler.draw(min(batch, count - start))
        stack, pattern = drawn.stack, drawn.pattern
        if tiles:
            stack, pattern = (F.pad(x, (BORDER * STRIDE,) * 4, mode="circular") for x in (stack, pattern))
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=halves_pay(device)):
            code = inverter.read(stack, pattern).float()[..., BORDER:-BORDER, BORDER:-BORDER]
            layout = layout_cells(pattern)[..., BORDER:-BORDER, BORDER:-BORDER]
        whole = [n // FACTORS[0] * FACTORS[0] for n in code.shape[2:]]
        photo = (drawn.photo[..., :PHOTO, :PHOTO] * 255).round().to(torch.uint8)
        parts = (code[..., : whole[0], : whole[1]], layout[..., : whole[0], : whole[1]].half(), photo, drawn.attributes, drawn.known)
        kept.append([part.cpu() for part in parts])
    codes, layouts, photos, attributes, known = (torch.cat(column) for column in zip(*kept, strict=True))
    mean, deviation = codes.mean((0, 2, 3), keepdim=True), codes.std((0, 2, 3), keepdim=True)
    return CodeSet(((codes - mean) / (deviation + 1e-3)).half(), layouts, photos, attributes, known, tiles)


class PriorTrainer:
    """The prior's networks, averages and optimisers, and one step of its training.

    Args:
        generator: Its ``prior`` is trained; the rest stays.
        mean_generator: Whose ``prior`` is the average.
        encoder: Trained along: the latent is what the prior can use.
        mean_encoder: Its average.
        options: How.
        device: Where.
        random: Draws everything.
    """

    def __init__(
        self,
        generator: Generator,
        mean_generator: Generator,
        encoder: Encoder,
        mean_encoder: Encoder,
        options: Options,
        device: torch.device,
        random: torch.Generator,
    ) -> None:
        self.prior, self.encoder, self.options, self.device, self.random = generator.prior, encoder, options, device, random
        self.pairs = ((mean_generator.prior, generator.prior), (mean_encoder, encoder))
        config = generator.config
        self.critic = PriorDiscriminator(config).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.generator_optimiser = ClippedAdam([*generator.prior.parameters(), *encoder.parameters()], options.rate)
        self.discriminator_optimiser = ClippedAdam(list(self.critic.parameters()), options.rate)
        self.step_number = 0

    def step(self, codes_read: CodeSet, rate: float = 1.0, half: bool = False) -> dict[str, float]:
        """A discriminator step and a generator step; gives the losses.

        Args:
            codes_read: To learn from.
            rate: Factor of the learning rate.
            half: bfloat16 where it pays.
        """
        o, count = self.options, self.options.batch
        rows = torch.randint(len(codes_read.codes), (count,), generator=self.random)
        shift = [int(torch.randint(n, (), generator=self.random)) for n in codes_read.codes.shape[2:]] if codes_read.tiles else [0, 0]
        real, layout = (x[rows].to(self.device).float().roll(shift, (2, 3)) for x in (codes_read.codes, codes_read.layouts))
        attributes, known = (x[rows].to(self.device) for x in (codes_read.attributes, codes_read.known))
        photo = codes_read.photos[rows].to(self.device).float() / 255
        seen = slice(0, count - count // 2)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            mean, log_variance, read = self.encoder(photo)
        drawn = torch.randn(mean.shape, generator=self.random).to(self.device)
        latent = torch.cat([(mean + drawn * (log_variance / 2).exp())[seen], drawn[seen.stop :]])
        noise = torch.randn(real.shape, generator=self.random).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            made = self.prior(torch.cat([attributes * 2 - 1, latent], 1), noise, layout).float()
        given = Pairs(real, made, layout, attributes)
        penalty = o.lazy * o.gamma / 2 if self.step_number % o.lazy == 0 else 0.0
        critic_losses = discriminator_step(self.critic, self.discriminator_optimiser, given, o.rate * rate, penalty, WRONG, half)
        adversarial, features, real_features = generator_step(self.critic, given, half)
        joints = 1.5 * layout[seen, -4:]  # codes are compared together with the joints they must fit
        distance = generator_losses.code_distance(torch.cat([made[seen], joints], 1), torch.cat([real[seen], joints], 1)).mean()
        statistics = generator_losses.feature_distance([f[seen] for f in features], [f[seen] for f in real_features]).mean()
        divergence = generator_losses.latent_divergence(mean, log_variance)
        attribute_loss = generator_losses.attribute_loss(read, attributes, known)
        total = adversarial + o.codes * distance + o.features * statistics + o.divergence * divergence + attribute_loss
        self.generator_optimiser.step(total, o.rate * rate)
        average(self.pairs, o.average, self.step_number)
        self.step_number += 1
        found = {
            "generator": adversarial,
            "codes": distance,
            "statistics": statistics,
            "divergence": divergence,
            "attributes": attribute_loss,
        }
        return {**critic_losses, **{name: float(value.detach()) for name, value in found.items()}}

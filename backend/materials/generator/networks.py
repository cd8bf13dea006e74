"""The networks: generator, encoder, inverter.

The generator turns noise on a torus into a stack of maps in four stages, each twice as fine as the one before. All its padding is
circular, so what it makes tiles by construction, and it has no layer that sees a whole picture, so it makes any size. A style, mapped
from the attributes and a free latent, scales and shifts every layer (FiLM, Perez et al. 2018). Nothing is normalised (R3GAN, Huang et
al. 2024).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ..attributes import COLORS, FAMILY_NAMES, NUMBERS, VECTOR_SIZE
from ..stack import CHANNELS, METALLIC, ROUGHNESS
from .layers import CODE, SLOPE, WAVES, StyledConv, Waves, enlarge, layout_cells
from .noise import LEVEL_CHANNELS, LEVELS, Seeds
from .patterns import PATTERN_CHANNELS
from .prior import Prior

CODE_NOISE = 0.3
"""Share (in amplitude) of fresh noise in a code."""
_FIRST_NUMBER = len(FAMILY_NAMES) + 3 * len(COLORS)
LEVEL_PLACES = (
    *(len(FAMILY_NAMES) + 3 * COLORS.index("color") + i for i in range(3)),
    _FIRST_NUMBER + NUMBERS.index("roughness"),
    _FIRST_NUMBER + NUMBERS.index("metallic"),
)
"""Where in the attribute vector the means of base colour, roughness and metallic are."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Sizes of the networks; stored with the weights.

    Attributes:
        attributes: Length of the attribute vector.
        latent: Length of the free latent.
        style: Length of the style.
        channels: Of the generator's stages, the coarsest first.
        critic: Of the discriminator's stages, the finest first.
        encoder: Of the encoder's stages, the finest first.
        prior: Of the stages that make a code from plain noise, the coarsest first.
        prior_critic: Of the stages of the discriminator of codes, the finest first.
    """

    attributes: int = VECTOR_SIZE
    latent: int = 32
    style: int = 128
    channels: tuple[int, ...] = (160, 96, 48, 24)
    critic: tuple[int, ...] = (64, 96, 128)
    encoder: tuple[int, ...] = (48, 64, 96, 128)
    prior: tuple[int, ...] = (128, 96, 64)
    prior_critic: tuple[int, ...] = (64, 96, 128)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Config:
        """From what a file says; entries that another version added are left out."""
        known = {field.name for field in dataclasses.fields(cls)}
        sizes: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items() if name in known}
        return cls(**sizes)

    def widened(self, factor: float) -> Config:
        """All channels times a factor, in steps of 8."""

        def wide(channels: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(max(8, round(c * factor / 8) * 8) for c in channels)

        names = ("channels", "critic", "encoder", "prior", "prior_critic")
        changed: dict[str, Any] = {name: wide(getattr(self, name)) for name in names}
        return dataclasses.replace(self, **changed)


class Generator(nn.Module):
    """Noise, layout and style to a stack of maps."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        c, s = config.channels, config.attributes + config.style
        m = config.style
        self.mapping = nn.Sequential(
            nn.Linear(config.attributes + config.latent, m), nn.LeakyReLU(SLOPE), nn.Linear(m, m), nn.LeakyReLU(SLOPE), nn.Linear(m, m)
        )
        self.waves = Waves(s)
        self.prior = Prior(config.attributes + config.latent, config.prior)
        self.first = StyledConv(CODE + 2 * WAVES + PATTERN_CHANNELS, c[0], s)
        self.coarse = nn.ModuleList(StyledConv(c[0], c[0], s) for _ in range(3))
        extra = [PATTERN_CHANNELS + n for n in LEVEL_CHANNELS]
        self.enter = nn.ModuleList(StyledConv(c[i] + extra[i + 1], c[i + 1], s) for i in range(2))
        self.refine = nn.ModuleList(StyledConv(c[i + 1], c[i + 1], s) for i in (0, 0, 1))
        # The last doubling makes four pixels from one: convolutions at full size cost most and learn least.
        self.unfold = nn.Conv2d(c[2], 4 * c[3], 1)
        self.fine = StyledConv(c[3] + extra[3], c[3], s)
        self.last = nn.Conv2d(c[3], len(CHANNELS), 3)
        nn.init.normal_(self.last.weight, std=0.5 / math.sqrt(9 * c[3]))
        self.level = nn.Linear(s, len(CHANNELS))
        with torch.no_grad():
            # Fine noise starts faint: else it drowns the layout and the coarse noise for thousands of steps.
            for layer, before, noise in zip((*self.enter, self.fine), (c[0], c[1], c[3]), LEVEL_CHANNELS[1:], strict=True):
                layer.conv.weight[:, before : before + noise] *= 0.1
            # Every map starts from the mean that its attribute asks for.
            self.level.weight.zero_()
            nn.init.constant_(self.level.bias, 0.5)
            for channel, place in zip((*range(3), ROUGHNESS, METALLIC), LEVEL_PLACES, strict=True):
                self.level.weight[channel, place] = 0.5

    def style(self, attributes: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
        """``(B, A)`` in 0..1 and ``(B, L)`` N(0, 1) to the style ``(B, A + S + L)``: the attributes, what is learnt from both, the latent.

        The latent itself is the prior's business: what is made of a code does not see it.
        """
        asked = attributes * 2 - 1
        mapped = self.mapping(torch.cat([asked, latent], 1))
        return torch.cat([asked, mapped * torch.rsqrt(mapped.square().mean(1, keepdim=True) + 1e-6), latent], 1)

    def code(self, style: torch.Tensor, seeds: Seeds) -> torch.Tensor:
        """Plain noise to a code ``(B, CODE, H / 8, W / 8)``: where things are, in the terms in which the inverter reads real pictures.

        The seeds are a whole torus, its sides multiples of ``prior.COARSEST``.
        """
        a, mapped = self.config.attributes, self.config.style
        code: torch.Tensor = self.prior(
            torch.cat([style[:, :a], style[:, a + mapped :]], 1), seeds.levels[0][:, :CODE], layout_cells(seeds.pattern), seeds.origin
        )
        return code

    def forward(
        self, style: torch.Tensor, seeds: Seeds, whole: torch.Tensor | None = None, code: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Makes materials.

        Args:
            style: ``(B, A + S + L)``, or ``(B, A + S + L, h, w)`` to let it change over the picture.
            seeds: Noise and layout.
            code: As ``code`` gives it, or the inverter; None to make it from the noise, which only a whole torus can.
            whole: As ``style``, of the whole torus where ``style`` is only a window's; its waves run through all windows.

        Returns:
            ``(B, 6, H, W)``, about 0..1, not clipped.
        """
        layout = [seeds.pattern if step == 1 else F.avg_pool2d(seeds.pattern, step) for step in LEVELS]
        code = self.code(style, seeds) if code is None else code
        whole = self._seen(style if whole is None else whole)
        style = self._seen(style)
        cells = (code.shape[2], code.shape[3])
        # What is read from a picture is never quite certain, so near codes mean near pictures.
        code = math.sqrt(1 - CODE_NOISE**2) * code + CODE_NOISE * seeds.levels[0][:, CODE:]
        x = self.first(torch.cat([code, self.waves(whole, seeds.size, cells, seeds.origin), layout[0]], 1), style)
        x = x + self.coarse[0](x, style)
        x = x + self.coarse[1](x, style)
        x = self.coarse[2](x, style)
        for stage, refine in ((0, self.refine[:2]), (1, self.refine[2:])):
            x = torch.cat(
                [F.interpolate(x, scale_factor=2, mode="nearest"), seeds.levels[stage + 1].to(x.dtype), layout[stage + 1].to(x.dtype)], 1
            )
            x = self.enter[stage](x, style)
            for layer in refine:
                x = x + layer(x, style)
        x = F.pixel_shuffle(self.unfold(x), 2)
        x = self.fine(torch.cat([x, seeds.levels[3].to(x.dtype), layout[3].to(x.dtype)], 1), style)
        level = self.level(style.movedim(1, -1)).movedim(-1, 1)
        level = level[..., None, None] if style.ndim == 2 else enlarge(level, x.shape[3] // level.shape[3])
        return self.last(F.pad(x, (1, 1, 1, 1), mode="circular")) + level

    def _seen(self, style: torch.Tensor) -> torch.Tensor:
        return style[:, : self.config.attributes + self.config.style]


class Encoder(nn.Module):
    """A photograph to the latent that describes it, and to its attributes."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        widths = (12, *config.encoder)
        self.layers = nn.ModuleList(
            nn.Conv2d(i, o, 3, 1 if n == 0 else 2) for n, (i, o) in enumerate(zip(widths, config.encoder, strict=False))
        )
        top = config.encoder[-1]
        self.head = nn.Sequential(nn.Linear(2 * top, 192), nn.LeakyReLU(SLOPE), nn.Linear(192, 2 * config.latent + config.attributes))

    def forward(self, photo: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Encodes.

        Args:
            photo: ``(B, 3, H, W)`` sRGB 0..1, at least 64 px.

        Returns:
            Mean and log variance of the latent ``(B, L)``, and the attributes ``(B, A)`` (family logits first, then values).
        """
        x = F.pixel_unshuffle(photo * 2 - 1, 2)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
        x = x.float()
        pooled = torch.cat([x.mean((2, 3)), (x.var((2, 3), correction=0) + 1e-6).sqrt()], 1)
        out = self.head(pooled).float()
        latent = self.config.latent
        return out[:, :latent], out[:, latent : 2 * latent].clamp(-8, 4), out[:, 2 * latent :]


class Inverter(nn.Module):
    """A stack to the code that would have made it.

    It is used in training only: half of what the generator makes then has a real picture that it should be, position by position, and that
    teaches it to draw long before the adversarial loss does (VAE-GAN, Larsen et al. 2016).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        a, b, c = config.critic
        layers = [(4 * (len(CHANNELS) + 2), a, 3, 1), (a, b, 4, 2), (b, b, 3, 1), (b, c, 4, 2), (c, c, 3, 1)]
        self.layers = nn.ModuleList(nn.Conv2d(i, o, k, stride, padding=1) for i, o, k, stride in layers)
        self.last = nn.Conv2d(c, CODE, 1)
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight, SLOPE)  # type: ignore[arg-type]

    def forward(self, stack: torch.Tensor, pattern: torch.Tensor) -> torch.Tensor:
        """``(B, 6, H, W)`` and its layout to a code ``(B, CODE, H / 8, W / 8)``.

        Every channel has mean 0 and deviation 1 over the batch. A divergence from N(0, 1) as a loss did worse: it either emptied
        channels (posterior collapse) or, when weak, let them run away.
        """
        code = self.read(stack, pattern)
        code = code - code.mean((0, 2, 3), keepdim=True)
        return code * torch.rsqrt(code.square().mean((0, 2, 3), keepdim=True) + 1e-4)

    def read(self, stack: torch.Tensor, pattern: torch.Tensor) -> torch.Tensor:
        """As ``forward``, the channels' mean and deviation as they are."""
        x = F.pixel_unshuffle(torch.cat([stack * 2 - 1, pattern[:, :2]], 1), 2)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
        code: torch.Tensor = self.last(x).float()
        return code

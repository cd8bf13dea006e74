"""The toolkit of the procedural materials: random numbers, periodic fields and the assembly of a stack that obeys the attributes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from ....shared.material import feature_factor
from ...core.filters import gaussian_blur_torus
from ..attributes import Attributes, Color
from ..stack import Material
from . import fields
from .color import lab, ramp, shade, srgb, vary
from .fields import Cells

__all__ = [
    "Canvas",
    "Cells",
    "Stamps",
    "assemble",
    "contrast",
    "lab",
    "level",
    "mix",
    "ramp",
    "remap",
    "settle",
    "shade",
    "smoothstep",
    "srgb",
    "vary",
]

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Stamps:
    """What ``Canvas.scatter`` leaves at every pixel: the highest stamp.

    Attributes:
        value: ``(H, W)`` its value, 0 where there is none.
        id: ``(H, W)`` int64 its number from 1, 0 where there is none.
        u: ``(H, W)`` pixels along its axis from its centre, 0 where there is none.
        v: ``(H, W)`` pixels across its axis.
    """

    value: Tensor
    id: Tensor
    u: Tensor
    v: Tensor


class Canvas:
    """A square tile on the torus and its source of random numbers.

    Attributes:
        size: Pixels across and down.
        generator: Source of all random numbers.
        x: ``(size, size)`` 0..1, centres of pixels, to the right.
        y: The same downwards.
    """

    def __init__(self, size: int, generator: torch.Generator) -> None:
        self.size = size
        self.generator = generator
        ticks = (torch.arange(size) + 0.5) / size
        self.x = ticks.expand(size, size).contiguous()
        self.y = ticks[:, None].expand(size, size).contiguous()

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A random number in low..high."""
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def integer(self, low: int, high: int) -> int:
        """A random integer, ``high`` included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def choose(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.integer(0, len(items) - 1)]

    def vary(self, color: Color, lightness: float = 0.06, chroma: float = 0.015) -> Color:
        """An sRGB colour near ``color``; the steps are in OKLab."""
        return vary(color, self.generator, lightness, chroma)

    def count(self, at_256: float, scale: float, least: int = 1) -> int:
        """Repeats of a feature per tile: ``at_256`` of them in 256 px at the attribute ``scale`` 0.5."""
        return max(round(at_256 * self.size / 256 / feature_factor(scale)), least)

    def noise(self, cells: int | tuple[int, int], octaves: int = 1, gain: float = 0.5) -> Tensor:
        """Gradient noise ``(H, W)``, about -1..1, zero mean; ``cells`` across x and down y at the first octave; none finer than 2 px."""
        nx, ny = _pair(cells)
        total, weight, norm = torch.zeros(self.size, self.size), 1.0, 0.0
        for _ in range(octaves):
            if max(nx, ny) * 2 > self.size and norm > 0:
                break
            total += fields.noise((self.size, self.size), (nx, ny), self.generator) * weight
            norm += weight * weight
            weight, nx, ny = weight * gain, min(nx * 2, self.size), min(ny * 2, self.size)
        return total / math.sqrt(norm)

    def fbm(self, cells: int | tuple[int, int], octaves: int = 5, gain: float = 0.5) -> Tensor:
        """Noise in octaves, ``(H, W)``, normalised to 0..1 by its own minimum and maximum."""
        return level(self.noise(cells, octaves, gain))

    def ridged(self, cells: int | tuple[int, int], octaves: int = 4, gain: float = 0.5) -> Tensor:
        """Noise folded to sharp ridges, ``(H, W)`` 0..1; 1 on the ridges."""
        nx, ny = _pair(cells)
        total, weight = torch.zeros(self.size, self.size), 1.0
        for _ in range(octaves):
            ridge = 1 - fields.noise((self.size, self.size), (nx, ny), self.generator).abs()
            total += ridge * ridge * weight
            weight, nx, ny = weight * gain, min(nx * 2, self.size), min(ny * 2, self.size)
        return level(total)

    def white(self) -> Tensor:
        """``(H, W)`` independent normal numbers."""
        return torch.randn((self.size, self.size), generator=self.generator)

    def voronoi(self, cells: int | tuple[int, int], jitter: float = 1.0, metric: float = 2.0, points: Tensor | None = None) -> Cells:
        """Cells around one random point per lattice cell; see ``fields.voronoi``."""
        found = fields.voronoi((self.size, self.size), _pair(cells), self.generator, jitter, metric, points)
        if points is not None:
            return found
        # Borders gather along the lattice, whose lines include the border of the tile: moved, so that no seam shows there.
        shift = self.integer(0, self.size - 1), self.integer(0, self.size - 1)
        away_x, away_y = self.x - found.cx, self.y - found.cy
        f1, f2, edge, border, away_x, away_y = torch.roll(
            torch.stack([found.f1, found.f2, found.edge, found.border, away_x, away_y]), shift, (1, 2)
        )
        return Cells(f1, f2, edge, border, torch.roll(found.id, shift, (0, 1)), self.x - away_x, self.y - away_y)

    def per_cell(self, ids: Tensor, channels: int = 1) -> Tensor:
        """One uniform number 0..1 per id (from 0) and channel: ``(H, W)``, or ``(channels, H, W)`` for more than one."""
        table = torch.rand((channels, int(ids.max()) + 1), generator=self.generator)
        return table[0][ids] if channels == 1 else table[:, ids]

    def warp(self, field: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
        """``field`` looked up at a displacement in pixels; ``(H, W)`` or ``(C, H, W)``."""
        return fields.warp(field, dx, dy)

    def blur(self, field: Tensor, sigma: float | tuple[float, float]) -> Tensor:
        """Gaussian blur; sigma in pixels, or a pair (along x, along y)."""
        return gaussian_blur_torus(field, sigma)

    def scatter(
        self,
        count: int,
        radius: int,
        stamp: Callable[[Tensor, Tensor, Tensor], Tensor],
        angle: Tensor | None = None,
        points: Tensor | None = None,
    ) -> Stamps:
        """Draws ``count`` small shapes; where they overlap the highest value wins.

        Args:
            count: How many; ``count * (2 * radius + 1) ** 2`` should stay below a million.
            radius: Pixels from a shape's centre that it may cover.
            stamp: ``stamp(u, v, index)`` with u along and v across the shape's axis in pixels, ``(count, K, K)``, index ``(count, 1, 1)``;
                returns values ``(count, K, K)``, 0 or less outside the shape.
            angle: ``(count,)`` radians of the axis, clockwise from x as y points down; random without.
            points: ``(count, 2)`` x and y of the centres in pixels; random without.
        """
        if angle is None:
            angle = torch.rand(count, generator=self.generator) * (2 * math.pi)
        if points is None:
            points = torch.rand((count, 2), generator=self.generator) * self.size
        base = points.floor()
        ticks = torch.arange(-radius, radius + 1)
        dx = ticks[None, None, :] - (points - base)[:, 0, None, None] + 0.5
        dy = ticks[None, :, None] - (points - base)[:, 1, None, None] + 0.5
        c, s = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
        u, v = c * dx + s * dy, c * dy - s * dx
        values = stamp(u, v, torch.arange(count)[:, None, None]).expand(u.shape).reshape(-1)
        columns = (base[:, 0, None, None].long() + ticks[None, None, :]) % self.size
        rows = (base[:, 1, None, None].long() + ticks[None, :, None]) % self.size
        place = (rows * self.size + columns).reshape(-1)
        inside = torch.nonzero(values > 0).flatten()
        values, place = values[inside], place[inside]
        top = torch.zeros(self.size * self.size).scatter_reduce_(0, place, values, "amax")
        wins = values >= top[place]
        winner = torch.full((self.size * self.size,), -1).scatter_reduce_(0, place[wins], inside[wins], "amax")
        there, at = winner >= 0, winner.clamp_min(0)
        shape = (self.size, self.size)
        index = torch.where(there, at // (len(ticks) ** 2) + 1, 0)
        flat_u, flat_v = (torch.where(there, w.reshape(-1)[at], 0.0) for w in (u, v))
        return Stamps(top.reshape(shape), index.reshape(shape), flat_u.reshape(shape), flat_v.reshape(shape))


def _pair(cells: int | tuple[int, int]) -> tuple[int, int]:
    nx, ny = cells if isinstance(cells, tuple) else (cells, cells)
    return max(int(nx), 1), max(int(ny), 1)


def smoothstep(a: float | Tensor, b: float | Tensor, x: Tensor) -> Tensor:
    """0 at a, 1 at b, smooth between; a may be above b."""
    t = ((x - a) / (b - a)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def remap(x: Tensor, a: float, b: float, c: float, d: float) -> Tensor:
    """a..b becomes c..d, clamped."""
    return c + ((x - a) / (b - a)).clamp(0, 1) * (d - c)


def mix(a: float | Tensor, b: float | Tensor, t: float | Tensor) -> Tensor:
    """A at t = 0, b at t = 1."""
    return torch.as_tensor(a + (b - a) * t)


def level(x: Tensor) -> Tensor:
    """Normalised to 0..1 by minimum and maximum."""
    low, high = x.min(), x.max()
    return (x - low) / (high - low).clamp_min(1e-9)


def contrast(height: Tensor, relief: float) -> Tensor:
    """``height`` centred at 0.5 with a standard deviation of 0.08 + 0.17 * relief, softly limited to 0..1."""
    z = height - height.mean()
    z = z / z.std().clamp_min(1e-6)
    target = 0.08 + 0.17 * relief
    gain = target
    for _ in range(3):
        y = z * gain * 2
        y = y / (1 + y.abs() ** 3) ** (1 / 3) * 0.5
        y = y - y.mean()
        gain *= target / float(y.std().clamp_min(1e-6))
    return (y + 0.5).clamp(0, 1)


def settle(field: Tensor, mean: float, spread: float, weight: Tensor | None = None) -> Tensor:
    """``field`` with a given mean and standard deviation, clamped to 0..1; ``weight`` says where the mean counts."""
    z = field - field.mean()
    z = z / z.std().clamp_min(1e-6) * spread
    for _ in range(2):
        y = (z + mean).clamp(0, 1)
        got = y.mean() if weight is None else (y * weight).sum() / weight.sum().clamp_min(1e-6)
        z = z + (mean - got)
    return (z + mean).clamp(0, 1)


def assemble(
    a: Attributes,
    height: Tensor,
    tone: Tensor,
    roughness: Tensor,
    metallic: Tensor | None = None,
    gap: Tensor | None = None,
    pattern: Tensor | None = None,
    cells: Tensor | None = None,
    spread: float = 1.0,
    gloss_spread: float = 0.07,
) -> Material:
    """A stack that obeys ``color``, ``gap_color``, ``variation``, ``relief``, ``roughness`` and ``metallic``.

    Families hand over shapes, not amounts: every field is scaled here.

    Parameters: what a family draws, each by its name, and how far it varies.

    Args:
        a: The attributes.
        height: ``(H, W)`` in any unit; goes through ``contrast``.
        tone: ``(3, H, W)`` OKLab offsets from the colour (see ``shade``) in any unit, detail of 1–2 px included; scaled to the spread that
            ``variation`` asks for, so only their proportions count.
        roughness: ``(H, W)`` local deviation in any unit and with any mean.
        metallic: ``(H, W)`` the same; constant without.
        gap: ``(H, W)`` 0..1, where ``gap_color`` is; the lowest quarter of the height, softly, without.
        pattern: See ``Material``.
        cells: See ``Material``.
        spread: Multiplies the spread of the colour, for families that vary little or a lot.
        gloss_spread: Standard deviation of the roughness.
    """
    if gap is None:
        low, high = (float(q) for q in torch.quantile(height.flatten()[::7], torch.tensor([0.12, 0.36])))
        gap = smoothstep(high, low, height)
    body = 1 - gap
    total, share = body.sum().clamp_min(1.0), gap.sum().clamp_min(1.0)
    tone = tone - (tone * body).sum((1, 2), keepdim=True) / total
    size = ((tone * tone * body).sum() / total).sqrt().clamp_min(1e-6)
    tone = tone * ((0.03 + 0.085 * a.variation) * spread / size)
    main, hollow = lab(a.color), lab(a.gap_color)
    for _ in range(2):
        color = srgb(torch.lerp(main + tone, hollow + tone * 0.6, gap))
        miss = torch.tensor(a.color)[:, None, None] - (color * body).sum((1, 2), keepdim=True) / total
        miss_gap = torch.tensor(a.gap_color)[:, None, None] - (color * gap).sum((1, 2), keepdim=True) / share
        main = lab((srgb(main) + miss).clamp(0, 1))
        hollow = lab((srgb(hollow) + miss_gap.clamp(-0.2, 0.2)).clamp(0, 1))
    color = srgb(torch.lerp(main + tone, hollow + tone * 0.6, gap))
    rough = settle(roughness, a.roughness, gloss_spread)
    metal = (
        torch.full_like(height, a.metallic) if metallic is None else settle(metallic, a.metallic, 0.35 * a.metallic * (1.3 - a.metallic))
    )
    return Material(torch.cat([color, torch.stack([contrast(height, a.relief), rough, metal])]), pattern, cells)

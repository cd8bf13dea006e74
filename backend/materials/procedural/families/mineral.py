"""What the families of stone, earth and metal share: attributes about a palette, noise on a line, stones with facets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...attributes import Attributes, Color
from ..canvas import Canvas, lab, shade, smoothstep, srgb
from ..palettes import Pair


def standard(field: Tensor) -> Tensor:
    """The field with zero mean and unit standard deviation."""
    return (field - field.mean()) / field.std().clamp_min(1e-6)


def quantile(field: Tensor, share: float) -> float:
    """Value below which ``share`` of the field is; from every fourth pixel."""
    flat = field[::2, ::2].reshape(-1)
    return float(flat.kthvalue(min(max(round(share * flat.numel()), 1), flat.numel())).values)


def cavity(canvas: Canvas, height: Tensor, sigma: float) -> Tensor:
    """Standardised height above the surroundings, within three deviations: edges and tops positive, hollows negative."""
    return standard(height - canvas.blur(height, sigma)).clamp(-3, 3)


def above(field: Tensor, share: float, soft: float = 0.1) -> Tensor:
    """``(H, W)`` 0..1: 1 over the given share, where the field is highest; ``soft`` in standard deviations."""
    if share <= 0.005:
        return torch.zeros_like(field)
    if share >= 0.995:
        return torch.ones_like(field)
    z = standard(field)
    edge = quantile(z, 1 - share)
    return smoothstep(edge - soft, edge + soft, z)


def hollows(height: Tensor, reach: float = 0.55) -> Tensor:
    """Weight of the gaps' colour where nothing has a clear joint: 1 in the deepest positions, fading to 0 at the quantile ``reach``."""
    return smoothstep(quantile(height, reach), quantile(height, 0.02), height)


def tint(light: Tensor, warm: Tensor, red: Tensor | float = 0.0) -> Tensor:
    """A tone for ``assemble``: lighter, warmer (yellow and slightly red) and redder, in proportions that minerals have in OKLab."""
    return shade(light, 0.12 * warm + 0.3 * red, 0.36 * warm)


def grit(canvas: Canvas, sigma: float = 0.6) -> Tensor:
    """Standardised grain of one to two pixels."""
    return standard(canvas.blur(canvas.white(), sigma))


def wander(canvas: Canvas, cells: int, pixels: float, octaves: int = 2) -> tuple[Tensor, Tensor]:
    """Two displacements for ``Canvas.warp``, in pixels."""
    return canvas.noise(cells, octaves) * pixels, canvas.noise(cells, octaves) * pixels


def on_line(canvas: Canvas, position: Tensor, octaves: int = 3, gain: float = 0.6, period: int = 64) -> Tensor:
    """Noise on a line looked up at ``position``, about -1..1, one feature per unit: strata, a trowel's teeth."""
    result, weight = torch.zeros_like(position), 1.0
    for octave in range(octaves):
        n = period * 2**octave
        line = torch.rand(n, generator=canvas.generator) * 2 - 1
        p = position * 2**octave
        whole = p.floor()
        i = whole.long() % n
        result = result + weight * torch.lerp(line[i], line[(i + 1) % n], smoothstep(0.0, 1.0, p - whole))
        weight *= gain
    return result


def offsets(canvas: Canvas, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels from the centre of gravity of each pixel's own cell, right and down, around the torus; two ``(H, W)``."""
    index = ids.reshape(-1)
    out = []
    for coordinate in (canvas.x, canvas.y):
        turn = coordinate.reshape(-1)
        angle = 2 * math.pi * turn
        sums = torch.zeros(2, int(index.max()) + 1).index_add_(1, index, torch.stack([angle.sin(), angle.cos()]))
        away = turn - (torch.atan2(sums[0], sums[1]) / (2 * math.pi))[index]
        out.append(((away - away.round()) * canvas.size).reshape(ids.shape))
    return out[0], out[1]


def stones(canvas: Canvas, ids: Tensor, edge: Tensor, size: float, angular: float, lean: float = 0.5) -> Tensor:
    """Tops of stones, ``(H, W)``: 0 at the rim to about 1, domes cut by facets, each stone lying askew.

    Args:
        canvas: Where to draw.
        ids: Which stone, ``(H, W)`` int64 from 0.
        edge: Pixels to the rim, ``(H, W)``; zero or less outside.
        size: Width of a stone in pixels.
        angular: 0 for pebbles from a river, 1 for crushed rock.
        lean: How far stones are tipped.
    """
    dx, dy = offsets(canvas, ids)
    u, v = dx / size, dy / size
    dome = 1 - (1 - (edge / (0.40 * size)).clamp(0, 1)) ** (2.0 + 2.5 * angular)
    random = canvas.per_cell(ids, 12)
    cut = torch.full_like(dome, 1.05)
    for k in range(4):
        turn = 2 * math.pi * (k / 4 + 0.2 * random[3 * k])
        plane = 0.62 + 0.45 * random[3 * k + 1] - (0.35 + 1.5 * random[3 * k + 2]) * (u * turn.cos() + v * turn.sin())
        cut = torch.minimum(cut, plane)
    body = torch.minimum(dome, torch.lerp(dome, cut.clamp_min(0), angular))
    return body + lean * (u * (random[2] - 0.5) + v * (random[5] - 0.5)) * dome


def draw(
    canvas: Canvas,
    family: str,
    palette: Sequence[Pair],
    roughness: tuple[float, float],
    metallic: tuple[float, float] = (0.0, 0.0),
    deep: tuple[float, float] = (0.6, 1.0),
    living: float = 0.22,
) -> Attributes:
    """Plausible attributes: a colour and gap colour near a palette's, one in seven in a colour of its own.

    Args:
        canvas: Where random numbers come from.
        family: Its name.
        palette: Pairs of colour and gap colour, sRGB.
        roughness: Usual range; one material in six goes beyond it.
        metallic: Range.
        deep: Range of how far the gap colour goes from the colour to the palette's gap colour.
        living: How many of them have moss or lichen on them.
    """
    color, gap = (lab(color) for color in canvas.choose(palette))
    gap = torch.lerp(color, gap, canvas.uniform(*deep))
    shift = torch.tensor([canvas.uniform(-0.08, 0.08), canvas.uniform(-0.015, 0.015), canvas.uniform(-0.02, 0.02)])
    if canvas.uniform() < 0.15:
        turn, chroma = canvas.uniform(0, 2 * math.pi), canvas.uniform(0.02, 0.10)
        shift = torch.tensor([canvas.uniform(-0.15, 0.15), chroma * math.cos(turn), chroma * math.sin(turn)])
    extra = torch.tensor([canvas.uniform(-0.04, 0.03), canvas.uniform(-0.008, 0.008), canvas.uniform(-0.008, 0.008)])
    return Attributes(
        {family: 1.0},
        color=_to_color(color + shift[:, None, None]),
        gap_color=_to_color(gap + (0.9 * shift + extra)[:, None, None]),
        variation=canvas.uniform(),
        scale=canvas.uniform(),
        relief=canvas.uniform(),
        roughness=canvas.uniform(*roughness) if canvas.uniform() < 0.84 else canvas.uniform(0.12, 1.0),
        metallic=canvas.uniform(*metallic),
        wear=canvas.uniform() ** 1.3,
        wetness=canvas.uniform() if canvas.uniform() < 0.35 else 0.0,
        growth=canvas.uniform(0.05, 0.9) if canvas.uniform() < living else 0.0,
        irregularity=canvas.uniform(),
    )


def _to_color(oklab: Tensor) -> Color:
    oklab[0].clamp_(0.16, 0.97)
    red, green, blue = (round(float(x), 4) for x in srgb(oklab).flatten())
    return red, green, blue

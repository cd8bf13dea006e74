"""What laid materials share: colours to draw from, the faults of each piece, grain, specks and stains."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .....shared.material import feature_factor
from ...attributes import Attributes
from ..canvas import Canvas, smoothstep, srgb
from ..layouts import Layout, make_layout
from ..palettes import Pair


def draw(
    canvas: Canvas,
    family: str,
    pairs: Sequence[Pair],
    roughness: tuple[float, float],
    metallic: tuple[float, float] = (0.0, 0.0),
    irregularity: tuple[float, float] = (0.0, 1.0),
    dry: float = 0.55,
) -> Attributes:
    """Random attributes around real colours; one in seven has a colour that nobody would expect.

    Args:
        canvas: Source of random numbers.
        family: Its name.
        pairs: Colours of body and joints.
        roughness: Its range.
        metallic: Its range.
        irregularity: Its range.
        dry: Share of samples without wetness, and of those without growth.
    """
    body, joint = canvas.choose(pairs)
    body, joint = canvas.vary(body, 0.07, 0.02), canvas.vary(joint, 0.08, 0.015)
    if canvas.uniform() < 0.15:
        hue, chroma, lightness = canvas.uniform(0, 2 * math.pi), canvas.uniform(0.03, 0.13), canvas.uniform(0.3, 0.8)
        odd = srgb(torch.tensor([lightness, chroma * math.cos(hue), chroma * math.sin(hue)])[:, None, None]).flatten().tolist()
        body = (odd[0], odd[1], odd[2])
    return Attributes(
        {family: 1.0},
        color=body,
        gap_color=joint,
        variation=canvas.uniform(),
        scale=canvas.uniform(),
        relief=canvas.uniform(),
        roughness=canvas.uniform(*roughness),
        metallic=canvas.uniform(*metallic),
        wear=canvas.uniform(),
        wetness=0.0 if canvas.uniform() < dry else canvas.uniform(),
        growth=0.0 if canvas.uniform() < dry else canvas.uniform(),
        irregularity=canvas.uniform(*irregularity),
    )


def lay(
    canvas: Canvas, a: Attributes, kind: str, counts: tuple[float, float] | None = None, joint: float | None = None, bite: float = 0.6
) -> tuple[Layout, Tensor, Tensor]:
    """A layout whose edges are rough and chipped: the layout, the edge in pixels and the mask after chipping.

    Args:
        canvas: The tile.
        a: Takes scale, irregularity and wear from it.
        kind: Layout.
        counts: See ``make_layout``.
        joint: See ``make_layout``.
        bite: Pixels that the edges are rough by, at least; wear adds more.
    """
    size = canvas.size
    layout = make_layout(kind, (size, size), feature_factor(a.scale), a.irregularity, canvas.generator, counts, joint)
    edge = layout.edge
    if bite > 0:
        ragged = canvas.noise(size // 6, 3, 0.7)
        chips = (canvas.noise(size // 14, 2, 0.6) - 0.55 + 0.38 * a.wear).clamp_min(0)
        edge = edge + bite * (0.6 + 0.7 * a.irregularity) * ragged - 9 * a.wear * chips * bite
    return layout, edge, smoothstep(-0.55, 0.65, edge)


def grain(canvas: Canvas, softness: float = 0.55) -> Tensor:
    """Fine texture of fired or sawn stuff with a standard deviation of 1, mostly at 1 to 5 px."""
    fine = canvas.blur(canvas.white(), softness)
    fine = (
        fine / fine.std() + 1.1 * canvas.noise(canvas.size // 4, 2, 0.7) / 0.3 * 0.6 + 0.5 * canvas.noise(canvas.size // 11, 2) / 0.3 * 0.6
    )
    return fine / fine.std()


def specks(canvas: Canvas, density: float, radius: tuple[float, float]) -> Tensor:
    """Small domes, 0..1: grit, pits, air holes. ``density`` is their number in 256 x 256 px, ``radius`` their range in pixels."""
    count = max(int(density * (canvas.size / 256) ** 2), 1)
    sizes = radius[0] + (radius[1] - radius[0]) * torch.rand(count, generator=canvas.generator) ** 2
    squash = 0.6 + 0.8 * torch.rand(count, generator=canvas.generator)

    def dome(u: Tensor, v: Tensor, index: Tensor) -> Tensor:
        return 1 - (u / sizes[index]) ** 2 - (v / (sizes[index] * squash[index])) ** 2

    return canvas.scatter(count, math.ceil(radius[1] * 1.4) + 1, dome).value.clamp(0, 1)


def piece(canvas: Canvas, layout: Layout) -> Tensor:
    """Six random numbers -1..1 of each piece, ``(6, H, W)``."""
    return canvas.per_cell(layout.cells, 6) * 2 - 1


def tilt(layout: Layout, numbers: Tensor, reach: float) -> Tensor:
    """Height of pieces that were not laid quite level, about -1..1; ``reach`` is half a piece in pixels."""
    return (numbers[0] * layout.u + numbers[1] * layout.v) / reach


def stains(canvas: Canvas, cells: int = 4) -> Tensor:
    """Large soft patches, as of weather and dirt, with ragged borders, standard deviation about 1."""
    field = canvas.noise(cells, 5, 0.62)
    return field / field.std()

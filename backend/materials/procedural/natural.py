"""Random attributes of materials found in nature, shared by their families."""

from __future__ import annotations

from collections.abc import Sequence

from ..attributes import Attributes, Color
from .canvas import Canvas, lab, shade, srgb
from .palettes import Pair

Range = tuple[float, float]


def natural(
    canvas: Canvas,
    family: str,
    palette: Sequence[Pair],
    roughness: Range = (0.45, 0.9),
    relief: Range = (0.2, 0.8),
    wear: Range = (0.0, 0.4),
    irregularity: Range = (0.3, 1.0),
    wet: float = 0.3,
    grown: float = 0.2,
    odd: float = 0.15,
    chroma: float = 0.02,
) -> Attributes:
    """Attributes drawn from ranges.

    Parameters: the ranges of the attributes, of which a family names those that are its own.

    Args:
        canvas: Source of random numbers.
        family: Name in ``FAMILIES``.
        palette: Pairs of base colour and colour of the hollows, sRGB.
        roughness: Range of the mean roughness.
        relief: Range of the relief.
        wear: Range of the wear.
        irregularity: Range of the irregularity.
        wet: Share of wet samples.
        grown: Share of samples with growth.
        odd: Share of samples in a colour of no palette.
        chroma: How far the other colours stray from the palette's, in OKLab.
    """
    color, gap = canvas.choose(palette)
    if canvas.uniform() < odd:
        color, gap = _turned((color, gap), canvas.uniform(-0.1, 0.1), canvas.uniform(-0.07, 0.07), canvas.uniform(-0.07, 0.07))
    else:
        step = (canvas.uniform(-0.05, 0.05), canvas.uniform(-chroma, chroma), canvas.uniform(-chroma, chroma))
        color, gap = _turned((color, canvas.vary(gap, 0.03, 0.3 * chroma)), *step)
    return Attributes(
        {family: 1.0},
        color=color,
        gap_color=gap,
        variation=canvas.uniform(),
        scale=canvas.uniform(),
        relief=canvas.uniform(*relief),
        roughness=canvas.uniform(*roughness),
        wear=canvas.uniform(*wear),
        wetness=canvas.uniform(0.1, 1.0) if canvas.uniform() < wet else 0.0,
        growth=canvas.uniform(0.1, 1.0) if canvas.uniform() < grown else 0.0,
        irregularity=canvas.uniform(*irregularity),
    )


def _turned(colors: Sequence[Color], lightness: float, red: float, yellow: float) -> tuple[Color, Color]:
    """Both colours moved by the same step in OKLab, less where they are dark; stays in 0..1."""
    out: list[Color] = []
    for color in colors:
        start = lab(color)
        strength = min(float(start[0]) * 1.6, 1.0)
        r, g, b = (float(x) for x in srgb(start + shade(lightness, red, yellow)[:, None, None] * strength).flatten().clamp(0.02, 0.98))
        out.append((r, g, b))
    return out[0], out[1]

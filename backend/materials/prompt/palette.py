"""Arithmetic with colours: mixing and toning in OKLab, where equal steps look alike (B. Ottosson, "A perceptual color space", 2020)."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ...core.color_spaces import from_oklab, to_oklab
from .senses import Color

# Where "dark rock" names no colour, this is what gets darker: sRGB of a typical dry piece, by eye.
TYPICAL: dict[str, str] = {
    "brick": "#8f5140", "cobblestone": "#827d75", "tiles": "#b9b4aa", "pavers": "#948a80", "shingles": "#6f6058", "planks": "#8f6b49",
    "weave": "#a5967d", "plates": "#8c8f92", "wood": "#96704a", "bark": "#63503f", "grass": "#56743a", "moss": "#5b6b32",
    "leather": "#6e4a30", "lava": "#3a302d", "snow": "#e8ecf0", "ice": "#b7d0db", "plaster": "#cfc7b8", "concrete": "#97948e",
    "sand": "#c4a77a", "gravel": "#88827a", "rock": "#807a72", "marble": "#dad7d2", "rust": "#8a4f2e", "brushed_metal": "#a3a5a7",
    "mud": "#655140", "asphalt": "#4d4d4e",
}  # fmt: skip
TYPICAL_GAP = "#8a857c"


def mix(colors: Iterable[tuple[Color, float]]) -> Color:
    """The mean of colours with positive weights, in OKLab; sRGB in and out."""
    total, lab = 0.0, [0.0, 0.0, 0.0]
    for color, weight in colors:
        total += weight
        for i, x in enumerate(_to_lab(color)):
            lab[i] += weight * x
    return _from_lab((lab[0] / total, lab[1] / total, lab[2] / total))


def tone(color: Color, name: str, strength: float = 1.0) -> Color:
    """A colour made lighter, darker, paler and so on.

    Args:
        color: sRGB 0..1.
        name: One of light, pale, dark, deep, muted, vivid, bright, warm, cool.
        strength: 1 for the plain word, 0 changes nothing, larger for "very".

    Returns:
        sRGB 0..1.
    """
    light, a, b = _to_lab(color)
    s = min(max(strength, 0.0), 2.0)
    lift, chroma, warmth = {
        "light": (0.45, 0.75, 0.0),
        "pale": (0.60, 0.45, 0.0),
        "dark": (-0.36, 0.68, 0.0),
        "deep": (-0.22, 0.88, 0.0),
        "muted": (0.0, 0.45, 0.0),
        "vivid": (0.0, 1.55, 0.0),
        "bright": (0.25, 1.25, 0.0),
        "warm": (0.0, 1.0, 0.025),
        "cool": (0.0, 1.0, -0.025),
    }[name]
    light = 1 - (1 - light) * (1 - lift) ** s if lift > 0 else light * (1 + lift) ** s
    factor = chroma**s
    return _from_lab((light, a * factor + warmth * s * 0.3, b * factor + warmth * s))


def _to_lab(color: Color) -> Color:
    light, a, b = to_oklab(torch.tensor(color, dtype=torch.float64)).tolist()
    return light, a, b


def _from_lab(lab: Color) -> Color:
    r, g, b = from_oklab(torch.tensor(lab, dtype=torch.float64)).tolist()
    return r, g, b

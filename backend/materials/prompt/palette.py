"""Arithmetic with colours: mixing and toning in OKLab, where equal steps look alike (B. Ottosson, "A perceptual color space", 2020)."""

from __future__ import annotations

import math
from collections.abc import Iterable

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
    r, g, b = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in color)
    l_ = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    m_ = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    s_ = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * l_ + 0.7936177850 * m_ - 0.0040720468 * s_,
        1.9779984951 * l_ - 2.4285922050 * m_ + 0.4505937099 * s_,
        0.0259040371 * l_ + 0.7827717662 * m_ - 0.8086757660 * s_,
    )


def _from_lab(lab: Color) -> Color:
    light, a, b = lab
    l3 = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m3 = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s3 = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3,
        -1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3,
        -0.0041960863 * l3 - 0.7034186147 * m3 + 1.7076147010 * s3,
    )
    r, g, b = (_encode(min(max(x, 0.0), 1.0)) for x in linear)
    return r, g, b


def _encode(x: float) -> float:
    return min(12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055, 1.0)

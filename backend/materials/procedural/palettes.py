"""Palettes of the procedural families: pairs of colours, of the body and of what is between or below."""

from __future__ import annotations

from ..attributes import Color

Pair = tuple[Color, Color]


def palette(text: str) -> tuple[Pair, ...]:
    """Reads a palette.

    Args:
        text: Pairs with spaces between, the two colours of a pair with a slash: ``55,30,22/66,62,56`` (display-encoded sRGB in percent)
            or ``8c4d38/a89e8f`` (hexadecimal).

    Returns:
        The pairs, sRGB 0..1.
    """
    return tuple((_color(body), _color(gap)) for body, gap in (pair.split("/") for pair in text.split()))


def _color(text: str) -> Color:
    if "," in text:
        red, green, blue = (float(part) / 100 for part in text.split(","))
    else:
        red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue

"""Colour spaces of images and strips, by the names that an OCIO configuration has for them."""

from __future__ import annotations

from typing import Any

LINEAR = ("Linear Rec.709", "Linear")


NAMED = (
    "ACEScg", "ACES2065-1", "Linear Rec.2020", "Linear DCI-P3 D65", "Linear CIE-XYZ D65", "Display P3", "Rec.1886",
)  # fmt: skip
"""Others of Blender's own configuration that the backend knows by these names."""


def set_space(owner: Any, names: str | tuple[str, ...]) -> bool:
    """Sets the colour space of an image or a strip to the first of some names that this Blender's OCIO configuration knows.

    Returns:
        Whether it knows one.
    """
    for name in (names,) if isinstance(names, str) else names:
        try:
            owner.colorspace_settings.name = name
        except TypeError:  # an OCIO configuration of the studio's, without that name
            continue
        return True
    return False

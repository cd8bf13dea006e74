"""The colour picture of an OpenEXR file, where one picture is wanted: which of its layers is meant."""

from __future__ import annotations

from typing import Any

from ...shared.errors import InputError
from ...shared.values import EncodedFile
from .exr_view_layers import COMBINED, choose_view_layer, components, group_channels, open_question, refuse_chroma

_BEAUTY = ("beauty", "rgba", "rgb", "color", "colour", "image", "main", "default")
"""What renderers call their colour picture, in small letters."""
_COLORS = ("R", "RA", "RGB", "RGBA", "Y", "YA")
_Choice = tuple[int, list[int], bool]


def combined_channels(source: Any, file: EncodedFile) -> _Choice:
    """The part, the channel numbers in R, G, B, A order and whether they are colour.

    In this order: the layer that the artist names, plain channels, what the compositor made, the combined pass of the view layer
    (``choose_view_layer``), a layer by a renderer's usual name, the only layer in colour; else up to four channels as data.

    Raises:
        InputError: Several layers, and nothing says which is meant; no picture at all.
    """
    colors: dict[tuple[str, str], _Choice] = {}
    every: dict[str, list[str]] = {}
    fallback: _Choice | None = None
    part = 0
    while source.seek_subimage(part, 0):
        spec = source.spec()
        names = list(spec.channelnames)
        refuse_chroma(names, file.name)
        part_name = spec.get_string_attribute("oiio:subimagename") or spec.get_string_attribute("name")
        for key, members in group_channels(names, part_name).items():
            every.setdefault(key[0], []).append(key[1])
            letters = components(names, members)
            if letters in _COLORS and key not in colors:
                colors[key] = (part, members, True)
        if fallback is None and spec.nchannels <= 4:
            fallback = (part, list(range(spec.nchannels)), False)
        part += 1
    if colors:
        return _choose(colors, every, file)
    if fallback is not None:
        return fallback
    raise InputError(
        expected=f"{file.name} to hold a colour picture", got="layers " + ", ".join(n for ns in every.values() for n in ns)[:120]
    )


def _choose(colors: dict[tuple[str, str], _Choice], every: dict[str, list[str]], file: EncodedFile) -> _Choice:
    asked = file.layer.lower()
    for key, choice in colors.items() if asked else ():
        if asked in (key[1].lower(), ".".join(key).lower()):
            return choice
    if asked and any(every):
        view_layer = choose_view_layer(every, file)
        if (view_layer, COMBINED) in colors:
            return colors[view_layer, COMBINED]
    for key in (("", COMBINED), ("Composite", COMBINED)):
        if key in colors:
            return colors[key]
    if any(name == COMBINED for _, name in colors):
        combined = {view: names for view, names in every.items() if (view, COMBINED) in colors}
        return colors[choose_view_layer(combined, file), COMBINED]
    for usual in _BEAUTY:
        for key, choice in colors.items():
            if key[1].lower() == usual:
                return choice
    if len(colors) > 1:
        raise open_question([".".join(filter(None, key)) for key in colors], file)
    return next(iter(colors.values()))

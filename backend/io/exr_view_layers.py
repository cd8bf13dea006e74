"""Which view layer of an OpenEXR file is meant, and what its passes are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...shared.errors import InputError
from ...shared.notes import note
from ...shared.values import EncodedFile

COMBINED = "Combined"
USUAL = ("ViewLayer", "View Layer", "RenderLayer")
"""Blender's own names of the first view layer, now and before."""
_COMPOSITE = "composite"
"""Blender's name, in small letters, of what the compositor made: no view layer."""
_RENAMED = {"Object Index": "IndexOB", "Material Index": "IndexMA"}
"""What Blender 5 calls passes that had shorter names before."""
_ORDER = {name: number for number, name in enumerate("RGBAXYZWUV")}
_LONG = {"red": "R", "green": "G", "blue": "B", "alpha": "A"}
_CHROMA = {"Y", "RY", "BY"}


def group_channels(channels: Sequence[str], part_name: str) -> dict[tuple[str, str], list[int]]:
    """Channel numbers of a part by (view layer, pass), each list in component order.

    Blender 4 writes one part whose channels are named ``ViewLayer.Combined.R``, Blender 5 one part for each pass.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    plain: list[int] = []
    every = {channel.upper() for channel in channels}
    vector = next((names for names in ("XYZW", "XYZ", "UV") if every.issuperset(names)), "")  # a pass in a file of its own
    for number, channel in enumerate(channels):
        path = channel.split(".")
        if len(path) == 1 and part_name and path[0].upper() in (*_ORDER, "Z", "V"):
            path = [*part_name.split("."), channel]
        upper = _LONG.get(channel.lower(), channel.upper())
        if len(path) == 1 and upper in tuple("RGBAY") and upper not in vector:  # a plain file, or next to layers a copy for viewers
            plain.append(number)
            continue
        if len(path) == 1 and upper in vector:
            key = ("", "Vector" if len(vector) == 4 else "".join(vector))
        elif len(path) == 1:
            key = ("", "Depth" if upper in ("Z", "DEPTH") else channel)
        else:
            view_layer, name = (path[0], ".".join(path[1:-1])) if len(path) > 2 else ("", path[0])
            key = (view_layer, _RENAMED.get(name, name))
        groups.setdefault(key, []).append(number)
    if plain:
        groups.setdefault(("", COMBINED), plain)
    for members in groups.values():
        members.sort(key=lambda n: _ORDER.get(channels[n].rpartition(".")[2].upper()[:1], 99))
        if components(channels, members) == "AY":  # luminance, not a coordinate
            members.reverse()
    return groups


def components(channels: Sequence[str], members: Sequence[int]) -> str:
    """The first letters of a pass's components, such as ``RGBA``."""
    return "".join(channels[n].rpartition(".")[2].upper()[:1] for n in members)


def refuse_chroma(channels: Sequence[str], name: str) -> None:
    """Raises ``InputError`` for luminance and chroma (``Y``, ``RY``, ``BY``), of which only the gray would be seen."""
    if _CHROMA.issubset({channel.upper() for channel in channels}):
        raise InputError(expected=f"{name} as RGB", got="luminance and chroma (Y, RY, BY)", fix="Save it as RGB")


def choose_view_layer(passes: Mapping[str, Sequence[str]], file: EncodedFile) -> str:
    """The view layer that is meant.

    Args:
        passes: Names of passes by view layer; ``""`` for those that are in none.
        file: Its ``layer`` is what the artist says.

    Raises:
        InputError: No such view layer; or several that have a colour picture, and nothing says which.
    """
    named = [name for name in passes if name and name.lower() != _COMPOSITE]
    if file.layer and any(passes):
        found = [name for name in passes if name and name.lower() == file.layer.lower()]
        if not found:
            raise InputError(expected=f"a view layer {file.layer!r} in {file.name}", got=", ".join(name for name in passes if name))
        return found[0]
    if not named:
        return "" if "" in passes else next(iter(passes))
    if len(passes.get("", ())) > max(len(passes[name]) for name in named):  # passes without a view layer, and something next to them
        return ""
    colored = [name for name in named if COMBINED in passes[name]] or named
    if len(colored) == 1:
        return colored[0]
    usual = next((name for name in USUAL if name in colored), "")
    if not usual:
        raise open_question(colored, file)
    note(f"of its view layers {usual} is used; --layer names another", file.name)
    return usual


def open_question(layers: Sequence[str], file: EncodedFile) -> InputError:
    """What is said where nothing says which of several layers is meant."""
    shown = ", ".join(sorted(layers)[:8]) + (" and others" if len(layers) > 8 else "")
    fix = 'Say which: --layer NAME, "layer" in a job file, layer= of an EncodedFile'
    return InputError(expected=f"one layer of {file.name}", got=f"several: {shown}", fix=fix)

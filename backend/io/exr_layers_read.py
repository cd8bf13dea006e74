"""Multilayer OpenEXR: all passes of a render by name.

Blender 4.x writes one part whose channels are named ``ViewLayer.Combined.R``, Blender 5 one part for each pass.
"""

from __future__ import annotations

import numpy as np

from ...shared.errors import InputError
from ...shared.values import EncodedFile, Image
from .ocio import to_working
from .reading import decode, open_file, read_part, unassociate

_RENAMED = {"Object Index": "IndexOB", "Material Index": "IndexMA"}
"""What Blender 5 calls passes that had shorter names before."""
_ORDER = {name: number for number, name in enumerate("RGBAXYZWUV")}


def decode_layers(file: EncodedFile, *, associated: bool = False) -> dict[str, Image]:
    """Decodes every pass of an image file.

    Args:
        file: OpenEXR in one or several parts; other formats give the one pass ``Combined``.
        associated: Whether colour stays multiplied by alpha, as it is in the file: then every bit of it is kept, light without
            alpha too, and ``encode_layers(..., associated=...)`` writes the same again.

    Returns:
        Pass name (``Combined``, ``Depth``, ``Normal``, ``Vector``, ``IndexOB`` …) to picture. Channels are in RGBA, XYZW or UV order.
        In a file of several view layers those of ``ViewLayer``, else of the one with most channels, have plain names, all others are
        keyed ``LayerName.PassName``. RGB(A) passes are ``linear`` with unassociated alpha,
        all others ``data``. Half stays half (but for RGBA with soft edges, which only float32 can hold unassociated), float stays
        float, unsigned integers stay integers. Negative numbers, infinity and NaN stay: the caller decides. What a cropped file
        does not have is 0.

    Raises:
        InputError: Unreadable, truncated or too large.
    """
    found: dict[tuple[str, str], Image] = {}
    with open_file(file) as source:
        if source.format_name() != "openexr":
            return {"Combined": decode(file)}
        part = 0
        while source.seek_subimage(part, 0):
            spec = source.spec()
            names = list(spec.channelnames)
            kinds = [str(k) for k in spec.channelformats] or [str(spec.format)] * len(names)
            part_name = spec.get_string_attribute("oiio:subimagename") or spec.get_string_attribute("name")
            whole = read_part(source, part, "float32", file.name)
            for key, members in _group(names, part_name).items():
                if key not in found:
                    picture = _picture(whole, members, names, kinds, source, part, file.name, associated)
                    found[key] = to_working(picture, file.color_space, spec.get_string_attribute("oiio:ColorSpace"))
            part += 1
    if not found:
        raise InputError(expected=f"{file.name} to hold render passes", got="no channels")
    main = _main_view_layer(found)
    layers = {name: image for (view_layer, name), image in found.items() if view_layer == main}
    for (view_layer, name), image in found.items():
        if view_layer != main:  # plain channels next to named layers are a copy for viewers
            layers.setdefault(f"{view_layer}.{name}" if view_layer else name, image)
    return layers


def _main_view_layer(found: dict[tuple[str, str], Image]) -> str:
    """The view layer whose passes are meant when none is named; OpenEXR sorts names, so the first in the file says nothing."""
    channels: dict[str, int] = {}
    for (view_layer, _), image in found.items():
        channels[view_layer] = channels.get(view_layer, 0) + image.pixels.shape[2]
    for usual in ("ViewLayer", "View Layer", "RenderLayer"):  # Blender's own names, now and before
        if usual in channels:
            return usual
    return max(channels, key=lambda name: channels[name])


def _group(channels: list[str], part_name: str) -> dict[tuple[str, str], list[int]]:
    """Channel numbers by (view layer, pass), each list in component order."""
    groups: dict[tuple[str, str], list[int]] = {}
    plain: list[int] = []
    every = {channel.upper() for channel in channels}
    vector = next((names for names in ("XYZW", "XYZ", "UV") if every.issuperset(names)), "")  # a pass in a file of its own
    for number, channel in enumerate(channels):
        path = channel.split(".")
        if len(path) == 1 and part_name and path[0].upper() in (*_ORDER, "Z", "V"):
            path = [*part_name.split("."), channel]
        upper = channel.upper()
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
        groups.setdefault(("", "Combined"), plain)
    for members in groups.values():
        members.sort(key=lambda n: _ORDER.get(channels[n].rpartition(".")[2].upper()[:1], 99))
    return groups


def _picture(
    whole: np.ndarray, members: list[int], names: list[str], kinds: list[str], source: object, part: int, file: str, associated: bool
) -> Image:  # fmt: skip
    if all(kinds[n] in ("uint", "uint32") for n in members):
        # As float they would be scaled to 0..1, which loses ids.
        pixels = np.concatenate([read_part(source, part, "uint32", file, n, n + 1) for n in members], axis=2)
    else:
        pixels = np.ascontiguousarray(whole[..., members])
        if all(kinds[n] == "half" for n in members):
            with np.errstate(invalid="ignore"):
                pixels = pixels.astype(np.float16)
    parts = "".join(names[n].rpartition(".")[2].upper()[:1] for n in members)
    if parts not in ("RGB", "RGBA", "Y", "YA"):
        return Image(np.ascontiguousarray(pixels), "data")
    if parts == "YA":
        pixels, parts = pixels[..., [0, 0, 0, 1]], "RGBA"
    if parts == "RGBA" and not associated:
        pixels = unassociate(pixels, exact=True)
    return Image(np.ascontiguousarray(pixels), "linear" if parts != "Y" or len(names) < 3 else "data")

"""Multilayer OpenEXR: all passes of a render by name.

Blender 4.x writes one part whose channels are named ``ViewLayer.Combined.R``, Blender 5 one part for each pass.
"""

from __future__ import annotations

import numpy as np

from ...shared.errors import InputError
from ...shared.values import EncodedFile, Image
from .reading import open_file, read_part, unassociate

_ORDER = {name: number for number, name in enumerate("RGBAXYZWUV")}


def decode_layers(file: EncodedFile) -> dict[str, Image]:
    """Decodes every pass of an image file.

    Args:
        file: OpenEXR in one or several parts; other formats give the one pass ``Combined``.

    Returns:
        Pass name (``Combined``, ``Depth``, ``Normal``, ``Vector``, ``IndexOB`` …) to picture. Channels are in RGBA, XYZW or UV order.
        Passes of further view layers are keyed ``LayerName.PassName``. RGB(A) passes are ``linear`` with unassociated alpha,
        all others ``data``. Half stays half, float stays float, unsigned integers stay integers.

    Raises:
        InputError: Unreadable, truncated or too large.
    """
    layers: dict[str, Image] = {}
    with open_file(file) as source:
        if source.format_name() != "openexr":
            from .reading import decode

            return {"Combined": decode(file)}
        part = 0
        while source.seek_subimage(part, 0):
            spec = source.spec()
            names = list(spec.channelnames)
            kinds = [str(k) for k in spec.channelformats] or [str(spec.format)] * len(names)
            part_name = spec.get_string_attribute("oiio:subimagename") or spec.get_string_attribute("name")
            whole = read_part(source, part, "float32", file.name)
            for (view_layer, name), members in _group(names, part_name).items():
                key = name if name not in layers else f"{view_layer}.{name}"
                if key in layers:
                    continue
                layers[key] = _picture(whole, members, names, kinds, source, part, file.name)
            part += 1
    if not layers:
        raise InputError(expected=f"{file.name} to hold render passes", got="no channels")
    return layers


def _group(channels: list[str], part_name: str) -> dict[tuple[str, str], list[int]]:
    """Channel numbers by (view layer, pass), each list in component order."""
    groups: dict[tuple[str, str], list[int]] = {}
    for number, channel in enumerate(channels):
        path = channel.split(".")
        if len(path) == 1 and part_name and path[0].upper() in (*_ORDER, "Z", "V"):
            path = [*part_name.split("."), channel]
        if len(path) == 1:  # bare names of a plain file
            upper = channel.upper()
            key = ("", "Combined" if upper in "RGBAY" else "Depth" if upper in ("Z", "DEPTH") else channel)
        else:
            view_layer, name = (path[0], ".".join(path[1:-1])) if len(path) > 2 else ("", path[0])
            key = (view_layer, name)
        groups.setdefault(key, []).append(number)
    for members in groups.values():
        members.sort(key=lambda n: _ORDER.get(channels[n].rpartition(".")[2].upper()[:1], 99))
    return groups


def _picture(whole: np.ndarray, members: list[int], names: list[str], kinds: list[str], source: object, part: int, file: str) -> Image:
    if all(kinds[n] == "uint32" for n in members):
        # As float they would be scaled to 0..1, which loses ids.
        pixels = np.concatenate([read_part(source, part, "uint32", file, n, n + 1) for n in members], axis=2)
    else:
        pixels = np.ascontiguousarray(whole[..., members])
        if all(kinds[n] == "half" for n in members):
            pixels = pixels.astype(np.float16)
    parts = "".join(names[n].rpartition(".")[2].upper()[:1] for n in members)
    if parts not in ("RGB", "RGBA", "Y", "YA"):
        return Image(np.ascontiguousarray(pixels), "data")
    if parts == "YA":
        pixels, parts = pixels[..., [0, 0, 0, 1]], "RGBA"
    return Image(
        np.ascontiguousarray(unassociate(pixels) if parts == "RGBA" else pixels), "linear" if parts != "Y" or len(names) < 3 else "data"
    )

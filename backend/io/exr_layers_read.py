"""Multilayer OpenEXR: all passes of a render by name."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ...shared.errors import InputError
from ...shared.values import EncodedFile, Image
from ..core.color import associate
from .alpha import unassociate
from .color.encoding import LINEAR, Encoding, converted
from .color.meaning import encoding_of
from .exr_view_layers import choose_view_layer, components, group_channels, refuse_chroma
from .image_file import is_exr, open_file, read_part
from .reading import decode


@dataclasses.dataclass(frozen=True)
class Layer:
    """A pass as it is stored.

    Attributes:
        pixels: ``(H, W, C)``, channels in RGBA, XYZW or UV order.
        alpha: Whether the last channel is alpha, by which the others are multiplied.
        encoding: What its colours are; None for passes that are no colour.
    """

    pixels: np.ndarray
    alpha: bool = False
    encoding: Encoding | None = None

    def numbers(self) -> Image:
        """The stored numbers as data."""
        return Image(self.pixels, "data")

    def image(self, associated: bool = False) -> Image:
        """The pass as ``decode_layers`` gives it."""
        if self.encoding is None:
            return self.numbers()
        if self.encoding is LINEAR:
            pixels = unassociate(self.pixels, exact=True) if self.alpha and not associated else self.pixels
            return Image(np.ascontiguousarray(pixels), "linear")
        straight = unassociate(self.pixels, exact=True) if self.alpha else self.pixels
        image = converted(Image(np.ascontiguousarray(straight), "linear"), self.encoding)
        if not (self.alpha and associated):
            return image
        color = associate(image.pixels[..., :-1], image.pixels[..., -1:], light=True)
        return Image(np.concatenate([color, image.pixels[..., -1:]], axis=2), "linear")


def decode_layers(file: EncodedFile, *, associated: bool = False) -> dict[str, Image]:
    """Decodes every pass of an image file.

    Args:
        file: OpenEXR in one or several parts; other formats give the one pass ``Combined``. Its ``layer`` names the view layer.
        associated: Whether colour stays multiplied by alpha, as it is in the file: then every bit of it is kept, light without
            alpha too, and ``encode_layers(..., associated=...)`` writes the same again.

    Returns:
        Pass name (``Combined``, ``Depth``, ``Normal``, ``Vector``, ``IndexOB`` …) to picture. Channels are in RGBA, XYZW or UV order.
        In a file of several view layers those of the one that is meant (``exr_view_layers.choose_view_layer``) have plain names, all
        others are keyed ``LayerName.PassName``. RGB(A) passes are ``linear`` with unassociated alpha, all others ``data``. Half stays
        half (but for RGBA with soft edges, which only float32 can hold unassociated, and other primaries), float stays
        float, unsigned integers stay integers. Negative numbers, infinity and NaN stay: the caller decides. What a cropped file
        does not have is 0.

    Raises:
        InputError: Unreadable, truncated or too large; several view layers, and nothing says which is meant.
    """
    if not is_exr(file):
        return {"Combined": decode(file)}
    return {name: layer.image(associated) for name, layer in read_layers(file).items()}


def read_layers(file: EncodedFile) -> dict[str, Layer]:
    """The passes of an OpenEXR file as they are stored, by the names that ``decode_layers`` gives them.

    Raises:
        InputError: See ``decode_layers``.
    """
    found: dict[tuple[str, str], Layer] = {}
    with open_file(file) as source:
        part = 0
        while source.seek_subimage(part, 0):
            _read_part(source, part, file, found)
            part += 1
    if not found:
        raise InputError(expected=f"{file.name} to hold render passes", got="no channels")
    passes: dict[str, list[str]] = {}
    for view_layer, name in found:
        passes.setdefault(view_layer, []).append(name)
    main = choose_view_layer(passes, file)
    layers = {name: layer for (view_layer, name), layer in found.items() if view_layer == main}
    for (view_layer, name), layer in found.items():
        if view_layer != main:  # plain channels next to named layers are a copy for viewers
            layers.setdefault(f"{view_layer}.{name}" if view_layer else name, layer)
    return layers


def _read_part(source: Any, part: int, file: EncodedFile, found: dict[tuple[str, str], Layer]) -> None:
    spec = source.spec()
    names = list(spec.channelnames)
    refuse_chroma(names, file.name)
    kinds = [str(k) for k in spec.channelformats] or [str(spec.format)] * len(names)
    part_name = spec.get_string_attribute("oiio:subimagename") or spec.get_string_attribute("name")
    whole = read_part(source, part, "float32", file.name)
    for key, members in group_channels(names, part_name).items():
        if key in found:
            continue
        letters = components(names, members)
        if all(kinds[n] in ("uint", "uint32") for n in members):
            # As float they would be scaled to 0..1, which loses ids.
            pixels = np.concatenate([read_part(source, part, "uint32", file.name, n, n + 1) for n in members], axis=2)
            found[key] = Layer(np.ascontiguousarray(pixels))
            continue
        pixels = np.ascontiguousarray(whole[..., members])
        if all(kinds[n] == "half" for n in members):
            with np.errstate(invalid="ignore"):
                pixels = pixels.astype(np.float16)
        if letters == "YA":
            pixels, letters = pixels[..., [0, 0, 0, 1]], "RGBA"
        encoding = None
        if letters in ("RGB", "RGBA") or (letters == "Y" and len(names) < 3):
            encoding = encoding_of(file, spec, "openexr", pixels.dtype, 3 if len(letters) > 1 else 1)
        found[key] = Layer(np.ascontiguousarray(pixels), letters == "RGBA", encoding)

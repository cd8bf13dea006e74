"""Layers to one multilayer OpenEXR that compositors read by name: stylised, delta, mask, confidence, and the passes next to them."""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np

from ...shared.errors import InputError
from ...shared.values import Image
from ..core.color import associate, to_float, to_half, to_linear
from .exr import Attribute, write_exr

_DATA_CHANNELS = {1: "V", 2: "UV", 3: "XYZ", 4: "XYZW"}
_COLOR_CHANNELS = {1: "Y", 3: "RGB", 4: "RGBA"}


def encode_layers(
    layers: Mapping[str, Image], half: bool = True, attributes: Mapping[str, Attribute] | None = None, associated: Container[str] = ()
) -> bytes:
    """One part with channels named ``layer.component``, as Blender 4 and Nuke have them; ``decode_layers`` reads it.

    The first layer, if it is a colour picture, stands there a second time as plain ``R``, ``G``, ``B``, ``A``, so that every viewer
    shows something (``decode_layers`` calls that ``Combined``). Equal layers give equal bytes: nothing is dated.

    | layer | channels | stored as |
    |---|---|---|
    | colour, srgb or linear | ``R G B A``, or ``Y`` | linear, half or float; alpha associated |
    | data of uint32 (ids) | ``V``, ``X Y Z`` … | uint |
    | data of half or float | ``V`` (``Z`` in a layer named depth), ``U V``, ``X Y Z``, ``X Y Z W`` | as it is |
    | data of 8 or 16 bit | the same | 0..1 as half (8 bit) or float |

    Args:
        layers: Name, such as ``stylised`` or ``ViewLayer.Combined``, to picture; all of one size, the one to be seen first.
        half: Whether colour is stored as half. Finite light beyond what a half holds becomes its largest number; infinity and NaN
            stay.
        attributes: For the file's header.
        associated: Layers whose colour is multiplied by alpha already, as ``decode_layers(file, associated=True)`` gives it: light
            without alpha (glow, fire) is kept in them.

    Raises:
        InputError: No layers, names that are empty or have empty parts, sizes that differ.
    """
    if not layers:
        raise InputError(expected="at least one layer", got="none")
    channels: dict[str, np.ndarray] = {}
    first = next(iter(layers))
    for name, image in layers.items():
        if not name or not all(name.split(".")) or not name.isprintable():
            raise InputError(expected="a layer's name such as stylised or ViewLayer.Combined", got=repr(name)[:80])
        pixels = _stored(image, half, name in associated)
        count = pixels.shape[2]
        for number, component in enumerate(_components(name, image, count)):
            channels[f"{name}.{component}"] = pixels[..., number]
            if name == first and image.color_space != "data" and count in (3, 4):
                channels[component] = pixels[..., number]
    return write_exr(channels, attributes)


def _components(name: str, image: Image, count: int) -> list[str]:
    if image.color_space == "data" and count == 1 and "depth" in name.rpartition(".")[2].lower():
        return ["Z"]
    usual = _DATA_CHANNELS if image.color_space == "data" else _COLOR_CHANNELS
    if count in usual:
        return list(usual[count])
    if image.color_space != "data":
        raise InputError(expected=f"the layer {name} with 1, 3 or 4 channels", got=str(count), fix="Give it as data")
    return [f"c{number:03}" for number in range(count)]


def _stored(image: Image, half: bool, associated: bool) -> np.ndarray:
    """``(H, W, C)`` float16, float32 or uint32."""
    pixels = image.pixels
    kind = pixels.dtype.name
    if image.color_space == "data":
        if kind in ("uint32", "float16", "float32"):
            return pixels
        return to_float(pixels).astype(np.float16 if kind == "uint8" else np.float32)
    wanted = np.float16 if half else np.float32
    if kind == "float16" and half and image.color_space == "linear" and (associated or pixels.shape[2] != 4):
        return pixels  # not even through float: a NaN keeps its bits
    values = to_float(pixels)
    color = values[..., :3]
    if image.color_space == "srgb":
        color = to_linear(color)
    if values.shape[2] == 4 and not associated:
        color = associate(color, values[..., 3:], light=image.color_space == "linear")
    values = np.concatenate([color, values[..., 3:]], axis=2)
    return to_half(values) if wanted == np.float16 else values

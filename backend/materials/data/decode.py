"""One map of a stack from its file: the right channels, in the right colour space, at the training size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from ....shared.errors import InputError
from ....shared.values import EncodedFile
from ...core.color import to_float, to_linear, to_srgb
from ...io.holes import without_alpha
from ...io.image_file import open_file
from ...io.reading import decode

_COLORED = ("base_color", "normal", "normal_dx", "packed")
"""Kinds of map that need three channels."""


def read_map(path: Path, kind: str) -> torch.Tensor:
    """Decodes a file.

    Args:
        path: The file.
        kind: ``base_color`` (made sRGB-coded) or any other (values as stored, none is bent by a curve).

    Returns:
        ``(C, H, W)`` float32: 3 channels for colours, normals and packed maps, else 1. Colours are clipped to 0..1.

    Raises:
        InputError: Unreadable, animated, CMYK, a cut-out, not finite, or gray where three channels are needed.
    """
    file = EncodedFile.read(path)
    _refuse_cmyk(file)
    colored = kind == "base_color"
    image = decode(file, use="color" if colored else "numbers")
    if colored:
        image = without_alpha(image, "base colour")
    values = to_float(image.pixels)
    if not np.isfinite(values).all():
        raise InputError(expected="finite numbers", got="NaN or infinity", fix="Export the file again")
    if kind in _COLORED:
        if kind != "base_color" and values.shape[2] < 3:
            raise InputError(expected=f"three channels in a {kind} map", got="a gray picture")
        values = values[..., :3] if values.shape[2] >= 3 else values[..., :1].repeat(3, axis=2)
    else:
        values = values[..., :3].mean(axis=2, keepdims=True)
    if kind == "base_color":
        values = to_srgb(np.maximum(values, 0)) if image.color_space == "linear" else values
    if kind != "height":  # a float height map may go beyond; it is normalised later
        values = np.clip(values, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1), dtype=np.float32))


def resample(values: torch.Tensor, size: tuple[int, int], srgb: bool = False) -> torch.Tensor:
    """Averages down, or interpolates up, to ``(height, width)``.

    Averages over whole pixels, so that what tiled before tiles after. Display-encoded colour is averaged as light.

    Args:
        values: ``(C, H, W)``.
        size: Of the result.
        srgb: Whether these are sRGB-coded colours.
    """
    if tuple(values.shape[1:]) == size:
        return values
    if srgb:
        values = torch.from_numpy(to_linear(values.numpy()))
    smaller = size[0] <= values.shape[1] and size[1] <= values.shape[2]
    out = F.interpolate(values[None], size=size, mode="area") if smaller else F.interpolate(values[None], size=size, mode="bilinear")
    return torch.from_numpy(to_srgb(out[0].numpy())) if srgb else out[0]


def _refuse_cmyk(file: EncodedFile) -> None:
    with open_file(file) as source:
        spec = source.spec()
        stated = [
            spec.get_string_attribute(name).lower() for name in ("jpeg:ColorSpace", "tiff:ColorSpace", "oiio:ColorSpace", "psd:ColorMode")
        ]
        if "cmyk" in stated or spec.get_int_attribute("tiff:PhotometricInterpretation") == 5:
            raise InputError(expected="colours as RGB", got="CMYK", fix="Convert the file to sRGB: the inks' look depends on the press")

"""Rendered frames as files: mixed with the render by the strength, in its type and with its alpha; as layers, or the picture alone."""

from __future__ import annotations

import numpy as np

from ....shared.values import EncodedFile, Image
from ...core.color import from_float
from ...core.shaper import shape_linear, unshape_linear
from ...io.alpha import transparent
from ...io.exr_layers_read import decode_layers
from ...io.exr_layers_write import encode_layers
from ...io.frames.decode import Wanted, decode_frame
from ...io.frames.shot import Shot
from ...io.image_file import is_exr
from ..shot.contents import layered
from .rendering import Rendered
from .shot import color_of


def delivered(shot: Shot, number: int, rendered: Rendered | None, amount: float, layers: bool) -> Image | EncodedFile:
    """A frame, scene-linear, in the render's type and with its alpha.

    Args:
        shot: The shot.
        number: The frame.
        rendered: Its paint; None for the render as it is, bit for bit.
        amount: Strength of the paint, 0..1.
        layers: Whether to make a multilayer EXR of ``stylised``, ``delta``, ``mask`` and ``confidence`` (``style.contents.layered``), or
            the picture alone. The mask is the strength; 0 where alpha is 0: there nothing is styled, and light without alpha stays.
    """
    name = f"stylised_{number:04d}.exr"
    image, source = _color(shot, number), shot.source(number).channels["color"]
    styled = image if rendered is None else blend(shot, number, rendered.picture, amount)
    if not layers:
        return _untouched(image, source, name) if rendered is None else styled
    weight = np.full(shot.size, 0.0 if rendered is None else amount, np.float32)
    alpha = shot[number].alpha
    if alpha is not None:
        weight[transparent(alpha)] = 0
    confidence = np.ones(shot.size, np.float32) if rendered is None else rendered.confidence
    return layered(image, source, styled, weight, confidence, name)


def blend(shot: Shot, number: int, picture: np.ndarray, amount: float) -> Image:
    """The stylised frame in the type of its render, with its alpha.

    Args:
        shot: The shot.
        number: The frame.
        picture: ``(H, W, 3)`` float32 through the shaper.
        amount: Above 0, to 1.
    """
    source = _color(shot, number)
    shaped = shape_linear(color_of(shot[number]))
    color = unshape_linear(np.maximum(shaped + np.float32(amount) * (picture - shaped), 0))
    alpha = shot[number].alpha
    if alpha is not None:  # light without alpha is not painted
        hidden = color_of(shot[number]) if source.color_space == "linear" else np.float32(0)
        color = np.where(transparent(alpha)[..., None], hidden, color).astype(np.float32)
    kind = np.float32 if source.pixels.dtype in (np.float32, np.uint16, np.uint32) else np.float16
    values = color if alpha is None else np.concatenate([color, alpha[..., None]], 2)
    return Image(np.ascontiguousarray(from_float(values, kind)), "linear")


def _color(shot: Shot, number: int) -> Image:
    """A frame's colour in its own storage type."""
    image = decode_frame(shot.source(number), Wanted(("image",), match_camera=False)).image
    assert image is not None  # the shot was decoded from it
    return image


def _untouched(image: Image, source: Image | EncodedFile, name: str) -> Image | EncodedFile:
    """The render; where it has alpha as a file with its own bits, light without alpha too, which straight colour cannot hold."""
    if isinstance(source, EncodedFile) and is_exr(source) and image.pixels.shape[2] == 4:
        found = decode_layers(source, associated=True).get("Combined")
        if found is not None:
            data = encode_layers({"Combined": found}, found.pixels.dtype == np.float16, associated={"Combined"})
            return EncodedFile(np.frombuffer(data, np.uint8), name)
    return image

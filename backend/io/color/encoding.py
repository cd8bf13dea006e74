"""A way in which colours are stored, as what takes them to scene-linear Rec.709."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ....shared.values import Image
from ...core.color import to_float, to_linear, to_srgb
from .curves import Curve
from .primaries import REC709, to_xyz

_SAME_CODE = 1 / 255
"""Display-encoded; profiles that say sRGB within this are sRGB."""
_SAME_LIGHT = 1e-4


@dataclasses.dataclass(frozen=True, eq=False)
class Encoding:
    """How colours are stored.

    Attributes:
        name: In words, such as ``Display P3``.
        curves: Of red, green and blue, or one for all; empty for linear light.
        matrix: ``(3, 3)`` from linear light to linear Rec.709, or None where the primaries are those.
        convert: In place of both: from ``(H, W, 3)`` float32 as stored to the same in scene-linear Rec.709.
    """

    name: str
    curves: tuple[Curve, ...] = ()
    matrix: np.ndarray | None = None
    convert: Callable[[np.ndarray], np.ndarray] | None = None

    def light(self, pixels: np.ndarray) -> np.ndarray:
        """Scene-linear Rec.709 of stored colours ``(H, W, 1 or 3)`` of any storage type; float32, same shape."""
        if pixels.shape[2] == 1:
            return self._of_gray(pixels)
        if self.convert is not None:
            return self.convert(to_float(pixels))
        values = self._linear(pixels)
        if self.matrix is None:
            return values
        with np.errstate(invalid="ignore", over="ignore"):
            return (values @ self.matrix.T.astype(np.float32)).astype(np.float32)

    def _of_gray(self, pixels: np.ndarray) -> np.ndarray:
        if self.convert is None:
            return self._linear(pixels)  # gray of one white is gray of the other
        colors = self.convert(np.repeat(to_float(pixels), 3, axis=2))
        return (colors @ to_xyz(REC709)[1].astype(np.float32))[..., None]  # the weights of luminance

    def _linear(self, pixels: np.ndarray) -> np.ndarray:
        if not self.curves:
            return to_float(pixels)
        if pixels.dtype in (np.uint8, np.uint16):  # each code once
            codes = to_float(np.arange(np.iinfo(pixels.dtype).max + 1, dtype=pixels.dtype)).astype(np.float64)
            tables = [curve(codes).astype(np.float32) for curve in self.curves]
            return np.stack([tables[c if len(tables) > 1 else 0][pixels[..., c]] for c in range(pixels.shape[2])], axis=2)
        values = to_float(pixels).astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            planes = [self.curves[c if len(self.curves) > 1 else 0](values[..., c]) for c in range(pixels.shape[2])]
        return np.stack(planes, axis=2).astype(np.float32)

    def usual(self) -> str:
        """``srgb`` or ``linear`` where the stored values are just that, else ``""``."""
        steps = np.linspace(0, 1, 6, dtype=np.float32)
        cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 1, 3)
        dark = np.repeat(np.linspace(0, 0.2, 52, dtype=np.float32), 3).reshape(-1, 1, 3)  # where a power and the curve differ most
        grid = np.concatenate([cube, dark])
        light = self.light(grid)
        if np.abs(light - grid).max() < _SAME_LIGHT:
            return "linear"
        return "srgb" if np.abs(to_srgb(light) - grid).max() < _SAME_CODE else ""


def converted(image: Image, encoding: Encoding) -> Image:
    """A picture of an encoding in scene-linear Rec.709.

    Args:
        image: Colours as they are stored; a second or fourth channel is straight alpha, which stays.
        encoding: How they are stored.

    Returns:
        Float32, ``linear``.
    """
    colors = 3 if image.pixels.shape[2] >= 3 else 1
    light = encoding.light(image.pixels[..., :colors])
    return Image(np.ascontiguousarray(np.concatenate([light, to_float(image.pixels[..., colors:])], axis=2)), "linear")


SRGB = Encoding("sRGB", (to_linear,))
LINEAR = Encoding("linear Rec.709")

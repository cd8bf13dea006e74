"""Frames as the painter takes them, and its paint as layers in scene-linear light."""

from __future__ import annotations

import collections

import numpy as np
import torch

from ....shared.values import EncodedFile, Image
from ...core.color import associate, to_float, to_linear
from ...core.color_spaces import luminance
from ...core.fill import fill_outside
from ...io.alpha import transparent
from ...io.exr_layers_read import decode_layers
from ...io.exr_layers_write import encode_layers
from ...io.frames.frame import Frame
from ...io.frames.shot import Shot
from ...io.image_file import is_exr
from ...io.tensors import from_planes, to_planes
from ...patchmatch import pyramid
from .passes import ids_of, image_of, outside

_CEILING = 65504.0
"""What stands in for infinite light: the largest half."""
_KEPT = 4


class Contents:
    """The shot's colour, display-like and without what no painter could paint.

    Args:
        shot: The frames.
        device: Where to.
        gray: Whether only luminance is painted.
    """

    def __init__(self, shot: Shot, device: torch.device, gray: bool) -> None:
        self._shot, self._device, self._gray = shot, device, gray
        self._kept: collections.OrderedDict[int, torch.Tensor] = collections.OrderedDict()

    def planes(self, index: int) -> torch.Tensor:
        """Colour through the shaper, ``(3, H, W)``, light above 1 and below 0 included; NaN is 0."""
        image = image_of(self._shot.at(index))
        pixels = image.pixels
        if np.issubdtype(pixels.dtype, np.floating):
            image = Image(np.nan_to_num(pixels, nan=0.0, posinf=_CEILING, neginf=0.0), image.color_space)
        planes = to_planes(image, self._device)
        return planes[:3] if planes.shape[0] >= 3 else planes[:1].expand(3, -1, -1)

    def __call__(self, index: int) -> torch.Tensor:
        """What is painted: ``(3 or 1, H, W)`` in 0..1, colours continued to where alpha is 0."""
        found = self._kept.pop(index, None)
        if found is None:
            pixels = image_of(self._shot.at(index)).pixels
            found = self.planes(index).clamp(0, 1)
            if pixels.shape[2] == 4:
                alpha = torch.from_numpy(to_float(pixels[..., 3:])).permute(2, 0, 1).to(self._device)
                found = fill_outside(found, alpha)
            found = luminance(found) if self._gray else found
        self._kept[index] = found
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found


def soft_chroma(color: torch.Tensor, stroke: float) -> torch.Tensor:
    """The colour's differences from its luminance, softened to about a stroke (in pixels), ``(3, H, W)``."""
    chroma = color - luminance(color)
    size = int(color.shape[1]), int(color.shape[2])
    return pyramid.resize(pyramid.resize(chroma, pyramid.size_at(size, 1 / max(1.0, stroke / 3), 1)), size)


def amount(passes: Frame, mask: np.ndarray | None, objects: set[int] | None, strength: float) -> np.ndarray:
    """How much the style acts, ``(H, W)`` float32 0..1: strength, mask, the frame's own mask, objects.

    0 outside a cropped region, and where alpha is 0: light without alpha stays as it is.
    """
    result = np.full(passes.size, strength, np.float32)
    for part in (mask, passes.mask):
        if part is not None:
            result = result * part
    if objects is not None:
        result = result * np.isin(ids_of(passes), list(objects))
    pixels = image_of(passes).pixels
    if pixels.shape[2] == 4:
        result = np.where(transparent(pixels[..., 3]), np.float32(0), result)
    return np.where(outside(passes), np.float32(0), result).astype(np.float32)


def mixed(passes: Frame, planes: torch.Tensor, paint: torch.Tensor, weight: np.ndarray) -> Image:
    """The painted frame in the render's storage type and colour space.

    Where the weight is 0 the render's pixels are there bit for bit, alpha everywhere; light beyond 0..1 is set aside and put back.

    Args:
        passes: The frame.
        planes: Its colour as ``Contents.planes`` gives it.
        paint: ``(3, H, W)`` display-like.
        weight: ``(H, W)``.
    """
    base = planes.clamp(0, 1)
    share = torch.from_numpy(weight).to(planes.device)
    color = base + share * (paint - base) + (planes - base)
    like = image_of(passes)
    rgb = from_planes(color, Image(like.pixels[..., :3], like.color_space)).pixels
    count = like.pixels.shape[2]
    pixels = rgb if count < 4 else np.concatenate([rgb, like.pixels[..., 3:]], 2)
    original = np.broadcast_to(like.pixels, pixels.shape) if count == 1 else like.pixels
    pixels[weight == 0] = original[weight == 0]
    return Image(np.ascontiguousarray(pixels), like.color_space)


def layered(image: Image, source: Image | EncodedFile, styled: Image, weight: np.ndarray, confidence: np.ndarray, name: str) -> EncodedFile:
    """Multilayer EXR of a frame: ``stylised`` and ``delta`` (stylised minus render) in scene-linear light, ``mask``, ``confidence``.

    Args:
        image: The render's colour, decoded.
        source: The same as it came: the file's own bits, alpha multiplied in, go into ``stylised`` where nothing was painted.
        styled: The painted frame.
        weight: ``(H, W)`` how much it was painted.
        confidence: ``(H, W)`` how well the paint was tracked.
        name: The file's name.
    """
    before = _stored(source, image)
    kind = np.float16 if before.dtype == np.float16 or image.pixels.dtype == np.uint8 else np.float32
    now, before = _associated(styled), before.astype(np.float32)
    if before.shape != now.shape:
        before = np.broadcast_to(before, now.shape)
    keep = (weight == 0)[..., None]
    with np.errstate(over="ignore", invalid="ignore"):
        stylised = np.where(keep, before, now)
        delta = np.nan_to_num(np.where(keep, np.float32(0), now[..., :3] - before[..., :3]), posinf=_CEILING, neginf=-_CEILING)
        if kind == np.float16:
            stylised = np.where(keep, stylised, np.clip(stylised, -_CEILING, _CEILING))
            delta = np.clip(delta, -_CEILING, _CEILING)
        layers = {
            "stylised": Image(np.ascontiguousarray(stylised.astype(kind)), "linear"),
            "delta": Image(np.ascontiguousarray(delta.astype(kind)), "linear"),
            "mask": Image(weight[..., None].astype(np.float16), "data"),
            "confidence": Image(confidence[..., None].astype(np.float16), "data"),
        }
    data = encode_layers(layers, half=kind == np.float16, associated={"stylised", "delta"})
    return EncodedFile(np.frombuffer(data, np.uint8), name)


def _stored(source: Image | EncodedFile, decoded: Image) -> np.ndarray:
    """The render's colour with alpha multiplied in, half or float: the file's own numbers where it has them."""
    if isinstance(source, EncodedFile) and is_exr(source):
        layers = decode_layers(source, associated=True)
        found = layers.get("Combined")
        if found is not None:
            return found.pixels
    values = _associated(decoded)
    return values.astype(np.float16) if decoded.pixels.dtype == np.float16 and values.shape[2] != 4 else values


def _associated(image: Image) -> np.ndarray:
    values = to_float(image.pixels)
    color, alpha = (values[..., :3], values[..., 3:]) if values.shape[2] == 4 else (values, values[..., :0])
    if image.color_space == "srgb":
        color = to_linear(color)
    light = image.color_space == "linear"
    return np.concatenate([associate(color, alpha, light=light), alpha], 2) if alpha.shape[2] else color.astype(np.float32)

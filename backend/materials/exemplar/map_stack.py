"""The exemplar of ``texture.synthesize`` and the maps next to it as one stack of planes, and back."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
import torch.nn.functional as F

from ....shared.errors import InputError
from ....shared.values import Image
from ...core.color import from_float, to_float
from ...io.checks import check_pixels
from ...io.holes import with_filled_holes
from ...io.tensors import from_planes, to_planes
from ...patchmatch import pyramid
from ...patchmatch.texture import LEAST_EXEMPLAR, Layer

WEIGHTS = {"normal": 0.6, "height": 0.7, "roughness": 0.5, "metallic": 0.7, "occlusion": 0.4}
"""Say of each map in the search next to the base colour's 1; normal has three channels, occlusion mostly repeats the height."""

_FLAT = 2.5 / 255
"""Range of values, display-like, within which an exemplar is flat: rounding and JPEG make as much."""


@dataclasses.dataclass(frozen=True)
class Stack:
    """An exemplar with its maps.

    Attributes:
        planes: ``(C, H, W)`` float32, the base colour first; normals as unit vectors.
        layers: What the channels are.
        images: The pictures that they came from, the base colour under ``base_color``.
        notes: What an artist should know.
    """

    planes: torch.Tensor
    layers: tuple[Layer, ...]
    images: dict[str, Image]
    notes: tuple[str, ...]

    def results(self, planes: torch.Tensor) -> dict[str, Image]:
        """Synthesised planes as pictures, each in the storage type of the one that it came from."""
        found, first = {}, 0
        for (name, image), layer in zip(self.images.items(), self.layers, strict=True):
            part = planes[first : first + layer.channels]
            first += layer.channels
            if name == "base_color":
                found[name] = from_planes(part, image)
                continue
            values = part.permute(1, 2, 0).cpu().numpy()
            values = values if name != "normal" or _is_signed(image) else 0.5 + 0.5 * values
            found[name] = Image(np.ascontiguousarray(from_float(values, image.pixels.dtype)), "data")
        return found


def read_stack(exemplar: Image, maps: dict[str, Image], limit: float, scale: float, device: torch.device) -> Stack:
    """Checks the exemplar and its maps and lays them one over the other.

    Args:
        exemplar: The base colour, or whatever the texture is made of.
        maps: Further maps by name, any of ``WEIGHTS``.
        limit: Longest side in pixels after scaling; of a larger exemplar the middle is used.
        scale: Factor of size.
        device: Where to.

    Raises:
        InputError: Maps of another size, channels without meaning, NaN, too small, or all of it flat.
    """
    check_pixels(exemplar, "exemplar", minimum=LEAST_EXEMPLAR, channels=None if exemplar.color_space == "data" else (1, 3, 4))
    height, width = exemplar.pixels.shape[:2]
    for name, image in maps.items():
        check_same_size(name, image, exemplar)
        check_pixels(image, name, channels=(3, 4) if name == "normal" else (1, 3, 4))
    base = to_planes(with_filled_holes(exemplar), device)
    parts, layers, images, notes = [base], [Layer(int(base.shape[0]))], {"base_color": exemplar}, []
    for name, weight in WEIGHTS.items():
        if name not in maps:
            continue
        image = maps[name]
        values = torch.from_numpy(to_float(image.pixels[..., :3]).transpose(2, 0, 1).copy()).to(device)
        direction = ""
        if name == "normal":
            values = F.normalize(values if _is_signed(image) else 2 * values - 1, dim=0)
            direction = _direction(values)
            if direction == "down":
                notes.append("The normal map looks like DirectX (Y-) and stays so; Blender expects OpenGL (Y+)")
        else:
            values = values.mean(0, keepdim=True)
        parts.append(values)
        layers.append(Layer(int(values.shape[0]), weight, direction))
        images[name] = image
    planes = torch.cat(parts)
    _refuse_flat(planes, exemplar, bool(maps))
    used = cut(planes, limit, scale)
    side = int(np.ceil(limit / scale))
    if max(height, width) > side:
        notes.append(f"Of the exemplar's {width} x {height} pixels the middle {min(side, width)} x {min(side, height)} were used")
    return Stack(used, tuple(layers), images, tuple(notes))


def cut(planes: torch.Tensor, limit: float, scale: float) -> torch.Tensor:
    """The middle of very large planes ``(C, H, W)``, then scaled.

    Args:
        planes: Of the exemplar's full size.
        limit: Longest side in pixels after scaling.
        scale: Factor of size.

    Raises:
        InputError: Too small after scaling.
    """
    side = int(np.ceil(limit / scale))
    top, left = (max(0, (int(n) - side) // 2) for n in planes.shape[1:])
    planes = planes[:, top : top + side, left : left + side]
    if scale == 1:
        return planes.contiguous()
    size = round(planes.shape[1] * scale), round(planes.shape[2] * scale)
    if min(size) < LEAST_EXEMPLAR:
        raise InputError(
            expected=f"an exemplar of at least {LEAST_EXEMPLAR} x {LEAST_EXEMPLAR} pixels after scaling",
            got=f"{size[1]} x {size[0]} at an exemplar scale of {scale:g}",
            fix="Raise the exemplar scale or use a larger exemplar",
        )
    return pyramid.resize(planes, size)


def check_same_size(name: str, image: Image, exemplar: Image) -> None:
    """Raises ``InputError`` naming both sizes unless they are equal."""
    if image.pixels.shape[:2] != exemplar.pixels.shape[:2]:
        (h, w), (eh, ew) = image.pixels.shape[:2], exemplar.pixels.shape[:2]
        raise InputError(
            expected=f"{name} as large as the exemplar, {ew} x {eh} pixels", got=f"{w} x {h}", fix="Export both at the same size"
        )


def _refuse_flat(planes: torch.Tensor, exemplar: Image, has_maps: bool) -> None:
    span = planes.amax((1, 2)) - planes.amin((1, 2))
    # Data has no scale of its own: there only equal numbers are flat.
    least = 0.0 if exemplar.color_space == "data" else _FLAT
    if float(span.max()) <= least:
        raise InputError(
            expected="an exemplar with texture",
            got="one flat colour" + (" and flat maps" if has_maps else ""),
            fix="Use a photograph in which the material's structure shows",
        )


def _is_signed(image: Image) -> bool:
    """Whether a normal map holds vectors as they are, as float maps may, and not halved and shifted into 0..1."""
    return bool(np.issubdtype(image.pixels.dtype, np.floating) and image.pixels[..., :3].min() < -1e-3)


def _direction(vectors: torch.Tensor) -> str:
    """Where +y of a normal map points, ``up`` or ``down`` the picture.

    Slopes of a surface have no curl: the change of the one down the picture is that of the other across it, with the sign that tells.
    """
    slope = vectors[:2] / vectors[2:].clamp_min(0.1)
    across, down = (slope[0, 2:, 1:-1] - slope[0, :-2, 1:-1]), (slope[1, 1:-1, 2:] - slope[1, 1:-1, :-2])
    agreement = float((across * down).mean() / (across.square().mean() * down.square().mean()).sqrt().clamp_min(1e-12))
    return "down" if agreement > 0.2 else "up"

"""Who paints what: styles for objects or materials by their ids, and shares of several styles."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ....shared.errors import InputError, ParameterError
from ....shared.text_file import is_count
from ....shared.values import DEPTH_BACKGROUND, EncodedFile, Image
from ...core.camera import check_aspect
from ...core.color import to_float
from ...core.color_spaces import luminance
from ...core.filters import gaussian_blur
from ...io.exr_layers_read import read_layers
from ...io.frames.channels import named_layer
from ...io.frames.object_ids import parse_ids
from ...io.frames.sizes import at_size, note_size
from ...io.image_file import is_exr
from ...io.reading import decode
from ...patchmatch import pyramid
from .strokes import geometry_planes

KEEP = "keep"
_CHANNELS = {"object": "object_id", "material": "material_id", "depth": "depth", "normal": "normal"}
_SHARE_STEPS = 60
_MIXED, _LEAST_PART = 3.0, 6.0
"""Size of the parts that several styles share out, in strokes, and the least in pixels."""


@dataclasses.dataclass(frozen=True)
class Geometry:
    """What is known of a picture's objects.

    Attributes:
        ids: ``(H, W)`` int64, or None.
        planes: ``(G, H, W)`` for ``Direction.geometry``, or None.
    """

    ids: torch.Tensor | None
    planes: torch.Tensor | None


def read_geometry(inputs: Mapping[str, Any], kind: str, size: tuple[int, int], device: torch.device) -> Geometry:
    """Ids, depth and normals out of the inputs ``ids`` (a picture) and ``passes`` (a multilayer file), as far as they are given.

    Args:
        inputs: Of the operation.
        kind: ``object`` or ``material``, whose ids count.
        size: Height and width of the content.
        device: Where to.

    Raises:
        InputError: Of another shape, no whole numbers, or no pass that could be used.
    """
    ids = None if inputs.get("ids") is None else _whole(inputs["ids"], "ids", size)
    depth = normal = None
    file = inputs.get("passes")
    if file is not None:
        layers = _decoded(file)
        found = {name: named_layer(layers, channel) for name, channel in _CHANNELS.items()}
        if not any(image is not None for image in found.values()):
            raise InputError(
                expected="passes with depth, normals or ids",
                got=f"layers: {', '.join(sorted(layers)) or 'none'}",
                fix="Switch on View Layer Properties > Passes > Data and save the render as OpenEXR MultiLayer",
            )
        own = found[kind]
        if ids is None and own is not None:
            ids = _whole(own, "passes", size)
        if found["depth"] is not None:
            values = _sized(found["depth"], "passes", "depth", size)[..., 0].astype(np.float32)
            depth = torch.from_numpy(np.where(np.isfinite(values) & (values < DEPTH_BACKGROUND), values, np.inf).astype(np.float32))
        if found["normal"] is not None:
            values = np.nan_to_num(_sized(found["normal"], "passes", "normal", size)[..., :3].astype(np.float32), posinf=0.0, neginf=0.0)
            normal = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))
    tensors = [None if t is None else t.to(device) for t in (None if ids is None else torch.from_numpy(ids), depth, normal)]
    return Geometry(tensors[0], geometry_planes(*tensors))


@dataclasses.dataclass(frozen=True)
class Region:
    """Some objects and who paints them.

    Attributes:
        text: The ids as they were given.
        ids: Of the objects.
        style: Number of the style, or None for what stays as it is.
    """

    text: str
    ids: frozenset[int]
    style: int | None


def parse_regions(text: str, count: int) -> list[Region]:
    """Reads text such as ``1,4:0 2:1 7-9:keep``: ids, a colon and the style's number (0 is the first) or ``keep``.

    Raises:
        ParameterError: Not of this form, or a style that is not there.
        InputError: Ids that are no numbers.
    """
    found = []
    for entry in text.split():
        names, colon, style = entry.partition(":")
        if not colon or not names or not (style == KEEP or (is_count(style) and int(style) < count)):
            raise ParameterError(
                expected=f'regions such as "1,4:0 2:{min(1, count - 1)} 7-9:keep" with styles from 0 to {count - 1}', got=repr(entry)[:80]
            )
        number = None if style == KEEP else int(style)
        found += [Region(part, frozenset(object_ids(part, "regions") or ()), number) for part in names.split(",")]
    return found


def assigned(regions: Sequence[Region], ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Which style paints each pixel; of several regions with an id the last counts, ids that are in none have style 0.

    Args:
        regions: In their order.
        ids: ``(H, W)`` whole numbers.

    Returns:
        Number of the style ``(H, W)`` int64, and where it is not painted ``(H, W)`` bool.
    """
    owners, kept = torch.zeros(ids.shape, dtype=torch.int64, device=ids.device), torch.zeros_like(ids, dtype=torch.bool)
    there = set(ids.unique().tolist())
    for region in regions:
        mine = torch.isin(ids, torch.tensor(sorted(region.ids & there), dtype=ids.dtype, device=ids.device))
        kept = kept & ~mine if region.style is not None else kept | mine
        owners = torch.where(mine, region.style or 0, owners)
    return owners, kept


def read_regions(text: str, ids: torch.Tensor | None, count: int) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Which style paints each pixel of a picture.

    Args:
        text: See ``parse_regions``.
        ids: ``(H, W)`` int64.
        count: Number of styles.

    Returns:
        See ``assigned``; None for empty text.

    Raises:
        ParameterError: See ``parse_regions``.
        InputError: No ids, or ids that are not there.
    """
    if not text.strip():
        return None
    if ids is None:
        raise InputError(
            expected="ids or passes, for regions go by ids", got="neither", fix="Give the picture of ids or the render's multilayer file"
        )
    regions, there = parse_regions(text, count), set(ids.unique().tolist())
    for region in regions:
        if not region.ids & there:
            known = ", ".join(map(str, sorted(there)[:20]))
            raise InputError(expected=f"regions with ids that are in the picture: {known}", got=region.text, fix="Look at the id pass")
    return assigned(regions, ids)


def read_weights(text: str, count: int) -> list[float]:
    """Shares of the styles, summing to 1, out of text such as ``70 30``; equal when empty.

    Raises:
        ParameterError: Not one number for each style, or none above 0.
    """
    if not text.strip():
        return [1 / count] * count
    try:
        values = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        values = []
    if len(values) != count or not all(0 <= v < 1e9 for v in values) or sum(values) <= 0:
        many = "1 number" if count == 1 else f"{count} numbers of at least 0, not all of them 0"
        raise ParameterError(expected=f'weights as {many}, such as "{" ".join(["50"] * count)}"', got=repr(text)[:80])
    return [v / sum(values) for v in values]


def part_size(stroke: float) -> float:
    """Size in pixels of the parts that styles share out, by that of strokes in pixels."""
    return max(_LEAST_PART, _MIXED * stroke)


def shared_out(content: torch.Tensor, weights: Sequence[float], cell: float, generator: torch.Generator) -> torch.Tensor:
    """Gives each part of a picture to one of the styles, as much to each as its weight says, ``(H, W)`` int64.

    Borders follow the content's colours, so that they fall where the content changes.

    Args:
        content: ``(C, H, W)``.
        weights: Summing to 1.
        cell: Size of parts in pixels.
        generator: On the CPU.
    """
    size = (int(content.shape[1]), int(content.shape[2]))
    small = [max(3, round(side / cell)) for side in size]
    noise = F.interpolate(torch.randn(len(weights), 1, *small, generator=generator), size=size, mode="bicubic", align_corners=False)[:, 0]
    soft = gaussian_blur(content, max(1.0, 0.15 * cell))
    soft = (soft - soft.mean((1, 2), keepdim=True)) / soft.std().clamp_min(1e-3)
    likes = torch.randn(len(weights), content.shape[0], generator=generator).to(content.device) / content.shape[0] ** 0.5
    score = noise.to(content.device) / noise.std().clamp_min(1e-6) + torch.einsum("sc,chw->shw", likes, soft)
    sample = score.flatten(1)[:, :: max(1, score[0].numel() // 16384)]
    bias = torch.zeros(len(weights), 1, device=content.device)
    wanted = torch.tensor(list(weights), device=content.device)
    for step in range(_SHARE_STEPS):
        got = torch.bincount((sample + bias).argmax(0), minlength=len(weights)) / sample.shape[1]
        bias[:, 0] += 2.0 * 0.95**step * (wanted - got)
    bias[wanted == 0] = -1e9
    return (score + bias[..., None]).argmax(0)


def coverage(regions: torch.Tensor, count: int) -> torch.Tensor:
    """How much of each pixel belongs to each region, ``(count, H, W)``: straight borders stay hard, steps of slanted ones are smoothed."""
    each = F.one_hot(regions, count).permute(2, 0, 1).float()
    kernel = torch.tensor([1.0, 2.0, 1.0], device=regions.device)
    kernel = (kernel[:, None] * kernel[None] / 16).view(1, 1, 3, 3)
    soft = F.conv2d(F.pad(each[:, None], (1, 1, 1, 1), mode="replicate"), kernel)[:, 0]
    sharp = (2 * (soft - 0.5) + 0.5).clamp(0, 1)
    total = sharp.sum(0)
    return torch.where(total > 0, sharp / total.clamp_min(1e-6), each)


def full_chroma(painted: torch.Tensor, color: torch.Tensor) -> torch.Tensor:
    """Painted luminance with the content's differences of colour, exactly: where they leave no room the luminance gives way.

    Args:
        painted: ``(1, H, W)``.
        color: ``(3, H, W)`` in 0..1.
    """
    chroma = color - luminance(color)
    least, most = -chroma.amin(0, keepdim=True), 1 - chroma.amax(0, keepdim=True)
    return torch.minimum(torch.maximum(painted, least), most) + chroma


def reduced(planes: torch.Tensor, factor: float) -> torch.Tensor:
    """Softened to about ``factor`` pixels."""
    size = (int(planes.shape[1]), int(planes.shape[2]))
    return pyramid.resize(pyramid.resize(planes, pyramid.size_at(size, 1 / max(1.0, factor), 1)), size)


def _decoded(file: Any) -> dict[str, Image]:
    if not isinstance(file, EncodedFile):
        raise InputError(expected="passes as a multilayer OpenEXR file", got=type(file).__name__)
    if not is_exr(file):
        return {"Combined": decode(file, use="numbers")}
    return {name: layer.numbers() for name, layer in read_layers(file).items()}


def _sized(image: Image, name: str, field: str, size: tuple[int, int]) -> np.ndarray:
    """The pixels at the size of the content; ``field`` says what they are, see ``frames.sizes``."""
    height, width = image.pixels.shape[:2]
    if (height, width) == size:
        return image.pixels
    check_aspect((width, height), size[::-1], name, "the content", "Render both with one shape")
    note_size(name, (width, height), "the content", size[::-1], "")
    return at_size(field, image, size[1], size[0], strict=False).pixels


def _whole(image: Image, name: str, size: tuple[int, int]) -> np.ndarray:
    """Ids ``(H, W)`` int64: the numbers as they are stored."""
    pixels = _sized(image, name, "object_id", size)
    color = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1]
    if (color != color[..., :1]).any():
        raise InputError(
            expected="ids as one number for each pixel", got="a colour picture", fix="Save the Object Index pass, or paint in grays"
        )
    values = color[..., 0].astype(np.float64)
    if not np.isfinite(values).all() or np.abs(values).max() > 1e9:
        raise InputError(expected="ids as whole numbers", got="NaN, infinity or numbers beyond 1e9", fix="Save the Object Index pass")
    rounded = np.rint(values)
    if np.issubdtype(pixels.dtype, np.floating) and (np.abs(values - rounded) > 1e-3).mean() > 0.5:
        raise InputError(
            expected="ids as whole numbers", got=f"such as {to_float(pixels).flat[0]:g}", fix="Save the Object Index pass as EXR"
        )
    return rounded.astype(np.int64)


def object_ids(text: str, known: str = "objects") -> set[int] | None:
    """Ids out of text such as ``3 7-9``; None for all."""
    if not text.strip():
        return None
    return set(parse_ids(text, known))

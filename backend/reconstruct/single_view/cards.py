"""A picture as two to four cards, one behind the other, with soft edges and with painted surface where a nearer card hides a farther one.

All cards are one mesh with one texture, so that they land as one object; the vertex attribute ``layer`` tells them apart (0 is the
nearest) and faces come farthest first, which is the order that viewers without depth sorting need for alpha.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from ....shared.values import Image, Mesh
from ...core.camera import unproject
from ...core.morphology import dilate_mask
from ...io.tensors import from_planes, to_planes
from .atlas import image_uvs
from .edges import Tears
from .extend import Hidden, extend_behind
from .layers import cut_layers
from .matte import matte, own_color
from .plate import Plate, resize
from .relief import Surface, paint_hidden, textured_mesh, working_planes
from .sheet import Sheet, make_sheet
from .smooth import smooth_surface

CELLS = 96
"""Cells of a curved card along the picture's longer side."""
APART = 0.002
"""Relative disparity that a card keeps behind the one before it."""
OWN_PICTURE = 0.1
"""Alpha of a nearer card from which on nothing of the picture's own colour is left in the card behind."""
BACK_FILL = 3
"""How many times farther the last card goes on behind the others: beyond it there is nothing."""
_EMPTY = 1 / 512
"""Alpha below this shows nothing."""


@dataclasses.dataclass(frozen=True)
class _Card:
    """One layer at the working size: ``alpha`` (H, W), ``paint`` (C, H, W) its own colours, ``disparity`` and ``grown`` (H, W)."""

    alpha: np.ndarray
    paint: torch.Tensor
    disparity: np.ndarray
    grown: np.ndarray


def make_cards(
    plate: Plate,
    surface: Surface,
    tears: Tears,
    parameters: Mapping[str, Any],
    fill: int,
    seed: int,
    device: torch.device,
    progress: Callable[[float, str], None],
) -> tuple[Mesh, dict[str, Any]]:
    """Builds the cards in world space; gives the mesh and facts for the report.

    Long: from the farthest layer to the nearest, each takes its colour from the picture of those behind it.
    """
    progress(0.0, "choosing layers")
    layer, own_distance = cut_layers(surface.disparity, surface.valid, tears, int(parameters["layers"]))
    count = int(layer.max()) + 1
    radius = round(float(parameters["softness"]) / 100 * max(layer.shape))
    flat = parameters["card_shape"] == "flat"
    planes = working_planes(plate)
    unions = [
        matte(plate.color, (layer <= k) & surface.valid, radius, functools.partial(progress, 0.05 * k / count, "soft edges"))
        for k in range(count - 1)
    ]
    unions.append(np.ones_like(own_distance, np.float32))
    cards: list[_Card] = []
    behind = planes  # the picture of everything from this layer on, seen without what is nearer
    for k in range(count - 1, -1, -1):
        done = (count - 1 - k) / count
        progress(0.05 + 0.8 * done, f"layer {count - k}/{count}")
        hidden = _hidden(surface, layer, own_distance, k, fill * (BACK_FILL if k == count - 1 else 1))
        shown = planes
        if hidden.grown.any():
            # What a nearer card's soft edge covers is a mixture: here it is painted over, there it is solved for.
            mixed = (unions[k - 1] > 0) & (layer == k)
            painted = paint_hidden(
                planes, _only(surface, layer, k), _outline(layer, k), Hidden(hidden.grown, hidden.disparity, hidden.seeds | mixed),
                seed + k, device, functools.partial(_painting, progress, done, count),
            )  # fmt: skip
            share = np.where(hidden.grown, 1, np.clip(unions[k - 1] / OWN_PICTURE, 0, 1)).astype(np.float32)
            shown = planes + (painted - planes) * torch.from_numpy(share)[None]
        alpha = unions[k] * _soft_cover((layer == k) | hidden.grown, layer, k, radius)
        own = own_color(_pixels(shown), _pixels(behind), np.where(hidden.grown, 1.0, alpha).astype(np.float32))
        paint = torch.from_numpy(np.ascontiguousarray(own.transpose(2, 0, 1)))
        visible = np.where(hidden.grown, hidden.disparity, surface.disparity)
        if flat:
            disparity = np.full(layer.shape, np.median(surface.disparity[layer == k]), np.float32)
        else:
            disparity = smooth_surface(visible, ((layer == k) & own_distance) | hidden.grown, max(layer.shape) / CELLS)
        cards.append(_Card(alpha, paint, disparity, hidden.grown))
        behind = paint * torch.from_numpy(alpha)[None] + behind * (1 - torch.from_numpy(alpha)[None])
    cards.reverse()
    progress(0.88, "placing the cards")
    texture, boxes, offsets = _texture(plate, planes, cards)
    parts, limit = [], np.full(layer.shape, np.inf, np.float32)
    for k, card in enumerate(cards):
        disparity = np.minimum(card.disparity, limit * (1 - APART))
        limit = np.where(card.alpha > _EMPTY, disparity, limit)
        parts.append(_sheet(card.alpha, disparity, boxes[k], flat and plate.camera.distortion is None))
    mesh = _assemble(plate, cards, parts, boxes, offsets, texture)
    report = []
    for k in range(count):
        some = surface.disparity[layer == k]
        near, far = 1 / np.percentile(some, (98, 2))
        report.append({"near": float(near), "far": float(far), "share": round(float((layer == k).mean()), 4)})
    return mesh, {"torn_edges": tears.count, "layers": report}


def _painting(progress: Callable[[float, str], None], done: float, count: int, fraction: float) -> None:
    progress(0.05 + 0.8 * (done + fraction / count), "painting behind the cards")


def _only(surface: Surface, layer: np.ndarray, k: int) -> Surface:
    """What paint for a layer may come from: the layer itself."""
    return Surface(surface.disparity, surface.valid & (layer == k), surface.assumed & (layer != k))


def _outline(layer: np.ndarray, k: int) -> Tears:
    """The boundary between a layer and nearer ones, as tears."""
    mine, nearer = layer == k, (layer < k) & (layer >= 0)
    right = (mine[:, 1:] & nearer[:, :-1]) | (mine[:, :-1] & nearer[:, 1:])
    down = (mine[1:] & nearer[:-1]) | (mine[:-1] & nearer[1:])
    return Tears(right.astype(np.float32), down.astype(np.float32))


def _hidden(surface: Surface, layer: np.ndarray, own_distance: np.ndarray, k: int, fill: int) -> Hidden:
    """A layer continued under nearer ones, and under the nearer specks that count as its own."""
    nothing = np.zeros(layer.shape, bool)
    if fill < 1 or k == 0:
        return Hidden(nothing, surface.disparity, nothing)
    specks = (layer == k) & ~own_distance & (surface.disparity > np.median(surface.disparity[layer == k]))
    nearer = (layer < k) | specks
    # A cut through continuous surface has no step: the farther part goes on under the nearer one all the same.
    tilted = np.where(nearer, np.maximum(surface.disparity, 1e-12) * 4, surface.disparity).astype(np.float32)
    allowed = surface.valid & (layer <= k) & (own_distance | nearer)
    found = extend_behind(tilted, allowed, _outline(np.where(nearer, k - 1, layer), k), fill, 0.0)
    return Hidden(found.grown & nearer, np.where(found.grown, found.disparity, surface.disparity), found.seeds)


def _soft_cover(covered: np.ndarray, layer: np.ndarray, k: int, radius: int) -> np.ndarray:
    """1 where a card has something to show; outside, its soft edge may reach over farther layers, but not under nearer ones."""
    return np.where(layer < k, covered, dilate_mask(covered > 0, radius)).astype(np.float32)


def _pixels(planes: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(planes.permute(1, 2, 0).numpy())


Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the working size."""


def _texture(plate: Plate, planes: torch.Tensor, cards: list[_Card]) -> tuple[Image, list[Box], list[int]]:
    """All cards below each other, each cropped to what it shows; native pixels wherever nothing was painted."""
    native = to_planes(plate.image, torch.device("cpu"))
    height, width = native.shape[1:]
    scale = height / planes.shape[1]
    boxes, pieces, offsets, top = [], [], [], 0
    for card in cards:
        rows, columns = np.nonzero((card.alpha > _EMPTY).any(1))[0], np.nonzero((card.alpha > _EMPTY).any(0))[0]
        # The sheet goes on around what shows. Its texture does too, else the outermost pixels would be repeated there.
        around = _reach(card.alpha.shape) + 1
        low = max(0, int(columns[0]) - around), max(0, int(rows[0]) - around)
        high = min(planes.shape[2], int(columns[-1]) + 1 + around), min(planes.shape[1], int(rows[-1]) + 1 + around)
        box = (*low, *high)
        big = resize(card.paint, (height, width))
        alpha = resize(torch.from_numpy(card.alpha)[None], (height, width))
        changed = (card.paint - planes).abs().amax(0, keepdim=True) > 1e-4
        mix = resize(changed.float(), (height, width))
        color = (native + (big - native) * mix)[[0, 1, 2] if native.shape[0] >= 3 else [0, 0, 0]]
        whole = torch.cat([color, alpha.clamp(0, 1)])
        x0, y0, x1, y1 = (round(b * scale) for b in box)
        pieces.append(whole[:, y0:y1, x0:x1])
        boxes.append(box)
        offsets.append(top)
        top += y1 - y0
    canvas = torch.zeros(4, top, max(p.shape[2] for p in pieces))
    for piece, offset in zip(pieces, offsets, strict=True):
        canvas[:, offset : offset + piece.shape[1], : piece.shape[2]] = piece
    return from_planes(canvas, plate.image), boxes, offsets


def _reach(shape: tuple[int, ...]) -> int:
    """Pixels that the sheet of a curved card goes on around what shows."""
    return math.ceil(max(shape) / CELLS) + 1


def _sheet(alpha: np.ndarray, disparity: np.ndarray, box: Box, quad: bool) -> Sheet:
    """The geometry of one card in the picture's space, no larger than what it shows."""
    left, top, right, bottom = box
    if quad:
        places = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        value = np.full(4, disparity[(top + bottom) // 2, (left + right) // 2], np.float32)
        pixels = np.clip(places, 0, np.array(alpha.shape[::-1]) - 1).astype(np.int32)
        return Sheet(places, value, pixels, np.array([[0, 3, 2], [0, 2, 1]], np.int32), np.zeros(2, bool), np.zeros(4, bool))
    height, width = alpha.shape
    wide = dilate_mask(alpha > _EMPTY, _reach(alpha.shape))
    nothing = Tears(np.zeros((height, width - 1), np.float32), np.zeros((height - 1, width), np.float32))
    return make_sheet(disparity, wide, nothing, CELLS)


def _assemble(plate: Plate, cards: list[_Card], parts: list[Sheet], boxes: list[Box], offsets: list[int], texture: Image) -> Mesh:
    """One mesh of all cards, the farthest first."""
    scale = plate.image.pixels.shape[0] / plate.values.shape[0]
    height, width = texture.pixels.shape[:2]
    vertices, faces, uvs, invented, layers, start = [], [], [], [], [], 0
    for k in range(len(cards) - 1, -1, -1):
        card, sheet, corner = cards[k], parts[k], np.array(boxes[k][:2])
        size = np.array(boxes[k][2:]) - corner
        there = (np.clip(sheet.places - corner, 0, size)) * scale + [0, offsets[k]]
        uv = image_uvs(there, width, height)
        vertices.append(unproject(plate.camera, sheet.places, 1 / sheet.disparity.astype(np.float64)))
        faces.append(sheet.faces + start)
        uvs.append(uv[sheet.faces])
        invented.append(card.grown[sheet.pixels[:, 1], sheet.pixels[:, 0]].astype(np.float32))
        layers.append(np.full(len(sheet.places), k, np.float32))
        start += len(sheet.places)
    return textured_mesh(
        np.concatenate(vertices), np.concatenate(faces), np.concatenate(uvs), np.concatenate(invented), texture, plate.camera,
        {"layer": np.concatenate(layers)},
    )  # fmt: skip

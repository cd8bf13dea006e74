"""One texture for a picture and what was painted behind it: the picture itself on top, unchanged, and tiles of the paint below."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
import torch.nn.functional as F

from ....shared.values import Image
from ...io.tensors import from_planes

TILE = 64
"""Side of a tile in pixels of the painted map, without its margin."""


@dataclasses.dataclass(frozen=True)
class Atlas:
    """A texture and where things are in it.

    Attributes:
        image: In the storage type and colour space of the picture.
        front: ``(N, 3, 2)`` float32, UVs of the faces that show the picture.
        painted: ``(M, 3, 2)`` float32, UVs of the faces that show the paint.
    """

    image: Image
    front: np.ndarray
    painted: np.ndarray


def make_atlas(image: Image, paint: torch.Tensor, front: np.ndarray, painted: np.ndarray, margin: int) -> Atlas:
    """Packs the tiles that are needed.

    Args:
        image: ``(H, W, C)`` pixels; with no painted faces the texture is this very image.
        paint: ``(C, h, w)`` float32 as of ``to_planes``, the same picture with what is hidden painted in, perhaps smaller.
        front: ``(N, 3, 2)`` positions of faces' corners in the picture, in pixels of ``paint``.
        painted: ``(M, 3, 2)`` of the faces that show the paint.
        margin: How far a face may reach beyond its tile, in pixels of ``paint``.
    """
    height, width = image.pixels.shape[:2]
    scale = np.array([width / paint.shape[2], height / paint.shape[1]])
    if not len(painted):
        return Atlas(image, image_uvs(front * scale, width, height), np.zeros((0, 3, 2), np.float32))
    tile_of = np.floor(painted.mean(1) / TILE).astype(np.int64)
    across = int(tile_of[:, 0].max()) + 1
    ids, slot = np.unique(tile_of[:, 1] * across + tile_of[:, 0], return_inverse=True)
    side = TILE + 2 * margin
    size = np.ceil(side * scale).astype(int)
    per_row = max(1, width // size[0])
    rows = -(-len(ids) // per_row)
    whole_width, whole_height = max(width, per_row * size[0]), height + rows * size[1]
    pixels = np.zeros((whole_height, whole_width, image.pixels.shape[2]), image.pixels.dtype)
    pixels[:height, :width] = image.pixels
    origins, places = [], []
    for number, tile in enumerate(ids):
        origin = np.array([tile % across, tile // across]) * TILE - margin
        x, y = (number % per_row) * size[0], height + (number // per_row) * size[1]
        pixels[y : y + size[1], x : x + size[0]] = _cut(paint, origin, size, scale, image)
        origins.append(origin)
        places.append((x, y))
    slot = slot.reshape(-1)
    there = (painted - np.array(origins)[slot][:, None]) * scale + np.array(places)[slot][:, None]
    texture = Image(pixels, image.color_space)
    return Atlas(texture, image_uvs(front * scale, whole_width, whole_height), image_uvs(there, whole_width, whole_height))


def image_uvs(places: np.ndarray, width: int, height: int) -> np.ndarray:
    """UVs ``(..., 2)`` float32 of pixels ``(..., 2)``; (0, 0) is the bottom left of the image."""
    return np.stack([places[..., 0] / width, 1 - places[..., 1] / height], -1).astype(np.float32)


def _cut(paint: torch.Tensor, origin: np.ndarray, size: np.ndarray, scale: np.ndarray, like: Image) -> np.ndarray:
    """A piece of the paint in the picture's resolution, ``(size y, size x, C)``; beyond the border the border goes on."""
    centre = [(np.arange(n) + 0.5) / s + o for n, s, o in zip(size, scale, origin, strict=True)]
    gx, gy = (2 * c / n - 1 for c, n in zip(centre, (paint.shape[2], paint.shape[1]), strict=True))
    grid = np.stack(np.broadcast_arrays(gx[None], gy[:, None]), -1).astype(np.float32)
    piece = F.grid_sample(paint[None].cpu(), torch.from_numpy(grid)[None], padding_mode="border", align_corners=False)[0]
    if piece.shape[0] == 4:
        piece[3] = 1
    return from_planes(piece, like).pixels

"""From fused blocks to a mesh with what is known of each vertex."""

from __future__ import annotations

import dataclasses

import numba
import numpy as np
import torch

from ....shared.errors import InputError
from ...core.compiled import Real, kernel
from ...io.frames.frame import DepthFrame
from ...mesh.topology import large_components
from . import marching
from .blocks import BLOCK_BYTES, EDGE, LIMIT, WEIGHT_ONE, Blocks, find_slot
from .fusion import Fusion, Settings, too_large

MAX_JUMP = 2.5
"""See ``marching.extract``: real surfaces stay below 2 voxels, silhouettes against free space jump by 3 and more."""
MOST_OBJECTS = 256
TOGETHER = -1
"""The one volume of everything."""


@dataclasses.dataclass
class Surface:
    """A mesh in parts.

    Attributes:
        vertices: ``(N, 3)`` float32.
        normals: ``(N, 3)`` float32.
        faces: ``(M, 3)`` int32.
        confidence: ``(N,)`` float32 in 0..1: n / (n + 1), n being the weight of what was observed there in perfect observations.
        components: Connected parts that were kept.
        dropped: Faces of parts that were too small.
        blocks: Blocks of voxels that it came from.
        ranges: For each volume its object (``TOGETHER`` for the one of everything), and the numbers of its first vertex and first face.
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    confidence: np.ndarray
    components: int
    dropped: int
    blocks: int
    ranges: list[tuple[int, int, int]]


class Volumes:
    """One volume of everything, or one for each object.

    Args:
        settings: Of each; the memory limit is for all together.
        device: Where they are fused.
        apart: Whether each object has its own.
    """

    def __init__(self, settings: Settings, device: torch.device | str, apart: bool = False) -> None:
        self.settings, self._device, self._apart = settings, device, apart
        self._volumes: dict[int, Fusion] = {} if apart else {TOGETHER: Fusion.create(settings, device)}

    def add(self, frame: DepthFrame, depth: np.ndarray | None = None) -> None:
        """Adds a frame, with other depth if given.

        Raises:
            InputError: Too large, or too many objects to keep apart.
        """
        depth = frame.depth if depth is None else depth
        if not self._apart or frame.object_id is None:
            self._volumes[TOGETHER].add(depth, frame.camera, frame.noise, frame.confidence)
            return
        for number in np.unique(frame.object_id[depth > 0]).tolist():
            if number not in self._volumes:
                if len(self._volumes) >= MOST_OBJECTS:
                    fix = "Choose objects by id, or do not keep them apart"
                    raise InputError(expected=f"at most {MOST_OBJECTS} objects to keep apart", got="more", fix=fix)
                self._volumes[number] = Fusion.create(self.settings, self._device)
            self._volumes[number].add(
                np.where(frame.object_id == number, depth, np.float32(0)), frame.camera, frame.noise, frame.confidence
            )
        limit, needed = self.settings.memory_limit, self.blocks * BLOCK_BYTES
        if limit and needed > limit:
            raise too_large(needed, limit, self.settings.voxel)

    @property
    def blocks(self) -> int:
        """Blocks of all volumes."""
        return sum(volume.count for volume in self._volumes.values())

    def surface(self, smallest: int) -> Surface:
        """Extracts the surface so far; parts of fewer triangles than ``smallest`` are left out."""
        parts: list[tuple[np.ndarray, ...]] = []
        ranges, components, dropped, vertex, face = [], 0, 0, 0, 0
        for number in sorted(self._volumes):
            blocks = self._volumes[number].blocks()
            settings = self.settings
            vertices, normals, faces = marching.extract(blocks, settings.voxel, settings.truncation, MAX_JUMP)
            keep, kept = large_components(len(vertices), faces, smallest)
            dropped += int((~keep).sum())
            components += kept
            vertices, normals, faces = marching.compact(vertices, normals, faces, keep)
            if not len(faces):
                continue
            ranges.append((number, vertex, face))
            parts.append((vertices, normals, faces + np.int32(vertex), confidence(blocks, vertices, settings.voxel)))
            vertex, face = vertex + len(vertices), face + len(faces)
        if not parts:
            empty = np.zeros((0, 3), np.float32)
            return Surface(empty, empty, np.zeros((0, 3), np.int32), np.zeros(0, np.float32), 0, dropped, self.blocks, [])
        whole = parts[0] if len(parts) == 1 else tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return Surface(whole[0], whole[1], whole[2], whole[3], components, dropped, self.blocks, ranges)


def confidence(blocks: Blocks, vertices: np.ndarray, voxel: float) -> np.ndarray:
    """See ``Surface``; the weight at a vertex is that of the nearest voxel."""
    weights = np.empty(len(vertices), np.float32)
    keys, slots = blocks.table
    _weights(vertices, 1 / voxel, keys, slots, blocks.weight, weights)
    weights /= WEIGHT_ONE
    result: np.ndarray = weights / (weights + 1)
    return result


@kernel(parallel=True)
def _weights(vertices: np.ndarray, per_voxel: Real, keys: np.ndarray, slots: np.ndarray, weight: np.ndarray, result: np.ndarray) -> None:
    for i in numba.prange(len(vertices)):
        key, index = np.int64(0), np.int64(0)
        for k in range(3):
            at = np.int64(np.floor(vertices[i, k] * per_voxel + 0.5))
            key = (key << 21) | ((at >> 3) + LIMIT)
            index |= (at & (EDGE - 1)) << (3 * k)
        slot = find_slot(keys, key)
        result[i] = weight[slots[slot], index] if keys[slot] != -1 else 0

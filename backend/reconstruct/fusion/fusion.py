"""Fuses depth maps into a sparse truncated signed distance field, one frame at a time."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch

from ....shared.errors import InputError
from ....shared.values import Camera
from ...core.camera import intrinsics, view_matrix
from ...core.depth_noise import NoiseModel
from ...core.depth_planes import PlaneFinder
from . import kernels, reference
from .blocks import BLOCK_BYTES, EDGE, LIMIT, VOXELS, Blocks

BEHIND = 0.6
"""How far behind the surface a view still counts, as part of the truncation: at 3 voxels, 1.8. More lets the two sides of a thin board
erode each other, less than ~1.73 (a cell's diagonal) tears holes. Measured on ``benchmarks/scenes/room.py``."""
FREE_WEIGHT = 0.03
"""Weight of "something else is behind here" against "the surface is here"; 0.3 erodes edges seen from many sides."""
FALLOFF = 2.0
"""Weight 1 / (1 + FALLOFF r²) at r voxels from the surface."""
_MAX_GRID = 1 << 26
"""Cells of the bounding box in which a frame's blocks are marked; larger frames sort keys instead."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to fuse.

    Attributes:
        voxel: Edge of a voxel in scene units.
        truncation: In voxels, at least 2.
        memory_limit: Bytes the voxels may take; 0 for no limit.
        noise: Of the depth; None for exact depth.
        near: Distance up to which noisy depth has full weight, see ``PlaneFinder``.
        far: Distance that stands for the depth's noise as a whole.
    """

    voxel: float
    truncation: float = 3.0
    memory_limit: int = 0
    noise: NoiseModel | None = None
    near: float = 0.0
    far: float = 0.0

    @property
    def falloff(self) -> float:
        """``FALLOFF``, less where noise makes observations stray by more than a voxel."""
        left = self.noise.left(self.far, self.voxel) if self.noise and self.noise.radius(self.far, self.voxel) else 0.0
        return FALLOFF / (1 + 8 * left * left)

    def planes(self) -> PlaneFinder:
        """Finds the planes of frames by these settings."""
        return PlaneFinder(self.voxel, self.truncation * self.voxel, self.noise, self.near)


class Fusion:
    """The field and what it takes to add a frame. ``Fusion.create`` picks the implementation for a device."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.truncation = settings.truncation * settings.voxel
        self._planes = settings.planes()

    @staticmethod
    def create(settings: Settings, device: torch.device | str = "cpu") -> Fusion:
        """The compiled kernels on the CPU, torch elsewhere."""
        device = torch.device(device)
        return CpuFusion(settings) if device.type == "cpu" else TorchFusion(settings, device)

    def add(self, depth: np.ndarray, camera: Camera, noise: float = 0.0, confidence: np.ndarray | None = None) -> int:
        """Adds a frame.

        Args:
            depth: ``(H, W)`` float32, planar z in scene units; 0 = no measurement, no NaN.
            camera: With the depth map's size.
            noise: Size of the depth's quantisation steps in scene units; 0 for float depth.
            confidence: ``(H, W)`` float32 in 0..1, or None.

        Returns:
            How many blocks the frame touched.

        Raises:
            InputError: The scene is too large for this voxel size.
        """
        raise NotImplementedError

    def blocks(self) -> Blocks:
        """The field so far, on the host."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """Blocks so far."""
        raise NotImplementedError

    def touched(self, depth: np.ndarray, camera: Camera) -> np.ndarray:
        """Keys of the blocks that a frame would touch, ``(N,)`` int64, each once; nothing is changed.

        Raises:
            InputError: They would never fit.
        """
        raise NotImplementedError

    def _stride(self, camera: Camera, farthest: float) -> int:
        """Pixels between the samples that find blocks: no more than 3 voxels apart on a wall that faces the camera."""
        footprint = farthest / max(camera.fl_x, camera.fl_y)
        return int(min(max(2 * self._margin() / footprint / 1.4, 1), 8)) if footprint > 0 else 1

    def _margin(self) -> float:
        """Blocks within this distance of the surface are updated: all cells with a crossing and their gradients lie within 2 voxels."""
        return min(self.settings.truncation - 1, EDGE - 1) * self.settings.voxel

    def _check_area(self, depth: np.ndarray, camera: Camera) -> None:
        """Refuses at once, from the area that the frame shows, what would never fit: each 8 x 8 voxels of it need a block."""
        z = depth[::4, ::4].astype(np.float64)
        area = 16 * float((z * z).sum()) / (camera.fl_x * camera.fl_y)
        self._check_size(int(area / (EDGE * self.settings.voxel) ** 2))

    def _check_size(self, blocks: int) -> None:
        limit = self.settings.memory_limit
        if limit and blocks * BLOCK_BYTES > limit:
            raise too_large(blocks * BLOCK_BYTES, limit, self.settings.voxel)

    def _check_range(self, low: np.ndarray, high: np.ndarray) -> None:
        if min(low) < -LIMIT or max(high) >= LIMIT:
            reach = max(abs(min(low)), abs(max(high))) * EDGE * self.settings.voxel
            fit = reach / (LIMIT * EDGE)
            raise InputError(
                expected=f"surfaces within {LIMIT * EDGE} voxels of the world's origin",
                got=f"depth that reaches {reach:.6g} scene units away at a voxel size of {self.settings.voxel:g}",
                fix=f"Use a voxel size of at least {fit:.3g}, set a maximum depth, or check the depth's units",
            )


def too_large(needed: int, limit: int, voxel: float) -> InputError:
    """The refusal of a volume that does not fit in memory, with the voxel size that would."""
    fit = voxel * math.sqrt(needed / limit) * 1.05  # blocks grow with surface area
    fit = math.ceil(fit / 10 ** math.floor(math.log10(fit) - 1)) * 10 ** math.floor(math.log10(fit) - 1)
    return InputError(
        f"The volume at a voxel size of {voxel:g} needs at least {needed / 2**30:,.1f} GiB",
        expected=f"a volume of at most {limit / 2**30:,.1f} GiB, what this machine can spare",
        got=f"{needed / 2**30:,.1f} GiB",
        fix=f"Use a voxel size of {fit:.2g} or more, or set a maximum depth",
    )


class CpuFusion(Fusion):
    """Compiled kernels on all cores."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._blocks = Blocks()

    def add(self, depth: np.ndarray, camera: Camera, noise: float = 0.0, confidence: np.ndarray | None = None) -> int:
        """See ``Fusion.add``."""
        settings = self.settings
        depth = np.ascontiguousarray(depth, np.float32)
        keys = self.touched(depth, camera)
        if not len(keys):
            return 0
        _, view = view_matrix(camera)
        self._check_size(self._blocks.count + int((self._blocks.find(keys) < 0).sum()))
        numbers = self._blocks.add(keys)
        planes = self._planes.find(depth, camera, noise, confidence)
        kernels.integrate(
            planes, depth.shape[1], depth.shape[0], numbers, self._blocks.coordinates, view, intrinsics(camera).single, settings.voxel,
            np.float32(self.truncation), np.float32(BEHIND * self.truncation), np.float32(FREE_WEIGHT), np.float32(settings.falloff),
            self._blocks.distance, self._blocks.weight,
        )  # fmt: skip
        return len(numbers)

    def blocks(self) -> Blocks:
        """See ``Fusion.blocks``."""
        return self._blocks

    @property
    def count(self) -> int:
        """See ``Fusion.count``."""
        return self._blocks.count

    def touched(self, depth: np.ndarray, camera: Camera) -> np.ndarray:
        """See ``Fusion.touched``."""
        self._check_area(depth, camera)
        block = EDGE * self.settings.voxel
        pose, _ = view_matrix(camera)
        stride = self._stride(camera, float(depth.max()))
        rows = -(-depth.shape[0] // stride)
        found = np.empty((rows, 6))
        lens = intrinsics(camera)
        kernels.bounds(depth, stride, lens, pose, found)
        low, high = found[:, :3].min(0), found[:, 3:].max(0)
        if not np.isfinite(low).all():
            return np.empty(0, np.int64)
        # One block of slack, so that rounding here and in ``mark`` need not agree.
        low, high = np.floor((low - self._margin()) / block) - 1, np.floor((high + self._margin()) / block) + 1
        self._check_range(low, high)
        extent = high - low + 1
        if extent.prod() > _MAX_GRID:
            return reference.block_keys(torch.from_numpy(depth), lens, torch.from_numpy(pose), block, self._margin(), stride).numpy()
        grid = np.zeros(extent.astype(np.int64), np.uint8)
        low = low.astype(np.int64)
        kernels.mark(depth, stride, rows, lens, pose, 1 / block, self._margin(), low, grid)
        a, b, c = np.unravel_index(np.flatnonzero(grid), grid.shape)
        keys: np.ndarray = ((a + low[0] + LIMIT) << 42) | ((b + low[1] + LIMIT) << 21) | (c + low[2] + LIMIT)
        return keys


class TorchFusion(Fusion):
    """Plain torch: the reference on the CPU, and what a GPU runs."""

    def __init__(self, settings: Settings, device: torch.device | str = "cpu") -> None:
        super().__init__(settings)
        self.device = torch.device(device)
        self._keys = torch.empty(0, dtype=torch.int64, device=self.device)
        self._distance = torch.empty(0, VOXELS, dtype=torch.int16, device=self.device)
        self._weight = torch.empty(0, VOXELS, dtype=torch.int16, device=self.device)
        self._sorted = self._keys
        self._order = self._keys
        self._count = 0
        self._chunk = 2048 if self.device.type == "cpu" else 65536  # blocks at once: 1 M voxels fit a CPU's cache, 33 M fill a GPU

    def add(self, depth: np.ndarray, camera: Camera, noise: float = 0.0, confidence: np.ndarray | None = None) -> int:
        """See ``Fusion.add``."""
        settings = self.settings
        keys = self._touched(depth, camera)
        if not len(keys):
            return 0
        view = torch.from_numpy(view_matrix(camera)[1]).to(self.device)
        lens = intrinsics(camera)
        numbers = self._find_or_add(keys)
        planes = self._planes.find_torch(depth, camera, noise, confidence, self.device)
        coordinates = _unpack(keys)
        for start in range(0, len(numbers), self._chunk):
            some = numbers[start : start + self._chunk]
            self._distance[some], self._weight[some] = reference.integrate(
                planes, (depth.shape[1], depth.shape[0]), coordinates[start : start + self._chunk], view, lens, settings.voxel,
                self.truncation, BEHIND * self.truncation, FREE_WEIGHT, settings.falloff, self._distance[some], self._weight[some],
            )  # fmt: skip
        return len(numbers)

    @property
    def count(self) -> int:
        """See ``Fusion.count``."""
        return self._count

    def touched(self, depth: np.ndarray, camera: Camera) -> np.ndarray:
        """See ``Fusion.touched``."""
        keys: np.ndarray = self._touched(depth, camera).cpu().numpy()
        return keys

    def _touched(self, depth: np.ndarray, camera: Camera) -> torch.Tensor:
        block = EDGE * self.settings.voxel
        pose = torch.from_numpy(view_matrix(camera)[0])
        reach = float(depth.max()) * max(1.0, camera.width / camera.fl_x, camera.height / camera.fl_y) * 2 + float(pose[:, 3].abs().max())
        self._check_range(np.array([-reach]) / block, np.array([reach]) / block)
        self._check_area(depth, camera)
        tensor = torch.from_numpy(np.ascontiguousarray(depth, np.float32)).to(self.device)
        lens = intrinsics(camera)
        stride = self._stride(camera, float(depth.max()))
        return reference.block_keys(tensor, lens, pose.to(self.device), block, self._margin(), stride)

    def blocks(self) -> Blocks:
        """See ``Fusion.blocks``."""
        coordinates = _unpack(self._keys[: self._count]).to(torch.int32)
        return Blocks.of(coordinates.cpu().numpy(), self._distance[: self._count].cpu().numpy(), self._weight[: self._count].cpu().numpy())

    def _find_or_add(self, keys: torch.Tensor) -> torch.Tensor:
        if self._count:
            place = torch.searchsorted(self._sorted, keys).clamp_max(self._count - 1)
            known = self._sorted[place] == keys
        else:
            known = torch.zeros_like(keys, dtype=torch.bool)
        new = keys[~known]
        if len(new):
            self._check_size(self._count + len(new))
            self._reserve(self._count + len(new))
            self._keys[self._count : self._count + len(new)] = new
            self._count += len(new)
            self._sorted, self._order = torch.sort(self._keys[: self._count])
        return self._order[torch.searchsorted(self._sorted, keys)]

    def _reserve(self, count: int) -> None:
        capacity = len(self._keys)
        if count <= capacity:
            return
        capacity = max(count, 2 * capacity)
        for name in ("_keys", "_distance", "_weight"):
            old = getattr(self, name)
            new = torch.zeros((capacity, *old.shape[1:]), dtype=old.dtype, device=old.device)
            new[: self._count] = old[: self._count]
            setattr(self, name, new)


def _unpack(keys: torch.Tensor) -> torch.Tensor:
    """Block coordinates of keys, ``(N, 3)`` int64."""
    return torch.stack([(keys >> 42) - LIMIT, (keys >> 21 & 0x1FFFFF) - LIMIT, (keys & 0x1FFFFF) - LIMIT], -1)

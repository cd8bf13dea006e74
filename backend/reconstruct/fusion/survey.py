"""A look at a few frames before the work starts: units, noise, how large the volume gets, how long it takes."""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch

from ....shared.errors import InputError
from ....shared.values import Camera
from ...core.depth_noise import EXACT, NoiseModel, truncation_for
from ...io.frames.frame import DepthFrame
from ...io.frames.source import FrameSource
from .blocks import BLOCK_BYTES
from .depth_units import check_units, fit
from .fusion import Fusion, Settings, too_large
from .sampling import measure, pick

FRAMES = 16
BYTES = 1 << 28
"""Decoded frames that are looked at together take no more than this, but for two of them."""
_MESH_BYTES = 6500
"""Of vertices, faces and what is summed for each vertex, for each block of voxels. Measured on ``benchmarks/scenes/room.py``."""
_MESH_SECONDS = 2.5e-5
"""To extract the surface of a block, on one core of 2024."""
PIXELS_PER_VOXEL = 1.5
"""Edge of a chosen voxel in pixels at the usual distance: depth maps resolve no more."""
NOISE_PER_VOXEL = 2.0
"""Standard deviations of depth in a chosen voxel, at most: smaller ones would only hold noise (``remarks.notes`` says so)."""
CHOSEN_BLOCKS = 200_000
"""Blocks of chosen voxels, at most: about 0.4 GB of voxels and 2 GB in all. A constant, not a part of what is free: the same job is to
give the same mesh on every machine."""
COARSER = 4
"""Times the voxel that the frames resolve, to count blocks with at first: of that itself there may be more than fit anywhere."""
BASE_BYTES = 450 << 20
"""A worker with torch and compiled kernels before it does anything."""


class _DepthMap(Protocol):
    @property
    def depth(self) -> np.ndarray: ...

    @property
    def camera(self) -> Camera: ...


@dataclasses.dataclass(frozen=True)
class Survey:
    """What a few frames tell about all.

    Attributes:
        frames: Those looked at that show something, in order.
        noise: Of their depth.
        near: 25th percentile of the distance.
        far: 75th percentile.
        agreement: Share of samples that two frames agree on, of those that both could see; None if nothing overlaps.
    """

    frames: list[DepthFrame]
    noise: NoiseModel
    near: float
    far: float
    agreement: float | None


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What the work will take.

    Attributes:
        blocks: Blocks of voxels.
        volume_bytes: What they take.
        bytes: Peak memory of the process.
        seconds: Time on this machine as it is now, decoding included.
    """

    blocks: int
    volume_bytes: int
    bytes: int
    seconds: float


def look(source: FrameSource) -> Survey:
    """Decodes some frames, evenly spread; where none of those shows anything, the first of all that does.

    Raises:
        InputError: A frame that cannot be used, or depth in another unit than the cameras' positions.
    """
    count = len(source)
    first = source[0]
    room = max(int(BYTES // max(first.depth.nbytes * 4, 1)), 2)
    chosen = sorted({int(n) for n in np.linspace(0, count - 1, min(count, FRAMES, room)).round()})
    frames = [frame for frame in (first if n == 0 else source[n] for n in chosen) if not frame.empty]
    frames = frames or list(itertools.islice((frame for frame in source if not frame.empty), 1))
    if not frames:
        return Survey([], NoiseModel(), 0.0, 0.0, None)
    generator = np.random.default_rng(0)
    depths = np.concatenate([frame.depth.reshape(-1)[pick(frame, 2000, generator)] for frame in frames])
    near, far = (float(x) for x in np.percentile(depths, [25, 75]))
    found = fit(frames)
    check_units(frames, found)
    return Survey(frames, measure(frames), near, far, None if found is None else found.agreed)


def usual_voxel(maps: Sequence[_DepthMap]) -> float:
    """A voxel size for depth maps, scene units: ``PIXELS_PER_VOXEL`` pixels at the median depth, to two digits.

    Raises:
        InputError: No map has any depth.
    """
    sizes = [float(np.median(m.depth[m.depth > 0])) / m.camera.fl_x for m in maps if (m.depth > 0).any()]
    if not sizes:
        raise InputError(expected="depth in at least one frame", got="none", fix="Check the solve")
    return _two_digits(PIXELS_PER_VOXEL * float(np.median(sizes)))


def voxel_for(survey: Survey, noise: NoiseModel | None, count: int, device: torch.device) -> tuple[float, float]:
    """A voxel size that suits the frames, and the one that they resolve, which is smaller where the volume would get too large.

    Args:
        survey: Of the frames, of which one at least shows something.
        noise: Known noise; None takes the survey's.
        count: Frames there are.
        device: Where they are fused.
    """
    resolved = max(usual_voxel(survey.frames), _two_digits((noise or survey.noise).sigma(survey.far) / NOISE_PER_VOXEL))
    size, coarser = resolved, COARSER
    while (blocks := _blocks(survey, Settings(coarser * size), count, device) * coarser**2) > CHOSEN_BLOCKS:
        # Blocks grow with the surface's area, few large ones by more: counted again at the size that follows.
        size, coarser = max(_two_digits(size * math.sqrt(blocks / CHOSEN_BLOCKS)), _two_digits(1.1 * size)), 1
    return size, resolved


def _two_digits(size: float) -> float:
    return float(f"{size:.2g}")


def settings_for(survey: Survey, voxel: float, truncation: float, noise: NoiseModel | None, memory_limit: int) -> Settings:
    """The fusion's settings.

    Args:
        survey: Of the frames.
        voxel: Scene units.
        truncation: In voxels; 0 sets it from the noise.
        noise: Known noise; None takes the survey's.
        memory_limit: Bytes for the voxels.
    """
    model = noise or survey.noise
    if not survey.frames or model.sigma(survey.far) < EXACT * voxel:
        model = NoiseModel()  # exact: nothing of what noise needs is done
    chosen = truncation or truncation_for(model, survey.far, voxel)
    return Settings(voxel, chosen, memory_limit, model if model != NoiseModel() else None, survey.near, survey.far)


def estimate(survey: Survey, settings: Settings, count: int, device: torch.device, decode_seconds: float) -> Estimate:
    """Memory and time for all frames.

    Args:
        survey: Of the frames.
        settings: Of the fusion; its memory limit is held.
        count: Frames there are.
        device: Where they are fused.
        decode_seconds: That one frame took to decode.

    Raises:
        InputError: More memory than there is, with the voxel size that would fit.
    """
    fusion = Fusion.create(settings, device)
    blocks = _blocks(survey, settings, count, device)
    if settings.memory_limit and blocks * BLOCK_BYTES > settings.memory_limit:
        raise too_large(blocks * BLOCK_BYTES, settings.memory_limit, settings.voxel)
    seconds = 0.0
    for _ in range(2):  # the first time compiles
        started = time.perf_counter()
        fusion.add(survey.frames[0].depth, survey.frames[0].camera, survey.frames[0].noise)
        seconds = time.perf_counter() - started
    pixels = sum(frame.depth.size for frame in survey.frames) / len(survey.frames)
    per_frame = seconds * pixels / survey.frames[0].depth.size
    total = count * (max(per_frame, decode_seconds) + max(per_frame * 0.8, decode_seconds)) + blocks * _MESH_SECONDS
    frame_bytes = max(frame.depth.nbytes * 8 for frame in survey.frames)
    peak = BASE_BYTES + int(blocks * (1.5 * BLOCK_BYTES + _MESH_BYTES)) + 4 * frame_bytes
    return Estimate(blocks, blocks * BLOCK_BYTES, peak, total)


def _blocks(survey: Survey, settings: Settings, count: int, device: torch.device) -> int:
    """Blocks that all frames touch.

    Those of the surveyed frames are found exactly; the rest follows from how the second half of them added to the first, since each
    doubling of the number of frames adds less.
    """
    fusion = Fusion.create(settings, device)
    touched = [fusion.touched(frame.depth, frame.camera) for frame in survey.frames]
    half = len(np.unique(np.concatenate(touched[::2])))
    whole = len(np.unique(np.concatenate(touched)))
    doublings = math.log2(max(count / len(touched), 1))
    growth = (whole - half) * doublings if len(touched) > 1 else whole * doublings
    return int(min(whole + growth, sum(len(t) for t in touched) / len(touched) * count))

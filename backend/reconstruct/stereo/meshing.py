"""From depth maps to a coloured mesh, through the fusion of ``backend/reconstruct``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch

from ....shared.errors import InputError
from ....shared.values import Mesh
from ...core.depth_noise import NoiseModel
from ...io.frames.frame import DepthFrame
from ..fusion.fusion import Settings
from ..fusion.projection import Projection
from ..fusion.surface import Surface, Volumes
from .depths import DepthMap

SPREADS = 4.0
"""Standard deviations of depth that the truncation reaches, beyond two voxels."""
TRUNCATION = (3.0, 8.0)
"""Voxels, at least and at most."""
_INVENTED = 0.5


@dataclasses.dataclass(frozen=True)
class Fused:
    """A mesh and how it fits.

    Attributes:
        mesh: World space, with colours and the attributes ``confidence`` and ``invented``.
        surface: What it was made of.
        settings: Of the fusion.
        error: Distances to the depth maps, see ``Projection.errors``.
    """

    mesh: Mesh
    surface: Surface
    settings: Settings
    error: dict[str, object]


def noise_of(maps: Sequence[DepthMap]) -> NoiseModel:
    """What the agreeing views strayed by; triangulated depth strays with the square of its distance."""
    parts = [float(np.median(m.spread[m.spread > 0] / m.depth[m.spread > 0])) for m in maps if (m.spread > 0).any()]
    return NoiseModel(0.0, float(np.median(parts)) if parts else 0.0)


def settings_for(maps: Sequence[DepthMap], voxel: float, memory: int) -> Settings:
    """How to fuse: a truncation for the noise.

    The fusion's own model of noise is not used: depth averaged over views is smooth enough for differences over three pixels
    (``frames_of``), and its noise hangs together from pixel to pixel, which a plane through many of them does not average out.
    """
    depths = [m.depth[m.depth > 0][::11] for m in maps if (m.depth > 0).any()]
    far = float(np.median(np.concatenate(depths))) if depths else 1.0
    return Settings(voxel, float(np.clip(2 + SPREADS * noise_of(maps).sigma(far) / voxel, *TRUNCATION)), memory)


def frames_of(maps: Sequence[DepthMap], colors: Sequence[np.ndarray]) -> list[DepthFrame]:
    """Depth maps as the fusion and the colouring take them; views without depth are left out."""
    noise, frames = noise_of(maps), []
    for m, color in zip(maps, colors, strict=True):
        if (m.depth > 0).any():
            step = max(noise.sigma(float(np.median(m.depth[m.depth > 0]))), 1e-9)
            frames.append(DepthFrame(m.number, m.camera, m.depth, step, color, m.confidence))
    return frames


def fuse(
    maps: Sequence[DepthMap], colors: Sequence[np.ndarray], settings: Settings, smallest: int, device: torch.device, seed: int,
    report: Callable[[float, str], None],
) -> Fused:  # fmt: skip
    """Fuses and colours.

    Args:
        maps: Depth maps.
        colors: ``(H, W, 3)`` float32, scene-linear, of each.
        settings: From ``settings_for``.
        smallest: Parts with fewer triangles are dropped.
        device: Of the fusion.
        seed: Of the sampled pixels for the error.
        report: Called with fraction and stage.

    Raises:
        InputError: Too large for the memory, or no surface.
    """
    frames = frames_of(maps, colors)
    volumes = Volumes(settings, device)
    for index, frame in enumerate(frames):
        report(0.5 * index / len(frames), f"fusing frame {index + 1}/{len(frames)}")
        volumes.add(frame)
    report(0.5, "extracting the surface")
    surface = volumes.surface(smallest)
    if not len(surface.faces):
        raise InputError(
            expected=f"a surface at a voxel size of {settings.voxel:g} in parts of at least {smallest} triangles",
            got=f"{surface.dropped} triangles, all in smaller parts",
            fix="Use a larger voxel size or a lower Smallest Part, or more frames of the same things",
        )
    colored, marked = (Projection(surface.vertices, surface.faces, settings, len(frames), seed) for _ in range(2))
    filled = {m.number: m.filled for m in maps}
    for index, frame in enumerate(frames):
        report(0.6 + 0.4 * index / len(frames), f"colouring from frame {index + 1}/{len(frames)}")
        colored.add(frame)
        marks = np.repeat(filled[frame.number].astype(np.float32)[..., None], 3, -1)
        marked.add(dataclasses.replace(frame, color=np.ascontiguousarray(marks), confidence=None))
    marks_at = marked.colors()
    invented = np.zeros(len(surface.vertices), np.float32) if marks_at is None else (marks_at[:, 0] > _INVENTED).astype(np.float32)
    attributes = {"confidence": surface.confidence, "invented": invented}
    mesh = Mesh(surface.vertices, surface.faces, surface.normals, colored.colors(), attributes=attributes)
    return Fused(mesh, surface, settings, colored.errors())

"""From decoded passes to the planes that the network sees; what is normalised is normalised for the whole shot, never for a frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ...core.shaper import shape_linear
from ...io.frames.frame import Frame
from ...io.frames.shot import Shot
from .shot import color_of

CHANNELS = {"color": 3, "normal": 3, "edge": 2, "depth": 1, "albedo": 3, "diffuse": 3, "position": 9}
"""Planes of each group, in the network's order."""
LOOK = ("color", "normal", "edge", "albedo", "diffuse")
"""Groups from which paint follows by itself. Not where something is: from that a network learns one frame by heart."""
MOST_IDS = 255
_SAMPLED = 6
"""Frames that the shot's statistics are taken from."""


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What is known of the whole shot.

    Attributes:
        groups: Those of ``CHANNELS`` that the shot has.
        near: Logarithm of a small depth.
        far: Logarithm of a large one.
        centre: Of the positions at rest.
        extent: Largest distance from it along an axis.
        ids: Object ids in order; an id's number in the network is 1 + its place, folded at ``MOST_IDS``.
    """

    groups: tuple[str, ...]
    near: float = 0.0
    far: float = 1.0
    centre: tuple[float, ...] = (0.0, 0.0, 0.0)
    extent: float = 1.0
    ids: tuple[int, ...] = ()

    @property
    def channels(self) -> int:
        """Planes of all groups."""
        return sum(CHANNELS[g] for g in self.groups)

    def to_json(self) -> dict[str, Any]:
        """For a model file."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Statistics:
        """From a model file."""
        return cls(
            tuple(str(g) for g in data["groups"] if g in CHANNELS), float(data["near"]), float(data["far"]),
            tuple(float(x) for x in data["centre"]), float(data["extent"]), tuple(int(i) for i in data["ids"]),
        )  # fmt: skip


def measure_shot(shot: Shot) -> Statistics:
    """Statistics from a few frames spread over the shot."""
    numbers = [shot.numbers[i] for i in np.unique(np.linspace(0, len(shot.numbers) - 1, _SAMPLED).round().astype(int))]
    frames = [shot[n] for n in numbers]
    groups = tuple(g for g in CHANNELS if g in ("color", *shot.present) or (g == "edge" and {"depth", "object_id"} & set(shot.present)))
    near, far, extent, ids = 0.0, 1.0, 1.0, set[int]()
    centre: tuple[float, ...] = (0.0, 0.0, 0.0)
    if "depth" in shot.present:
        depths = np.concatenate([f.depth[f.depth > 0][::7] for f in frames if f.depth is not None] or [np.ones(1)])
        if len(depths):
            near, far = (float(x) for x in np.log(np.quantile(depths, [0.01, 0.99])))
            far = max(far, near + 1e-3)
    if "position" in shot.present:
        points = np.concatenate([f.position[::5, ::5].reshape(-1, 3) for f in frames if f.position is not None])
        low, high = np.quantile(points, [0.01, 0.99], axis=0)
        centre, extent = tuple(float(x) for x in (low + high) / 2), max(float((high - low).max()) / 2, 1e-6)
    if "object_id" in shot.present:
        for f in frames:
            assert f.object_id is not None
            ids |= set(np.unique(f.object_id).tolist())
    return Statistics(groups, near, far, centre, extent, tuple(sorted(ids)))


def planes(frame: Frame, statistics: Statistics) -> torch.Tensor:
    """``(C, H, W)`` float32, about -1..1; a group that this frame lacks is 0."""
    parts = []
    for group in statistics.groups:
        value = _group(group, frame, statistics)
        parts.append(np.zeros((*frame.size, CHANNELS[group]), np.float32) if value is None else value)
    return torch.from_numpy(np.ascontiguousarray(np.concatenate(parts, 2).transpose(2, 0, 1)))


def id_numbers(frame: Frame, statistics: Statistics) -> torch.Tensor:
    """``(H, W)`` int64: the network's numbers of objects, 0 for one that it does not know."""
    if frame.object_id is None or not statistics.ids:
        return torch.zeros(frame.size, dtype=torch.int64)
    known = np.array(statistics.ids, np.int64)
    place = np.clip(np.searchsorted(known, frame.object_id), 0, len(known) - 1)
    return torch.from_numpy(np.where(known[place] == frame.object_id, 1 + place % MOST_IDS, 0).astype(np.int64))


def edges(frame: Frame) -> np.ndarray:
    """``(H, W, 2)`` float32 in 0..1: pixels at the border of an object, and where depth or normals break."""
    height, width = frame.size
    border, crease = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    inverse, normal = None, camera_normal(frame)
    if frame.depth is not None:
        inverse = np.where(frame.depth > 0, 1 / np.maximum(frame.depth, 1e-6), 0)
    for axis in (0, 1):
        near, far = (slice(None, -1), slice(1, None))
        a, b = ((near, slice(None)), (far, slice(None))) if axis == 0 else ((slice(None), near), (slice(None), far))
        if frame.object_id is not None:
            step = (frame.object_id[a] != frame.object_id[b]).astype(np.float32)
            border[a], border[b] = np.maximum(border[a], step), np.maximum(border[b], step)
        if normal is not None:
            turn = np.clip(np.abs(normal[a] - normal[b]).sum(-1) - 0.25, 0, 1)
            crease[a], crease[b] = np.maximum(crease[a], turn), np.maximum(crease[b], turn)
        if inverse is not None:
            bend = np.abs(np.diff(inverse, 2, axis=axis)) / np.maximum(np.take(inverse, range(1, inverse.shape[axis] - 1), axis), 1e-9)
            inner = (slice(1, -1), slice(None)) if axis == 0 else (slice(None), slice(1, -1))
            crease[inner] = np.maximum(crease[inner], np.clip(bend * 20 - 0.2, 0, 1))
    return np.stack([border, crease], -1)


def camera_normal(frame: Frame) -> np.ndarray | None:
    """Normals in camera space, ``(H, W, 3)`` float32, or None."""
    return None if frame.normal is None else frame.normal @ np.asarray(frame.camera.camera_to_world[:3, :3], np.float32)


def _group(group: str, frame: Frame, statistics: Statistics) -> np.ndarray | None:
    if group == "color":
        return shape_linear(color_of(frame)) * 2 - 1
    if group == "edge":
        return edges(frame)
    if group == "normal":
        return camera_normal(frame)
    value: np.ndarray | None = getattr(frame, group)
    if value is None:
        return None
    if group == "depth":
        span = statistics.far - statistics.near
        scaled = (np.log(np.maximum(value, 1e-6)) - statistics.near) / span * 2 - 1
        return np.where(value > 0, np.clip(scaled, -1.5, 1.5), 2.0).astype(np.float32)[..., None]
    if group == "position":
        place = (value - np.asarray(statistics.centre, np.float32)) / np.float32(statistics.extent)
        return np.concatenate([place, np.sin(np.pi * place), np.sin(2 * np.pi * place)], -1).astype(np.float32)
    return shape_linear(value) * 2 - 1

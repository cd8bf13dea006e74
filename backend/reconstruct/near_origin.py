"""Reconstructions of scenes far from zero: cameras, tracks and meshes are moved near it, and the results say where they belong."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...shared.notes import note
from ...shared.origin import ZERO, Origin, moved, origin_of
from ...shared.values import Camera, Mesh, SceneFrame, Tracks
from ..core.camera import camera_centre
from ..core.context import Context

Run = Callable[[Mapping[str, Any], Mapping[str, Any], Context], dict[str, Any]]
_LEAST = 1.0
"""Scene units: what cameras at one position look at is taken for at least so large."""


def near_origin(run: Run) -> Run:
    """For the ``run`` of an operation with cameras: it sees them near zero wherever they are.

    Where float32 does not suffice for the cameras' coordinates, their origin (see ``shared/origin.py``) is subtracted from frames, tracks
    and meshes. Meshes that come out, the early ones too, carry it as ``Mesh.origin``, reports as ``origin``; coordinates in reports are
    relative to it. A mesh that comes in with an origin of its own fits whether cameras are near zero or not.
    """

    @functools.wraps(run)
    def wrapped(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
        origin = _origin(inputs)
        moved_inputs = {name: _near(value, origin) for name, value in inputs.items()}
        if origin == ZERO:
            return run(moved_inputs, parameters, context)
        words = ", ".join(f"{k:.0f}" for k in origin)
        note(f"The cameras are so far from zero that coordinates would be coarse; all results are relative to the origin ({words})")
        outputs = run(moved_inputs, parameters, _FarContext(**_fields(context), origin=origin))
        made = {name: _far(value, origin) for name, value in outputs.items()}
        for value in made.values():
            if isinstance(value, dict):
                value["origin"] = list(origin)
        return made

    return wrapped


@dataclasses.dataclass
class _FarContext(Context):
    """Gives early meshes away with their origin."""

    origin: Origin = ZERO

    def emit(self, name: str, value: Any, index: int | None = None) -> None:
        super().emit(name, _far(value, self.origin), index)


def _fields(context: Context) -> dict[str, Any]:
    return {field.name: getattr(context, field.name) for field in dataclasses.fields(Context)}


def _origin(inputs: Mapping[str, Any]) -> Origin:
    cameras = [frame.camera for value in inputs.values() if isinstance(value, list) for frame in value if isinstance(frame, SceneFrame)]
    return origin_of(np.stack([camera_centre(camera) for camera in cameras]), _LEAST) if cameras else ZERO


def _near(value: Any, origin: Origin) -> Any:
    if isinstance(value, list):
        return [_near(one, origin) for one in value] if origin != ZERO else value
    if isinstance(value, SceneFrame):
        return dataclasses.replace(value, camera=_near_camera(value.camera, origin))
    if isinstance(value, Tracks) and origin != ZERO:
        return dataclasses.replace(value, points=moved(value.points, ZERO, origin))
    if isinstance(value, Mesh) and value.origin != origin:
        return dataclasses.replace(value, vertices=moved(value.vertices, value.origin, origin), origin=ZERO)
    return dataclasses.replace(value, origin=ZERO) if isinstance(value, Mesh) else value


def _near_camera(camera: Camera, origin: Origin) -> Camera:
    pose = camera.camera_to_world.astype(np.float64)
    pose[:3, 3] -= origin
    return dataclasses.replace(camera, camera_to_world=pose)


def _far(value: Any, origin: Origin) -> Any:
    return dataclasses.replace(value, origin=origin) if isinstance(value, Mesh) else value

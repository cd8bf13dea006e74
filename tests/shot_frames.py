"""Scene frames of ``benchmarks/scenes/small_shot.py``, as the add-on captures them."""

from __future__ import annotations

from typing import Any

import numpy as np

from backlot.benchmarks.scenes.small_shot import ShotView, SmallShot
from backlot.shared.values import Camera, EncodedFile, Image, SceneFrame

__all__ = ["ShotView", "SmallShot", "scene_frame"]


def scene_frame(view: ShotView, number: int | None = None, **channels: np.ndarray | Image | EncodedFile | None) -> SceneFrame:
    """A frame of the small shot with what a renderer gives; ``channels`` replace or add, None leaves out."""
    height, width = view.depth.shape
    camera = Camera(width, height, view.focal, view.focal, width / 2, height / 2, view.camera_to_world)
    every: dict[str, Any] = {
        "color": Image(view.color, "linear"),
        "depth": view.depth[..., None],
        "motion": view.motion,
        "object_id": view.object_id[..., None].astype(np.float32),
        **channels,
    }
    named = {k: Image(np.ascontiguousarray(v), "data") if isinstance(v, np.ndarray) else v for k, v in every.items() if v is not None}
    return SceneFrame(camera, named, 1.0, view.number if number is None else number)

"""What the artist sees before the end: a coarse mesh early, the mesh so far now and then, a shaded picture of it in between."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from ....shared.values import Mesh
from ...core.context import Context
from ...io.frames.frame import DepthFrame
from . import preview
from .fusion import Settings
from .projection import Projection
from .surface import Surface, Volumes
from .survey import Survey

COARSER = 4
"""Edge of a voxel of the early mesh in voxels."""
PATIENCE = 5.0
"""Seconds between two meshes at least, and ``SHARE`` of the time at most goes into them."""
SHARE = 0.1


class Partial:
    """Gives meshes and pictures away while the work goes on; the last one is what a cancelled job leaves.

    Args:
        context: Of the job.
        frames: Some: the picture is seen from the first one's side, upright as they are together.
        smallest: Parts with fewer triangles are left out.
    """

    def __init__(self, context: Context, frames: Sequence[DepthFrame], smallest: int) -> None:
        self._context, self._smallest = context, smallest
        self._up = np.mean([frame.camera.camera_to_world[:3, 1] for frame in frames], axis=0)
        self._up = self._up / max(float(np.linalg.norm(self._up)), 1e-9)
        self._back = frames[0].camera.camera_to_world[:3, 2]
        axis = int(np.abs(self._up).argmax())
        if abs(self._up[axis]) > 0.8:  # nearly upright in the world: then the picture stands upright
            self._up = np.sign(self._up[axis]) * np.eye(3)[axis]
        self._picture: np.ndarray | None = None
        self._last = time.perf_counter()
        self._cost = 0.0

    @property
    def picture(self) -> np.ndarray | None:
        """The picture once, after it was drawn anew: ``(H, W, 3)`` uint8."""
        picture, self._picture = self._picture, None
        return picture

    def coarse(self, survey: Survey, settings: Settings, seed: int) -> None:
        """Fuses the surveyed frames in large voxels, with colour."""
        large = Settings(settings.voxel * COARSER, 3.0)
        volumes = Volumes(large, self._context.device)
        for frame in survey.frames:
            volumes.add(frame)
        surface = volumes.surface(self._smallest // COARSER**2)
        if not len(surface.faces):
            return
        projection = Projection(surface.vertices, surface.faces, large, len(survey.frames), seed)
        for frame in survey.frames:
            projection.add(frame)
        self.show(surface, projection.colors())

    def refine(self, volumes: Volumes, surface: Surface | None = None) -> None:
        """Shows the mesh so far (extracted unless it is given), if the last one was a while ago."""
        now = time.perf_counter()
        if now - self._last < max(PATIENCE, self._cost / SHARE):
            return
        surface = surface or volumes.surface(self._smallest)
        if len(surface.faces):
            self.show(surface, None)
        self._last = time.perf_counter()
        self._cost = self._last - now

    def show(self, surface: Surface, colors: np.ndarray | None) -> None:
        """Gives a mesh away and draws it."""
        self._picture = preview.shade(surface.vertices, surface.faces, surface.normals, self._up, self._back, colors)
        attributes = {"confidence": surface.confidence}
        self._context.emit("mesh", Mesh(surface.vertices, surface.faces, surface.normals, colors, attributes=attributes))

"""A decoded scene frame."""

from __future__ import annotations

import dataclasses

import numpy as np

from ....shared.values import Camera, Image


@dataclasses.dataclass(frozen=True)
class Frame:
    """What ``decode_frame`` gives; fields that are not wanted or not there are None.

    Attributes:
        number: Frame number in the shot.
        camera: Scaled to the size of the arrays, with its lens distortion.
        depth: ``(H, W)`` float32, planar z in scene units; 0 = no measurement, see ``Wanted.far``.
        noise: Size of the depth's quantisation steps in scene units, 0 for float depth.
        color: ``(H, W, 3)`` float32, scene-linear, finite, unassociated; see ``Wanted.match_camera`` for its size.
        confidence: ``(H, W)`` float32 in 0..1.
        object_id: ``(H, W)`` int32, 0 = background.
        background: ``(H, W)`` bool, where a renderer marks that there is nothing at any distance; None if there is no such pixel.
        image: The colour as it was given.
        alpha: ``(H, W)`` float32 in 0..1.
        normal: ``(H, W, 3)`` float32, world space.
        to_previous: ``(H, W, 2)`` float32, pixels right and down to where the surface is in the previous frame.
        to_next: The same to the next frame.
        albedo: ``(H, W, 3)`` float32, scene-linear.
        diffuse: ``(H, W, 3)`` float32, scene-linear light on diffuse surfaces.
        position: ``(H, W, 3)`` float32, rest position: coordinates of the surface point at rest.
        mask: ``(H, W)`` float32 in 0..1.
        depth_stored: How the depth was stored and in which unit, in words.
        not_finite: Pixels of ``image``, ``color`` and ``motion`` with NaN or infinity, by name.
    """

    number: int
    camera: Camera
    depth: np.ndarray | None = None
    noise: float = 0.0
    color: np.ndarray | None = None
    confidence: np.ndarray | None = None
    object_id: np.ndarray | None = None
    background: np.ndarray | None = None
    image: Image | None = None
    alpha: np.ndarray | None = None
    normal: np.ndarray | None = None
    to_previous: np.ndarray | None = None
    to_next: np.ndarray | None = None
    albedo: np.ndarray | None = None
    diffuse: np.ndarray | None = None
    position: np.ndarray | None = None
    mask: np.ndarray | None = None
    depth_stored: str = ""
    not_finite: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.camera.height, self.camera.width

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        arrays = sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))
        return arrays + (0 if self.image is None else self.image.pixels.nbytes)

    def has(self, name: str) -> bool:
        """Whether a field is there; ``motion`` stands for both displacements."""
        return getattr(self, {"motion": "to_previous"}.get(name, name)) is not None


@dataclasses.dataclass(frozen=True)
class DepthFrame(Frame):
    """A frame that has depth."""

    depth: np.ndarray

    @classmethod
    def of(cls, frame: Frame) -> DepthFrame:
        """The same frame."""
        assert frame.depth is not None
        return cls(**vars(frame))

    @property
    def empty(self) -> bool:
        """Whether there is no measurement at all."""
        return not (self.depth > 0).any()

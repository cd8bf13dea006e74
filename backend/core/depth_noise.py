"""How far off measured depth is: a model of its noise, and what follows from it.

Time of flight is off by about the same everywhere, what triangulates (stereo, structured light) by more with the square of the distance
(Khoshelham and Elberink, "Accuracy and Resolution of Kinect Depth Data", Sensors 2012): sigma(z)² = constant² + (quadratic z²)².
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

EXACT = 0.15
"""Noise below this part of a voxel changes nothing: depth is taken as it is."""


@dataclasses.dataclass(frozen=True)
class NoiseModel:
    """Standard deviation of depth against its distance.

    Attributes:
        constant: Scene units.
        quadratic: Per scene unit: times z².
    """

    constant: float = 0.0
    quadratic: float = 0.0

    def sigma(self, z: float) -> float:
        """Standard deviation at a distance, scene units."""
        return math.hypot(self.constant, self.quadratic * z * z)

    def variances(self, z: np.ndarray) -> np.ndarray:
        """Squares of ``sigma`` at many distances."""
        return self.constant**2 + (self.quadratic * z * z) ** 2

    def radius(self, z: float, voxel: float) -> int:
        """Pixels around each to fit a plane to, so that the plane is good to a quarter of a voxel; 0 if depth is as good as exact."""
        parts = self.sigma(z) / voxel
        return 0 if parts < EXACT else int(min(max(round(3 * parts - 0.5), 1), 5))

    def left(self, z: float, voxel: float) -> float:
        """Noise of those planes in voxels."""
        radius = self.radius(z, voxel)
        return 1.5 * self.sigma(z) / voxel / (2 * radius + 1) if radius else self.sigma(z) / voxel


def truncation_for(noise: NoiseModel, far: float, voxel: float) -> float:
    """Truncation in voxels: 3 for exact depth, else four standard deviations of the fitted planes at the distance ``far`` and 2 more.

    Measured on ``benchmarks/scenes/room.py`` with noise: less lets layers of noise survive next to the surface, more wears down edges.
    """
    if noise.radius(far, voxel) == 0:
        return 3.0
    return float(min(max(2 + 4 * noise.left(far, voxel), 3.0), 16.0))

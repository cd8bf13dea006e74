"""Whether a texture's wrap lines differ from its interior lines."""

from __future__ import annotations

import numpy as np

from ...backend.materials.evaluate import seam
from .portilla_simoncelli import luminance


def seam_percentiles(texture: np.ndarray) -> dict[str, float]:
    """``seam.seam_percentiles`` of the luminance of an ``(H, W[, C])`` texture."""
    return seam.seam_percentiles(luminance(texture))

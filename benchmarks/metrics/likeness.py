"""The measures of a texture against its exemplar that every table of ours has."""

from __future__ import annotations

import numpy as np

from .distribution import autocorrelation_ratio, patch_swd_ratio
from .novelty import verbatim_rate
from .portilla_simoncelli import typical_crop_ratio


def likeness(made: np.ndarray, exemplar: np.ndarray) -> dict[str, float]:
    """How like the exemplar a texture is, and how copied.

    Args:
        made: ``(H, W, 3)`` float32 in 0..1.
        exemplar: The same, of any size.

    Returns:
        Ratios against random crops of the exemplar itself (1 is as like as those are), and the share of neighbouring patches that are
        neighbours in the exemplar.
    """
    return {
        "typical crop": typical_crop_ratio(made, exemplar),
        "patch swd": patch_swd_ratio(made, exemplar),
        "autocorr": autocorrelation_ratio(made, exemplar),
        "verbatim": verbatim_rate(made, exemplar, samples=400),
    }

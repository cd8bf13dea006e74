"""Our Portilla-Simoncelli statistics beside those of ``plenoptic`` (``pip install backlot[bench]``): both typical-crop ratios must agree.

python3 dev.py bench statistics_check
"""

from __future__ import annotations

import warnings

import numpy as np
import plenoptic
import skimage.data
import torch
from scipy.ndimage import gaussian_filter
from skimage import io

from .metrics.portilla_simoncelli import CROP, crops_of, luminance, typical_crop_ratio
from .report import RESULTS, print_table


def plenoptic_ratio(generated: np.ndarray, exemplar: np.ndarray) -> float:
    """The typical-crop ratio with plenoptic's statistics, standardised as ours are."""
    model = plenoptic.models.PortillaSimoncelli((CROP, CROP), n_scales=4, n_orientations=4, spatial_corr_width=7)

    def describe(picture: np.ndarray, stride: int) -> torch.Tensor:
        statistics: torch.Tensor = model(crops_of(luminance(picture), stride)[:, None].float()).double().flatten(1)
        return statistics

    real, made = describe(exemplar, CROP // 2), describe(generated, CROP // 4)
    mean, deviation = real.mean(0), real.std(0)
    keep = deviation > 1e-6 * real.abs().mean(0).clamp_min(1e-9)
    distance = [((s - mean)[:, keep] / deviation[keep]).clamp(-20, 20).square().mean(1).sqrt().median() for s in (made, real)]
    return float(distance[0] / distance[1])


def main() -> None:
    warnings.simplefilter("ignore")
    rows = []
    for name in ("brick", "gravel", "grass"):
        exemplar = np.asarray(getattr(skimage.data, name)()) / 255
        crop = exemplar[100:356, 50:306]
        pictures = {
            "real crop": crop,
            "synthesised": np.asarray(io.imread(RESULTS / f"texture_{name}_256.png")) / 255,
            "blur 1 px": gaussian_filter(crop, 1),
            "noise 5 %": crop + np.random.default_rng(0).normal(0, 0.05, crop.shape),
        }
        for kind, picture in pictures.items():
            row = {
                "exemplar": name,
                "picture": kind,
                "ours": typical_crop_ratio(picture, exemplar),
                "plenoptic": plenoptic_ratio(picture, exemplar),
            }
            rows.append(row)
    print_table(rows)


if __name__ == "__main__":
    main()

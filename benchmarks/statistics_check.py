"""Our Portilla-Simoncelli statistics against those of ``plenoptic``: both typical-crop ratios must agree.

python3 dev.py bench statistics_check [--tiny]
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import skimage.data
import torch
from scipy.ndimage import gaussian_filter
from skimage import io

from ._report import RESULTS, Row, begin, installed, make_parser, print_table
from .metrics.portilla_simoncelli import CROP, crops_of, luminance, typical_crop_ratio


def plenoptic_ratio(generated: np.ndarray, exemplar: np.ndarray) -> float:
    """The typical-crop ratio with plenoptic's statistics, standardised as ours are."""
    import plenoptic  # only in the environment of benchmarks

    model = plenoptic.models.PortillaSimoncelli((CROP, CROP), n_scales=4, n_orientations=4, spatial_corr_width=7)

    def describe(picture: np.ndarray, stride: int) -> torch.Tensor:
        statistics: torch.Tensor = model(crops_of(luminance(picture), stride)[:, None].float()).double().flatten(1)
        return statistics

    real, made = describe(exemplar, CROP // 2), describe(generated, CROP // 4)
    mean, deviation = real.mean(0), real.std(0)
    keep = deviation > 1e-6 * real.abs().mean(0).clamp_min(1e-9)
    distance = [((s - mean)[:, keep] / deviation[keep]).clamp(-20, 20).square().mean(1).sqrt().median() for s in (made, real)]
    return float(distance[0] / distance[1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the ratios of pictures that are known to be good or damaged."""
    options, report = begin(make_parser(__file__, __doc__), arguments)
    warnings.simplefilter("ignore")
    rows: list[Row] = []
    peer = installed("plenoptic")
    for name in ("brick",) if options.tiny else ("brick", "gravel", "grass"):
        exemplar = np.asarray(getattr(skimage.data, name)()) / 255
        crop = exemplar[100:356, 50:306]
        pictures = {
            "real crop": crop,
            "synthesised": np.asarray(io.imread(RESULTS / f"texture_{name}_256.png")) / 255,
            "blur 1 px": gaussian_filter(crop, 1),
            "noise 5 %": crop + np.random.default_rng(0).normal(0, 0.05, crop.shape),
        }
        for kind, picture in list(pictures.items())[: 1 if options.tiny else None]:
            rows.append({"exemplar": name, "picture": kind, "ours": typical_crop_ratio(picture, exemplar)})
            if peer:
                rows[-1]["plenoptic"] = plenoptic_ratio(picture, exemplar)
    print_table(rows)
    report.save_rows("statistics_check", rows)


if __name__ == "__main__":
    main()

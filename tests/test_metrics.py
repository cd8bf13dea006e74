"""Every measure of textures moves the right way under blur, noise, copying and seams."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import skimage.data
import torch
from scipy.ndimage import gaussian_filter

from backlot.benchmarks.metrics.distribution import autocorrelation_ratio, patch_swd_ratio
from backlot.benchmarks.metrics.novelty import verbatim_rate
from backlot.benchmarks.metrics.portilla_simoncelli import crops_of, luminance, statistics, typical_crop_ratio
from backlot.benchmarks.metrics.seam import seam_percentiles


@cache
def exemplar() -> np.ndarray:
    return np.asarray(skimage.data.gravel(), np.float64)[:384, :384] / 255


def crop() -> np.ndarray:
    return exemplar()[90:346, 70:326]


def damaged() -> dict[str, np.ndarray]:
    noise = np.random.default_rng(0).standard_normal((256, 256))
    return {
        "blur": gaussian_filter(crop(), 1.5),
        "noise": crop() + 0.08 * noise,
        "shuffled pixels": np.random.default_rng(0).permutation(crop().ravel()).reshape(256, 256),
        "contrast": 0.5 + 0.4 * (crop() - 0.5),
    }


@pytest.mark.parametrize("kind", list(damaged()))
def test_statistics_tell_damage_from_a_real_crop(kind: str) -> None:
    assert 0.8 < typical_crop_ratio(crop(), exemplar()) < 1.2
    assert typical_crop_ratio(damaged()[kind], exemplar()) > 1.5


@pytest.mark.slow
def test_statistics_grow_with_blur() -> None:
    ratios = [typical_crop_ratio(gaussian_filter(crop(), s), exemplar()) for s in (0.5, 1, 2)]
    assert ratios == sorted(ratios)


def test_statistics_see_collapse_to_the_smoothest_part() -> None:
    patch = exemplar()[:32, :32]
    assert typical_crop_ratio(np.tile(gaussian_filter(patch, 0.5, mode="wrap"), (8, 8)), exemplar()) > 1.3


def test_statistics_do_not_depend_on_position_or_on_8_bits() -> None:
    crops = crops_of(crop(), 128)
    moved = torch.roll(crops, (16, 48), (1, 2))  # whole pixels of the coarsest level
    torch.testing.assert_close(statistics(crops), statistics(moved), rtol=1e-6, atol=1e-8)
    eight = (crop() * 255).round().astype(np.uint8)
    assert typical_crop_ratio(eight, exemplar()) == pytest.approx(typical_crop_ratio(crop(), exemplar()), abs=0.02)


def test_the_pyramid_of_the_statistics_sees_direction() -> None:
    y, x = np.mgrid[:128, :128]
    across, along = (torch.from_numpy(0.5 + 0.4 * np.sin(2 * np.pi * t / 8))[None] for t in (x, y))
    assert not torch.allclose(statistics(across), statistics(along), atol=0.1)


@pytest.mark.parametrize("measure", [patch_swd_ratio, autocorrelation_ratio])
@pytest.mark.slow
def test_distribution_measures(measure: object) -> None:
    assert callable(measure)
    assert 0.6 < measure(crop(), exemplar()) < 1.4
    assert measure(gaussian_filter(crop(), 2), exemplar()) > 2
    assert measure(damaged()["shuffled pixels"], exemplar()) > 1.8


def test_verbatim_rate_counts_copies() -> None:
    assert verbatim_rate(crop(), exemplar(), samples=150) > 0.98
    other = np.asarray(skimage.data.gravel(), np.float64)[384:, 100:400] / 255
    assert verbatim_rate(other, exemplar(), samples=150) < 0.1
    pieces = np.block([[exemplar()[:128, 200:328], exemplar()[100:228, :128]], [exemplar()[250:378, 30:158], exemplar()[20:148, 50:178]]])
    assert 0.8 < verbatim_rate(pieces, exemplar(), samples=300) < 0.99


def test_seams_are_seen() -> None:
    smooth = gaussian_filter(np.random.default_rng(3).standard_normal((96, 96)), 2, mode="wrap")
    inside = [seam_percentiles(np.roll(smooth, k, (0, 1))) for k in range(0, 96, 8)]
    assert 25 < np.median([p["x"] for p in inside]) < 75
    cut = smooth[:80, :80]
    assert all(v > 95 for v in seam_percentiles(cut).values())
    # Smearing over a seam hides the first difference's excess and is caught from below.
    smeared = smooth.copy()
    smeared[:, [0, 1, -1, -2]] = smeared[:, [0, 1, -1, -2]].mean(1, keepdims=True)
    assert seam_percentiles(smeared)["x"] < 5


def test_luminance_of_all_kinds() -> None:
    assert luminance(np.full((2, 2, 3), 65535, np.uint16)).max() == pytest.approx(1)
    assert luminance(np.full((2, 2, 1), 255, np.uint8)).max() == pytest.approx(1)
    assert luminance(np.full((2, 2), 0.25)).max() == 0.25

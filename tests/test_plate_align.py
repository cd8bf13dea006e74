"""Alignment of one picture's depth to solved tracks: accuracy, outliers, and tracks that say too little."""

from __future__ import annotations

import numpy as np
import pytest

from backlot.backend.reconstruct.single_view.align import KINDS, fit_distances, fit_tracks
from backlot.backend.reconstruct.single_view.edges import Tears, find_tears
from backlot.backend.reconstruct.single_view.layers import cut_layers
from backlot.backend.reconstruct.single_view.sampling import sample
from backlot.backend.reconstruct.single_view.smooth import smooth_surface
from backlot.shared.errors import InputError

H, W = 240, 320


def depth_map(seed: int) -> np.ndarray:
    """A slanted floor, a wall and five boxes at random."""
    generator = np.random.default_rng(seed)
    v, u = np.mgrid[:H, :W]
    depth = np.minimum(6 + generator.uniform(-2, 2) * (u / W - 0.5), 1.6 / np.maximum((v - 110) / 260, 0.02))
    for _ in range(5):
        x, y = generator.integers(0, W - 60), generator.integers(60, H - 80)
        depth[y : y + 70, x : x + 50] = generator.uniform(1.5, 4)
    return depth


def tracked(depth: np.ndarray, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float, np.ndarray]:
    """30 tracks with a pixel of noise, a fifth of them wrong: map values, spread, distances, true scale and shift, the wrong ones."""
    generator = np.random.default_rng(1000 + seed)
    scale = 1.0 if kind == "metric" else generator.uniform(0.2, 5)
    shift = generator.uniform(-0.05, 0.3) if kind.endswith("affine") else 0.0
    target = 1 / depth if kind.startswith("inverse") else depth
    raw = (target - shift) / scale
    places = np.stack([generator.uniform(4, W - 4, 30), generator.uniform(4, H - 4, 30)], 1)
    distance = depth[places[:, 1].astype(int), places[:, 0].astype(int)].copy()
    wrong = generator.permutation(30)[:6]
    distance[wrong] = generator.uniform(depth.min(), depth.max(), 6)
    values, spread = sample(raw, np.ones(raw.shape, bool), places + generator.normal(size=places.shape))
    return values, spread, distance, scale, shift, wrong


@pytest.mark.parametrize("kind", KINDS)
def test_scale_within_one_per_cent_with_a_fifth_of_the_tracks_wrong(kind: str) -> None:
    errors = []
    for seed in range(40):
        values, spread, distance, scale, _, wrong = tracked(depth_map(seed), kind, seed)
        found = fit_tracks(values, spread, distance, kind)
        errors.append(abs(found.scale / scale - 1))
        relative = np.abs(distance[wrong] * (found.scale * values[wrong] + found.shift if kind.startswith("inverse") else 1) - 1)
        if kind.startswith("inverse"):
            assert not found.used[wrong][relative > 0.3].any()
    assert max(errors) < 0.01, errors


def test_many_tracks_use_random_pairs_and_the_seed_decides() -> None:
    generator = np.random.default_rng(0)
    values = generator.uniform(0.1, 1, 400)
    depth = 1 / (2 * values + 0.1)
    depth[:150] = generator.uniform(0.5, 5, 150)
    found = [fit_tracks(values, np.zeros(400), depth, "inverse_affine", seed) for seed in (1, 1, 2)]
    assert found[0].scale == found[1].scale == pytest.approx(2, rel=1e-3)
    assert found[2].scale == pytest.approx(2, rel=1e-3)
    assert found[0].used[150:].all()
    assert found[0].error is not None
    assert found[0].error < 1e-3


def test_tracks_that_say_too_little_are_refused() -> None:
    with pytest.raises(InputError, match="at least 3 solved tracks"):
        fit_tracks(np.array([0.1, 0.2]), np.zeros(2), np.array([1.0, 2.0]), "affine")
    with pytest.raises(InputError, match="the same value at all"):
        fit_tracks(np.full(8, 0.3), np.zeros(8), np.linspace(1, 2, 8), "inverse_affine")
    with pytest.raises(InputError, match="run the other way"):
        fit_tracks(np.linspace(1, 2, 8), np.zeros(8), np.linspace(1, 2, 8), "inverse_affine")


def test_distances_fit_the_ends() -> None:
    values = np.linspace(0.2, 0.8, 2001)[None]
    for kind, ends in (("inverse_affine", (8.0, 2.0)), ("affine", (2.0, 8.0))):
        found, notes = fit_distances(values, kind, 2.0, 8.0)
        depth = found.depth(values, 0, np.inf)[0]
        assert not notes
        assert (depth[0], depth[-1]) == pytest.approx(ends, rel=0.04)
    assert fit_distances(values, "metric", None, None)[0].scale == 1


def test_samples_know_how_far_a_pixel_of_noise_reaches() -> None:
    ramp = np.broadcast_to(np.arange(40.0), (30, 40)).copy()
    ramp[:, 20:] += 50
    here, spread = sample(ramp, np.ones((30, 40), bool), np.array([[10.25, 9.0], [20.5, 9.0], [0.0, 0.0]]))
    assert here == pytest.approx([9.75, 70.0, 0.0])
    assert spread[0] == pytest.approx(1.0, rel=0.15)
    assert spread[1] > 20
    holes = np.ones((30, 40), bool)
    holes[8:11, 8:12] = False
    assert np.isnan(sample(ramp, holes, np.array([[10.25, 9.0]]))[0]).all()


def test_layers_are_cut_along_tears_and_not_through_surfaces() -> None:
    disparity = np.full((60, 90), 0.1, np.float32)
    disparity[:, 50:] = np.linspace(0.1, 0.13, 40)  # a wall that comes nearer
    disparity[20:50, 10:40] = 0.3
    disparity[30:60, 30:60] = 0.8
    valid = np.ones(disparity.shape, bool)
    valid[0] = False
    tears = find_tears(disparity, valid, 0.05, 88, (80.0, 80.0))
    layer, own = cut_layers(disparity, valid, tears, 3)
    expected = np.select([disparity > 0.5, disparity > 0.2], [0, 1], 2)
    assert (layer == expected)[valid].mean() > 0.99
    assert (layer[0] == -1).all()
    assert own[valid].mean() > 0.99
    nothing = Tears(np.zeros((60, 89), np.float32), np.zeros((59, 90), np.float32))
    two = np.where(disparity > 0.5, np.float32(0.8), np.float32(0.1))
    assert set(np.unique(cut_layers(two, np.ones_like(valid), nothing, 4)[0])) == {0, 1}


def test_smooth_surfaces_keep_planes_also_beyond_their_region() -> None:
    v, u = np.mgrid[:60, :80].astype(np.float64)
    plane = (0.2 + 0.001 * u - 0.0005 * v).astype(np.float32)
    region = np.zeros((60, 80), bool)
    region[10:50, 10:60] = True
    found = smooth_surface(plane, region, 4.0)
    assert np.abs(found - plane)[region].max() < 1e-4
    within = np.clip(plane, plane[region].min(), plane[region].max())
    assert np.abs(found - within)[8:52, 8:62].max() < 1e-3
    assert plane[region].min() <= found.min() <= found.max() <= plane[region].max()

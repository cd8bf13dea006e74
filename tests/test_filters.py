"""Filters and morphology against kornia and scipy, and the properties that their callers rely on."""

from __future__ import annotations

import math

import kornia.filters
import kornia.morphology
import numpy as np
import pytest
import scipy.ndimage
import torch

from backlot.backend.core import filters, morphology


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sigma", [0.5, 1.5, 4.0])
def test_gaussian_blur_is_kornias(sigma: float) -> None:
    picture = noise(3, 40, 31)
    size = 2 * max(1, round(3 * sigma)) + 1
    expected = kornia.filters.gaussian_blur2d(picture[None], (size, size), (sigma, sigma), "replicate")[0]
    torch.testing.assert_close(filters.gaussian_blur(picture, sigma), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("border", "kornias"), [("replicate", "replicate"), ("circular", "circular"), ("constant", "constant")])
def test_separable_filter_is_kornias_at_every_border(border: str, kornias: str) -> None:
    picture, weights = noise(2, 20, 30, seed=1), torch.tensor([1.0, 3.0, -0.5, 2.0, 0.5])
    kernel = (weights / weights.sum())[None]
    expected = kornia.filters.filter2d_separable(picture[None], kernel, kernel, kornias)[0]
    torch.testing.assert_close(filters.separable(picture, weights, border), expected, atol=1e-5, rtol=1e-5)


def test_wide_blur_works_at_a_smaller_size_and_stays_near_the_exact_one() -> None:
    y, x = torch.meshgrid(torch.arange(160.0), torch.arange(200.0), indexing="ij")
    picture = torch.stack([torch.sin(x / 30), torch.cos(y / 25), (x > 100).float()])
    exact = torch.from_numpy(scipy.ndimage.gaussian_filter(picture.numpy(), (0, 12, 12), mode="nearest"))
    assert float((filters.gaussian_blur(picture, 12.0) - exact).abs().mean()) < 0.01


def test_wide_blur_of_a_picture_smaller_than_itself_ends() -> None:
    picture = noise(1, 17, 5)
    assert float(filters.gaussian_blur(picture, 40.0).std()) < 0.02


@pytest.mark.parametrize("sigma", [1.0, 9.0])
def test_even_areas_stay_even(sigma: float) -> None:
    torch.testing.assert_close(filters.gaussian_blur(torch.full((1, 50, 60), 0.3), sigma), torch.full((1, 50, 60), 0.3))


def test_blur_on_the_torus_wraps_and_is_scipys() -> None:
    field = noise(48, 64, seed=2).double()
    expected = scipy.ndimage.gaussian_filter(field.numpy(), (1.5, 3.0), mode="wrap", truncate=8)
    np.testing.assert_allclose(filters.gaussian_blur_torus(field, (3.0, 1.5)).numpy(), expected, atol=1e-6)
    moved = filters.gaussian_blur_torus(field.roll(20, 1), 2.0)
    torch.testing.assert_close(moved, filters.gaussian_blur_torus(field, 2.0).roll(20, 1))


@pytest.mark.parametrize(("border", "scipys"), [("replicate", "nearest"), ("circular", "wrap")])
def test_box_mean_and_central_differences_are_scipys(border: str, scipys: str) -> None:
    picture = noise(2, 19, 23, seed=3)
    mean = scipy.ndimage.uniform_filter(picture.numpy(), (0, 5, 5), mode=scipys)
    np.testing.assert_allclose(filters.box_mean(picture, 2, border).numpy(), mean, atol=1e-5)
    dx, dy = filters.central_differences(picture, border)
    for found, axis in ((dx, 2), (dy, 1)):
        expected = scipy.ndimage.correlate1d(picture.numpy(), [-0.5, 0, 0.5], axis, mode=scipys)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_structure_tensor_finds_directions_to_a_quarter_degree_and_sobels_do_not() -> None:
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    worst = {"ours": 0.0, "sobel": 0.0}
    for degrees in range(0, 90, 6):
        angle = math.radians(degrees)
        wave = torch.sin(x * math.cos(angle) + y * math.sin(angle))
        gx, gy = kornia.filters.spatial_gradient(wave[None, None])[0, 0]
        sobel = filters.gaussian_blur(torch.stack([gx * gx - gy * gy, 2 * gx * gy]), 4.0)
        for name, tensor in (("ours", filters.structure_tensor(wave, 4.0)), ("sobel", sobel)):
            found = math.degrees(math.atan2(float(tensor[1, 48, 48]), float(tensor[0, 48, 48]))) / 2
            worst[name] = max(worst[name], abs((found - degrees + 90) % 180 - 90))
    assert worst["ours"] < 0.25 < 1.0 < worst["sobel"]


@pytest.mark.parametrize("radius", [0, 1, 2, 5])
def test_dilation_and_erosion_are_kornias(radius: int) -> None:
    values, kernel = noise(2, 24, 33, seed=4) - 0.5, torch.ones(2 * radius + 1, 2 * radius + 1)
    assert torch.equal(morphology.dilate(values, radius), kornia.morphology.dilation(values[None], kernel)[0])
    assert torch.equal(morphology.erode(values, radius), kornia.morphology.erosion(values[None], kernel)[0])


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_masks_and_whole_numbers(radius: int) -> None:
    mask = noise(30, 21, seed=5).numpy() > 0.8
    square = np.ones((2 * radius + 1, 2 * radius + 1), bool)
    np.testing.assert_array_equal(morphology.dilate_mask(mask, radius), scipy.ndimage.binary_dilation(mask, square))
    np.testing.assert_array_equal(morphology.erode_mask(~mask, radius), scipy.ndimage.binary_erosion(~mask, square, border_value=1))
    ids = torch.tensor([[-(2**31), 2**24, 2**24 + 1, 2**31 - 1]], dtype=torch.int32)  # as floats two of these are the same
    edges = morphology.dilate(ids, 1) != morphology.erode(ids, 1)
    assert edges.tolist() == [[True, True, True, True]]
    assert morphology.dilate(ids, radius).dtype == ids.dtype

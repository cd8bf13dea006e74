"""The sRGB curve, OKLab and luminance: round trips, ranges, and kornia as the reference."""

from __future__ import annotations

import subprocess
import sys

import kornia.color
import numpy as np
import pytest
import torch

from backlot.backend.core.color import to_linear, to_srgb
from backlot.backend.core.color_spaces import LUMA, LUMINANCE, from_oklab, luminance, to_oklab


def colors(seed: int = 0) -> torch.Tensor:
    return torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(seed))


def test_the_curve_of_tensors_is_kornias_to_the_bit() -> None:
    picture = colors()
    assert torch.equal(to_linear(picture), kornia.color.rgb_to_linear_rgb(picture))
    assert torch.equal(to_srgb(picture), kornia.color.linear_rgb_to_rgb(picture))


def test_arrays_and_tensors_share_one_curve() -> None:
    picture = colors(1)
    for curve in (to_linear, to_srgb):
        np.testing.assert_allclose(curve(picture.numpy()), curve(picture).numpy(), atol=2e-7)


def test_the_curve_is_odd_for_arrays_and_keeps_what_is_not_finite() -> None:
    values = np.array([-2.0, -0.01, 0.0, 0.01, 2.0, np.inf, np.nan], np.float32)
    for curve in (to_linear, to_srgb):
        np.testing.assert_array_equal(curve(values[:5]), -curve(-values[:5]))
        assert curve(values)[5] == np.inf
        assert np.isnan(curve(values)[6])
        assert torch.isnan(curve(torch.from_numpy(values))[6])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_curve_has_a_finite_gradient_everywhere_and_keeps_the_type(dtype: torch.dtype) -> None:
    for curve in (to_linear, to_srgb):
        values = torch.tensor([-1.0, 0.0, 0.0031308, 0.04045, 1.0], dtype=dtype, requires_grad=True)
        result = curve(values)
        assert result.dtype == dtype
        result.sum().backward()
        assert values.grad is not None
        assert bool(values.grad.isfinite().all())


def test_oklab_of_known_colours_and_back() -> None:
    white, red = to_oklab(torch.ones(3, 1, 1, dtype=torch.float64)), to_oklab(torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(white.flatten(), torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64), atol=1e-6, rtol=0)
    torch.testing.assert_close(red, torch.tensor([0.6280, 0.2249, 0.1258], dtype=torch.float64), atol=1e-4, rtol=0)  # Ottosson's page
    picture = torch.cat([colors(2).double(), torch.zeros(3, 40, 1, dtype=torch.float64)], 2)
    torch.testing.assert_close(from_oklab(to_oklab(picture)), picture, atol=3e-6, rtol=0)
    torch.testing.assert_close(from_oklab(to_oklab(picture.float())), picture.float(), atol=1e-4, rtol=0)


def test_luminance_weighs_three_channels_and_leaves_one_alone() -> None:
    picture = colors(3)
    expected = (picture * torch.tensor(LUMINANCE)[:, None, None]).sum(0, keepdim=True)
    torch.testing.assert_close(luminance(picture), expected)
    torch.testing.assert_close(luminance(picture[None])[0], expected)
    assert torch.equal(luminance(picture[:1]), picture[:1])
    assert sum(LUMINANCE) == pytest.approx(1)
    torch.testing.assert_close(
        kornia.color.rgb_to_grayscale(picture), (picture * torch.tensor(LUMA)[:, None, None]).sum(0, keepdim=True), atol=1e-6, rtol=0
    )


def test_command_line_and_supervisor_start_without_heavy_packages() -> None:
    code = "import sys, backlot.backend.cli, backlot.backend.runtime.serve; print(sorted({'torch', 'kornia', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"

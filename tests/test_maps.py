"""Maps from height against surfaces whose normals and occlusion are known, and maps from a photograph."""

from __future__ import annotations

import math
import time

import pytest
import torch

from backlot.backend.materials import maps
from backlot.shared.errors import InputError

pytestmark = pytest.mark.usefixtures("one_thread")


def waves(size: tuple[int, int] = (96, 128)) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A height in pixels that tiles, with its exact slopes to the right and downwards."""
    y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in size), indexing="ij")
    a, b = 2 * math.pi * 3 / size[1], 2 * math.pi * 2 / size[0]
    phase = a * x + b * y
    return 2 * torch.sin(phase), 2 * a * torch.cos(phase), 2 * b * torch.cos(phase)


# -- normal ------------------------------------------------------------------------------------------------------------


def test_normals_of_waves() -> None:
    height, dx, dy = waves()
    normal = maps.normal_from_height(height / 8 + 0.5, 8.0)
    assert normal.shape == (3, 96, 128)
    torch.testing.assert_close(normal, maps.encode_normal(dx, dy), atol=2e-3, rtol=0)
    torch.testing.assert_close((normal * 2 - 1).norm(dim=0), torch.ones(96, 128, dtype=torch.float64))


def test_the_convention_is_opengl() -> None:
    """A slope that rises to the right looks left, one that rises upwards in the picture looks down; green is up."""
    ramp = torch.linspace(0, 1, 33)
    right = maps.normal_from_height(ramp.expand(33, 33), 32.0, tile=False)
    torch.testing.assert_close(right, torch.tensor([0.5 - 0.5 / 2**0.5, 0.5, 0.5 + 0.5 / 2**0.5])[:, None, None].expand(3, 33, 33))
    up = maps.normal_from_height(ramp.flip(0)[:, None].expand(33, 33), 32.0, tile=False)
    assert float(up[1].max()) < 0.16
    assert float(maps.directx(up)[1].min()) > 0.84


def test_batches_and_shifts() -> None:
    """The torus has no origin: shifting the height shifts each map."""
    height = torch.rand(2, 3, 24, 40, generator=torch.Generator().manual_seed(0))
    moved = height.roll((5, -9), (-2, -1))
    for derive in (maps.normal_from_height, maps.ambient_occlusion):
        plain = derive(height, 3.0)
        torch.testing.assert_close(derive(moved, 3.0), plain.roll((5, -9), (-2, -1)), atol=1e-6, rtol=0)
        torch.testing.assert_close(derive(height[1, 2], 3.0), plain[1, 2], atol=1e-6, rtol=0)


# -- height from normals -----------------------------------------------------------------------------------------------


def test_height_comes_back_from_its_normals() -> None:
    height, *_ = waves()
    back = maps.height_from_normal(maps.encode_normal(*maps.slopes(height)))
    torch.testing.assert_close(back, height, atol=1e-6, rtol=0)
    unit, depth = maps.unit_height(back)
    torch.testing.assert_close((unit - 0.5) * depth, height, atol=1e-2, rtol=0)


def test_a_slope_without_end_comes_back_where_nothing_tiles() -> None:
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")
    height = 0.3 * x - 0.2 * y + torch.sin(x / 9) * torch.cos(y / 7)
    back = maps.height_from_normal(maps.normal_from_height(height, 1.0, tile=False), tile=False)
    torch.testing.assert_close(back - back.mean(), height - height.mean(), atol=0.3, rtol=0)  # of a range of 28
    wrapped = maps.height_from_normal(maps.normal_from_height(height, 1.0, tile=False), tile=True)
    assert float((wrapped - (height - height.mean())).abs().max()) > 2  # a torus cannot rise all the way


# -- ambient occlusion -------------------------------------------------------------------------------------------------


def test_planes_are_not_occluded() -> None:
    assert float(maps.ambient_occlusion(torch.full((16, 16), 0.3), 9.0).min()) > 0.9999
    ramp = torch.linspace(0, 1, 65).expand(65, 65)
    tilted = maps.ambient_occlusion(ramp, 40.0, 8.0, tile=False)
    assert float(tilted[:, 10:-10].min()) > 0.999


@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
def test_the_bottom_of_a_groove(slope: float) -> None:
    """Between two planes that meet, the horizon is slope * |cos azimuth|, and the mean of cos^2 of it 1 / sqrt(1 + slope^2)."""
    x = (torch.arange(129.0) - 64).abs() / 64
    seen = maps.ambient_occlusion(x.expand(129, 129), 64 * slope, 32.0, tile=False)
    assert float(seen[64, 64]) == pytest.approx(1 / math.sqrt(1 + slope**2), abs=0.03)


@pytest.mark.parametrize(("radius", "depth"), [(6, 3.0), (6, 6.0), (10, 10.0)])
def test_the_middle_of_a_round_pit(radius: int, depth: float) -> None:
    """All round the horizon is depth / radius: the share of sky is r^2 / (r^2 + d^2)."""
    y, x = torch.meshgrid(torch.arange(-48.0, 48.0), torch.arange(-48.0, 48.0), indexing="ij")
    height = (torch.hypot(x, y) >= radius).float()
    seen = maps.ambient_occlusion(height, depth, 64.0)
    assert float(seen[48, 48]) == pytest.approx(radius**2 / (radius**2 + depth**2), abs=0.1)
    assert float(seen[48, 48]) < float(seen[0, 0])


def test_occluders_count_across_the_wrap_only_when_it_tiles() -> None:
    height = torch.zeros(32, 32)
    height[:, 0] = 1.0
    assert float(maps.ambient_occlusion(height, 8.0, 6.0, tile=True)[16, 30]) < 0.9
    assert float(maps.ambient_occlusion(height, 8.0, 6.0, tile=False)[16, 30]) > 0.999


def test_a_radius_larger_than_the_map() -> None:
    assert maps.ambient_occlusion(torch.rand(8, 8), 4.0, 50.0).shape == (8, 8)
    with pytest.raises(InputError, match="radius"):
        maps.ambient_occlusion(torch.rand(8, 8), 4.0, 0.0)


def test_occlusion_is_quick() -> None:
    height = torch.rand(512, 512)
    maps.ambient_occlusion(height, 8.0)
    started = time.thread_time()
    maps.ambient_occlusion(height, 8.0)
    assert time.thread_time() - started < 0.15

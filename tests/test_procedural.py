"""The procedural materials: every family tiles, is reproducible, and obeys its attributes."""

from __future__ import annotations

import dataclasses
import functools

import pytest
import torch

from backlot.backend.materials.attributes import Attributes
from backlot.backend.materials.procedural import available, render, sample_attributes
from backlot.backend.materials.procedural.canvas import Canvas, contrast
from backlot.backend.materials.procedural.layouts import COUNTS, make_layout
from backlot.backend.materials.stack import BASE_COLOR, HEIGHT, METALLIC, ROUGHNESS, Material
from backlot.shared.errors import InputError
from backlot.shared.material import LAYOUTS

pytestmark = pytest.mark.usefixtures("one_thread")
NAMES = available()
SIZE = 128
PLAIN = {"wetness": 0.0, "growth": 0.0, "wear": 0.1, "variation": 0.3, "relief": 0.5, "scale": 0.5}


@functools.cache
def plain(family: str) -> Attributes:
    return dataclasses.replace(sample_attributes(family, 3), color=(0.5, 0.45, 0.4), gap_color=(0.3, 0.28, 0.26), roughness=0.6, **PLAIN)


@functools.cache
def draw(family: str, seed: int = 1, **changes: float) -> Material:
    return render(family, dataclasses.replace(plain(family), **changes), seed, SIZE)


def wrap_ratio(field: torch.Tensor, dim: int) -> float:
    """A step over the border against the steps inside, both as a high percentile over lines."""
    steps = (torch.roll(field, -1, dim) - field).abs().movedim(dim, -1).flatten(0, -2)
    across, inside = steps[:, -1].mean(), torch.quantile(steps[:, :-1].mean(0), 0.98)
    return float(across / inside.clamp_min(1e-4))


def width_of_features(material: Material) -> float:
    """Pixels: one over the mean frequency of colour and height, without the finest detail, which does not scale."""
    fields = torch.cat([material.stack[BASE_COLOR], material.stack[HEIGHT][None]])
    power = torch.fft.fft2(fields - fields.mean((1, 2), keepdim=True)).abs().square().sum(0)
    size = fields.shape[-1]
    f = torch.fft.fftfreq(size)
    radius = (f[:, None] ** 2 + f[None] ** 2).sqrt()
    band = (radius > 1.5 / size) & (radius < 0.25)
    return float(power[band].sum() / (power[band] * radius[band]).sum())


@pytest.mark.parametrize("family", NAMES)
def test_a_material_is_complete_reproducible_and_its_own(family: str) -> None:
    a = sample_attributes(family, 5)
    assert a == sample_attributes(family, 5)
    assert a != sample_attributes(family, 6)
    one, again, other = (render(family, a, seed, 64) for seed in (9, 9, 10))
    assert one.stack.shape == (6, 64, 64)
    assert one.stack.dtype == torch.float32
    assert bool(torch.isfinite(one.stack).all())
    assert 0 <= float(one.stack.min()) <= float(one.stack.max()) <= 1
    assert torch.equal(one.stack, again.stack)
    assert not torch.equal(one.stack, other.stack)
    if one.pattern is not None:
        assert one.pattern.shape == (64, 64)
        assert 0 <= float(one.pattern.min()) <= float(one.pattern.max()) <= 1


@pytest.mark.parametrize("family", NAMES)
def test_a_tile_has_no_seam(family: str) -> None:
    stack = draw(family).stack
    for dim in (1, 2):
        assert wrap_ratio(stack[:5], dim) < 1.6


@pytest.mark.parametrize("family", NAMES)
def test_color_relief_and_roughness_are_obeyed(family: str) -> None:
    low, high = draw(family, roughness=0.35, relief=0.1), draw(family, roughness=0.8, relief=0.9)
    assert float(low.stack[ROUGHNESS].mean()) == pytest.approx(0.35, abs=0.08)
    assert float(high.stack[ROUGHNESS].mean()) == pytest.approx(0.8, abs=0.08)
    assert float(low.stack[HEIGHT].std()) == pytest.approx(0.097, abs=0.03)
    assert float(high.stack[HEIGHT].std()) == pytest.approx(0.233, abs=0.05)
    blue = render(family, dataclasses.replace(plain(family), color=(0.25, 0.35, 0.65)), 1, SIZE).stack[BASE_COLOR]
    body = draw(family).stack[HEIGHT] > 0.5
    assert blue[2][body].mean() - blue[0][body].mean() > 0.2


@pytest.mark.parametrize("family", NAMES)
def test_scale_makes_features_larger(family: str) -> None:
    small, large = (width_of_features(render(family, dataclasses.replace(plain(family), scale=s), 1, 256)) for s in (0.0, 1.0))
    assert large > 1.08 * small


@pytest.mark.parametrize("family", NAMES)
def test_wetness_shines_and_darkens_and_variation_spreads(family: str) -> None:
    dry, damp, wet = (draw(family, wetness=w).stack for w in (0.0, 0.5, 1.0))
    assert dry[ROUGHNESS].mean() > damp[ROUGHNESS].mean() > wet[ROUGHNESS].mean() + 0.05
    assert wet[BASE_COLOR].mean() < dry[BASE_COLOR].mean()
    body = dry[HEIGHT] > 0.5
    calm, wild = (draw(family, variation=v).stack[BASE_COLOR][:, body].std(1).mean() for v in (0.0, 1.0))
    assert wild > 1.8 * calm


def test_metallic_is_obeyed() -> None:
    for wanted in (0.2, 0.9):
        assert float(draw("plates", metallic=wanted).stack[METALLIC].mean()) == pytest.approx(wanted, abs=0.08)


def test_growth_is_green_and_spreads_from_the_hollows() -> None:
    bare, mossy, covered = (draw("brick", growth=g).stack for g in (0.0, 0.4, 0.9))

    def green(stack: torch.Tensor) -> torch.Tensor:
        return stack[1] - 0.5 * (stack[0] + stack[2])

    assert green(bare).mean() < green(mossy).mean() < green(covered).mean()
    grown = (green(mossy) - green(bare)) > 0.05
    assert bare[HEIGHT][grown].mean() < bare[HEIGHT][~grown].mean() - 0.1


def test_families_differ() -> None:
    stacks = torch.stack([torch.fft.fft2(draw(name).stack[HEIGHT]).abs().log1p().flatten() for name in NAMES])
    apart = torch.cdist(stacks, stacks) + 1e9 * torch.eye(len(NAMES))
    again = torch.fft.fft2(draw(NAMES[0], 2).stack[HEIGHT]).abs().log1p().flatten()
    assert float(apart.min()) > 0.5 * float((again - stacks[0]).norm())


@pytest.mark.parametrize("kind", sorted(COUNTS))
@pytest.mark.parametrize("irregularity", [0.0, 1.0])
def test_a_layout_fits_any_size_and_tiles(kind: str, irregularity: float) -> None:
    height, width = 96, 200
    layout = make_layout(kind, (height, width), 0.8, irregularity, torch.Generator().manual_seed(4))
    again = make_layout(kind, (height, width), 0.8, irregularity, torch.Generator().manual_seed(4))
    assert torch.equal(layout.mask, again.mask)
    assert torch.equal(layout.cells, again.cells)
    assert layout.mask.shape == layout.cells.shape == layout.edge.shape == (height, width)
    assert layout.cells.dtype == torch.int64
    assert 0.3 < float(layout.mask.mean()) < 0.99
    assert bool(((layout.mask > 0.5) == (layout.edge > 0)).float().mean() > 0.99)
    for dim in (0, 1):
        assert wrap_ratio(layout.mask[None], dim + 1) < 2.0
    larger = make_layout(kind, (height, width), 1.6, irregularity, torch.Generator().manual_seed(4))
    assert len(larger.cells.unique()) < len(layout.cells.unique())


def test_every_layout_can_be_made_and_no_other() -> None:
    assert set(COUNTS) == set(LAYOUTS) - {"none"}
    with pytest.raises(InputError, match="running_bond"):
        make_layout("chevron", (64, 64), 1.0, 0.5, torch.Generator())
    with pytest.raises(InputError, match="cobblestone"):
        render("cheese", Attributes({"brick": 1.0}), 1)


def test_canvas_fields_are_periodic_and_centred() -> None:
    canvas = Canvas(64, torch.Generator().manual_seed(1))
    field = canvas.noise((4, 8), 3)
    assert abs(float(field.mean())) < 1e-5
    assert torch.allclose(canvas.warp(field, torch.full((64, 64), 64.0), torch.zeros(64, 64)), field, atol=1e-6)
    assert torch.allclose(canvas.blur(torch.roll(field, 30, 1), 2.0), torch.roll(canvas.blur(field, 2.0), 30, 1), atol=1e-5)
    cells = canvas.voronoi(6)
    assert int(cells.id.max()) == 35
    assert bool((cells.f1 <= cells.f2).all())
    assert bool((cells.border >= 0).all())
    assert float(contrast(field, 0.5).std()) == pytest.approx(0.165, abs=0.01)


def test_stamps_wrap_round_the_border() -> None:
    canvas = Canvas(32, torch.Generator().manual_seed(1))

    def disc(u: torch.Tensor, v: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return 1 - (u * u + v * v) / 16

    at_corner = canvas.scatter(1, 6, disc, points=torch.tensor([[0.5, 31.5]]))
    in_middle = canvas.scatter(1, 6, disc, points=torch.tensor([[16.5, 15.5]]))
    assert torch.allclose(torch.roll(at_corner.value, (16, 16), (0, 1)), in_middle.value, atol=1e-5)
    assert int((in_middle.id == 1).sum()) == int((in_middle.value > 0).sum()) == 45

"""Maps from a photograph: the renderer, what is done to the photograph, the network on pieces, and ``texture.maps``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kornia.geometry.transform
import numpy as np
import pytest
import skimage.data
import torch

from backlot.backend.core.color import to_linear, to_srgb
from backlot.backend.core.context import Context
from backlot.backend.materials.operations.texture_maps import run, unit_relief
from backlot.backend.materials.photo import shading
from backlot.backend.materials.photo.baselines import flat, from_luminance
from backlot.backend.materials.photo.camera import photograph
from backlot.backend.materials.photo.estimate import MARGIN, estimate, load_network
from backlot.backend.materials.photo.flatten import flatten_light, make_tileable, rectify, wraps
from backlot.backend.materials.photo.materials import FIRST_HELD_OUT_SEED, Materials, draw, make_materials
from backlot.backend.materials.photo.network import STRIDE, MapNetwork
from backlot.backend.materials.photo.shading import Surface
from backlot.backend.materials.photo.training import Recipe, train
from backlot.shared.errors import InputError, JobCancelled
from backlot.shared.operations import find
from backlot.shared.values import Image

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def materials() -> Materials:
    return make_materials(FIRST_HELD_OUT_SEED, 3, size=128)


def plain(color: float = 0.5, roughness: float = 0.6, metallic: float = 0.0, side: int = 32) -> Surface:
    field = torch.ones(1, side, side)
    return Surface(color * torch.ones(1, 3, side, side), 0 * field, roughness * field, metallic * field)


def brick(side: int = 128) -> np.ndarray:
    gray = np.asarray(skimage.data.brick())[:side, :side, None]
    return (gray * np.array([1.0, 0.8, 0.7])).astype(np.uint8)


def straight(tilt: float = 0.0, azimuth: float = 0.0) -> torch.Tensor:
    tilted = torch.deg2rad(torch.tensor([tilt, azimuth]))
    return torch.stack([tilted[0].sin() * tilted[1].cos(), tilted[0].sin() * tilted[1].sin(), tilted[0].cos()])[None]


# -- rendering ---------------------------------------------------------------------------------------------------------


def test_a_matt_white_surface_is_as_bright_as_the_sun_says() -> None:
    sun = torch.tensor([[0.9, 0.8, 0.7]])
    for tilt, share in ((0.0, 1.0), (60.0, 0.5)):
        seen = shading.render_lit(plain(1.0, 1.0), straight(tilt), sun)[0, :, 0, 0]
        torch.testing.assert_close(seen, sun[0] * share, atol=0.02, rtol=0)  # and about 1 % of gloss


def test_slopes_that_face_the_light_are_brighter() -> None:
    """x to the right, y up: light from the right falls on what falls off to the right, light from above on the upper side."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    hill = 6 * torch.exp(-((x - 32) ** 2 + (y - 32) ** 2) / 100)[None]
    surface = Surface(*(getattr(plain(side=64), n) if n != "height" else hill for n in ("base_color", "height", "roughness", "metallic")))
    right = shading.render_lit(surface, straight(50, 0), torch.ones(1, 3))[0, 0]
    above = shading.render_lit(surface, straight(50, 90), torch.ones(1, 3))[0, 0]
    assert right[32, 42] > right[32, 22] * 2
    assert above[22, 32] > above[42, 32] * 2
    shadow = shading.cast_shadows(hill * 3, straight(70, 0), tile=True)[0]
    assert shadow[32, 10] < 0.5 < shadow[32, 54]


def test_metal_is_a_mirror_in_its_colour() -> None:
    """Under light from the camera a smooth metal shines in its own colour; from the side it is black."""
    gold = Surface(
        torch.tensor([1.0, 0.8, 0.3])[None, :, None, None].expand(1, 3, 8, 8),
        *(plain(0, 0.3, 1.0, 8).__dict__[n] for n in ("height", "roughness", "metallic")),
    )
    shine = shading.render_lit(gold, straight(0), torch.ones(1, 3))[0, :, 4, 4]
    assert shine[0] > 5
    assert shine[2] / shine[0] == pytest.approx(float(to_linear(torch.tensor(0.3))), rel=0.02)
    assert float(shading.render_lit(gold, straight(60), torch.ones(1, 3)).max()) < 0.05


def test_the_measure_orders_what_it_should(materials: Materials) -> None:
    truth = materials.surface([0, 1])
    assert float(shading.rerender_error(truth, truth).max()) == 0
    errors = []
    for share in (0.1, 0.3, 0.9):
        noise = torch.randn(truth.height.shape, generator=torch.Generator().manual_seed(0))
        errors.append(
            float(
                shading.rerender_error(
                    Surface(truth.base_color, truth.height + share * noise, truth.roughness, truth.metallic), truth
                ).mean()
            )
        )
    assert errors == sorted(errors)
    assert errors[0] > 0


def test_photographs(materials: Materials) -> None:
    truth = materials.surface([0, 1, 2])
    first, again = (photograph(truth, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == truth.base_color.shape
    assert 0 <= float(first.min()) <= float(first.max()) <= 1
    assert not torch.equal(first, photograph(truth, torch.Generator().manual_seed(5)))
    piece = draw(materials, 4, 48, torch.Generator().manual_seed(0))
    assert piece.height.shape == (4, 48, 48)


# -- before the network ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tile", [False, True])
def test_slow_light_is_divided_out(tile: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    even = 0.2 + 0.2 * torch.rand(3, 96, 128, generator=generator)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 97)[:-1], torch.linspace(-1, 1, 129)[:-1], indexing="ij")
    light = 1 + 0.4 * torch.sin(torch.pi * x) * torch.cos(torch.pi * y) if tile else (1 - 0.4 * (x**2 + y**2)) * (1 + 0.3 * x)
    lit = shading.encode_srgb(to_linear(even) * light)
    back = flatten_light(lit, 1.0, tile)
    torch.testing.assert_close(to_linear(back).mean((1, 2)), to_linear(lit).mean((1, 2)), atol=1e-3, rtol=0)

    def unevenness(photo: torch.Tensor) -> float:
        return float(torch.nn.functional.avg_pool2d(photo, 16).std())

    assert unevenness(back) < 0.25 * unevenness(lit)
    assert unevenness(flatten_light(lit, 0.5, tile)) < unevenness(lit)
    assert torch.equal(flatten_light(lit, 0.0, tile), lit)
    if tile:
        moved = flatten_light(lit.roll((7, 30), (1, 2)), 1.0, tile)
        torch.testing.assert_close(moved, back.roll((7, 30), (1, 2)), atol=1e-2, rtol=0)


def test_a_slanted_view_is_straightened() -> None:
    checks = (((torch.arange(80)[:, None] // 10 + torch.arange(120)[None] // 10) % 2) * 0.8 + 0.1).expand(3, 80, 120)
    corners = torch.tensor([[30.0, 20.0], [110.0, 12.0], [140.0, 100.0], [12.0, 90.0]])
    outline = torch.tensor([[0.0, 0.0], [120.0, 0.0], [120.0, 80.0], [0.0, 80.0]])
    # Photograph it at a slant by looking back through the same kind of mapping, then straighten.
    matrix = kornia.geometry.transform.get_perspective_transform(corners[None].double(), outline[None].double())[0]
    y, x = torch.meshgrid(torch.arange(120) + 0.5, torch.arange(160) + 0.5, indexing="ij")
    there = torch.stack([x, y, torch.ones_like(x)], -1).double() @ matrix.T
    grid = (there[..., :2] / there[..., 2:]).float() / torch.tensor([120.0, 80.0]) * 2 - 1
    slanted = torch.nn.functional.grid_sample(checks[None], grid[None], "nearest", "zeros", align_corners=False)[0]
    got = rectify(slanted, corners, (80, 120))
    assert float((got - checks).abs()[:, 3:-3, 3:-3].mean()) < 0.06
    with pytest.raises(InputError, match="convex"):
        rectify(slanted, corners[[0, 2, 1, 3]], (80, 120))


def test_tiles_are_told_from_photographs(materials: Materials) -> None:
    assert wraps(materials.surface([0]).base_color[0])
    photo = torch.from_numpy(brick(150)).permute(2, 0, 1) / 255
    assert not wraps(photo)
    joined = make_tileable(photo)
    assert wraps(joined)
    assert joined.shape == (3, 128, 128)
    assert float(joined.std()) > 0.9 * float(photo.std())


# -- the network -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rough_network() -> MapNetwork:
    """Untrained, but with a head that says something."""
    torch.manual_seed(0)
    network = MapNetwork()
    torch.nn.init.normal_(network.head.weight, 0, 0.05)
    return network.eval()


def test_its_size_and_its_beginning() -> None:
    network = MapNetwork()
    assert 300_000 < sum(p.numel() for p in network.parameters()) < 800_000
    photo = 0.1 + 0.8 * torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        torch.testing.assert_close(network(photo).base_color, photo, atol=1e-5, rtol=0)


def test_pieces_meet_without_a_seam(rough_network: MapNetwork) -> None:
    photo = torch.rand(3, 250, 430, generator=torch.Generator().manual_seed(0))
    done: list[float] = []
    whole = estimate(rough_network, photo)
    pieces = estimate(rough_network, photo, report=done.append, piece=112)
    assert done[-1] == 1
    assert len(done) == 3 * 4
    assert done == sorted(done)
    assert pieces.height.shape == (1, 250, 430)
    typical = float(whole.height.std())
    assert float((whole.height - pieces.height).abs().mean()) < 0.02 * typical
    steps = (pieces.height - whole.height).diff(dim=2).abs()
    assert float(steps.max()) < 0.2 * typical


@pytest.mark.parametrize("size", [(64, 96), (75, 51), (160, 33)])
def test_maps_of_a_tile_tile(rough_network: MapNetwork, size: tuple[int, int]) -> None:
    photo = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    plain_maps = estimate(rough_network, photo, tile=True)
    assert plain_maps.height.shape == (1, *size)
    moved = estimate(rough_network, photo.roll((STRIDE, -STRIDE), (1, 2)), tile=True)
    if size == (64, 96):
        torch.testing.assert_close(moved.height, plain_maps.height.roll((STRIDE, -STRIDE), (1, 2)), atol=2e-2, rtol=0)
    for axis in (1, 2):
        lines = (plain_maps.height - plain_maps.height.roll(1, axis)).abs().mean((0, 3 - axis))
        assert 0.03 < float((lines < lines[0]).float().mean()) < 0.97
    assert MARGIN % STRIDE == 0


def test_training_learns(materials: Materials, tmp_path: Path) -> None:
    kept: list[MapNetwork] = []
    recipe = Recipe(minutes=0.03, batch=2, crop=48)
    network = train(materials, materials, recipe, tmp_path / "log.csv", kept.append)
    assert (tmp_path / "log.csv").read_text().startswith("step,seconds,base")
    assert float(network.head.weight.abs().max()) > 0


# -- the shipped weights -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_beats_height_from_luminance() -> None:
    """On one material of each family that neither training nor the benchmark knows."""
    truth = make_materials(FIRST_HELD_OUT_SEED + 50_000, 26, size=128).surface(list(range(26)))
    photo = photograph(truth, torch.Generator().manual_seed(2))
    ours = [estimate(load_network(), p, tile=True) for p in photo]
    ours_all = Surface(*(torch.cat([getattr(s, n) for s in ours]) for n in ("base_color", "height", "roughness", "metallic")))
    errors = [float(shading.rerender_error(s, truth).mean()) for s in (ours_all, from_luminance(photo), flat(photo))]
    assert errors[0] < 0.9 * errors[1]
    assert errors[0] < 0.9 * errors[2]


# -- the operation -----------------------------------------------------------------------------------------------------


def make(pixels: np.ndarray, space: str = "srgb", progress: Any = None, **given: Any) -> dict[str, Any]:
    context = Context(CPU) if progress is None else Context(CPU, progress=progress)
    return run({"photo": Image(pixels, space)}, find("texture.maps").check_parameters(given), context)


def test_all_maps_of_a_photograph() -> None:
    got = make(brick(), width=2.0)
    sizes = {name: (value.pixels.shape, value.pixels.dtype.name, value.color_space) for name, value in got.items() if name != "report"}
    assert sizes == {
        "base_color": ((128, 128, 3), "uint8", "srgb"),
        "height": ((128, 128, 1), "float32", "data"),
        "normal": ((128, 128, 3), "float32", "data"),
        "roughness": ((128, 128, 1), "uint8", "data"),
        "metallic": ((128, 128, 1), "uint8", "data"),
        "ambient_occlusion": ((128, 128, 1), "uint8", "data"),
    }
    report = got["report"]
    assert report["tiles"] is False
    assert report["depth_m"] == pytest.approx(report["depth_px"] * 2.0 / 128)
    length = np.linalg.norm(got["normal"].pixels * 2 - 1, axis=2)
    assert np.allclose(length, 1, atol=1e-4)
    assert 0 <= got["height"].pixels.min() < 0.1
    assert 0.9 < got["height"].pixels.max() <= 1


def test_controls() -> None:
    photo = brick(96)
    plain_maps, steep, down = make(photo), make(photo, relief=3.0), make(photo, normals="directx")
    assert steep["report"]["depth_px"] == pytest.approx(3 * plain_maps["report"]["depth_px"])
    assert steep["normal"].pixels[..., 2].mean() < plain_maps["normal"].pixels[..., 2].mean()
    assert np.array_equal(down["normal"].pixels[..., 1], 1 - plain_maps["normal"].pixels[..., 1])
    joined = make(photo, tileable=True)
    assert joined["report"]["tiles"] is True
    assert joined["base_color"].pixels.shape == (82, 82, 3)
    assert make(photo, corners="10,10 90,10 90,90 10,90")["base_color"].pixels.shape == (77, 77, 3)


def test_a_tile_is_found_out_and_its_maps_tile(materials: Materials) -> None:
    pixels = (materials.surface([1]).base_color[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    got = make(pixels)
    assert got["report"]["tiles"] is True
    moved = make(np.roll(pixels, (STRIDE, STRIDE), (0, 1)))
    assert np.abs(np.roll(got["normal"].pixels, (STRIDE, STRIDE), (0, 1)) - moved["normal"].pixels).mean() < 2e-3


@pytest.mark.parametrize(("space", "dtype"), [("linear", "float32"), ("linear", "float16"), ("srgb", "uint16"), ("data", "uint8")])
def test_kinds_of_photographs(space: str, dtype: str) -> None:
    photo = brick(64).astype(np.float32) / 255
    pixels = (photo * np.iinfo(dtype).max if dtype.startswith("uint") else photo).astype(dtype)
    got = make(pixels, space)["base_color"]
    assert got.pixels.dtype == dtype
    assert got.color_space == ("linear" if space == "linear" else "srgb")
    reference = make((to_srgb(photo) * 255).round().astype(np.uint8) if space == "linear" else brick(64))["base_color"].pixels / 255
    shown = to_srgb(got.pixels.astype(np.float32)) if space == "linear" else got.pixels / np.iinfo(dtype).max
    assert np.abs(shown - reference).mean() < 0.01


def test_grey_and_opaque_alpha() -> None:
    gray = make(brick(64)[..., :1])
    assert any("grey" in note for note in gray["report"]["notes"])
    assert gray["base_color"].pixels.shape == (64, 64, 3)
    alpha = np.concatenate([brick(64), np.full((64, 64, 1), 255, np.uint8)], axis=2)
    assert np.array_equal(make(alpha)["base_color"].pixels, make(brick(64))["base_color"].pixels)


def bad_pictures() -> dict[str, tuple[np.ndarray, str]]:
    hole = np.concatenate([brick(64), np.full((64, 64, 1), 255, np.uint8)], axis=2)
    hole[:20, :20, 3] = 0
    broken = brick(64).astype(np.float32) / 255
    broken[3, 4] = np.nan
    return {
        "small": (brick(31), "at least 32"),
        "flat": (np.full((64, 64, 3), 99, np.uint8), "texture"),
        "hole": (hole, "fills its picture.*hides 9.8%"),
        "nan": (broken, "finite"),
        "two channels": (brick(64)[..., :2], "channels"),
    }


@pytest.mark.parametrize("kind", bad_pictures())
def test_bad_photographs_are_refused_with_the_reason(kind: str) -> None:
    pixels, said = bad_pictures()[kind]
    with pytest.raises(InputError, match=said):
        make(pixels)


@pytest.mark.parametrize("corners", ["10,10 90,10", "a,b c,d e,f g,h", "10,10 10.5,10 10.5,10.5 10,10.5"])
def test_bad_corners_are_refused(corners: str) -> None:
    with pytest.raises(InputError, match="corners"):
        make(brick(64), corners=corners)


def test_progress_and_cancelling() -> None:
    seen: list[float] = []
    make(brick(64), progress=lambda fraction, stage, preview=None: seen.append(fraction))
    assert seen == sorted(seen)
    assert len(seen) >= 4

    def stop(fraction: float, stage: str, preview: Any = None) -> None:
        if fraction > 0.5:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        make(brick(64), progress=stop)


def test_the_outermost_thousandths_do_not_set_the_depth() -> None:
    height = torch.rand(100, 100)
    height[0, 0] = 1000.0
    unit, depth = unit_relief(height)
    assert depth < 1.1
    assert float(unit.max()) == 1

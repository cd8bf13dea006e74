"""The patch engine and texture.synthesize: sizes, tiling, seeds, controls, kinds of pixels, and bad exemplars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import skimage.data
import torch

from backlot.backend.core.context import Context
from backlot.backend.materials.operations.texture_synthesize import run
from backlot.backend.patchmatch import matching, periodicity, pyramid, voting
from backlot.backend.patchmatch.descriptor import PATCH, Projection
from backlot.backend.patchmatch.texture import Options, synthesize_texture
from backlot.shared.errors import InputError, JobCancelled
from backlot.shared.operations import find
from backlot.shared.values import Image

CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("one_thread")


def blobs(side: int = 96, channels: int = 3, seed: int = 5) -> np.ndarray:
    """A texture with structure at about 8 px, uint8."""
    noise = np.random.default_rng(seed).standard_normal((side, side, channels))
    f = np.fft.fftfreq(side)
    band = np.exp(-((np.hypot(f[:, None], f[None]) - 0.09) ** 2) / 0.0008)
    picture = np.fft.ifft2(np.fft.fft2(noise, axes=(0, 1)) * band[..., None], axes=(0, 1)).real
    return (255 / (1 + np.exp(-2.5 * picture / picture.std()))).astype(np.uint8)


def stripes(side: int, period: float, slant: float = 0.0) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return (127 + 100 * np.tanh(4 * np.sin(2 * np.pi * (x + slant * y) / period))).astype(np.uint8)[..., None]


def make(
    exemplar: np.ndarray, size: tuple[int, int] = (64, 64), *, seed: int = 0, space: str = "srgb", device: Any = CPU, **given: Any
) -> Image:
    parameters = find("texture.synthesize").check_parameters({"size": list(size), **given})
    return run({"exemplar": Image(exemplar, space)}, parameters, Context(torch.device(device), seed))["base_color"]


def wrap_percentile(pixels: np.ndarray, axis: int) -> float:
    gray = pixels.astype(np.float64) @ np.array([0.2126, 0.7152, 0.0722])
    lines = np.abs(gray - np.roll(gray, 1, axis)).mean(1 - axis)
    return float((lines[1:] < lines[0]).mean() * 100)


@pytest.mark.parametrize("tile", ["none", "x", "y", "both"])
@pytest.mark.parametrize("size", [(64, 64), (75, 51), (32, 130)])
def test_any_size_and_its_seams(tile: str, size: tuple[int, int]) -> None:
    got = make(blobs(), size, tile=tile).pixels
    assert got.shape == (size[1], size[0], 3)
    assert got.dtype == np.uint8
    assert got.std() > 0.7 * blobs().std()
    for axis, letter in ((1, "x"), (0, "y")):
        if tile in (letter, "both"):
            assert 5 <= wrap_percentile(got, axis) <= 95


def test_a_picture_that_does_not_tile_is_caught_by_the_same_measure() -> None:
    assert wrap_percentile(blobs()[:60, :60], 1) > 95


def test_the_torus_has_no_origin() -> None:
    """Shifting the match field shifts the picture, bit for bit: no line of it is treated differently."""
    generator = torch.Generator().manual_seed(0)
    source = torch.rand(3, 40, 40, generator=generator)
    field = torch.randint(0, 34, (2, 24, 30), generator=generator, dtype=torch.int32)
    quality = torch.rand(24, 30, generator=generator)
    for tile, shift in (((True, True), (5, -7)), ((True, False), (5, 0)), ((False, True), (0, 11))):
        size = tuple(n if t else n + PATCH - 1 for n, t in zip((24, 30), tile, strict=True))
        plain = voting.vote(field, source, quality, size, tile, 2.0)
        moved = voting.vote(torch.roll(field, shift, (1, 2)), source, torch.roll(quality, shift, (0, 1)), size, tile, 2.0)
        assert torch.equal(torch.roll(plain, shift, (1, 2)), moved)


def test_voting_with_the_identity_field_gives_the_source() -> None:
    source = torch.rand(2, 20, 33, generator=torch.Generator().manual_seed(0))
    y, x = torch.meshgrid(torch.arange(14), torch.arange(27), indexing="ij")
    got = voting.vote(torch.stack([y, x]).int(), source, None, (20, 33), (False, False), 2.0)
    torch.testing.assert_close(got, source)


def test_voting_in_bands_is_voting_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    source = torch.rand(3, 30, 30, generator=generator)
    field = torch.randint(0, 24, (2, 40, 44), generator=generator, dtype=torch.int32)
    whole = voting.vote(field, source, None, (40, 44), (True, True), 2.0)
    monkeypatch.setattr(voting, "BAND", 200)
    assert torch.equal(whole, voting.vote(field, source, None, (40, 44), (True, True), 2.0))


def test_exact_matching_is_the_brute_force_minimum() -> None:
    generator = torch.Generator().manual_seed(1)
    queries, keys = torch.randn(50, 8, generator=generator), torch.randn(90, 8, generator=generator)
    distance = torch.cdist(queries.double(), keys.double()) ** 2
    own = matching.least_distances(queries, keys)
    torch.testing.assert_close(own.double(), distance.amin(0), atol=1e-4, rtol=1e-4)
    index, least = matching.exact(queries, keys, own, 0.05)
    assert torch.equal(index, (distance / (own.double() + 0.05)).argmin(1))
    torch.testing.assert_close(least, own, atol=1e-3, rtol=1e-3)


def test_coherent_matching_never_gets_worse_and_finds_a_shifted_copy() -> None:
    source = torch.rand(1, 30, 30, generator=torch.Generator().manual_seed(2))
    project = Projection(source, 20)
    keys = project(source)
    # The output is the source itself; half of the field is right, the other half points to the corner.
    field = torch.stack(torch.meshgrid(torch.arange(24), torch.arange(24), indexing="ij")).int()
    truth = field.clone()
    field[:, :, 12:] = 0
    for _ in range(15):
        before = (keys[(field[0].long() * 24 + field[1]).flatten()] - keys).square().sum(1)
        y, x, after = matching.coherent(keys, keys, (24, 24), field, (0, 24), [(0, -1), (0, 1)], (False, False), None, None)
        assert bool((after <= before).all())
        field = torch.stack([y, x]).view(2, 24, 24)
    assert torch.equal(field, truth)


def test_projection_keeps_distances() -> None:
    source = torch.rand(2, 24, 24, generator=torch.Generator().manual_seed(3))
    described = Projection(source, 2 * PATCH**2)(source)
    weight = (torch.exp(-((torch.arange(7) - 3.0) ** 2) / 8) / torch.exp(-((torch.arange(7) - 3.0) ** 2) / 8).sum()).sqrt()
    patches = source.unfold(1, 7, 1).unfold(2, 7, 1).permute(1, 2, 0, 3, 4) * (weight[:, None] * weight[None]) * 7
    want = (patches[2, 3] - patches[10, 9]).square().sum()
    torch.testing.assert_close((described[2 * 18 + 3] - described[10 * 18 + 9]).square().sum(), want, rtol=1e-4, atol=1e-4)


def test_refining_keeps_places() -> None:
    field = torch.stack(torch.meshgrid(torch.arange(14), torch.arange(24), indexing="ij")).int()
    fine = pyramid.refine(field, ((20, 30), (40, 60)), ((20, 30), (40, 60)), (False, False))
    want = torch.stack(torch.meshgrid(torch.arange(34), torch.arange(54), indexing="ij")).int()
    assert int((fine - want).abs().max()) <= 1


def test_one_seed_one_texture_whatever_the_global_generator() -> None:
    torch.manual_seed(1)
    first = make(blobs(), seed=7).pixels
    torch.manual_seed(2)
    np.testing.assert_array_equal(first, make(blobs(), seed=7).pixels)
    assert (first != make(blobs(), seed=8).pixels).mean() > 0.3


@pytest.mark.parametrize("kind", ["uint16", "float32", "float16"])
def test_pixels_keep_their_kind_and_range(kind: str) -> None:
    exemplar = blobs(64).astype(np.float64) / 255
    exemplar = (exemplar * 65535).astype(kind) if kind == "uint16" else exemplar.astype(kind)
    got = make(exemplar, (48, 48))
    assert got.pixels.dtype == exemplar.dtype
    assert got.pixels.min() >= exemplar.min()
    assert got.pixels.max() <= exemplar.max()
    assert len(np.unique(got.pixels)) > 400 or kind == "float16"  # not squeezed through 8 bits


def test_linear_light_keeps_highlights() -> None:
    exemplar = blobs(64).astype(np.float32) / 255
    exemplar[20:40, 20:40] *= 40
    got = make(exemplar, (64, 64), space="linear")
    assert got.color_space == "linear"
    assert got.pixels.max() > 15


@pytest.mark.parametrize("channels", [1, 4])
def test_gray_and_alpha(channels: int) -> None:
    assert make(blobs(64, channels), (40, 40)).pixels.shape == (40, 40, channels)


def test_any_number_of_data_channels_stay_together() -> None:
    exemplar = blobs(64, 1).astype(np.float32).repeat(7, 2) * np.arange(1, 8, dtype=np.float32)
    got = make(exemplar, (48, 48), space="data").pixels
    np.testing.assert_allclose(got, got[..., :1] * np.arange(1, 8, dtype=np.float32), rtol=1e-3, atol=1e-2)


def test_exemplar_scale_scales_features() -> None:
    def cycles(pixels: np.ndarray) -> int:
        gray = pixels.astype(np.float64).mean(2)
        return int(np.abs(np.fft.rfft(gray - gray.mean(), axis=1)).mean(0)[1:].argmax()) + 1

    exemplar = stripes(128, 12.8)
    assert cycles(make(exemplar, (128, 128)).pixels) == 10
    assert cycles(make(exemplar, (128, 128), exemplar_scale=2.0).pixels) == 5
    assert cycles(make(exemplar, (128, 128), exemplar_scale=0.5).pixels) == 20


def test_regular_structure_stays_straight_across_the_seam() -> None:
    """A wave that fits 10.4 times and leans is made to fit a whole number of times."""
    got = make(stripes(160, 12.3), (128, 128), seed=3).pixels.astype(np.float64)[..., 0]
    assert np.abs(got - got.mean(0)).mean() < 0.12 * got.std()  # every row alike
    wave = periodicity.find_wave(torch.from_numpy(stripes(160, 12.3, 0.1).astype(np.float32).transpose(2, 0, 1)))
    assert wave is not None
    assert np.hypot(*wave.frequency) == pytest.approx(np.hypot(1, 0.1) / 12.3, rel=0.08)


def test_irregular_exemplars_get_no_guide() -> None:
    noise = torch.randn(1, 128, 128, generator=torch.Generator().manual_seed(0))
    assert periodicity.find_wave(noise) is None
    assert periodicity.find_wave(torch.zeros(1, 64, 64)) is None


def test_variety_evens_out_what_is_used() -> None:
    exemplar = skimage.data.grass()[:160, :160, None]

    def spread(variety: float) -> float:
        source = torch.from_numpy(exemplar.astype(np.float32).transpose(2, 0, 1) / 255)
        field = synthesize_texture(source, (128, 128), (True, True), Options(variety), torch.Generator().manual_seed(0)).field
        used = np.histogram2d(field[0].numpy().ravel(), field[1].numpy().ravel(), bins=9, range=[[0, 154], [0, 154]])[0]
        return float(used.std() / used.mean())

    assert spread(1.0) < 0.8 * spread(0.0)


@pytest.mark.parametrize("shape", [(16, 16), (20, 300), (400, 18)])
def test_small_and_narrow_exemplars(shape: tuple[int, int]) -> None:
    exemplar = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert make(exemplar, (96, 64)).pixels.shape == (64, 96, 3)


@pytest.mark.parametrize("noise", [0, 2])
def test_a_flat_exemplar_is_refused(noise: int) -> None:
    flat = 77 + np.random.default_rng(0).integers(0, noise + 1, (32, 32, 3), dtype=np.uint8)
    with pytest.raises(InputError, match="one flat colour"):
        make(flat.astype(np.uint8), (40, 40))


def test_of_a_huge_exemplar_the_middle_is_used() -> None:
    exemplar = np.zeros((60, 6000, 1), np.uint8)
    exemplar[:, 2900:3100] = blobs(200, 1)[:60]
    exemplar[:, :1900] = 255
    got = make(exemplar, (64, 64)).pixels
    assert got.shape == (64, 64, 1)
    assert (got == 255).mean() < 0.2


@pytest.mark.parametrize(
    ("exemplar", "words"),
    [
        (np.zeros((1, 1, 3), np.uint8), "1 x 1"),
        (np.zeros((15, 100, 3), np.uint8), "at least 16"),
        (np.full((32, 32, 3), np.nan, np.float32), "NaN"),
        (np.full((32, 32, 1), np.inf, np.float32), "infinity"),
        (np.zeros((32, 32, 2), np.uint8), "channels"),
    ],
)
def test_bad_exemplars(exemplar: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make(exemplar)


def test_scaling_below_a_patch_is_refused() -> None:
    with pytest.raises(InputError, match="after scaling"):
        make(blobs(64), exemplar_scale=0.1)


def test_progress_rises_with_previews_and_cancels() -> None:
    seen: list[tuple[float, str]] = []
    previews: list[np.ndarray] = []

    def progress(fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
        seen.append((fraction, stage))
        if preview is not None:
            previews.append(preview)

    parameters = find("texture.synthesize").check_parameters({"size": [300, 64]})
    run({"exemplar": Image(blobs())}, parameters, Context(CPU, 0, progress))
    fractions = [f for f, _ in seen]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 0.05
    assert 0.8 < fractions[-1] <= 1
    assert previews
    assert all(p.dtype == np.uint8 and p.ndim == 3 and p.shape[2] == 3 and max(p.shape) <= 256 for p in previews)

    def cancel(fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
        if fraction > 0.2:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        run({"exemplar": Image(blobs())}, parameters, Context(CPU, 0, cancel))


@pytest.mark.cuda
def test_cuda_gives_the_same_pixels_twice(cuda: torch.device) -> None:
    """Steps of the engine are compared with the processor's in test_gpu_paths: over many of them rounding may tip a match, which grows."""
    first, second = (make(blobs(), device=cuda.type).pixels for _ in range(2))
    np.testing.assert_array_equal(first, second)

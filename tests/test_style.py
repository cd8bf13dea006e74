"""style.image: what changes, what must not, the controls, kinds of pixels, and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from backlot.backend.core.color_match import apply_curve, apply_map, curve_between, map_between
from backlot.backend.core.context import Context
from backlot.backend.style.image.painting import scale_for
from backlot.backend.style.operations.style_image import run
from backlot.shared.errors import InputError
from backlot.shared.operations import find
from backlot.shared.values import Image

pytestmark = pytest.mark.usefixtures("one_thread")


def content(height: int = 72, width: int = 96, kind: str = "uint8") -> np.ndarray:
    """A disc on a ramp, in colour."""
    y, x = np.mgrid[:height, :width]
    disc = (np.hypot(y - height / 2, x - width / 2) < height / 3).astype(np.float64)
    values = np.stack([0.2 + 0.6 * disc, 0.15 + 0.5 * x / width, 0.7 - 0.5 * disc], 2)
    return (values * 255).astype(np.uint8) if kind == "uint8" else values.astype(kind)


def strokes(height: int = 80, width: int = 100, seed: int = 0) -> np.ndarray:
    """Diagonal strokes in warm colours over all brightnesses."""
    noise = np.random.default_rng(seed).standard_normal((height, width))
    y, x = np.mgrid[:height, :width]
    wave = 0.5 + 0.3 * np.sin((x + y) / 2.0) * np.sin(x / 17.0) + 0.3 * np.sin(y / 13.0) + 0.03 * noise
    wave = np.clip(wave, 0, 1)
    return (255 * np.stack([wave, 0.7 * wave**1.2, 0.3 * wave**2], 2)).astype(np.uint8)


def paint(
    picture: np.ndarray,
    model: np.ndarray,
    *,
    space: str = "srgb",
    mask: np.ndarray | None = None,
    seed: int = 0,
    device: str = "cpu",
    **given: Any,
) -> Image:
    inputs: dict[str, Any] = {"content": Image(picture, space), "style": Image(model)}
    if mask is not None:
        inputs["mask"] = Image(mask, "data")
    return run(inputs, find("style.image").check_parameters(given), Context(torch.device(device), seed))["image"]


def luma(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., :3].astype(np.float64) @ [0.2126, 0.7152, 0.0722] if pixels.shape[2] >= 3 else pixels[..., 0].astype(np.float64)


@pytest.mark.parametrize("size", [(72, 96), (61, 45), (20, 150)])
def test_size_kind_and_space_are_the_contents(size: tuple[int, int]) -> None:
    got = paint(content(*size), strokes())
    assert got.pixels.shape == (*size, 3)
    assert (got.pixels.dtype, got.color_space) == (np.uint8, "srgb")


def test_structure_is_the_contents_and_colours_are_the_styles() -> None:
    got = paint(content(), strokes(), strength=1.0).pixels
    assert np.corrcoef(luma(got).ravel(), luma(content()).ravel())[0, 1] > 0.6
    assert abs(got.reshape(-1, 3).mean(0) - strokes().reshape(-1, 3).mean(0)).max() < 30
    # The style has no blue to speak of, the content has.
    assert got[..., 2].max() <= strokes()[..., 2].max() + 1


def test_structure_control() -> None:
    loose, tight = (paint(content(), strokes(), strength=1.0, structure=s).pixels for s in (0.1, 1.0))
    truth = luma(content()).ravel()
    assert np.corrcoef(luma(tight).ravel(), truth)[0, 1] > np.corrcoef(luma(loose).ravel(), truth)[0, 1]


@pytest.mark.parametrize("kind", ["uint8", "float32", "float16"])
def test_strength_zero_is_the_content_bit_for_bit(kind: str) -> None:
    picture = content(kind=kind)
    got = paint(picture, strokes(), strength=0.0, space="srgb" if kind == "uint8" else "linear")
    np.testing.assert_array_equal(got.pixels, picture)
    assert got.pixels.dtype == picture.dtype


def test_strength_is_gradual() -> None:
    away = [np.abs(paint(content(), strokes(), strength=s).pixels.astype(float) - content()).mean() for s in (0.2, 0.6, 1.0)]
    assert 0 < away[0] < away[1] < away[2]


@pytest.mark.parametrize(("kind", "space"), [("uint8", "srgb"), ("float32", "linear")])
def test_outside_the_mask_the_content_stays_bit_for_bit(kind: str, space: str) -> None:
    picture = content(kind=kind)
    mask = np.zeros((*picture.shape[:2], 1), np.uint8)
    mask[20:50, 30:80] = 255
    got = paint(picture, strokes(), mask=mask, space=space, strength=1.0).pixels
    outside = mask[..., 0] == 0
    np.testing.assert_array_equal(got[outside], picture[outside])
    assert (got[~outside] != picture[~outside]).any(1).mean() > 0.8


def test_an_empty_mask_changes_nothing() -> None:
    got = paint(content(), strokes(), mask=np.zeros((72, 96, 1), np.uint8))
    np.testing.assert_array_equal(got.pixels, content())


def test_what_is_transparent_does_not_count_in_the_tones() -> None:
    """Film is transparent black: if it counted, all that is seen would be matched to the style's lights."""
    seen = content()
    film = np.zeros((*seen.shape[:2], 4), np.uint8)
    film[18:-18, 24:-24, :3], film[18:-18, 24:-24, 3] = seen[18:-18, 24:-24], 255
    inner = np.s_[18:-18, 24:-24, :3]
    whole, part = (paint(picture, strokes(), strength=1.0).pixels[inner].astype(float) for picture in (seen, film))
    cut = paint(np.ascontiguousarray(seen[18:-18, 24:-24]), strokes(), strength=1.0, stroke_size=5.0).pixels.astype(float)
    assert abs(part.mean() - cut.mean()) < 20  # 52 if film counted
    assert abs(part.mean() - whole.mean()) < 20


def test_alpha_passes_through() -> None:
    alpha = np.random.default_rng(0).integers(0, 255, (72, 96, 1), dtype=np.uint8)
    got = paint(np.concatenate([content(), alpha], 2), strokes()).pixels
    np.testing.assert_array_equal(got[..., 3:], alpha)


def test_highlights_of_linear_light_are_kept() -> None:
    picture = content(kind="float32")
    picture[30:34, 40:44] = 60.0
    got = paint(picture, strokes(), space="linear", strength=1.0)
    assert got.color_space == "linear"
    assert got.pixels.dtype == np.float32
    assert np.isfinite(got.pixels).all()
    assert got.pixels[31:33, 41:43].min() > 10
    assert np.median(got.pixels) < 1


def test_keeping_colours() -> None:
    picture = content()
    kept = paint(picture, strokes(), strength=1.0, stroke_size=1.5, color="keep").pixels
    replaced = paint(picture, strokes(), strength=1.0, stroke_size=1.5).pixels

    def color_error(pixels: np.ndarray) -> float:
        chroma = [p.astype(np.float64) - luma(p)[..., None] for p in (pixels, picture)]
        return float(np.abs(chroma[0] - chroma[1]).mean())

    assert color_error(kept) < 0.3 * color_error(replaced)
    assert np.abs(luma(kept) - luma(picture)).mean() > 2  # there are strokes


def test_stroke_size_scales_strokes() -> None:
    def coarseness(pixels: np.ndarray) -> float:
        """Mean period of a flat content's strokes in pixels."""
        gray = luma(pixels) - luma(pixels).mean()
        power = np.abs(np.fft.fft2(gray)) ** 2
        f = np.hypot(np.fft.fftfreq(gray.shape[0])[:, None], np.fft.fftfreq(gray.shape[1])[None])
        return float(power.sum() / (power * f).sum())

    picture = np.full((160, 160, 3), 128, np.uint8)
    picture[:, 80:] = 100
    sizes = [coarseness(paint(picture, strokes(160, 200), strength=1.0, structure=0.3, stroke_size=s).pixels) for s in (1.5, 4.0, 9.0)]
    assert sizes[0] < sizes[1] < sizes[2]


def test_the_same_stroke_size_is_the_same_work_for_proxy_and_full_frame() -> None:
    proxy, full = scale_for((1080, 1920), (800, 1000), 1.5), scale_for((2160, 3840), (800, 1000), 1.5)
    assert full.zoom == pytest.approx(2 * proxy.zoom)
    assert np.abs(np.subtract(proxy.working, full.working)).max() <= 1
    assert np.abs(np.subtract(proxy.style, full.style)).max() <= 1


def test_a_zoomed_frame_has_full_size_and_grain() -> None:
    got = paint(content(240, 320), strokes(), stroke_size=9.0, strength=1.0).pixels
    assert got.shape == (240, 320, 3)
    assert len(np.unique(got.reshape(-1, 3), axis=0)) > 200


@pytest.mark.parametrize("color", ["replace", "keep"])
def test_gray_content_and_gray_style(color: str) -> None:
    gray = content()[..., :1]
    assert paint(gray, strokes()[..., :1], color=color).pixels.shape == (72, 96, 1)
    assert paint(content(), strokes()[..., :1], color=color).pixels.shape == (72, 96, 3)
    assert paint(gray, strokes(), color=color).pixels.shape == (72, 96, 1 if color == "keep" else 3)


def test_one_seed_one_picture() -> None:
    first = paint(content(), strokes(), seed=4).pixels
    torch.manual_seed(99)
    np.testing.assert_array_equal(first, paint(content(), strokes(), seed=4).pixels)


@pytest.mark.parametrize(
    ("picture", "model", "words"),
    [
        (content(), np.zeros((6, 6, 3), np.uint8), "style to be at least"),
        (np.zeros((1, 1, 3), np.uint8), strokes(), "content to be at least"),
        (content(), np.full((40, 40, 3), np.inf, np.float32), "style to hold finite"),
        (np.zeros((40, 40, 2), np.uint8), strokes(), "channels"),
    ],
)
def test_bad_pictures(picture: np.ndarray, model: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        paint(picture, model)


def test_bad_mask_and_data() -> None:
    with pytest.raises(InputError, match="the mask to have the shape of the content"):
        paint(content(), strokes(), mask=np.zeros((5, 50, 1), np.uint8))
    with pytest.raises(InputError, match="colour picture"):
        paint(content(kind="float32"), strokes(), space="data")


def test_flat_pictures_do_no_harm() -> None:
    flat = np.full((40, 40, 3), 90, np.uint8)
    assert paint(flat, strokes()).pixels.shape == flat.shape
    assert np.abs(paint(content(), flat, strength=1.0).pixels.astype(int) - 90).max() <= 1


def test_color_matching() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (
        torch.rand(3, 40, 40, generator=generator) ** 2,
        torch.randn(3, 30, 50, generator=generator) * torch.tensor([1.0, 2, 3])[:, None, None],
    )
    moved = apply_map(a, *map_between(a, b))
    torch.testing.assert_close(torch.cov(moved.flatten(1)), torch.cov(b.flatten(1)), rtol=1e-2, atol=1e-2)
    matched = apply_curve(a[:1], *curve_between(a[:1], b[:1]))
    torch.testing.assert_close(matched.flatten().sort().values[::160], b[0].flatten().sort().values[::150], rtol=0.05, atol=0.15)


@pytest.mark.cuda
def test_cuda_agrees_with_cpu(cuda: torch.device) -> None:
    cpu, gpu = (paint(content(), strokes(), device=d).pixels.astype(np.float64) for d in ("cpu", cuda.type))
    assert np.abs(cpu - gpu).mean() < 6  # of 255, pixel by pixel: where rounding tips a match, another stroke of the same colours is laid
    np.testing.assert_array_equal(gpu, paint(content(), strokes(), device=cuda.type).pixels)

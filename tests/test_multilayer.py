"""Layers of EXR files out and in again, to the bit, and colours of the artist's OCIO config."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest

from backlot.backend.core.shaper import shape_linear, unshape_linear
from backlot.backend.io.color.ocio import _AP0_TO_REC709, to_scene_linear
from backlot.backend.io.exr import write_exr
from backlot.backend.io.exr_layers_read import decode_layers
from backlot.backend.io.exr_layers_write import encode_layers
from backlot.backend.io.reading import decode
from backlot.backend.io.writing import encode
from backlot.shared.errors import InputError
from backlot.shared.values import EncodedFile, Image

H, W = 37, 53  # neither is a multiple of a block's 16 lines
RNG = np.random.default_rng(4)
ODD = np.array([np.nan, np.inf, -np.inf, -0.0, -3.5, 65504.0, 6e-8, 0.0], np.float16)


def as_file(data: bytes, name: str = "a.exr", space: str = "") -> EncodedFile:
    return EncodedFile(np.frombuffer(data, np.uint8), name, space)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def random_half(channels: int) -> np.ndarray:
    """Every kind of half there is, odd ones among them."""
    return np.frombuffer(RNG.bytes(H * W * channels * 2), np.float16).reshape(H, W, channels)


def data_layers() -> dict[str, Image]:
    pixels = {
        "Depth": np.full((H, W, 1), 1e10, np.float32), "IndexOB": RNG.integers(0, 2**32, (H, W, 1), np.uint32),
        "Normal": RNG.normal(size=(H, W, 3)).astype(np.float32), "Vector": RNG.normal(size=(H, W, 4)).astype(np.float16),
        "UV": RNG.random((H, W, 2)).astype(np.float32), "mask": random_half(1), "many": RNG.random((H, W, 7)).astype(np.float32),
    }  # fmt: skip
    return {name: Image(values, "data") for name, values in pixels.items()}


# -- out and in ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("half", [True, False])
def test_layers_come_back_to_the_bit(half: bool) -> None:
    color = RNG.random((H, W, 3)).astype(np.float16 if half else np.float32)
    layers = {"stylised": Image(color, "linear"), "delta": Image(-color, "linear"), **data_layers()}
    data = encode_layers(layers, half=half, attributes={"backlot": "test"})
    back = decode_layers(as_file(data))
    assert set(back) == {*layers, "Combined"}
    for name, image in layers.items():
        assert same(back[name].pixels, image.pixels), name
        assert back[name].color_space == image.color_space
    assert same(back["Combined"].pixels, color)
    assert same(decode(as_file(data)).pixels, color)  # what a viewer shows
    assert data == encode_layers(layers, half=half, attributes={"backlot": "test"})


def test_names_are_those_that_compositors_know(tmp_path: Path) -> None:
    rgba = Image(RNG.random((H, W, 4)).astype(np.float32), "linear")
    layers = {"ViewLayer.Combined": rgba, "ViewLayer.Depth": data_layers()["Depth"], "mask": data_layers()["mask"]}
    path = tmp_path / "a.exr"
    path.write_bytes(
        encode_layers(layers, attributes={"z": [1, 2, 3], "software": "Backlot", "very/long" * 5: 2.5, "n": 3, "names": ["a", "b"]})
    )
    source = oiio.ImageInput.open(str(path))
    spec = source.spec()
    source.close()
    kinds = dict(zip(spec.channelnames, map(str, spec.channelformats), strict=True))
    assert kinds == {**dict.fromkeys(["R", "G", "B", "A"], "half"), **{f"ViewLayer.Combined.{c}": "half" for c in "RGBA"},
                     "ViewLayer.Depth.Z": "float", "mask.V": "half"}  # fmt: skip
    found = {a.name: a.value for a in spec.extra_attribs}
    assert found["very/long" * 5] == 2.5
    assert found["names"] == ("a", "b")
    assert "DateTime" not in found
    assert set(decode_layers(EncodedFile.read(path))) == {"Combined", "Depth", "mask"}


@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_alpha_is_associated_on_disk_and_the_way_back_is_exact(kind: str) -> None:
    """What a renderer wrote comes out of decode and encode with the same bits, soft edges included, when it is half."""
    alpha = np.where(RNG.random((H, W, 1)) < 0.3, RNG.random((H, W, 1)), RNG.integers(0, 2, (H, W, 1))).astype(kind)
    color = (RNG.random((H, W, 3)) * 40 * (alpha > 0)).astype(kind) * alpha
    original = np.concatenate([color, alpha], axis=2)
    rendered = encode_layers({"Combined": Image(original, "linear")}, kind == "float16", associated={"Combined"})
    straight = decode_layers(as_file(rendered))["Combined"]
    soft = (alpha[..., 0] > 0) & (alpha[..., 0] < 1)
    np.testing.assert_allclose(straight.pixels[soft][:, :3], original[soft][:, :3] / original[soft][:, 3:].astype(np.float32), rtol=1e-6)
    again = decode_layers(as_file(encode_layers({"Combined": straight}, kind == "float16")), associated=True)["Combined"].pixels
    if kind == "float16":
        assert same(again, original)
    else:
        np.testing.assert_allclose(again, original, rtol=2.4e-7, atol=0)
        assert same(again[~soft], original[~soft])


def test_what_is_associated_keeps_every_bit() -> None:
    glow = random_half(4)  # light without alpha, NaN, infinity, negative numbers
    data = encode_layers({"Combined": Image(glow, "linear")}, associated={"Combined"})
    back = decode_layers(as_file(data), associated=True)["Combined"]
    assert same(back.pixels, glow)
    assert encode_layers({"Combined": back}, associated={"Combined"}) == data


@pytest.mark.parametrize(
    ("channels", "layer"), [("XYZW", "Vector"), ("XYZ", "XYZ"), ("UV", "UV"), ("Z", "Depth"), ("V", "V"), ("RGBAXYZW", "Vector")]
)
def test_a_pass_in_a_file_of_its_own_is_one_layer(tmp_path: Path, channels: str, layer: str) -> None:
    pixels = np.arange(2 * 3 * len(channels), dtype=np.float32).reshape(2, 3, -1)
    path = tmp_path / "pass.exr"
    path.write_bytes(write_exr({name: pixels[..., number] for number, name in enumerate(channels)}))
    layers = decode_layers(EncodedFile.read(path))
    assert set(layers) == {layer, *(["Combined"] if "R" in channels else [])}
    np.testing.assert_array_equal(layers[layer].pixels, pixels[..., 4:] if "R" in channels else pixels)
    assert layers[layer].color_space == "data"


def test_odd_numbers_reach_the_caller(tmp_path: Path) -> None:
    pixels = np.ones((2, ODD.size, 4), np.float16)
    pixels[..., :3] = ODD[:, None]
    pixels[1, :, 3] = 0.5
    for data in (
        encode_layers({"a": Image(pixels, "linear")}, associated={"a"}),
        encode_layers({"a": Image(pixels.astype("f4"), "linear")}, False, associated={"a"}),
    ):
        for image in (decode(as_file(data)), decode_layers(as_file(data))["a"]):
            np.testing.assert_array_equal(image.pixels[0, :, 0].astype("f4"), ODD.astype("f4"))
            values = image.pixels[1, :, 0].astype(np.float64)
            assert np.isnan(values[0])
            assert list(values[1:3]) == [np.inf, -np.inf]
            assert values[4] == -7
    written = decode(as_file(encode(Image(pixels, "linear"), "exr"))).pixels
    np.testing.assert_array_equal(written[0, :, 0], pixels[0, :, 0])
    bright = decode_layers(as_file(encode_layers({"a": Image(np.full((1, 1, 3), 1e6, np.float32), "linear")})))["a"]
    assert bright.pixels[0, 0, 0] == 65504  # finite light stays finite


def test_srgb_and_small_integers_are_converted() -> None:
    color, mask = RNG.integers(0, 256, (H, W, 4), np.uint8), RNG.integers(0, 256, (H, W, 1), np.uint8)
    back = decode_layers(as_file(encode_layers({"a": Image(color), "m": Image(mask, "data")}, half=False)))
    expected = decode(as_file(encode(Image(color), "exr")))
    opaque = color[..., 3] > 0
    np.testing.assert_allclose(back["a"].pixels[opaque], expected.pixels[opaque], rtol=2e-3, atol=1e-6)
    np.testing.assert_allclose(back["m"].pixels, mask / 255, atol=5e-4)


@pytest.mark.parametrize("layers", [
    {}, {"": (2, 2, 3)}, {"a..b": (2, 2, 3)}, {"a\n": (2, 2, 3)}, {"a": (2, 2, 5)}, {"a": (2, 2, 3), "b": (2, 3, 3)}, {"a": (0, 2, 3)},
    {"x" * 300: (2, 2, 3)},
])  # fmt: skip
def test_what_cannot_be_written_is_refused(layers: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(InputError):
        encode_layers({name: Image(np.zeros(shape, np.float32), "linear") for name, shape in layers.items()})


@pytest.mark.parametrize("attributes", [{"channels": "x"}, {"a": True}, {"a": [1, "b"]}, {"a": 2**40}, {"": "x"}])
def test_attributes_that_cannot_be_written_are_refused(attributes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        write_exr({"Y": np.zeros((2, 2), np.float32)}, attributes)  # type: ignore[arg-type]


def test_noise_that_does_not_compress(tmp_path: Path) -> None:
    noise = {"a": Image(np.frombuffer(RNG.bytes(40 * 50 * 4), np.uint32).reshape(40, 50, 1), "data")}
    assert same(decode_layers(as_file(encode_layers(noise)))["a"].pixels, noise["a"].pixels)


# -- windows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("left", "top", "cropped"), [(0, 0, False), (5, 3, True), (-2, -1, True), (40, 40, True)])
def test_cropped_and_overscanned_layers_are_put_in_their_place(tmp_path: Path, left: int, top: int, cropped: bool) -> None:
    spec = oiio.ImageSpec(8, 6, 2, "float")
    spec.channelnames = ("ViewLayer.Depth.Z", "ViewLayer.IndexOB.X")
    spec.x, spec.y, spec.full_x, spec.full_y = left, top, 0, 0
    spec.full_width, spec.full_height = (20, 15) if cropped else (8, 6)
    path = str(tmp_path / "a.exr")
    values = RNG.random((6, 8, 2)).astype(np.float32)
    out = oiio.ImageOutput.create(path)
    assert out.open(path, spec)
    assert out.write_image(values)
    out.close()
    file = EncodedFile.read(path)
    depth = decode_layers(file)["Depth"].pixels[..., 0]
    expected = np.zeros((15, 20) if cropped else (6, 8), np.float32)
    whole = np.zeros((80, 80), np.float32)
    whole[20 + top : 26 + top, 20 + left : 28 + left] = values[..., 0]
    expected[:] = whole[20 : 20 + expected.shape[0], 20 : 20 + expected.shape[1]]
    np.testing.assert_array_equal(depth, expected)


# -- curves --------------------------------------------------------------------------------------------------------------


def test_the_shaper_and_back_is_within_a_thousandth() -> None:
    light = np.exp(RNG.uniform(np.log(1e-6), np.log(6e4), (64, 64, 3))) * RNG.choice([-1, 1], (64, 64, 3))
    for kind in (np.float16, np.float32):
        original = light.astype(kind)
        original[0, 0] = np.nan, np.inf, 0
        shaped = shape_linear(original)
        error = np.abs(unshape_linear(shaped)[1:].astype(np.float64) / original[1:].astype(np.float64) - 1)
        assert np.nanmax(np.where(original[1:] == 0, 0, error)) < 1e-4


# -- OCIO ----------------------------------------------------------------------------------------------------------------


def light() -> np.ndarray:
    return (RNG.random((9, 7, 4)) * 3).astype(np.float32)


@pytest.mark.parametrize("space", ["ACEScg", "ACES2065-1", "scene_linear", "lin_ap1", "Linear P3-D65", "sRGB", "acescg", "lin_rec709"])
def test_spaces_have_their_usual_names(space: str) -> None:
    pixels = light()
    inside = to_scene_linear(pixels, space)
    assert inside.dtype == np.float32
    np.testing.assert_allclose(to_scene_linear(np.ones((1, 1, 3)), space), 1, atol=1e-4)
    np.testing.assert_array_equal(inside[..., 3], pixels[..., 3])  # straight alpha is not multiplied in


def test_known_colours() -> None:
    white = np.ones((1, 1, 3), np.float32)
    for space in ("ACEScg", "ACES2065-1", "sRGB", "Linear Rec.2020"):
        np.testing.assert_allclose(to_scene_linear(white, space), 1, atol=1e-4)
    gray = to_scene_linear(np.full((1, 1, 3), 0.5, np.float32), "sRGB")
    np.testing.assert_allclose(gray, 0.21404, atol=1e-4)
    red = to_scene_linear(np.array([[[1, 0, 0]]], np.float32), "ACEScg")  # redder than Rec.709 can show: known matrix of ACES
    np.testing.assert_allclose(red[0, 0], [1.70505, -0.13026, -0.02400], atol=1e-4)
    np.testing.assert_allclose(to_scene_linear(light()[..., :3], "ACES2065-1").shape, (9, 7, 3))


CONFIG = """ocio_profile_version: 2.1
search_path: ""
strictparsing: true
roles:
  default: raw
  scene_linear: show
  aces_interchange: ap0
displays:
  d:
    - !<View> {name: v, colorspace: raw}
active_displays: []
active_views: []
colorspaces:
  - !<ColorSpace>
    name: ap0
  - !<ColorSpace>
    name: show
    to_scene_reference: !<MatrixTransform> {matrix: [0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 1]}
  - !<ColorSpace>
    name: raw
    isdata: true
"""


def test_a_studios_own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without linear Rec.709 in it the way goes through ACES2065-1."""
    path = tmp_path / "config.ocio"
    path.write_text(CONFIG)
    pixels = light()
    expected = pixels[..., :3] * 0.5 @ _AP0_TO_REC709.T
    np.testing.assert_allclose(to_scene_linear(pixels, "show", str(path))[..., :3], expected, rtol=1e-4, atol=1e-5)
    monkeypatch.setenv("OCIO", str(path))
    np.testing.assert_allclose(to_scene_linear(pixels, "show")[..., :3], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(to_scene_linear(pixels, "ACES2065-1", "ocio://default")[..., :3] * 0.5, expected, rtol=1e-4, atol=1e-5)


def test_wrong_names_and_configs_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="ACEScg"):
        to_scene_linear(light(), "ACEScgg")
    with pytest.raises(InputError, match="among others"):
        to_scene_linear(light(), "")
    with pytest.raises(InputError, match="3 or 4 channels"):
        to_scene_linear(light()[..., :2], "ACEScg")
    monkeypatch.setenv("OCIO", str(tmp_path / "none.ocio"))
    with pytest.raises(InputError, match="variable OCIO"):
        to_scene_linear(light(), "ACEScg")
    (tmp_path / "bad.ocio").write_text("this is no config")
    with pytest.raises(InputError, match=r"bad\.ocio"):
        to_scene_linear(light(), "show", str(tmp_path / "bad.ocio"))
    (tmp_path / "poor.ocio").write_text(CONFIG.replace("  aces_interchange: ap0\n", ""))
    with pytest.raises(InputError, match="aces_interchange"):
        to_scene_linear(light(), "show", str(tmp_path / "poor.ocio"))


def test_files_are_read_in_the_space_that_they_or_the_artist_name(tmp_path: Path) -> None:
    pixels = light()[..., :3]
    spec = oiio.ImageSpec(7, 9, 3, "float")
    spec.attribute("oiio:ColorSpace", "lin_ap1_scene")  # as Blender 5 writes it when it works in ACEScg
    path = str(tmp_path / "a.exr")
    out = oiio.ImageOutput.create(path)
    assert out.open(path, spec)
    assert out.write_image(pixels)
    out.close()
    inside = to_scene_linear(pixels, "ACEScg")
    for image in (decode(EncodedFile.read(path)), decode_layers(EncodedFile.read(path))["Combined"]):
        np.testing.assert_allclose(image.pixels, inside, atol=1e-6)
        assert image.color_space == "linear"
    np.testing.assert_array_equal(decode(EncodedFile.read(path, "linear")).pixels, pixels)  # who says so gets it as it is
    plain = as_file(encode(Image(pixels, "linear"), "exr"), "b.exr", "Linear P3-D65")
    np.testing.assert_allclose(decode(plain).pixels, to_scene_linear(pixels, "Linear P3-D65"), atol=1e-6)
    with pytest.raises(InputError, match="nowhere"):
        decode(as_file(encode(Image(pixels, "linear"), "exr"), "b.exr", "nowhere"))

"""Image files in and out: depth, colour space, alpha, layers, and what bad files get."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813 -- the name its own documentation uses
import pytest

from backlot.backend.core.color import from_float, to_float, to_linear, to_srgb
from backlot.backend.core.shaper import shape_linear, unshape_linear
from backlot.backend.io.checks import check_mask, check_pixels
from backlot.backend.io.exr_layers_read import decode_layers
from backlot.backend.io.image_file import MAX_PIXELS
from backlot.backend.io.reading import decode
from backlot.backend.io.writing import encode
from backlot.shared.errors import InputError
from backlot.shared.notes import collect_notes
from backlot.shared.values import EncodedFile, Image


def as_file(data: bytes, name: str, color_space: str = "") -> EncodedFile:
    return EncodedFile(np.frombuffer(data, np.uint8), name, color_space)


def random_pixels(kind: str, channels: int, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).random((9, 13, channels))
    if channels == 4:
        values[..., 3] = 0.2 + 0.8 * values[..., 3]
    return from_float(values, kind)


def write_with_oiio(path: Path, pixels: np.ndarray, kind: str, **attributes: object) -> EncodedFile:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    names = attributes.pop("channelnames", None)
    if names:
        spec.channelnames = names
    for name, value in attributes.items():
        spec.attribute(name.replace("__", ":"), value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(pixels)
    out.close()
    return EncodedFile.read(path)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_integer_files_come_back_bit_for_bit(suffix: str, kind: str, channels: int) -> None:
    pixels = random_pixels(kind, channels)
    got = decode(as_file(encode(Image(pixels), suffix), f"a.{suffix}"))
    assert got.pixels.dtype == pixels.dtype
    assert got.color_space == "srgb"
    np.testing.assert_array_equal(got.pixels, pixels)


@pytest.mark.parametrize(("kind", "atol"), [("float16", 1e-3), ("float32", 1e-6)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_exr_keeps_linear_light_beyond_one_and_straight_alpha(kind: str, atol: float, channels: int) -> None:
    pixels = random_pixels(kind, channels)
    pixels[..., 0] *= 50
    got = decode(as_file(encode(Image(pixels, "linear"), "exr"), "a.exr"))
    assert (got.pixels.dtype, got.color_space) == (pixels.dtype, "linear")
    np.testing.assert_allclose(
        got.pixels.astype(np.float32), pixels.astype(np.float32), rtol=2e-3 if kind == "float16" else 1e-5, atol=atol
    )


def test_formats_convert_between_srgb_and_linear() -> None:
    srgb = random_pixels("uint8", 3)
    linear = decode(as_file(encode(Image(srgb), "exr"), "a.exr"))
    assert linear.color_space == "linear"
    np.testing.assert_allclose(to_srgb(linear.pixels), to_float(srgb), atol=1e-3)
    back = decode(as_file(encode(linear, "png"), "a.png"))
    assert back.pixels.dtype == np.uint16
    np.testing.assert_allclose(to_float(back.pixels), to_float(srgb), atol=1e-3)


def test_jpeg_is_close_and_drops_alpha() -> None:
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    pixels = np.stack([np.tile(ramp, (64, 1))] * 3 + [np.full((64, 64), 255, np.uint8)], 2)
    got = decode(as_file(encode(Image(pixels), "jpg"), "a.jpg"))
    assert got.pixels.shape == (64, 64, 3)
    assert np.abs(got.pixels.astype(int) - pixels[..., :3]).max() <= 6


def test_curves_are_inverse_and_known_at_middle_gray() -> None:
    x = np.linspace(-0.5, 4, 1001, dtype=np.float32)
    np.testing.assert_allclose(to_linear(to_srgb(x)), x, atol=1e-5)
    assert to_linear(np.float32(0.5)) == pytest.approx(0.21404, abs=1e-4)
    y = np.concatenate([np.linspace(-2, 2, 400), [1e3, 6e4]]).astype(np.float32)
    np.testing.assert_allclose(unshape_linear(shape_linear(y)), y, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("suffix", ["bmp", "tga", "webp"])
def test_other_formats_are_read(tmp_path: Path, suffix: str) -> None:
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = (200, 100, 50)
    got = decode(write_with_oiio(tmp_path / f"a.{suffix}", pixels, "uint8"))
    assert got.pixels.shape == (16, 16, 3)
    assert np.abs(got.pixels[2, 8].astype(int) - (200, 100, 50)).max() <= 12


def test_gray_with_alpha_becomes_rgba_and_alpha_stays_straight(tmp_path: Path) -> None:
    pixels = np.zeros((4, 5, 2), np.uint8)
    pixels[..., 0], pixels[..., 1] = 201, 7
    got = decode(write_with_oiio(tmp_path / "a.png", pixels, "uint8", oiio__UnassociatedAlpha=1))
    assert got.pixels[1, 1].tolist() == [201, 201, 201, 7]


def test_orientation_is_applied(tmp_path: Path) -> None:
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16] = 250
    got = decode(write_with_oiio(tmp_path / "a.jpg", pixels, "uint8", Orientation=6))  # turn by 90 degrees clockwise
    assert got.pixels.shape == (32, 16, 3)
    assert got.pixels[4, 8, 0] > 200
    assert got.pixels[28, 8, 0] < 50


def test_exr_data_window_is_put_into_the_display_window(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(4, 3, 3, "float")
    spec.x, spec.y, spec.full_width, spec.full_height = 2, 1, 10, 8
    out = oiio.ImageOutput.create(str(tmp_path / "a.exr"))
    assert out.open(str(tmp_path / "a.exr"), spec)
    out.write_image(np.ones((3, 4, 3), np.float32))
    out.close()
    got = decode(EncodedFile.read(tmp_path / "a.exr")).pixels
    assert got.shape == (8, 10, 3)
    assert got[1:4, 2:6].min() == 1
    assert got.sum() == 36


def test_color_space_can_be_overridden() -> None:
    data = encode(Image(random_pixels("uint8", 1)), "png")
    assert decode(as_file(data, "a.png", "data")).color_space == "data"


def layered(tmp_path: Path) -> tuple[EncodedFile, dict[str, np.ndarray]]:
    """As Blender 4 writes it: one part, half colour and float depth."""
    rng = np.random.default_rng(3)
    names = ["ViewLayer.Combined." + c for c in "RGBA"] + ["ViewLayer.Depth.Z"] + ["ViewLayer.Normal." + c for c in "XYZ"]
    names += ["ViewLayer.Vector." + c for c in "XYZW"] + ["ViewLayer.IndexOB.X", "Other.Depth.Z"]
    values = rng.random((6, 7, len(names))).astype(np.float32)
    values[..., 3] = 1
    values[..., 4] = 1e10
    spec = oiio.ImageSpec(7, 6, len(names), "float")
    spec.channelnames = names
    spec.channelformats = tuple(oiio.TypeDesc("half" if i < 4 else "float") for i in range(len(names)))
    path = tmp_path / "layers.exr"
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(values)
    out.close()
    return EncodedFile.read(path), {n: values[..., i] for i, n in enumerate(names)}


def test_multilayer_exr_in_one_part(tmp_path: Path) -> None:
    file, values = layered(tmp_path)
    layers = decode_layers(file)
    assert set(layers) == {"Combined", "Depth", "Normal", "Vector", "IndexOB", "Other.Depth"}
    assert layers["Combined"].pixels.dtype == np.float16
    assert layers["Combined"].color_space == "linear"
    assert layers["Depth"].pixels.dtype == np.float32
    assert layers["Depth"].color_space == "data"
    np.testing.assert_array_equal(layers["Depth"].pixels[..., 0], values["ViewLayer.Depth.Z"])
    np.testing.assert_array_equal(layers["Normal"].pixels[..., 1], values["ViewLayer.Normal.Y"])
    np.testing.assert_array_equal(layers["Vector"].pixels[..., 3], values["ViewLayer.Vector.W"])
    np.testing.assert_allclose(layers["Combined"].pixels[..., 2], values["ViewLayer.Combined.B"], atol=1e-3)
    assert decode(file).pixels.shape == (6, 7, 4)


@pytest.mark.parametrize("bare", [True, False])
def test_multilayer_exr_in_several_parts(tmp_path: Path, bare: bool) -> None:
    parts = {"ViewLayer.Combined": "RGBA", "ViewLayer.Depth": "Z", "ViewLayer.Vector": "XYZW"}
    specs, values = [], []
    for number, (name, channels) in enumerate(parts.items()):
        spec = oiio.ImageSpec(7, 6, len(channels), "float")
        spec.channelnames = list(channels) if bare else [f"{name}.{c}" for c in channels]
        spec.attribute("oiio:subimagename", name)
        specs.append(spec)
        values.append(np.full((6, 7, len(channels)), 1.0 + number, np.float32))
    path = str(tmp_path / "parts.exr")
    out = oiio.ImageOutput.create(path)
    assert out.open(path, tuple(specs)), out.geterror()
    for number, value in enumerate(values):
        if number:
            assert out.open(path, specs[number], "AppendSubimage")
        assert out.write_image(value)
    out.close()
    layers = decode_layers(EncodedFile.read(path))
    assert {n: (i.pixels.shape[2], float(i.pixels[0, 0, 0])) for n, i in layers.items()} == {
        "Combined": (4, 1),
        "Depth": (1, 2),
        "Vector": (4, 3),
    }
    assert decode(EncodedFile.read(path)).pixels.shape == (6, 7, 4)


def test_plain_files_have_one_layer_and_bare_depth_is_found(tmp_path: Path) -> None:
    assert set(decode_layers(as_file(encode(Image(random_pixels("uint8", 3)), "png"), "a.png"))) == {"Combined"}
    pixels = np.random.default_rng(0).random((4, 4, 4)).astype(np.float32)
    layers = decode_layers(write_with_oiio(tmp_path / "a.exr", pixels, "float", channelnames=["R", "G", "B", "Z"]))
    assert set(layers) == {"Combined", "Depth"}


def test_ids_survive_exr() -> None:
    ids = np.array([[[0], [7]], [[2**31], [2**32 - 1]]], np.uint32)
    data = encode(Image(ids, "data"), "exr")
    got = decode(as_file(data, "ids.exr"))
    assert got.color_space == "data"
    np.testing.assert_array_equal(got.pixels, ids)
    np.testing.assert_array_equal(next(iter(decode_layers(as_file(data, "ids.exr")).values())).pixels, ids)


@pytest.mark.parametrize(
    ("data", "name"), [(b"", "a.png"), (b"not a picture", "a.png"), (b"\x89PNG\r\n\x1a\n", "a.png"), (b"x" * 500, "a.exr"), (b"y", "a")]
)
def test_unreadable_files_are_refused(data: bytes, name: str) -> None:
    with pytest.raises(InputError, match="image file"):
        decode(as_file(data, name))


@pytest.mark.parametrize("suffix", ["png", "exr", "tif", "jpg"])
def test_truncated_files_are_refused(suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encode(Image(pixels), suffix)
    with pytest.raises(InputError):
        decode(as_file(data[: len(data) // 2], f"a.{suffix}"))


def test_decompression_bombs_are_refused_by_their_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    assert MAX_PIXELS < 60000 * 60000
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    with pytest.raises(InputError):
        decode(as_file(data, "bomb.png"))


def test_animations_are_refused(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(8, 8, 3, "uint8")
    path = str(tmp_path / "a.gif")
    out = oiio.ImageOutput.create(path)
    assert out.open(path, (spec, spec)), out.geterror()
    out.write_image(np.zeros((8, 8, 3), np.uint8))
    assert out.open(path, spec, "AppendSubimage")
    out.write_image(np.full((8, 8, 3), 255, np.uint8))
    out.close()
    with pytest.raises(InputError, match="still"):
        decode(EncodedFile.read(path))


def test_checks_say_what_is_wrong() -> None:
    nan = np.ones((4, 4, 3), np.float32)
    nan[1, 2, 0] = np.nan
    for image, words in (
        (Image(nan, "linear"), "1 of 16 pixels"),
        (Image(np.zeros((1, 1, 3), np.uint8)), "1 x 1"),
        (Image(np.zeros((40, 40, 2), np.uint8)), "channels"),
    ):
        with pytest.raises(InputError, match=words):
            check_pixels(image, "style", minimum=4)
    with pytest.raises(InputError, match="the mask to have the shape of the content, 5 x 10 pixels, got 4 x 4"):
        check_mask(Image(np.zeros((4, 4, 1), np.uint8)), (10, 5))
    half = np.zeros((4, 4, 1), np.uint8)
    half[:, 2:] = 255
    with collect_notes() as notes:
        assert check_mask(Image(half), (2, 2)).tolist() == [[0, 1], [0, 1]]
        assert check_mask(Image(half[:, ::-1].copy()), (8, 8))[:, [0, 7]].tolist() == [[1, 0]] * 8
    assert notes.sentences()[0] == "the mask of 4 x 4 pixels was brought to the 2 x 2 of the content"


@pytest.mark.parametrize(("suffix", "channels"), [("gif", 3), ("png", 2), ("jpg", 5), ("", 3)])
def test_what_cannot_be_written_is_refused(suffix: str, channels: int) -> None:
    with pytest.raises(InputError):
        encode(Image(np.zeros((4, 4, channels), np.uint8)), suffix)

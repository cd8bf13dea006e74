"""Files as the world makes them: wrong names, odd kinds, several layers, cut off and damaged; every refusal is one sentence."""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import TO_REC709, as_file, chromaticities, codes, exif, exr, iccp, light, png, profile, rgb, srgb, with_pillow
from PIL import Image as Pillow

from backlot.backend.core.color import to_float
from backlot.backend.io.exr_layers_read import decode_layers
from backlot.backend.io.frames.channels import FrameFiles
from backlot.backend.io.movie import encode_movie
from backlot.backend.io.reading import decode
from backlot.backend.io.temporary import words_of
from backlot.backend.io.writing import encode
from backlot.shared.errors import InputError, StorageError
from backlot.shared.inputs import read_input
from backlot.shared.notes import collect_notes
from backlot.shared.operations import Input
from backlot.shared.values import Camera, EncodedFile, Image, SceneFrame

LIGHT = light(0, (6, 8))
SMOOTH = np.asarray(Pillow.fromarray(codes(srgb(LIGHT), 8)).resize((48, 32), Pillow.Resampling.BICUBIC))


def with_oiio(name: str, kind: str, **attributes: object) -> EncodedFile:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        spec = oiio.ImageSpec(48, 32, 3, kind)
        for key, value in attributes.items():
            spec.attribute(key.replace("__", ":"), value)
        out = oiio.ImageOutput.create(str(path))
        assert out.open(str(path), spec), out.geterror()
        assert out.write_image(SMOOTH.astype(np.float32) / 255)
        out.close()
        return EncodedFile.read(path)


def interlaced() -> EncodedFile:
    """Adam7, which Pillow reads but does not write: seven passes without filters."""
    import zlib

    raw = b""
    for left, top, across, down in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        for row in SMOOTH[top::down, left::across]:
            raw += b"\0" + row.tobytes()
    plain = png(SMOOTH).data.tobytes()
    at = plain.index(b"IDAT") - 4

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", plain[16:28] + b"\1")
    assert at == 8 + 25
    return as_file(plain[:8] + header + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""), "i.png")


def twelve_bits() -> EncodedFile:
    """A TIFF of 12 bits a sample, packed."""
    values = codes(SMOOTH / 255).astype(np.uint32) >> 4
    bits = (values.reshape(32, -1)[..., None] >> np.arange(11, -1, -1) & 1).astype(np.uint8)
    out = io.BytesIO()
    rows = np.packbits(bits.reshape(32, -1), axis=1)
    head = 8 + rows.size
    tags = [(256, 3, 1, 48), (257, 3, 1, 32), (258, 3, 3, head + 2 + 12 * 10 + 4), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 8)]
    tags += [(277, 3, 1, 3), (278, 3, 1, 32), (279, 4, 1, rows.size), (284, 3, 1, 1)]
    out.write(struct.pack("<2sHI", b"II", 42, head) + rows.tobytes() + struct.pack("<H", len(tags)))
    for tag, kind, count, value in tags:
        out.write(struct.pack("<HHII", tag, kind, count, value))
    out.write(struct.pack("<I3H", 0, 12, 12, 12))
    return as_file(out.getvalue(), "t.tif")


def tiled() -> EncodedFile:
    out = io.BytesIO()
    tifffile.imwrite(out, SMOOTH, photometric="rgb", tile=(16, 16))
    return as_file(out.getvalue(), "tiles.tif")


Make = Callable[[], EncodedFile]
EXACT: dict[str, Make] = {
    "png": lambda: png(SMOOTH),
    "png without suffix": lambda: png(SMOOTH, name="picture"),
    "png named jpg": lambda: png(SMOOTH, name="a.jpg"),
    "png named exr": lambda: png(SMOOTH, name="a.exr"),
    "interlaced": interlaced,
    "tiled": tiled,
    "12 bits": twelve_bits,
    "bmp named png": lambda: with_pillow(SMOOTH, "BMP", "a.PNG"),
    "tga": lambda: with_pillow(SMOOTH, "TGA", "a.tga"),
    "tga rle": lambda: with_pillow(SMOOTH, "TGA", "a.tga", rle=True),
    "lzw": lambda: with_pillow(SMOOTH, "TIFF", "a.TIF", compression="tiff_lzw"),
    "webp": lambda: with_pillow(SMOOTH, "WEBP", "a.webp", lossless=True),
    "ppm": lambda: with_pillow(SMOOTH, "PPM", "a.ppm"),
    "jp2": lambda: with_pillow(SMOOTH, "JPEG2000", "a.jp2", irreversible=False),
    "sgi": lambda: with_oiio("a.sgi", "uint8"),
    "16 bits": lambda: png(SMOOTH.astype(np.uint16) * 257),
}
NEAR: dict[str, Make] = {
    "jpeg": lambda: with_pillow(SMOOTH, "JPEG", "a.jpg", quality=98),
    "progressive": lambda: with_pillow(SMOOTH, "JPEG", "a", progressive=True, quality=98),
    "mpo": lambda: with_pillow(SMOOTH, "MPO", "a.jpg", quality=98, save_all=True, append_images=[Pillow.fromarray(SMOOTH[::-1])]),
    "cmyk": lambda: cmyk("TIFF"),
    "hdr": lambda: with_oiio("a.hdr", "float"),
    "dpx": lambda: with_oiio("a.dpx", "uint16", oiio__BitsPerSample=10),
    "palette": lambda: palette(),
    "cmyk jpeg": lambda: cmyk("JPEG"),
}


def cmyk(form: str) -> EncodedFile:
    out = io.BytesIO()
    Pillow.fromarray(SMOOTH).convert("CMYK").save(out, form)
    return as_file(out.getvalue(), "inks")


def palette() -> EncodedFile:
    out = io.BytesIO()
    Pillow.fromarray(SMOOTH).quantize(200).save(out, "PNG", transparency=250)
    return as_file(out.getvalue(), "p.png")


@pytest.mark.parametrize("name", list(EXACT))
def test_pictures_are_known_by_their_content(name: str) -> None:
    image = decode(EXACT[name]())
    assert image.color_space == "srgb"
    np.testing.assert_allclose(to_float(image.pixels), SMOOTH / 255, atol=1e-6 if "12" not in name else 3e-4)


@pytest.mark.parametrize("name", list(NEAR))
def test_lossy_kinds_are_near(name: str) -> None:
    image = decode(NEAR[name]())
    values = to_float(image.pixels)[..., :3]
    if image.color_space == "linear":  # Radiance: the writer was given these numbers as light
        assert name == "hdr"
    assert np.abs(values - SMOOTH / 255).mean() < 0.03


def test_cmyk_says_that_its_inks_were_guessed() -> None:
    for form in ("TIFF", "JPEG"):
        with collect_notes() as notes:
            decode(cmyk(form))
        assert "CMYK inks were converted" in notes.sentences()[0]


@pytest.mark.parametrize("kind", ["1", "L", "LA", "I;16"])
def test_gray_kinds(kind: str) -> None:
    gray = SMOOTH[..., :1]
    if kind == "1":
        out = io.BytesIO()
        Pillow.fromarray(np.where(gray[..., 0] > 127, 255, 0).astype(np.uint8)).convert("1").save(out, "PNG")
        file, truth = as_file(out.getvalue(), "a.png"), np.where(gray > 127, 1.0, 0.0)
    elif kind == "LA":
        file, truth = png(np.concatenate([gray, gray], 2)), gray / 255
    else:
        file, truth = png(gray if kind == "L" else gray.astype(np.uint16) * 257), gray / 255
    image = decode(file)
    np.testing.assert_allclose(to_float(image.pixels[..., :1]), truth, atol=1e-6)
    assert image.pixels.shape[2] == (4 if kind == "LA" else 1)


def test_jpeg_without_its_end_marker(tmp_path: Path) -> None:
    """Whole but for the marker: read and noted. Cut anywhere before: refused. A thumbnail inside has an end of its own."""
    for options in (
        {},
        {"progressive": True},
        {"exif": b"Exif\0\0" + exif(1) + with_pillow(SMOOTH, "JPEG", "t").data.tobytes()},
    ):
        file = with_pillow(SMOOTH, "JPEG", "phone.jpg", quality=90, **options)
        data = file.data.tobytes()
        assert data[-2:] == b"\xff\xd9"
        with collect_notes() as notes:
            np.testing.assert_array_equal(decode(as_file(data[:-2], "phone.jpg")).pixels, decode(file).pixels)
        assert notes.sentences() == ["phone.jpg: the JPEG lacks its end marker; all its pixels are there"]
        for share in (0.5, 0.6307506053268765, 0.8, 0.923728813559322, 0.97):
            with pytest.raises(InputError, match="image file, got"):
                decode(as_file(data[: int(len(data) * share)], "phone.jpg"))
        with collect_notes() as notes:
            decode(as_file(data + b"\0" * 5000 + b"a video of a phone", "phone.jpg"))
        assert notes.sentences() == []


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.exr", "a.webp", "a.tga", "a.bmp", "a.hdr", "a.dpx", "a.ppm", "a.pfm"])
def test_what_is_cut_off_is_refused(name: str) -> None:
    forms = {"jpg": "JPEG", "tif": "TIFF"}
    suffix = name[2:]
    whole = with_oiio(name, "half" if suffix == "exr" else "float" if suffix in ("hdr", "pfm") else "uint8") if suffix in (
        "exr", "hdr", "dpx", "pfm") else with_pillow(SMOOTH, forms.get(suffix, suffix.upper()), name)  # fmt: skip
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(InputError) as caught:
            decode(as_file(whole.data.tobytes()[: int(whole.data.size * share)], name))
        assert name in str(caught.value)
        assert "backlot-" not in str(caught.value)
        assert tempfile.gettempdir() not in str(caught.value)


PROFILE = profile(((0.5, 0.2, 0), (0.3, 0.7, 0), (0.15, 0.06, 0.8)), "srgb")
BROKEN = [
    *(EXACT[name]() for name in ("png", "tga rle", "lzw", "webp", "bmp named png", "ppm", "tiled", "jp2")),
    *(NEAR[name]() for name in ("jpeg", "progressive", "hdr", "dpx")),
    with_oiio("a.exr", "half"),
    with_oiio("b.exr", "float", compression="piz"),
    with_oiio("c.exr", "half", compression="dwaa:45"),
    exr(rgb(LIGHT), name="d.exr"),
    png(SMOOTH, [iccp(PROFILE)], "icc.png"),
    exr({f"A.Combined.{c}": p for c, p in rgb(LIGHT).items()}, name="layers.exr"),
]
FLIPS = st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(which=st.integers(0, len(BROKEN) - 1), cut=st.none() | st.floats(0, 1), flips=FLIPS, head=st.booleans())
def test_damage_gives_a_picture_or_one_sentence(which: int, cut: float | None, flips: list[tuple[float, int]], head: bool) -> None:
    data = BROKEN[which].data.copy()
    for at, value in flips:
        data[int(at * min(data.size, 700 if head else data.size))] = value
    file = EncodedFile(data if cut is None else data[: max(1, int(cut * data.size))], BROKEN[which].name)
    for call in (decode, decode_layers):
        said = ""
        try:
            assert call(file)
        except InputError as error:
            said = str(error)
        assert not any(text in said for text in ("backlot-", tempfile.gettempdir(), "\n"))


def test_words_of_errors_have_no_temporary_path() -> None:
    folder = tempfile.gettempdir()
    for text, words in (
        (f'JPEG error: Premature end of JPEG file ("{folder}/backlot-a_1b2.jpg")', "JPEG error: Premature end of JPEG file"),
        (f"[Errno 28] No space left on device: '{folder}/backlot-x1.mp4'", "[Errno 28] No space left on device: the file"),
        (f"{folder}/backlot-abc.tif: not a TIFF\nmore", "not a TIFF"),
        ("", "data that no reader knows"),
    ):
        assert words_of(text) == words


def test_order_of_scan_lines_is_no_orientation() -> None:
    """Radiance and PFM may be stored from below, BMP and TGA either way: for pictures with a camera too."""
    small, size = SMOOTH[:6, :6], (6, 6)
    for order in (b"-Y 6 +X 6", b"+Y 6 +X 6"):
        rows = np.dstack([small if order[:1] == b"-" else small[::-1], np.full((6, 6, 1), 128)]).astype(np.uint8)
        file = as_file(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n" + order + b"\n" + rows.tobytes(), "a.hdr")
        for camera in (None, size):
            np.testing.assert_allclose(decode(file, camera=camera).pixels, small / 256, atol=1e-6)
    values = (SMOOTH / 255).astype("<f4")
    for kind, pixels in ((b"PF", values), (b"Pf", values[..., :1])):
        for scale, order in ((b"-1.0", "<f4"), (b"1.0", ">f4")):
            data = kind + b"\n48 32\n" + scale + b"\n" + np.ascontiguousarray(pixels[::-1].astype(order)).tobytes()
            np.testing.assert_array_equal(decode(as_file(data, "a.pfm"), camera=(48, 32)).pixels, pixels)


@pytest.mark.parametrize("form", ["bmp", "tga"])
def test_an_unused_fourth_byte_is_no_alpha(form: str) -> None:
    rows = np.dstack([SMOOTH[::-1, :, ::-1], np.zeros((32, 48, 1), np.uint8)])
    head = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + rows.size, 0, 0, 54, 40, 48, 32, 1, 32, 0, rows.size, 2835, 2835, 0, 0)
    head = head if form == "bmp" else struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 48, 32, 32, 0)
    with collect_notes() as notes:
        np.testing.assert_array_equal(decode(as_file(head + rows.tobytes(), f"a.{form}")).pixels, SMOOTH)
    assert "alpha is 0 everywhere" in notes.sentences()[0]


@pytest.mark.parametrize(
    "kind", ["miniswhite", "int16", "float16", "float64", "planar", "uint32", "gray and alpha", "predictor", "big-endian"]
)
def test_kinds_of_tiff(kind: str) -> None:
    gray, out = SMOOTH[..., 0], io.BytesIO()
    options: dict[str, object] = {"photometric": "rgb"}
    pixels, truth = SMOOTH, SMOOTH / 255
    if kind == "miniswhite":
        pixels, truth, options = 255 - gray, truth[..., :1], {"photometric": "miniswhite"}
    elif kind == "int16":
        pixels, truth, options = gray.astype(np.int16) * 128, truth[..., :1], {}
    elif kind in ("float16", "float64"):
        pixels = (SMOOTH / 255).astype(kind)
    elif kind == "planar":
        pixels, options = np.moveaxis(SMOOTH, 2, 0), {**options, "planarconfig": "separate"}
    elif kind == "uint32":
        pixels = SMOOTH.astype(np.uint32) * 0x01010101
    elif kind == "gray and alpha":
        pixels, truth = np.dstack([gray, SMOOTH[..., 1]]), np.dstack([truth[..., :1]] * 3 + [truth[..., 1]])
        options = {"photometric": "minisblack", "extrasamples": ["unassalpha"], "planarconfig": "contig"}
    elif kind == "predictor":
        pixels, options = SMOOTH.astype(np.uint16) * 257, {**options, "compression": "zlib", "predictor": True}
    else:
        pixels, options = SMOOTH.astype(">u2") * 257, {**options, "byteorder": ">"}
    tifffile.imwrite(out, pixels, **options)
    image = decode(as_file(out.getvalue(), "a.tif"))
    assert image.color_space == ("linear" if kind.startswith("float") else "srgb")
    np.testing.assert_allclose(to_float(image.pixels), truth, atol=5e-3 if kind == "int16" else 5e-4)


def test_gray_with_alpha_in_openexr() -> None:
    gray, alpha = LIGHT[..., 0].astype(np.float32), np.full((6, 8), 0.5, np.float32)
    truth = np.dstack([gray * 2] * 3 + [alpha])
    np.testing.assert_allclose(decode(exr({"Y": gray, "A": alpha})).pixels, truth, rtol=1e-6)
    np.testing.assert_allclose(decode_layers(exr({"Y": gray, "A": alpha}))["Combined"].pixels, truth, rtol=1e-6)


def test_pixels_that_are_no_squares_are_noted() -> None:
    data = exr(rgb(LIGHT)).data.tobytes()
    at = data.index(b"pixelAspectRatio\0float\0") + len(b"pixelAspectRatio\0float\0") + 4
    with collect_notes() as notes:
        decode(as_file(data[:at] + struct.pack("<f", 2.0) + data[at + 4 :], "wide.exr"))
    assert "2 times as wide as high" in notes.sentences()[0]


def test_a_temporary_folder_without_room_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = png(SMOOTH)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    for call in (lambda: decode(file), lambda: encode(Image(SMOOTH), "png"), lambda: encode_movie([SMOOTH], 24)):
        with pytest.raises(StorageError, match=r"^The temporary folder cannot be written: No such file or directory\. .*TMPDIR") as caught:
            call()
        assert str(tmp_path) not in str(caught.value)


# OpenEXR


def test_luminance_and_chroma_are_refused() -> None:
    small = LIGHT[..., 0].astype(np.float16)
    for sampling in ({"RY": 2, "BY": 2}, {}):
        step = 2 if sampling else 1
        channels = {"Y": small, "RY": np.ascontiguousarray(small[::step, ::step]), "BY": np.ascontiguousarray(small[::step, ::step])}
        for call in (decode, decode_layers):
            with pytest.raises(InputError, match="luminance and chroma"):
                call(exr(channels, sampling=sampling, name="yc.exr"))


def test_deep_pixels_are_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "deep.exr")
    spec = oiio.ImageSpec(4, 3, 4, "float")
    spec.channelnames = ("R", "G", "B", "Z")
    spec.deep = True
    deep = oiio.DeepData()
    deep.init(12, 4, ("float",) * 4, ("R", "G", "B", "Z"))
    for pixel in range(12):
        deep.set_samples(pixel, 2)
    out = oiio.ImageOutput.create(path)
    assert out.open(path, spec)
    assert out.write_deep_image(deep)
    out.close()
    for call in (decode, decode_layers):
        with pytest.raises(InputError, match="flat picture, got deep pixels"):
            call(EncodedFile.read(path))


def test_whole_numbers_are_ids_and_mixed_kinds_keep_theirs() -> None:
    ids = (LIGHT[..., 0] * 1e6).astype(np.uint32)
    image = decode(exr(dict.fromkeys("RGB", ids)))
    assert image.color_space == "data"
    np.testing.assert_array_equal(image.pixels[..., 0], ids)
    layers = decode_layers(exr({**rgb(LIGHT, "float16"), "IndexOB.V": ids, "Depth.Z": (LIGHT[..., 0] * 1e5).astype(np.float32)}))
    assert [layers[n].pixels.dtype.name for n in ("Combined", "IndexOB", "Depth")] == ["float16", "uint32", "float32"]
    np.testing.assert_array_equal(layers["IndexOB"].pixels[..., 0], ids)


@pytest.mark.parametrize("window", [(0, 0, 7, 5), (-2, -1, 5, 4), (3, 2, 10, 7), (-4, -4, 3, 1)])
def test_windows(window: tuple[int, int, int, int]) -> None:
    """The data window may be beyond the display window: what is inside of both is there, the rest is 0."""
    file = exr(rgb(LIGHT), windows=(window, (0, 0, 7, 5)))
    truth = np.zeros_like(LIGHT)
    for y in range(6):
        for x in range(8):
            if 0 <= y + window[1] < 6 and 0 <= x + window[0] < 8:
                truth[y + window[1], x + window[0]] = LIGHT[y, x]
    np.testing.assert_allclose(decode(file).pixels, truth, rtol=1e-6)
    np.testing.assert_allclose(decode_layers(file)["Combined"].pixels, truth, rtol=1e-6)


def view_layers(**named: float) -> EncodedFile:
    """Every view layer has a colour of one brightness, and depth."""
    channels = {}
    for name, value in named.items():
        channels |= rgb(np.full((6, 8, 3), value), prefix=f"{name}.Combined.")
        if name != "Composite":
            channels[f"{name}.Depth.Z"] = np.full((6, 8), 10 * value, np.float32)
    return exr(channels, name="shot.exr")


def test_two_view_layers_are_a_question() -> None:
    file = view_layers(Foreground=0.25, Background=0.5)
    for call in (decode, decode_layers):
        with pytest.raises(InputError, match=r"one layer of shot.exr, got several: Background, Foreground. Say which: --layer NAME"):
            call(file)
    frame = SceneFrame(Camera(8, 6, 9, 9, 4, 3, np.eye(4)), {"color": file, "depth": file})
    with pytest.raises(InputError, match="several: Background, Foreground"):
        FrameFiles(frame, "frame 0").pick("color")
    for name, value in (("Foreground", 0.25), ("background", 0.5)):
        chosen = file.changed(layer=name)
        assert decode(chosen).pixels[0, 0, 0] == value
        layers = decode_layers(chosen)
        assert layers["Combined"].pixels[0, 0, 0] == value
        assert layers["Depth"].pixels[0, 0, 0] == 10 * value
        frame = SceneFrame(Camera(8, 6, 9, 9, 4, 3, np.eye(4)), {"color": chosen, "depth": chosen})
        assert FrameFiles(frame, "frame 0").pick("depth").pixels[0, 0, 0] == 10 * value  # type: ignore[union-attr]
    with pytest.raises(InputError, match=r"a view layer 'Sky' in shot.exr, got .*Foreground"):
        decode_layers(file.changed(layer="Sky"))


def test_view_layers_that_need_no_question() -> None:
    assert decode_layers(view_layers(Only=0.25))["Combined"].pixels[0, 0, 0] == 0.25
    with collect_notes() as notes:
        assert decode_layers(view_layers(ViewLayer=0.25, Extra=0.5))["Combined"].pixels[0, 0, 0] == 0.25
    assert "of its view layers ViewLayer is used" in notes.sentences()[0]
    composite = view_layers(Composite=0.125, Only=0.5)
    assert decode(composite).pixels[0, 0, 0] == 0.125
    assert decode_layers(composite)["Depth"].pixels[0, 0, 0] == 5
    plain = exr(rgb(LIGHT), name="style.exr").changed(layer="Foreground")  # the flag is for all files; this one has no layers
    np.testing.assert_allclose(decode(plain).pixels, LIGHT, rtol=1e-6)


def test_renderers_names_of_the_colour_picture() -> None:
    beauty = exr({**rgb(LIGHT, prefix="beauty."), **rgb(LIGHT * 0.5, prefix="albedo.")})
    np.testing.assert_allclose(decode(beauty).pixels, LIGHT, rtol=1e-6)
    several = exr({**rgb(LIGHT, prefix="albedo."), **rgb(LIGHT * 0.5, prefix="diffuse.")}, name="passes.exr")
    with pytest.raises(InputError, match="got several: albedo, diffuse"):
        decode(several)
    np.testing.assert_allclose(decode(several.changed(layer="diffuse")).pixels, LIGHT * 0.5, rtol=1e-6)


def test_the_layer_goes_with_the_input(tmp_path: Path) -> None:
    path = tmp_path / "shot.exr"
    path.write_bytes(view_layers(Foreground=0.25, Background=0.5).data.tobytes())
    for kind in ("image", "images", "mask"):
        read = read_input(Input("content", kind, "Content", "a picture"), path if kind != "images" else [path], layer="Background")
        assert (read[0] if kind == "images" else read).layer == "Background"
    assert decode(read_input(Input("content", "image", "Content", "a picture"), path, layer="Background")).pixels[0, 0, 0] == 0.5


def test_other_primaries_reach_every_part(tmp_path: Path) -> None:
    """Blender 5 writes a part for each pass."""
    path, stored = str(tmp_path / "parts.exr"), (LIGHT @ np.linalg.inv(np.array(TO_REC709["Rec.2020"])).T).astype(np.float32)
    specs = []
    for name, letters in (("ViewLayer.Combined", "RGB"), ("ViewLayer.Normal", "XYZ")):
        spec = oiio.ImageSpec(8, 6, 3, "float")
        spec.channelnames = tuple(f"{name}.{letter}" for letter in letters)
        spec.attribute("oiio:subimagename", name)
        spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), tuple(struct.unpack("<8f", chromaticities(
            (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290))[2])))  # fmt: skip
        specs.append(spec)
    out = oiio.ImageOutput.create(path)
    assert out.open(path, tuple(specs))
    assert out.write_image(stored)
    assert out.open(path, specs[1], "AppendSubimage")
    assert out.write_image(stored)
    out.close()
    layers = decode_layers(EncodedFile.read(path))
    np.testing.assert_allclose(layers["Combined"].pixels, LIGHT, atol=1e-3)
    np.testing.assert_allclose(layers["Normal"].pixels, stored, rtol=1e-6)
    np.testing.assert_allclose(decode(EncodedFile.read(path)).pixels, LIGHT, atol=1e-3)


def test_several_pages(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    for sizes, words in ((((32, 48), (8, 12)), ""), (((8, 12), (32, 48)), "several"), (((32, 48), (32, 48)), "several")):
        with tifffile.TiffWriter(path) as out:
            for height, width in sizes:
                out.write(np.asarray(Pillow.fromarray(SMOOTH).resize((width, height))), photometric="rgb")
        if words:
            with pytest.raises(InputError, match=words):
                decode(EncodedFile.read(path))
            continue
        with collect_notes() as notes:
            assert decode(EncodedFile.read(path)).pixels.shape == (32, 48, 3)
        assert "smaller pages" in notes.sentences()[0]


@pytest.mark.parametrize(
    ("start", "words"), [(b"\0\0\0\x18ftypheic", "HEIC or AVIF"), (b"\0\0\0\x1cftypavif", "HEIC or AVIF"), (b"%PDF-1.7", "image file")]
)
def test_other_files_are_named(start: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        decode(as_file(start + b"\0" * 500, "a.heic"))

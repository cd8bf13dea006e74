"""What files say of their colours: profiles, chunks and headers against converted truth, in the order of docs/formats.md."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest
from pictures import (
    CHROMATICITIES,
    COLORANTS,
    TO_REC709,
    as_file,
    chrm,
    chromaticities,
    codes,
    exif,
    exr,
    iccp,
    light,
    png,
    profile,
    rgb,
    srgb,
    stored_in,
    text,
    with_pillow,
)  # fmt: skip

from backlot.backend.core.color import to_float, to_linear
from backlot.backend.io.exr_layers_read import decode_layers
from backlot.backend.io.frames.channels import FrameFiles
from backlot.backend.io.inputs import decode_inputs
from backlot.backend.io.reading import decode
from backlot.shared.inputs import declared
from backlot.shared.notes import collect_notes
from backlot.shared.operations import find
from backlot.shared.values import Camera, EncodedFile, Image, SceneFrame

GAMMAS = {"Display P3": "srgb", "Adobe RGB": 563 / 256, "ProPhoto": 1.8}


def linear_of(image: Image) -> np.ndarray:
    values = to_float(image.pixels)
    return to_linear(values) if image.color_space == "srgb" else values


def close(image: Image, truth: np.ndarray, atol: float = 2e-3) -> None:
    np.testing.assert_allclose(linear_of(image)[..., : truth.shape[2]], truth, atol=atol)


def encoded(space: str) -> tuple[np.ndarray, bytes, bytes]:
    """Values of a space, and its profile of version 4 and 2."""
    gamma = GAMMAS[space]
    values = stored_in(space, light(), None if gamma == "srgb" else float(gamma))
    return values, profile(COLORANTS[space], gamma), profile(COLORANTS[space], "table" if gamma == "srgb" else gamma, version=2)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("space", list(GAMMAS))
def test_profiles_of_photographs_are_heard(space: str, form: str) -> None:
    values, *profiles = encoded(space)
    if form == "PNG":
        files = [png(codes(values), [iccp(p)]) for p in profiles]
    elif form == "JPEG":
        values = np.broadcast_to(values[:1, :1], (16, 16, 3))
        files = [with_pillow(codes(values, 8), form, "a.jpg", icc_profile=p, quality=100, subsampling=0) for p in profiles]
    else:
        files = [
            with_pillow(codes(values, 8), form, "a", icc_profile=p, **({"lossless": True} if form == "WEBP" else {})) for p in profiles
        ]
    truth = light() if form != "JPEG" else np.broadcast_to(light()[:1, :1], (16, 16, 3))
    for file in files:
        image = decode(file)
        assert image.color_space == "linear"
        assert image.pixels.dtype == np.float32
        close(image, truth, 1e-3 if form == "PNG" else 1e-2)


@pytest.mark.parametrize("made", [profile(COLORANTS["sRGB"], "srgb"), profile(COLORANTS["sRGB"], "table", version=2)], ids=["v4", "v2"])
def test_the_profile_of_srgb_changes_nothing(made: bytes) -> None:
    pixels = codes(srgb(light()), 8)
    for file in (png(pixels, [iccp(made)]), with_pillow(pixels, "TIFF", "a.tif", icc_profile=made)):
        image = decode(file)
        assert image.color_space == "srgb"
        np.testing.assert_array_equal(image.pixels, pixels)


def test_linear_profiles_and_gray_profiles() -> None:
    close(decode(png(codes(light()), [iccp(profile(COLORANTS["sRGB"], 1.0))])), light(), 5e-4)
    gray = light()[..., :1]
    for gamma in (1.0, 1.8, 2.2):
        image = decode(png(codes(gray ** (1 / gamma)), [iccp(profile(None, gamma))]))
        assert image.pixels.shape[2] == 1
        close(image, gray, 1e-3)
    close(decode(png(codes(gray ** (1 / 1.8)), [iccp(profile(COLORANTS["ProPhoto"], 1.8))])), gray, 1e-3)  # gray kept the profile of RGB


def test_alpha_stays_straight_next_to_a_profile() -> None:
    alpha = np.linspace(0.25, 1, 12 * 18).reshape(12, 18, 1)
    values = np.concatenate([stored_in("Display P3", light()), alpha], 2)
    image = decode(png(codes(values), [iccp(profile(COLORANTS["Display P3"], "srgb"))]))
    close(image, np.concatenate([light(), alpha], 2), 1e-3)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (profile(None, 2.2, kind=b"CMYK"), "is for CMYK pictures"),
        (profile(None, 2.2, kind=b"RGB "), "look-up tables only"),
        (profile(None, 2.2), "is for gray pictures"),
        (profile(COLORANTS["Adobe RGB"], 2.2)[:150], "is damaged"),
        (b"\1" * 200, "is damaged"),
    ],
)
def test_profiles_that_cannot_be_used_are_noted(made: bytes, words: str) -> None:
    pixels = codes(srgb(light()), 8)
    with collect_notes() as notes:
        image = decode(with_pillow(pixels, "TIFF", "scan.tif", icc_profile=made))
    assert image.color_space == "srgb"
    np.testing.assert_array_equal(image.pixels, pixels)
    assert any(words in text and "scan.tif" in text for text in notes.sentences())


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_png_gamma_and_primaries(gamma: float) -> None:
    gama = (b"gAMA", struct.pack(">I", round(100000 / gamma)))
    for space in ("sRGB", "Adobe RGB", "Rec.2020"):
        chunks = [gama, chrm(CHROMATICITIES[space])] if space != "sRGB" else [gama]
        image = decode(png(codes(stored_in(space, light(), gamma)), chunks))
        assert image.color_space == "linear"
        close(image, light(), 1e-3)
    gray = light()[..., :1]
    close(decode(png(codes(gray ** (1 / gamma)), [gama])), gray, 1e-3)


def test_png_chunks_count_in_their_order() -> None:
    p3 = stored_in("Display P3", light())
    wrong = (b"gAMA", struct.pack(">I", 100000))
    adobe = iccp(profile(COLORANTS["Adobe RGB"], 563 / 256))
    cicp = (b"cICP", bytes([12, 13, 0, 1]))
    close(decode(png(codes(p3), [cicp, adobe, wrong])), light(), 1e-3)
    close(decode(png(codes(stored_in("Adobe RGB", light(), 563 / 256)), [adobe, wrong])), light(), 1e-3)
    plain = decode(png(codes(srgb(light()), 8), [(b"sRGB", b"\0"), wrong, chrm(CHROMATICITIES["Rec.2020"])]))
    assert plain.color_space == "srgb"
    assert plain.pixels.dtype == np.uint8


@pytest.mark.parametrize(
    ("points", "stored"),
    [
        ((1, 13, 0, 1), lambda v: srgb(v)),
        ((9, 8, 0, 1), lambda v: stored_in("Rec.2020", v, 1.0)),
        ((12, 13, 0, 1), lambda v: stored_in("Display P3", v)),
        ((1, 1, 0, 1), lambda v: v ** (1 / 2.4)),
        ((1, 4, 0, 1), lambda v: v ** (1 / 2.2)),
        ((1, 13, 0, 0), lambda v: (16 + 219 * srgb(v)) / 255),
    ],
)
def test_code_points(points: tuple[int, ...], stored: object) -> None:
    close(decode(png(codes(stored(light())), [(b"cICP", bytes(points))])), light(), 1e-3)  # type: ignore[operator]


def test_code_points_of_high_dynamic_range() -> None:
    """Values of PQ for 0.1, 203 and 1000 cd/m² (SMPTE ST 2084; ITU-R BT.2408), of HLG for its reference white."""
    pq = decode(png(codes(np.array([[[0.0623] * 3, [0.5807] * 3, [0.7518] * 3]])), [(b"cICP", bytes([1, 16, 0, 1]))]))
    np.testing.assert_allclose(pq.pixels[0, :, 0], [0.1 / 203, 1, 1000 / 203], rtol=0.01)
    hlg = decode(png(codes(np.array([[[0.0] * 3, [0.75] * 3, [1.0] * 3]])), [(b"cICP", bytes([1, 18, 0, 1]))]))
    np.testing.assert_allclose(hlg.pixels[0, :, 0], [0, 1, 3.774], rtol=0.01)


@pytest.mark.parametrize("chunk", [(b"cICP", bytes([2, 99, 0, 1])), (b"cICP", b"\1"), (b"cHRM", b"\0" * 32), (b"gAMA", b"\0\0\0\1")])
def test_chunks_that_mean_nothing_are_noted(chunk: tuple[bytes, bytes]) -> None:
    pixels = codes(srgb(light()), 8)
    with collect_notes() as notes:
        np.testing.assert_array_equal(decode(png(pixels, [chunk])).pixels, pixels)
    assert any(chunk[0].decode() in text for text in notes.sentences())


def test_cameras_state_adobe_rgb_without_a_profile() -> None:
    values = np.broadcast_to(stored_in("Adobe RGB", light()[:1, :1], 563 / 256), (16, 16, 3))
    truth = np.broadcast_to(light()[:1, :1], (16, 16, 3))
    tag = b"Exif\0\0" + exif(1, "R03")
    close(decode(with_pillow(codes(values, 8), "JPEG", "a.jpg", exif=tag, quality=100, subsampling=0)), truth, 1e-2)
    plain = decode(with_pillow(codes(values, 8), "JPEG", "a.jpg", exif=b"Exif\0\0" + exif(1, "R98"), quality=100, subsampling=0))
    assert plain.color_space == "srgb"


@pytest.mark.parametrize("space", [name for name in CHROMATICITIES if name != "sRGB"])
def test_chromaticities_of_openexr(space: str) -> None:
    stored = light() @ np.linalg.inv(np.array(TO_REC709[space])).T
    file = exr(rgb(stored), [chromaticities(CHROMATICITIES[space])])
    for image in (decode(file), decode_layers(file)["Combined"]):
        assert image.color_space == "linear"
        close(image, light(), 1e-3)
    np.testing.assert_allclose(decode(EncodedFile(file.data, "b.exr", "linear")).pixels, stored, rtol=1e-6)  # the artist says otherwise


def test_openexr_without_other_primaries_keeps_its_bits() -> None:
    stored = light().astype(np.float16)
    for attributes in ([], [chromaticities(CHROMATICITIES["sRGB"])], [text("colorInteropID", "lin_rec709_scene")]):
        image = decode(exr(rgb(stored, "float16"), attributes))
        assert image.pixels.dtype == np.float16
        np.testing.assert_array_equal(image.pixels, stored)


def test_names_count_before_chromaticities() -> None:
    stored = light() @ np.linalg.inv(np.array(TO_REC709["Rec.2020"])).T
    close(decode(exr(rgb(stored), [text("colorInteropID", "lin_rec2020_scene"), chromaticities(CHROMATICITIES["ACEScg"])])), light(), 1e-3)
    with collect_notes() as notes:
        close(decode(exr(rgb(stored), [text("colorInteropID", "mine"), chromaticities(CHROMATICITIES["Rec.2020"])])), light(), 1e-3)
    assert any("mine" in text for text in notes.sentences())
    for name in ("lin_rec2020_scene", "Linear Rec.2020"):
        close(decode(exr(rgb(stored), [text("oiio:ColorSpace", name)])), light(), 1e-3)
    assert decode(exr(rgb(stored), [text("colorInteropID", "data")])).color_space == "data"
    coded = decode(exr(rgb(srgb(light())), [text("colorInteropID", "srgb_rec709_scene")]))
    close(coded, light(), 1e-4)


def test_the_adopted_neutral_becomes_white() -> None:
    d60 = (("adoptedNeutral", "v2f", struct.pack("<2f", 0.32168, 0.33767)),)
    white = np.array([0.32168 / 0.33767, 1, (1 - 0.32168 - 0.33767) / 0.33767])
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
    stored = np.broadcast_to(np.linalg.solve(to_xyz, white), (2, 3, 3))
    np.testing.assert_allclose(decode(exr(rgb(stored), d60)).pixels, 1, atol=2e-3)


def test_chromaticities_that_span_nothing_are_noted() -> None:
    for values in ((0.3, 0.3) * 4, (float("nan"),) * 8, (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3, 0.0)):
        with collect_notes() as notes:
            np.testing.assert_allclose(decode(exr(rgb(light()), [chromaticities(values)])).pixels, light(), rtol=1e-6)
        assert "span no colours" in notes.sentences()[0]


def test_passes_that_are_no_colour_keep_their_numbers() -> None:
    """Normals, ids and depth in a file with other primaries; Blender writes vectors as X, Y, Z, other renderers as R, G, B."""
    normal = light() - 0.5
    channels = {**rgb(light()), **rgb(normal, prefix="normal."), **{f"Depth.{c}": p for c, p in rgb(light(1), prefix="").items()}}
    file = exr(channels, [chromaticities(CHROMATICITIES["ACES2065-1"])])
    frame = SceneFrame(Camera(18, 12, 20, 20, 9, 6, np.eye(4)), {"color": file, "normal": file, "depth": file})
    files = FrameFiles(frame, "frame 0")
    np.testing.assert_allclose(files.pick("normal").pixels, normal, atol=1e-6)  # type: ignore[union-attr]
    np.testing.assert_allclose(files.pick("depth").pixels, light(1), atol=1e-6)  # type: ignore[union-attr]
    assert not np.allclose(files.pick("color").pixels, light(), atol=0.01)  # type: ignore[union-attr]


def test_maps_and_masks_are_never_converted() -> None:
    tagged = [iccp(profile(COLORANTS["Adobe RGB"], 1.8))]
    roughness, mask = codes(light()[..., :1]), codes(light(2)[..., :1], 8)
    inputs = {
        "exemplar": png(codes(light()), tagged), "roughness": png(roughness, [(b"gAMA", struct.pack(">I", 100000))]),
        "normal": png(codes(light()), tagged), "keep": png(mask, [iccp(profile(None, 1.8))]),
    }  # fmt: skip
    found = decode_inputs(find("texture.synthesize"), inputs)
    np.testing.assert_array_equal(found["roughness"].pixels, roughness)
    np.testing.assert_array_equal(found["normal"].pixels, codes(light()))
    np.testing.assert_allclose(found["keep"].pixels, mask / 255, atol=1e-6)
    assert found["exemplar"].color_space == "linear"
    for item in find("texture.synthesize").inputs:  # --color-space is for colours
        said = declared(item, EncodedFile(np.zeros(1, np.uint8), "a.exr"), "ACEScg", "")
        assert said.color_space == ("" if item.numbers or item.kind == "mask" else "ACEScg")


def test_float_formats_are_linear_and_radiance_has_primaries(tmp_path: Path) -> None:
    for suffix in ("pfm", "tif", "hdr"):
        path = tmp_path / f"a.{suffix}"
        out = oiio.ImageOutput.create(str(path))
        assert out.open(str(path), oiio.ImageSpec(18, 12, 3, "float"))
        assert out.write_image(light().astype(np.float32))
        out.close()
        close(decode(EncodedFile.read(path)), light(), 5e-3)
    plain = path.read_bytes()
    stored = light() @ np.linalg.inv(np.array(TO_REC709["Rec.2020"])).T
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), oiio.ImageSpec(18, 12, 3, "float"))
    assert out.write_image(stored.astype(np.float32))
    out.close()
    stated = path.read_bytes().replace(b"\nFORMAT", b"\nPRIMARIES= 0.708 0.292 0.170 0.797 0.131 0.046 0.3127 0.3290\nFORMAT", 1)
    close(decode(as_file(stated, "a.hdr")), light(), 1e-2)
    with collect_notes() as notes:
        decode(as_file(plain.replace(b"\nFORMAT", b"\nEXPOSURE=2.0\nFORMAT", 1), "a.hdr"))
    assert any("EXPOSURE" in text for text in notes.sentences())


@pytest.mark.parametrize(
    ("transfer", "stored", "truth"),
    [
        ("Linear", 0.5, 0.5),
        ("Printing density", 685 / 1023, 1.0),
        ("Logarithmic", 470 / 1023, 0.1825),
        ("Logarithmic", 95 / 1023, 0.0),
        ("ITU-R 709-4", 0.5, 0.5**2.4),
        ("Undefined", 0.5, 0.2140),
    ],
)
def test_transfer_of_dpx(tmp_path: Path, transfer: str, stored: float, truth: float) -> None:
    path = tmp_path / "a.dpx"
    spec = oiio.ImageSpec(8, 6, 3, "uint16")
    spec.attribute("oiio:BitsPerSample", 10)
    spec.attribute("dpx:Transfer", transfer)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec)
    assert out.write_image(np.full((6, 8, 3), round(stored * 65535), np.uint16))
    out.close()
    close(decode(EncodedFile.read(path)), np.full((6, 8, 3), truth), 4e-3)


CONFIG = """ocio_profile_version: 2
roles: {default: raw, scene_linear: scene, aces_interchange: ap0}
file_rules:
  - !<Rule> {name: maps, colorspace: raw, pattern: "*_normal", extension: "*"}
  - !<Rule> {name: plates, colorspace: show, pattern: "plate_*", extension: "exr"}
  - !<Rule> {name: Default, colorspace: raw}
displays:
  screen: [!<View> {name: raw, colorspace: raw}]
colorspaces:
  - !<ColorSpace> {name: raw, isdata: true}
  - !<ColorSpace> {name: ap0}
  - !<ColorSpace> {name: scene, to_scene_reference: !<MatrixTransform> {matrix: [
      0.4396, 0.3830, 0.1774, 0, 0.0898, 0.8134, 0.0968, 0, 0.0175, 0.1115, 0.8709, 0, 0, 0, 0, 1]}}
  - !<ColorSpace> {name: show, to_scene_reference: !<MatrixTransform> {matrix: [
      0.8792, 0.7660, 0.3548, 0, 0.1796, 1.6268, 0.1936, 0, 0.0350, 0.2230, 1.7418, 0, 0, 0, 0, 1]}}
"""


def test_file_rules_of_the_artists_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The space ``show`` is linear Rec.709 at half the brightness."""
    path = tmp_path / "studio.ocio"
    path.write_text(CONFIG)
    stored = light().astype(np.float32)
    plate, other, normal = (exr(rgb(stored), name=name) for name in ("plate_0001.exr", "b.exr", "rock_normal.exr"))
    close(decode(plate), stored, 1e-5)
    monkeypatch.setenv("OCIO", str(path))
    close(decode(plate), 2 * stored, 5e-3)
    close(decode(other), stored, 1e-5)  # the default rule says nothing
    assert decode(normal).color_space == "data"
    close(decode(exr(rgb(stored), [text("colorInteropID", "lin_rec709_scene")], name="plate_0002.exr")), stored, 1e-5)  # the file's word
    close(decode(EncodedFile(plate.data, "plate_0001.exr", "scene")), stored, 5e-3)  # the artist's word
    assert decode(png(codes(srgb(light()), 8))).color_space == "srgb"


def test_a_config_that_is_not_there_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", str(tmp_path / "none.ocio"))
    with collect_notes() as notes:
        close(decode(exr(rgb(light()))), light(), 1e-6)
    assert "no file rules" in notes.sentences()[0]


def test_a_space_that_cannot_be_of_a_file_is_noted(tmp_path: Path) -> None:
    item = find("style.image").inputs[0]
    with collect_notes() as notes:
        assert declared(item, png(codes(light(), 8)), "ACEScg", "").color_space == ""
        assert declared(item, png(codes(light(), 8), name="a.exr"), "ACEScg", "").color_space == ""
        assert declared(item, exr(rgb(light()), name="no suffix"), "ACEScg", "").color_space == "ACEScg"
    assert notes.sentences() == [
        "a.png, a.exr: the colour space ACEScg is for .exr, .hdr, .dpx, .tif, .tiff; here the file's own words count"
    ]


def test_damaged_profiles_are_noted_or_do_no_harm() -> None:
    """Black stays dark and white white, whatever a damaged profile says."""
    rng = np.random.default_rng(0)
    made = [profile(COLORANTS["Display P3"], "srgb"), profile(COLORANTS["Adobe RGB"], 2.2, version=2)]
    pixels = np.repeat(np.array([0, 255], np.uint8), 3).reshape(1, 2, 3)
    for number in range(300):
        data = bytearray(made[number % 2])
        for at, value in zip(rng.integers(0, len(data), 4), rng.integers(0, 256, 4), strict=True):
            data[at] = value
        with collect_notes() as notes:
            found = linear_of(decode(png(pixels, [iccp(bytes(data))])))
        np.testing.assert_allclose(found[0, :, :], [[0] * 3, [1] * 3], atol=0.1)
        assert all(text.isprintable() for text in notes.sentences())


def test_profiles_of_many_blocks() -> None:
    """Those of printers and cameras are larger than a segment of JPEG."""
    values = np.broadcast_to(stored_in("Display P3", light()[:1, :1]), (16, 16, 3))
    large = profile(COLORANTS["Display P3"], "srgb") + b"\0" * 200_000
    file = with_pillow(codes(values, 8), "JPEG", "a.jpg", icc_profile=large, quality=100, subsampling=0)
    close(decode(file), np.broadcast_to(light()[:1, :1], (16, 16, 3)), 1e-2)


def test_gray_is_converted_by_name_too() -> None:
    stored = light()[..., :1].astype(np.float32)
    file = exr({"Y": np.ascontiguousarray(stored[..., 0])})
    close(decode(EncodedFile(file.data, "a.exr", "Gamma 2.2 Encoded Rec.709")), stored**2.2, 1e-3)


@pytest.mark.parametrize(
    ("name", "space", "curved"),
    [
        ("ACEScg", "ACEScg", False),
        ("Linear DCI-P3 D65", "Display P3", False),
        ("Linear Rec.2020", "Rec.2020", False),
        ("Display P3", "Display P3", True),
    ],
)
def test_blenders_names_of_spaces(name: str, space: str, curved: bool) -> None:
    stored = stored_in(space, light()) if curved else light() @ np.linalg.inv(np.array(TO_REC709[space])).T
    close(decode(EncodedFile(exr(rgb(stored)).data, "a.exr", name)), light(), 1e-3)

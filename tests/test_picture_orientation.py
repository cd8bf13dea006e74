"""EXIF orientation: photographs are turned upright; pictures with a camera are the pixels that are stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import as_file, codes, exif, exr, light, png, rgb, srgb, with_pillow
from PIL import Image as Pillow
from PIL import ImageOps

from backlot.backend.core.color import to_float
from backlot.backend.io.direct import call
from backlot.backend.io.frames.decode import Wanted, decode_frame
from backlot.backend.io.inputs import decode_inputs
from backlot.backend.io.reading import decode
from backlot.shared.frames import read_transforms, write_transforms
from backlot.shared.notes import collect_notes
from backlot.shared.operations import find
from backlot.shared.picture_header import header_size, picture_size
from backlot.shared.sources import read_source
from backlot.shared.values import Camera, EncodedFile, SceneFrame

PIXELS = codes(srgb(light(4, (16, 24))), 8)
PIXELS[:] = np.asarray(Pillow.fromarray(PIXELS[:2, :3]).resize((24, 16), Pillow.Resampling.BICUBIC))
"""Smooth, so that JPEG changes little; 24 x 16."""


def tagged(form: str, orientation: int) -> EncodedFile:
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(form, {})
    tag = exif(orientation)
    if form == "TIFF":
        return with_pillow(PIXELS, form, "a.tif", tiffinfo={274: orientation})
    return with_pillow(PIXELS, form, f"a.{form.lower()}", exif=b"Exif\0\0" + tag if form == "JPEG" else tag, **options)


def frame(file: EncodedFile, width: int, height: int, **channels: EncodedFile) -> SceneFrame:
    return SceneFrame(Camera(width, height, 30, 30, width / 2, height / 2, np.eye(4)), {"color": file, **channels}, 1.0, 7)


def seen(file: EncodedFile, width: int = 24, height: int = 16) -> tuple[np.ndarray, list[str]]:
    with collect_notes() as notes:
        image = decode_frame(frame(file, width, height), Wanted(("image",))).image
    assert image is not None
    return image.pixels, notes.sentences()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_turned_and_frames_are_not(form: str, orientation: int) -> None:
    file = tagged(form, orientation)
    truth = np.asarray(ImageOps.exif_transpose(Pillow.fromarray(PIXELS))).copy()
    image = Pillow.fromarray(PIXELS)
    image.getexif()[274] = orientation
    truth = np.asarray(ImageOps.exif_transpose(image))
    with collect_notes() as notes_of_photo:
        np.testing.assert_allclose(decode(file).pixels, truth, atol=6 if form == "JPEG" else 0)
    assert len(notes_of_photo.sentences()) == (orientation != 1)
    pixels, notes = seen(file)
    np.testing.assert_allclose(pixels, PIXELS, atol=6 if form == "JPEG" else 0)
    assert ["EXIF orientation is not applied" in text for text in notes] == [True] * (orientation != 1)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_camera_of_the_turned_size_says_that_the_picture_was_turned(orientation: int) -> None:
    pixels, notes = seen(tagged("PNG", orientation), 16, 24)
    np.testing.assert_array_equal(pixels, decode(tagged("PNG", orientation)).pixels)
    assert "turned by its EXIF orientation" in notes[0]
    half, _ = seen(tagged("PNG", orientation), 160, 240)  # the picture is smaller than what was solved
    assert half.shape == (24, 16, 3)


def test_every_channel_of_a_frame_is_raw() -> None:
    depth = codes(light(1, (16, 24))[..., :1])
    turned = png(depth, [(b"eXIf", exif(3))], "depth.png")
    found = decode_frame(frame(tagged("PNG", 3), 24, 16, depth=turned, mask=png(codes(depth, 8), [(b"eXIf", exif(6))], "mask.png")),
                         Wanted(("depth", "color", "mask")))  # fmt: skip
    assert found.depth is not None
    np.testing.assert_allclose(found.depth, depth[..., 0], rtol=1e-5)
    assert found.mask is not None
    assert found.mask.shape == (16, 24)


def test_sources_take_raw_sizes(tmp_path: Path) -> None:
    """A capture of the original NeRF form names no size; a COLMAP model and a pair are raw pixels as well."""
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(tagged("JPEG", 6).data.tobytes())
    camera = Camera(24, 16, 30, 30, 12, 8, np.eye(4))
    write_transforms(tmp_path, [{"camera": camera, "files": {"color": name}, "number": n} for n, name in enumerate(("a.jpg", "b.jpg"))])
    for made in read_transforms(tmp_path):
        image = decode_frame(made, Wanted(("image",))).image
        assert image is not None
        np.testing.assert_allclose(image.pixels, PIXELS, atol=6)
    text = (tmp_path / "transforms.json").read_text().replace('"w": 24', '"W": 24').replace('"h": 16', '"H": 16')
    (tmp_path / "transforms.json").write_text(text)
    assert [(f.camera.width, f.camera.height) for f in read_transforms(tmp_path)] == [(24, 16)] * 2
    (tmp_path / "left.jpg").write_bytes(tagged("JPEG", 8).data.tobytes())
    (tmp_path / "right.jpg").write_bytes(tagged("JPEG", 1).data.tobytes())
    pair = read_source(tmp_path / "left.jpg", right=tmp_path / "right.jpg", focal=30, baseline=0.1)
    assert [(f.camera.width, f.camera.height) for f in pair.frames] == [(24, 16)] * 2
    shapes = {decode_frame(f, Wanted(("color",))).size for f in pair.frames}
    assert shapes == {(16, 24)}


def test_a_plate_with_a_frame_is_posed_and_one_without_is_a_photograph() -> None:
    file = tagged("PNG", 6)
    alone = decode_inputs(find("reconstruct.plate"), {"image": file})
    assert alone["image"].pixels.shape == (24, 16, 3)
    posed = decode_inputs(find("reconstruct.plate"), {"image": file, "frames": [frame(file, 24, 16)]})
    np.testing.assert_array_equal(posed["image"].pixels, PIXELS)


def test_styles_and_photographs_are_turned() -> None:
    found = decode_inputs(find("style.image"), {"content": tagged("PNG", 6), "style": tagged("TIFF", 8), "mask": tagged("WEBP", 6)})
    assert [found[name].pixels.shape[:2] for name in ("content", "style", "mask")] == [(24, 16)] * 3
    large = np.asarray(Pillow.fromarray(PIXELS).resize((96, 64)))
    photo = with_pillow(large, "PNG", "a.png", exif=exif(6))
    assert call("texture.maps", {"photo": photo})["height"].pixels.shape[:2] == (96, 64)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM", "EXR"])
def test_sizes_from_headers_are_raw(form: str) -> None:
    if form == "EXR":
        windows = ((2, 1, 20, 10), (0, 0, 23, 15))
        file = exr(rgb(light(0, (10, 19))), windows=windows)
    elif form in ("BMP", "PPM"):
        file = with_pillow(PIXELS, form, "a")
    else:
        file = tagged(form, 6)
    assert header_size(file) == (24, 16)
    for length in (0, 1, 3, 10, 20, 40):
        header_size(EncodedFile(file.data[:length], "a"))
    assert picture_size({"color": as_file(b"no picture", "a"), "depth": file}) == (24, 16)


def test_a_header_behind_a_large_thumbnail_is_found() -> None:
    data = with_pillow(PIXELS, "JPEG", "a.jpg").data.tobytes()
    block = b"\xff\xe2" + (65535).to_bytes(2, "big") + b"\xff\xc0" * 32766 + b"\0"
    assert header_size(as_file(data[:2] + block * 6 + data[2:], "a.jpg")) == (24, 16)
    assert to_float(decode(as_file(data[:2] + block * 6 + data[2:], "a.jpg")).pixels).shape == (16, 24, 3)

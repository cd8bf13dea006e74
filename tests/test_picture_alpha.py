"""Alpha by the kind of input: straight and associated files, light without alpha, masks, pictures of materials, NaN in renders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest
import tifffile
from pictures import as_file, codes, exr, light, png, rgb, srgb, with_pillow
from shot_frames import SmallShot, scene_frame

from backlot.backend.core.color import to_float
from backlot.backend.core.context import Context
from backlot.backend.io.alpha import mask_values
from backlot.backend.io.direct import call
from backlot.backend.io.display import displayed
from backlot.backend.io.exr_layers_read import decode_layers
from backlot.backend.io.holes import with_filled_holes, without_alpha
from backlot.backend.io.inputs import decode_inputs
from backlot.backend.io.reading import decode
from backlot.backend.io.writing import encode
from backlot.backend.materials.data.decode import read_map
from backlot.backend.materials.operations.texture_generate import request_from
from backlot.backend.style.operations import style_keyframes, style_shot
from backlot.shared.errors import InputError
from backlot.shared.notes import collect_notes
from backlot.shared.operations import find
from backlot.shared.values import EncodedFile, Image, SceneFrame

pytestmark = pytest.mark.usefixtures("one_thread")
SIZE = (48, 64)


def cutout(share: float, hidden: tuple[float, float, float] = (1, 0, 1)) -> np.ndarray:
    """A green picture with some texture, transparent in a block at the left, where its colour is another one; ``(48, 64, 4)`` uint8."""
    pixels = np.full((*SIZE, 4), 255, np.uint8)
    pixels[..., :3] = codes(np.array([0.2, 0.6, 0.3]) + 0.1 * light(3, SIZE), 8)
    rows, columns = (max(1, round(n * share**0.5)) for n in SIZE)
    pixels[:rows, :columns] = (*(round(255 * h) for h in hidden), 0)
    return pixels


def encoded(image: Image) -> Image:
    return decode(as_file(encode(image, "exr"), "a.exr"))


# Files


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_tiff_says_what_its_alpha_is(tmp_path: Path, kind: str) -> None:
    straight = np.concatenate([light(0, SIZE), np.full((*SIZE, 1), 0.5)], 2)
    associated = straight * np.array([0.5, 0.5, 0.5, 1])
    top = 1 if kind == "float32" else np.iinfo(kind).max
    for values, extra in ((straight, "unassalpha"), (associated, "assocalpha")):
        tifffile.imwrite(tmp_path / "a.tif", (values * top).round(6).astype(kind), photometric="rgb", extrasamples=[extra])
        np.testing.assert_allclose(to_float(decode(EncodedFile.read(tmp_path / "a.tif")).pixels), straight, atol=1e-2)
    tifffile.imwrite(tmp_path / "a.tif", (straight * top).astype(kind), photometric="rgb", extrasamples=["unspecified"])
    with collect_notes() as notes:
        found = decode(EncodedFile.read(tmp_path / "a.tif"))
    assert found.pixels.shape[2] == 3  # a saved selection, not transparency
    assert "not said to be alpha" in notes.sentences()[0]


@pytest.mark.parametrize(("form", "name"), [("PNG", "a.png"), ("TGA", "a.tga"), ("WEBP", "a.webp")])
def test_straight_alpha_keeps_its_bits(form: str, name: str) -> None:
    pixels = np.concatenate([codes(light(0, SIZE), 8), codes(light(1, SIZE), 8)[..., :1]], 2)
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    np.testing.assert_array_equal(decode(with_pillow(pixels, form, name, **options)).pixels, pixels)


def test_colour_behind_straight_alpha_is_no_light(tmp_path: Path) -> None:
    hidden = np.concatenate([np.full((*SIZE, 3), 0.5), np.zeros((*SIZE, 1))], 2).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", hidden, photometric="rgb", extrasamples=["unassalpha"])
    assert not encoded(decode(EncodedFile.read(tmp_path / "a.tif"))).pixels.any()
    assert not encoded(decode(png(codes(hidden, 8)))).pixels.any()


# Light without alpha


def glowing() -> np.ndarray:
    """Linear, associated: opaque at the left, soft, then light with little and without alpha; ``(48, 64, 4)``."""
    values = np.concatenate([light(2, SIZE), np.ones((*SIZE, 1))], 2)
    values[:, 16:32] *= 0.25
    values[:, 32:40] = (8.0, 4.0, 1.0, 2.0**-12)
    values[:, 40:] = (2.0, 1.0, 0.25, 0.0)
    return values.astype(np.float32)


@pytest.mark.parametrize("kind", ["float16", "float32"])
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_light_without_alpha_survives_style(kind: str, strength: float) -> None:
    values = glowing()
    file = exr(rgb(values, kind))
    made = call("style.image", {"content": file, "style": Image(codes(light(5, SIZE), 8)), "strength": strength})["image"]
    back = decode_layers(as_file(encode(made, "exr"), "a.exr"), associated=True)["Combined"].pixels.astype(np.float32)
    np.testing.assert_allclose(back[:, 40:], values[:, 40:], rtol=1e-3)
    np.testing.assert_array_equal(back[..., 3], values.astype(kind)[..., 3])
    if not strength:
        np.testing.assert_allclose(back, values, rtol=2e-3)
    else:
        assert np.abs(back[:, :16] - values[:, :16]).max() > 0.05


def test_a_picture_whose_alpha_says_nothing_is_painted() -> None:
    """Fire over black, alpha 0 everywhere."""
    values = np.concatenate([light(2, SIZE), np.zeros((*SIZE, 1))], 2).astype(np.float32)
    inputs = {"content": exr(rgb(values)), "style": Image(codes(light(5, SIZE), 8))}
    np.testing.assert_allclose(encoded(call("style.image", {**inputs, "strength": 0.0})["image"]).pixels, values, rtol=1e-3)
    made = encoded(call("style.image", inputs)["image"]).pixels
    assert not made[..., 3].any()
    assert np.abs(made[..., :3] - values[..., :3]).mean() > 0.02
    assert made[..., :3].mean() > 0.05


def test_light_without_alpha_is_seen_in_movies_and_masks() -> None:
    image = decode(exr(rgb(glowing())))
    shown = displayed(image, "a.exr")
    np.testing.assert_allclose(shown[:, 40:].reshape(-1, 3), [[255, 255, 137]] * 48 * 24, atol=1)
    np.testing.assert_allclose(shown[:, 16:32], codes(srgb(glowing()[:, 16:32, :3]), 8), atol=1)
    white = np.concatenate([np.ones((*SIZE, 3)), np.zeros((*SIZE, 1))], 2)
    mask = decode_inputs(find("style.image"), {"content": image, "style": image, "mask": exr(rgb(white))})["mask"]
    np.testing.assert_array_equal(mask.pixels, 1)


@pytest.fixture(scope="module")
def frames() -> list[SceneFrame]:
    """Two frames with soft edges and light without alpha."""
    shot = SmallShot(56, 40, 2, 2)
    found = []
    for number in (1, 2):
        view = shot.render(number)
        values = np.concatenate([view.color, np.ones((40, 56, 1), np.float32)], 2)
        values[:8] = 0
        values[2:6, 10:20, :3] = (3.0, 1.0, 0.5)
        found.append(scene_frame(view, color=exr(rgb(values), name=f"frame_{number:04d}.exr")))
    return found


def parameters_of(operation: str, **changed: Any) -> dict[str, Any]:
    return {p.name: p.default for p in find(operation).parameters} | changed


def delivered(value: Image | EncodedFile) -> np.ndarray:
    """The colour that a compositor reads of a result, associated."""
    file = value if isinstance(value, EncodedFile) else as_file(encode(value, "exr"), "a.exr")
    layers = decode_layers(file, associated=True)
    return layers.get("stylised", layers["Combined"]).pixels.astype(np.float32)


@pytest.mark.parametrize("layers", ["none", "all"])
def test_light_without_alpha_survives_shots(frames: list[SceneFrame], layers: str) -> None:
    import torch

    emitted = Context(torch.device("cpu"), 0)
    choices = next(p for p in find("style.shot").parameters if p.name == "layers").choices
    layers = layers if layers in choices else next(name for name in choices if name != "all")
    parameters = parameters_of("style.shot", layers=layers, frames_wanted="1")
    result = style_shot.run({"frames": frames, "style": Image(codes(light(5, SIZE), 8))}, parameters, emitted)
    np.testing.assert_allclose(delivered(result["stylised"][0])[2:6, 10:20], [[[3.0, 1.0, 0.5, 0.0]] * 10] * 4, rtol=1e-3)
    painted = np.concatenate([light(5, (40, 56)), np.ones((40, 56, 1))], 2)
    parameters = parameters_of("style.keyframes", layers=layers, frames_wanted="1-2", steps=2, minutes=0.0, size="small")
    inputs = {"frames": frames, "keyframes": [png(codes(painted, 8), name="paint_0001.png")]}
    result = style_keyframes.run(inputs, parameters, Context(torch.device("cpu"), 0))
    for value in result["stylised"]:
        np.testing.assert_allclose(delivered(value)[2:6, 10:20], [[[3.0, 1.0, 0.5, 0.0]] * 10] * 4, rtol=2e-3)


# Masks


def test_a_mask_is_what_is_seen_of_it_over_black() -> None:
    ramp = np.linspace(0, 1, 64)[None].repeat(48, 0)
    full = np.ones_like(ramp)
    white_on_nothing = codes(np.stack([full, full, full, ramp], 2), 8)
    gray = codes(ramp[..., None], 8)
    for file in (png(white_on_nothing), png(gray), png(codes(np.stack([ramp, ramp, ramp, full], 2), 8)), png(codes(ramp[..., None]))):
        found = decode_inputs(find("style.image"), {"content": file, "style": file, "mask": file})["mask"]
        np.testing.assert_allclose(found.pixels[..., 0], ramp, atol=0.003)
    premultiplied = exr(rgb(np.stack([ramp, ramp, ramp, ramp], 2)))
    found = decode_inputs(find("style.image"), {"content": premultiplied, "style": premultiplied, "mask": premultiplied})["mask"]
    np.testing.assert_allclose(found.pixels[..., 0], ramp, atol=1e-5)


@pytest.mark.parametrize(("color", "alpha", "words"), [(0.0, "ramp", "black everywhere"), ("ramp", 0.0, "transparent everywhere")])
def test_masks_that_would_be_empty(color: Any, alpha: Any, words: str) -> None:
    ramp = np.linspace(0, 1, 64)[None].repeat(48, 0)
    planes = [ramp if value == "ramp" else np.full_like(ramp, value) for value in (color, color, color, alpha)]
    with collect_notes() as notes:
        np.testing.assert_allclose(mask_values(decode(png(codes(np.stack(planes, 2), 8)), use="mask")), ramp, atol=0.003)
    assert words in notes.sentences()[0]


# Pictures of materials


@pytest.mark.parametrize(("operation", "name"), [("texture.maps", "photo"), ("texture.generate", "photo"), ("texture.variations", "photo"),
                                                 ("texture.generate", "morph_photo")])  # fmt: skip
def test_cut_outs_are_refused_in_one_sentence(operation: str, name: str) -> None:
    with pytest.raises(InputError, match=r"that fills its picture, got alpha that hides \d+\.\d% of it"):
        call(operation, {name: png(cutout(0.3))})


def test_cut_outs_are_refused_by_the_library_and_by_training(tmp_path: Path) -> None:
    (tmp_path / "leaf_basecolor.png").write_bytes(png(cutout(0.3)).data.tobytes())
    with pytest.raises(InputError, match="that fills its picture, got alpha that hides"):
        read_map(tmp_path / "leaf_basecolor.png", "base_color")
    with pytest.raises(InputError, match="that fills its picture, got alpha that hides"):
        call("texture.synthesize", {"exemplar": png(cutout(0.3)), "engine": "gan"})
    (tmp_path / "leaf_basecolor.png").write_bytes(png(cutout(0.01)).data.tobytes())
    found = read_map(tmp_path / "leaf_basecolor.png", "base_color")
    assert float(found[0].max()) < 0.5


def test_few_holes_take_the_colours_around_them() -> None:
    with collect_notes() as notes:
        found = without_alpha(decode(png(cutout(0.01))), "photo")
    assert found.pixels.shape[2] == 3
    assert found.pixels[..., 0].max() < 100
    assert "take the colours around them" in notes.sentences()[0]
    inputs, parameters = {"photo": decode(png(cutout(0.01)))}, parameters_of("texture.generate")
    import torch

    photo = request_from(inputs, parameters, torch.device("cpu")).photo
    assert photo is not None
    assert float(photo[0].max()) < 0.5


def test_hidden_colours_of_an_exemplar_count_for_nothing() -> None:
    """A texture made of a cut-out has its alpha, and the same colours whatever is hidden behind it."""
    made = [call("texture.synthesize", {"exemplar": png(cutout(0.3, hidden)), "size": [64, 64]})["base_color"].pixels
            for hidden in ((1, 0, 1), (0, 1, 0))]  # fmt: skip
    np.testing.assert_array_equal(*made)
    assert made[0].shape[2] == 4
    assert made[0][..., 0].max() < 120  # no magenta anywhere
    filled = with_filled_holes(Image(cutout(0.3), "srgb")).pixels
    np.testing.assert_array_equal(filled[..., 3], cutout(0.3)[..., 3])


# NaN and infinity


def test_odd_numbers_in_renders_are_painted_over_and_counted() -> None:
    import torch

    values = light(2, SIZE).astype(np.float32)
    values[5, 6], values[20, 30, 1] = np.nan, np.inf
    style = Image(codes(light(5, SIZE), 8))
    with collect_notes() as notes:
        made = call("style.image", {"content": Image(values, "linear"), "style": style})["image"]
    assert np.isfinite(made.pixels).all()
    assert any("2 pixels" in text and "NaN or infinite" in text for text in notes.sentences())
    view = SmallShot(56, 40, 1, 2).render(1)
    color = view.color.copy()
    color[5, 6], color[20, 30, 1] = np.nan, np.inf
    result = style_shot.run({"frames": [scene_frame(view, color=Image(color, "linear"))], "style": style},
                            parameters_of("style.shot"), Context(torch.device("cpu"), 0))  # fmt: skip
    assert np.isfinite(delivered(result["stylised"][0])).all()
    assert any("2 pixels" in note and "NaN or infinite" in note for note in result["report"]["notes"])
    painted = np.concatenate([light(5, (40, 56)), np.ones((40, 56, 1))], 2)
    given = {"frames": [scene_frame(view, color=Image(color, "linear"))], "keyframes": [png(codes(painted, 8), name="paint_0001.png")]}
    with collect_notes() as notes:
        result = style_keyframes.run(given, parameters_of("style.keyframes", frames_wanted="1", steps=2, minutes=0.0, size="small"),
                                     Context(torch.device("cpu"), 0))  # fmt: skip
    assert np.isfinite(delivered(result["stylised"][0])).all()
    assert notes.sentences() == ["frame 1: 2 pixels of the colour are NaN or infinite and count as 0"]
    for operation, inputs in (("style.image", {"content": style, "style": Image(values, "linear")}),
                              ("texture.maps", {"photo": Image(values, "linear")}),
                              ("style.image", {"content": style, "style": style, "mask": Image(values[..., :1], "data")})):  # fmt: skip
        with pytest.raises(InputError, match=r"to hold finite numbers, got NaN or infinity in \d of 3072 pixels"):
            call(operation, inputs)


def test_transparent_styles_count_for_nothing_in_vgg_too() -> None:
    import torch

    from backlot.backend.style.image.still import style_planes

    planes = style_planes({"style": decode(png(cutout(0.3)))}, "style", 16, Context(torch.device("cpu"), 0))
    assert planes.shape[0] == 3
    assert float(planes[0].max()) < 0.5


def test_oiio_agrees_on_associated_alpha(tmp_path: Path) -> None:
    """What is written is what another program reads: OpenEXR associated, PNG straight."""
    straight = np.concatenate([light(0, SIZE), np.full((*SIZE, 1), 0.5)], 2).astype(np.float32)
    for suffix, truth in (("exr", straight * [0.5, 0.5, 0.5, 1]), ("png", np.concatenate([srgb(straight[..., :3]), straight[..., 3:]], 2))):
        (tmp_path / f"a.{suffix}").write_bytes(encode(Image(straight, "linear"), suffix))
        config = oiio.ImageSpec()
        config.attribute("oiio:UnassociatedAlpha", 1)
        source = oiio.ImageInput.open(str(tmp_path / f"a.{suffix}"), config)
        np.testing.assert_allclose(source.read_image(0, 0, 0, 4, "float"), truth, atol=1e-3)
        source.close()

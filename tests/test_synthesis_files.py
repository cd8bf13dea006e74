"""texture.synthesize from files as artists have them: CMYK, 16 bit, alpha, palettes, and animations, which are refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

from backlot.backend.core.context import Context
from backlot.backend.io.inputs import decode_inputs
from backlot.backend.io.reading import decode
from backlot.backend.io.writing import encode
from backlot.backend.materials.operations.texture_synthesize import run
from backlot.backend.runtime.delivery import deliver
from backlot.shared.errors import InputError
from backlot.shared.operations import find
from backlot.shared.values import EncodedFile, Image

pytestmark = pytest.mark.usefixtures("one_thread")

SCHEMA = find("texture.synthesize")


def pebbles() -> np.ndarray:
    """Warm blotches, ``(48, 48, 3)`` uint8."""
    noise = np.random.default_rng(1).integers(0, 200, (12, 12, 1)).repeat(4, 0).repeat(4, 1)
    return np.concatenate([noise + 50, noise + 20, noise // 2], 2).astype(np.uint8)


def file_of(picture: PIL.Image.Image, name: str, **options: Any) -> EncodedFile:
    buffer = io.BytesIO()
    picture.save(buffer, format={"jpg": "JPEG", "tif": "TIFF"}.get(name[-3:], name.rpartition(".")[2].upper()), **options)
    return EncodedFile(np.frombuffer(buffer.getvalue(), np.uint8), name)


def texture(**files: EncodedFile) -> dict[str, Any]:
    """From files to files, as a worker does it."""
    values = decode_inputs(SCHEMA, files)
    outputs = run(values, SCHEMA.check_parameters({"size": [40, 36]}), Context(torch.device("cpu"), 0))
    return deliver(SCHEMA, outputs, {})


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_becomes_the_colours_that_it_shows(name: str) -> None:
    picture = PIL.Image.fromarray(pebbles())
    shown = decode(texture(exemplar=file_of(picture.convert("CMYK"), name, **({"quality": 95} if name == "a.jpg" else {})))["base_color"])
    assert shown.pixels.shape == (36, 40, 3)
    # Without ink profiles a conversion is approximate: hue and lightness must be right, not inverted.
    assert np.abs(shown.pixels.mean((0, 1)) - pebbles().mean((0, 1))).max() < 40
    assert shown.pixels[..., 0].mean() > shown.pixels[..., 2].mean() + 30


def test_sixteen_bits_stay_sixteen() -> None:
    values = pebbles()[..., :1].astype(np.uint16) * 257 + np.random.default_rng(0).integers(0, 256, (48, 48, 1)).astype(np.uint16)
    file = EncodedFile(np.frombuffer(encode(Image(values), "png"), np.uint8), "a.png")
    got = decode(texture(exemplar=file, height=file)["base_color"]).pixels
    assert got.dtype == np.uint16
    assert len(np.unique(got)) > 300


def test_alpha_and_palettes() -> None:
    alpha = (pebbles()[..., 0] > 120).astype(np.uint8) * 255
    picture = PIL.Image.fromarray(np.dstack([pebbles(), alpha]))
    got = decode(texture(exemplar=file_of(picture, "a.png"))["base_color"]).pixels
    assert got.shape == (36, 40, 4)
    bright = got[..., 0] > 120
    opaque = got[..., 3] > 127
    assert bright[opaque].mean() > 0.9  # alpha moved with its colour
    assert abs(opaque.mean() - (alpha > 127).mean()) < 0.15
    assert bright[~opaque].mean() > 0.9  # what was hidden counts for nothing
    palette = PIL.Image.fromarray(pebbles()).quantize(32)
    got = decode(texture(exemplar=file_of(palette, "a.png"))["base_color"]).pixels
    assert got.shape == (36, 40, 3)
    assert np.abs(got.mean((0, 1)) - pebbles().mean((0, 1))).max() < 25


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_animations_are_refused(name: str) -> None:
    frames = [PIL.Image.fromarray(np.roll(pebbles(), n, 0)) for n in (0, 5, 9)]
    file = file_of(frames[0], name, save_all=True, append_images=frames[1:], duration=50)
    with pytest.raises(InputError, match="still image"):
        texture(exemplar=file)


def test_only_the_maps_that_were_given_become_files() -> None:
    file = file_of(PIL.Image.fromarray(pebbles()), "a.png")
    height = file_of(PIL.Image.fromarray(pebbles()[..., 0]), "h.png")
    made = texture(exemplar=file, height=height)
    assert list(made) == ["base_color", "height", "report"]
    assert made["height"].name == "height.exr"
    assert set(made["report"]) == {"verbatim", "exemplar_use", "most_repeated", "notes"}

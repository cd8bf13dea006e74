"""What style.keyframes delivers: layers that add up whatever the frames came as, and a confidence that tells right from wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest
import torch
from test_keyframes import FRAMES, SIZE, SmallShot, model_of, scene_frame

from backlot.backend.core.context import Context
from backlot.backend.core.shaper import shape_linear
from backlot.backend.io.exr_layers_read import decode_layers
from backlot.backend.io.exr_layers_write import encode_layers
from backlot.backend.style.keyframes.confidence import invention, look_errors
from backlot.backend.style.keyframes.guides import make_layer
from backlot.backend.style.keyframes.rendering import Renderer
from backlot.backend.style.operations.style_keyframes import run
from backlot.shared.operations import find
from backlot.shared.values import EncodedFile, Image, SceneFrame

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
KEYED, OTHER = 2, 3
GLOW, LIGHT = (3, 4), (40, 50)
"""Pixels with light but without alpha, and brighter than any paint."""


@pytest.fixture(scope="module")
def views() -> dict[int, Any]:
    small = SmallShot(*SIZE, FRAMES, 2)
    return {n: small.render(n) for n in range(1, FRAMES + 1)}


def passes(view: Any, kind: type) -> dict[str, np.ndarray]:
    """Colour times alpha, soft at the left, and what else a renderer gives, ``(H, W, C)`` each."""
    alpha = np.ones((*view.depth.shape, 1), np.float32)
    alpha[:, :10] = 0.375
    alpha[:5] = 0
    color = view.color * alpha
    color[GLOW] = 0.5
    if view.number != KEYED:  # which was painted without it
        color[LIGHT] = 900.0
    return {
        "Combined": np.concatenate([color, alpha], 2).astype(kind),
        "Depth": view.depth[..., None].astype(np.float32),
        "Vector": view.motion.astype(np.float32),
        "IndexOB": view.object_id[..., None].astype(np.float32),
    }


def one_part(view: Any, kind: type, _folder: Path) -> EncodedFile:
    layers = {f"ViewLayer.{name}": Image(pixels, "linear" if name == "Combined" else "data") for name, pixels in passes(view, kind).items()}
    data = encode_layers(layers, half=kind == np.float16, associated={"ViewLayer.Combined"})
    return EncodedFile(np.frombuffer(data, np.uint8), f"frame_{view.number:04d}.exr")


def several_parts(view: Any, kind: type, folder: Path) -> EncodedFile:
    specs, values = [], []
    for name, pixels in passes(view, kind).items():
        height, width, count = pixels.shape
        spec = oiio.ImageSpec(width, height, count, "half" if pixels.dtype == np.float16 else "float")
        spec.channelnames = list({"Combined": "RGBA", "Depth": "Z", "Vector": "XYZW", "IndexOB": "X"}[name])
        spec.attribute("oiio:subimagename", f"ViewLayer.{name}")
        specs.append(spec)
        values.append(pixels)
    path = str(folder / f"frame_{view.number:04d}.exr")
    out = oiio.ImageOutput.create(path)
    assert out.open(path, tuple(specs)), out.geterror()
    for number, value in enumerate(values):
        assert number == 0 or out.open(path, specs[number], "AppendSubimage")
        assert out.write_image(value)
    out.close()
    return EncodedFile.read(path)


def styled(views: dict[int, Any], make: Any, kind: type, folder: Path, **given: Any) -> tuple[Any, np.ndarray]:
    """The frame beside the painted one as an untrained model paints it, and its colour as it went in."""
    frames = []
    for number in (KEYED, OTHER):
        file, plain = make(views[number], kind, folder), scene_frame(views[number])
        channels = dict.fromkeys(("color", "depth", "motion", "object_id"), file)
        frames.append(SceneFrame(plain.camera, channels, 1.0, number))
    model = model_of(views, (KEYED,))[1].encode()
    parameters = find("style.keyframes").check_parameters({"minutes": 0.0, "frames_wanted": str(OTHER), **given})
    outputs = run({"frames": frames, "model": model}, parameters, Context(CPU, seed=1))
    assert outputs["report"]["tracked"].get(str(OTHER), 1) > 0.5
    return outputs["stylised"][0], passes(views[OTHER], kind)["Combined"]


@pytest.mark.parametrize(("make", "kind"), [(one_part, np.float16), (several_parts, np.float32)])
def test_layers_add_up_whatever_the_frames_came_as(views: dict[int, Any], tmp_path: Path, make: Any, kind: type) -> None:
    file, render = styled(views, make, kind, tmp_path, strength="0.75")
    layers = decode_layers(file, associated=True)
    assert {"stylised", "delta", "mask", "confidence"} <= set(layers)
    made, delta, mask, sure = (layers[name].pixels for name in ("stylised", "delta", "mask", "confidence"))
    assert made.dtype == delta.dtype == kind
    np.testing.assert_array_equal(made[..., 3], render[..., 3])  # alpha
    np.testing.assert_array_equal(made[:5], render[:5])  # light without alpha
    assert (mask[:5] == 0).all()
    assert (mask[5:] == 0.75).all()
    rounding = 2e-3 if kind == np.float16 else 1e-5
    sums = made[..., :3].astype(np.float64) - delta
    np.testing.assert_allclose(sums, render[..., :3].astype(np.float64), rtol=rounding, atol=rounding)
    assert np.abs(delta[5:].astype(np.float32)).mean() > 0.01
    assert made[LIGHT][:3].min() > 100  # highlights
    assert 0 <= sure.min() < 0.5 < sure.max() <= 1


def test_strength_zero_keeps_every_bit_in_layers_and_in_the_picture_alone(views: dict[int, Any], tmp_path: Path) -> None:
    for layers in ("all", "picture"):
        file, render = styled(views, several_parts, np.float16, tmp_path, strength="0", layers=layers)
        found = decode_layers(file, associated=True)
        np.testing.assert_array_equal(found["Combined"].pixels, render)
        assert ("delta" in found) == (layers == "all")
    assert not decode_layers(styled(views, one_part, np.float16, tmp_path, strength="0")[0])["mask"].pixels.any()


def test_the_picture_alone_is_what_the_layers_hold(views: dict[int, Any], tmp_path: Path) -> None:
    picture, _ = styled(views, one_part, np.float32, tmp_path, layers="picture")
    file, _ = styled(views, one_part, np.float32, tmp_path)
    straight = decode_layers(file)["stylised"].pixels
    np.testing.assert_allclose(picture.pixels[5:], straight[5:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("look", "keys"), [("toon", (2,)), ("dabs", (2,)), ("hatch", (2, 7))])
def test_what_is_sure_is_right_more_often(views: dict[int, Any], look: str, keys: tuple[int, ...]) -> None:
    tracker, model = model_of(views, keys, look)
    renderer = Renderer(tracker, model, CPU)
    errors, sure = [], []
    for number in (1, 5, 8):
        made = renderer.render(number)
        errors.append(np.abs(made.picture - shape_linear(views[number].looks[look])).mean(-1))
        sure.append(made.confidence)
    error, confidence = np.stack(errors), np.stack(sure)
    least, most = np.quantile(confidence, [0.25, 0.75])
    worse, better = float(error[confidence <= least].mean()), float(error[confidence >= most].mean())
    print(f"{look}: error {better:.3f} where sure, {worse:.3f} where not")
    assert worse > 1.5 * better


def test_what_nobody_painted_is_least_sure() -> None:
    ids = np.array([[1, 1, 2], [3, 3, 2]], np.int32)
    paint, predicted = np.zeros((2, 3, 3), np.float32), np.zeros((2, 3, 3), np.float32)
    predicted[ids == 1], predicted[ids == 2] = 0.02, 0.1
    mask = (ids != 3).astype(np.float32)
    errors = look_errors({7: make_layer(7, paint, predicted, np.zeros((2, 3), np.float32), mask)}, lambda number: ids)
    assert errors == pytest.approx({1: 0.02, 2: 0.1})
    expected = invention(ids, errors)
    assert expected[0, 0] < expected[0, 2] < expected[1, 0]

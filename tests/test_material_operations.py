"""texture.generate and texture.variations: all maps, the report, images that cannot be used, and the model that ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_material import save_small

from backlot.backend.core.context import Context
from backlot.backend.core.operation_lookup import runner
from backlot.backend.materials.generator import conditioning
from backlot.backend.materials.generator.networks import Encoder
from backlot.backend.materials.maps import directx
from backlot.shared.errors import InputError, JobCancelled, ParameterError
from backlot.shared.material import ATTRIBUTES
from backlot.shared.operations import find
from backlot.shared.operations.texture_generate import MAPS
from backlot.shared.values import Image

pytestmark = pytest.mark.usefixtures("one_thread", "small_model")


@pytest.fixture
def small_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained model named "small" in a models folder of its own."""
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(tmp_path))
    save_small(tmp_path / "models" / "small.safetensors")


def run(
    operation: str, inputs: dict[str, Any] | None = None, seed: int = 1, context: Context | None = None, **given: Any
) -> dict[str, Any]:
    given = {"model": "small", "size": [48, 40], **given}
    parameters = find(operation).check_parameters(given)
    return runner(operation)(inputs or {}, parameters, context or Context(torch.device("cpu"), seed))


def test_all_maps_and_a_report() -> None:
    got = run("texture.generate", prompt="wet brick zorp")
    assert set(got) == {*MAPS, "report"}
    for name in MAPS:
        assert got[name].pixels.shape[:2] == (40, 48)
        assert got[name].color_space == ("srgb" if name == "base_color" else "data")
    assert got["height"].pixels.dtype == got["normal"].pixels.dtype == np.uint16
    report = got["report"]
    assert report["unknown"] == ["zorp"]
    assert report["label"] == "Brick"
    assert report["layout"] == "running_bond"
    assert set(report["attributes"]) == set(ATTRIBUTES)
    assert report["width_m"] > 0 < report["depth_m"]


@pytest.mark.parametrize("operation", ["texture.generate", "texture.variations"])
def test_prompts_are_read_and_photographs_encoded_once(monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """However many seeds, steps to a likeness and materials of a blend there are."""
    read: list[str] = []
    encoded: list[int] = []
    read_prompt, forward = conditioning.read_prompt, Encoder.forward

    def count_prompt(text: str) -> Any:
        read.append(text)
        return read_prompt(text)

    def count_photo(self: Encoder, photo: torch.Tensor) -> Any:
        encoded.append(1)
        return forward(self, photo)

    monkeypatch.setattr(conditioning, "read_prompt", count_prompt)
    monkeypatch.setattr(Encoder, "forward", count_photo)
    photo = Image(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    more: dict[str, Any] = {"count": 3} if operation == "texture.variations" else {}
    more |= {"like_seed": 4, "like_path": "5:0.5", "morph": 0.5, "morph_prompt": "rock covered in snow"}
    run(operation, {"photo": photo}, prompt="brick", **more)
    assert read == ["brick", "rock covered in snow"]
    assert len(encoded) == 1


def test_normals_point_up_or_down_as_asked() -> None:
    up, down = (run("texture.generate", prompt="gravel", normals=n)["normal"].pixels / 65535 for n in ("opengl", "directx"))
    flipped = directx(torch.from_numpy(up.transpose(2, 0, 1))).numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(flipped, down, atol=2e-5)
    assert np.abs(np.linalg.norm(up * 2 - 1, axis=2) - 1).max() < 1e-3


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, again, other = (run("texture.generate", seed=s, prompt="grass")["base_color"].pixels for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_variations_are_the_materials_of_their_seeds() -> None:
    got = run("texture.variations", seed=5, prompt="moss", count=5, size=[32, 32])
    report = got["report"]
    assert report["seeds"] == [5, 6, 7, 8, 9]
    assert (report["rows"], report["columns"]) == (2, 3)
    assert len(report["attributes"]) == 5
    side = 32 + report["gap"]
    assert got["sheet"].pixels.shape == (2 * side - report["gap"], 3 * side - report["gap"], 3)
    one = run("texture.generate", seed=7, prompt="moss", size=[32, 32])["report"]
    assert one["attributes"] == report["attributes"][2]


def test_a_seed_at_the_end_goes_round() -> None:
    assert run("texture.variations", seed=2**31 - 1, prompt="ice", count=2, size=[32, 32])["report"]["seeds"] == [2**31 - 1, 0]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("kind", "space"), [("uint8", "srgb"), ("uint16", "srgb"), ("float32", "linear")])
def test_photographs_of_any_kind(channels: int, kind: str, space: str) -> None:
    values = np.random.default_rng(0).random((60, 90, channels))
    values[..., 3:] = 0.5 + 0.5 * values[..., 3:]  # with more holes it is a cut-out
    pixels = values.astype(kind) if kind == "float32" else (values * np.iinfo(kind).max).astype(kind)
    assert run("texture.generate", {"photo": Image(pixels, space)})["base_color"].pixels.std() > 0


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"photo": Image(np.zeros((20, 90, 3), np.uint8))}, "at least 48"),
        ({"photo": Image(np.full((64, 64, 3), np.nan, np.float32), "linear")}, "finite"),
        ({"photo": Image(np.zeros((64, 64, 2), np.uint8))}, "channels"),
        ({"pattern": Image(np.full((64, 64, 1), np.inf, np.float32), "data")}, "finite"),
    ],
)
def test_images_that_cannot_be_used(inputs: dict[str, Image], words: str) -> None:
    with pytest.raises(InputError, match=words):
        run("texture.generate", inputs)


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="nobody"):
        run("texture.generate", model="nobody")
    with pytest.raises(InputError, match="name"):
        run("texture.generate", model="../../etc/passwd")


@pytest.mark.parametrize(
    ("name", "value"), [("color", [1, 2, 3]), ("color", "red"), ("wear", 1.5), ("prompt", "x" * 1001), ("layout", "zigzag")]
)
def test_parameters_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        run("texture.generate", **{name: value})


def test_a_cancelled_job_ends() -> None:
    def cancel(fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
        if fraction > 0:
            msg = "stop"
            raise JobCancelled(msg)

    with pytest.raises(JobCancelled):
        run("texture.generate", context=Context(torch.device("cpu"), 1, cancel), prompt="brick")

"""texture.synthesize with the engine gan: trained once, kept, resumed after a cancel; what only the patch engine can do is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_material import save_small

from backlot.backend.core.context import Context
from backlot.backend.io.models.registry import list_models
from backlot.backend.materials.generator.arrange import arrange
from backlot.backend.materials.generator.layers import CODE
from backlot.backend.materials.generator.model import material_model
from backlot.backend.materials.operations.texture_synthesize import run
from backlot.backend.materials.training.adapt import exemplar_options
from backlot.shared.errors import InputError, JobCancelled
from backlot.shared.operations import find
from backlot.shared.values import Image

pytestmark = pytest.mark.usefixtures("one_thread", "small_base")

MAPS = {"base_color", "normal", "height", "roughness", "metallic", "occlusion"}


@pytest.fixture
def small_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained base in place of the one that ships; squares are small and variations few, which is quicker."""
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("backlot.backend.materials.training.adapt.VARIATIONS", 1)
    for module in ("training.adapt", "exemplar.adapted"):
        monkeypatch.setattr(f"backlot.backend.materials.{module}.SIDE", 128)
    save_small(tmp_path / "models" / "materials.safetensors")


@pytest.fixture(scope="module")
def exemplar() -> np.ndarray:
    y, x = np.mgrid[:112, :128]
    noise = np.random.default_rng(0).random((112, 128))
    value = 0.5 + 0.3 * np.sin(x / 4) * np.cos(y / 5) + 0.2 * noise
    return (np.stack([value, 0.6 * value, 0.3 * value], -1).clip(0, 1) * 255).astype(np.uint8)


def make(image: Image, context: Context | None = None, seed: int = 1, inputs: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    parameters = find("texture.synthesize").check_parameters({"engine": "gan", "minutes": 0.05, "size": [64, 48], **given})
    return run({"exemplar": image, **(inputs or {})}, parameters, context or Context(torch.device("cpu"), seed))


def test_the_first_call_trains_the_second_does_not(exemplar: np.ndarray) -> None:
    first = make(Image(exemplar))
    assert set(first) == {*MAPS, "report"}
    assert first["report"]["trained_now"]
    assert first["base_color"].pixels.shape == (48, 64, 3)
    assert first["base_color"].pixels.dtype == np.uint8
    kept = [model.name for model in list_models() if model.name.startswith("exemplar-")]
    assert kept == [first["report"]["model"]]
    again, other = make(Image(exemplar)), make(Image(exemplar), seed=2, size=[80, 40])
    assert not again["report"]["trained_now"]
    np.testing.assert_array_equal(first["base_color"].pixels, again["base_color"].pixels)
    assert other["base_color"].pixels.shape == (40, 80, 3)


def test_an_exemplar_that_is_not_the_same_everywhere_is_said(exemplar: np.ndarray) -> None:
    dark = (exemplar * np.linspace(0.1, 1, exemplar.shape[1])[:, None]).astype(np.uint8)
    assert any("brighter in some parts" in note for note in make(Image(dark))["report"]["notes"])


def test_a_cancelled_training_goes_on_where_it_was(exemplar: np.ndarray, tmp_path: Path) -> None:
    calls: list[float] = []

    def cancel(fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
        calls.append(fraction)
        if stage.startswith("step") and len(calls) > 4:
            msg = "stop"
            raise JobCancelled(msg)

    with pytest.raises(JobCancelled):
        make(Image(exemplar), Context(torch.device("cpu"), 1, cancel), minutes=5.0)
    checkpoints = list((tmp_path / "models" / "training").rglob("checkpoint.safetensors"))
    assert len(checkpoints) == 1
    assert [m.name for m in list_models() if m.name.startswith("exemplar-")] == []
    done = make(Image(exemplar), minutes=0.05)
    assert done["report"]["trained_now"]


@pytest.mark.slow
def test_tones_of_the_texture_are_those_of_the_exemplar(exemplar: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the network learnt in a few steps, however slow the machine, its values are spread as the exemplar's are."""
    few = dataclasses.replace(exemplar_options(10.0, 1), steps=40, warm=30)
    monkeypatch.setattr("backlot.backend.materials.exemplar.adapted.exemplar_options", lambda minutes, seed: few)
    seeds = range(4)
    got = np.concatenate([make(Image(exemplar), seed=s, size=[256, 256])["base_color"].pixels.reshape(-1, 3) for s in seeds])
    for quantile in (0.1, 0.5, 0.9):
        np.testing.assert_allclose(np.quantile(got, quantile, 0), np.quantile(exemplar.reshape(-1, 3), quantile, 0), atol=30)


def test_a_map_that_is_given_is_used_and_has_to_fit(exemplar: np.ndarray) -> None:
    with pytest.raises(InputError, match="as large as the exemplar"):
        make(Image(exemplar), inputs={"height": Image(np.zeros((10, 10, 1), np.uint8), "data")})


@pytest.mark.parametrize(
    ("image", "given", "inputs", "words"),
    [
        (np.zeros((40, 200, 3), np.uint8), {}, {}, "at least 96"),
        (np.full((128, 128, 3), 99, np.uint8), {}, {}, "texture"),
        (np.zeros((128, 128, 2), np.uint8), {}, {}, "channels"),
        (np.zeros((128, 128, 3), np.uint8), {"extend": True}, {}, "patch engine"),
        (np.zeros((128, 128, 3), np.uint8), {}, {"keep": Image(np.zeros((128, 128, 1), np.uint8))}, "patch engine"),
    ],
)
def test_what_cannot_work_is_refused(image: np.ndarray, given: dict[str, Any], inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make(Image(image), inputs=inputs, **given)


def test_codes_of_the_exemplar_are_kept_and_laid_out_anew_by_each_seed(exemplar: np.ndarray) -> None:
    name = make(Image(exemplar), size=[64, 64])["report"]["model"]
    model = material_model(name, torch.device("cpu"))
    assert model.codes is not None
    one, same, other = (arrange(model.codes, (128, 192), torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert one.shape == (1, CODE, 16, 24)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    known = {tuple(code.tolist()) for code in model.codes[:CODE].flatten(1).T}  # what is laid out is what the exemplar has, unmixed
    assert all(tuple(code.tolist()) in known for code in one[0].flatten(1).T)

"""Depth networks of one picture: tiny ones of the real formats, saved to disk and read back, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from backlot.backend.core.context import Context
from backlot.backend.reconstruct.operations import reconstruct_plate
from backlot.backend.reconstruct.single_view.declaration import read_declaration
from backlot.backend.reconstruct.single_view.networks import estimate, prepare
from backlot.shared.errors import InputError
from backlot.shared.model_folders import allow_folder, find_folder
from backlot.shared.operations import OPERATIONS
from backlot.shared.values import Image

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def declare(folder: Path, **entries: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"backlot_depth": 1, "mean": [0, 0, 0], "std": [1, 1, 1], "size": 64, "multiple": 8, **entries})
    (folder / "backlot_depth.json").write_text(text, encoding="utf-8")
    return folder


def save_onnx(
    folder: Path, nodes: list[Any], outputs: dict[str, int], constants: dict[str, np.ndarray], inputs: tuple[str, ...] = ()
) -> Path:
    taken = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "h", "w"])]
    taken += [helper.make_tensor_value_info(name, TensorProto.INT64, []) for name in inputs]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [f"{name}_{k}" for k in range(rank)]) for name, rank in outputs.items()]
    known = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    model = helper.make_model(helper.make_graph(nodes, "depth", taken, given, known), opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "model.onnx"))
    return folder


def green_network(folder: Path) -> Path:
    """Its depth is twice the green of the picture."""
    nodes = [
        helper.make_node("Gather", ["image", "green"], ["plane"], axis=1),
        helper.make_node("Mul", ["plane", "two"], ["depth"]),
    ]
    return save_onnx(folder, nodes, {"depth": 3}, {"green": np.array(1), "two": np.array(2, np.float32)})


def ramp(height: int = 64, width: int = 96) -> torch.Tensor:
    y, x = np.mgrid[:height, :width]
    picture = np.stack([x / width, 0.2 + 0.6 * y / height, np.full((height, width), 0.5)]).astype(np.float32)
    return torch.from_numpy(picture)


def test_a_network_in_onnx_gives_its_own_numbers(tmp_path: Path) -> None:
    folder = declare(green_network(tmp_path / "model"), kind="inverse_affine")
    found = estimate(folder, ramp(), 100.0, CPU)
    assert found.kind == "inverse_affine"
    assert found.values.shape == (64, 96)
    assert np.abs(found.values - 2 * ramp()[1].numpy()).max() < 1e-5
    declare(folder, kind="metric", mean=[0, 0.5, 0], std=[1, 0.25, 1], unit=2.0)
    found = estimate(folder, ramp(), 100.0, CPU)
    assert np.abs(found.values - 2 * (ramp()[1].numpy() - 0.5) / 0.25).max() < 1e-4
    declare(folder, kind="metric", focal=300.0)
    found = estimate(folder, ramp(), 150.0, CPU)
    assert np.abs(found.values - ramp()[1].numpy()).max() < 1e-5


def test_the_whole_operation_with_a_network(tmp_path: Path) -> None:
    folder = allow_folder(declare(green_network(tmp_path / "model"), kind="metric"))
    image = Image(np.rint(ramp().permute(1, 2, 0).numpy() * 255).astype(np.uint8))
    parameters = OPERATIONS["reconstruct.plate"].check_parameters({"model": str(folder), "fov": 60.0, "resolution": 64})
    outputs = reconstruct_plate.run({"image": image}, parameters, Context(CPU))
    expected = 2.0 * image.pixels[..., 1] / 255
    assert np.abs(outputs["depth"].pixels[..., 0] / expected - 1).max() < 0.01
    assert outputs["report"]["alignment"]["kind"] == "metric"


def test_points_of_a_network_are_put_on_the_camera_s_rays(tmp_path: Path) -> None:
    """As MoGe gives them: (x, y, z) up to a shift of z and in a unit of their own, with a scale, a mask and a number of tokens."""
    height, width, focal = 64, 96, 80.0
    y, x = np.mgrid[:height, :width] + 0.5
    z = 2 + 0.5 * np.sin(x / 15) + y / 64
    points = np.stack([(x - width / 2) / focal * z, (y - height / 2) / focal * z, z - 1.3], -1)[None].astype(np.float32)
    mask = np.ones((1, height, width), np.float32)
    mask[:, :8] = 0
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Cast", ["num_tokens"], ["tokens"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["tokens", "zero"], ["none"]),
        helper.make_node("Sum", ["known", "nothing", "none"], ["points"]),
        helper.make_node("Add", ["seen", "nothing"], ["mask"]),
        helper.make_node("Add", ["three", "nothing"], ["metric_scale"]),
    ]
    constants = {"zero": np.array(0, np.float32), "known": points, "seen": mask, "three": np.array([3], np.float32)}
    folder = save_onnx(tmp_path / "moge", nodes, {"points": 4, "mask": 3, "metric_scale": 1}, constants, ("num_tokens",))
    declare(folder, kind="points", mask="mask", scale="metric_scale", numbers={"num_tokens": 1800})
    allow_folder(folder)
    image = Image(np.full((height, width, 3), 128, np.uint8))
    fov = float(np.degrees(2 * np.arctan(width / 2 / focal)))
    parameters = OPERATIONS["reconstruct.plate"].check_parameters({"model": str(folder), "fov": fov, "resolution": 32, "fill": False})
    outputs = reconstruct_plate.run({"image": image}, parameters, Context(CPU))
    got = outputs["depth"].pixels[..., 0]
    assert np.abs(got[8:] / (3 * z[8:]) - 1).max() < 0.01
    assert (got[:7] == 0).all()
    assert not outputs["report"]["notes"]
    wrong = {**parameters, "fov": 3 * fov}
    with pytest.raises(InputError, match="Check the field of view"):
        reconstruct_plate.run({"image": image}, wrong, Context(CPU))


def depth_anything(folder: Path, **more: Any) -> Any:
    transformers = pytest.importorskip("transformers", reason="needs the extra 'depth' (transformers)")
    torch.manual_seed(0)
    backbone = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=2, image_size=56, patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone, patch_size=14, reassemble_hidden_size=32, neck_hidden_sizes=[8, 16, 16, 16], fusion_hidden_size=8,
        head_hidden_size=8, **more,
    )  # fmt: skip
    model = transformers.DepthAnythingForDepthEstimation(config).eval()
    model.save_pretrained(folder)
    return model


def test_depth_anything_in_safetensors_is_read(tmp_path: Path) -> None:
    model = depth_anything(tmp_path)
    declare(tmp_path, kind="inverse_affine", size=56, multiple=14)
    found = estimate(tmp_path, ramp(), 100.0, CPU)
    said = read_declaration(tmp_path)
    assert said is not None
    with torch.inference_mode():
        expected = model(pixel_values=prepare(ramp(), said)).predicted_depth[0].numpy()
    assert found.values.shape == expected.shape == (56, 84)
    assert np.abs(found.values - expected).max() < 1e-5 * max(1.0, float(np.abs(expected).max()))
    # Without a declaration the kind has to come from the artist; sizes may come from the image processor's file.
    (tmp_path / "backlot_depth.json").unlink()
    with pytest.raises(InputError, match="what the model's numbers mean"):
        estimate(tmp_path, ramp(), 100.0, CPU)
    (tmp_path / "preprocessor_config.json").write_text('{"size": {"height": 28, "width": 28}, "ensure_multiple_of": 14}')
    assert estimate(tmp_path, ramp(), 100.0, CPU, "inverse_affine").values.shape == (28, 42)
    with pytest.raises(InputError, match=r"trained for, got metric as declared.*disparity taken for depth"):
        estimate(tmp_path, ramp(), 100.0, CPU, "metric")


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({}, "neither"),
        ({"weights.pt": ""}, "weights.pt, which could run code"),
        ({"pytorch_model.bin": "", "config.json": '{"model_type": "depth_anything"}'}, "weights as model.safetensors"),
        ({"config.json": '{"model_type": "bert"}'}, "Export other networks"),
        ({"config.json": '{"model_type": "dpt", "auto_map": {}, "use_pretrained_backbone": true}'}, "from elsewhere"),
        ({"config.json": '{"model_type": "dpt"}', "model.safetensors": "junk"}, "cannot be read"),
        ({"config.json": "{"}, "to be JSON"),
        ({"model.onnx": "junk"}, "got an error"),
    ],
)
def test_folders_that_are_no_model_are_refused(tmp_path: Path, files: dict[str, str], match: str) -> None:
    declare(tmp_path, kind="inverse_affine")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    if "model.safetensors" in files:
        pytest.importorskip("transformers", reason="needs the extra 'depth' (transformers)")
    with pytest.raises(InputError, match=match):
        estimate(tmp_path, ramp(), 100.0, CPU)


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ({"kind": "disparity"}, "as one of metric"),
        ({"kind": "metric", "size": 7}, '"size"'),
        ({"kind": "metric", "std": [1, 0, 1]}, '"std"'),
        ({"kind": "metric", "file": "../x.onnx"}, '"file"'),
        ({"kind": "metric", "colour": 1}, "colour"),
        ({"kind": "metric", "backlot_depth": 2}, "backlot_depth"),
    ],
)
def test_declarations_are_checked(tmp_path: Path, entries: dict[str, Any], match: str) -> None:
    declare(tmp_path, **entries)
    with pytest.raises(InputError, match=match):
        read_declaration(tmp_path)


def test_a_declared_kind_is_not_overruled_and_outputs_are_checked(tmp_path: Path) -> None:
    folder = declare(green_network(tmp_path / "model"), kind="inverse_affine")
    with pytest.raises(InputError, match="Leave the kind as declared"):
        estimate(folder, ramp(), 100.0, CPU, "metric")
    nodes = [helper.make_node("Identity", ["image"], ["depth"])]
    folder = declare(save_onnx(tmp_path / "color", nodes, {"depth": 4}, {}), kind="metric")
    with pytest.raises(InputError, match="depth map with one channel"):
        estimate(folder, ramp(), 100.0, CPU)
    declare(folder, kind="metric", channel=1)
    assert np.abs(estimate(folder, ramp(), 100.0, CPU).values - ramp()[1].numpy()).max() < 1e-5


def test_a_network_that_says_one_number_is_refused(tmp_path: Path) -> None:
    folder = allow_folder(declare(green_network(tmp_path / "model"), kind="metric"))
    parameters = OPERATIONS["reconstruct.plate"].check_parameters({"model": str(folder)})
    with pytest.raises(InputError, match=r"depth from model that varies, got 1\.\d+ everywhere"):
        reconstruct_plate.run({"image": Image(np.full((32, 32, 3), 128, np.uint8))}, parameters, Context(CPU))


def test_only_named_and_allowed_folders_are_opened(tmp_path: Path, state: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in (str(folder), "weights", "../weights", "."):
        with pytest.raises(InputError):
            find_folder(name)
    assert find_folder(str(allow_folder(folder))) == folder.resolve()
    assert find_folder(str(folder / "..") + "/weights") == folder.resolve()
    with pytest.raises(InputError):
        find_folder(str(tmp_path))
    (state / "models" / "small").mkdir(parents=True)
    assert find_folder("small") == state / "models" / "small"
    (state / "model_folders.json").write_text("{")
    with pytest.raises(InputError, match="its owner allowed"):
        find_folder(str(folder))
    with pytest.raises(InputError, match="no such folder"):
        allow_folder(tmp_path / "nowhere")

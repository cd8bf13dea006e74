"""style.vgg: the whole path with random weights of VGG19's shapes: file, download from a local server, refusals, painting."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backlot.backend.cli import main
from backlot.backend.core.context import Context
from backlot.backend.io.models.registry import list_models, verify
from backlot.backend.style.operations.style_vgg import run
from backlot.backend.style.vgg.checkpoint import check_shapes, fetch, keep, vgg
from backlot.backend.style.vgg.network import CONVOLUTIONS, HYPERCOLUMN
from backlot.backend.style.vgg.transfer import sizes_for
from backlot.shared.errors import InputError, JobCancelled
from backlot.shared.operations import find
from backlot.shared.values import Image

pytestmark = pytest.mark.usefixtures("one_thread", "state")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """torchvision's file as it would be, with random numbers; its classifier is left out but for one tensor nobody wants."""
    random = torch.Generator().manual_seed(0)
    state: dict[str, torch.Tensor] = {"classifier.6.bias": torch.zeros(1000)}
    for _, number, inputs, outputs in CONVOLUTIONS:
        state[f"features.{number}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=random) * (2 / (9 * inputs)) ** 0.5
        state[f"features.{number}.bias"] = torch.randn(outputs, generator=random) * 0.01
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(state, path)
    return path


@pytest.fixture
def server(checkpoint: Path) -> Iterator[tuple[str, list[str]]]:
    """A web server of the checkpoint's folder, and what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(checkpoint.parent))

        def log_message(self, *arguments: Any) -> None:
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}/vgg19.pth", asked
        serving.shutdown()
        thread.join()


def picture(seed: int, size: int = 64) -> Image:
    y, x = np.mgrid[:size, : size + 16]
    random = np.random.default_rng(seed)
    waves = [np.sin(x * random.uniform(0.1, 0.6) + y * random.uniform(0.1, 0.6) + random.uniform(0, 6)) for _ in range(3)]
    return Image(np.ascontiguousarray(((np.stack(waves, -1) * 0.4 + 0.5) * 255).clip(0, 255).astype(np.uint8)), "srgb")


def paint(inputs: dict[str, Any], context: Context | None = None, **given: Any) -> np.ndarray:
    parameters = find("style.vgg").check_parameters({"steps": 2, **given})
    pixels: np.ndarray = run(inputs, parameters, context or Context(torch.device("cpu"), 3))["image"].pixels
    return pixels


def test_nothing_is_opened_without_a_yes(server: tuple[str, list[str]]) -> None:
    url, asked = server
    with pytest.raises(InputError, match="a yes to the download"):
        fetch(False, lambda *_: None, url)
    assert asked == []


def test_a_download_is_checked_kept_and_used(server: tuple[str, list[str]], checkpoint: Path) -> None:
    import hashlib

    url, asked = server
    fractions: list[float] = []
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    path = fetch(True, lambda fraction, _: fractions.append(fraction), url, digest[:8])
    assert len(asked) == 1
    assert fractions == sorted(fractions)
    assert [model.name for model in list_models() if not model.shipped] == ["vgg19"]
    assert verify(path) == []
    assert vgg("vgg19", torch.device("cpu")).weight_0.shape == (64, 3, 3, 3)


def test_another_file_is_refused(server: tuple[str, list[str]]) -> None:
    with pytest.raises(InputError, match="SHA-256 begins with dcbb9e9d"):
        fetch(True, lambda *_: None, server[0])
    with pytest.raises(InputError, match="a file at"):
        fetch(True, lambda *_: None, server[0] + ".gone", "")
    assert [model.name for model in list_models() if not model.shipped] == []


def test_a_file_with_code_in_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.pth"
    torch.save({"features.0.weight": threading.Thread}, path)
    with pytest.raises(InputError, match="plain tensors"):
        keep(path)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="plain tensors"):
        keep(path)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"features\.0\.weight \(conv1_1\)"):
        check_shapes({"features.0.weight": torch.zeros(64, 3, 7, 7)}, "file")
    with pytest.raises(InputError, match="tensors by name"):
        check_shapes([torch.zeros(1)], "file")


def test_without_weights_it_says_how_to_get_them() -> None:
    with pytest.raises(InputError, match="backlot models fetch vgg19 --yes"):
        paint({"content": picture(0), "style": picture(1)})


def test_the_command_line_imports_and_asks_before_it_fetches(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "import", str(checkpoint)]) == 0
    assert main(["models", "show", "vgg19"]) == 0
    assert "ImageNet" in capsys.readouterr().out
    assert main(["models", "fetch", "vgg19"]) == InputError.exit_code
    assert "--yes" in capsys.readouterr().err


def test_activations_are_those_of_the_layers(checkpoint: Path) -> None:
    """Against the same convolutions written as torch modules, borders aside."""
    keep(checkpoint)
    network = vgg("vgg19", torch.device("cpu"))
    image = torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(1))
    found = network(image, ("conv1_1", "conv2_1"))
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((image - mean[:, None, None]) / deviation[:, None, None])[None]
    one = torch.relu(torch.nn.functional.conv2d(x, network.weight_0, network.bias_0, padding=1))
    torch.testing.assert_close(found["conv1_1"][:, 1:-1, 1:-1], one[0, :, 1:-1, 1:-1], atol=1e-4, rtol=1e-4)
    two = torch.relu(torch.nn.functional.conv2d(one, network.weight_2, network.bias_2, padding=1))
    three = torch.relu(torch.nn.functional.conv2d(torch.nn.functional.avg_pool2d(two, 2), network.weight_5, network.bias_5, padding=1))
    torch.testing.assert_close(found["conv2_1"][:, 4:-4, 4:-4], three[0, :, 4:-4, 4:-4], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("method", ["neighbours", "wasserstein"])
def test_paint_comes_nearer_to_the_style(checkpoint: Path, method: str) -> None:
    keep(checkpoint)
    content, style = picture(0), picture(5)
    made = paint({"content": content, "style": style}, method=method, steps=6, structure=0.1)
    network = vgg("vgg19", torch.device("cpu"))

    def moments(pixels: np.ndarray) -> torch.Tensor:
        found = network(torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1), HYPERCOLUMN)
        return torch.cat([torch.cat([f.mean((1, 2)), f.std((1, 2))]) for f in found.values()])

    before, after = (float((moments(p) - moments(style.pixels)).norm()) for p in (content.pixels, made))
    assert after < 0.95 * before


@pytest.mark.parametrize("method", ["neighbours", "wasserstein"])
def test_the_same_seed_gives_the_same_pixels(checkpoint: Path, method: str) -> None:
    keep(checkpoint)
    one, two = (paint({"content": picture(0), "style": picture(5)}, method=method, steps=1) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_strength_mask_and_second_style(checkpoint: Path) -> None:
    keep(checkpoint)
    content = picture(0)
    inputs: dict[str, Any] = {"content": content, "style": picture(1)}
    np.testing.assert_array_equal(paint(inputs, strength=0.0), content.pixels)
    mask = np.zeros((64, 80, 1), np.uint8)
    mask[:, :40] = 255
    half = paint({**inputs, "mask": Image(mask, "data")})
    np.testing.assert_array_equal(half[:, 40:], content.pixels[:, 40:])
    assert np.abs(half[:, :40].astype(int) - content.pixels[:, :40]).mean() > 2
    both = paint({**inputs, "second_style": picture(7)}, mix=1.0)
    np.testing.assert_array_equal(both, paint({"content": content, "style": picture(7)}))


def test_it_can_be_cancelled(checkpoint: Path) -> None:
    keep(checkpoint)

    def cancel(fraction: float, stage: str, preview: Any = None) -> None:
        if fraction > 0.2:
            msg = "stop"
            raise JobCancelled(msg)

    with pytest.raises(JobCancelled):
        paint({"content": picture(0), "style": picture(1)}, Context(torch.device("cpu"), 1, cancel), steps=8)


def test_sizes_double_up_to_the_full_one() -> None:
    assert sizes_for((512, 384))[-1] == (512, 384)
    assert sizes_for((512, 384))[0] == (64, 48)
    assert sizes_for((40, 30)) == [(40, 30)]

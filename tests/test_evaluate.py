"""Every library measure moves the right way under blur, noise, mode dropping, copying, wrong descriptions and seams."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from backlot.backend.cli import main
from backlot.backend.io.reading import decode
from backlot.backend.materials.attributes import Attributes
from backlot.backend.materials.data.dataset import Dataset, Entry, build_dataset, write_dataset
from backlot.backend.materials.data.measure import measure
from backlot.backend.materials.evaluate.distances import energy_distance, kernel_distance, manifold
from backlot.backend.materials.evaluate.features import RandomNetwork, extract, standardise
from backlot.backend.materials.evaluate.memorisation import memory, memory_sheet
from backlot.backend.materials.evaluate.regressor import r_precision, train_regressor
from backlot.backend.materials.evaluate.report import LEAST, evaluate, rows, seams
from backlot.backend.materials.generator.model import card_of, save_material_model
from backlot.backend.materials.generator.networks import Config, Encoder, Generator
from backlot.shared.errors import InputError
from backlot.shared.values import EncodedFile

pytestmark = pytest.mark.usefixtures("one_thread")
SIDE = 48
FAMILIES = ("sand", "brick", "marble")


def _noise(generator: torch.Generator, sigma: float, stretch: float = 1.0) -> torch.Tensor:
    """Gaussian noise of one grain size on a torus, ``(SIDE, SIDE)``, deviation 1."""
    f = torch.fft.fftfreq(SIDE)
    kernel = torch.exp(-2 * (torch.pi * sigma) ** 2 * ((f[:, None] * stretch) ** 2 + f[None] ** 2))
    field = torch.fft.ifft2(torch.fft.fft2(torch.randn(SIDE, SIDE, generator=generator)) * kernel).real
    return field / field.std()


def _material(family: str, seed: int) -> Entry:
    """Fine grains, rows of bricks, or stretched veins, in a colour of its own."""
    generator = torch.Generator().manual_seed(seed)
    random = torch.rand(6, generator=generator)
    if family == "brick":
        rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
        joint = (rows % 12 < 3) | ((columns + 8 * (rows // 12)) % 16 < 3)
        height = torch.where(joint, 0.2, 0.65) + 0.04 * _noise(generator, 1.0)
    else:
        height = 0.5 + 0.12 * _noise(generator, 0.8 if family == "sand" else 1.5, 1.0 if family == "sand" else 0.3)
    tint = 0.25 + 0.5 * random[:3]
    color = (tint[:, None, None] * (0.6 + 0.8 * height)).clamp(0, 1)
    rough = (0.2 + 0.6 * random[3] + 0.1 * (height - 0.5)).clamp(0, 1)
    stack = torch.cat([color, height[None], rough[None], torch.full((1, SIDE, SIDE), float(random[4]))]).clamp(0, 1)
    shown = measure(stack)
    colors = {n: tuple(shown[n].tolist()) for n in ("color", "gap_color")}
    numbers = {n: float(shown[n]) for n in ("variation", "relief", "roughness", "metallic")}
    return Entry(f"{family} {seed}", stack, Attributes({family: 1.0}, **colors, **numbers))  # type: ignore[arg-type]


@cache
def _real(first: int, count: int) -> Dataset:
    return build_dataset(_material(FAMILIES[i % 3], i) for i in range(first, first + count))


def _made() -> Dataset:
    return _real(10_002, 45)


def _blurred(stacks: torch.Tensor) -> torch.Tensor:
    wide = F.pad(stacks.float(), (2, 2, 2, 2), mode="circular")
    return F.avg_pool2d(wide, 5, 1).round().to(torch.uint8)


def _noisy(stacks: torch.Tensor) -> torch.Tensor:
    noise = torch.randn(stacks.shape, generator=torch.Generator().manual_seed(5)) * 30
    return (stacks.float() + noise).clamp(0, 255).to(torch.uint8)


def _features(seed: int, *sets: torch.Tensor) -> list[torch.Tensor]:
    return standardise(*(extract(s, RandomNetwork(seed)) for s in sets))


@pytest.mark.parametrize("seed", [0, 1])
def test_distances_and_manifolds(seed: int) -> None:
    fresh, dropped = _made().stacks, _made().stacks[1::3].repeat(3, 1, 1, 1)
    reference, good, blurred, noisy, one_family = _features(seed, _real(0, 60).stacks, fresh, _blurred(fresh), _noisy(fresh), dropped)
    floor = kernel_distance(reference, good)
    for worse in (blurred, noisy, one_family):
        assert kernel_distance(reference, worse) > abs(floor) + 0.2
        assert energy_distance(reference, worse) > 2 * energy_distance(reference, good)
    whole = manifold(reference, good)
    assert min(whole.precision, whole.recall, whole.coverage) > 0.8
    assert whole.density == pytest.approx(1, abs=0.4)
    for worse in (blurred, noisy):
        assert manifold(reference, worse).precision < 0.6
        assert manifold(reference, worse).coverage < 0.6
    partly = manifold(reference, one_family)
    assert partly.precision > 0.8  # what is made is good,
    assert partly.coverage < 0.5  # but two families are missing
    assert partly.recall < 0.5


def test_distances_of_known_sets() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 300, 8, generator=generator, dtype=torch.float64)
    assert abs(kernel_distance(a, b)) < 0.05
    assert kernel_distance(a, b + 1) > 1
    assert energy_distance(a, a) == pytest.approx(0)
    two = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    found = manifold(two, torch.tensor([[0.5], [1.5], [10.0], [11.0]]), neighbours=1)
    assert (found.precision, found.coverage) == (0.5, 0.75)


def test_features_are_reproducible_and_shift_invariant() -> None:
    stacks = _made().stacks[:4]
    features = extract(stacks, RandomNetwork(0))
    assert torch.equal(features, extract(stacks, RandomNetwork(0)))
    assert not torch.allclose(features, extract(stacks, RandomNetwork(1)))
    assert torch.allclose(features, extract(stacks.roll((16, 8), (2, 3)), RandomNetwork(0)), atol=1e-5)
    assert bool(torch.isfinite(features).all())


def test_copies_are_found_wherever_they_are_shifted_or_mirrored() -> None:
    training, held_out = _real(0, 60).stacks, _real(20_001, 30).stacks
    fresh = memory(_made().stacks, training, held_out)
    assert fresh.distance_ratio == pytest.approx(1, abs=0.25)
    stolen = training[::3].roll((11, 5), (2, 3)).flip(3)  # sand: no two of them are alike
    copied = memory(stolen, training, held_out)
    assert copied.copies > 0.95
    assert copied.nearest.tolist() == list(range(0, 60, 3))
    assert copied.copies > copied.copies_real + 0.5
    assert memory(training[::3].roll(16, 2), training, held_out).distance_ratio < 0.1
    assert fresh.copies == pytest.approx(fresh.copies_real, abs=0.05)  # bricks in one bond
    assert memory(_made().stacks[::3], training, held_out).copies == 0
    sheet = memory_sheet(stolen, training, copied, 3)
    assert sheet.shape == (2 * SIDE + 4, 3 * SIDE + 8, 3)


def test_r_precision_falls_when_descriptions_are_exchanged() -> None:
    training, made = _real(0, 90), _made()
    reader = train_regressor(training, seconds=60, steps=100)
    others = training.attributes
    right = r_precision(reader, made.stacks, made.attributes, others)
    wrong = r_precision(reader, made.stacks, made.attributes.roll(1, 0), others)
    gray = r_precision(reader, torch.full_like(made.stacks, 128), made.attributes, others)
    assert right > 0.4  # a tenth of a second per figure; after minutes it is near 1
    assert wrong < 0.15
    assert gray < 0.15


def test_seams_are_told_for_each_map() -> None:
    stacks = _real(0, 12).stacks[::3]
    assert min(seams(stacks).values()) > 0.6
    cut = stacks.clone()
    cut[:, 3, :, 30:] = cut[:, 3].roll(17, 1)[:, :, 30:]  # the height alone has a step, seen as a wrap line after a shift
    shares = seams(cut.roll(-30, 3))
    assert shares["height"] < 0.8 * min(share for name, share in shares.items() if name != "height")


def test_the_whole_report() -> None:
    told: list[float] = []
    made = _made()
    result = evaluate(
        made.stacks, made.attributes, _real(20_001, 30), _real(0, 60), seconds=5, steps=20, progress=lambda f, what: told.append(f)
    )
    figures = result.figures
    assert figures["random_networks"]["coverage"]["made"] > 0.8
    assert figures["random_networks"]["energy_ratio"] < 3
    assert figures["memory"]["copies"]["made"] < 0.5
    assert max(figures["asked_and_measured"].values()) < 0.01
    assert told == sorted(told)
    table = rows(figures)
    assert {len(row) for row in table} == {4}
    assert any("coverage" in row[0] and row[3] == ">= 0.8" for row in table)
    with pytest.raises(InputError, match=f"at least {LEAST} held-out"):
        evaluate(made.stacks, made.attributes, _real(20_001, 4), _real(0, 60))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Config().widened(0.1)
    data = write_dataset(tmp_path / "d.safetensors", _real(0, 36))
    torch.manual_seed(0)
    networks = {"generator": Generator(config), "encoder": Encoder(config)}
    card = card_of(config, data={"held_out": 0.5, "split_seed": 3})
    model = save_material_model(tmp_path / "m.safetensors", networks, _real(0, 36).attributes, card)
    out, sheet = tmp_path / "figures.json", tmp_path / "sheet.png"
    arguments = ["evaluate", "--model", str(model), "--data", str(data), "--seconds", "0.3", "--out", str(out), "--sheet", str(sheet)]
    assert main([*arguments, "--count", "16"]) == 0
    assert "coverage, random networks" in capsys.readouterr().out
    figures = json.loads(out.read_text())
    assert figures["counts"] == {"made": 16, "held_out": 18, "training": 18, "side": SIDE}
    assert figures["random_networks"]["coverage"]["made"] < 0.5  # untrained weights make nothing like it
    assert min(figures["seams"].values()) > 0.6
    assert decode(EncodedFile.read(sheet)).pixels.shape == (2 * SIDE + 4, 8 * SIDE + 7 * 4, 3)
    assert main([*arguments, "--count", "3"]) == 2
    assert "at least 15 generated" in capsys.readouterr().err

"""The material model: noise on a torus, networks, windows, layouts drawn by hand, training, checkpoints, and materials from a brief."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from small_material import SMALL, save_small

from backlot.backend.core import gan_losses
from backlot.backend.materials.attributes import FAMILY_NAMES, VECTOR_SIZE, Attributes
from backlot.backend.materials.data.dataset import Dataset, Entry, build_dataset
from backlot.backend.materials.generator import patterns
from backlot.backend.materials.generator import tiled as rollout
from backlot.backend.materials.generator.generate import Request, produce
from backlot.backend.materials.generator.layers import CODE
from backlot.backend.materials.generator.model import MaterialModel, read_material_model, save_material_model
from backlot.backend.materials.generator.networks import Encoder, Inverter
from backlot.backend.materials.generator.noise import make_seeds, mix_seeds
from backlot.backend.materials.generator.tone import apply_tone, find_tone
from backlot.backend.materials.training import generator_losses
from backlot.backend.materials.training.adapt import SIDE, continue_from, exemplar_options, prepare_exemplar
from backlot.backend.materials.training.batches import Sampler, hue_rotation
from backlot.backend.materials.training.checkpoint import load_checkpoint, save_checkpoint
from backlot.backend.materials.training.monitor import Monitor, Schedule
from backlot.backend.materials.training.prior_training import BORDER, read_codes
from backlot.backend.materials.training.training import Options, Trainer, train
from backlot.shared.errors import InputError

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
QUICK = Options(minutes=10.0, warm=2, batch=4, crop=56, margin=8, seed=3)


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> MaterialModel:
    """Untrained networks with a library of two materials of every family, by way of a file."""
    path = save_small(tmp_path_factory.mktemp("models") / "small.safetensors", each=2)
    return read_material_model(path, CPU)


@pytest.fixture(scope="module")
def materials() -> Dataset:
    """Six small materials: stripes and grains in different colours, half of them with a layout."""
    entries = []
    y, x = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    for number in range(6):
        wave = 0.5 + 0.3 * torch.sin(2 * torch.pi * (x + number * y) / 16)
        grain = torch.rand(96, 96, generator=random(number)) * 0.2
        height = (wave + grain).clamp(0, 1)
        stack = torch.stack([height * (0.3 + 0.1 * number), height * 0.5, height * 0.4, height, 0.8 - 0.3 * height, height * 0])
        mask = ((x % 24 > 2) & (y % 24 > 2)).float() if number % 2 else None
        cells = (x // 24 + y // 24 * 4) if number % 2 else None
        family = {FAMILY_NAMES[number]: 1.0}
        entries.append(Entry(f"m{number}", stack, Attributes(family, color=(0.2 + 0.1 * number, 0.3, 0.25)), mask, cells))
    return build_dataset(entries)


# -- noise and windows ------------------------------------------------------------------------------------------------


def test_the_generator_commutes_with_shifts_of_its_noise(small_model: MaterialModel) -> None:
    """So what it makes tiles, by construction and not by luck."""
    style = torch.randn(1, VECTOR_SIZE + SMALL.style + SMALL.latent, generator=random())
    seeds = make_seeds(1, (96, 128), random(1))
    plain = rollout.generate_tiled(small_model.generator, style, seeds)
    moved = rollout.generate_tiled(small_model.generator, style, seeds.roll(32, -64))
    torch.testing.assert_close(plain.roll((32, -64), (1, 2)), moved, atol=2e-5, rtol=0)


def test_windows_give_the_same_as_the_whole(small_model: MaterialModel, monkeypatch: pytest.MonkeyPatch) -> None:
    style = torch.randn(1, VECTOR_SIZE + SMALL.style + SMALL.latent, 40, 32, generator=random()) * 0.3  # one that changes over the picture
    seeds = make_seeds(1, (320, 256), random(1))
    whole = rollout.generate_tiled(small_model.generator, style, seeds)
    monkeypatch.setattr(rollout, "WINDOW", 128)
    monkeypatch.setattr(rollout, "WHOLE", 0)
    fractions: list[float] = []
    torch.testing.assert_close(whole, rollout.generate_tiled(small_model.generator, style, seeds, fractions.append), atol=1e-4, rtol=0)
    assert len(fractions) == 6


def test_a_window_that_wraps_is_a_part_of_the_torus() -> None:
    seeds = make_seeds(1, (32, 48), random())
    window = seeds.window(-8, 40, 16, 16)
    rows, columns = torch.tensor([-8, 0]) // 8 % 4, torch.tensor([40, 48]) // 8 % 6
    assert torch.equal(window.levels[0], seeds.levels[0][:, :, rows][:, :, :, columns])
    assert window.size == (32, 48)


def test_mixed_noise_stays_noise() -> None:
    first, second = make_seeds(1, (256, 256), random(1)), make_seeds(1, (256, 256), random(2))
    half = mix_seeds(first, second, 0.5).levels[3]
    assert abs(float(half.std()) - 1) < 0.02
    assert torch.equal(mix_seeds(first, second, 0.0).levels[0], first.levels[0])


@pytest.mark.parametrize("size", [(50, 70), (64, 64), (33, 128)])
def test_resampling_a_tile_keeps_it_a_tile(size: tuple[int, int]) -> None:
    height, width = rollout.canvas_of(size)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    wave = 0.5 + 0.4 * torch.sin(2 * torch.pi * x / width) * torch.cos(2 * torch.pi * y / height)
    fitted = rollout.fit(wave[None], size)[0]
    y, x = torch.meshgrid(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5, indexing="ij")
    phase_x, phase_y = (x * width / size[1] - 0.5) / width, (y * height / size[0] - 0.5) / height
    truth = 0.5 + 0.4 * torch.sin(2 * torch.pi * phase_x) * torch.cos(2 * torch.pi * phase_y)
    torch.testing.assert_close(fitted, truth, atol=5e-3, rtol=0)


# -- layouts ----------------------------------------------------------------------------------------------------------


def test_bodies_of_a_drawing_are_found_across_the_border() -> None:
    mask = torch.zeros(20, 30)
    mask[2:8, 25:30] = mask[2:8, 0:4] = 1  # one body that wraps to the left side
    mask[12:18, 10:20] = 1
    cells = patterns.label_cells(mask)
    assert cells[4, 27] == cells[4, 1] != 0
    assert cells[14, 12] not in (0, int(cells[4, 1]))
    assert int(cells.max()) == 2
    assert torch.equal(cells == 0, mask == 0)
    apart = patterns.label_cells(mask, tile=False)
    assert apart[4, 27] != apart[4, 1]


def test_every_brick_gets_one_number() -> None:
    mask, cells = torch.ones(1, 16, 16), (torch.arange(16) // 8).expand(16, 16)[None].long()
    encoded = patterns.encode(mask, cells, random())
    assert encoded.shape == (1, patterns.PATTERN_CHANNELS, 16, 16)
    assert len(encoded[0, 2].unique()) == 2
    assert bool((encoded[0, 2, :, :8] == encoded[0, 2, 0, 0]).all())


# -- losses -----------------------------------------------------------------------------------------------------------


def test_patch_distance_ignores_places_and_sees_blur_and_noise() -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 6, 128, 128, generator=random())
    shifted = picture.roll((12, 28), (2, 3))
    blurred = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(picture, (1, 1, 1, 1), mode="circular"), 3, 1)
    same, soft = float(generator_losses.patch_distance(shifted, picture)), float(generator_losses.patch_distance(blurred, picture))
    noisy = float(generator_losses.patch_distance(picture + 0.3 * torch.randn(picture.shape, generator=random()), picture))
    assert soft > 3 * same
    assert noisy > 3 * same


def test_relativistic_loss_wants_the_better_above_the_worse() -> None:
    high, low = [torch.ones(1, 1, 2, 2)], [-torch.ones(1, 1, 2, 2)]
    assert gan_losses.relativistic(high, low) < gan_losses.relativistic(low, high)


# -- training ---------------------------------------------------------------------------------------------------------


def test_batches_show_materials_with_attributes_that_fit(materials: Dataset) -> None:
    batch = Sampler(materials, 56, 8, random(), CPU, recolor=0.0).draw(5)
    assert batch.stack.shape == (5, 6, 72, 72)
    assert batch.pattern.shape == (5, patterns.PATTERN_CHANNELS, 72, 72)
    assert batch.photo.shape == (5, 3, 56, 56)
    known = {tuple(row.tolist()) for row in materials.attributes}
    assert all(tuple(row.tolist()) in known for row in batch.attributes)


def test_crops_are_turned_only_as_far_as_the_family_allows() -> None:
    """Seen on a ramp that rises to the right and down, in a family that may do anything, one with an axis, and one with a top."""
    ramp = torch.linspace(0, 1, 80)
    stack = torch.stack([ramp.expand(80, 80), ramp[:, None].expand(80, 80), *(torch.zeros(80, 80),) * 4])
    seen: dict[str, set[tuple[bool, bool, bool]]] = {}
    for family in ("gravel", "brick", "shingles"):
        sampler = Sampler(build_dataset([Entry("r", stack, Attributes({family: 1.0}), tiles=False)]), 56, 8, random(), CPU, recolor=0.0)
        for _ in range(12):
            for one in sampler.draw(4).stack:
                red, green = one[0], one[1]
                turned = bool((red[0] - red[0, 0]).abs().max() < 1e-6)
                across, down = (green, red) if turned else (red, green)
                seen.setdefault(family, set()).add((turned, bool(across[0, 0] > across[0, -1]), bool(down[0, 0] > down[-1, 0])))
    assert len(seen["gravel"]) == 8
    assert seen["brick"] == {(False, a, b) for a in (False, True) for b in (False, True)}
    assert seen["shingles"] == {(False, a, False) for a in (False, True)}
    data = build_dataset([Entry("r", stack, Attributes({"gravel": 1.0}), tiles=False)])
    plain = Sampler(data, 56, 8, random(), CPU, recolor=0.0, turn=False).draw(8).stack
    assert bool((plain[:, 0, 0, 0] < plain[:, 0, 0, -1]).all() and (plain[:, 1, 0, 0] < plain[:, 1, -1, 0]).all())


def test_recoloured_materials_say_so(materials: Dataset) -> None:
    batch = Sampler(materials, 56, 8, random(), CPU, recolor=1.0).draw(6)
    known = {tuple(row.tolist()) for row in materials.attributes}
    assert not any(tuple(row.tolist()) in known for row in batch.attributes)
    gray = torch.tensor([0.4, 0.4, 0.4])
    torch.testing.assert_close(hue_rotation(0.7) @ gray, gray)


def test_training_learns_and_goes_on_from_a_checkpoint_as_if_never_stopped(materials: Dataset, tmp_path: Path) -> None:
    options = dataclasses.replace(QUICK, half=False)
    trainer = Trainer(SMALL, options, CPU)
    sampler = Sampler(materials, options.crop, options.margin, trainer.random, CPU)
    for _ in range(3):
        trainer.step(sampler.draw(4))
    save_checkpoint(tmp_path / "c.safetensors", trainer)
    resumed = load_checkpoint(tmp_path / "c.safetensors", CPU)
    assert resumed.step_number == 3
    again = Sampler(materials, options.crop, options.margin, resumed.random, CPU)
    results = []
    for one, source in ((trainer, sampler), (resumed, again)):
        torch.manual_seed(5)  # directions of the patch distance
        one.spent = 0.0  # the rate follows the clock
        results.append(one.step(source.draw(4)))
    assert results[0] == pytest.approx(results[1], rel=1e-4)
    for a, b in zip(trainer.generator.parameters(), resumed.generator.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-4)


@pytest.mark.slow
def test_drawing_gets_better(materials: Dataset) -> None:
    trainer = Trainer(SMALL, dataclasses.replace(QUICK, warm=1000, rate=2e-3), CPU)
    sampler = Sampler(materials, QUICK.crop, QUICK.margin, trainer.random, CPU)
    found = [trainer.step(sampler.draw(4))["likeness"] for _ in range(60)]
    assert sum(found[-10:]) < 0.75 * sum(found[:10])


@pytest.mark.slow
def test_the_prior_learns_to_make_codes_and_goes_on_from_a_checkpoint(materials: Dataset, tmp_path: Path) -> None:
    trainer = Trainer(SMALL, dataclasses.replace(QUICK, steps=200, prior=0.96), CPU)
    trainer.step_number = 10
    trainer.prior.options = dataclasses.replace(trainer.prior.options, codes=20.0)  # networks this small lose the game against their critic
    drawing = {name: value.clone() for name, value in trainer.generator.state_dict().items() if not name.startswith("prior.")}
    reading = {name: value.clone() for name, value in trainer.inverter.state_dict().items()}
    assert trainer.training_prior
    trainer.read(materials)
    found = [trainer.prior_step()["codes"] for _ in range(80)]
    assert sum(found[-10:]) < 0.8 * sum(found[:10])
    # The codes' meaning must not change under the prior's hands.
    assert all(torch.equal(trainer.generator.state_dict()[name], value) for name, value in drawing.items())
    assert all(torch.equal(trainer.inverter.state_dict()[name], value) for name, value in reading.items())
    resumed = load_checkpoint(save_checkpoint(tmp_path / "c.safetensors", trainer), CPU)
    resumed.codes_read = trainer.codes_read
    results = []
    for one in (trainer, resumed):
        torch.manual_seed(5)  # directions of the distance
        one.spent = 0.0
        results.append(one.prior_step())
    assert results[0] == pytest.approx(results[1], rel=1e-3)


@pytest.mark.parametrize("tiles", [True, False])
def test_codes_are_read_as_the_inverter_sees_them_far_from_any_edge(materials: Dataset, tiles: bool) -> None:
    inverter = Inverter(SMALL)
    data = dataclasses.replace(materials, tiles=torch.full_like(materials.tiles, tiles))
    codes_read = read_codes(data, inverter, 16, random(), CPU)
    cells = materials.size // 8 - (0 if tiles else 2 * BORDER)
    assert codes_read.tiles is tiles
    assert codes_read.codes.shape == (16, CODE, cells // 4 * 4, cells // 4 * 4)
    assert codes_read.layouts.shape[2:] == codes_read.codes.shape[2:]
    codes = codes_read.codes.float()
    torch.testing.assert_close(codes.mean((0, 2, 3)), torch.zeros(CODE), atol=2e-2, rtol=0)
    torch.testing.assert_close(codes.std((0, 2, 3)), torch.ones(CODE), atol=5e-2, rtol=0)


def test_a_checkpoint_that_is_none_is_refused(tmp_path: Path, small_model: MaterialModel) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_checkpoint(tmp_path / "none.safetensors", CPU)
    (tmp_path / "bad.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{not json at all")
    with pytest.raises(InputError, match="damaged"):
        load_checkpoint(tmp_path / "bad.safetensors", CPU)


def test_a_monitor_writes_curves_samples_and_checkpoints_and_can_stop(materials: Dataset, tmp_path: Path) -> None:
    trainer = Trainer(SMALL, dataclasses.replace(QUICK, steps=6), CPU)
    said: list[str] = []
    watch = Monitor(
        tmp_path, materials, Schedule(curves=2, check=0.0, save=0.0), lambda _f, words, _p: said.append(words), tensorboard=False
    )
    train(materials, trainer, watch)
    watch.close(trainer)
    rows = (tmp_path / "curves.csv").read_text().splitlines()
    assert rows[0].startswith("step,minutes,")
    assert len(rows) >= 6
    assert (tmp_path / "samples.png").stat().st_size > 1000
    assert load_checkpoint(tmp_path / "checkpoint.safetensors", CPU).step_number == trainer.step_number
    assert any("held-out" in words for words in said)


def test_drawing_that_gets_no_better_makes_room_for_the_prior(materials: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from backlot.backend.materials.training import monitor

    picture = torch.zeros(8, 8, 3, dtype=torch.uint8).numpy()
    monkeypatch.setattr(monitor, "check", lambda *_: ({"held_out": 2.0, "variety": 1.0}, picture))
    trainer = Trainer(SMALL, dataclasses.replace(QUICK, minutes=60.0, warm=0), CPU)
    watch = Monitor(tmp_path, materials, Schedule(check=0.0, patience=2), tensorboard=False)
    train(materials, trainer, watch)
    assert "no better" in watch.why_stopped
    assert 1 <= trainer.prior.step_number <= trainer.step_number - 2
    assert trainer.spent < 60  # what was skipped is not counted as work
    watch.close(trainer)
    assert load_checkpoint(tmp_path / "checkpoint.safetensors", CPU).training_prior


def test_a_training_that_collapsed_is_ended(materials: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from backlot.backend.materials.training import monitor

    picture = torch.zeros(8, 8, 3, dtype=torch.uint8).numpy()
    monkeypatch.setattr(monitor, "check", lambda *_: ({"held_out": 2.0, "variety": 0.01}, picture))
    trainer = Trainer(SMALL, dataclasses.replace(QUICK, steps=30, warm=0), CPU)
    watch = Monitor(tmp_path, materials, Schedule(check=0.0), tensorboard=False)
    train(materials, trainer, watch)
    assert "every seed" in watch.why_stopped
    assert trainer.step_number == monitor.STRIKES
    watch.close(trainer)


# -- materials from a brief ---------------------------------------------------------------------------------------------


def test_one_seed_one_material_and_another_seed_another(small_model: MaterialModel) -> None:
    request = Request((64, 64), "red brick")
    first, again, other = (produce(small_model, request, seed).stack for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert float((first - other).abs().mean()) > 0.005


@pytest.mark.parametrize("size", [(40, 200), (64, 64), (101, 77)])
def test_any_size(small_model: MaterialModel, size: tuple[int, int]) -> None:
    made = produce(small_model, Request(size, "grass"), 1)
    assert made.stack.shape == (6, *size)
    assert 0 <= float(made.stack.min()) <= float(made.stack.max()) <= 1
    assert made.width_m > 0 < made.depth_m


def test_sliders_win_over_the_prompt_and_the_prompt_over_habit(small_model: MaterialModel) -> None:
    plain = produce(small_model, Request((32, 32), "brick"), 1).brief.attributes
    wet = produce(small_model, Request((32, 32), "very wet brick"), 1).brief.attributes
    slid = produce(small_model, Request((32, 32), "very wet brick", sliders={"wetness": 0.125, "roughness": None}), 1).brief.attributes
    assert plain.wetness == 0.0
    assert wet.wetness > 0.5
    assert slid.wetness == 0.125
    assert plain.main_family == wet.main_family == "brick"


def test_growth_makes_the_gaps_green_unless_they_have_a_colour(small_model: MaterialModel) -> None:
    bare, mossy = (produce(small_model, Request((32, 32), p), 1).brief.attributes.gap_color for p in ("cobblestone", "mossy cobblestone"))
    assert mossy[1] - mossy[2] > bare[1] - bare[2] or mossy[1] > mossy[2] + 0.1
    slid = produce(small_model, Request((32, 32), "mossy cobblestone", sliders={"gap_color": [1, 0, 0]}), 1).brief.attributes
    assert slid.gap_color == (1.0, 0.0, 0.0)


def test_odd_colours_are_not_taken_unless_asked_for(small_model: MaterialModel) -> None:
    from backlot.backend.materials.attributes import COLORS

    library = small_model.library[small_model.library[:, FAMILY_NAMES.index("brick")] > 0.5][:1].repeat(10, 1)
    at = len(FAMILY_NAMES) + 3 * COLORS.index("color")
    library[:, at : at + 3] = torch.tensor([0.6, 0.3, 0.2]) + 0.01 * torch.arange(10)[:, None]
    library[3, at : at + 3] = torch.tensor([0.1, 0.2, 0.9])
    model = dataclasses.replace(small_model, library=library)
    seen = [produce(model, Request((32, 32), "brick"), seed).brief.attributes.color for seed in range(30)]
    assert all(color[2] < 0.5 for color in seen)
    assert len(set(seen)) > 3
    blue = produce(model, Request((32, 32), "brick", sliders={"color": [0.1, 0.2, 0.9]}), 1).brief.attributes
    assert blue.color == (0.1, 0.2, 0.9)


def test_words_the_model_does_not_know_come_back(small_model: MaterialModel) -> None:
    assert "xylophone" in produce(small_model, Request((32, 32), "brick xylophone"), 1).brief.prompt.unknown


def test_near_a_seed_is_nearer_than_another(small_model: MaterialModel) -> None:
    base = produce(small_model, Request((64, 64), "gravel"), 7).stack
    same = produce(small_model, Request((64, 64), "gravel", like_seed=7, likeness=1.0), 99).stack
    near = produce(small_model, Request((64, 64), "gravel", like_seed=7, likeness=0.8), 99).stack
    far = produce(small_model, Request((64, 64), "gravel"), 99).stack
    torch.testing.assert_close(base, same, atol=1e-6, rtol=0)
    assert float((near - base).abs().mean()) < float((far - base).abs().mean())


def test_a_path_goes_on_from_where_it_led(small_model: MaterialModel) -> None:
    step = produce(small_model, Request((64, 64), "gravel", like_seed=7, likeness=0.5), 40).stack
    again = produce(small_model, Request((64, 64), "gravel", like_seed=7, like_path=((40, 0.5),), likeness=1.0), 51).stack
    torch.testing.assert_close(step, again, atol=1e-6, rtol=0)
    base = produce(small_model, Request((64, 64), "gravel"), 7).stack
    onward = produce(small_model, Request((64, 64), "gravel", like_seed=7, like_path=((40, 0.5),), likeness=0.8), 51).stack
    assert float((onward - step).abs().mean()) < float((onward - base).abs().mean())


def test_seeds_differ_where_much_is_set(small_model: MaterialModel) -> None:
    sliders = {"roughness": 0.5, "relief": 0.4, "color": [0.4, 0.3, 0.2]}
    seen = {round(produce(small_model, Request((32, 32), "brick", sliders=sliders), s).brief.attributes.scale, 5) for s in range(20)}
    assert len(seen) > 12


def test_morphing_goes_from_one_to_the_other(small_model: MaterialModel) -> None:
    ends = [produce(small_model, Request((64, 64), "snow", morph_prompt="lava", morph=m), 3).stack for m in (0.0, 0.5, 1.0)]
    whole = float((ends[0] - ends[2]).abs().mean())
    assert whole > 0
    assert float((ends[0] - ends[1]).abs().mean()) < whole
    mask = torch.zeros(64, 64)
    mask[:, 32:] = 1
    split = produce(small_model, Request((64, 64), "snow", morph_prompt="lava", morph=1.0, morph_mask=mask), 3).stack
    left, right = split[..., 12:20], split[..., 44:52]  # away from both borders of the mask
    assert float((left - ends[0][..., 12:20]).abs().mean()) < float((left - ends[2][..., 12:20]).abs().mean())
    assert float((right - ends[2][..., 44:52]).abs().mean()) < float((right - ends[0][..., 44:52]).abs().mean())


def test_a_drawn_layout_is_used(small_model: MaterialModel) -> None:
    drawing = torch.ones(64, 64)
    drawing[::16] = 0
    made = produce(small_model, Request((64, 64), "brick", pattern=drawing), 3)
    assert made.layout == "drawn"
    assert produce(small_model, Request((64, 64), "brick"), 3).layout == "running_bond"
    assert produce(small_model, Request((64, 64), "brick", layout="none"), 3).layout == "none"


def test_a_photograph_sets_what_is_not_said(small_model: MaterialModel) -> None:
    photo = torch.rand(3, 80, 120, generator=random()) * torch.tensor([0.9, 0.2, 0.1])[:, None, None]
    made = produce(small_model, Request((32, 32), photo=photo), 3).brief
    torch.testing.assert_close(torch.tensor(made.attributes.color), photo.mean((1, 2)), atol=1e-5, rtol=0)
    assert produce(small_model, Request((32, 32), "brick", photo=photo), 3).brief.attributes.main_family == "brick"


def test_tone_curves_bring_one_distribution_to_another() -> None:
    made, wanted = torch.rand(2, 6, 64, 64, generator=random(1)) * 0.4 + 0.3, torch.rand(3, 6, 48, 48, generator=random(2)).square()
    curves = find_tone(made, wanted)
    got = torch.stack([apply_tone(one, curves) for one in made])
    for share in (0.05, 0.5, 0.95):
        assert abs(float(got.quantile(share)) - float(wanted.quantile(share))) < 0.02
    level = torch.full((1, 6, 8, 8), 0.5)
    assert bool(apply_tone(level[0], find_tone(level, level)).sub(0.5).abs().max() < 1e-3)


# -- adapting to an exemplar ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_exemplar_becomes_training_data_and_the_base_goes_on(small_model: MaterialModel) -> None:
    y, x = torch.meshgrid(torch.arange(150), torch.arange(260), indexing="ij")
    wave = 0.5 + 0.4 * torch.sin(x / 5.0) * torch.cos(y / 7.0)
    stack = torch.stack([wave, wave * 0.5, wave * 0.2, wave, 1 - wave, wave * 0])
    data = prepare_exemplar(stack, small_model, seed=1, variations=1)
    assert data.size == SIDE
    assert len(data) >= 3
    assert data.tiles.tolist() == [False] * (len(data) - 1) + [True]
    trainer = continue_from(small_model, dataclasses.replace(exemplar_options(1.0, 1), steps=1, batch=2, crop=56), CPU)
    before = small_model.generator.state_dict()
    assert all(torch.equal(before[k], v) for k, v in trainer.generator.state_dict().items())
    train(data, trainer, lambda *_: False)
    assert trainer.step_number == 1
    assert any(not torch.equal(before[k], v) for k, v in trainer.generator.state_dict().items())


@pytest.mark.parametrize(("stack", "words"), [(torch.rand(6, 40, 200), "at least 96"), (torch.full((6, 128, 128), 0.5), "even colour")])
def test_exemplars_that_cannot_work_are_refused(small_model: MaterialModel, stack: torch.Tensor, words: str) -> None:
    with pytest.raises(InputError, match=words):
        prepare_exemplar(stack, small_model, seed=1)


def test_weights_of_another_version_are_refused(small_model: MaterialModel, tmp_path: Path) -> None:
    networks = {"generator": Encoder(SMALL), "encoder": Encoder(SMALL)}
    path = save_material_model(tmp_path / "old.safetensors", networks, small_model.library, small_model.card)
    with pytest.raises(InputError, match="another version"):
        read_material_model(path, CPU)


def test_a_model_without_a_discriminator_cannot_be_trained_on(small_model: MaterialModel) -> None:
    with pytest.raises(InputError, match="discriminator"):
        continue_from(dataclasses.replace(small_model, training={}), QUICK, CPU)

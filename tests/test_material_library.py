"""A studio's folder becomes training data: names, colour spaces, missing maps, what is left out and why."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from backlot.backend.cli import main
from backlot.backend.io.models.registry import list_models, read_card, verify
from backlot.backend.io.writing import encode
from backlot.backend.materials.attributes import FAMILY_NAMES, Attributes
from backlot.backend.materials.data.collect import Collection, collect
from backlot.backend.materials.data.dataset import Dataset, Entry, build_dataset, read_dataset, write_dataset
from backlot.backend.materials.data.measure import measure
from backlot.backend.materials.data.names import parse_name
from backlot.backend.materials.maps import directx, normal_from_height
from backlot.backend.materials.training.monitor import Monitor
from backlot.backend.materials.training.training import Trainer
from backlot.shared.errors import InputError
from backlot.shared.values import Image

pytestmark = pytest.mark.usefixtures("one_thread")
SIZE = 64


def _field(seed: int, size: int = SIZE, smooth: float = 4.0) -> np.ndarray:
    """Smooth noise that tiles, ``(size, size)`` float32 in 0..1."""
    spectrum = np.fft.fft2(np.random.default_rng(seed).standard_normal((size, size)))
    f = np.fft.fftfreq(size)
    field = np.fft.ifft2(spectrum * np.exp(-((f[:, None] ** 2 + f[None] ** 2) * (smooth * 4) ** 2))).real
    return ((field - field.min()) / np.ptp(field)).astype(np.float32)


def _color(seed: int, size: int = SIZE) -> np.ndarray:
    return np.stack([_field(seed + i, size) * 0.5 + 0.1 * i for i in (1, 2, 3)], 2)


def _write(path: Path, values: np.ndarray, kind: type = np.uint8, space: str = "srgb") -> None:
    values = values[..., None] if values.ndim == 2 else values
    pixels = values.astype(kind) if np.issubdtype(kind, np.floating) else np.rint(values * np.iinfo(kind).max).astype(kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(Image(np.ascontiguousarray(pixels), space), path.suffix))


def _collect(folder: Path, **more: object) -> Collection:
    return collect(folder, size=SIZE, **more)  # type: ignore[arg-type]


def _reason(collection: Collection, name: str) -> str:
    return next(s.reason for s in collection.skipped if name in s.path)


@pytest.mark.parametrize(
    ("stem", "material", "kind"),
    [
        ("Bricks059_1K-JPG_NormalGL", "Bricks059", "normal"),
        ("Bricks059_1K-JPG_NormalDX", "Bricks059", "normal_dx"),
        ("rock_wall_08_nor_gl_4k", "rock_wall_08", "normal"),
        ("rock_wall_08_diff_1k", "rock_wall_08", "base_color"),
        ("MossBaseColor", "Moss", "base_color"),
        ("wood-planks_2048_ROUGH", "wood-planks", "roughness"),
        ("floor Glossiness 4096", "floor", "gloss"),
        ("floor_arm_2k", "floor", "packed"),
        ("sand_metalness", "sand", "metallic"),
        ("height_16bit", "", "height"),
        ("059_color", "059", "base_color"),
        ("Bricks059_4K_AmbientOcclusion", "Bricks059", "ignored"),
        ("granite", "granite", ""),
        ("colorado_2k", "colorado", ""),
    ],
)
def test_names(stem: str, material: str, kind: str) -> None:
    said = parse_name(stem)
    assert (said.material, said.kind) == (material, kind)


def test_a_stack_of_16_bit_maps_arrives_in_the_right_channels(tmp_path: Path) -> None:
    height, rough = _field(10), _field(11)
    _write(tmp_path / "stone_basecolor.png", _color(1), np.uint16)
    _write(tmp_path / "stone_Height_1k.png", height, np.uint16)
    _write(tmp_path / "stone_gloss.tif", 1 - rough, np.uint16, "data")
    _write(tmp_path / "stone_metal.png", np.full((SIZE, SIZE), 0.25))
    (entry,) = _collect(tmp_path).entries
    stack = entry.stack.float() / 255
    assert entry.name == "stone"
    assert torch.allclose(stack[:3], torch.from_numpy(_color(1)).permute(2, 0, 1), atol=3e-3)
    assert np.corrcoef(stack[3].flatten(), height.flatten())[0, 1] > 0.999
    assert float(stack[3].mean()) == pytest.approx(0.5, abs=0.01)
    assert torch.allclose(stack[4], torch.from_numpy(rough), atol=3e-3)
    assert torch.allclose(stack[5], torch.tensor(0.25), atol=3e-3)
    assert entry.notes == ()
    attributes = Attributes.from_vector(entry.attributes)  # type: ignore[arg-type]
    assert attributes.roughness == pytest.approx(rough.mean(), abs=0.01)
    assert attributes.metallic == pytest.approx(0.25, abs=0.01)


def test_linear_colour_is_encoded_and_data_is_not(tmp_path: Path) -> None:
    """0.2 of light is 0.4845 in sRGB; a roughness of 0.2 stays 0.2."""
    color = np.full((SIZE, SIZE, 3), 0.2) + (_field(3)[..., None] - 0.5) * 0.06
    _write(tmp_path / "a_albedo.exr", color, np.float32, "linear")
    _write(tmp_path / "a_roughness.exr", np.full((SIZE, SIZE), 0.2), np.float32, "data")
    (entry,) = _collect(tmp_path).entries
    assert float(entry.stack[:3].float().mean()) / 255 == pytest.approx(0.4845, abs=0.01)
    assert float(entry.stack[4].float().mean()) / 255 == pytest.approx(0.2, abs=0.003)


@pytest.mark.parametrize("kind", ["nor_gl", "normal_dx"])
def test_height_comes_back_from_a_normal_map(tmp_path: Path, kind: str) -> None:
    height = torch.from_numpy(_field(5))
    normal = normal_from_height(height, 12.0)
    normal = directx(normal) if kind.endswith("dx") else normal
    _write(tmp_path / "m_diffuse.png", _color(1))
    _write(tmp_path / f"m_{kind}.png", normal.permute(1, 2, 0).numpy(), np.uint16)
    (entry,) = _collect(tmp_path).entries
    assert np.corrcoef(entry.stack[3].flatten(), height.flatten())[0, 1] > 0.99
    assert "height integrated from the normal map" in entry.notes


def test_what_is_missing_is_guessed_and_said_so(tmp_path: Path) -> None:
    _write(tmp_path / "mossy_granite_2k.jpg", _color(1))
    (entry,) = _collect(tmp_path).entries
    assert len(entry.notes) == 3
    assert float(entry.stack[4].float().mean()) / 255 == pytest.approx(0.6, abs=0.01)
    known = dict(zip(["roughness", "metallic", "relief"], entry.known[-9:][[3, 4, 2]].tolist(), strict=True))  # type: ignore[index]
    assert known == {"roughness": False, "metallic": False, "relief": False}
    assert entry.caption == "mossy granite"


def test_folders_sidecars_and_licences(tmp_path: Path) -> None:
    (tmp_path / "LICENSE.txt").write_text("CC0 1.0 Universal")
    _write(tmp_path / "stone walls" / "Old_Brick" / "textures" / "color.png", _color(1))
    _write(tmp_path / "stone walls" / "Old_Brick" / "textures" / "rough.png", _field(2))
    folder = tmp_path / "floors" / "oak"
    _write(folder / "oak_col.png", _color(5))
    said = {
        "caption": "worn oak planks",
        "tags": ["matte"],
        "family": "planks",
        "metres": 2.0,
        "license": "studio",
        "attributes": {"wear": 0.8},
    }
    (folder / "oak.json").write_text(json.dumps(said))
    oak, brick = _collect(tmp_path).entries
    assert brick.caption == "old brick, stone walls"
    assert brick.licence == "CC0 1.0 Universal"
    assert oak.caption == "worn oak planks"
    assert (oak.licence, oak.metres) == ("studio", 2.0)
    attributes = Attributes.from_vector(oak.attributes)  # type: ignore[arg-type]
    assert attributes.family == {"planks": 1.0}
    assert attributes.wear == pytest.approx(0.8)
    assert attributes.scale == 0.0  # 32 px a metre, an eighth of the reference
    assert bool(oak.known[FAMILY_NAMES.index("planks")])  # type: ignore[index]


def test_everything_that_is_left_out_is_listed_and_nothing_is_fatal(tmp_path: Path) -> None:
    for number in range(3):
        _write(tmp_path / f"good{number}_color.png", _color(number * 7))
    (tmp_path / "copy.png").write_bytes((tmp_path / "good1_color.png").read_bytes())
    _write(tmp_path / "small_diff.png", _color(1, 32))
    _write(tmp_path / "flat_diff.png", np.full((SIZE, SIZE, 3), 0.5))
    _write(tmp_path / "good0_normal.png", np.zeros((SIZE, SIZE // 2, 3)))
    _write(tmp_path / "lonely_roughness.png", _field(1))
    (tmp_path / "broken_color.png").write_bytes((tmp_path / "good0_color.png").read_bytes()[:400])
    (tmp_path / "empty_color.jpg").write_bytes(b"")
    (tmp_path / "words_color.tif").write_text("not a picture")
    (tmp_path / "good2.json").write_text("{ not json")
    noise = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 4)).astype(np.uint8)
    Pillow.fromarray(noise, "CMYK").save(tmp_path / "press.jpg")
    Pillow.fromarray(noise, "RGBA").save(tmp_path / "leaf.png")
    frames = [Pillow.fromarray(noise[..., i]) for i in range(3)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    collection = _collect(tmp_path)
    assert sorted(e.name for e in collection.entries) == ["copy", "good0", "good2"]  # good1 and its copy count once
    assert collection.materials == 3
    wanted = {
        "good1": "the same as copy.png", "small": "at least 64 x 64", "flat": "one colour", "good0_normal": "proportions",
        "lonely": "no base colour", "broken": "whole image", "empty": "empty file", "words": "image file", "good2.json": "JSON",
        "press": "CMYK", "leaf": "alpha that hides 5", "moving": "one still image",
    }  # fmt: skip
    for name, words in wanted.items():
        assert words in _reason(collection, name), name
    assert len(collection.skipped) == len(wanted)


def test_a_photograph_whose_name_ends_like_a_map(tmp_path: Path) -> None:
    _write(tmp_path / "rusty_metal.jpg", _color(1))
    _write(tmp_path / "rock" / "rock_diff.png", _color(4))
    _write(tmp_path / "rock" / "rock_rough.png", _field(4))
    _write(tmp_path / "rock" / "beauty.png", _color(9))
    collection = _collect(tmp_path)
    assert sorted(e.name for e in collection.entries) == ["rock", "rusty_metal"]
    assert "no map by its name" in _reason(collection, "beauty")


def test_the_larger_of_two_resolutions_is_used(tmp_path: Path) -> None:
    _write(tmp_path / "rock_diff_1k.png", _color(1, 64))
    _write(tmp_path / "rock_diff_2k.png", _color(1, 128))
    collection = _collect(tmp_path)
    assert [e.name for e in collection.entries] == ["rock", *(f"rock quarter {i}" for i in (1, 2, 3, 4))]
    assert "larger" in _reason(collection, "rock_diff_1k")
    assert [e.tiles for e in collection.entries] == [True, False, False, False, False]
    assert len(_collect(tmp_path, close_ups=False).entries) == 1


def test_what_tiles_is_told_from_what_does_not(tmp_path: Path) -> None:
    _write(tmp_path / "a.png", _color(1))
    _write(tmp_path / "b.png", _color(1, 128)[:SIZE, :SIZE])
    _write(tmp_path / "c.png", np.concatenate([_color(3), _color(3)], 1))  # twice as wide: repeated downwards
    _write(tmp_path / "d.png", _color(1, 128)[:64, :100])
    assert {e.name: e.tiles for e in _collect(tmp_path, close_ups=False).entries} == {"a": True, "b": False, "c": True, "d": False}


def test_too_small_a_library_is_refused_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there"):
        _collect(tmp_path / "nowhere")
    _write(tmp_path / "a.png", _color(1))
    with pytest.raises(InputError, match=r"at least 123 different materials.*got 1 of 64 px.*Add 122 or more"):
        _collect(tmp_path).require_enough()
    entry = Entry("x", torch.zeros(6, 256, 256), torch.zeros(0))
    Collection([entry] * 8, [], 8, 256).require_enough()


def test_progress_is_told_and_may_stop_it(tmp_path: Path) -> None:
    for name in "abc":
        _write(tmp_path / f"{name}.png", _color(ord(name)))
    told: list[float] = []
    _collect(tmp_path, progress=lambda fraction, what: told.append(fraction))
    assert told[0] == 0
    assert told[-1] == 1
    assert told == sorted(told)

    def stop(fraction: float, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _collect(tmp_path, progress=stop)


def _dataset(count: int = 6, size: int = 32) -> Dataset:
    def entries() -> object:
        for number in range(count):
            maps = np.stack([_field(number * 6 + i, size) for i in range(6)])
            pattern = torch.from_numpy(maps[0]) if number % 2 else None
            yield Entry(
                f"m{number}", torch.from_numpy(maps), Attributes({"brick" if number % 2 else "sand": 1.0}), pattern, tiles=number > 0
            )

    return build_dataset(entries(), {"seed": 3})  # type: ignore[arg-type]


def test_a_dataset_comes_back_as_it_was_written(tmp_path: Path) -> None:
    made = _dataset()
    back = read_dataset(write_dataset(tmp_path / "new" / "d.safetensors", made, {"command": "x"}))
    assert back.meta == {"seed": 3, "command": "x"}
    assert torch.equal(back.stacks, made.stacks)
    assert torch.equal(back.attributes, made.attributes)
    assert back.patterns is not None
    assert made.patterns is not None
    assert torch.equal(back.patterns, made.patterns)
    assert back.has_pattern.tolist() == [False, True] * 3
    assert back.cells is None
    assert [e["name"] for e in back.entries] == [f"m{i}" for i in range(6)]
    rest, held = back.split(0.34)
    assert (len(rest), len(held)) == (4, 2)
    assert {e["name"] for e in rest.entries} | {e["name"] for e in held.entries} == {f"m{i}" for i in range(6)}
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["d.safetensors"]


def test_quarters_of_a_material_are_not_held_out_from_it(tmp_path: Path) -> None:
    for number in range(6):
        _write(tmp_path / f"m{number}_color.png", _color(number * 9, 2 * SIZE))
    rest, held = build_dataset(_collect(tmp_path).entries).split(0.4)
    assert (len(rest), len(held)) == (20, 10)
    assert not {e["name"][:2] for e in rest.entries} & {e["name"][:2] for e in held.entries}


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    path = write_dataset(tmp_path / "d.safetensors", _dataset())
    whole = path.read_bytes()
    for data, said in (
        (whole[:-100], "damaged"),
        (b"zip file", "damaged"),
        (whole.replace(b"backlot-dataset-1", b"backlot-dataset-9"), "another kind"),
    ):
        path.write_bytes(data)
        with pytest.raises(InputError, match=said):
            read_dataset(path)
    with pytest.raises(InputError, match="no such file"):
        read_dataset(tmp_path / "gone")
    with pytest.raises(InputError, match="at least one"):
        build_dataset([])
    with pytest.raises(InputError, match="stacks of shape"):
        build_dataset([Entry("a", torch.zeros(6, 8, 8), torch.zeros(3)), Entry("b", torch.zeros(6, 9, 9), torch.zeros(3))])


def test_measures_see_body_and_gaps_apart() -> None:
    stack = torch.zeros(6, 40, 40)
    stack[:3] = torch.tensor([0.8, 0.4, 0.2])[:, None, None]
    stack[3] = 0.7
    stack[4], stack[5] = 0.3, 0.9
    stack[:3, :10] = 0.5  # a joint, a quarter of the tile
    stack[3, :10] = 0.2
    measured = measure(stack)
    assert torch.allclose(measured["color"], torch.tensor([0.8, 0.4, 0.2]), atol=1e-5)
    assert torch.allclose(measured["gap_color"], torch.tensor(0.5), atol=1e-5)
    assert float(measured["variation"]) < 0.01
    assert float(measured["relief"]) == pytest.approx((0.2165 - 0.08) / 0.17, abs=0.01)
    assert (float(measured["roughness"]), float(measured["metallic"])) == (pytest.approx(0.3), pytest.approx(0.9))
    striped = stack.clone()
    striped[:3, 10:, ::2] *= 0.6
    assert float(measure(striped)["variation"]) > 0.4


def test_a_model_from_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """From a folder to a listed model: stopped by Ctrl-C, resumed, saved with a card, and gone on from as a base."""
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(tmp_path / "state"))
    for number in range(31):
        _write(tmp_path / "library" / f"stone_{number}.png", _color(number * 5, 128))
    (tmp_path / "library" / "bad.png").write_bytes(b"no picture")
    log = tmp_path / "log"
    common = ["train", "materials", "--data", str(tmp_path / "library"), "--size", "128", "--width", "0.1", "--batch", "2", "--crop", "56"]
    common += ["--steps", "2", "--licence", "CC0-1.0", "--log", str(log)]
    real_watch = Monitor.__call__

    def interrupt(self: Monitor, trainer: Trainer, found: dict[str, float]) -> bool:
        real_watch(self, trainer, found)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Monitor, "__call__", interrupt)
        assert main([*common, "--out", "stones"]) == 130
    said = capsys.readouterr().err
    assert "31 materials, 31 stacks, 1 left out" in said
    assert "bad.png: " in said
    assert "--resume" in said
    assert main([*common, "--out", "stones"]) == 2  # a checkpoint is there
    assert "under way" in capsys.readouterr().err
    assert main([*common, "--out", "stones", "--resume"]) == 0
    assert (log / "samples.png").exists()
    assert (log / "curves.csv").read_text().count("\n") >= 2
    (info,) = [i for i in list_models() if not i.shipped]
    assert info.name == "stones"
    assert info.card is not None
    assert (info.card.metrics["steps"], info.card.licence, info.card.data["stacks"]) == (2, "CC0-1.0", 28)
    assert verify(info.path) == []
    dataset = tmp_path / "library.safetensors"
    arguments = ["train", "materials", "--data", str(tmp_path / "library"), "--size", "128", "--collect-only", str(dataset)]
    assert main(arguments) == 0
    arguments = ["train", "materials", "--data", str(dataset), "--base", "stones", "--steps", "1", "--batch", "2", "--crop", "56"]
    assert main([*arguments, "--out", str(tmp_path / "more.safetensors"), "--log", str(tmp_path / "log2")]) == 0
    assert read_card(tmp_path / "more.safetensors").base == "stones"
    assert main([*arguments, "--width", "2", "--out", "x"]) == 2
    assert main([*arguments, "--out", "../x"]) == 2

"""Model files: what is kept in them, and what a damaged, foreign or other one is answered."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from backlot.backend.cli import main
from backlot.backend.io.models import registry
from backlot.backend.io.models.cards import ModelCard
from backlot.shared.errors import InputError

CARD = ModelCard(
    "material-gan-test", {"width": 8}, "A test", "CC0-1.0", {"description": "noise", "materials": 3}, "pytest", metrics={"kid": 0.1}
)


def _tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "weight": torch.randn(8, 4, generator=generator),
        "half": torch.randn(5, generator=generator).to(torch.bfloat16),
        "step": torch.tensor(7),
    }


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "shipped")
    return registry.save_model(tmp_path / "elsewhere" / "stone.safetensors", _tensors(), CARD)


def test_a_model_comes_back_as_it_was_saved(model: Path) -> None:
    tensors, card = registry.load_model(model, "material-gan-test")
    assert card == CARD
    assert {n: t.dtype for n, t in tensors.items()} == {n: t.dtype for n, t in _tensors().items()}
    assert all(torch.equal(t, _tensors()[n]) for n, t in tensors.items())
    assert registry.verify(model) == []
    assert [p.name for p in model.parent.iterdir()] == [model.name]  # nothing left beside it


def test_import_list_find_export_and_remove(model: Path, tmp_path: Path) -> None:
    assert registry.list_models() == []
    path = registry.import_model(model, "granite-2")
    assert registry.find_model("granite-2") == path
    assert path.parent == tmp_path / "state" / "models"
    (info,) = registry.list_models()
    assert (info.name, info.shipped, info.problem) == ("granite-2", False, "")
    assert info.card == CARD
    with pytest.raises(InputError, match="there already"):
        registry.import_model(model, "granite-2")
    registry.import_model(model, "granite-2", replace=True)
    out = registry.export_model("granite-2", tmp_path)
    assert out == tmp_path / "granite-2.safetensors"
    assert registry.verify(out) == []
    registry.remove_model("granite-2")
    with pytest.raises(InputError, match="there are none"):
        registry.find_model("granite-2")


def test_shipped_models_are_found_but_neither_removed_nor_hidden(model: Path) -> None:
    registry.save_model(registry.SHIPPED / "base.safetensors", _tensors(), CARD)
    assert [(i.name, i.shipped) for i in registry.list_models()] == [("base", True)]
    with pytest.raises(InputError, match="came with Backlot"):
        registry.remove_model("base")
    with pytest.raises(InputError, match="no shipped model has"):
        registry.import_model(model, "base", replace=True)


@pytest.mark.parametrize("name", ["../stone", "/etc/passwd", "a/b", "..", "", ".hidden", "x" * 65, "stone\n"])
def test_a_path_is_no_name(model: Path, name: str) -> None:
    with pytest.raises(InputError, match="letters, digits"):
        registry.find_model(name)


def test_another_architecture_is_refused_by_name(model: Path) -> None:
    with pytest.raises(InputError, match=r"'sky-gan-1', got 'material-gan-test' in stone\.safetensors"):
        registry.load_model(model, "sky-gan-1")


def test_damage_anywhere_is_noticed(model: Path) -> None:
    whole = model.read_bytes()
    assert "no such file" in registry.verify(model.with_name("gone.safetensors"))[0]
    changed = bytearray(whole)
    changed[-3] ^= 1  # one bit of one weight
    for data, said in ((whole[:-5], "damaged"), (whole[:40], "damaged"), (b"", "damaged"), (b"x" * 500, "damaged"), (changed, "sha256")):
        model.write_bytes(data)
        (finding,) = registry.verify(model)
        assert said in finding
        with pytest.raises(InputError, match=said):
            registry.import_model(model)
    assert registry.list_models() == []


def test_foreign_files_are_told_from_damaged_ones(model: Path) -> None:
    save_file(_tensors(), model, metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"another kind \(pt\)"):
        registry.load_model(model)
    save_file(_tensors(), model, metadata={"format": registry.FORMAT, "card": '{"architecture": 3}'})
    with pytest.raises(InputError, match="model card"):
        registry.load_model(model)


def test_no_licence_no_import_unless_it_is_given(model: Path) -> None:
    registry.save_model(model, _tensors(), dataclasses.replace(CARD, licence=" ", data={}))
    assert registry.verify(model) == ["it does not say under which licence it may be used", "it does not say what it was trained on"]
    with pytest.raises(InputError, match="--licence"):
        registry.import_model(model)
    path = registry.import_model(model, licence="studio only")
    assert registry.read_card(path).licence == "studio only"


def test_weights_that_blew_up_are_refused(model: Path) -> None:
    registry.save_model(model, {**_tensors(), "bias": torch.tensor([0.0, float("nan")])}, CARD)
    assert registry.verify(model) == ["it holds NaN or infinity in bias"]
    with pytest.raises(InputError, match="NaN or infinity in bias"):
        registry.import_model(model)


def test_the_command_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    assert "none" in capsys.readouterr().out
    assert main(["models", "import", str(model), "--name", "granite"]) == 0
    assert main(["models", "list"]) == 0
    assert "granite" in capsys.readouterr().out
    assert main(["models", "show", "granite"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("CC0-1.0", "material-gan-test", "noise", "kid", "pytest", "38 numbers"))
    assert main(["models", "verify"]) == 0
    assert main(["models", "export", "granite", str(tmp_path / "out.safetensors")]) == 0
    assert main(["models", "remove", "granite"]) == 0
    assert main(["models", "show", "granite"]) == 2
    model.write_bytes(model.read_bytes()[:-5])
    capsys.readouterr()
    assert main(["models", "verify", str(model)]) == 2
    assert "damaged" in capsys.readouterr().out

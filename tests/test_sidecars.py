"""What is said of materials next to their pictures: any encoding, and nothing taken for something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scene_files import png

from backlot.backend.materials.data.collect import _find_materials, _sidecar
from backlot.backend.materials.data.sidecars import Sidecar, find_licence, read_sidecar
from backlot.shared.errors import InputError
from backlot.shared.notes import collect_notes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_words_are_those_of_the_file_in_every_encoding(tmp_path, encoding):
    (tmp_path / "a.txt").write_text("Fußboden,\r\n  Eiche", encoding=encoding)
    assert read_sidecar(tmp_path / "a.txt") == Sidecar(caption="Fußboden, Eiche")
    (tmp_path / "a.json").write_text(json.dumps({"caption": "Fußboden", "tiles": False}, ensure_ascii=False), encoding=encoding)
    assert read_sidecar(tmp_path / "a.json") == Sidecar(caption="Fußboden", tiles=False)
    (tmp_path / "LICENSE.txt").write_text("© Mustermann", encoding=encoding)
    assert find_licence(tmp_path, tmp_path) == "© Mustermann"


@pytest.mark.parametrize(
    "said",
    [{"tiles": "false"}, {"metres": "2"}, {"metres": True}, {"metres": float("nan")}, {"attributes": {"wear": "0.5"}},
     {"attributes": {"wear": True}}, {"attributes": {"wear": [0.5]}}, {"attributes": []}, [1], {"metres": 10**400}],
)  # fmt: skip
def test_values_of_another_kind_are_refused(tmp_path: Path, said: Any) -> None:
    (tmp_path / "a.json").write_text(json.dumps(said))
    with pytest.raises(InputError):
        read_sidecar(tmp_path / "a.json")


def test_a_licence_that_is_no_text_is_said(tmp_path):
    (tmp_path / "license.pdf").write_bytes(b"%PDF\0\0")
    with collect_notes() as notes:
        assert find_licence(tmp_path, tmp_path) == ""
    assert "license.pdf" in notes.sentences()[0]


def test_files_in_upper_case_are_found(tmp_path):
    png(tmp_path / "Oak_basecolor.png")
    (tmp_path / "OAK.JSON").write_text('{"caption": "oak"}')
    [material] = _find_materials(tmp_path, [])
    assert _sidecar(material, tmp_path, []) == Sidecar(caption="oak")

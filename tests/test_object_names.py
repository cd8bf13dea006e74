"""Names of objects in parameters, whatever characters they have."""

from __future__ import annotations

import argparse
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlot.backend.cli.flags import _size
from backlot.backend.io.frames.object_ids import parse_ids
from backlot.backend.style.image.directions import object_ids
from backlot.shared.errors import InputError
from backlot.shared.notes import collect_notes
from backlot.shared.object_names import listed, objects_as_ids, read_names, regions_as_ids, with_ids

NAMES = {"Table": 1, "round": 2, "Table, round": 3, "Left, Shoe": 4, 'The "Box"': 5, "Möbel": 6, "12": 7, "a:b": 8, "O'Brien": 9, "": 10}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Left, Shoe", "4"),
        ("Left, Shoe, Table", "4,1"),
        ("Table, round", "3"),
        ('"Table", "round"', "1,2"),
        ('"Table", round', "1,2"),
        ("'Table, round', round", "3,2"),
        ("round, Table", "2,1"),
        ('The "Box", 3', "5,3"),
        ("12, 13", "7,13"),
        ("O'Brien,Table", "9,1"),
        (unicodedata.normalize("NFD", "Möbel"), "6"),
        (" Table ,, 4-6 9 ", "1,4-6 9"),
        ("", ""),
    ],
)
def test_lists_of_objects(text, ids):
    assert objects_as_ids(text, NAMES) == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Left, Shoe:0 Table:keep", "4:0 1:keep"),
        ("Table, round:1", "3:1"),
        ('"Table","round":1', "1,2:1"),
        ("Table,12:1 a:b:0 5-8:keep", "1,7:1 8:0 5-8:keep"),
        ("round, Table:1", "2,1:1"),
    ],
)
def test_regions(text, ids):
    assert regions_as_ids(text, NAMES) == ids


def test_names_that_are_not_there_are_refused():
    for text in ("Sofa", "Table, Sofa", '"Sofa"', "Left", "³", "٣"):
        with pytest.raises(InputError, match="The source knows"):
            objects_as_ids(text, NAMES)
    for text in ("Sofa:1", 'Table:0 "Sofa":1'):
        with pytest.raises(InputError, match="The frames have"):
            regions_as_ids(text, NAMES)
    with pytest.raises(InputError, match=r"no objects\.json"):
        objects_as_ids("Chair", {})


def test_a_name_that_could_be_two_is_noted():
    with collect_notes() as notes:
        objects_as_ids("Left, Shoe, Table", NAMES)
        assert not notes.sentences()
        objects_as_ids("Table, round", NAMES)
    assert "put quotes" in notes.sentences()[0]


names = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=8).filter(
    lambda name: name.strip() == name and unicodedata.is_normalized("NFC", name)
)


@given(st.lists(names, min_size=1, max_size=5, unique=True))
def test_what_is_listed_is_read(chosen):
    known = {name: 100 + n for n, name in enumerate(chosen)}
    if len(chosen) == 1 or not any(other != name and name in other for name in chosen for other in chosen):
        assert objects_as_ids(listed(chosen), known) == ",".join(str(known[name]) for name in chosen)


def test_objects_json(tmp_path):
    assert read_names(tmp_path) == {}
    (tmp_path / "objects.json").write_text(json.dumps({"Table, round": 3, "Wood": 4.0}), encoding="utf-16")
    assert read_names(tmp_path) == {"Table, round": 3, "Wood": 4}
    assert with_ids({"objects": "Table, round", "regions": "Wood:0", "voxel": 1}, read_names(tmp_path)) == {
        "objects": "3",
        "regions": "4:0",
        "voxel": 1,
    }
    for text in ('{"a": -1}', '{"a": true}', '{"a": 3000000000}', '{"a": "1"}', "[1]", '{"a": 1.5}', '{"a": 1, "a": 2}', "{"):
        (tmp_path / "objects.json").write_text(text)
        with pytest.raises(InputError, match=r"objects\.json"):
            read_names(tmp_path)


def test_ids_are_one_syntax_everywhere():
    """In the fusion of frames and in styles; superscripts and full-width digits are none, and a range backwards is no empty one."""
    assert parse_ids("3, 5 7-9", "objects") == {3, 5, 7, 8, 9}
    assert object_ids("3, 5 7-9") == {3, 5, 7, 8, 9}
    assert object_ids(" ") is None
    assert parse_ids("", "objects") == frozenset()
    for text in ("²", "３", "9-7", "1-999999", "-3", "3-", "9" * 30, "1_0", "0x1"):
        for read in (parse_ids, object_ids):
            with pytest.raises(InputError, match="as ids"):
                read(text, "objects")
    for text in ("²x²", "9" * 5000, "512,5"):
        with pytest.raises(argparse.ArgumentTypeError):
            _size(text)
    assert _size("512X256") == [512, 256]

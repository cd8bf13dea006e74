"""Files are found by the names that other systems wrote down, and what was done to find them is said."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlot.shared.errors import InputError
from backlot.shared.file_lookup import FileLookup, files_by_key, find_file, with_slashes
from backlot.shared.notes import collect_notes

POSIX = pytest.mark.skipif(os.name == "nt", reason="backslashes are slashes there")


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


FOLDER = ("images/shot 1.png", "images/r_2.JPG", "Depth/r_3.exr", "M\u00f6bel.png", "frame_4.png", "img.0005.png", "odd\\name.png")


@POSIX
@pytest.mark.parametrize(
    ("name", "found", "said"),
    [
        ("images/shot 1.png", "images/shot 1.png", ""),
        ("./images//shot 1.png", "images/shot 1.png", ""),
        ("images/../frame_4.png", "frame_4.png", ""),
        ("odd\\name.png", "odd\\name.png", ""),
        ("images\\shot 1.png", "images/shot 1.png", "backslashes"),
        (".\\images\\shot 1.png", "images/shot 1.png", "backslashes"),
        ("images/r_2.jpg", "images/r_2.JPG", "another case"),
        ("IMAGES/R_2.jpg", "images/r_2.JPG", "another case"),
        ("depth\\R_3.EXR", "Depth/r_3.exr", "another case"),
        ("images/r_2", "images/r_2.JPG", "without a suffix"),
        ("img.0005", "img.0005.png", "without a suffix"),
        ("images/shot 1.jpeg", "images/shot 1.png", "another suffix"),
        (unicodedata.normalize("NFD", "M\u00f6bel.png"), "M\u00f6bel.png", "Unicode form"),
        ("images/shot%201.png", "images/shot 1.png", "URL"),
        ("file:///home/x/images/shot%201.png", "images/shot 1.png", "URL"),
        ("C:\\Users\\x\\images\\shot 1.png", "images/shot 1.png", "another folder or machine"),
        ("/home/x/scene/images/shot 1.png", "images/shot 1.png", "another folder or machine"),
        ("/home/x/scene/shot 1.png", "images/shot 1.png", "another folder or machine"),
        ("\\\\server\\share\\frame_4.png", "frame_4.png", "another folder or machine"),
        ("//render/frame_4.png", "frame_4.png", "another folder or machine"),
        ("data/fox/images/shot 1.png", "images/shot 1.png", "another folder or machine"),
        ("../images/shot 1.png", "images/shot 1.png", "another folder or machine"),
        ("\x0crame_4.png", "frame_4.png", "backslashes"),
        ("images\\frame 1.png", "", ""),
        (" images/shot 1.png ", "images/shot 1.png", "spaces"),
        ("images", "", ""),
        ("", "", ""),
        (".", "", ""),
        ("..", "", ""),
        ("images/", "", ""),
        ("images/none.png", "", ""),
        ("a\0b.png", "", ""),
        ("\ud800.png", "", ""),
        ("x" * 5000, "", ""),
        ("/" * 300, "", ""),
    ],
)
def test_a_name_finds_its_file(tmp_path, name, found, said):
    folder = files(tmp_path, *FOLDER)
    with collect_notes() as notes:
        path = FileLookup(folder).find(name, ("images",))
    assert path is None if not found else path is not None and path.resolve() == (folder / found).resolve()
    assert said in "".join(notes.sentences())
    assert bool(said) == bool(notes.sentences())


def test_a_backslash_that_json_took_for_a_control_character(tmp_path):
    folder = files(tmp_path, "images/frame_1.png", "images/new.png")
    assert find_file(folder, "images\frame_1.png") == folder / "images/frame_1.png"
    assert find_file(folder, "images\new.png") == folder / "images/new.png"


def test_absolute_and_relative_paths_lead_out_of_the_folder_by_their_own_words_only(tmp_path):
    files(tmp_path, "other/a.png", "capture/x.png", "b.png")
    capture = tmp_path / "capture"
    assert find_file(capture, str(tmp_path / "other" / "a.png")) == tmp_path / "other" / "a.png"
    assert find_file(capture, "../other/A.PNG") == capture / ".." / "other" / "a.png"
    assert find_file(capture, "b.png") is None
    assert find_file(capture, "/nowhere/../b.png") is None


@POSIX
def test_a_name_on_disk_that_is_not_utf_8(tmp_path):
    try:
        with open(os.fsencode(tmp_path) + b"/M\xf6bel.png", "wb"):
            pass
    except OSError:
        pytest.skip("this disk takes UTF-8 only")
    path = find_file(tmp_path, "Möbel.png")
    assert path is not None
    assert os.fsencode(path.name) == b"M\xf6bel.png"


def test_several_files_are_a_question(tmp_path):
    folder = files(tmp_path, "a.png", "a.exr", "B.png", "b.PNG")
    for name, pattern in (("a", r"a\.png and a\.exr"), ("a.jpg", r"a\.png and a\.exr"), ("b.png", r"B\.png and b\.PNG")):
        with pytest.raises(InputError, match=pattern):
            find_file(folder, name)
    assert find_file(folder, "B.png") == folder / "B.png"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_guess_never_gives_one_file_to_two_names(tmp_path, order):
    names = ("train/0001.png", "0001.png")
    lookup = FileLookup(files(tmp_path, "0001.png"))
    lookup.find(names[order[0]])
    with pytest.raises(InputError, match="a file each"):
        lookup.find(names[order[1]])
    again = FileLookup(tmp_path)
    assert again.find("0001.png") == again.find("./0001.png") == again.find("0001.png")


def test_what_is_missing_from_a_folder_that_is_there_is_missing(tmp_path):
    lookup = FileLookup(files(tmp_path, "images/0002.png", "0001.png"))
    assert lookup.find("images/0001.png", ("images",)) is None
    assert lookup.find("0001.png") == tmp_path / "0001.png"
    assert lookup.find("0002.png", ("images",)) == tmp_path / "images/0002.png"  # no folder is named


def test_folders_are_found_where_they_may_be(tmp_path):
    folder = files(tmp_path, "shots/take 1/a.png")
    assert FileLookup(folder, (), folders=True).find("Shots\\take 1") == folder / "shots/take 1"
    assert FileLookup(folder, (), folders=True).find("shots/take 1/a") is None
    assert find_file(folder, "shots/take 1") is None


@POSIX
def test_paths_that_are_to_be_made_get_slashes():
    with collect_notes() as notes:
        assert with_slashes("out\\maps") == "out/maps"
    assert "out\\maps: its path has backslashes" in notes.sentences()[0]
    assert with_slashes("out/maps") == "out/maps"
    for name in ("C:\\out", "\\\\server\\out"):
        with pytest.raises(InputError, match="relative"):
            with_slashes(name)


def test_files_by_key_are_files_in_lower_case(tmp_path):
    files(tmp_path, "IM0.PNG", "sub/x", "a.txt")
    assert list(files_by_key(tmp_path)) == [("im0.png", tmp_path / "IM0.PNG"), ("a.txt", tmp_path / "a.txt")]
    assert not list(files_by_key(tmp_path / "a.txt"))


def test_a_folder_is_listed_once(tmp_path, monkeypatch):
    folder = files(tmp_path, *(f"images/f_{n:04d}.PNG" for n in range(50)))
    calls = []
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: calls.append(path) or listdir(path))
    lookup = FileLookup(folder)
    assert [lookup.find(f"images\\f_{n:04d}.png").name for n in range(50)] == [f"f_{n:04d}.PNG" for n in range(50)]
    assert len(calls) <= 3


@given(st.text(max_size=40))
def test_any_name_is_a_file_of_the_folder_or_none(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp() / "any"
    if not folder.exists():
        files(folder, "a/b.png")
    try:
        path = find_file(folder, name)
    except InputError:
        return
    assert path is None or path.is_file()

"""Which frame a picture is: by the numbers in names, in folders, lists, patterns and captures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backlot.backend.io.writing import encode
from backlot.shared.errors import InputError
from backlot.shared.frame_names import frame_number, number_names, numbers_or_order
from backlot.shared.frames import read_transforms
from backlot.shared.inputs import read_input
from backlot.shared.notes import collect_notes
from backlot.shared.operations import find
from backlot.shared.sequences import counted_by_blender, find_frames, renumbered
from backlot.shared.values import Image

PICTURE = encode(Image(np.zeros((4, 4, 3), np.uint8)), "png")
POSE = np.eye(4).tolist()


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURE)
    return folder


def found(*places: Path) -> list[tuple[int, str]]:
    return [(number, path.name) for number, path in find_frames(places)]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("stylised_0012.exr", 12), ("render.0007.png", 7), ("shot-0012.exr", 12), ("stylised_-005.exr", -5), ("0042.png", 42),
        ("v2_take3_0100_left.jpg", 100), ("sheet.png", None), ("a/b_12/c.png", None), ("a\\b_12\\c_3.png", 3),
        ("shot010_v003_0012_denoised2.exr", 12), ("frame_0004_1920x1080.png", 4), ("0004_denoise2.png", 4), ("res_0001_2k.png", 1),
        ("foo -001.exr", -1), ("foo.-0005.exr", -5), ("foo--005.exr", -5), ("-12.png", -12), ("2024-01-05_0007.png", 7),
        ("frame_0012_v2.png", 12), ("v003.png", 3), ("frame (3).png", 3), ("IMG_1234 (2).png", 1234), ("stylised.0012", 12),
        ("plate_24fps_0031.dpx", 31), ("a_123456789012345678901234567890.png", None), ("foo_1080p_0003.png", 3), ("nov12.png", 12),
    ],
)  # fmt: skip
def test_a_name_on_its_own(name: str, number: int | None) -> None:
    assert frame_number(name) == number


FOLDERS: dict[str, tuple[list[str], list[int]]] = {
    "resolution behind": ([f"frame_{n:04d}_1920x1080.png" for n in (1, 2, 3)], [1, 2, 3]),
    "digits at the end": ([f"{n:04d}_denoise2.png" for n in (1, 2, 3)], [1, 2, 3]),
    "shot, version, pass": ([f"shot010_v003_{n:04d}_denoised2.exr" for n in (11, 12)], [11, 12]),
    "2k": ([f"res_{n:04d}_2k.png" for n in (8, 9, 10)], [8, 9, 10]),
    "date": ([f"2024-01-05_{n}.png" for n in (5, 6)], [5, 6]),
    "constant behind the frame": ([f"f{n}_layer_7.png" for n in (1, 2)], [1, 2]),
    "padding ends": (["f_998.png", "f_999.png", "f_1000.png"], [998, 999, 1000]),
    "no padding": ([f"f_{n}.png" for n in (8, 9, 10, 11)], [8, 9, 10, 11]),
    "step of 10": ([f"f_{n:04d}.png" for n in (1, 11, 21)], [1, 11, 21]),
    "gap": (["f_0001.png", "f_0005.png"], [1, 5]),
    "below 0, underscore": (["f_-002.png", "f_-001.png", "f_0000.png", "f_0001.png"], [-2, -1, 0, 1]),
    "below 0, dot": (["f.-0002.exr", "f.-0001.exr", "f.0000.exr"], [-2, -1, 0]),
    "below 0, space": (["foo -002.exr", "foo -001.exr", "foo 0000.exr"], [-2, -1, 0]),
    "below 0, no separator": (["foo-002.png", "foo-001.png", "foo0000.png", "foo0001.png"], [-2, -1, 0, 1]),
    "below 0, no separator nor padding": (["foo-12.png", "foo-1.png", "foo0.png", "foo1.png"], [-12, -1, 0, 1]),
    "only below 0": (["f_-002.png", "f_-001.png"], [-2, -1]),
    "hyphen": (["shot-0001.png", "shot-0002.png"], [1, 2]),
    "case": (["F_0001.PNG", "f_0002.png"], [1, 2]),
    "twice in the name": (["0001_f0001.png", "0002_f0002.png"], [1, 2]),
    "versions mixed": (["f_v1_0001.png", "f_v2_0002.png"], [1, 2]),
    "only versions": (["f_v1.png", "f_v2.png"], [1, 2]),
    "suffixes": (["f_1.jpg", "f_2.jpeg", "f_3.JPG"], [1, 2, 3]),
    "time stamps": ([f"{1403636579763555584 + 50000000 * n}.png" for n in range(3)], [0, 1, 2]),
    "copies next to a number": (["shot 3 (1).png", "shot 3 (2).png"], [1, 2]),
    "copies": (["frame (1).png", "frame (2).png", "frame (10).png"], [1, 2, 10]),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_counts_by_the_number_that_varies(tmp_path: Path, kind: str) -> None:
    names, numbers = FOLDERS[kind]
    fill(tmp_path, *names, ".f_0099.png", "._x_0001.png", "sheet.png")
    for name in (".DS_Store", "Thumbs.db", "report.json", "notes_1.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "small_0001.png").mkdir()
    wanted = list(zip(numbers, names, strict=True))
    assert found(tmp_path) == wanted
    assert found(*(tmp_path / name for name in reversed(names))) == wanted, "listed by a shell, in any order"
    assert number_names(names) == numbers, "what a backend makes of the names"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a_1_0001.png", "a_2_0001.png", "a_1_0002.png"], r"the frame number: .*/a_####_0001\.png or .*/a_1_####\.png"),
        (["f_1_a3f9.png", "f_2_b7c1.png", "f_3_99ee.png"], r"such as .*/f_####_\*\.png; #### is the frame number"),
        (["1.png", "1.PNG"], "for frame 1"),
        (["f_0001_t10.png", "f_0002_t12.png"], r"the frame number: .*/f_####_t\*\.png or .*/f_\*_t####\.png"),
        (["f_20240105_1.png", "f_20240106_2.png"], "several that vary, as in f_20240105_1.png and f_20240106_2.png"),
        (["f_0001_L.png", "f_0001_R.png", "f_0002_L.png"], r"f_####_L\.png \(2\), f_####_R\.png \(1\).*such as .*f_####_L\.png"),
        (["f_0001.png", "f_0001.exr"], r"f_####\.exr \(1\), f_####\.png \(1\)"),
        (["f_0001.png", "thumb_0001.png"], "one sequence"),
        (["1.png", "0001.png", "2.png"], r"0001\.png and 1\.png for frame 1"),
        (["f_v1_0001.png", "f_v2_0001.png"], r"f_v####_0001\.png or .*/f_v1_####\.png"),
        (["foo-0002.png", "foo0002.png"], "one sequence"),
        (["a.png", "b.png"], "frame numbers in their names"),
    ],
)
def test_what_stays_open_is_asked(tmp_path: Path, names: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        find_frames([fill(tmp_path, *names)])


def test_patterns_say_which_number_it_is(tmp_path: Path) -> None:
    fill(tmp_path, "s_1_0005.png", "s_2_0005.png", "s_1_0006.png", "s_2_0007.png", "s_1_0006.exr", "s_1_-001.png")
    wanted = [(-1, "s_1_-001.png"), (5, "s_1_0005.png"), (6, "s_1_0006.png")]
    assert found(tmp_path / "s_1_####.png") == found(tmp_path / "s_1_%04d.png") == found(tmp_path / "s_1_#.png") == wanted
    assert found(tmp_path / "s_#_0005.png") == [(1, "s_1_0005.png"), (2, "s_2_0005.png")]
    assert found(tmp_path / "s_2_*.png") == [(5, "s_2_0005.png"), (7, "s_2_0007.png")]
    for pattern, words in (("s_*_####.png", "for frame 5"), ("s_#_####.png", "one #### in"), ("t_####.png", "none"), ("t_*.png", "none")):
        with pytest.raises(InputError, match=words):
            find_frames([tmp_path / pattern])
    [item] = [item for item in find("sequence.movie").inputs if item.name == "pictures"]
    files = read_input(item, tmp_path / "s_#_0005.png")
    assert [(file.name, file.number) for file in files] == [("s_1_0005.png", 1), ("s_2_0005.png", 2)], (
        "a backend counts as the pattern says"
    )


def test_lists_without_numbers_are_in_their_order(tmp_path: Path) -> None:
    fill(tmp_path, "begin.png", "middle.png", "end.png")
    with collect_notes() as notes:
        assert found(tmp_path / "begin.png", tmp_path / "middle.png", tmp_path / "end.png") == [
            (0, "begin.png"), (1, "middle.png"), (2, "end.png")]  # fmt: skip
    assert "in the order of the list" in notes.sentences()[0]
    with pytest.raises(InputError, match=r"a frame number in the name of end\.png"):
        find_frames([fill(tmp_path, "f_3.png") / "f_3.png", tmp_path / "end.png"])


def test_what_a_person_may_not_expect_is_noted(tmp_path: Path) -> None:
    for names, words in (
        (["f_0001_2x2.png", "f_0002_2x2.png"], "f_####_2x2.png: The frame number is where #### is in the names"),
        (["f -002.png", "f -001.png"], "they are negative"),
        (["f_v1_0001.png", "f_v2_0002.png"], "Another number varies in the names too"),
    ):
        with collect_notes() as notes:
            number_names(names)
        assert words in notes.sentences()[0]
    with collect_notes() as notes:
        number_names(["f_0001.png", "f_0009.png"])
    assert notes.sentences() == []


_TEXT = st.sampled_from(["f", "shot_", "take.", "a b ", "x-", "", "_", "Frame_", "v", "denoised", "_L", "mm_", "."])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=st.lists(st.tuples(_TEXT, st.integers(0, 5000)), max_size=3), after=st.lists(st.tuples(_TEXT, st.integers(0, 5000)), max_size=3),
    numbers=st.sets(st.integers(-50, 12000), min_size=2, max_size=12), width=st.integers(1, 7),
    suffix=st.sampled_from([".png", ".EXR", ".x1"]),
)  # fmt: skip
def test_the_one_number_that_varies_is_found(
    before: list[tuple[str, int]], after: list[tuple[str, int]], numbers: set[int], width: int, suffix: str
) -> None:
    """Any constants before and behind, any padding; the frame number stands between underscores."""
    head = "".join(text + str(number) for text, number in before)
    tail = "".join(f"_{text}{number}" for text, number in after)
    names = [f"{head}_{number:0{width}d}{tail}{suffix}" for number in sorted(numbers)]
    assert number_names(names) == sorted(numbers)
    assert number_names(names[::-1]) == sorted(numbers)[::-1]


@given(names=st.lists(st.text(min_size=1, max_size=12), max_size=6), among=st.one_of(st.none(), st.sets(st.integers(0, 99))))
@settings(max_examples=300, deadline=None)
def test_any_names_give_distinct_numbers_or_a_question(names: list[str], among: set[int] | None) -> None:
    try:
        numbers = number_names(names, among=among)
    except InputError:
        numbers = list(range(len(names)))
    assert len(set(numbers)) == len(names)
    assert len(set(numbers_or_order(names))) == len(names)


# -- captures --------------------------------------------------------------------------------------------------------


def capture(folder: Path, *frames: dict[str, object]) -> Path:
    top = {"fl_x": 4.0, "w": 4, "h": 4}
    (folder / "transforms.json").write_text(json.dumps({**top, "frames": [{"transform_matrix": POSE, **frame} for frame in frames]}))
    return folder


@pytest.mark.parametrize(
    ("frames", "numbers"),
    [
        ([{"file_path": "images/f_0007.png"}, {"file_path": "images/f_0009.png"}], [7, 9]),
        ([{"file_path": "images/f_0009_2k.png"}, {"file_path": "images/f_0007_2k.png"}], [9, 7]),
        ([{"file_path": "0003/rgb.png"}, {"file_path": "0004/rgb.png"}], [3, 4]),
        ([{"file_path": "a/0001.png"}, {"file_path": "b/0001.png"}], [0, 1]),
        ([{"file_path": "a.png"}, {"file_path": "b.png"}], [0, 1]),
        ([{"file_path": "f_0007.png", "frame_number": 1}, {"file_path": "f_0009.png", "frame_number": 2.0}], [1, 2]),
        ([{"file_path": "f_0007.png", "frame_number": -3}, {"file_path": "f_0009.png"}], [-3, 9]),
        ([{"file_path": "s_1_0001.png"}, {"file_path": "s_2_0003.png"}], [0, 1]),
        ([{"depth_file_path": "d_0007.png"}, {"depth_file_path": "d_0008.png"}], [7, 8]),
        ([{"file_path": "99999999999.png"}, {"file_path": "99999999998.png"}], [1, 0]),
        ([{"file_path": "./r_0"}, {"file_path": "./r_1"}], [0, 1]),
    ],
)  # fmt: skip
def test_captures_count_like_every_other_reader(tmp_path: Path, frames: list[dict[str, object]], numbers: list[int]) -> None:
    for frame in frames:
        name = str(frame.get("file_path") or frame["depth_file_path"])
        fill(tmp_path, name if name.endswith(".png") else name + ".png")
    read = read_transforms(capture(tmp_path, *frames))
    assert [frame.number for frame in read] == numbers
    if all("file_path" in frame for frame in frames):
        ordered = sorted(zip(numbers, (frame.channels["color"].name for frame in read), strict=True))
        assert found(tmp_path) == ordered, "a movie of it has the same numbers"


def test_captures_with_numbers_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, "f_0007.png", "f_0009.png")
    with pytest.raises(InputError, match="for frame 9"):
        read_transforms(capture(tmp_path, {"file_path": "f_0007.png", "frame_number": 9}, {"file_path": "f_0009.png"}))
    for number in ("7", True, 1.5, 2**31):
        with pytest.raises(InputError, match="frame_number of frame 0"):
            read_transforms(capture(tmp_path, {"file_path": "f_0007.png", "frame_number": number}))


def test_a_movie_finds_the_files_of_a_capture_as_every_reader_does(tmp_path: Path) -> None:
    fill(tmp_path, "images/r_0.png", "images/r_1.png", "images/R_2.PNG")
    capture(tmp_path, {"file_path": "images\\r_1"}, {"file_path": "./images/r_0"}, {"file_path": "/home/me/project/images/r_2.png"})
    with collect_notes() as notes:
        assert found(tmp_path) == [(0, "r_0.png"), (1, "r_1.png"), (2, "R_2.PNG")]
    assert any("backslashes" in text for text in notes.sentences())
    capture(tmp_path, {"file_path": "images/gone"})
    with pytest.raises(InputError, match="no such file as images/gone"):
        find_frames([tmp_path])
    capture(tmp_path, {"depth_file_path": "images/r_0.png"})
    with pytest.raises(InputError, match="colour"):
        find_frames([tmp_path])


# -- image sequences of Blender ---------------------------------------------------------------------------------------


def test_what_blender_shows_counts_as_blender_does() -> None:
    assert counted_by_blender("stylised_0012.exr") == 12
    assert counted_by_blender("frame_0004_1920x1080.png") == 1080, "Blender takes the last digits, whatever they are"
    assert renumbered(Path("a/f_0009.png"), 10) == Path("a/f_0010.png")
    assert renumbered(Path("a/b_-002.png"), 3) == Path("a/b_0003.png")

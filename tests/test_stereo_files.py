"""Rectified pairs as data sets and people store them: names and calibrations, with the right geometry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scene_files import png

from backlot.shared.errors import InputError
from backlot.shared.notes import collect_notes
from backlot.shared.sources import read_source
from backlot.shared.stereo import Calibration, find_pair, read_calibration

MIDDLEBURY = """cam0=[1733.74 0 792.27; 0 1733.74 541.89; 0 0 1]
cam1=[1733.74 0 823.35; 0 1733.74 541.89; 0 0 1]
doffs=31.08
baseline=536.62
width=32
height=24
ndisp=170
isint=0
vmin=55
vmax=142
dyavg=0
dymax=0
"""
RIGHT = Calibration(1733.74, (792.77, 542.39), (823.85, 542.39), 0.53662, (32, 24))


def close(found: Calibration, expected: Calibration = RIGHT) -> bool:
    numbers = [np.hstack([c.focal, *(c.left or ()), *(c.right or ()), c.baseline, *(c.size or (0, 0))]) for c in (found, expected)]
    return bool(np.allclose(*numbers, rtol=1e-9))


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "calib.txt").write_bytes(text.encode(encoding))
    return folder / "calib.txt"


@pytest.mark.parametrize(
    "text",
    [
        MIDDLEBURY,
        MIDDLEBURY.replace("\n", "\r\n"),
        MIDDLEBURY.replace("\n", "\r"),
        MIDDLEBURY.replace("=", " = "),
        MIDDLEBURY.replace("=", ": "),
        MIDDLEBURY.upper(),
        MIDDLEBURY.replace("[", "[ ").replace("]", " ]  # a comment"),
        MIDDLEBURY.replace(" 0 ", ", 0, ").replace("0 0 1", "0, 0, 1"),
        MIDDLEBURY.replace(";", " "),
        "# Scene: Möbel\n" + MIDDLEBURY + "\n\n",
        MIDDLEBURY.replace("cam1=[1733.74 0 823.35; 0 1733.74 541.89; 0 0 1]\n", ""),
        MIDDLEBURY.replace("doffs=31.08\n", ""),
        MIDDLEBURY.replace("1733.74", "1.73374e3"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_calibrations_in_every_spelling(tmp_path, text, encoding):
    assert close(read_calibration(written(tmp_path, text, encoding)))


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("doffs=31.08", "doffs=3.1", "doffs"),
        ("0 1733.74 541.89; 0 0 1]\ncam1", "0 1800 541.89; 0 0 1]\ncam1", "f 0 cx"),
        ("[1733.74 0 792.27", "[1733.74 0.5 792.27", "f 0 cx"),
        ("[1733.74 0 792.27", "[1733,74 0 792,27", "decimal point"),
        ("[1733.74 0 792.27", "[1_733.74 0 792.27", "numbers in cam0"),
        ("0 1733.74 541.89; 0 0 1]\ncam1", "0 1733.74 541.89]\ncam1", "nine numbers"),
        ("width=32", "width=32.5", "whole numbers of pixels"),
        ("baseline=536.62", "baseline=nan", "finite"),
        ("baseline=536.62", "baseline=536.62\nbaseline=1", "baseline once"),
        ("baseline=536.62", "", "baseline= in calib.txt"),
        (MIDDLEBURY, "\0\0", "binary"),
        (MIDDLEBURY, "P0: 7.18e+02 0 6.07e+02 0 0 7.18e+02 1.85e+02 0 0 0 1 0\n", "cam0="),
    ],
)
def test_calibrations_that_are_none(tmp_path, good, bad, message):
    with pytest.raises(InputError, match=message):
        read_calibration(written(tmp_path, MIDDLEBURY.replace(good, bad)))


def test_a_baseline_that_looks_like_metres_is_said(tmp_path):
    with collect_notes() as notes:
        assert read_calibration(written(tmp_path, MIDDLEBURY.replace("536.62", "0.53662"))).baseline == pytest.approx(0.00053662)
    assert "read as millimetres" in notes.sentences()[0]


@pytest.mark.parametrize(
    ("left", "right"),
    [("IM0.PNG", "IM1.PNG"), ("Left.png", "Right.png"), ("view1.png", "view5.png"), ("im2.png", "im6.png"), ("im0.jpg", "im1.png")],
)
def test_names_of_pairs(tmp_path, left, right):
    for name in (left, right):
        png(tmp_path / name)
    (tmp_path / "CALIB.TXT").write_text(MIDDLEBURY)
    source = read_source(tmp_path)
    assert [frame.channels["color"].name for frame in source.frames] == [left, right]
    assert source.frames[1].camera.cx == pytest.approx(823.85)


def test_of_several_pairs_one_is_named(tmp_path):
    for n in range(7):
        png(tmp_path / f"view{n}.png")
    with collect_notes() as notes:
        assert [path.name for path in find_pair(tmp_path)] == ["view1.png", "view5.png"]  # whose baseline the data set gives
    assert "view1.png and view5.png are read" in notes.sentences()[0]
    png(tmp_path / "im0.png")
    png(tmp_path / "im1.jpg")
    png(tmp_path / "im1.png")
    assert [path.name for path in find_pair(tmp_path)] == ["im0.png", "im1.png"]


def test_one_picture_is_no_pair(tmp_path):
    with pytest.raises(InputError, match="twice"):
        read_source(png(tmp_path / "im0.png"), right=tmp_path / "." / "im0.png", focal=30, baseline=0.1)


def test_damaged_calibrations_are_read_or_refused_with_a_sentence(tmp_path):
    rng = np.random.default_rng(7)
    whole = MIDDLEBURY.encode()
    for n in range(200):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 1 + n % 5):
            data[at] = int(rng.integers(0, 256))
        (tmp_path / "calib.txt").write_bytes(bytes(data[: None if n % 2 else int(rng.integers(0, len(data)))]))
        try:
            found = read_calibration(tmp_path / "calib.txt")
        except InputError as error:
            assert str(error).isprintable(), n  # noqa: PT017
        else:
            assert found.focal > 0

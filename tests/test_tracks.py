"""``tracks.json``: what is written is read, and nothing else passes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlot.shared.errors import InputError
from backlot.shared.tracks import read_tracks, write_tracks
from backlot.shared.value_codec import check_value
from backlot.shared.values import Tracks

GOOD = {"points": [[1, 2, 3], [4, 5, 6]], "observations": [[5, 0, 1.5, 2.5], [-3, 1, 7, 8]]}


def test_every_encoding(tmp_path):
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "tracks.json").write_text(json.dumps(GOOD), encoding=encoding)
        tracks = read_tracks(tmp_path)
        assert tracks.frames.tolist() == [5, -3]
        assert tracks.pixels.tolist() == [[1.5, 2.5], [7, 8]]


@pytest.mark.parametrize(
    ("good", "bad"),
    [("[1,", "[NaN,"), ("[1,", "[null,"), ("[5, 0,", f"[{2**40}, 0,"), ("[5, 0,", f"[{10**400}, 0,"), ("[5, 0,", "[5.5, 0,"),
     ("[5, 0,", "[true, 0,"), ("[5, 0,", '["5", 0,'), ("1.5, 2.5", "1e300, 2.5"), ("[5, 0,", "[5, 2,")],
)  # fmt: skip
def test_what_is_no_track_is_refused(tmp_path, good, bad):
    text = json.dumps(GOOD)
    assert good in text
    (tmp_path / "tracks.json").write_text(text.replace(good, bad, 1))
    with pytest.raises(InputError, match=r"tracks\.json"):
        read_tracks(tmp_path)


numbers = st.floats(-1e6, 1e6, allow_nan=False)
points = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=5)


@given(points, st.data())
def test_what_is_written_is_read(tmp_path_factory, rows, data):
    pixel = st.floats(0, 10000, width=16)
    observation = st.tuples(st.integers(-(2**31) + 1, 2**31 - 1), st.integers(0, len(rows) - 1), pixel, pixel)
    seen = data.draw(st.lists(observation, min_size=1, max_size=6))
    frames, indices = (np.array([row[axis] for row in seen], np.int32) for axis in (0, 1))
    tracks = Tracks(np.array(rows, np.float64), frames, indices, np.array([row[2:] for row in seen], np.float32))
    found = read_tracks(write_tracks(tracks, tmp_path_factory.mktemp("tracks")))
    check_value(found)
    np.testing.assert_array_equal(found.points, tracks.points)
    np.testing.assert_array_equal(found.frames, tracks.frames)
    np.testing.assert_array_equal(found.indices, tracks.indices)
    np.testing.assert_allclose(found.pixels, tracks.pixels, atol=1e-3)


@given(st.binary(max_size=60), st.integers(0, 200))
def test_damaged_files_are_read_or_refused_with_a_sentence(tmp_path_factory, data, at):
    folder = tmp_path_factory.getbasetemp()
    whole = json.dumps(GOOD).encode()
    (folder / "tracks.json").write_bytes(whole[:at] + data + whole[at + len(data) :])
    try:
        read_tracks(folder)
    except InputError as error:
        assert str(error).isprintable()  # noqa: PT017

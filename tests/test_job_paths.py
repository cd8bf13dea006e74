"""Job files that another program or system wrote: their text, and the paths in them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scene_files import Model, Shot, png

from backlot.shared.errors import InputError
from backlot.shared.jobfile import load_job_file

POSIX = pytest.mark.skipif(os.name == "nt", reason="backslashes are slashes there")


def job(folder: Path, exemplar: Any = "brick.png", encoding: str = "utf-8", **more: Any) -> Path:
    data = {"backlot_job": 1, "operation": "texture.synthesize", "inputs": {"exemplar": exemplar}, **more}
    (folder / "job.json").write_text(json.dumps(data, ensure_ascii=False), encoding=encoding)
    return folder / "job.json"


def frames_job(folder: Path, frames: Any, **more: Any) -> Path:
    return job(folder, operation="reconstruct.footage", inputs={"frames": frames}, **more)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_encoding(tmp_path, encoding):
    png(tmp_path / "Möbel.png")
    loaded = load_job_file(job(tmp_path, "Möbel.png", encoding))
    assert loaded.job.inputs["exemplar"].name == "Möbel.png"
    assert bool(loaded.notes) == (encoding == "cp1252")


@POSIX
@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("textures\\brick.png", "backslashes"),
        ("textures/Brick.PNG", "another case"),
        ("textures/brick", "without a suffix"),
        ("textures/brick.jpg", "another suffix"),
        ("D:\\jobs\\textures\\brick.png", "another folder or machine"),
        ("/mnt/jobs/textures/brick.png", "another folder or machine"),
    ],
)
def test_paths_of_other_systems(tmp_path, written, said):
    picture = png(tmp_path / "textures/brick.png", value=77)
    loaded = load_job_file(job(tmp_path, written))
    assert loaded.job.inputs["exemplar"].name == "brick.png"
    assert np.array_equal(loaded.job.inputs["exemplar"].data, np.fromfile(picture, np.uint8))
    assert said in " ".join(loaded.notes)


@POSIX
def test_folders_and_what_is_in_them(tmp_path):
    shots = [Shot(n, f"sub\\img_{n}.png") for n in range(3)]
    Model(shots).write(tmp_path / "Takes/one/sparse/0", "bin", tmp_path / "Takes/one/images")
    png(tmp_path / "pairs/left.png")
    png(tmp_path / "pairs/right.png")
    loaded = load_job_file(frames_job(tmp_path, "takes\\one"))
    assert [frame.number for frame in loaded.job.inputs["frames"]] == [0, 1, 2]
    assert "takes\\one" in " ".join(loaded.notes)
    given = {"source": "pairs\\left.png", "right": "pairs\\Right.png", "focal": 30, "baseline": 0.1}
    assert [f.channels["color"].name for f in load_job_file(frames_job(tmp_path, given)).job.inputs["frames"]] == ["left.png", "right.png"]


@POSIX
@pytest.mark.parametrize(
    "pictures",
    ["Painted\\styl_*.png", "painted/styl_*.png", "painted\\Styl_####.PNG", "PAINTED", "D:\\old\\Painted\\styl_*.png",
     "/old/painted/styl_%04d.png", ["painted\\styl_0001.PNG", "Painted/styl_0002", "Painted/styl_0003.jpg"]],
)  # fmt: skip
def test_sequences_by_patterns_and_lists(tmp_path, pictures):
    for n in (1, 2, 3):
        png(tmp_path / f"Painted/styl_{n:04d}.png", value=n)
    loaded = load_job_file(job(tmp_path, operation="sequence.movie", inputs={"pictures": pictures}))
    assert [(file.name, file.number) for file in loaded.job.inputs["pictures"]] == [(f"styl_{n:04d}.png", n) for n in (1, 2, 3)]
    assert loaded.notes


@POSIX
def test_results_go_to_a_folder_and_not_to_a_name_with_backslashes(tmp_path):
    png(tmp_path / "brick.png")
    loaded = load_job_file(job(tmp_path, outputs="out\\maps"))
    assert loaded.output_folder == tmp_path / "out" / "maps"
    assert "out\\maps" in " ".join(loaded.notes)
    for key in ("outputs", "save"):
        with pytest.raises(InputError, match="path of this system"):
            load_job_file(job(tmp_path, **{key: "D:\\renders"}))


def test_several_files_are_a_question(tmp_path):
    png(tmp_path / "brick.png")
    png(tmp_path / "brick.jpg")
    with pytest.raises(InputError, match=r"brick\.png and brick\.jpg"):
        load_job_file(job(tmp_path, "brick"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty file"),
        ('{"backlot_job": 1, "operation": "texture.synthesize", "seed": 1, "seed": 2}', "'seed' once in job.json"),
        ("[" * 100000, "too deep"),
        ('{"backlot_job": 1, "operation": 3', "line 1"),
        ("\0\0", "binary"),
        ('{"backlot_job": 1, "priority": true, "operation": "texture.synthesize"}', "priority"),
        ('{"backlot_job": 1, "operation": "texture.synthesize", "parameters": {"size": NaN}, "inputs": {"exemplar": "brick.png"}}', "size"),
        ('{"backlot_job": 1, "operation": "texture.synthesize", "inputs": {"exemplar": "D:\\\\gone.png"}}', "path of this system|gone"),
        ('{"backlot_job": 1, "operation": "texture.synthesize", "inputs": {"exemplar": "a\\u0000b"}}', "exemplar|readable"),
    ],
)
def test_job_files_that_are_none(tmp_path, text, message):
    png(tmp_path / "brick.png")
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(InputError, match=message):
        load_job_file(tmp_path / "job.json")
    with pytest.raises(InputError, match="a job file at"):
        load_job_file(tmp_path / "none.json")


def test_comments_and_a_last_comma_are_read_with_a_note(tmp_path):
    png(tmp_path / "brick.png")
    text = job(tmp_path, seed=7).read_text().replace('"seed": 7}', '"seed": 7, // as before\n}')
    (tmp_path / "job.json").write_text(text)
    loaded = load_job_file(tmp_path / "job.json")
    assert loaded.job.seed == 7
    assert "comments" in " ".join(loaded.notes)


def test_damaged_job_files_are_read_or_refused_with_a_sentence(tmp_path):
    png(tmp_path / "brick.png")
    whole = job(tmp_path, seed=3, outputs="out", parameters={"size": [64, 64]}, label="x").read_bytes()
    rng = np.random.default_rng(11)
    for n in range(200):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 1 + n % 4):
            data[at] = int(rng.integers(0, 256))
        (tmp_path / "job.json").write_bytes(bytes(data[: None if n % 2 else int(rng.integers(0, len(data)))]))
        try:
            load_job_file(tmp_path / "job.json")
        except InputError as error:
            assert str(error)  # noqa: PT017

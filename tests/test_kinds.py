"""Inputs and outputs of every kind: from disk, over the wire, and to disk again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_process import Backend, gather

from backlot.backend.io.inputs import decode_inputs
from backlot.backend.io.meshes import encode_mesh
from backlot.backend.io.reading import decode
from backlot.backend.io.writing import encode
from backlot.backend.runtime.delivery import deliver
from backlot.shared import events as ev
from backlot.shared.errors import InputError, StorageError
from backlot.shared.inputs import read_input
from backlot.shared.jobfile import is_done, load_job_file
from backlot.shared.jobs import Job
from backlot.shared.operations import Input, Operation, Output, find
from backlot.shared.outputs import SIDECAR, Writer, write_outputs
from backlot.shared.tracks import read_tracks, write_tracks
from backlot.shared.values import EncodedFile, Image, Mesh, Tracks

COMMAND = [sys.executable, "-m", "backlot"]
IMAGES, MESH, TRACKS = (Input(kind, kind, kind.title(), "some") for kind in ("images", "mesh", "tracks"))


def image(seed: int) -> Image:
    return Image(np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8))


def tetrahedron() -> Mesh:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    return Mesh(vertices, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32))


def tracks() -> Tracks:
    points = np.array([[0.1, -2, 3], [1e-9, 5, 6]])
    return Tracks(
        points, np.array([-3, 0, 7], np.int32), np.array([1, 0, 1], np.int32), np.array([[1.5, 2.25], [0, 0], [1919.5, 3]], np.float32)
    )


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Two pictures, a mesh and tracks."""
    for n in range(2):
        (tmp_path / f"{n}.png").write_bytes(encode(image(n), "png"))
    (tmp_path / "rock.ply").write_bytes(encode_mesh(tetrahedron(), "ply"))
    write_tracks(tracks(), tmp_path)
    return tmp_path


# -- from disk -----------------------------------------------------------------------------------------------------------


def test_tracks_come_back(disk: Path) -> None:
    for place in (disk, disk / "tracks.json"):
        back = read_tracks(place)
        for name in ("points", "frames", "indices", "pixels"):
            np.testing.assert_array_equal(getattr(back, name), getattr(tracks(), name))
            assert getattr(back, name).dtype == getattr(tracks(), name).dtype


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "JSON"), ("[]", "object"), ('{"points": [[0,0,0]]}', "observations"), ('{"points": [], "observations": []}', "empty list"),
        ('{"points": [[0,0]], "observations": [[1,0,1,1]]}', "row 0 of points"),
        ('{"points": [[0,0,0]], "observations": [[1,0,1,1],[1,0,1]]}', "row 1 of observations"),
        ('{"points": [[0,0,"a"]], "observations": [[1,0,1,1]]}', "row 0 of points"),
        ('{"points": [[0,0,NaN]], "observations": [[1,0,1,1]]}', "finite"),
        ('{"points": [[0,0,0]], "observations": [[1,1,1,1]]}', "point from 0 to 0"),
        ('{"points": [[0,0,0]], "observations": [[1,-1,1,1]]}', "point from 0 to 0"),
        ('{"points": [[0,0,0]], "observations": [[1.5,0,1,1]]}', "whole numbers"),
        ('{"points": [[0,0,0]], "observations": [[1e300,0,1,1]]}', "whole numbers"),
        (f'{{"points": [[0,0,{10**400}]], "observations": [[1,0,1,1]]}}', "too large"),
    ],
)  # fmt: skip
def test_bad_tracks_say_where(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "tracks.json").write_text(content)
    with pytest.raises(InputError, match=said):
        read_tracks(tmp_path)


def test_inputs_by_kind(disk: Path) -> None:
    assert [f.name for f in read_input(IMAGES, ["0.png", "1.png"], disk)] == ["0.png", "1.png"]
    assert [f.name for f in read_input(IMAGES, "0.png", disk)] == ["0.png"]
    assert read_input(MESH, "rock.ply", disk).name == "rock.ply"
    assert len(read_input(TRACKS, ".", disk).points) == 2


@pytest.mark.parametrize(
    ("item", "where", "said"),
    [
        (IMAGES, [], "at least one"), (IMAGES, [3], "a path or a list"), (IMAGES, ["none.png"], "none.png"),
        (MESH, ["a", "b"], "a path as"),
        (MESH, "0.png", "ply"), (TRACKS, "rock.ply", "JSON"), (TRACKS, "nowhere.json", "nowhere.json"),
    ],
)  # fmt: skip
def test_wrong_inputs(disk: Path, item: Input, where: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_input(item, where, disk)


def test_a_list_of_images_makes_another_job_in_another_order(disk: Path) -> None:
    def digest(names: list[str]) -> str:
        path = disk / "job.json"
        path.write_text(json.dumps({"backlot_job": 1, "operation": "system.echo", "inputs": {"images": names}}))
        return load_job_file(path).digest

    assert digest(["0.png", "1.png"]) == digest(["0.png", "1.png"]) != digest(["1.png", "0.png"])


def test_the_artists_colour_space_goes_with_the_files_that_can_have_one(disk: Path) -> None:
    exr = encode(Image(np.full((4, 4, 3), 0.5, np.float32), "linear"), "exr")
    (disk / "a.exr").write_bytes(exr)
    frame = {"file_path": "a.exr", "depth_file_path": "a.exr", "mask_path": "0.png", "transform_matrix": np.eye(4).tolist()}
    (disk / "transforms.json").write_text(json.dumps({"fl_x": 10, "fl_y": 10, "w": 4, "h": 4, "frames": [frame]}))
    assert [f.color_space for f in read_input(IMAGES, ["a.exr", "0.png"], disk, "ACEScg")] == ["ACEScg", ""]
    [read] = read_input(Input("frames", "frames", "Frames", "some"), ".", disk, "ACEScg")
    assert read.channels["color"].color_space == "ACEScg"
    assert read.channels["depth"] is read.channels["color"]  # one file for both
    assert read.channels["mask"].color_space == ""
    entries = {"backlot_job": 1, "operation": "system.echo", "inputs": {"image": "a.exr"}}
    (disk / "job.json").write_text(json.dumps(entries))
    plain = load_job_file(disk / "job.json")
    (disk / "job.json").write_text(json.dumps({**entries, "color_space": "ACEScg"}))
    named = load_job_file(disk / "job.json")
    assert plain.digest != named.digest
    depth = {"operation": "reconstruct.depth", "inputs": {"frames": "."}, "color_space": "ACEScg"}
    (disk / "job.json").write_text(json.dumps({**entries, **depth}))
    loaded = load_job_file(disk / "job.json")
    assert loaded.job.inputs["frames"][0].channels["color"].color_space == "ACEScg"
    assert loaded.notes == ()
    inside = decode_inputs(find("system.echo"), named.job.inputs)["image"]
    assert inside.color_space == "linear"
    np.testing.assert_allclose(inside.pixels, 0.5, atol=1e-4)  # gray is gray in each of them


def test_frames_that_are_left_out_are_said(disk: Path) -> None:
    frames = [{"file_path": f"{n}.png", "depth_file_path": f"{n}.png", "transform_matrix": np.eye(4).tolist()} for n in (0, 1, 7)]
    (disk / "transforms.json").write_text(json.dumps({"fl_x": 10, "fl_y": 10, "w": 16, "h": 12, "frames": frames}))
    (disk / "job.json").write_text(json.dumps({"backlot_job": 1, "operation": "reconstruct.depth", "inputs": {"frames": "."}}))
    loaded = load_job_file(disk / "job.json")
    assert len(loaded.job.inputs["frames"]) == 2
    assert "7.png" in " ".join(loaded.notes)


# -- in the worker -------------------------------------------------------------------------------------------------------


def test_inputs_are_decoded_and_wrong_ones_refused() -> None:
    echo = find("system.echo")
    files = [EncodedFile(np.frombuffer(encode(image(n), "png"), np.uint8), f"{n}.png") for n in range(2)]
    decoded = decode_inputs(echo, {"images": [files[0], image(1)], "tracks": tracks(), "mesh": tetrahedron()})
    for n, one in enumerate(decoded["images"]):
        np.testing.assert_array_equal(one.pixels, image(n).pixels)
    for wrong in ({"images": []}, {"images": image(0)}, {"images": [tracks()]}, {"mesh": image(0)}, {"tracks": [1]}, {"image": [image(0)]}):
        with pytest.raises(InputError):
            decode_inputs(echo, wrong)


def test_a_sequence_is_delivered_under_the_operations_names() -> None:
    schema = Operation(
        "x.y", 1, "X", "x", outputs=(Output("frames", "sequence", ("exr", "png"), "frames"), Output("note", "report", ("json",), "n"))
    )
    named = EncodedFile(np.arange(5, dtype=np.uint8), "stylised_0012.exr")
    files = deliver(schema, {"frames": [named, image(1)], "note": {"a": 1}, "more": 3}, {"frames": "png"})
    assert [f.name for f in files["frames"]] == ["stylised_0012.exr", "frames_0001.png"]
    assert files["frames"][0].data is named.data
    assert files["note"] == {"a": 1}
    assert set(files) == {"frames", "note"}


# -- to disk -------------------------------------------------------------------------------------------------------------


def file(name: str, content: bytes) -> EncodedFile:
    return EncodedFile(np.frombuffer(content, np.uint8), name)


def test_frames_are_written_as_they_come_and_only_once(tmp_path: Path) -> None:
    (tmp_path / SIDECAR).write_text('{"request": "old", "files": []}')
    writer = Writer(tmp_path)
    for n in (3, 1):
        writer(ev.Partial("j", "frames", n, file(f"f_{n}.exr", b"frame")))
    writer(ev.Partial("j", "report", None, {"step": 1}))
    writer(ev.Partial("j", "report", 4, {"step": 1}))
    writer(ev.Partial("j", "mesh", None, tetrahedron()))  # delivered as an array: no file
    assert not (tmp_path / SIDECAR).exists()  # what lies there is no finished job any more
    assert [p.name for p in writer.early] == ["f_3.exr", "f_1.exr", "report.json", "report_0004.json"]
    assert "4 files" in writer.kept()
    before = (tmp_path / "f_1.exr").stat()
    writer(ev.Partial("j", "frames", 3, file("f_3.exr", b"better")))
    assert len(writer.early) == 4
    outputs = {"frames": [file("f_1.exr", b"frame"), file("f_3.exr", b"best"), file("../f_4.exr", b"climbs")], "report": {"step": 2}}
    written = writer.finish(ev.Finished("j", outputs, {"seed": 1}), request="new")
    assert [p.name for p in written] == ["f_1.exr", "f_3.exr", "f_4.exr", "report.json", SIDECAR]
    assert (tmp_path / "f_1.exr").stat().st_mtime_ns == before.st_mtime_ns
    assert (tmp_path / "f_1.exr").stat().st_ino == before.st_ino
    assert (tmp_path / "f_3.exr").read_bytes() == b"best"
    assert (tmp_path / "f_4.exr").read_bytes() == b"climbs"
    assert json.loads((tmp_path / SIDECAR).read_text())["request"] == "new"
    assert not [p for p in tmp_path.iterdir() if p.suffix == ".tmp"]


def test_a_single_file_takes_what_comes_early_of_it(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "out.ply", "mesh")
    writer(ev.Partial("j", "lod", None, file("lod.ply", b"other")))
    writer(ev.Partial("j", "mesh", None, file("mesh.ply", b"coarse")))
    assert [p.name for p in tmp_path.iterdir()] == ["out.ply"]
    assert writer.kept().endswith("out.ply")
    writer.finish(ev.Finished("j", {"mesh": file("mesh.ply", b"fine"), "report": {"faces": 4}}, {}))
    assert (tmp_path / "out.ply").read_bytes() == b"fine"
    assert json.loads((tmp_path / "out.ply.json").read_text())["report"] == {"faces": 4}


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="Cannot write"):
        Writer(tmp_path / "file")(ev.Partial("j", "frames", 1, file("f.exr", b"frame")))
    for place, only in ((tmp_path / "file" / "deeper", ""), (tmp_path / "file" / "a.exr", "image")):
        with pytest.raises(StorageError, match="Cannot write to"):  # before the work begins
            Writer(place, only).check()
    Writer(tmp_path / "new" / "deeper").check()
    assert not (tmp_path / "new").exists()
    assert write_outputs({}, tmp_path / "empty", {})[0].name == SIDECAR


# -- all the way ---------------------------------------------------------------------------------------------------------


def write_job(folder: Path, **entries: Any) -> Path:
    path = folder / "job.json"
    path.write_text(json.dumps({"backlot_job": 1, "operation": "system.echo", **entries}))
    return path


def test_every_kind_through_the_command_line(server: Backend, disk: Path) -> None:
    job = write_job(disk, inputs={"images": ["0.png", "1.png"], "tracks": "tracks.json"}, formats={"images": "exr"}, outputs="out")
    done = subprocess.run([*COMMAND, "run", str(job)], env=server.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    out = disk / "out"
    assert sorted(p.name for p in out.iterdir()) == ["images_0000.exr", "images_0001.exr", SIDECAR, "tracks.json"]
    assert json.loads((out / "tracks.json").read_text()) == {"points": 2, "observations": 3}
    assert decode(EncodedFile.read(out / "images_0001.exr")).pixels.shape == (12, 16, 3)
    assert is_done(load_job_file(job))
    note = json.loads((out / SIDECAR).read_text())
    assert note["inputs"]["tracks"] == {"points": 2, "observations": 3}
    assert [one["file"] for one in note["inputs"]["images"]] == ["0.png", "1.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_ctrl_c_keeps_what_was_ready_and_the_next_run_goes_on(server: Backend, disk: Path) -> None:
    job = write_job(disk, inputs={"image": "0.png"}, parameters={"seconds": 100, "emit": 1000}, formats={"image": "png"}, outputs="out")
    process = subprocess.Popen([*COMMAND, "run", str(job)], env=server.environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr:
        assert "progress" in process.stderr.readline()
        assert "progress" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.wait(10) == 130
    assert "What was ready is kept: " in said
    assert "Traceback" not in said
    frames = sorted((disk / "out").glob("image_*.png"))
    assert len(frames) >= 5
    np.testing.assert_array_equal(decode(EncodedFile.read(frames[0])).pixels, image(0).pixels)
    assert not is_done(load_job_file(job))
    with server.client() as client:  # the same again, by whomever: starts with what there was
        client.wait_ready()
        again = Job(
            "system.echo", {"seconds": 100, "emit": 1000}, {"image": EncodedFile.read(disk / "0.png")}, 0, "files", {"image": "png"}
        )
        client.submit(again)
        seen = gather(client, lambda e: isinstance(e, ev.Progress))
        assert {e.index for e in seen if isinstance(e, ev.Partial)} >= set(range(len(frames)))
        client.cancel(again.id)
        gather(client, lambda e: isinstance(e, ev.Cancelled))

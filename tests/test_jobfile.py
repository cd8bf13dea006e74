"""Job files: what they refuse, what identifies them, and that running one twice does the work once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_process import Backend, wait_for, wait_until

from backlot.shared import events as ev
from backlot.shared import jobs
from backlot.shared.errors import InputError, ParameterError
from backlot.shared.jobfile import is_done, load_job_file
from backlot.shared.jobs import Job, check_request
from backlot.shared.outputs import SIDECAR, write_outputs
from backlot.shared.sources import Source
from backlot.shared.values import EncodedFile


def write_job(folder: Path, **entries: Any) -> Path:
    path = folder / "job.json"
    path.write_text(json.dumps({"backlot_job": 1, "operation": "texture.synthesize", "inputs": {"exemplar": "a.png"}, **entries}))
    return path


def frames(folder: Path, shift: float) -> None:
    pose = np.eye(4)
    pose[0, 3] = shift
    frame = {"file_path": "a.png", "depth_file_path": "a.png", "transform_matrix": pose.tolist()}
    (folder / "transforms.json").write_text(json.dumps({"fl_x": 10, "fl_y": 10, "w": 8, "h": 8, "frames": [frame]}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(b"one")
    return tmp_path


def test_the_digest_follows_content_parameters_and_seed(folder: Path) -> None:
    first = load_job_file(write_job(folder)).digest
    assert load_job_file(write_job(folder, seed=0, parameters={"tile": "both"})).digest == first  # the defaults, spelt out
    assert load_job_file(write_job(folder, seed=1)).digest != first
    assert load_job_file(write_job(folder, parameters={"tile": "x"})).digest != first
    (folder / "a.png").write_bytes(b"two")
    assert load_job_file(write_job(folder)).digest != first


def test_the_digest_follows_the_cameras(folder: Path) -> None:
    job = {"operation": "reconstruct.depth", "inputs": {"frames": "."}}
    frames(folder, 0.0)
    first = load_job_file(write_job(folder, **job)).digest
    frames(folder, 0.25)
    assert load_job_file(write_job(folder, **job)).digest != first


def test_a_job_file_is_utf_8_whatever_wrote_it(folder: Path) -> None:
    (folder / "grün.png").write_bytes(b"one")
    text = json.dumps({"backlot_job": 1, "operation": "texture.synthesize", "inputs": {"exemplar": "grün.png"}}, ensure_ascii=False)
    for mark in (b"", b"\xef\xbb\xbf"):
        (folder / "job.json").write_bytes(mark + text.encode())
        assert load_job_file(folder / "job.json").job.inputs["exemplar"].name == "grün.png"


def test_names_of_objects_are_known_once_the_frames_are_captured(folder: Path) -> None:
    names = {"Cube": 4, "Old Table": 9}

    def capture(description: dict[str, Any], item: Any) -> Any:
        return Source("transforms", [], None, names) if item.kind == "frames" else EncodedFile(np.zeros(3, np.uint8), "a.png")

    parameters = {"objects": "Cube, 2 7-8", "regions": "Old Table,3:keep"}
    entries = {"operation": "style.shot", "inputs": {"frames": {"capture": {"mode": "range"}}, "style": "a.png"}}
    loaded = load_job_file(write_job(folder, **entries, parameters=parameters), capture)
    assert (loaded.job.parameters["objects"], loaded.job.parameters["regions"]) == ("4,2 7-8", "9,3:keep")
    assert loaded.job.inputs["frames"] == []
    with pytest.raises(InputError, match="Cube, Old Table"):
        assert load_job_file(write_job(folder, **entries, parameters={"objects": "Sofa"}), capture).job
    (folder / "objects.json").write_text(json.dumps(names))
    frames(folder, 0.0)
    loaded = load_job_file(write_job(folder, operation="style.shot", inputs={"frames": ".", "style": "a.png"}, parameters=parameters))
    assert loaded.job.parameters["objects"] == "4,2 7-8"


def test_captures_are_rendered_late_and_only_if_needed(folder: Path) -> None:
    rendered: list[dict[str, Any]] = []

    def capture(description: dict[str, Any], item: Any) -> EncodedFile:
        rendered.append(description)
        return EncodedFile(np.frombuffer(b"pixels", np.uint8), "frame.exr")

    path = write_job(folder, inputs={"exemplar": {"capture": {"mode": "frame"}}})
    loaded = load_job_file(path, capture, scene="a")
    assert load_job_file(path, capture, scene="b").digest != loaded.digest
    assert not is_done(loaded)
    write_outputs({"base_color": EncodedFile(np.zeros(3, np.uint8), "base_color.png")}, loaded.output_folder, {"request": loaded.digest})
    assert is_done(loaded)
    assert rendered == []
    assert loaded.job.inputs["exemplar"].name == "frame.exr"
    assert loaded.job.id == loaded.job.id
    assert rendered == [{"mode": "frame"}]
    (loaded.output_folder / "base_color.png").unlink()
    assert not is_done(loaded)
    assert (loaded.output_folder / SIDECAR).exists()


def test_a_request_is_checked_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a file or from a script, with inputs that are rendered later, under another id, or delivered in another way."""
    checks: list[str] = []
    monkeypatch.setattr(jobs, "check_request", lambda *request: (checks.append(request[0]), check_request(*request))[1])
    captured = {"exemplar": {"capture": {"mode": "frame"}}}
    for entries in ({}, {"inputs": captured}):
        loaded = load_job_file(write_job(folder, **entries), lambda description, item: EncodedFile.read(folder / "a.png"))
        loaded.job.changed(id="another00", deliver="arrays").encode()
        loaded.job.encode()
    job = Job("texture.synthesize", {}, {"exemplar": EncodedFile.read(folder / "a.png")})
    assert job.check() == job.changed(id="another00").check()
    job.encode()
    assert len(checks) == 3
    with pytest.raises(ParameterError):
        job.changed(seed=-1).encode()


@pytest.mark.parametrize(
    "entries",
    [
        {"backlot_job": 2},
        {"operation": "texture.knit"},
        {"parameters": {"size": [1, 1]}},
        {"inputs": {}},
        {"inputs": {"exemplar": "missing.png"}},
        {"inputs": {"exemplar": 3}},
        {"inputs": {"exemplar": {"capture": {}}}},
        {"seed": -1},
        {"formats": {"base_color": "gif"}},
        {"colour": "blue"},
    ],
)
def test_wrong_entries_are_refused(folder: Path, entries: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        load_job_file(write_job(folder, **entries))


def test_a_second_run_finds_the_job_under_way(server: Backend) -> None:
    job = Job("system.echo", {"seconds": 1.0}, id="a" * 32)
    with server.client() as first, server.client() as second:
        assert first.submit_once(job) == job.id
        wait_until(lambda: any(isinstance(e, ev.Progress) for e in first.poll(0.05)))
        assert second.submit_once(job) == job.id
        second.result(job.id, timeout=90)
        second.request_jobs()
        listed = wait_until(lambda: next((e for e in second.poll(0.05) if isinstance(e, ev.JobList)), None))
    assert [j.attempts for j in listed.jobs if j.id == job.id] == [1]


def test_a_job_that_failed_long_ago_is_found_however_many_came_after(server: Backend) -> None:
    with server.client() as client:
        client.wait_ready()
        old, newer = Job("system.echo"), Job("system.echo")
        for job in (old, newer):
            client.run(job, timeout=90)
        client.request_jobs(old.id)
        [listed] = wait_for(client, ev.JobList).jobs
        assert listed.id == old.id
        client.request_jobs("0" * 32)
        assert wait_for(client, ev.JobList).jobs == []


def test_a_cancelled_job_is_done_afresh(server: Backend) -> None:
    job = Job("system.echo", {"seconds": 30.0}, id="b" * 32)
    with server.client() as client:
        client.submit_once(job)
        client.cancel(job.id)
        wait_until(lambda: any(isinstance(e, ev.Cancelled) for e in client.poll(0.05)))
        again = client.submit_once(job)
        assert again != job.id
        client.cancel(again)

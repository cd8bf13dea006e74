"""The command `backlot` as a process: what it does, prints, writes and answers with."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from backend_process import Backend, backend, job_info, wait_until

from backlot.backend.cli import interrupt, main
from backlot.backend.cli.run import warnings_of
from backlot.backend.core.context import Context
from backlot.backend.io.reading import decode
from backlot.backend.io.writing import encode
from backlot.backend.reconstruct.operations import reconstruct_depth
from backlot.shared.frames import read_transforms, write_transforms
from backlot.shared.operations import OPERATIONS, find
from backlot.shared.values import Camera, EncodedFile, Image
from backlot.shared.version import __version__

INSTALLED = Path(sys.executable).with_name("backlot.exe" if sys.platform == "win32" else "backlot")
COMMAND = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "backlot"]
SIZE = 64


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a texture, a painting, a broken file and a capture."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:SIZE, :SIZE]
    checks = ((x // 8 + y // 8) % 2 * 120 + rng.integers(0, 60, (SIZE, SIZE))).astype(np.uint8)
    (folder / "brick.png").write_bytes(encode(Image(np.stack([checks, checks // 2, 255 - checks], -1)), "png"))
    (folder / "painting.png").write_bytes(encode(Image(rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)), "png"))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    (folder / "empty.png").write_bytes(b"")
    cameras = [np.eye(4), np.eye(4)]
    cameras[1][0, 3] = 0.2
    depth = encode(Image(np.full((SIZE, SIZE, 1), 2, np.float32), "data"), "exr")  # a wall two units ahead
    frames = []
    for number, pose in enumerate(cameras):
        (folder / f"depth{number}.exr").write_bytes(depth)
        camera = Camera(SIZE, SIZE, float(SIZE), float(SIZE), SIZE / 2, SIZE / 2, pose)
        frames.append({"camera": camera, "files": {"depth": f"depth{number}.exr"}, "number": number})
    write_transforms(folder, frames)
    return folder


@pytest.fixture(scope="module")
def compiled(pictures: Path) -> None:
    """Compiles the kernels of a reconstruction into their cache on disk: on a new machine that takes most of a minute."""
    parameters = find("reconstruct.depth").check_parameters({"voxel": 0.05, "min_component": 0})
    reconstruct_depth.run({"frames": read_transforms(pictures)}, parameters, Context(torch.device("cpu"), 0))


def run(state: Path | Backend, *arguments: object, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**(state.environment if isinstance(state, Backend) else {**os.environ, "BACKLOT_STATE_DIR": str(state)}), **environment}
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, env=env, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the command line inside this process, which is quicker; gives exit code and stderr."""
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(tmp_path / "state"))

    def call(*arguments: object) -> tuple[int, str]:
        return main([str(a) for a in arguments]), capsys.readouterr().err

    return call


def write_job(path: Path, **content: Any) -> Path:
    path.write_text(json.dumps({"backlot_job": 1, **content}))
    return path


# -- without a backend ---------------------------------------------------------------------------------------------------


def test_version_and_help(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").stdout.strip() == f"backlot {__version__}"
    overview = run(tmp_path, "--help")
    assert overview.returncode == 0
    assert "130 cancelled" in " ".join(overview.stdout.split())
    for verb, name in (("texture", "texture.synthesize"), ("style", "style.image"), ("material", "texture.generate")):
        said = run(tmp_path, verb, "--help")
        assert said.returncode == 0
        assert all(f"--{p.name.replace('_', '-')}" in said.stdout for p in OPERATIONS[name].parameters if p.name != "prompt")


@pytest.mark.parametrize("arguments", [["status"], ["jobs"], ["stop"], ["cancel", "abc"]])
def test_verbs_that_need_a_backend_say_so(tmp_path: Path, arguments: list[str]) -> None:
    said = run(tmp_path, *arguments)
    assert said.returncode == 3
    assert "backlot serve" in said.stderr


@pytest.mark.parametrize(
    "arguments", ["", "paint", "texture", "texture a.png", "texture a.png --out o --size big", "texture a.png --out o --tile diagonal"]
)
def test_wrong_usage(tmp_path: Path, arguments: str) -> None:
    assert run(tmp_path, *arguments.split()).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["texture", "none.png", "--out", "o"], "none.png"),
        (["texture", "{}", "--out", "o"], "readable file"),
        (["texture", "{}/empty.png", "--out", "o"], "an empty file"),
        (["texture", "{}/brick.png", "--out", "o", "--size", "8"], "from 32 to 8192"),
        (["texture", "{}/brick.png", "--out", "o", "--variety", "nan"], "from 0 to 1"),
        (["texture", "{}/brick.png", "--out", "o", "--seed", "-1"], "seed"),
        (["style", "{}/brick.png", "{}/none.png", "--out", "o.png"], "none.png"),
        (["style", "{}/brick.png", "{}/painting.png", "--out", "o.gif"], ".png, .exr"),
        (["reconstruct", "{}/nowhere", "--out", "o.ply"], "nowhere"),
        (["reconstruct", "{}", "--out", "o.stl"], ".ply, .obj, .glb"),
        (["texture", "{}/brick.png", "--out", "{}/brick.png"], "--out as a folder"),
        (["run", "none.json"], "none.json"),
        (["run", "{}/brick.png"], "JSON"),
    ],
)
def test_bad_input_is_said_before_a_backend_is_started(here: Any, tmp_path: Path, pictures: Path, arguments: list[str], said: str) -> None:
    code, error = here(*(a.format(pictures) for a in arguments))
    assert code == 2
    assert said in error
    assert "Expected" in error
    assert not (tmp_path / "state" / "journal.sqlite").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"backlot_job": 2}, "backlot_job"),
        ({"operation": "no.such"}, "no.such"),
        ({"colour": 1}, "'colour'"),
        ({"parameters": {"size": "big"}}, "size"),
        ({"parameters": []}, "parameters"),
        ({"inputs": {}}, "exemplar"),
        ({"inputs": []}, "inputs"),
        ({"inputs": {"exemplar": 5}}, "exemplar"),
        ({"inputs": {"exemplar": "gone.png"}}, "gone.png"),
        ({"inputs": {"exemplar": {"capture": {"mode": "frame"}}}}, "Blender"),
        ({"seed": "x"}, "seed"),
        ({"formats": {"base_color": "gif"}}, "png, exr"),
        ({"formats": []}, "formats"),
        ({"outputs": 7}, "outputs"),
        ({"priority": "high"}, "priority"),
    ],
)
def test_bad_job_files(here: Any, tmp_path: Path, pictures: Path, change: dict[str, Any], said: str) -> None:
    content = {"operation": "texture.synthesize", "inputs": {"exemplar": str(pictures / "brick.png")}, **change}
    code, error = here("run", write_job(tmp_path / "job.json", **content))
    assert code == 2
    assert said in error
    assert not (tmp_path / "state" / "journal.sqlite").exists()


def test_a_backend_is_started_for_the_call_and_ends_with_it(tmp_path: Path, pictures: Path) -> None:
    state, out = tmp_path / "state", tmp_path / "out"
    state.mkdir()
    left_behind = {"control": "tcp://127.0.0.1:1", "data": "tcp://127.0.0.1:2", "key": "00" * 32, "pid": 2**22 + 1}
    (state / "connection.json").write_text(json.dumps(left_behind))  # by a backend that was killed
    done = run(state, "texture", pictures / "brick.png", "--size", SIZE, "--out", out)
    assert done.returncode == 0, done.stderr
    assert (out / "base_color.png").is_file()
    wait_until(lambda: not (state / "connection.json").exists(), 10)
    assert run(state, "status").returncode == 3


def test_two_calls_at_once_share_the_backend_that_one_of_them_starts(tmp_path: Path, pictures: Path) -> None:
    results: list[subprocess.CompletedProcess[str]] = []

    def call(name: str, seconds: float) -> None:
        job = write_job(tmp_path / f"{name}.json", operation="system.echo", parameters={"seconds": seconds}, outputs=name)
        results.append(run(tmp_path / "state", "run", job))

    threads = [threading.Thread(target=call, args=a) for a in (("short", 0.0), ("long", 1.5))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [(r.returncode, r.stderr if r.returncode else "") for r in results] == [(0, ""), (0, "")]
    run(tmp_path / "state", "stop")


# -- with one ------------------------------------------------------------------------------------------------------------


def test_texture(server: Backend, pictures: Path, tmp_path: Path) -> None:
    command = ["texture", pictures / "brick.png", "--size", f"{SIZE}x96", "--tile", "x", "--seed", 3, "--out"]
    first, again = run(server, *command, tmp_path / "a"), run(server, *command, tmp_path / "b")
    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    assert first.stdout.split() == [str(tmp_path / "a" / n) for n in ("base_color.png", "report.json", "provenance.json")]
    pixels = decode(EncodedFile.read(tmp_path / "a" / "base_color.png")).pixels
    assert pixels.shape[:2] == (96, SIZE)
    assert (tmp_path / "a" / "base_color.png").read_bytes() == (tmp_path / "b" / "base_color.png").read_bytes()  # same seed, same bytes
    note = json.loads((tmp_path / "a" / "provenance.json").read_text())
    assert note["operation"] == "texture.synthesize"
    assert note["parameters"]["size"] == [SIZE, 96]
    assert note["parameters"]["tile"] == "x"
    assert note["parameters"]["variety"] == 0.5  # defaults are written out
    assert note["seed"] == 3
    assert note["backlot"] == __version__
    assert note["inputs"]["exemplar"]["file"] == "brick.png"
    assert note["files"] == ["base_color.png", "report.json"]
    assert note["device"]["kind"] == "cpu"
    assert sum(note["seconds"].values()) > 0


def test_style(server: Backend, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "styled.png"
    done = run(server, "style", pictures / "brick.png", pictures / "painting.png", "--strength", "0.5", "--out", out)
    assert done.returncode == 0, done.stderr
    assert decode(EncodedFile.read(out)).pixels.shape[:2] == (SIZE, SIZE)
    note = json.loads(out.with_name("styled.png.json").read_text())
    assert note["parameters"]["strength"] == 0.5
    assert note["operation"] == "style.image"


@pytest.mark.usefixtures("compiled")
def test_reconstruct(server: Backend, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "wall.ply"
    done = run(server, "reconstruct", pictures, "--voxel", "0.05", "--min-component", "0", "--out", out)
    assert done.returncode == 0, done.stderr
    mesh = trimesh.load(out)
    assert len(mesh.faces) > 100
    np.testing.assert_allclose(mesh.vertices[:, 2], -2, atol=0.05)
    assert "report" in json.loads(out.with_name("wall.ply.json").read_text())


@pytest.mark.parametrize("name", ["broken.png", "transforms.json"])
def test_a_bad_image_gets_three_sentences(server: Backend, pictures: Path, tmp_path: Path, name: str) -> None:
    failed = run(server, "texture", pictures / name, "--size", SIZE, "--out", tmp_path / "out")
    assert failed.returncode == 2
    assert re.search(r"^backlot: .*Expected .+, got .+\. .+\.$", failed.stderr.strip().splitlines()[-1] + "") or "Expected" in failed.stderr
    assert name in failed.stderr
    assert not (tmp_path / "out").exists()


def test_what_reports_warn_of_is_said() -> None:
    outputs = {"report": {"warnings": ["a"], "notes": ["b"], "steps": 3}, "other": {"warnings": 7}, "stylised": []}
    assert sorted(warnings_of(outputs)) == ["a", "b"]


def test_an_output_folder_that_cannot_be_written(server: Backend, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    failed = run(server, "texture", pictures / "brick.png", "--size", SIZE, "--out", tmp_path / "file" / "out")
    assert failed.returncode == 4
    assert "Cannot write" in failed.stderr


def test_a_job_file_twice_is_done_once(server: Backend, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "brick.png").write_bytes((pictures / "brick.png").read_bytes())
    content: dict[str, Any] = {"operation": "texture.synthesize", "parameters": {"size": [SIZE, SIZE]}, "inputs": {"exemplar": "brick.png"},
                               "outputs": "out", "formats": {"base_color": "exr"}, "seed": 1}  # fmt: skip
    job, out = write_job(tmp_path / "job.json", **content), tmp_path / "out" / "base_color.exr"
    assert run(server, "run", job).returncode == 0
    first = out.read_bytes()
    written, note = out.stat().st_mtime_ns, out.with_name("provenance.json")
    noted = note.stat().st_mtime_ns
    again = run(server, "run", job)
    assert again.returncode == 0
    assert "already done" in again.stdout
    assert note.stat().st_mtime_ns == noted
    assert "already done" not in run(server, "run", "--force", job).stdout
    assert out.read_bytes() == first
    assert note.stat().st_mtime_ns != noted
    assert out.stat().st_mtime_ns == written  # the same bytes are left alone
    write_job(job, **(content | {"seed": 2}))  # another job
    assert "already done" not in run(server, "run", job).stdout
    assert out.read_bytes() != first
    out.unlink()  # results gone
    assert "already done" not in run(server, "run", job).stdout
    (tmp_path / "brick.png").write_bytes((pictures / "painting.png").read_bytes())  # another picture of the same name
    assert "already done" not in run(server, "run", job).stdout
    assert not list((tmp_path / "out").glob(".*"))  # no temporary files left


@pytest.mark.parametrize(("kind", "word"), [("error", "on purpose"), ("out_of_memory", "smaller")])
def test_a_job_that_fails(server: Backend, tmp_path: Path, kind: str, word: str) -> None:
    failed = run(server, "run", write_job(tmp_path / "job.json", operation="system.fault", parameters={"kind": kind}))
    assert failed.returncode == 4
    assert word in failed.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_or_an_end_from_the_farm_cancels_the_job(server: Backend, tmp_path: Path, number: signal.Signals) -> None:
    label = f"to be interrupted by {number.name}"
    job = write_job(tmp_path / "long.json", operation="system.echo", parameters={"seconds": 300 + number}, label=label)
    process = subprocess.Popen([*COMMAND, "run", str(job)], env=server.environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr:
        assert "progress" in process.stderr.readline()
        process.send_signal(number)
        assert "Traceback" not in process.stderr.read()
    assert process.wait(10) == 130
    with server.client() as client:
        client.wait_ready()
        client.request_jobs()
        jobs = wait_until(lambda: [e for e in client.poll(0.1) if hasattr(e, "jobs")])[0].jobs
        (mine,) = [j for j in jobs if j.label == label]
        wait_until(lambda: job_info(client, mine.id).state == "cancelled", 5)


def test_an_interrupt_that_python_drops_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    class Dropping:
        def __init__(self, error: type[BaseException]) -> None:
            self.error = error

        def __del__(self) -> None:
            raise self.error

    before = sys.unraisablehook
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with interrupt.listening():
            Dropping(KeyboardInterrupt)
            assert "Traceback" not in capfd.readouterr().err
            Dropping(ValueError)
            assert "ValueError" in capfd.readouterr().err
        assert sys.unraisablehook is before
    finally:
        sys.unraisablehook = before
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_jobs_status_and_cancel(server: Backend, tmp_path: Path) -> None:
    job = write_job(tmp_path / "waits.json", operation="system.echo", parameters={"seconds": 300}, label="waits for its end")
    process = subprocess.Popen([*COMMAND, "run", str(job)], env=server.environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr:
        while "waiting" in (said := process.stderr.readline()):  # for its worker, which starts
            pass
        assert "progress" in said
        listed = run(server, "jobs")
        assert listed.returncode == 0
        (line,) = [li for li in listed.stdout.splitlines() if "waits for its end" in li]
        assert "running" in line
        status = run(server, "status")
        assert status.returncode == 0
        assert "busy" in status.stdout
        assert "1 running" in status.stdout
        waits = write_job(tmp_path / "second.json", operation="system.echo", parameters={"seconds": 301}, label="comes second")
        second = subprocess.Popen([*COMMAND, "run", str(waits)], env=server.environment, stderr=subprocess.PIPE, text=True)
        assert second.stderr is not None
        with second.stderr:
            assert "waiting, 1 before it" in second.stderr.readline()
            assert "waiting, 1 before it" in next(li for li in run(server, "jobs").stdout.splitlines() if "comes second" in li)
            second.send_signal(signal.SIGINT)
            second.stderr.read()
        assert second.wait(10) == 130
        cancelled = run(server, "cancel", line.split()[0])
        assert (cancelled.returncode, cancelled.stdout.split()) == (0, [line.split()[0], "cancelled"])
        process.stderr.read()
    assert process.wait(10) == 130
    assert "cancelled already" in run(server, "cancel", line.split()[0]).stdout
    assert run(server, "cancel", "zzzz").returncode == 2


def test_doctor(server: Backend) -> None:
    healthy = run(server, "doctor")
    assert "a worker answered a job" in healthy.stdout
    assert "torch" in healthy.stdout
    problems = [line for line in healthy.stdout.splitlines() if line.startswith("PROBLEM")]
    assert healthy.returncode == (4 if problems else 0)


def test_stop(tmp_path: Path) -> None:
    with backend(tmp_path / "state") as running:
        assert f"pid {running.process.pid}" in run(running, "status").stdout
        stopped = run(running, "stop")
        assert stopped.returncode == 0
        assert running.process.wait(10) == 0
        assert run(running, "stop").returncode == 3


def test_errors_stay_short(server: Backend, pictures: Path, tmp_path: Path) -> None:
    failed = run(server, "style", pictures / "brick.png", pictures / "broken.png", "--out", tmp_path / "o.png")
    assert failed.returncode == 2
    assert len(failed.stderr.strip().splitlines()) <= 4


@pytest.mark.parametrize("words", [["--tile", "brick.png"], ["brick.png", "--tile"], ["brick.png", "--tile", "both"]])
def test_tile_may_stand_anywhere_without_a_value(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "brick.png").write_bytes(b"no picture")
    words = [str(tmp_path / w) if w.endswith(".png") else w for w in words]
    done = run(tmp_path / "state", "texture", *words, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "to be an image file" in done.stderr  # the path was understood as the exemplar

"""Without a window: job files through the command line's own entry, with a real backend."""

import json
import os
import signal
import sys
import threading

import bpy
import numpy as np
import pytest

from backlot.addon import cli
from backlot.addon.images import pictures
from backlot.shared.client import Client
from backlot.shared.values import Image

pytestmark = [pytest.mark.usefixtures("backend"), pytest.mark.contract]


def job_file(folder, **data):
    path = folder / "job.json"
    path.write_text(json.dumps({"backlot_job": 1, "seed": 1, "outputs": "out", **data}))
    return str(path)


@pytest.fixture
def submitted(monkeypatch):
    """The jobs that are sent to the backend."""
    jobs, submit = [], Client.submit
    monkeypatch.setattr(Client, "submit", lambda self, job: jobs.append(job) or submit(self, job))
    return jobs


def test_capture_reconstruct_apply_save(scene, tmp_path, capfd, submitted):
    capture = {"mode": "orbit", "count": 6, "resolution": [64, 64], "samples": 1, "objects": ["Cube"]}
    path = job_file(
        tmp_path, operation="reconstruct.depth", parameters={"voxel": 0.1}, inputs={"frames": {"capture": capture}},
        formats={"mesh": "ply"}, apply=True, save="out/scene.blend",
    )  # fmt: skip
    assert cli.main(["run", path]) == 0
    assert len(submitted) == 1, "computed once, for the files and for the scene"
    out = tmp_path / "out"
    assert (out / "mesh.ply").read_bytes().startswith(b"ply")
    assert (out / "provenance.json").exists()
    assert (tmp_path / "capture" / "transforms.json").exists()
    assert "captured 6 of 6" in capfd.readouterr().out
    bpy.ops.wm.open_mainfile(filepath=str(out / "scene.blend"))
    assert len(bpy.data.collections["Backlot"].objects) == 1


def test_applied_are_exact_pixels_and_written_are_the_same_files(scene, tmp_path, submitted):
    """The format of the file is lossy: what is applied has not been through it."""
    made = pictures.receive(Image(np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)), "noise")
    made.filepath_raw, made.file_format = str(tmp_path / "noise.png"), "PNG"
    made.save()
    data = {"operation": "texture.synthesize", "parameters": {"size": [48, 48]}, "inputs": {"exemplar": "noise.png"}}
    assert cli.main(["run", job_file(tmp_path, **data, outputs="exact")]) == 0
    lossy = {**data, "formats": {"base_color": "jpg"}}
    assert cli.main(["run", job_file(tmp_path, **lossy, outputs="alone")]) == 0
    submitted.clear()
    before = set(bpy.data.images)
    path = job_file(tmp_path, **lossy, outputs="applied", apply=True)
    assert cli.main(["run", path]) == 0
    assert len(submitted) == 1
    assert (tmp_path / "applied" / "base_color.jpg").read_bytes() == (tmp_path / "alone" / "base_color.jpg").read_bytes()
    exact = bpy.data.images.load(str(tmp_path / "exact" / "base_color.png"))
    (image,) = set(bpy.data.images) - before - {exact}
    assert np.array_equal(np.array(image.pixels[:]), np.array(exact.pixels[:]))
    assert cli.main(["run", path]) == 0
    assert len(submitted) == 1, "what the backend still knows is not computed again"


def test_objects_of_a_captured_shot_are_known_by_name(scene, tmp_path):
    """The style acts on the cube alone; only the capture knows its id."""
    style = pictures.receive(Image(np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)), "strokes")
    style.filepath_raw, style.file_format = str(tmp_path / "strokes.png"), "PNG"
    style.save()
    capture = {"mode": "range", "start": 1, "end": 2, "resolution": [48, 32], "samples": 1}
    inputs = {"frames": {"capture": capture}, "style": "strokes.png"}
    path = job_file(tmp_path, operation="style.shot", parameters={"objects": "Cube", "layers": "picture"}, inputs=inputs)
    assert cli.main(["run", path]) == 0
    assert (tmp_path / "out" / "stylised_0002.exr").exists()
    parameters = {"regions": "Cube:keep", "frames_wanted": "1"}
    assert cli.main(["run", job_file(tmp_path, operation="style.shot", parameters=parameters, inputs=inputs)]) == 0
    wrong = job_file(tmp_path, operation="style.shot", parameters={"objects": "Nobody"}, inputs=inputs)
    assert cli.main(["run", wrong]) == 2


def test_done_is_not_done_again(scene, tmp_path, capfd):
    made = pictures.receive(Image(np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)), "noise")
    made.filepath_raw, made.file_format = str(tmp_path / "noise.png"), "PNG"
    made.save()
    path = job_file(tmp_path, operation="texture.synthesize", parameters={"size": [48, 48]}, inputs={"exemplar": "noise.png"})
    assert cli.main(["run", path]) == 0
    first = (tmp_path / "out" / "base_color.png").read_bytes()
    capfd.readouterr()
    assert cli.main(["run", path]) == 0
    assert "done already" in capfd.readouterr().out
    assert cli.main(["run", "--force", path]) == 0
    assert (tmp_path / "out" / "base_color.png").read_bytes() == first


def test_a_capture_that_was_done_is_not_rendered_again(scene, tmp_path, capfd):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    capture = {"mode": "orbit", "count": 3, "resolution": [48, 48], "samples": 1, "objects": ["Cube"]}
    path = job_file(tmp_path, operation="reconstruct.depth", parameters={"voxel": 0.2}, inputs={"frames": {"capture": capture}})
    assert cli.main(["run", path]) == 0
    assert "captured 3 of 3" in capfd.readouterr().out
    assert cli.main(["run", path]) == 0
    assert "captured" not in capfd.readouterr().out
    scene.objects["Cube"].location.x += 1
    bpy.ops.wm.save_mainfile()
    assert cli.main(["run", path]) == 0
    assert "captured 3 of 3" in capfd.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_an_end_from_the_farm_cancels_the_job(scene, tmp_path):
    path = job_file(tmp_path, operation="system.echo", parameters={"seconds": 60}, inputs={})
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    before = signal.getsignal(signal.SIGTERM)
    assert cli.main(["run", path]) == 130
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"operation": "texture.nonsense"}, "no operation"),
        ({"operation": "texture.synthesize", "inputs": {}}, "exemplar"),
        ({"operation": "texture.synthesize", "inputs": {"exemplar": "gone.png"}}, "gone.png"),
        ({"operation": "reconstruct.depth", "inputs": {"frames": {"capture": {"mode": "sideways"}}}}, "sideways"),
        ({"operation": "reconstruct.depth", "inputs": {"frames": {"capture": {"mode": "orbit", "objects": ["Nobody"]}}}}, "Nobody"),
        ({"operation": "reconstruct.depth", "inputs": {"frames": {"capture": {"camera": 1}}}}, "camera"),
    ],
)
def test_bad_job_files_are_exit_code_2(scene, tmp_path, capfd, data, words):
    assert cli.main(["run", job_file(tmp_path, **data)]) == 2
    captured = capfd.readouterr().err
    assert words in captured
    assert "Traceback" not in captured


def test_usage(capfd):
    assert cli.main([]) == 2
    assert cli.main(["--help"]) == 0
    assert "run" in capfd.readouterr().out

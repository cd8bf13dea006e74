"""The farm's way: ``blender -b file.blend -c backlot run job.json`` with the extension installed from the built archive."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_backend import live_backend
from window.harness import Window

CAPTURE = {"mode": "orbit", "objects": ["Cube"], "count": 6, "resolution": [64, 64], "samples": 1}


@pytest.fixture(scope="module")
def farm(window: Window, shared_folder: Path, archive: Path) -> Iterator[Path]:
    """A folder with Blender's user folder, a .blend, and a backend that runs."""
    folder = shared_folder / "farm"
    shutil.rmtree(folder, ignore_errors=True)
    user = folder / "user"
    user.mkdir(parents=True)
    shutil.copyfile(archive, folder / archive.name)
    installed = window.blender("--command", "extension", "install-file", "-r", "user_default", "-e", str(folder / archive.name), user=user)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    # Cycles: EEVEE compiles its shaders for software OpenGL, half a minute. Debian's Blender has no denoiser.
    engine = "import bpy; scene = bpy.context.scene; scene.render.engine = 'CYCLES'; scene.cycles.use_denoising = False"
    save = f"{engine}; bpy.ops.wm.save_as_mainfile(filepath={str(folder / 'scene.blend')!r})"
    made = window.blender("-b", "--python-expr", save, user=user)
    assert (folder / "scene.blend").exists(), made.stdout + made.stderr
    with live_backend(folder / "state"):
        yield folder


def run(window: Window, farm: Path, **job: object) -> tuple[int, str]:
    (farm / "job.json").write_text(json.dumps({"backlot_job": 1, "outputs": "out", **job}))
    done = window.blender(
        "-b", str(farm / "scene.blend"), "-c", "backlot", "run", str(farm / "job.json"), user=farm / "user",
        extra={"BACKLOT_STATE_DIR": str(farm / "state")},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_job_file_with_a_capture(window: Window, farm: Path) -> None:
    job = {"operation": "reconstruct.depth", "parameters": {"voxel": 0.1}, "inputs": {"frames": {"capture": CAPTURE}}}
    code, said = run(window, farm, **job, apply=True, save="out/applied.blend")
    assert code == 0, said
    assert "captured 6 of 6" in said
    assert (farm / "out" / "applied.blend").exists()
    assert (farm / "out" / "mesh.ply").read_bytes().startswith(b"ply")
    assert json.loads((farm / "out" / "provenance.json").read_text())["operation"] == "reconstruct.depth"
    code, said = run(window, farm, **job)
    assert code == 0, said
    assert "done already" in said


def test_exit_code_2_for_unusable_input(window: Window, farm: Path) -> None:
    code, said = run(window, farm, operation="texture.synthesize", inputs={"exemplar": "gone.png"})
    assert code == 2, said
    assert "gone.png" in said
    assert "Traceback" not in said

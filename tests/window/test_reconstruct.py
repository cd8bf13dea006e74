"""In a real window: a reconstruction from button to mesh, Smart UV beside an artist who edits, undo, and the Clip Editor's tab."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from live_backend import live_backend
from window.harness import Report, Window

from backlot.backend.io.reading import decode
from backlot.shared.values import EncodedFile

pytestmark = pytest.mark.slow
SCENARIO = Path(__file__).with_name("scenario_reconstruct.py")
SOLVED_CLIP = Path(__file__).parent.parent / "blender" / "solved_clip.py"


@pytest.fixture(scope="module")
def report(window: Window, shared_folder: Path, archive: Path) -> Report:
    state = shared_folder / "reconstruct-state"
    shutil.rmtree(state, ignore_errors=True)
    shutil.copyfile(SOLVED_CLIP, shared_folder / SOLVED_CLIP.name)
    with live_backend(state):
        return window.play(SCENARIO, archive, timeout_s=300, extra={"BACKLOT_STATE_DIR": str(state)})


def test_from_button_to_mesh(report: Report) -> None:
    assert report.error == ""
    values = report.values
    assert values["states"][0] == "capturing"
    assert values["states"][-1] == "done"
    assert values["faces"] > 1000
    assert "coverage" in values["result"]
    assert values["selected"]
    assert values["mode"]
    assert values["longest_gap"] < 2.0 + 4 * values["quiet_gap"], "the window froze"


def test_smart_uv_leaves_edit_mode_alone(report: Report) -> None:
    values = report.values
    assert values["unwrapped"][0] == values["faces"]
    assert 0.5 < values["unwrapped"][1] <= 1
    assert values["edit_mode"] == "EDIT_MESH"
    assert values["scenes"] == ["Scene"]


def test_undo_takes_the_mesh_and_keeps_the_job(report: Report) -> None:
    assert report.values["undone"]
    assert report.values["jobs"] == 1


def test_a_clip_is_solved_and_its_tab_is_drawn(report: Report) -> None:
    assert report.values["solved"] == 16
    left, top, width, height = report.values["clip_sidebar"]
    shot = decode(EncodedFile.read(report.shots["clip"])).pixels[top : top + height, left : left + width]
    assert shot.astype(np.float32).std() > 5, "the sidebar is empty"


def test_blender_reports_no_error(report: Report) -> None:
    lines = [line for line in report.log.splitlines() if "Traceback" in line or line.startswith("Error")]
    assert lines == [], report.log

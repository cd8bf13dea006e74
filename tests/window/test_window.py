"""A real Blender, drawn on a screen: the extension's tab, an operator run to its end against a live backend."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from live_backend import live_backend
from window.harness import SCREEN, Report, Window

from backlot.backend.io.reading import decode
from backlot.shared.values import EncodedFile

SCENARIO = Path(__file__).with_name("scenario_texture.py")
BRICK = "brick.png"  # a photograph in scikit-image's wheel


@pytest.fixture(scope="module")
def report(window: Window, shared_folder: Path, archive: Path) -> Report:
    skimage = pytest.importorskip("skimage.data")
    photograph = shared_folder / BRICK
    shutil.copyfile(Path(skimage.__file__).parent / BRICK, photograph)
    state = shared_folder / "state"
    shutil.rmtree(state, ignore_errors=True)
    extra = {"BACKLOT_STATE_DIR": str(state), "BACKLOT_STAGE_PHOTOGRAPH": str(photograph)}
    with live_backend(state):
        return window.play(SCENARIO, archive, timeout_s=150, extra=extra)


def test_the_operator_runs_to_its_end(report: Report) -> None:
    assert report.error == ""
    assert report.values["result"] == ["FINISHED"]
    assert report.values["error"] == ""
    assert report.values["states"][-1] == "done"
    assert "running" in report.values["states"], "the artist saw no progress"


def test_the_selected_object_and_no_other_has_the_texture(report: Report) -> None:
    assert report.values["sizes"] == [[256, 256]]
    assert report.values["packed"] == [True]
    assert report.values["spread"][0] > 0.1, "a flat picture is not bricks"
    assert report.values["bystander_untouched"]


def test_the_window_stays_alive(report: Report) -> None:
    # A frozen window would show as seconds between two ticks; software OpenGL on two busy cores needs some tenths, or more.
    assert report.values["longest_gap"] < 2.0 + 4 * report.values["quiet_gap"]


def test_the_panel_is_drawn(report: Report) -> None:
    left, top, width, height = report.values["sidebar"]
    before, after = (decode(EncodedFile.read(report.shots[name])).pixels for name in ("before", "panel"))
    assert after.shape[:2] == (SCREEN[1], SCREEN[0])
    area = (slice(top, top + height), slice(left, left + width))
    assert before[area].astype(np.float32).std() > 5, "the sidebar is empty"
    # Since then the backend's name came into the status line, an exemplar into its field and the job into the list.
    assert (before[area] != after[area]).mean() > 0.005


def test_a_cancelled_job_changes_nothing(report: Report) -> None:
    assert report.values["cancelled"] == "cancelled"
    assert report.values["same_material"]


def test_blender_reports_no_error(report: Report) -> None:
    lines = [line for line in report.log.splitlines() if "Traceback" in line or line.startswith("Error")]
    assert lines == [], report.log

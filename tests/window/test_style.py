"""In a real window: a keyframe to paint, a shot from button to Image Editor, compared, projected, added to strips, undone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from live_backend import live_backend
from window.harness import Report, Window

from backlot.backend.io.reading import decode
from backlot.shared.values import EncodedFile

pytestmark = pytest.mark.slow
SCENARIO = Path(__file__).with_name("scenario_style.py")


@pytest.fixture(scope="module")
def report(window: Window, shared_folder: Path, archive: Path) -> Report:
    state = shared_folder / "style-state"
    shutil.rmtree(state, ignore_errors=True)
    with live_backend(state):
        return window.play(SCENARIO, archive, timeout_s=300, extra={"BACKLOT_STATE_DIR": str(state)})


def test_from_button_to_image_editor(report: Report) -> None:
    assert report.error == ""
    values = report.values
    assert values["keyframe"] == ["Keyframe 0001", True, True]
    assert values["states"][0] == "capturing"
    assert values["states"][-1] == "done"
    assert values["longest_gap"] < 2.0 + 4 * values["quiet_gap"], "the window froze"
    assert values["source"] == "SEQUENCE"
    assert (values["scenes"], values["frame"]) == (["Scene"], 1)
    assert json.loads(values["strength"])["parameters"]["strength"].startswith("1:0.5 ")
    assert "warping error" in values["result"]


def test_compare_switches_between_paint_and_render(report: Report) -> None:
    assert report.values["compared"].endswith("Render")
    painted, render = (decode(EncodedFile.read(report.shots[name])).pixels.astype(np.float32) for name in ("painted", "render"))
    assert np.abs(painted - render).mean() > 0.2


def test_each_use_is_one_step_of_undo(report: Report) -> None:
    values = report.values
    assert values["strips"] == 1
    assert "Projected" in values["projected"]
    assert [strips for strips, _ in values["undone"]] == [0, 0, 0]
    assert "Projected" in values["undone"][1][1]
    assert values["undone"][2][1] == "Material"
    assert values["jobs"] == 1


def test_blender_reports_no_error(report: Report) -> None:
    lines = [line for line in report.log.splitlines() if "Traceback" in line or line.startswith("Error")]
    assert lines == [], report.log

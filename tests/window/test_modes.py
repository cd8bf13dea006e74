"""A real Blender, drawn on a screen: results arrive in other modes, each as one step of undo. No backend is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from window.harness import Report, Window

SCENARIO = Path(__file__).with_name("scenario_modes.py")


@pytest.fixture(scope="module")
def report(window: Window, archive: Path) -> Report:
    return window.play(SCENARIO, archive, timeout_s=120)


def test_materials_arrive_in_every_mode_and_undo_takes_each_back(report: Report) -> None:
    assert report.error == ""
    for mode, (state, given, during, undone, after, still) in report.values["modes"].items():
        assert (state, during, after, still) == ("done", mode, mode, "done")
        assert given.startswith(mode)
        assert undone == "Material"


def test_a_mesh_that_is_edited_waits(report: Report) -> None:
    before, error, after, vertices = report.values["mesh"]
    assert (before, error) == ("ready", "The result waits until 'Cube' is back in Object Mode")
    assert (after, vertices) == ("done", 3)


def test_what_arrives_in_local_view_is_shown_there(report: Report) -> None:
    assert report.values["local"] == ["done", True, True, True, False]

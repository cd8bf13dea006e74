"""A real Blender, drawn on a screen: the material panel from a prompt to an asset, against a live backend."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from live_backend import live_backend
from window.harness import Report, Window

from backlot.backend.io.models.registry import SHIPPED
from backlot.backend.io.reading import decode
from backlot.shared.values import EncodedFile

SCENARIO = Path(__file__).with_name("scenario_material.py")
SMALL_MODEL = Path(__file__).parent.parent / "blender" / "small_model.py"


@pytest.fixture(scope="module")
def report(window: Window, shared_folder: Path, archive: Path) -> Report:
    state = shared_folder / "material-state"
    shutil.rmtree(state, ignore_errors=True)
    model = "materials"
    if not (SHIPPED / "materials.safetensors").is_file():
        model = "small"  # of untrained weights: the way is the same
        python = os.environ.get("BACKLOT_PYTHON", sys.executable)
        subprocess.run([python, str(SMALL_MODEL)], check=True, cwd=shared_folder, env={**os.environ, "BACKLOT_STATE_DIR": str(state)})
    with live_backend(state):
        return window.play(SCENARIO, archive, timeout_s=300, extra={"BACKLOT_STATE_DIR": str(state), "BACKLOT_STAGE_MODEL": model})


def test_from_prompt_to_asset(report: Report) -> None:
    assert report.error == ""
    values = report.values
    assert values["errors"] == []
    assert values["kinds"] == ["variations", "material"]
    assert values["picked"] == 4
    assert values["seeds"][0] == values["seeds"][1] != 5
    assert values["name"].startswith("Wet mossy cobblestone")
    assert values["maps"] >= 4
    assert values["ticked"] == [True, False]
    assert values["asset"]


def test_undo_takes_the_material_and_not_the_history(report: Report) -> None:
    assert report.values["undone"] == "Material"
    assert report.values["kept"] == ["variations", "material"]


def test_thumbnails_are_drawn(report: Report) -> None:
    left, top, width, height = report.values["sidebar"]
    area = (slice(top, top + height), slice(left, left + width))
    shot = decode(EncodedFile.read(report.shots["variations"])).pixels[area].astype(np.float32)
    # Blender's panels are grey all over; pictures are where neighbouring rows of pixels differ in many columns.
    busy = (np.abs(np.diff(shot[..., :3].mean(-1), axis=0)) > 2).mean(1)
    assert (busy > 0.25).sum() > 100, "no pictures in the panel"


def test_blender_reports_no_error(report: Report) -> None:
    lines = [line for line in report.log.splitlines() if "Traceback" in line or line.startswith("Error")]
    assert lines == [], report.log

"""The benchmarks that render: they start, and run through at a size whose figures mean nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(600)


def run(python: str, module: str, *arguments: str | Path) -> str:
    """Run a module of the benchmarks to its end; what it printed."""
    environment = {**os.environ, "BACKLOT_BENCH_BLENDER": sys.executable, "OMP_NUM_THREADS": "1"}
    command = [python, "-m", f"backlot.benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_what_the_addon_costs(tmp_path: Path) -> None:
    run(os.environ["BACKLOT_PYTHON"], "addon_register", "--tiny", "--results", tmp_path)
    found = json.loads((tmp_path / "addon_register.json").read_text())
    assert [row["what"] for row in found["rows"]] == ["first start", "later starts"]
    assert found["rows"][0]["panels"] > 3


@pytest.mark.slow
def test_a_sheet_of_the_gallery(tmp_path: Path) -> None:
    run(os.environ["BACKLOT_PYTHON"], "gallery", "--tiny", "--jobs", "1", "--results", tmp_path)
    assert (tmp_path / "gallery" / "wet-mossy-cobblestone.jpg").stat().st_size > 10_000
    assert "wet mossy cobblestone" in (tmp_path / "gallery" / "README.md").read_text()


def test_a_frame_of_footage(tmp_path: Path) -> None:
    size = ("--size", "32", "18", "--samples", "1", "--frames", "2", "--threads", "1")
    run(sys.executable, "scenes.footage_scenes", tmp_path, "--shots", "table", *size)
    assert len(json.loads((tmp_path / "table" / "transforms.json").read_text())["frames"]) == 2
    assert len(list((tmp_path / "table").glob("*.exr"))) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("look", "pictures"), [("", "*.exr"), ("toon", "look_*.png")], ids=["render", "look"])
def test_a_frame_of_a_shot(look: str, pictures: str, tmp_path: Path) -> None:
    arguments = ["figure", tmp_path, "--frames", "18", "--threads", "1"]
    run(sys.executable, "scenes.shots.render", *arguments, *(["--look", look] if look else []))
    assert list(tmp_path.glob(pictures))

"""Every benchmark starts, and runs through at a size whose figures mean nothing; what is written can be had again."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from backlot.benchmarks import _report

FOLDER = Path(_report.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
IN_BLENDER = ("addon_register", "gallery")  # tests/blender/test_benchmarks.py
SLOW = ("footage", "keyframes", "materials", "outputs", "plate", "reconstruct", "shots", "style", "surface")
RUNS = [pytest.param(name, marks=pytest.mark.slow if name in SLOW else (), id=name) for name in NAMES if name not in IN_BLENDER]
FILES = {  # where the name differs from the benchmark's
    "footage": "footage_pair_cpu", "keyframes": "keyframes", "maps": "maps_cpu", "materials": "materials_cpu", "plate": "plate_cpu",
    "reconstruct": "reconstruct_job_cpu", "shots": "shots_cpu", "style": "style_cpu", "surface": "surface_cpu", "textures": "textures_cpu",
}  # fmt: skip

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::numba.NumbaPerformanceWarning"),
]


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_can_be_imported_and_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        importlib.import_module(f"backlot.benchmarks.{name}").main(["--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert f"python3 dev.py bench {name}" in said
    assert "--tiny" in said


@pytest.mark.parametrize("name", RUNS)
def test_it_runs_at_a_tiny_size(name: str, tmp_path: Path) -> None:
    importlib.import_module(f"backlot.benchmarks.{name}").main(["--tiny", "--results", str(tmp_path)])
    if name in ("material_sheet", "outputs"):  # a picture; digests
        assert list(tmp_path.iterdir())
        return
    found = json.loads((tmp_path / f"{FILES.get(name, name)}.json").read_text())
    assert found["rows"]
    assert found["options"]["tiny"]
    assert found["command"].startswith(f"python3 dev.py bench {name} --tiny")
    assert found["commit"]
    assert found["date"]
    assert {"cpu", "cores", "gpu", "threads", "torch"} <= found["machine"].keys()


def test_speed_of_keyframes(tmp_path: Path) -> None:
    importlib.import_module("backlot.benchmarks.keyframes").main(["--tiny", "--speed", "--results", str(tmp_path)])
    assert json.loads((tmp_path / "keyframes_speed.json").read_text())["rows"][0]["network"] > 0


def test_rows_of_other_cases_stay_with_their_own_commit(tmp_path: Path) -> None:
    parser = _report.make_parser("x.py", "", threads=1)
    _, report = _report.begin(parser, ["--results", str(tmp_path)])
    old = {"shot": "yard", "ratio": 1.0, "commit": "abc", "date": "2020-01-01"}
    (tmp_path / "shots.json").write_text(json.dumps({"rows": [old, {**old, "shot": "cloth"}]}))
    rows = report.merge_rows("shots", [{"shot": "cloth", "ratio": 2.0}], lambda row: row["shot"])
    assert rows[0] == old
    assert rows[1] == {"shot": "cloth", "ratio": 2.0, **_report.run_of_today()}
    assert json.loads((tmp_path / "shots.json").read_text())["rows"] == rows


def test_a_commit_with_changes_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"rev-parse": "abc1234", "status": " M backend/x.py"}
    monkeypatch.setattr(_report, "_git", lambda *words: answers[words[0]])
    assert _report.run_of_today()["commit"] == "abc1234 with changes that were not committed"

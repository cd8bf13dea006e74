"""dev.py's own promises: nothing fails silently, every skip has a reason, errors say what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = Path(sys.prefix)  # the virtual environment that runs these tests


@pytest.fixture
def tiers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """Import dev.py's modules the way dev.py does; reports lie apart from those of tests that run at the same time."""
    monkeypatch.syspath_prepend(str(ROOT))
    from tools import tiers

    monkeypatch.setattr(tiers, "CACHE", tmp_path)
    return tiers


def _probe(tiers: ModuleType, tmp_path: Path, body: str, options: list[str] | None = None):
    test = tmp_path / "test_probe.py"
    test.write_text(body, encoding="utf-8")
    return tiers._pytest("probe", ENVIRONMENT, [str(test)], options or [])


def test_a_tier_counts_what_its_tests_did(tiers: ModuleType, tmp_path: Path) -> None:
    body = """
import pytest
def test_good(): pass
def test_bad(): assert 1 == 2
def test_left_out(): pytest.skip("a reason")
"""
    outcome = _probe(tiers, tmp_path, body)
    assert (outcome.passed, outcome.failed, outcome.skipped) == (1, 1, 1)


def test_a_crash_is_a_failure_even_without_a_report(tiers: ModuleType, tmp_path: Path) -> None:
    outcome = _probe(tiers, tmp_path, "import os\ndef test_crash(): os._exit(3)\n")
    assert outcome.failed == 1
    assert "exit code 3" in outcome.note


def test_warnings_are_errors(tiers: ModuleType, tmp_path: Path) -> None:
    outcome = _probe(tiers, tmp_path, "import warnings\ndef test_warns(): warnings.warn('old', DeprecationWarning)\n")
    assert outcome.failed == 1


def test_no_tests_at_all_is_a_failure(tiers: ModuleType, tmp_path: Path) -> None:
    assert _probe(tiers, tmp_path, "").failed == 1
    # ... unless a person asked for a few by name: then it is a tier that has none of them.
    assert _probe(tiers, tmp_path, "def test_other(): pass\n", ["-k", "something"]).failed == 0


def test_the_summary_ends_with_the_counts_and_the_reasons(tiers: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [tiers.Outcome("pure", passed=5, skipped=1), tiers.Outcome("window", note="needs root")]
    assert tiers._summary(outcomes) == 0
    text = capsys.readouterr().out
    assert "needs root" in text
    assert text.splitlines()[-1] == "5 passed, 0 failed, 2 skipped"
    assert tiers._summary([*outcomes, tiers.Outcome("blender 4.5", failed=1)]) == 1
    assert tiers._summary([tiers.Outcome("window", note="needs root")]) == 1  # nothing ran: not a success


def test_paths_choose_the_tiers(tiers: ModuleType) -> None:
    assert set(tiers._wanted([])) == {"pure", "blender", "extension", "window"}
    window = "tests/window/test_window.py::test_panel"
    assert tiers._wanted(["tests/test_dev.py", window]) == {"pure": ["tests/test_dev.py"], "window": [window]}


def test_a_failed_step_shows_its_last_words_and_the_way_out(tiers: ModuleType) -> None:
    from tools.console import StepError, run_step

    command = [sys.executable, "-c", "print('the cause'); raise SystemExit(7)"]
    with pytest.raises(StepError) as caught:
        run_step("Doing something", command, log="test-dev", fix="do it by hand")
    text = str(caught.value)
    assert "the cause" in text
    assert "failed (7)" in text
    assert "-> do it by hand" in text
    assert ".cache" in text


def test_an_unknown_benchmark_is_answered_with_those_that_exist() -> None:
    command = [sys.executable, ROOT / "dev.py", "bench", "no_such_benchmark"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert "no_such_benchmark" in result.stdout
    assert "choose one of" in result.stdout

"""dev.py's own promises: nothing fails silently, every skip has a reason, errors say what to do."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = Path(sys.prefix)  # the virtual environment that runs these tests


@pytest.fixture(autouse=True)
def tools_of_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Import dev.py's modules the way dev.py does; logs and reports are apart from those of the run that runs these tests."""
    monkeypatch.syspath_prepend(str(ROOT))
    from tools import console, suite

    monkeypatch.setattr(suite, "CACHE", tmp_path)
    monkeypatch.setattr(console, "LOGS", tmp_path / "logs")


def _probe(tmp_path: Path, body: str, options: list[str] | None = None):
    from tools import suite

    test = tmp_path / "test_probe.py"
    test.write_text(body, encoding="utf-8")
    return suite.run("probe", ENVIRONMENT, [*(options or []), str(test)])


def test_a_tier_counts_what_its_tests_did(tmp_path: Path) -> None:
    body = """
import pytest
def test_good(): pass
def test_bad(): assert 1 == 2
def test_left_out(): pytest.skip("a reason")
"""
    outcome = _probe(tmp_path, body)
    assert (outcome.passed, outcome.failed, outcome.skipped) == (1, 1, 1)


def test_a_crash_is_a_failure_even_without_a_report(tmp_path: Path) -> None:
    outcome = _probe(tmp_path, "import os\ndef test_crash(): os._exit(3)\n")
    assert outcome.failed == 1
    assert "exit code 3" in outcome.note


def test_warnings_are_errors(tmp_path: Path) -> None:
    outcome = _probe(tmp_path, "import warnings\ndef test_warns(): warnings.warn('old', DeprecationWarning)\n")
    assert outcome.failed == 1


def test_no_tests_at_all_is_a_failure(tmp_path: Path) -> None:
    assert _probe(tmp_path, "").failed == 1
    # ... unless a person asked for a few by name: then it is a tier that has none of them.
    assert _probe(tmp_path, "def test_other(): pass\n", ["-k", "something"]).failed == 0


def test_the_summary_ends_with_the_counts_and_the_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    from tools.outcome import Outcome, summary

    outcomes = [Outcome("pure", passed=5, skipped=1), Outcome("window", note="needs root")]
    assert summary(outcomes, 1.0) == 0
    text = capsys.readouterr().out
    assert "needs root" in text
    assert text.splitlines()[-1] == "5 passed, 0 failed, 2 skipped"
    assert summary([*outcomes, Outcome("blender 4.5", failed=1)], 1.0) == 1
    assert summary([Outcome("window", note="needs root")], 1.0) == 1  # nothing ran: not a success


def test_paths_choose_the_tiers() -> None:
    from tools.tiers import wanted

    assert set(wanted([])) == {"pure", "blender", "extension", "window"}
    window = "tests/window/test_window.py::test_panel"
    assert wanted(["tests/test_dev.py", window]) == {"pure": ["tests/test_dev.py"], "window": [window]}


def test_marks_choose_the_tests() -> None:
    from tools.tiers import Request, wanted

    usual = Request(everything=True, slow=False, paths=wanted([]), options=[])
    assert usual.marks() == ["-m", "not slow"]
    assert usual.marks(contract=True) == ["-m", "contract and not slow"]
    weekly = Request(everything=True, slow=True, paths=wanted([]), options=[])
    assert weekly.marks() == weekly.marks(contract=True) == []
    # What a person chose runs whatever its marks.
    assert Request(everything=True, slow=False, paths={"pure": ["tests/test_dev.py"]}, options=[]).marks() == []
    assert Request(everything=True, slow=False, paths=wanted([]), options=["-m", "cuda"]).marks(contract=True) == []


def test_lanes_run_side_by_side_and_a_failed_installation_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tools import lanes, tiers
    from tools.console import StepError
    from tools.outcome import Outcome

    both = threading.Barrier(2, timeout=30)  # passed only if two tasks wait at it at the same time

    def meets(tier: str) -> Outcome:
        both.wait()
        return Outcome(tier, passed=1)

    def no_network() -> None:
        raise StepError(what="no network")

    def too_old() -> None:
        raise tiers.Impossible("too old")

    monkeypatch.setattr(lanes, "_room_for_two", lambda: True)
    with lanes.Preparations() as preparations:
        waits = [preparations.add(action) for action in (no_network, too_old)]
        tasks = [tiers._task(name, wait, lambda: Outcome("never")) for name, wait in zip(("a", "b"), waits, strict=True)]
        outcomes = lanes.run_lanes([[lanes.Task("x", lambda: meets("x")), *tasks], [lanes.Task("y", lambda: meets("y"))]])
    assert [(o.tier, o.passed, o.failed, o.note) for o in outcomes] == [
        ("x", 1, 0, ""), ("a", 0, 1, "no network"), ("b", 0, 0, "too old"), ("y", 1, 0, ""),
    ]  # fmt: skip
    assert "no network" in capsys.readouterr().out


def test_output_of_a_tier_in_a_lane_is_printed_in_one_piece(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(_probe, tmp_path, "def test_good(): pass\n").result()
    assert outcome.passed == 1
    text = capsys.readouterr().out
    assert text.index("== probe ==") < text.index("1 passed")


def test_a_failed_step_shows_its_last_words_and_the_way_out() -> None:
    from tools.console import StepError, run_step

    command = [sys.executable, "-c", "print('the cause'); raise SystemExit(7)"]
    with pytest.raises(StepError) as caught:
        run_step("Doing something", command, log="test-dev", fix="do it by hand")
    text = str(caught.value)
    assert "the cause" in text
    assert "failed (7)" in text
    assert "-> do it by hand" in text
    assert "test-dev.log" in text


def test_an_unknown_benchmark_is_answered_with_those_that_exist() -> None:
    command = [sys.executable, ROOT / "dev.py", "bench", "no_such_benchmark"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert "no_such_benchmark" in result.stdout
    assert "choose one of" in result.stdout


def test_a_checkout_with_a_space_in_its_path_has_its_debian_elsewhere() -> None:
    from tools import trixie

    assert trixie.folder_for(Path("/work/backlot/.cache")) == Path("/work/backlot/.cache/trixie")
    one, other = (trixie.folder_for(Path(f"/work/{name}/.cache")) for name in ("x y", "x z"))
    assert " " not in str(one)
    assert one != other

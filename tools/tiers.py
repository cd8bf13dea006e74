"""The tiers of tests: what each runs, where, and what the summary says.

========== =========================== =====================================================
style      ruff, mypy                  in .venv
pure       tests/, without the others  in .venv
blender V  tests/blender               in .venvs/bpy-V, with a backend in .venv
extension  tests/extension             in .venv, driving each .venvs/bpy-V
window     tests/window                in .venv, driving a Debian with Blender in .cache
========== =========================== =====================================================
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import environments, style, trixie
from .console import StepError, say
from .paths import CACHE, ROOT, VENV, python_of

DEFAULT_BLENDERS = ("4.5",)
ALL_BLENDERS = ("4.2", "4.5", "5.0")
TIER_TIMEOUT_S = 1800  # the longest takes a third of this on two slow cores; a hung one must not take CI's whole time
MOST_WORKERS = 4  # processes that share a tier's tests; each holds PyTorch or Blender, and starts backends of its own
OWN_FOLDERS = ("blender", "extension", "window")  # of tests/; all else is the pure tier
NO_TESTS_RAN = 5  # pytest's exit code


@dataclass
class Outcome:
    """What came of one tier."""

    tier: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    note: str = ""  # why the whole tier was skipped, or how it failed outside of a test


def run(*, everything: bool, arguments: list[str]) -> int:
    """Run the tiers, print a summary and return the exit code (1 if anything failed).

    Args:
        everything: Also the Blender versions and the window that not every machine can run.
        arguments: Given to every tier's pytest; paths among them choose the tiers.
    """
    chosen = [argument for argument in arguments if not argument.startswith("-") and _path(argument).exists()]
    options = [argument for argument in arguments if argument not in chosen]
    wanted = _wanted(chosen)
    environments.project()
    outcomes: list[Outcome] = []
    if not arguments:
        outcomes.append(_timed("style", lambda: Outcome("style", *style.check())))
    if "pure" in wanted:
        outcomes.append(_pytest("pure", VENV, wanted["pure"] or ["tests"], options, ignore=OWN_FOLDERS, spread=not wanted["pure"]))
    versions = ALL_BLENDERS if everything else DEFAULT_BLENDERS
    if "blender" in wanted:
        outcomes += [_blender(version, wanted["blender"], options) for version in versions]
        if not everything:
            outcomes += [Outcome(f"blender {version}", note="runs with --all") for version in ALL_BLENDERS if version not in versions]
    if "extension" in wanted:
        outcomes.append(_extension(versions, wanted["extension"] or ["tests/extension"], options))
    if "window" in wanted:
        if everything or wanted["window"]:
            outcomes.append(_window(wanted["window"] or ["tests/window"], options))
        else:
            outcomes.append(Outcome("window", note="runs with --all"))
    return _summary(outcomes)


def _path(argument: str) -> Path:
    """Return the file of a pytest argument like ``tests/test_x.py::test_y``."""
    return ROOT / argument.split("::")[0]


def _wanted(chosen: list[str]) -> dict[str, list[str]]:
    """Return tier -> its chosen paths (an empty list: the tier's own folder)."""
    if not chosen:
        return {tier: [] for tier in ("pure", *OWN_FOLDERS)}
    wanted: dict[str, list[str]] = {}
    for argument in chosen:
        parts = _path(argument).resolve().relative_to(ROOT).parts
        tier = parts[1] if len(parts) > 1 and parts[1] in OWN_FOLDERS else "pure"
        wanted.setdefault(tier, []).append(argument)
    return wanted


def _blender(version: str, paths: list[str], options: list[str]) -> Outcome:
    tier = f"blender {version}"
    if environments.python_for_blender() is None:
        return Outcome(tier, note="Blender as a module needs Python 3.11, which is not on this machine")
    try:
        environment = environments.blender(version)
    except StepError as error:
        say(str(error))
        return Outcome(tier, failed=1, note=error.what)
    return _pytest(tier, environment, paths or ["tests/blender"], options, spread=not paths)


def _extension(versions: tuple[str, ...], paths: list[str], options: list[str]) -> Outcome:
    if environments.python_for_blender() is None:
        return Outcome("extension", note="Blender as a module needs Python 3.11, which is not on this machine")
    try:
        blenders = [f"{version}={python_of(environments.blender(version))}" for version in versions]
    except StepError as error:
        say(str(error))
        return Outcome("extension", failed=1, note=error.what)
    return _pytest("extension", VENV, paths, options, extra={"BACKLOT_BLENDERS": os.pathsep.join(blenders)})


def _window(paths: list[str], options: list[str]) -> Outcome:
    if reason := trixie.impossible():
        return Outcome("window", note=reason)
    try:
        trixie.ensure()
        shared = CACHE / "window"
        shared.mkdir(parents=True, exist_ok=True)
    except StepError as error:
        say(str(error))
        return Outcome("window", failed=1, note=error.what)
    # The same path inside and outside: connection files and results mean the same to both sides.
    extra = {"BACKLOT_WINDOW_ENTER": shlex.join(trixie.enter(shared)), "BACKLOT_WINDOW_SHARED": str(shared)}
    return _pytest("window", VENV, paths, options, extra=extra)


def _pytest(
    tier: str,
    environment: Path,
    paths: list[str],
    options: list[str],
    *,
    ignore: tuple[str, ...] = (),
    extra: dict[str, str] | None = None,
    spread: bool = False,
) -> Outcome:
    """Run pytest in an environment with its output on the terminal; the counts come from its JUnit file.

    Args:
        tier: Its name.
        environment: Where pytest is.
        paths: What to run.
        options: Further arguments of pytest.
        ignore: Folders of tests/ to leave out.
        extra: Environment variables.
        spread: Share the tests out among processes, one for each core up to ``MOST_WORKERS``. ``-n0`` among the options undoes it.
    """
    report = CACHE / f"report-{tier.replace(' ', '-')}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [str(python_of(environment)), "-m", "pytest", "-c", str(ROOT / "tests" / "pytest.ini"), f"--junitxml={report}", "-q"]
    command += [f"--ignore={ROOT / 'tests' / name}" for name in ignore]
    env = {**os.environ, **(extra or {}), "BACKLOT_PYTHON": str(python_of(VENV)), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    cores = os.cpu_count() or 1
    if spread and cores > 1:
        workers = min(cores, MOST_WORKERS)
        command += ["-n", str(workers), "--dist", "worksteal"]
        env = {"OMP_NUM_THREADS": str(cores // workers), "OMP_WAIT_POLICY": "PASSIVE", **env}
    command += [*options, *paths]
    say(f"\n== {tier} ==")
    start = time.monotonic()
    try:
        code = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, check=False, timeout=TIER_TIMEOUT_S).returncode
    except subprocess.TimeoutExpired:
        return Outcome(tier, failed=1, seconds=time.monotonic() - start, note=f"stopped after {TIER_TIMEOUT_S} s")
    outcome = _read_report(tier, report)
    outcome.seconds = time.monotonic() - start
    if code == NO_TESTS_RAN and options:
        outcome.note = "no test matches"
    elif code != 0 and outcome.failed == 0:  # a crash at exit, an internal error, no tests: never silently green
        outcome.failed = 1
        outcome.note = "no tests found" if code == NO_TESTS_RAN else f"pytest ended with exit code {code}"
    return outcome


def _read_report(tier: str, report: Path) -> Outcome:
    """Count a JUnit report; a missing one counts nothing, the exit code then decides."""
    outcome = Outcome(tier)
    if not report.exists():
        return outcome
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        total, failures, errors, skipped = (int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped"))
        outcome.failed += failures + errors
        outcome.skipped += skipped
        outcome.passed += total - failures - errors - skipped
    return outcome


def _timed(tier: str, action: Callable[[], Outcome]) -> Outcome:
    say(f"\n== {tier} ==")
    start = time.monotonic()
    outcome = action()
    outcome.seconds = time.monotonic() - start
    return outcome


def _summary(outcomes: list[Outcome]) -> int:
    """Print one line per tier and a closing line; return the exit code."""
    say(f"\n{'tier':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for outcome in outcomes:
        not_run = outcome.note and not (outcome.passed or outcome.failed)
        counts = f"{'not run':>25}" if not_run else f"{outcome.passed:>8}{outcome.failed:>8}{outcome.skipped:>9}"
        say(f"{outcome.tier:<14}{counts}{outcome.seconds:>9.1f}" + (f"  {outcome.note}" if outcome.note else ""))
    passed, failed, skipped = (sum(getattr(outcome, key) for outcome in outcomes) for key in ("passed", "failed", "skipped"))
    # A tier that did not run is one skipped thing, so that it shows in the last line too.
    skipped += sum(1 for outcome in outcomes if outcome.note and not (outcome.passed or outcome.failed))
    say(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    sys.stdout.flush()
    return 1 if failed or not passed else 0

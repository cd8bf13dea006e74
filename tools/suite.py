"""One run of pytest in one environment."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

from .console import output, say
from .outcome import Outcome, read_report
from .paths import CACHE, ROOT, VENV, python_of

TIER_TIMEOUT_S = 1800  # the longest takes a third of this on two slow cores; a hung one must not take CI's whole time
TEST_TIMEOUT_S = 300  # instead of pytest.ini's 120 s, where several processes share the cores
MOST_WORKERS = 4  # processes that share a tier's tests; each holds PyTorch or Blender, and a backend of its own
NO_TESTS_RAN = 5  # pytest's exit code


def file_of(argument: str) -> Path:
    """Return the file of a pytest argument like ``tests/test_x.py::test_y``."""
    return ROOT / argument.split("::")[0]


def run(
    tier: str,
    environment: Path,
    arguments: list[str],
    *,
    ignore: tuple[str, ...] = (),
    extra: dict[str, str] | None = None,
    spread: bool = False,
) -> Outcome:
    """Run pytest in an environment with its output on the terminal; the counts come from its JUnit file.

    Args:
        tier: Its name.
        environment: Where pytest is.
        arguments: What to run, and further arguments of pytest.
        ignore: Folders of tests/ to leave out.
        extra: Environment variables.
        spread: Share the tests out among processes, one for each core up to ``MOST_WORKERS``. ``-n0`` among the arguments undoes it.
    """
    report = CACHE / f"report-{tier.replace(' ', '-')}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [str(python_of(environment)), "-m", "pytest", "-c", str(ROOT / "tests" / "pytest.ini"), f"--junitxml={report}", "-q"]
    command += [f"--ignore={ROOT / 'tests' / name}" for name in ignore]
    if threading.current_thread() is not threading.main_thread() or spread:
        command.append(f"--timeout={TEST_TIMEOUT_S}")
    env = {**os.environ, **(extra or {}), "BACKLOT_PYTHON": str(python_of(VENV)), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    cores = os.cpu_count() or 1
    if spread and cores > 1:
        workers = min(cores, MOST_WORKERS)
        command += ["-n", str(workers), "--dist", "worksteal"]
        env = {"OMP_NUM_THREADS": str(cores // workers), "OMP_WAIT_POLICY": "PASSIVE", **env}
    command += arguments
    start = time.monotonic()
    with output(tier) as sink:
        try:
            code = subprocess.run(
                command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, check=False, timeout=TIER_TIMEOUT_S
            ).returncode
        except subprocess.TimeoutExpired:
            return Outcome(tier, failed=1, seconds=time.monotonic() - start, note=f"stopped after {TIER_TIMEOUT_S} s")
    outcome = read_report(tier, report)
    outcome.seconds = time.monotonic() - start
    if code == NO_TESTS_RAN and any(argument.startswith("-") for argument in arguments):
        outcome.note = "no test matches"
    elif code != 0 and outcome.failed == 0:  # a crash at exit, an internal error, no tests: never silently green
        outcome.failed = 1
        outcome.note = "no tests found" if code == NO_TESTS_RAN else f"pytest ended with exit code {code}"
    if outcome.failed:
        say(f"{tier}: FAILED")
    return outcome

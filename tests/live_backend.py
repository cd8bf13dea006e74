"""A real backend for the tiers that drive it from outside: its own process, its own Python, its own empty state folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 60.0  # importing torch on two busy cores


@contextmanager
def live_backend(state: Path) -> Iterator[Path]:
    """Start ``backlot serve`` and yield its state folder once its connection file is there; stop it afterwards.

    The interpreter is BACKLOT_PYTHON (dev.py sets it to ``.venv``'s), else this one.
    """
    state.mkdir(parents=True, exist_ok=True)
    connection = state / "connection.json"
    connection.unlink(missing_ok=True)
    env = {**os.environ, "BACKLOT_STATE_DIR": str(state)}
    log_path = state / "serve.log"
    with log_path.open("wb") as log:
        # It ends by itself should the tests be killed before they stop it.
        command = [os.environ.get("BACKLOT_PYTHON", sys.executable), "-m", "backlot", "serve", "--idle-exit", "600"]
        # Not in the checkout: its folders must not shadow installed packages.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=state)
    try:
        deadline = time.monotonic() + START_S
        while not connection.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"the backend did not start:\n{log_path.read_text(errors='replace')}"
                raise RuntimeError(message)
            time.sleep(0.05)
        yield state
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

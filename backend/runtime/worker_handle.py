"""The supervisor's view of one worker process: starting, watching, stopping, starting again."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

START_TIMEOUT = 180.0
"""Seconds from start to ready: a cold import of torch from a slow disk takes a while."""
SILENCE_TIMEOUT = 120.0
"""Seconds without a heartbeat. It beats on a thread of its own, so that only a wedged process is silent for so long."""
CANCEL_TIMEOUT = 10.0
"""Seconds between asking a job to stop and killing the process."""
MAX_FAILED_STARTS = 3
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Idle OpenMP threads sleep instead of spinning: on cores shared with Blender spinning made a texture ten times slower."""


class WorkerHandle:
    """One device and the process that owns it.

    Attributes:
        state: ``starting``, ``idle``, ``busy``, ``broken`` (failed to start too often).
        job: Id of the job it works on, or ``""``.
        info: What the worker said of its device.
    """

    def __init__(self, device: str, endpoint: str, key: bytes, store: Path, log_folder: Path) -> None:
        self.device, self._endpoint, self._key, self._store = device, endpoint, key, store
        self.log_path = log_folder / f"worker-{device.replace(':', '-')}.log"
        self.state, self.job, self.route, self.info = "starting", "", b"", {"name": device, "kind": device.partition(":")[0]}
        self.cancelling_since: float | None = None
        self._failed_starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Spawns the process. It gets its key through stdin and ends by itself when the supervisor is gone."""
        self.state, self.job, self.route, self.cancelling_since = "starting", "", b"", None
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        self.heard = self._started = time.monotonic()
        self._process, self._start_error = None, ""
        try:
            with self.log_path.open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", f"{__package__}.worker"],
                    stdin=subprocess.PIPE, stdout=log, stderr=log, env={**PATIENT, **os.environ, "PYTHONUNBUFFERED": "1"},
                )  # fmt: skip
        except OSError as error:  # no memory, no file handles: counts as a failed start
            self._start_error = f"it cannot be started: {error}"
            return
        setup = {"device": self.device, "endpoint": self._endpoint, "key": self._key.hex(), "store": str(self._store)}
        self._process = process
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # died at once: the next check sees it
            process.stdin.write(json.dumps(setup).encode() + b"\n")
            process.stdin.flush()  # and stays open: its end tells the worker that the supervisor is gone

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid if self._process else 0

    def ready(self, route: bytes, info: dict[str, Any]) -> None:
        """The worker said hello."""
        self.route, self.info, self.state, self._failed_starts = route, info, "idle", 0
        self.heard = time.monotonic()

    def assign(self, job: str) -> None:
        """The worker was given a job."""
        self.job, self.state, self.cancelling_since = job, "busy", None

    def release(self) -> None:
        """The worker is done with its job."""
        self.job, self.state, self.cancelling_since = "", "idle", None

    def failure(self) -> str:
        """Why the process has to be replaced, or ``""`` while it is well. Kills it if it hangs."""
        if self.state == "broken":
            return ""
        if self._process is None:
            return self._start_error
        code, now = self._process.poll(), time.monotonic()
        if code is not None:
            return _explain_exit(code)
        limit = START_TIMEOUT if self.state == "starting" else SILENCE_TIMEOUT
        if now - self.heard > limit:
            self.kill()
            return f"it gave no sign of life for {limit:g} s"
        if self.cancelling_since is not None and now - self.cancelling_since > CANCEL_TIMEOUT:
            self.kill()
            return f"it did not stop within {CANCEL_TIMEOUT:g} s of being asked to"
        return ""

    def respawn(self) -> None:
        """Replaces a dead process; after a few failed starts in a row the device counts as broken."""
        if self.state == "starting":
            self._failed_starts += 1
        if self._failed_starts >= MAX_FAILED_STARTS:
            self.state, self.job = "broken", ""
        else:
            self.start()

    def kill(self) -> None:
        """Ends the process at once; only that surely frees a GPU's memory."""
        if self._process and self._process.poll() is None:
            self._process.kill()
        if self._process:
            self._process.wait()
            if self._process.stdin:
                self._process.stdin.close()

    def log_tail(self, lines: int = 6) -> str:
        """The last lines that this process wrote to its log."""
        try:
            with self.log_path.open("rb") as file:
                file.seek(max(self._log_start, self.log_path.stat().st_size - 4096))
                return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


def _explain_exit(code: int) -> str:
    if code == -9:
        return "the system killed it, most likely because memory ran out"
    if code in (-11, -6, -7, -4):
        return f"it crashed (signal {-code})"
    return f"it ended with code {code}" if code >= 0 else f"it was ended by signal {-code}"

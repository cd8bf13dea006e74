"""Finding and starting the backend, which lives in its own Python and never in Blender's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .connection import Connection, read_connection, state_folder
from .errors import BackendUnavailable, InputError, StorageError

RECORD = "backend.json"
STATE_FIX = "Choose another folder with --state or BACKLOT_STATE_DIR"
_BLENDER_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE")
_HOW_TO = "Install it with: pip install PATH-OF-THE-CHECKOUT; then run: backlot doctor (or set the backend's Python in the preferences)"


def record_backend(python: str = sys.executable) -> None:
    """Notes which Python has the backend, so that the add-on finds it without being told."""
    path = state_folder() / RECORD
    try:
        if path.exists() and json.loads(path.read_text()).get("python") == python:
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps({"python": python}))
        os.replace(temporary, path)
    except (OSError, ValueError):
        pass  # a convenience: a read-only home must not stop the backend


def find_backend(python: str = "") -> list[str]:
    """The command that runs the backend, without its verb.

    Looks at ``python``, then ``BACKLOT_PYTHON``, then the Python that last ran ``backlot`` for this user, then ``PATH``.

    Raises:
        BackendUnavailable: None of them is there.
    """
    chosen = python or os.environ.get("BACKLOT_PYTHON", "")
    if chosen:
        if not shutil.which(chosen):
            raise BackendUnavailable(expected=f"the backend's Python at {chosen}", got="no such program", fix=_HOW_TO)
        return [chosen, "-m", "backlot"]
    try:
        recorded = str(json.loads((state_folder() / RECORD).read_text())["python"])
    except (OSError, ValueError, KeyError, TypeError):
        recorded = ""
    if recorded and shutil.which(recorded):
        return [recorded, "-m", "backlot"]
    command = shutil.which("backlot")
    if command:
        return [command]
    msg = "The backend is not installed, or not found"
    raise BackendUnavailable(msg, fix=_HOW_TO)


def launch(command: Sequence[str], log: Path | None = None, arguments: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Starts ``… serve`` in the background and returns at once; it outlives this process unless told otherwise.

    Args:
        command: What ``find_backend`` gave.
        log: File for its output; ``serve.log`` in the state folder if left out.
        arguments: More arguments for ``serve``, such as ``["--idle-exit", "600"]``.

    Raises:
        StorageError: The folder of the log cannot be written.
        BackendUnavailable: The command cannot be started.
    """
    log = log or state_folder() / "serve.log"
    environment = {k: v for k, v in os.environ.items() if k not in _BLENDER_VARIABLES}
    detached = 0x00000208 if sys.platform == "win32" else 0  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        output = log.open("ab")
    except OSError as error:
        raise StorageError.of(error, f"write to {log.parent}", STATE_FIX) from error
    with output:
        try:
            return subprocess.Popen(
                [*command, "serve", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=log.parent,
                creationflags=detached,
                start_new_session=sys.platform != "win32",
            )
        except OSError as error:
            msg = f"Cannot start {command[0]}: {error.strerror or error}"
            raise BackendUnavailable(msg, fix=_HOW_TO) from error


def _last_word(log: Path) -> str:
    """The sentence with which the backend ended, from its log; ``""`` if there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
    except OSError:
        return ""
    return next((line.removeprefix("backlot: ").rstrip(".") for line in reversed(lines) if line.startswith("backlot: ")), "")


def wait_for_backend(process: subprocess.Popen[bytes], timeout: float = 60.0, path: Path | None = None) -> Connection:
    """Waits until the started backend has written its connection file. Blocks; not for Blender's window.

    Raises:
        BackendUnavailable: It ended instead, or took longer than ``timeout`` seconds.
    """
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if process.poll() is not None:
            log = state_folder() / "serve.log"
            reason = _last_word(log) or f"exit code {process.returncode}"
            msg = f"The backend ended while starting: {reason}"
            raise BackendUnavailable(msg, fix=f"See {log}; run: backlot doctor")
        try:
            connection = read_connection(path)
            if connection.pid == process.pid or sys.platform == "win32":
                return connection
        except (BackendUnavailable, InputError):
            pass
        time.sleep(0.02)
    msg = "The backend did not start"
    raise BackendUnavailable(msg, expected=f"a connection file within {timeout:g} s", got="none")

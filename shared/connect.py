"""A client for scripts and the command line: of the running backend, or of one that is started for the call and ends after it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .client import Client
from .connection import Connection, connection_path, read_connection, state_folder
from .errors import BackendUnavailable, InputError
from .launch import find_backend, launch, wait_for_backend

START_WITHIN = 60.0
"""Seconds."""
ANSWER_WITHIN = 5.0
"""Seconds; a backend on this host answers within milliseconds."""
END_WITHIN = 5.0
IDLE_EXIT = 60
"""Seconds after which a backend that was started for one call ends by itself, should the call not have ended it."""
_LEFT: list[subprocess.Popen[bytes]] = []
"""Backends that work on for others: Python warns of a process object that is dropped while the process runs."""


@contextmanager
def connect(*, start: bool = True, name: str = "script", command: Sequence[str] | None = None) -> Iterator[Client]:
    """A client that has been welcomed; closed at the end.

    Args:
        start: Start a backend where none runs, and stop it at the end. It is the one that this user installed.
        name: What the backend calls this client in its logs.
        command: What starts a backend, without its verb; the one that ``find_backend`` finds if left out.

    Raises:
        BackendUnavailable: None is running, and none is to be started or can be.
    """
    if not start:
        with _running(name) as running:
            yield running
        return
    started: subprocess.Popen[bytes] | None = None
    client = _reachable(name)
    try:
        if client is None:
            arguments = ["--idle-exit", str(IDLE_EXIT)]
            started = launch(command or find_backend(), state_folder() / "serve.log", arguments)
            client = Client(_wait(started), name=name)
            client.wait_ready()
        yield client
    finally:
        if client is not None:
            if started is not None:
                client.request_shutdown(if_idle=True)
            client.close()
        if started is not None:
            _leave(started)


def _leave(started: subprocess.Popen[bytes]) -> None:
    """Waits for a backend that was asked to end; one that has work from other clients goes on and ends when it is idle."""
    try:
        started.wait(END_WITHIN)
    except subprocess.TimeoutExpired:
        _LEFT.append(started)


@contextmanager
def _running(name: str) -> Iterator[Client]:
    client = Client(read_connection(), name=name)
    try:
        client.wait_ready(ANSWER_WITHIN)
        yield client
    finally:
        client.close()


def _reachable(name: str) -> Client | None:
    """A welcomed client of the running backend, or None where none answers.

    Raises:
        BackendUnavailable: The connection file names a remote backend that does not answer: none started here could replace it.
    """
    client: Client | None = None
    found: Connection | None = None
    try:
        if connection_path().exists():
            found = read_connection()
            if _alive(found):
                client = Client(found, name=name)
                client.wait_ready(ANSWER_WITHIN)
    except BackendUnavailable:
        if client:
            client.close()
        if found is not None and found.is_remote:
            raise
        return None  # left behind by a backend that was killed
    return client


def _alive(connection: Connection) -> bool:
    """Whether the supervisor's process may exist. On Windows a signal 0 would end it, so there the answer decides."""
    if not connection.pid or sys.platform == "win32":
        return True
    try:
        os.kill(connection.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _wait(started: subprocess.Popen[bytes]) -> Connection:
    """The connection to the started backend, or to the one that another call started at the same moment."""
    try:
        return wait_for_backend(started)
    except BackendUnavailable:
        if started.poll() != BackendUnavailable.exit_code:
            raise
        end = time.monotonic() + START_WITHIN
        while time.monotonic() < end:
            with contextlib.suppress(BackendUnavailable, InputError):
                connection = read_connection()
                if _alive(connection):
                    return connection
            time.sleep(0.05)
        raise

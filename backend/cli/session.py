"""A client for one call: to the running backend, or to one started for the call and stopped after it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from ...shared.client import Client
from ...shared.connection import Connection, connection_path, read_connection, state_folder
from ...shared.errors import BackendUnavailable, InputError
from ...shared.launch import launch, wait_for_backend

START_WITHIN = 60.0
ANSWER_WITHIN = 5.0
"""Seconds; a backend on this host answers within milliseconds."""


@contextmanager
def existing_backend() -> Iterator[Client]:
    """A client of the running backend.

    Raises:
        BackendUnavailable: None is running.
    """
    client = Client(read_connection(), name="command line")
    try:
        client.wait_ready(ANSWER_WITHIN)
        yield client
    finally:
        client.close()


@contextmanager
def any_backend() -> Iterator[Client]:
    """A client of the running backend, or else of one that lives as long as the call."""
    started: subprocess.Popen[bytes] | None = None
    client: Client | None = None
    found: Connection | None = None
    try:
        if connection_path().exists():
            found = read_connection()
            if _alive(found):
                client = Client(found, name="command line")
                client.wait_ready(ANSWER_WITHIN)
    except BackendUnavailable:
        if client:
            client.close()
        if found is not None and found.is_remote:
            raise  # none started here could take its place
        client = None  # left behind by a backend that was killed
    try:
        if client is None:
            started = launch([sys.executable, "-m", "backlot"], state_folder() / "serve.log", ["--idle-exit", "60"])
            client = Client(_wait(started), name="command line")
            client.wait_ready()
        yield client
    finally:
        if client is not None:
            if started is not None:
                client.request_shutdown(if_idle=True)
            client.close()
        if started is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):  # somebody else has work for it: it ends when it is idle
                started.wait(3)


def _alive(connection: Connection) -> bool:
    return not connection.pid or psutil.pid_exists(connection.pid)


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

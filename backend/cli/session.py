"""A client for one call: to the running backend, or to one started for the call and stopped after it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ...shared.client import Client
from ...shared.connection import connection_path, read_connection, state_folder
from ...shared.errors import BackendUnavailable
from ...shared.launch import launch, wait_for_backend

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
    try:
        if connection_path().exists():
            client = Client(read_connection(), name="command line")
            client.wait_ready(ANSWER_WITHIN)
    except BackendUnavailable:
        if client:
            client.close()
        client = None  # left behind by a backend that was killed
    try:
        if client is None:
            started = launch([sys.executable, "-m", "backlot"], state_folder() / "serve.log", ["--idle-exit", "60"])
            client = Client(wait_for_backend(started), name="command line")
            client.wait_ready()
        yield client
    finally:
        if client is not None:
            if started is not None:
                client.request_shutdown()
            client.close()
        if started is not None:
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                started.kill()

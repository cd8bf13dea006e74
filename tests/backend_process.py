"""A real `python -m backlot serve` in a process and an empty folder of its own, and clients for it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from backlot.shared import events as ev
from backlot.shared.client import Client
from backlot.shared.client_socket import Line
from backlot.shared.connection import Connection, read_connection
from backlot.shared.errors import BacklotError
from backlot.shared.wire import Message

START_S = 60.0
"""Importing torch on two busy cores."""


def wait_until(condition: Callable[[], Any], timeout: float = 90.0, every: float = 0.02) -> Any:
    """The first true value of ``condition``."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not true within {timeout:g} s"
        time.sleep(every)


class Backend:
    """One state folder and, most of the time, a process that serves it."""

    def __init__(self, state: Path, *arguments: str, preexec: Callable[[], None] | None = None, **environment: str) -> None:
        self.state, self.arguments, self._preexec = state, arguments, preexec
        state.mkdir(parents=True, exist_ok=True)
        self.environment = {**os.environ, "BACKLOT_STATE_DIR": str(state), **environment}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Backend:
        with (self.state.parent / f"{self.state.name}.log").open("ab") as log:
            command = [sys.executable, "-m", "backlot", "serve", "--device", "cpu"]
            command += ["--idle-exit", "60", *self.arguments]  # should the tests be killed before they stop it
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, cwd=self.state, preexec_fn=self._preexec
            )
        wait_until(lambda: self._there() or self.process.poll() is not None, START_S)
        assert self.process.poll() is None, self.log
        return self

    def _there(self) -> bool:
        assert self.process is not None
        with contextlib.suppress(BacklotError):
            return read_connection(self.path).pid == self.process.pid
        return False

    @property
    def path(self) -> Path:
        return self.state / "connection.json"

    @property
    def log(self) -> str:
        """What the supervisor printed."""
        return (self.state.parent / f"{self.state.name}.log").read_text(errors="replace")

    @property
    def supervisor(self) -> psutil.Process:
        assert self.process is not None
        return psutil.Process(self.process.pid)

    def workers(self) -> list[psutil.Process]:
        return self.supervisor.children()

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ends it the way a terminal does; gives the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        finally:
            self.kill()

    def client(self, name: str = "test") -> Client:
        return Client(read_connection(self.path), name=name)

    def remote_client(self, connection: Connection | None = None) -> Client:
        return RemoteClient(connection or read_connection(self.path), name="remote")


class RemoteClient(Client):
    """A client that cannot see the backend's disk, as one on another host."""

    def _welcomed(self, line: Line, message: Message) -> None:
        super()._welcomed(line, dataclasses.replace(message, body={**message.body, "store": None}))


@contextlib.contextmanager
def backend(state: Path, *arguments: str, **environment: Any) -> Iterator[Backend]:
    started = Backend(state, *arguments, **environment)
    try:
        yield started.start()
    finally:
        started.stop()


def gather(client: Client, until: Callable[[ev.Event], bool], timeout: float = 90.0) -> list[ev.Event]:
    """All events up to the first for which ``until`` is true."""
    end, seen = time.monotonic() + timeout, []
    while time.monotonic() < end:
        for event in client.poll(0.05):
            seen.append(event)
            if until(event):
                return seen
    raise AssertionError(f"not within {timeout:g} s; seen: {seen}")


def wait_for(client: Client, kind: type[Any], job_id: str = "", timeout: float = 90.0) -> Any:
    """The next event of a kind."""
    return gather(client, lambda e: isinstance(e, kind) and (not job_id or e.job_id == job_id), timeout)[-1]


def job_info(client: Client, job_id: str) -> ev.JobInfo:
    """The job's line in the list."""
    client.request_jobs()
    return next(j for j in wait_for(client, ev.JobList).jobs if j.id == job_id)

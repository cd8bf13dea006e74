"""The client: polled from Blender's timers, blocking for scripts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import events as ev
from .connection import Connection
from .errors import BackendUnavailable, JobCancelled
from .jobs import Job
from .polled_client import PolledClient
from .wire import new_id

ANSWER_WITHIN = 10.0
"""Seconds."""


class Client(PolledClient):
    """A connection to a backend, with methods that wait.

    In Blender's window only the inherited, never blocking ones may be used.
    """

    def __init__(self, connection: Connection, *, name: str = "") -> None:
        super().__init__(connection, name=name)
        self._later: dict[str, list[ev.Event]] = {}

    def wait_ready(self, timeout: float = 30.0) -> ev.Welcome:
        """Waits for the backend's welcome.

        Raises:
            BackendUnavailable: It did not come in ``timeout`` seconds.
            ProtocolError: What answers has another key or another version.
        """
        end = time.monotonic() + timeout
        kept: list[ev.Event] = []
        while self.state != "ready" or self.welcome is None:
            if self._trouble:
                raise self._trouble
            if time.monotonic() > end:
                raise BackendUnavailable(expected=f"an answer from {self._connection.control} within {timeout:g} s", got="none",
                                         fix="See: backlot status, backlot doctor")  # fmt: skip
            kept += self.poll(min(0.1, timeout))
        self._events[:0] = kept
        return self.welcome

    def run(
        self, job: Job, on_progress: Callable[[ev.Progress], None] | None = None, timeout: float | None = None,
        on_partial: Callable[[ev.Partial], None] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Submits a job and waits for its outputs; cancels it on ``KeyboardInterrupt``. See ``result``."""
        self.submit(job)
        return self.result(job.id, on_progress, timeout, on_partial=on_partial).outputs

    def submit_once(self, job: Job) -> str:
        """Submits a job whose id says what it computes, unless the backend has it queued, running or done: then attaches to it.

        A job that ended badly before is submitted under a new id. Blocks for one round trip. Gives the id to wait for.
        """
        self.wait_ready()
        self.request_jobs(job.id)
        end = time.monotonic() + ANSWER_WITHIN
        while time.monotonic() < end:
            events = self.poll(0.1)
            listed = next((e for e in events if isinstance(e, ev.JobList)), None)
            if listed is None:
                continue
            state = next((j.state for j in listed.jobs if j.id == job.id), "")
            if state in ("queued", "running", "done"):
                self.attach(job.id)
                return job.id
            return self.submit(job.changed(id=new_id()) if state else job)
        raise BackendUnavailable(expected="the backend's list of jobs", got="no answer", fix="See: backlot doctor")

    def result(
        self, job_id: str, on_progress: Callable[[ev.Progress], None] | None = None, timeout: float | None = None,
        patience: float = float("inf"), on_partial: Callable[[ev.Partial], None] | None = None,
    ) -> ev.Finished:  # fmt: skip
        """Waits for the end of a job that was submitted or attached.

        Args:
            job_id: The job.
            on_progress: Called with each progress event, and with one that says so in its stage while the job is sent, waits for its turn
                or its result comes.
            timeout: Seconds to wait at most.
            patience: Seconds to wait for a backend that does not answer.
            on_partial: Called with each partial result, also with those that come while a ``KeyboardInterrupt`` cancels the job.

        Raises:
            BacklotError: The job's own error.
            JobCancelled: Somebody cancelled it.
            BackendUnavailable: Not finished within ``timeout`` seconds; the job goes on.
        """
        end = time.monotonic() + timeout if timeout is not None else float("inf")
        answered = time.monotonic()
        try:
            while time.monotonic() < end:
                answered = time.monotonic() if self.state == "ready" else answered
                if time.monotonic() - answered > patience:
                    raise BackendUnavailable(expected=f"an answer from {self._connection.control} within {patience:g} s", got="none",
                                             fix="Start it again: it keeps the job; see: backlot doctor")  # fmt: skip
                events = self._later.pop(job_id, None) or self.poll(min(0.1, max(0.0, end - time.monotonic())))
                ended = self._tell(events, job_id, on_progress, on_partial)
                if isinstance(ended, ev.Finished):
                    return ended
                if isinstance(ended, ev.Failed):
                    raise ended.error
                if ended:
                    msg = "The job was cancelled"
                    raise JobCancelled(msg)
        except KeyboardInterrupt:
            self.cancel(job_id)
            end = time.monotonic() + 1.0
            while job_id in self._jobs and time.monotonic() < end:
                self._tell(self.poll(0.1), job_id, None, on_partial)  # until the backend has heard of it, or does not answer
            raise
        raise BackendUnavailable(expected=f"the job's end within {timeout:g} s", got="none yet", fix="It goes on; attach to it later")

    def _tell(
        self, events: list[ev.Event], job_id: str, on_progress: Callable[[ev.Progress], None] | None,
        on_partial: Callable[[ev.Partial], None] | None,
    ) -> ev.Finished | ev.Failed | ev.Cancelled | None:  # fmt: skip
        """Passes on what is said of a job; gives its end if that is among it."""
        ended = None
        for event in events:
            if isinstance(event, (ev.Finished, ev.Failed, ev.Cancelled, ev.Partial)) and event.job_id != job_id:
                self._later.setdefault(event.job_id, []).append(event)  # of a job that is waited for later
            elif isinstance(event, (ev.Finished, ev.Failed, ev.Cancelled)):
                ended = event
            elif isinstance(event, ev.Progress) and event.job_id == job_id and on_progress:
                on_progress(event)
            elif isinstance(event, ev.Queued) and event.job_id == job_id and on_progress:
                on_progress(ev.Progress(job_id, 0.0, ev.turn(event.before)))
            elif isinstance(event, ev.Transfer) and event.job_id == job_id and on_progress:
                on_progress(ev.Progress(job_id, 0.0, event.stage))
            elif isinstance(event, ev.Partial) and on_partial:
                on_partial(event)
        return ended

"""The client: polled from Blender's timers, blocking for scripts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import events as ev
from .errors import BackendUnavailable, JobCancelled
from .jobs import Job
from .polled_client import PolledClient


class Client(PolledClient):
    """A connection to a backend, with methods that wait.

    In Blender's window only the inherited, never blocking ones may be used.
    """

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

    def run(self, job: Job, on_progress: Callable[[ev.Progress], None] | None = None, timeout: float | None = None) -> dict[str, Any]:
        """Submits a job and waits for its outputs; cancels it on ``KeyboardInterrupt``. See ``result``."""
        self.submit(job)
        return self.result(job.id, on_progress, timeout).outputs

    def result(self, job_id: str, on_progress: Callable[[ev.Progress], None] | None = None, timeout: float | None = None) -> ev.Finished:
        """Waits for the end of a job that was submitted or attached.

        Raises:
            BacklotError: The job's own error.
            JobCancelled: Somebody cancelled it.
            BackendUnavailable: Not finished within ``timeout`` seconds; the job goes on.
        """
        end = time.monotonic() + timeout if timeout is not None else float("inf")
        try:
            while time.monotonic() < end:
                for event in self.poll(min(0.1, max(0.0, end - time.monotonic()))):
                    if getattr(event, "job_id", None) != job_id:
                        continue
                    if isinstance(event, ev.Progress) and on_progress:
                        on_progress(event)
                    elif isinstance(event, ev.Finished):
                        return event
                    elif isinstance(event, ev.Failed):
                        raise event.error
                    elif isinstance(event, ev.Cancelled):
                        msg = "The job was cancelled"
                        raise JobCancelled(msg)
        except KeyboardInterrupt:
            self.cancel(job_id)
            self.poll(0.2)
            raise
        raise BackendUnavailable(expected=f"the job's end within {timeout:g} s", got="none yet", fix="It goes on; attach to it later")

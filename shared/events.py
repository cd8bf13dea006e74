"""What a ``Client`` tells: frozen records, one class each."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .errors import BacklotError


@dataclasses.dataclass(frozen=True)
class Welcome:
    """What a backend says of itself.

    Attributes:
        server_version: Backlot's version there.
        protocol: ``(major, minor)``.
        operations: Descriptions by operation name (``Operation.to_json``).
        limits: Bytes and counts by name; see docs/PROTOCOL.md.
        devices: One object per worker: ``name``, ``kind``, ``state``.
        same_host: Whether files are shared, so that large arrays need not travel.
    """

    server_version: str
    protocol: tuple[int, int]
    operations: dict[str, Any]
    limits: dict[str, int]
    devices: list[dict[str, Any]]
    same_host: bool


@dataclasses.dataclass(frozen=True)
class JobInfo:
    """One line of the job list.

    ``state``: queued, running, done, failed or cancelled; ``submitted`` in Unix seconds; ``before``: how many jobs come before one
    that is queued, else None.
    """

    id: str
    operation: str
    label: str
    state: str
    fraction: float
    stage: str
    submitted: float
    attempts: int = 0
    error: str = ""
    before: int | None = None


@dataclasses.dataclass(frozen=True)
class Connected:
    """The backend answered; also after it was lost."""

    welcome: Welcome


@dataclasses.dataclass(frozen=True)
class Lost:
    """The backend does not answer, or what answers is not ours; the client keeps trying."""

    reason: BacklotError


@dataclasses.dataclass(frozen=True)
class Accepted:
    """The job is in the backend's journal: it will be done, whatever happens to this process."""

    job_id: str


@dataclasses.dataclass(frozen=True)
class Queued:
    """The job waits for its turn; so many jobs, running or queued, come ``before`` it."""

    job_id: str
    before: int


@dataclasses.dataclass(frozen=True)
class Progress:
    """``fraction`` 0..1 of the whole job; ``eta`` in seconds or None; ``preview`` ``(H, W, 3)`` uint8 sRGB or None."""

    job_id: str
    fraction: float
    stage: str
    eta: float | None = None
    preview: np.ndarray | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class Transfer:
    """What is under way between client and backend, if it takes more than a second: ``fraction`` 0..1 of it, ``stage`` in words."""

    job_id: str
    fraction: float
    stage: str


@dataclasses.dataclass(frozen=True)
class Partial:
    """A result that the job gave before its end; the next one of the same name and index takes its place.

    ``name`` is an output's, ``index`` says which of several (such as a frame's number) or is None, ``value`` is what the output
    would be: an image, mesh or report, or a file where the job delivers files.
    """

    job_id: str
    name: str
    index: int | None
    value: Any


@dataclasses.dataclass(frozen=True)
class Finished:
    """The outputs by name, and how they came about."""

    job_id: str
    outputs: dict[str, Any]
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Failed:
    """The job ended with an error, or was not accepted (``attempts`` 0)."""

    job_id: str
    error: BacklotError
    attempts: int = 0


@dataclasses.dataclass(frozen=True)
class Cancelled:
    """The job was cancelled."""

    job_id: str


@dataclasses.dataclass(frozen=True)
class JobList:
    """Answer to ``Client.request_jobs``, newest first."""

    jobs: list[JobInfo]


@dataclasses.dataclass(frozen=True)
class Status:
    """Answer to ``Client.request_status``: the backend's own words for people."""

    report: dict[str, Any]


Event = Connected | Lost | Accepted | Queued | Progress | Transfer | Partial | Finished | Failed | Cancelled | JobList | Status


def turn(before: int) -> str:
    """For people: what a job waits for that has so many before it."""
    return f"waiting, {before} before it" if before else "waiting, next in turn"

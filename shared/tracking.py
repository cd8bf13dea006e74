"""What a client knows of a job that it follows."""

from __future__ import annotations

import concurrent.futures
import dataclasses
from typing import Any

from .transfer import Download, Upload
from .tree import Buffer
from .wire import Message


@dataclasses.dataclass
class Tracked:
    """A job that this client follows. ``phase``: waiting, preparing, uploading, submitted, accepted, fetching."""

    id: str
    body: dict[str, Any] | None = None
    buffers: list[Buffer] = dataclasses.field(default_factory=list)
    phase: str = "waiting"
    futures: list[concurrent.futures.Future[dict[str, Any]]] = dataclasses.field(default_factory=list)
    descriptions: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    uploads: dict[str, Upload] = dataclasses.field(default_factory=dict)
    result: Message | None = None
    downloads: dict[int, Download] = dataclasses.field(default_factory=dict)
    sent: bool = False
    cancelling: bool = False

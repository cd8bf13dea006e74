"""What a client knows of a job that it follows."""

from __future__ import annotations

import concurrent.futures
import dataclasses
from collections.abc import Iterable
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


def hear_of_blob(jobs: Iterable[Tracked], message: Message) -> None:
    """Takes an answer of the data socket: what the backend has, how much of it came, or a chunk."""
    if message.type == "blob.has":
        present = set(message.body.get("present", []))
        for tracked in jobs:
            for name, upload in tracked.uploads.items():
                if name in present:
                    upload.sent = upload.acknowledged = len(upload.data)
        return
    address, offset = message.body.get("digest"), message.body.get("offset")
    for tracked in jobs:
        if address in tracked.uploads and not message.arrays:
            upload = tracked.uploads[address]
            upload.acknowledged = max(upload.acknowledged, int(message.body.get("received", 0)))
        for download in tracked.downloads.values():
            if download.digest == address and message.arrays and message.arrays[0] is not None and not download.done:
                download.take(offset, message.arrays[0])

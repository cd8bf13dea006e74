"""What a client knows of a job that it follows."""

from __future__ import annotations

import concurrent.futures
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .errors import BacklotError
from .events import Event
from .events import Partial as PartialEvent
from .transfer import Download, Upload, map_blob
from .value_codec import Buffer, decode
from .wire import Message


class Arrival:
    """A message whose arrays come after it: mapped from a store on this host, else downloaded.

    Args:
        message: A ``job.result`` or ``job.partial``.
        store: The backend's store if it is on this host.
        known: Downloads of earlier messages, which may be of the same arrays.
    """

    def __init__(self, message: Message, store: Path | None, known: Iterable[Download] = ()) -> None:
        self.message, self.delivered, self._store = message, False, store
        self.downloads: dict[int, Download] = {}
        if store is None:
            there = {d.key: d for d in known}
            fresh = {i: Download(d) for i, d in enumerate(message.buffers) if message.arrays[i] is None}
            self.downloads = {i: there.setdefault(d.key, d) for i, d in fresh.items()}

    @property
    def done(self) -> bool:
        """Whether all arrays are here."""
        return all(d.done for d in self.downloads.values())

    def same(self, message: Message) -> bool:
        """Whether another message says the same."""
        return message.body == self.message.body and message.buffers == self.message.buffers

    def value(self, field: str) -> Any:
        """What the message's field holds.

        Raises:
            ProtocolError: An array came damaged, or is not in the store any more.
        """
        arrays: list[np.ndarray] = []
        for i, (inline, description) in enumerate(zip(self.message.arrays, self.message.buffers, strict=True)):
            if inline is not None:
                arrays.append(inline.copy())
            elif self._store is not None:
                arrays.append(map_blob(description, self._store))
            else:
                self.downloads[i].check()
                arrays.append(self.downloads[i].array)
                if self.message.type == "job.partial":  # the result may be made of the same memory
                    arrays[-1] = arrays[-1].view()
                    arrays[-1].flags.writeable = False
        return decode(self.message.body.get(field, {}), arrays)


@dataclasses.dataclass
class Tracked:
    """A job that this client follows.

    ``phase``: waiting, preparing, uploading, submitted, accepted, fetching (the result), ending (``end`` is held back until
    the last partial results are here).
    """

    id: str
    body: dict[str, Any] | None = None
    buffers: list[Buffer] = dataclasses.field(default_factory=list)
    phase: str = "waiting"
    futures: list[concurrent.futures.Future[dict[str, Any]]] = dataclasses.field(default_factory=list)
    descriptions: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    uploads: dict[str, Upload] = dataclasses.field(default_factory=dict)
    result: Arrival | None = None
    partials: dict[tuple[str, int | None], Arrival] = dataclasses.field(default_factory=dict)
    end: Event | None = None
    sent: bool = False
    cancelling: bool = False

    def arriving(self) -> list[Arrival]:
        """Messages whose arrays have to come: the result, and partial results until it is there."""
        if self.result is not None:
            return [self.result]
        return [arrival for arrival in self.partials.values() if not arrival.delivered]

    def downloads(self) -> Iterator[Download]:
        """The arrays under way from a backend on another host."""
        for arrival in self.arriving():
            yield from arrival.downloads.values()

    def hear_of_partial(self, message: Message, store: Path | None) -> None:
        """Takes a ``job.partial``, in place of an earlier one; the same one again, as after a reconnect, is passed over."""
        index = message.body.get("index")
        key = (str(message.body["name"]), None if index is None else int(index))
        earlier = self.partials.get(key)
        if earlier is None or not earlier.same(message):
            self.partials[key] = Arrival(message, store, () if earlier is None else earlier.downloads.values())

    def known(self) -> Iterator[Download]:
        """What came with partial results: the result may be made of it."""
        for arrival in self.partials.values():
            yield from arrival.downloads.values()

    def take_partials(self) -> Iterator[PartialEvent]:
        """The partial results that are complete and not told yet. One that is gone is passed over: a later one or the end comes."""
        for (name, index), arrival in list(self.partials.items()):
            if not arrival.delivered and arrival.done:
                arrival.delivered = True
                try:
                    yield PartialEvent(self.id, name, index, arrival.value("value"))
                except BacklotError:
                    del self.partials[name, index]

    def drop_partials(self, digest: str) -> None:
        """Gives up the partial results of which a part is not to be had any more."""
        for key, arrival in list(self.partials.items()):
            if not arrival.delivered and any(d.digest == digest for d in arrival.downloads.values()):
                del self.partials[key]


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
        for download in tracked.downloads():
            if download.digest == address and message.arrays and message.arrays[0] is not None and not download.done:
                download.take(offset, message.arrays[0])

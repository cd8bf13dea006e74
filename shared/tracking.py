"""What a client knows of a job that it follows."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .chunks import Download, FileDownload
from .deferred import Deferred
from .errors import BacklotError
from .events import Event
from .events import Partial as PartialEvent
from .events import Transfer as TransferEvent
from .flow_control import FlowControl
from .manifest import LAYOUT, Listing, read_manifest
from .preparation import Preparation
from .stored import READ_UP_TO, HeldFiles, StoredArray, map_blob
from .value_codec import Opened, decode
from .wire import Message, new_id

LONG = 64
"""Blobs of a result that are opened by another thread and one at a time; so many could keep as many files open."""
REPORT_EVERY = 1.0
"""Seconds."""
FIELDS = {"job.result": "outputs", "job.partial": "value"}


class Arrival:
    """A message whose arrays come after it: opened in a store on this host, else downloaded.

    A long one is opened and decoded by another thread, its files are held rather than mapped, and those that come from another host
    stay on disk.

    Args:
        message: A ``job.result`` or ``job.partial``.
        store: The backend's store if it is on this host.
        known: Downloads of earlier messages, which may be of the same arrays.
        files: Where large arrays that are downloaded go; in memory if left out.
    """

    def __init__(self, message: Message, store: Path | None, known: Iterable[Download] = (), files: HeldFiles | None = None) -> None:
        self.message, self.done, self._store = message, False, store
        blobs = [i for i, array in enumerate(message.arrays) if array is None]
        self._long = len(blobs) > LONG or any(message.buffers[i].get("layout") == LAYOUT for i in blobs)
        self._files = HeldFiles(store) if self._long else files
        self._known = {d.key: d for d in known}
        self._downloads = {i: self._download(message.buffers[i]) for i in blobs} if store is None else {}
        self._parts: dict[str, Download] = {}
        self._listings: dict[int, Listing] = {}
        self._to_fetch = list({id(d): d for d in self._downloads.values()}.values())
        self._awaited = list(self._to_fetch)
        self._work: concurrent.futures.Future[Any] | None = None
        self._value: Any = None

    def advance(self, executor: concurrent.futures.Executor) -> list[Download]:
        """Goes on as far as that needs no waiting; gives the arrays that are to be fetched from now on.

        Raises:
            ProtocolError: An array came damaged, or is not in the store any more.
        """
        fetch, self._to_fetch = self._to_fetch, []
        while self._awaited and self._awaited[-1].done:
            self._awaited.pop()
        if self.done or self._awaited:
            return fetch
        if not self._long:
            self._finish(self._decode())
        elif self._work is None:
            self._work = executor.submit(self._open)
        elif self._work.done():
            parts, value = self._work.result()
            if parts is None:
                self._finish(value)
            else:
                self._parts, self._work = parts, None
                fetch = list(parts.values())
                self._awaited = list(fetch)
        return fetch

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes that have come from a backend on another host, and all that are known of."""
        downloads = list(self.downloads())
        return sum(d.nbytes for d in downloads if d.done), sum(d.nbytes for d in downloads)

    @property
    def working(self) -> bool:
        """Whether another thread is at it."""
        return self._work is not None and not self.done

    def same(self, message: Message) -> bool:
        """Whether another message says the same."""
        return message.body == self.message.body and message.buffers == self.message.buffers

    def downloads(self) -> Iterator[Download]:
        """What comes, or came, from a backend on another host."""
        yield from self._downloads.values()
        yield from self._parts.values()

    def take_value(self) -> Any:
        """What the message's field holds, once it is ``done``; not kept here any longer."""
        value, self._value = self._value, None
        return value

    def _finish(self, value: Any) -> None:
        self._value, self.done, self._listings = value, True, {}

    def _download(self, description: dict[str, Any]) -> Download:
        if self._files is not None and description["nbytes"] > READ_UP_TO and description.get("layout") != LAYOUT:
            download: Download = FileDownload(description, self._files.folder / new_id(), self._files)
        else:
            download = Download(description)
        return self._known.setdefault(download.key, download)

    def _open(self) -> tuple[dict[str, Download] | None, Any]:
        """Reads the manifests; decodes unless what they name has to be fetched first, which it gives then. On another thread."""
        if not self._listings:
            self._listings = {i: self._listing(i, b) for i, b in enumerate(self.message.buffers) if b.get("layout") == LAYOUT}
            wanted = {digest: b for listing in self._listings.values() for digest, b in listing.blobs.items()}
            if wanted and self._store is None:
                return {digest: self._download(b) for digest, b in wanted.items()}, None
        return None, self._decode()

    def _listing(self, index: int, description: dict[str, Any]) -> Listing:
        inline = self.message.arrays[index]
        if inline is not None:
            return read_manifest(inline)
        if self._store is not None:
            return read_manifest(map_blob(description, self._store))
        self._downloads[index].check()
        return read_manifest(self._downloads[index].array)

    def _decode(self) -> Any:
        arrays: list[np.ndarray | Deferred | Opened] = []
        for i, (inline, description) in enumerate(zip(self.message.arrays, self.message.buffers, strict=True)):
            if i in self._listings:
                arrays.append(Opened(self._listings[i].tree, self._listings[i].arrays(self._blob)))
            elif inline is not None:
                arrays.append(inline.copy())
            else:
                arrays.append(self._blob(description, self._downloads.get(i)))
        return decode(self.message.body.get(FIELDS[self.message.type], {}), arrays)

    def _blob(self, description: dict[str, Any], download: Download | None = None) -> np.ndarray | Deferred:
        if self._store is not None:
            if self._files is None or description["nbytes"] <= READ_UP_TO:
                return map_blob(description, self._store)
            return StoredArray(
                self._files.take(self._store, str(description.get("digest", ""))), description, keep=True, holder=self._files
            )
        if download is None:
            download = self._parts[description["digest"]]
        download.check()
        if isinstance(download, FileDownload):
            return StoredArray(download.path, description, keep=True, holder=download.holder)
        if self.message.type != "job.partial":
            return download.array
        array = download.array.view()  # the result may be made of the same memory
        array.flags.writeable = False
        return array


@dataclasses.dataclass
class Tracked:
    """A job that this client follows.

    ``phase``: waiting, preparing, uploading, submitted, accepted, fetching (the result), ending (``end`` is held back until
    the last partial results are here).
    """

    id: str
    preparation: Preparation | None = None
    phase: str = "waiting"
    result: Arrival | None = None
    partials: dict[tuple[str, int | None], Arrival] = dataclasses.field(default_factory=dict)
    coming: dict[tuple[str, int | None], Arrival] = dataclasses.field(default_factory=dict)
    files: HeldFiles | None = None
    end: Event | None = None
    sent: bool = False
    cancelling: bool = False
    reported: float = dataclasses.field(default_factory=time.monotonic)

    def transfer(self, flow: FlowControl) -> TransferEvent | None:
        """What is under way, once it has been for a second, and then each second."""
        if time.monotonic() - self.reported < REPORT_EVERY:
            return None
        self.reported = time.monotonic()
        if self.phase == "preparing" and self.preparation is not None:
            part = self.preparation.progress
            return TransferEvent(self.id, part, f"preparing, {part:.0%}" if part else "preparing")
        if self.phase == "uploading":
            words, (there, total) = "sending", flow.progress(self.id)
        elif self.phase == "fetching" and self.result is not None:
            words, (there, total) = "receiving", self.result.progress
        else:
            return None
        stage = f"{words}, {there / 2**20:,.0f} of {total / 2**20:,.0f} MiB" if total else words
        return TransferEvent(self.id, there / total if total else 0.0, stage)

    def arriving(self) -> list[Arrival]:
        """Messages whose arrays have to come: the result, and partial results until it is there."""
        if self.result is not None:
            return [self.result]
        return list(self.coming.values())

    def hear_of_partial(self, message: Message, store: Path | None) -> None:
        """Takes a ``job.partial``, in place of an earlier one; the same one again, as after a reconnect, is passed over."""
        index = message.body.get("index")
        key = (str(message.body["name"]), None if index is None else int(index))
        earlier = self.partials.get(key)
        if earlier is not None and earlier.same(message):
            return
        if store is None and self.files is None:
            self.files = HeldFiles()  # the frames of a shot need not fit into memory
        self.partials[key] = self.coming[key] = Arrival(message, store, () if earlier is None else earlier.downloads(), self.files)

    def known(self) -> Iterator[Download]:
        """What came with partial results: the result may be made of it."""
        for arrival in self.partials.values():
            yield from arrival.downloads()

    def advance_partials(self, executor: concurrent.futures.Executor) -> tuple[list[PartialEvent], list[Download]]:
        """The partial results that are complete now, and what is to be fetched for others.

        One that is gone is passed over: a later one or the end comes.
        """
        complete: list[PartialEvent] = []
        fetch: list[Download] = []
        for key, arrival in list(self.coming.items()):
            try:
                fetch += arrival.advance(executor)
                if arrival.done:
                    del self.coming[key]
                    complete.append(PartialEvent(self.id, *key, arrival.take_value()))
            except BacklotError:
                del self.coming[key], self.partials[key]
        return complete, fetch

    def drop_partials(self, digest: str) -> None:
        """Gives up the partial results of which a part is not to be had any more."""
        for key, arrival in list(self.coming.items()):
            if any(d.digest == digest for d in arrival.downloads()):
                del self.coming[key], self.partials[key]

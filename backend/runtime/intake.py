"""Taking in jobs: what clients ask for is checked, and their arrays are put into the store, before the journal notes anything.

A long job, whose manifest may name ten thousand files, is looked at by a thread of its own: nobody else has to wait for it.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

from ...shared.errors import BacklotError, LimitError, ProtocolError
from ...shared.jobs import request_digest
from ...shared.manifest import LAYOUT, read_manifest
from ...shared.stored import map_blob
from ...shared.value_codec import check_descriptor
from ...shared.wire import Message
from .blobs import BlobStore, check_digest
from .contents import Contents
from .requests import read_request

log = logging.getLogger(__name__)

FEW = 32
"""Arrays of a job that is taken in at once."""


@dataclasses.dataclass
class Taken:
    """A job on its way into the journal.

    Attributes:
        job: Its id.
        routes: The clients that sent it.
        reply_to: The message that brought it.
        cancelled: Whether it is not wanted any more.
        work: Gives request, buffers and digest, as ``Journal.add`` takes them, or raises ``BacklotError``.
    """

    job: str
    routes: list[bytes]
    reply_to: str
    work: concurrent.futures.Future[tuple[dict[str, Any], list[dict[str, Any]], str]]
    cancelled: bool = False


class Intake:
    """The jobs that are not in the journal yet."""

    def __init__(self, blobs: BlobStore, contents: Contents, max_bytes: int) -> None:
        self._blobs, self._contents, self._max_bytes = blobs, contents, max_bytes
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "backlot-intake")
        self._jobs: dict[str, Taken] = {}

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def close(self) -> None:
        """Ends the thread; what was not taken in will be sent again."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def follow(self, job_id: str, route: bytes) -> None:
        """Another message, or client, asks for a job that is being taken in."""
        if route not in self._jobs[job_id].routes:
            self._jobs[job_id].routes.append(route)

    def cancel(self, job_id: str) -> None:
        """It is not wanted any more."""
        self._jobs[job_id].cancelled = True

    def begin(self, job_id: str, route: bytes, message: Message) -> None:
        """Takes a ``job.submit``; ``finished`` gives it, at once if it is short."""
        work: concurrent.futures.Future[tuple[dict[str, Any], list[dict[str, Any]], str]]
        if len(message.buffers) <= FEW and not any(b.get("layout") == LAYOUT for b in message.buffers):
            work = concurrent.futures.Future()
            try:
                work.set_result(self._check(message))
            except BaseException as error:
                work.set_exception(error)
        else:
            work = self._thread.submit(self._check, message)
        self._jobs[job_id] = Taken(job_id, [route], message.id, work)

    def finished(self) -> Iterator[Taken]:
        """The jobs that were looked at."""
        for job_id in [job for job, taken in self._jobs.items() if taken.work.done()]:
            yield self._jobs.pop(job_id)

    def _check(self, message: Message) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
        """Request, buffers and digest; raises ``BacklotError``."""
        try:
            request = read_request(message)
            self._check_size(sum(b["nbytes"] for b in message.buffers))
            buffers = [self._keep(b, a) for b, a in zip(message.buffers, message.arrays, strict=True)]
            self._check_size(sum([self._check_manifest(b) if b.get("layout") == LAYOUT else b["nbytes"] for b in buffers]))
            digests = [b["digest"] for b in buffers]
            digest = request_digest(
                request["operation"], request["parameters"], request["inputs"], digests, request["seed"], request["formats"]
            )
        except BacklotError:
            raise
        except Exception as error:  # one odd request must not end everybody's backend
            log.exception("a job could not be taken in")
            msg = "The request could not be served"
            raise ProtocolError(msg, got=repr(error)[:200]) from error
        return request, buffers, digest

    def _check_size(self, total: int) -> None:
        if total > self._max_bytes:
            raise LimitError(expected=f"at most {self._max_bytes >> 20} MiB of input", got=f"{total >> 20} MiB")

    def _keep(self, description: dict[str, Any], array: Any) -> dict[str, Any]:
        """Puts a submitted buffer into the store unless it is there; gives its description as such."""
        check_descriptor(description)
        transport = description.get("transport", "inline")
        if transport == "inline":
            address = self._blobs.put(array)
        else:
            address = check_digest(description.get("digest"))
            if transport == "spool":
                self._blobs.adopt(description.get("file"), address, description["nbytes"])
            else:
                self._require(address)
        kept = {k: description.get(k) for k in ("dtype", "shape", "layout", "color_space", "nbytes")}
        return {**kept, "transport": "blob", "digest": address}

    def _check_manifest(self, description: dict[str, Any]) -> int:
        """Checks that all that a manifest names is in the store; gives the bytes of its arrays."""
        listing = read_manifest(map_blob(description, self._blobs.folder))
        for address in listing.blobs:
            self._require(address)
        self._contents.remember(description["digest"], listing)
        return listing.nbytes

    def _require(self, address: str) -> None:
        if not self._blobs.has(address):
            msg = "An input was not uploaded"
            raise ProtocolError(msg, expected=f"the blob {address[:12]}", got="none", fix="Submit the job again")

"""The client's machinery: everything that needs no waiting.

``poll`` never blocks unless it is given a timeout. Hashing and writing of large arrays happen on the client's own threads.
When the backend is lost, the client reads the connection file again, reconnects, submits again what was not
acknowledged and attaches to what was: job ids make both harmless.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import time
from pathlib import Path
from typing import Self

import zmq

from . import events as ev
from .client_socket import Line
from .connection import Connection, read_connection
from .errors import BackendUnavailable, BacklotError, InputError, LimitError, ProtocolError
from .jobs import Job
from .tracking import Arrival, Tracked, hear_of_blob
from .transfer import Upload, deposit, describe_blob, shared_store
from .value_codec import Buffer
from .wire import INLINE_LIMIT, Message

PING_EVERY = 2.0
LOST_AFTER = 10.0
DATA_PATIENCE = 3
"""Times ``LOST_AFTER``: on a slow network an answer waits behind the chunks under way."""
ASLEEP_AFTER = 30.0
"""Seconds between two polls after which the backend may have dropped messages that nobody read."""
HELLO_EVERY = 1.0
MESSAGES_PER_POLL = 256
INLINE_TOTAL = 4 * 1024 * 1024
"""Bytes of small arrays in one message; beyond that even small ones become blobs."""


class PolledClient:
    """A connection to a backend.

    Args:
        connection: Where it is. If it was read from a file, the file is read again when the backend is lost.
        name: For the backend's log.
    """

    def __init__(self, connection: Connection, *, name: str = "") -> None:
        self.state = "connecting"
        self.welcome: ev.Welcome | None = None
        self._connection = connection
        self._name = name
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._executor = concurrent.futures.ThreadPoolExecutor(2, "backlot-client")
        self._jobs: dict[str, Tracked] = {}
        self._events: list[ev.Event] = []
        self._store: Path | None = None
        self._trouble: BacklotError | None = None
        self._kept_alive = time.monotonic()
        try:
            self._open()
        except InputError:
            self._context.destroy(0)
            raise

    # -- what a caller does ------------------------------------------------------------------------------------------

    def submit(self, job: Job) -> str:
        """Queues a job for sending and returns its id at once.

        Raises:
            InputError: The job cannot work: unknown operation, wrong parameter, missing input.
            LimitError: It is larger than the backend takes.
        """
        body, buffers = job.encode()
        self._check_limits(buffers)
        self._jobs[job.id] = Tracked(job.id, body, buffers)
        self._advance()
        return job.id

    def cancel(self, job_id: str) -> None:
        """Asks for a job to stop; a ``Cancelled`` event follows."""
        tracked = self._jobs.get(job_id)
        if tracked and not tracked.sent:
            del self._jobs[job_id]
            self._events.append(ev.Cancelled(job_id))
            return
        if tracked:
            tracked.cancelling = True  # said again when the backend was lost in between
        if self._control.ready:
            self._control.send("job.cancel", {"job": job_id})

    def attach(self, job_id: str) -> None:
        """Follows a job submitted earlier, by this or another process; its events arrive, including a stored outcome."""
        if job_id not in self._jobs:
            self._jobs[job_id] = Tracked(job_id, phase="accepted", sent=True)
            if self._control.ready:
                self._control.send("job.attach", {"job": job_id})

    def forget(self, job_id: str) -> None:
        """Stops following a job; the backend goes on with it."""
        self._jobs.pop(job_id, None)

    def request_jobs(self, job_id: str = "") -> None:
        """Asks for the list of the newest jobs, or of one job however old; a ``JobList`` event follows."""
        if self._control.ready:
            self._control.send("job.list", {"job": job_id} if job_id else {})

    def request_status(self) -> None:
        """Asks for the backend's state in words and numbers; a ``Status`` event follows."""
        if self._control.ready:
            self._control.send("status", {})

    def request_shutdown(self, *, if_idle: bool = False) -> None:
        """Asks the backend to stop; unfinished jobs stay in its journal and go on when it starts again.

        With ``if_idle`` it stays while it has jobs or other clients.
        """
        if self._control.ready:
            self._control.send("shutdown", {"if_idle": if_idle})
            self._poll_sockets(0)

    def close(self) -> None:
        """Closes the sockets. Jobs go on; ``attach`` finds them again."""
        for line in (self._control, self._data):
            line.socket.close(0)
        self._context.term()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- the machinery -----------------------------------------------------------------------------------------------

    def poll(self, timeout: float = 0.0) -> list[ev.Event]:
        """Does what there is to do and gives what happened. With a timeout (seconds) it waits for something to happen."""
        if not self._events:
            busy = [f for t in self._jobs.values() for f in t.futures if not f.done()]
            if busy and timeout:
                concurrent.futures.wait(busy, min(timeout, 0.1), concurrent.futures.FIRST_COMPLETED)
                timeout = 0.0
            self._poll_sockets(timeout)
        self._keep_alive()
        self._advance()
        happened, self._events = self._events, []
        return happened

    def _open(self) -> None:
        self._control = Line(self._context, self._connection.control, self._connection)
        self._data = Line(self._context, self._connection.data, self._connection)
        self._poller = zmq.Poller()
        for line in (self._control, self._data):
            self._poller.register(line.socket, zmq.POLLIN)
            line.hello(self._name)
        self._lost_since = time.monotonic()

    def _reopen_data(self) -> None:
        """A new data socket; what was under way on the old one starts again when it is welcomed."""
        self._poller.unregister(self._data.socket)
        self._data.socket.close(0)
        self._data = Line(self._context, self._connection.data, self._connection)
        self._poller.register(self._data.socket, zmq.POLLIN)

    def _reopen(self) -> None:
        for line in (self._control, self._data):
            line.socket.close(0)
        if self._connection.path:
            with contextlib.suppress(BacklotError):  # not there (yet): keep trying the old address
                self._connection = read_connection(self._connection.path)
        self._open()

    def _poll_sockets(self, timeout: float) -> None:
        try:
            self._poller.poll(int(timeout * 1000))
        except zmq.ZMQError:
            return
        for line in (self._control, self._data):
            for _ in range(MESSAGES_PER_POLL):
                try:
                    message = line.receive()
                    if message is None:
                        break
                    self._handle(line, message)
                except ProtocolError as error:
                    self._troubled(error)
                except (KeyError, TypeError, ValueError) as error:
                    self._troubled(ProtocolError("The backend sent a message that makes no sense", got=repr(error)[:80]))

    def _troubled(self, error: BacklotError) -> None:
        if self._trouble is None:
            self._events.append(ev.Lost(error))
        self._trouble = error
        if self.state == "ready":
            self.state, self._lost_since = "lost", time.monotonic()

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now - self._kept_alive > ASLEEP_AFTER and self._control.ready:
            for tracked in self._jobs.values():
                if tracked.phase == "accepted":  # its outcome may have been dropped
                    self._control.send("job.attach", {"job": tracked.id})
        self._kept_alive = now
        for line in (self._control, self._data):
            if not line.ready and now - line.said_hello > HELLO_EVERY:
                with contextlib.suppress(zmq.Again):
                    line.hello(self._name)
            elif line.ready and now - line.pinged > PING_EVERY:
                line.ping()
        if now - self._data.heard > LOST_AFTER * DATA_PATIENCE:
            self._reopen_data()
        silent = now - self._control.heard > LOST_AFTER
        if silent or (self.state == "lost" and now - self._lost_since > HELLO_EVERY * 2):
            if self.state == "ready":
                self.state = "lost"
                self._events.append(ev.Lost(BackendUnavailable("The backend does not answer", fix="Start it again; jobs are kept")))
            self._reopen()

    def _handle(self, line: Line, message: Message) -> None:
        if message.type == "welcome":
            self._welcomed(line, message)
        elif message.type in ("blob.has", "blob.put"):
            hear_of_blob(self._jobs.values(), message)
        elif message.type == "error":
            error = BacklotError.from_json(message.body)
            if not isinstance(error, ProtocolError) or message.session:
                self._fail_uploads(str(message.body.get("digest", "")), error)
        elif message.type == "status":
            self._events.append(ev.Status(message.body))
        elif message.type == "job.list":
            names = {f.name for f in dataclasses.fields(ev.JobInfo)}
            jobs = [ev.JobInfo(**{k: v for k, v in j.items() if k in names}) for j in message.body.get("jobs", [])]
            self._events.append(ev.JobList(jobs))
        elif message.type.startswith("job."):
            self._handle_job(message)

    def _welcomed(self, line: Line, message: Message) -> None:
        if line is self._data:
            for tracked in self._jobs.values():
                for download in tracked.downloads():
                    download.restart()
                for upload in tracked.uploads.values():
                    upload.sent = upload.acknowledged = 0
            return
        body = message.body
        self._store = shared_store(body.get("store"))
        self.welcome = ev.Welcome(
            str(body.get("server_version", "")), tuple(body.get("protocol", (0, 0))), body.get("operations", {}),
            body.get("limits", {}), body.get("devices", []), self._store is not None,
        )  # fmt: skip
        self.state, self._trouble = "ready", None
        self._events.append(ev.Connected(self.welcome))
        for tracked in self._jobs.values():
            if tracked.phase in ("submitted", "uploading") and not tracked.cancelling:
                tracked.phase = "waiting"  # never acknowledged: once more from the start
            elif tracked.phase == "accepted" or tracked.cancelling:
                self._control.send("job.attach", {"job": tracked.id})
            if tracked.cancelling:
                self._control.send("job.cancel", {"job": tracked.id})

    def _handle_job(self, message: Message) -> None:
        tracked = self._jobs.get(str(message.body.get("job", "")))
        if tracked is None:
            return
        body = message.body
        if message.type == "job.accepted":
            tracked.phase, tracked.buffers = "accepted", []
            self._events.append(ev.Accepted(tracked.id))
        elif message.type == "job.queued":
            self._events.append(ev.Queued(tracked.id, int(body["before"])))
        elif message.type == "job.progress":
            preview = message.arrays[0] if message.arrays else None
            self._events.append(ev.Progress(tracked.id, float(body["fraction"]), str(body["stage"]), body.get("eta"), preview))
        elif message.type == "job.partial":
            tracked.hear_of_partial(message, self._store)
        elif message.type == "job.result":
            tracked.phase, tracked.result = "fetching", Arrival(message, self._store, tracked.known())
        else:
            tracked.phase = "ending"
            never_begun = tracked.cancelling and not body.get("attempts")  # nobody knows a job whose submission was lost
            if message.type == "job.cancelled" or never_begun:
                tracked.end = ev.Cancelled(tracked.id)
            else:
                tracked.end = ev.Failed(tracked.id, BacklotError.from_json(body.get("error", {})), int(body.get("attempts", 0)))

    def _fail_uploads(self, name: str, error: BacklotError) -> None:
        for tracked in list(self._jobs.values()):
            tracked.drop_partials(name)
            wanted = tracked.result is not None and any(d.digest == name for d in tracked.downloads())
            if name and (name in tracked.uploads or wanted):
                del self._jobs[tracked.id]
                self._events.append(ev.Failed(tracked.id, error))

    def _advance(self) -> None:
        if not self._control.ready or self.welcome is None:
            return
        for tracked in list(self._jobs.values()):
            try:
                self._advance_job(tracked)
            except BacklotError as error:
                self._jobs.pop(tracked.id, None)
                self._events.append(ev.Failed(tracked.id, error))
            except zmq.Again:
                pass  # the socket's queue is full: next time

    def _advance_job(self, tracked: Tracked) -> None:
        if tracked.phase == "waiting" and tracked.body is not None:
            self._check_limits(tracked.buffers)
            self._prepare(tracked)
        if tracked.phase == "preparing" and all(f.done() for f in tracked.futures):
            ready = iter([f.result() for f in tracked.futures])
            tracked.descriptions = [d or next(ready) for d in tracked.descriptions]
            tracked.futures = []
            if self._store is None:
                pairs = zip(tracked.buffers, tracked.descriptions, strict=True)
                under_way = {name: upload for other in self._jobs.values() for name, upload in other.uploads.items()}
                tracked.uploads = {d["digest"]: under_way.get(d["digest"]) or Upload.of(b, d) for b, d in pairs if d["transport"] == "blob"}
                if tracked.uploads and self._data.ready:
                    self._data.send("blob.has", {"digests": list(tracked.uploads)})
            tracked.phase = "uploading"
        if tracked.phase == "uploading" and self._uploaded(tracked):
            arrays = [b.array if d["transport"] == "inline" else None for b, d in zip(tracked.buffers, tracked.descriptions, strict=True)]
            self._control.send("job.submit", tracked.body or {}, arrays, tracked.descriptions)
            tracked.phase, tracked.uploads, tracked.sent = "submitted", {}, True
        self._ask_for_chunks(tracked)
        self._events += tracked.take_partials()
        if tracked.result is not None and tracked.result.done:
            outputs = tracked.result.value("outputs")
            del self._jobs[tracked.id]
            self._events.append(ev.Finished(tracked.id, outputs, tracked.result.message.body.get("provenance", {})))
        elif tracked.end is not None and not tracked.arriving():
            del self._jobs[tracked.id]
            self._events.append(tracked.end)

    def _prepare(self, tracked: Tracked) -> None:
        inline = 0
        tracked.descriptions, tracked.futures = [], []
        store = self._store
        for buffer in tracked.buffers:
            inline += buffer.array.nbytes
            if buffer.array.nbytes <= INLINE_LIMIT and (inline <= INLINE_TOTAL or not buffer.array.nbytes):
                tracked.descriptions.append({**buffer.describe(), "transport": "inline"})
                continue
            tracked.descriptions.append({})
            tracked.futures.append(self._executor.submit(deposit, buffer, store) if store else self._executor.submit(describe_blob, buffer))
        tracked.phase = "preparing"

    def _uploaded(self, tracked: Tracked) -> bool:
        for upload in tracked.uploads.values():
            while self._data.ready and (chunk := upload.next_chunk()) is not None:
                self._data.send("blob.put", chunk[0], [chunk[1]])
        return all(upload.done for upload in tracked.uploads.values())

    def _ask_for_chunks(self, tracked: Tracked) -> None:
        for download in tracked.downloads():
            while self._data.ready and (request := download.next_request()) is not None:
                self._data.send("blob.get", request)

    def _check_limits(self, buffers: list[Buffer]) -> None:
        limit = self.welcome.limits.get("job_bytes", 0) if self.welcome else 0
        total = sum(b.array.nbytes for b in buffers)
        if limit and total > limit:
            raise LimitError(expected=f"at most {limit / 2**20:.0f} MiB of input for one job", got=f"{total / 2**20:.0f} MiB",
                             fix="Send fewer or smaller frames, or raise the backend's limit: backlot serve --max-job-mib")  # fmt: skip

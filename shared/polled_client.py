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
from .errors import BackendUnavailable, BacklotError, InputError, ProtocolError
from .flow_control import FlowControl
from .jobs import Job
from .preparation import Preparation
from .tracking import Arrival, Tracked
from .transfer import shared_store
from .wire import Message

PING_EVERY = 2.0
LOST_AFTER = 10.0
DATA_PATIENCE, MOST_PATIENCE = 3, 60
"""Times ``LOST_AFTER``: on a slow network an answer waits behind the chunks under way. Twice as much after each silence, up to the second:
on a network as slow as that one chunk takes longer than the silence that was put up with."""
ASLEEP_AFTER = 30.0
"""Seconds between two polls after which the backend may have dropped messages that nobody read."""
HELLO_EVERY = 1.0
MESSAGES_PER_POLL = 256
TURN = 0.015
"""Seconds that one ``poll`` takes in messages: Blender's window waits for it."""


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
        self._flow = FlowControl()
        self._events: list[ev.Event] = []
        self._store: Path | None = None
        self._trouble: BacklotError | None = None
        self._kept_alive = time.monotonic()
        self._patience = DATA_PATIENCE
        try:
            self._open()
        except InputError:
            self._context.destroy(0)
            raise

    # -- what a caller does ------------------------------------------------------------------------------------------

    def submit(self, job: Job) -> str:
        """Queues a job for sending and returns its id at once.

        What is wrong with one of long lists, which takes a while to find out, comes as a ``Failed`` event.

        Raises:
            InputError: The job cannot work: unknown operation, wrong parameter, missing input.
            LimitError: It is larger than the backend takes.
        """
        preparation = Preparation(job, self._executor)
        preparation.check(self.welcome.limits if self.welcome else {})
        self.forget(job.id)  # should it be on its way already
        self._jobs[job.id] = Tracked(job.id, preparation)
        self._advance()
        return job.id

    def cancel(self, job_id: str) -> None:
        """Asks for a job to stop; a ``Cancelled`` event follows."""
        tracked = self._jobs.get(job_id)
        if tracked and not tracked.sent:
            self.forget(job_id)
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
        tracked = self._jobs.pop(job_id, None)
        self._flow.forget(job_id)
        if tracked is not None and tracked.preparation is not None:
            tracked.preparation.cancel()

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
        for job_id in list(self._jobs):
            self.forget(job_id)
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
            busy = [t.preparation for t in self._jobs.values() if t.preparation is not None and t.phase == "preparing"]
            if busy and timeout:
                busy[0].wait(min(timeout, 0.1))
                timeout = 0.0
            opening = any(t.result is not None and t.result.working for t in self._jobs.values())  # by a thread, which wakes no socket
            self._poll_sockets(min(timeout, 0.01) if opening else timeout)
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
            line.flush()
            end = time.monotonic() + TURN
            for _ in range(MESSAGES_PER_POLL):
                if time.monotonic() > end:
                    break
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
                line.hello(self._name)
            elif line.ready and now - line.pinged > PING_EVERY:
                line.ping()
        if now - self._data.heard > LOST_AFTER * self._patience:
            self._patience = min(2 * self._patience, MOST_PATIENCE)
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
            self._hear_of_blob(message)
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
            self._flow.restart()
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
            ready = tracked.preparation
            if ready is not None and ready.store != self._store and tracked.phase != "waiting":
                tracked.phase = "waiting"  # another way to hand it over: once more from the start
                self._flow.forget(tracked.id)
            elif tracked.phase in ("submitted", "uploading") and not tracked.cancelling:
                if self._store is not None:
                    tracked.phase = "waiting"
                elif tracked.phase == "submitted":  # never acknowledged
                    tracked.phase = "preparing"
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
            tracked.phase, tracked.preparation = "accepted", None
            self._events.append(ev.Accepted(tracked.id))
        elif message.type == "job.queued":
            self._events.append(ev.Queued(tracked.id, int(body["before"])))
        elif message.type == "job.progress":
            preview = message.arrays[0] if message.arrays else None
            self._events.append(ev.Progress(tracked.id, float(body["fraction"]), str(body["stage"]), body.get("eta"), preview))
        elif message.type == "job.partial":
            tracked.hear_of_partial(message, self._store)
        elif message.type == "job.result":
            tracked.reported = time.monotonic()
            tracked.phase, tracked.result = "fetching", Arrival(message, self._store, tracked.known())
        else:
            tracked.phase = "ending"
            never_begun = tracked.cancelling and not body.get("attempts")  # nobody knows a job whose submission was lost
            if message.type == "job.cancelled" or never_begun:
                tracked.end = ev.Cancelled(tracked.id)
            else:
                tracked.end = ev.Failed(tracked.id, BacklotError.from_json(body.get("error", {})), int(body.get("attempts", 0)))

    def _hear_of_blob(self, message: Message) -> None:
        """Takes an answer of the data socket: what the backend has, how much of it came, or a chunk."""
        if message.type == "blob.has":
            self._flow.hear_present(message.body.get("present", []))
            return
        address = str(message.body.get("digest", ""))
        if not message.arrays:
            self._flow.hear_received(address, int(message.body.get("received", 0)))
        elif message.arrays[0] is not None:
            try:
                self._flow.hear_chunk(address, int(message.body["offset"]), message.arrays[0])
            except ProtocolError:
                raise
            except BacklotError as error:  # no space for it
                self._fail_uploads(address, error)

    def _fail_uploads(self, name: str, error: BacklotError) -> None:
        for job_id in self._flow.drop(name):
            tracked = self._jobs.get(job_id)
            if tracked is not None and tracked.result is None and not tracked.preparation:
                tracked.drop_partials(name)
            else:
                self._fail(job_id, error)

    def _fail(self, job_id: str, error: BacklotError) -> None:
        if job_id in self._jobs:
            self.forget(job_id)
            self._events.append(ev.Failed(job_id, error))

    def _advance(self) -> None:
        if not self._control.ready or self.welcome is None:
            return
        for tracked in list(self._jobs.values()):
            under_way = tracked.transfer(self._flow)
            if under_way is not None:
                self._events.append(under_way)
            try:
                self._advance_job(tracked, self.welcome)
            except BacklotError as error:
                self._fail(tracked.id, error)
        for job_id, why in self._flow.advance(self._data):
            self._fail(job_id, why)

    def _advance_job(self, tracked: Tracked, welcome: ev.Welcome) -> None:
        ready = tracked.preparation
        if tracked.phase == "waiting" and ready is not None:
            ready.check(welcome.limits)
            ready.start(self._store, welcome.limits)
            tracked.phase = "preparing"
        if tracked.phase == "preparing" and ready is not None and ready.done:
            ready.finish()
            self._flow.send(tracked.id, ready.uploads)
            tracked.phase = "uploading"
        if tracked.phase == "uploading" and ready is not None and self._flow.arrived(tracked.id):
            self._flow.forget(tracked.id)
            self._control.send("job.submit", ready.body, ready.arrays, ready.descriptions)
            tracked.phase, tracked.sent = "submitted", True
        complete, fetch = tracked.advance_partials(self._executor)  # those that came together with the result too
        self._events += complete
        if tracked.result is not None:  # no more is fetched for partial results
            fetch = tracked.result.advance(self._executor)
        self._flow.fetch(tracked.id, fetch)
        if tracked.result is not None and tracked.result.done:
            self.forget(tracked.id)
            provenance = tracked.result.message.body.get("provenance", {})
            self._events.append(ev.Finished(tracked.id, tracked.result.take_value(), provenance))
        elif tracked.end is not None and not tracked.arriving():
            self.forget(tracked.id)
            self._events.append(tracked.end)

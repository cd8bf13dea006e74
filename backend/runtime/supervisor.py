"""The supervisor: takes jobs, keeps the journal, gives work to the workers and news to the clients.

One thread and one poller over three sockets; it never touches pixels and never imports torch, so that it answers at
once whatever the workers do. See docs/decisions/0002-supervisor-loop.md for why it is a loop rather than asyncio.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import zmq

from ...shared.connection import Connection
from ...shared.errors import BacklotError, InputError, JobCancelled, ProtocolError, WorkerDied
from ...shared.manifest import MAX_BYTES, MAX_LISTED
from ...shared.operations import OPERATIONS
from ...shared.version import PROTOCOL_VERSION, __version__
from ...shared.wire import INLINE_LIMIT, MAX_BUFFERS, MAX_FRAME, Codec, Message
from .blobs import BlobStore
from .contents import Contents
from .data_plane import DataPlane
from .followers import Followers
from .intake import Intake, Taken
from .journal import FINISHED, MAX_ATTEMPTS, Journal, Partial
from .peers import ACTIVE_WITHIN, Peers
from .requests import job_id_of
from .retention import Retention
from .worker_handle import WorkerHandle

log = logging.getLogger(__name__)

TICK = 50
"""Milliseconds between looks at the worker processes."""
KEEP_JOBS = 7 * 24 * 3600.0
COLLECT_EVERY = 3600.0
SOON = 5
"""Milliseconds until a client that does not read is tried again."""
AT_ONCE = 256
"""Messages of clients, and of workers, that are served before the others' turn."""


class Supervisor:
    """One backend.

    Args:
        state: Folder of journal, blobs, logs and connection file.
        context: zmq context.
        control: Bound ROUTER for clients' messages.
        data: Bound ROUTER for clients' large arrays.
        connection: What clients need to know; its key signs everything.
        devices: torch device names, one worker each.
        max_job_bytes: Largest sum of a job's inputs.
        outcome_bytes: Results kept for clients that come back for them.
        idle_exit: Seconds without job or client after which it ends by itself; 0 for never.
    """

    def __init__(
        self, state: Path, context: zmq.Context[zmq.Socket[bytes]], control: zmq.Socket[bytes], data: zmq.Socket[bytes],
        connection: Connection, devices: list[str], max_job_bytes: int, outcome_bytes: int, idle_exit: float = 0.0,
    ) -> None:  # fmt: skip
        self._state, self._control, self._idle_exit = state, control, idle_exit
        self._limits = {"frame_bytes": MAX_FRAME, "inline_bytes": INLINE_LIMIT, "buffers": MAX_BUFFERS, "job_bytes": max_job_bytes,
                        "manifest_bytes": MAX_BYTES, "manifest_buffers": MAX_LISTED}  # fmt: skip
        self._blobs = BlobStore(state / "store")
        self._contents = Contents(self._blobs)
        self._intake = Intake(self._blobs, self._contents, max_job_bytes)
        self._journal = Journal(state / "journal.sqlite")
        self._retention = Retention(self._journal, self._blobs, self._contents, outcome_bytes)
        self._store_announcement = self._blobs.announce()
        self._peers = Peers(control, Codec(connection.key))
        self._followers = Followers(self._peers, self._journal)
        self._data_plane = DataPlane(data, Codec(connection.key), self._blobs, max_job_bytes)
        self._inner = context.socket(zmq.ROUTER)
        self._inner.sndhwm = 0  # a worker loses no message: it reads on a thread of its own
        port = self._inner.bind_to_random_port("tcp://127.0.0.1")
        inner_key = secrets.token_bytes(32)
        self._inner_codec = Codec(inner_key)
        logs = state / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self._workers = [WorkerHandle(d, f"tcp://127.0.0.1:{port}", inner_key, self._blobs.folder, logs) for d in devices]
        self._stopping = False
        self._busy_at = self._started = time.monotonic()
        self._collected = 0.0

    def run(self) -> None:
        """The loop, until a shutdown message, ``stop`` or the idle time."""
        for job_id in self._journal.recover():
            self._end(job_id, "failed", _worn_out("the backend ended while it ran"))
        self._data_plane.start()
        poller = zmq.Poller()
        poller.register(self._control, zmq.POLLIN)
        poller.register(self._inner, zmq.POLLIN)
        try:
            while not self._stopping:
                poller.poll(SOON if self._peers.flush() or len(self._intake) else TICK)
                for _ in range(AT_ONCE):
                    if (received := self._peers.receive()) is None:
                        break
                    self._serve(*received)
                self._take_in()
                self._hear_workers()
                self._watch_workers()
                self._assign()
                self._followers.queue()
                self._tidy()
        finally:
            self._close()

    def stop(self) -> None:
        """Ends the loop after the current turn; unfinished jobs stay queued in the journal."""
        self._stopping = True

    # -- clients -----------------------------------------------------------------------------------------------------

    def _serve(self, route: bytes, message: Message) -> None:
        try:
            if message.type == "hello":
                self._peers.welcome(route, message, self._welcome())
            elif message.type == "job.submit":
                self._submit(route, message)
            elif message.type == "job.attach":
                self._attach(route, job_id_of(message))
            elif message.type == "job.cancel":
                self._cancel(job_id_of(message))
            elif message.type == "job.list":
                one = self._journal.get(job_id_of(message)) if "job" in message.body else None
                rows = self._journal.recent() if "job" not in message.body else [one] if one is not None else []
                self._peers.send(route, "job.list", {"jobs": self._followers.describe(rows)}, reply_to=message.id)
            elif message.type == "status":
                self._peers.send(route, "status", self._status(), reply_to=message.id)
            elif message.type == "ping":
                self._peers.send(route, "pong", {}, reply_to=message.id)
            elif message.type == "shutdown":
                if not message.body.get("if_idle") or self._idle():
                    log.info("asked to stop")
                    self.stop()
            else:
                raise ProtocolError(expected="a request on the control socket", got=message.type)
        except BacklotError as error:
            self._peers.refuse(route, error, message.id)
        except Exception as error:  # one odd request must not end everybody's backend
            log.exception("a %s message could not be served", message.type)
            self._peers.refuse(route, ProtocolError("The request could not be served", got=repr(error)[:200]), message.id)

    def _welcome(self) -> dict[str, Any]:
        return {
            "server_version": __version__, "protocol": list(PROTOCOL_VERSION), "limits": self._limits, "store": self._store_announcement,
            "operations": {n: o.to_json() for n, o in OPERATIONS.items()}, "devices": self._devices(),
        }  # fmt: skip

    def _submit(self, route: bytes, message: Message) -> None:
        job_id = job_id_of(message)
        if job_id in self._intake:
            self._intake.follow(job_id, route)
        elif self._journal.get(job_id) is not None:
            self._attach(route, job_id)
        else:
            self._intake.begin(job_id, route, message)
            self._take_in()

    def _take_in(self) -> None:
        for taken in self._intake.finished():
            try:
                self._journal.add(taken.job, *taken.work.result())
            except Exception as error:  # one odd job must not end everybody's backend
                self._reject(taken, error)
                continue
            for route in taken.routes:
                self._attach(route, taken.job)
            if taken.cancelled:
                self._cancel(taken.job)

    def _reject(self, taken: Taken, why: Exception) -> None:
        error = why if isinstance(why, BacklotError) else ProtocolError("The request could not be served", got=repr(why)[:200])
        for route in taken.routes:
            self._peers.send(route, "job.rejected", {"job": taken.job, "error": error.to_json()}, reply_to=taken.reply_to)

    def _attach(self, route: bytes, job_id: str) -> None:
        if job_id in self._intake:
            self._intake.follow(job_id, route)
            return
        row = self._journal.get(job_id)
        if row is None:
            error = InputError(f"The backend knows no job {job_id[:12]}", fix="It may have been forgotten after a week: submit it again")
            self._peers.send(route, "job.error", {"job": job_id, "error": error.to_json(), "attempts": 0})
            return
        self._followers.attach(route, row)

    def _cancel(self, job_id: str) -> None:
        if job_id in self._intake:
            self._intake.cancel(job_id)
            return
        row = self._journal.get(job_id)
        if row is None or row["state"] in FINISHED:
            return
        worker = next((w for w in self._workers if w.job == job_id), None)
        if worker is None:
            self._end(job_id, "cancelled", JobCancelled("The job was cancelled before it began"))
        elif worker.cancelling_since is None:
            worker.cancelling_since = time.monotonic()
            self._tell_worker(worker, "job.cancel", {"job": job_id})

    # -- workers -----------------------------------------------------------------------------------------------------

    def _tell_worker(self, worker: WorkerHandle, type: str, body: dict[str, Any], buffers: list[dict[str, Any]] | None = None) -> None:
        frames = self._inner_codec.encode(type, body, [None] * len(buffers or []), buffers or [])
        self._inner.send_multipart([worker.route, *frames])

    def _hear_workers(self) -> None:
        for _ in range(AT_ONCE):
            try:
                route, *frames = self._inner.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            try:
                message = self._inner_codec.decode(frames)
            except ProtocolError as error:
                self._hear_nonsense(route, error)
                continue
            if message.type == "hello":
                worker = next((w for w in self._workers if w.pid == message.body.get("pid")), None)
                if worker is not None:
                    worker.ready(route, message.body["device"])
                    log.info("worker %s is ready (pid %d)", worker.device, worker.pid)
                continue
            worker = next((w for w in self._workers if w.route == route), None)
            if message.type == "job.partial":  # also the last words of one that has died since
                self._keep_partial(message)
            if worker is not None:
                worker.heard = time.monotonic()
                if message.type == "ping":
                    worker.info.update(message.body.get("device", {}))
                elif message.body.get("job") == worker.job and message.type != "job.partial":
                    self._hear_of_job(worker, message)

    def _hear_nonsense(self, route: bytes, error: ProtocolError) -> None:
        """What cannot be read may have been a job's end: the job must not wait for it for ever."""
        log.warning("not a worker, or a message that cannot be read: %s", error)
        worker = next((w for w in self._workers if w.route == route and w.job), None)
        if worker is not None:
            job_id = worker.job
            worker.release()
            self._end(job_id, "failed", error)

    def _hear_of_job(self, worker: WorkerHandle, message: Message) -> None:
        job_id, body = worker.job, message.body
        if message.type == "job.progress":
            self._followers.progress(body, message.arrays, message.buffers)
            return
        worker.release()
        if message.type == "job.result":
            outcome = {"outputs": body["outputs"], "provenance": body["provenance"]}
            self._finish(job_id, "done", outcome, message.buffers)
        elif message.type == "job.cancelled":
            self._end(job_id, "cancelled", JobCancelled("The job was cancelled"))
        else:
            self._end(job_id, "failed", BacklotError.from_json(body["error"]))

    def _keep_partial(self, message: Message) -> None:
        job_id, body = message.body["job"], message.body
        row = self._journal.get(job_id)
        if row is None or row["state"] in FINISHED:
            return
        partial = Partial(body["name"], body["index"], body["value"], message.buffers)
        try:
            kept = {b["digest"] for b in partial.buffers}
            self._retention.replaced([b for b in self._journal.keep_partial(job_id, partial) if b["digest"] not in kept])
        except BacklotError as error:  # the disk is full: the next attempt makes it again
            log.error("%s", error)
        self._followers.partial(job_id, partial)

    def _end(self, job_id: str, state: str, error: BacklotError) -> None:
        log.info("job %s %s: %s", job_id[:12], state, error)
        self._finish(job_id, state, error.to_json(), [])

    def _finish(self, job_id: str, state: str, outcome: dict[str, Any], buffers: list[dict[str, Any]]) -> None:
        replaced = self._journal.partial_buffers(job_id) if state == "done" else []
        try:
            self._journal.finish(job_id, state, outcome, buffers)
        except BacklotError as error:  # the disk is full: the client still gets its result, the journal will run the job again
            log.error("%s", error)
        row = {"id": job_id, "state": state, "outcome": json.dumps(outcome), "outcome_buffers": json.dumps(buffers),
               "attempts": (self._journal.get(job_id) or {"attempts": 0})["attempts"]}  # fmt: skip
        self._followers.end(row)
        try:
            self._retention.finished(job_id, replaced)
        except BacklotError as error:
            log.error("%s", error)

    def _watch_workers(self) -> None:
        for worker in self._workers:
            why = worker.failure()
            if not why:
                continue
            log.warning("worker %s (pid %d) has to be replaced: %s", worker.device, worker.pid, why)
            worker.kill()
            job_id, cancelling, tail = worker.job, worker.cancelling_since is not None, worker.log_tail()
            worker.respawn()
            if job_id and cancelling:
                self._end(job_id, "cancelled", JobCancelled("The job was cancelled"))
            elif job_id:
                self._retry(job_id, why, tail)

    def _retry(self, job_id: str, why: str, tail: str) -> None:
        row = self._journal.get(job_id)
        if row is not None and row["attempts"] >= MAX_ATTEMPTS:
            self._end(job_id, "failed", _worn_out(why, tail))
            return
        try:
            self._journal.requeue(job_id, count=True)
        except BacklotError as error:  # the disk is full: it is done at the next start
            log.error("%s", error)
            self._followers.end({"id": job_id, "state": "failed", "attempts": 1, "outcome": json.dumps(error.to_json())})
            return
        self._followers.try_again(job_id, why)

    def _assign(self) -> None:
        if self._workers and all(w.state == "broken" for w in self._workers):
            while (row := self._journal.next_queued()) is not None:
                tail = self._workers[0].log_tail()
                self._end(row["id"], "failed", WorkerDied("No worker can be started", got=tail, fix="Run: backlot doctor"))
        for worker in self._workers:
            if worker.state != "idle" or (row := self._journal.next_queued()) is None:
                continue
            request, buffers = json.loads(row["request"]), json.loads(row["buffers"])
            try:
                attempt = self._journal.start(row["id"])
            except BacklotError as error:
                log.error("%s", error)
                return
            worker.assign(row["id"])
            for partial in self._journal.partials(row["id"]):  # of an earlier attempt; before the job, which begins at once
                self._tell_worker(worker, "job.partial", {"job": row["id"], **partial.body}, partial.buffers)
            self._tell_worker(worker, "job.submit", {**request, "job": row["id"], "attempt": attempt}, buffers)

    # -- the rest ----------------------------------------------------------------------------------------------------

    def _devices(self) -> list[dict[str, Any]]:
        return [{**w.info, "device": w.device, "state": w.state, "pid": w.pid} for w in self._workers]

    def _status(self) -> dict[str, Any]:
        return {
            "version": __version__, "pid": os.getpid(), "state_folder": str(self._state), "uptime": time.monotonic() - self._started,
            "devices": self._devices(), "jobs": self._journal.count(), "clients": self._peers.active(ACTIVE_WITHIN),
            "store_bytes": self._blobs.size(), "disk_free": shutil.disk_usage(self._state).free,
        }  # fmt: skip

    def _idle(self) -> bool:
        counts = self._journal.count()
        return not len(self._intake) and not counts.get("running") and not counts.get("queued") and self._peers.active(ACTIVE_WITHIN) <= 1

    def _tidy(self) -> None:
        now = time.monotonic()
        if now - self._collected > COLLECT_EVERY or not self._collected:
            self._collected = now
            try:
                self._journal.prune(KEEP_JOBS)
                keep = self._journal.referenced(self._contents.of)
                threading.Thread(target=self._collect, args=(keep,), name="backlot-collect", daemon=True).start()
            except (BacklotError, OSError) as error:
                log.error("tidying failed: %s", error)
            self._peers.forget_silent()
        if any(w.job or w.state == "starting" for w in self._workers) or self._peers.active(ACTIVE_WITHIN):
            self._busy_at = now
        elif self._idle_exit and now - self._busy_at > self._idle_exit:
            log.info("idle for %g s: ending", self._idle_exit)
            self.stop()

    def _collect(self, keep: set[str]) -> None:
        try:
            log.info("store tidied: %.1f MiB freed", self._blobs.collect(keep) / 2**20)
        except OSError as error:
            log.error("tidying failed: %s", error)

    def _close(self) -> None:
        for worker in self._workers:
            if worker.job:
                with contextlib.suppress(BacklotError):  # then the next start finds it running, which counts as an attempt
                    self._journal.requeue(worker.job, count=False)
            worker.kill()
        self._data_plane.stop()
        self._intake.close()
        self._inner.close(0)
        self._journal.close()


def _worn_out(why: str, tail: str = "") -> WorkerDied:
    return WorkerDied(
        f"The worker died on each of {MAX_ATTEMPTS} attempts: {why}", got=tail, expected="a worker that lives" if tail else "",
        fix="Try a smaller size or a larger voxel; see the log with: backlot doctor",
    )  # fmt: skip

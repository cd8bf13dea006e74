"""The worker process: takes one job after the other and runs its operation on this worker's device."""

from __future__ import annotations

import gc
import itertools
import logging
import os
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from ....shared.errors import BacklotError, JobCancelled, JobFailed, OutOfMemory
from ....shared.notes import Notes, add_to_reports, collect_notes
from ....shared.operations import find
from ....shared.stored import allow_many_files
from ....shared.wire import INLINE_LIMIT, Message
from ...core.context import Context
from ...core.devices import describe_device, memory
from ...core.operation_lookup import runner
from ...io.inputs import decode_inputs
from ..blobs import BlobStore
from ..delivery import deliver, provenance
from .channel import Channel
from .partials import StoredPartials
from .stored_values import load_value, store_value

log = logging.getLogger(__name__)

PROGRESS_EVERY = 0.05
"""Seconds: more often is of no use to a person."""
COLLECT_AFTER = 0.5
"""Seconds a job must have taken before garbage is collected after it: with torch loaded a collection takes 50 ms."""
BROKEN_DEVICE = 70
"""Exit code after an error that only a new process can mend."""


class _Reporter:
    """Progress of one job; raises ``JobCancelled`` when it shall stop."""

    def __init__(self, channel: Channel, job: str) -> None:
        self._channel, self._job = channel, job
        self.partials: StoredPartials | None = None
        self._started = self._sent = time.monotonic()
        self._stage = ""

    def __call__(self, fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
        if self._job in self._channel.cancelled:
            msg = "The job was cancelled"
            raise JobCancelled(msg)
        if self.partials is not None:
            self.partials.flush()
        now = time.monotonic()
        if now - self._sent < PROGRESS_EVERY and stage == self._stage:
            return
        self._sent, self._stage = now, stage
        fraction = float(min(1.0, max(0.0, fraction)))
        elapsed = now - self._started
        eta = elapsed / fraction * (1 - fraction) if fraction > 0.02 and elapsed > 0.5 else None
        arrays = [np.ascontiguousarray(preview)] if preview is not None and preview.nbytes <= 4 * INLINE_LIMIT else []
        self._channel.send("job.progress", {"job": self._job, "fraction": fraction, "stage": stage, "eta": eta}, arrays)


class Worker:
    """Runs jobs on one device."""

    def __init__(self, device: str, channel: Channel, store: BlobStore) -> None:
        import torch

        self._torch, self._device = torch, torch.device(device)
        self._channel, self._store = channel, store

    def run(self) -> None:
        """The loop."""
        while (message := self._channel.jobs.get()) is not None:
            job, began = message.body["job"], time.monotonic()
            try:
                self._run_job(job, message)
            except JobCancelled:
                self._channel.send("job.cancelled", {"job": job})
            except BacklotError as error:
                self._channel.send("job.error", {"job": job, "error": error.to_json()})
            except Exception as error:
                log.error("job %s failed:\n%s", job, traceback.format_exc())
                if "CUDA error" in str(error):
                    os._exit(BROKEN_DEVICE)  # the CUDA context is lost: only a new process gets a new one
                failure = JobFailed(
                    f"{type(error).__name__}: {error}", fix="This is a fault of Backlot's; the worker's log has the details"
                )
                self._channel.send("job.error", {"job": job, "error": failure.to_json()})
            self._channel.cancelled.discard(job)
            if time.monotonic() - began > COLLECT_AFTER:
                gc.collect()

    def _run_job(self, job: str, message: Message) -> None:
        with collect_notes() as notes:
            self._run_and_send(job, message, notes)

    def _run_and_send(self, job: str, message: Message, notes: Notes) -> None:
        request, started = message.body, time.time()
        schema = find(request["operation"])
        report = _Reporter(self._channel, job)
        earlier = self._channel.partials.pop(job, [])
        report(0.0, "reading")
        values = load_value(request["inputs"], message.buffers, self._store)
        clock = [time.perf_counter()]
        obj_up = str(request["parameters"].get("obj_up", "y"))
        inputs = decode_inputs(schema, values, obj_up)
        clock.append(time.perf_counter())

        def send(body: dict[str, Any], buffers: list[dict[str, Any]]) -> None:
            self._channel.send("job.partial", {"job": job, **body}, [None] * len(buffers), buffers)

        formats = request["formats"] if request["deliver"] != "arrays" else None
        report.partials = partials = StoredPartials(schema, formats, self._store, earlier, send, obj_up)
        try:
            outputs = self._compute(schema.name, inputs, request, report, partials)
        except Exception:
            partials.flush(all=True)  # what was held back is the last there is
            raise
        clock.append(time.perf_counter())
        add_to_reports(outputs, notes.sentences())
        delivered = deliver(schema, outputs, formats, obj_up) if formats is not None else outputs
        if request["deliver"] == "both":
            delivered = {"arrays": outputs, "files": delivered}
        clock.append(time.perf_counter())
        took = [round(end - begin, 4) for begin, end in itertools.pairwise(clock)]
        timings = dict(zip(("decode", "compute", "encode"), took, strict=True))
        note = provenance(schema, request, values, describe_device(str(self._device)), started, timings, message.buffers)
        note["notes"] = notes.sentences()
        tree, descriptions = store_value(delivered, self._store)
        self._channel.send("job.result", {"job": job, "outputs": tree, "provenance": note}, [None] * len(descriptions), descriptions)

    def _compute(
        self, name: str, inputs: dict[str, Any], request: dict[str, Any], report: _Reporter, partials: StoredPartials
    ) -> dict[str, Any]:  # fmt: skip
        context = Context(self._device, request["seed"], report, request.get("attempt", 1), partials)
        for attempt in (1, 2):
            try:
                return runner(name)(inputs, request["parameters"], context)
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                needed, free = (str(error).splitlines() or ["Out of memory"])[0][:200], memory(str(self._device))
                gc.collect()
                if self._device.type == "cuda":
                    self._torch.cuda.empty_cache()
                if attempt == 2 or self._device.type == "cpu":
                    raise OutOfMemory(
                        needed,
                        expected="enough memory",
                        got=f"{free['free'] / 2**30:.1f} GiB free on {self._device}",
                        fix="Make it smaller (size, frames, a larger voxel), or close what else uses the device",
                    ) from error
        raise AssertionError


def _is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Torch has an exception of its own for GPUs only; on the CPU it raises a ``RuntimeError`` in words."""
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or any(w in str(error) for w in words)


def main(setup: dict[str, Any]) -> int:
    """Runs the worker described by ``setup`` (device, endpoint, key in hex, store) until the supervisor goes away."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    allow_many_files()
    device = setup["device"]
    channel = Channel(setup["endpoint"], bytes.fromhex(setup["key"]), lambda: memory(device))
    worker = Worker(device, channel, BlobStore(Path(setup["store"])))
    channel.start()
    channel.send("hello", {"pid": os.getpid(), "device": {**describe_device(device), **memory(device)}})
    worker.run()
    return 0

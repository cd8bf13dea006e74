"""Long sequences: frames of 200 kB there and back, in frames and megabytes a second, with each process's peak of memory.

    dev.py bench long_sequences

Nothing is computed: `system.echo` gives the frames back as they came. `local` shares the backend's disk, `remote` does not and sends all
over TCP. `poll` is the longest time that the client's `poll` took, which is how long Blender's window would have waited.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import psutil

from ..shared import events as ev
from ..shared.client import Client
from ..shared.client_socket import Line
from ..shared.connection import Connection
from ..shared.jobs import Job
from ..shared.launch import launch, wait_for_backend
from ..shared.values import Camera, EncodedFile, SceneFrame
from ..shared.wire import Message
from ._report import begin, make_parser

FRAME = 200_000
"""Bytes of a frame's colour."""


@dataclasses.dataclass
class Plan:
    """How many frames are sent."""

    counts: Sequence[int]


FULL, TINY = Plan((1_000, 10_000)), Plan((300,))


class Far(Client):
    """A client that cannot see the backend's disk."""

    def _welcomed(self, line: Line, message: Message) -> None:
        super()._welcomed(line, dataclasses.replace(message, body={**message.body, "store": None}))


class Peaks(threading.Thread):
    """The most memory that processes had while it runs, above what they had at its start; in MB, without what they share."""

    def __init__(self, processes: dict[str, psutil.Process]) -> None:
        super().__init__(daemon=True)
        self._processes, self._stopping = processes, threading.Event()
        self._before = {name: self._memory(process) for name, process in processes.items()}
        self._most = dict(self._before)

    @staticmethod
    def _memory(process: psutil.Process) -> int:
        try:
            found = process.memory_info()
        except psutil.Error:
            return 0
        return int(found.rss - found.shared)

    def run(self) -> None:
        """Looks until the figures are taken."""
        while not self._stopping.wait(0.02):
            for name, process in self._processes.items():
                self._most[name] = max(self._most[name], self._memory(process))

    def take(self) -> dict[str, int]:
        """Ends it; gives the figures."""
        self._stopping.set()
        self.join()
        return {f"{name} MB": round((most - self._before[name]) / 1e6) for name, most in self._most.items()}


def make_frames(folder: Path, count: int) -> list[SceneFrame]:
    """Frames whose colours are files of noise."""
    folder.mkdir(parents=True)
    rng, frames = np.random.default_rng(count), []
    noise = rng.integers(0, 256, FRAME, np.uint8)
    for number in range(count):
        noise[:8] = np.frombuffer(np.uint64(number * 1_000_003 + count).tobytes(), np.uint8)
        path = folder / f"color_{number:05d}.exr"
        path.write_bytes(noise.tobytes())
        camera = Camera(1920, 1080, 1500.0, 1500.0, 960.0, 540.0, np.eye(4))
        frames.append(SceneFrame(camera, {"color": EncodedFile.on_disk(path)}, 1.0, number))
    return frames


def measure(client: Client, frames: list[SceneFrame], processes: dict[str, psutil.Process]) -> dict[str, Any]:
    """Sends frames and reads all that comes back."""
    client.wait_ready()
    peaks, longest, accepted, finished = Peaks(processes), 0.0, 0.0, None
    peaks.start()
    begin_at = time.perf_counter()
    job = Job("system.echo", inputs={"frames": frames})
    client.submit(job)
    submitted = time.perf_counter() - begin_at
    while finished is None:
        at = time.perf_counter()
        happened = client.poll()
        longest = max(longest, time.perf_counter() - at)
        for event in happened:
            if isinstance(event, ev.Accepted):
                accepted = time.perf_counter() - begin_at
            elif isinstance(event, ev.Failed):
                raise event.error
            elif isinstance(event, ev.Finished):
                finished = event
        time.sleep(0.005)
    there = time.perf_counter() - begin_at
    back = finished.outputs["frames"]
    assert len(back) == len(frames)
    for frame, file in zip(frames, back, strict=True):
        assert np.array_equal(file.data[:16], np.frombuffer(frame.channels["color"].start(16), np.uint8))  # type: ignore[union-attr]
    megabytes = len(frames) * FRAME / 1e6
    return {
        "frames": len(frames), "submit ms": round(submitted * 1e3), "accepted s": round(accepted, 2), "back s": round(there, 2),
        "frames/s": round(len(frames) / there), "MB/s": round(2 * megabytes / there), "longest poll ms": round(longest * 1e3),
        **peaks.take(),
    }  # fmt: skip


def run(connection: Connection, folder: Path, plan: Plan, backend: psutil.Process) -> list[dict[str, Any]]:
    """All rows."""
    rows = []
    for count in plan.counts:
        for name, kind in (("local", Client), ("remote", Far)):
            frames = make_frames(folder / f"{name}-{count}", count + (name == "remote"))  # others, so that none are there already
            processes = {"client": psutil.Process(), "supervisor": backend, "worker": backend.children()[0]}
            with kind(connection) as client:
                rows.append({"what": name, **measure(client, frames, processes)})
            print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Start a backend, measure, print and save."""
    options, report = begin(make_parser(__file__, __doc__), arguments)
    # Folders in memory would make the shared files look faster than a state folder on disk is.
    with tempfile.TemporaryDirectory(dir=report.folder) as folder, mock.patch.dict(os.environ, {"BACKLOT_STATE_DIR": folder}):
        process = launch([sys.executable, "-m", "backlot"], arguments=["--device", "cpu"])
        try:
            connection = wait_for_backend(process)
            with Client(connection) as client:
                client.run(Job("system.echo"))  # the worker is there
            rows = run(connection, Path(folder) / "frames", TINY if options.tiny else FULL, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(20)
    report.save_rows("long_sequences", rows)


if __name__ == "__main__":
    main()

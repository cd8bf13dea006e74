"""The wire: an empty job and a 4K half-float frame, sent and returned, next to one memcpy of the same bytes.

    python3 dev.py bench wire [--tiny]

Starts a backend of its own. "same host" shares files with the backend; "tcp chunks" is what a client on another machine
does, here over the loopback interface. Each frame is a new picture: nothing is answered from a cache.
"""

from __future__ import annotations

import dataclasses
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import numpy as np

from ..shared import polled_client
from ..shared.client import Client
from ..shared.connection import Connection
from ..shared.jobs import Job
from ..shared.launch import launch, wait_for_backend
from ..shared.values import Image
from ._report import Row, begin, make_parser


@dataclasses.dataclass(frozen=True)
class Plan:
    """How often and how large.

    Attributes:
        shape: Of a frame of half floats.
        jobs: Empty jobs, after as many tenths that are not measured.
        warm_up: Frames before timing: as many as the backend keeps, after which it writes over the files of older ones.
        shared: Frames by shared files.
        chunks: Frames by tcp.
    """

    shape: tuple[int, int, int] = (2160, 3840, 4)
    jobs: int = 500
    warm_up: int = 45
    shared: int = 25
    chunks: int = 8

    @property
    def megabytes(self) -> float:
        """Of a frame."""
        return 2 * float(np.prod(self.shape)) / 1e6


FULL, TINY = Plan(), Plan((90, 160, 4), 10, 2, 3, 3)


def percentiles(times: list[float]) -> Row:
    """Milliseconds."""
    ordered = sorted(times)
    return {"p50_ms": round(statistics.median(ordered) * 1e3, 2), "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))] * 1e3, 2)}


def measure(work: Callable[[], Any], count: int) -> list[float]:
    """Seconds of each call."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def frames(client: Client, shape: tuple[int, int, int], count: int) -> list[float]:
    """Seconds for each new frame, from handing it over until the answer is in an array of this process."""
    frame = np.random.default_rng(0).standard_normal(shape).astype(np.float16)
    landed, times = np.empty_like(frame), []
    for _ in range(count):
        frame = frame + np.float16(1.0)
        start = time.perf_counter()
        outputs = client.run(Job("system.echo", {"negate": True}, {"image": Image(frame, "linear")}))
        np.copyto(landed, outputs["image"].pixels)
        times.append(time.perf_counter() - start)
        if not (landed[::97, ::97] == -frame[::97, ::97]).all():
            sys.exit("the frame came back wrong")
    return times


def memcpy(shape: tuple[int, int, int], count: int = 20) -> list[float]:
    """Seconds of one copy of a frame between arrays that are in memory already."""
    source = np.random.default_rng(0).standard_normal(shape).astype(np.float16)
    target = source.copy()
    return measure(lambda: np.copyto(target, source), count)


def run(connection: Connection, plan: Plan) -> list[Row]:
    """All figures against one backend; ``of memcpy`` is the median over that of one copy."""
    copy = percentiles(memcpy(plan.shape))
    rows: list[Row] = []
    with Client(connection) as client:
        client.wait_ready()
        measure(lambda: client.run(Job("system.echo")), plan.jobs // 10)
        rows.append({"what": "empty job", **percentiles(measure(lambda: client.run(Job("system.echo")), plan.jobs))})
        first = frames(client, plan.shape, 3)
        frames(client, plan.shape, plan.warm_up)
        rows.append({"what": "frame, same host", **percentiles(frames(client, plan.shape, plan.shared))})
        rows[-1]["first_three_ms"] = [round(t * 1e3, 1) for t in first]
    with mock.patch.object(polled_client, "shared_store", return_value=None), Client(connection) as client:  # as from another host
        client.wait_ready()
        frames(client, plan.shape, 3)
        rows.append({"what": "frame, tcp chunks", **percentiles(frames(client, plan.shape, plan.chunks))})
    for row in rows[1:]:
        row |= {"megabytes": plan.megabytes, "of memcpy": round(row["p50_ms"] / max(copy["p50_ms"], 0.01), 1)}
    return [*rows, {"what": "memcpy of a frame", **copy, "megabytes": plan.megabytes}]


def main(arguments: Sequence[str] | None = None) -> None:
    """Start a backend, measure, print and save."""
    options, report = begin(make_parser(__file__, __doc__), arguments)
    # Folders in memory would make the shared files look faster than a state folder on disk is.
    with tempfile.TemporaryDirectory(dir=report.folder) as folder, mock.patch.dict(os.environ, {"BACKLOT_STATE_DIR": folder}):
        process = launch([sys.executable, "-m", "backlot"], arguments=["--device", "cpu"])
        try:
            rows = run(wait_for_backend(process), TINY if options.tiny else FULL)
        finally:
            process.terminate()
            process.wait(20)
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    report.save_rows("wire", rows)


if __name__ == "__main__":
    main()

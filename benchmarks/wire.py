"""The wire: an empty job there and back, and a 4K half-float frame there and back, beside one memcpy of the same bytes.

    python3 dev.py bench wire

Starts a backend of its own. "same host" shares files with the backend; "tcp chunks" is what a client on another machine
does, here over the loopback interface. Each frame is a new picture: nothing is answered from a cache.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from backlot.shared import polled_client
from backlot.shared.client import Client
from backlot.shared.connection import Connection
from backlot.shared.jobs import Job
from backlot.shared.launch import launch, wait_for_backend
from backlot.shared.values import Image

RESULTS = Path(__file__).parent / "results"
FRAME = (2160, 3840, 4)
WARM_UP = 45
"""Frames before timing: as many as the backend keeps, after which it writes over the files of older ones."""


def percentiles(times: list[float]) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(times)
    return {"p50": round(statistics.median(ordered) * 1e3, 2), "p95": round(ordered[int(0.95 * (len(ordered) - 1))] * 1e3, 2)}


def measure(work: Callable[[], Any], count: int) -> list[float]:
    """Seconds of each call."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def frames(client: Client, count: int) -> list[float]:
    """Seconds for each new frame, from handing it over until the answer lies in an array of this process."""
    frame = np.random.default_rng(0).standard_normal(FRAME).astype(np.float16)
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


def memcpy(count: int = 20) -> list[float]:
    """Seconds of one copy of the same frame between warm arrays."""
    source = np.random.default_rng(0).standard_normal(FRAME).astype(np.float16)
    target = source.copy()
    return measure(lambda: np.copyto(target, source), count)


def run(connection: Connection) -> dict[str, Any]:
    """All figures against one backend."""
    result: dict[str, Any] = {"machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {platform.system()}"}
    with Client(connection) as client:
        client.wait_ready()
        measure(lambda: client.run(Job("system.echo")), 50)
        result["empty job, ms"] = percentiles(measure(lambda: client.run(Job("system.echo")), 500))
        first = frames(client, 3)
        frames(client, WARM_UP)
        result["66 MB frame, same host, first three, ms"] = [round(t * 1e3) for t in first]
        result["66 MB frame, same host, ms"] = percentiles(frames(client, 25))
    shared_store, polled_client._shared_store = polled_client._shared_store, lambda announced: None
    try:
        with Client(connection) as client:
            client.wait_ready()
            frames(client, 3)
            result["66 MB frame, tcp chunks, ms"] = percentiles(frames(client, 8))
    finally:
        polled_client._shared_store = shared_store
    result["memcpy of 66 MB, ms"] = percentiles(memcpy())
    for way in ("same host", "tcp chunks"):
        result[f"{way} / memcpy"] = round(result[f"66 MB frame, {way}, ms"]["p50"] / result["memcpy of 66 MB, ms"]["p50"], 1)
    return result


def main() -> int:
    """Starts a backend, measures, prints and writes benchmarks/results/wire.json."""
    with tempfile.TemporaryDirectory(dir=RESULTS.parent) as folder:
        os.environ["BACKLOT_STATE_DIR"] = folder
        process = launch([sys.executable, "-m", "backlot"], arguments=["--device", "cpu"])
        try:
            result = run(wait_for_backend(process))
        finally:
            process.terminate()
            process.wait(20)
    for name, value in result.items():
        print(f"{name:45}{value}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "wire.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

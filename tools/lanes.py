"""Tiers side by side: each lane is a thread that runs its tasks one after the other, another thread installs what they need.

The installations wait for the network and the disk, the tests for the processors, so they go on at the same time.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from .console import say
from .outcome import Outcome

MEMORY_GB = 10.0  # of the machine, for two lanes: eight processes with PyTorch or Blender, 1 GB each


@dataclass(frozen=True)
class Task:
    """One tier: its name and what runs it."""

    tier: str
    run: Callable[[], Outcome]


Lane = list[Task]


class Preparations:
    """Installs things one after the other in the background, in the order in which they were added."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prepare")

    def add(self, action: Callable[[], None]) -> Callable[[], None]:
        """Queue an installation; returns what waits for its end and raises its error."""
        future: Future[None] = self._pool.submit(action)
        return future.result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def run_lanes(lanes: list[Lane]) -> list[Outcome]:
    """Run lanes at the same time where the machine has the memory, else one after the other.

    Returns:
        The outcomes, in the order of the lanes' tasks.
    """
    lanes = [lane for lane in lanes if lane]
    if len(lanes) > 1 and not _room_for_two():
        lanes = [[task for lane in lanes for task in lane]]
    stopped = threading.Event()
    if len(lanes) == 1:
        return _run_lane(lanes[0], stopped)  # in the main thread: the tests print to the terminal
    with ThreadPoolExecutor(len(lanes) or 1, thread_name_prefix="lane") as pool:
        futures = [pool.submit(_run_lane, lane, stopped) for lane in lanes]
        try:
            return [outcome for future in futures for outcome in future.result()]
        finally:
            stopped.set()  # Ctrl-C reaches the tests' own processes; what is next in a lane must not start


def _run_lane(lane: Lane, stopped: threading.Event) -> list[Outcome]:
    outcomes = []
    for task in lane:
        if stopped.is_set():
            break
        start = time.monotonic()
        try:
            outcome = task.run()
        except Exception as error:  # a bug in a tier's own code must not hide the other tiers' results
            say(traceback.format_exc())
            outcome = Outcome(task.tier, failed=1, note=repr(error))
        outcome.seconds = outcome.seconds or time.monotonic() - start
        outcomes.append(outcome)
    return outcomes


def _room_for_two() -> bool:
    """Whether two tiers fit into the memory. Where the system does not say how much there is (Windows), they do not."""
    if not hasattr(os, "sysconf"):
        return False
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >= MEMORY_GB * 2**30

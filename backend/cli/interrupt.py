"""Ctrl-C, and a farm's SIGTERM: the call ends soon, whatever it is doing.

Python raises ``KeyboardInterrupt`` wherever it happens to be, which may be a position that drops exceptions (a destructor, a callback). So
the wish is remembered, asked for again where progress is reported, and in the end enforced.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

AGAIN_AFTER = 2.0
"""Seconds in which cancelling in order asks the backend and writes what is ready."""
ENOUGH = 60.0
"""Seconds after which the process ends as it is."""
_asked: list[float] = []
_timers: list[threading.Timer] = []


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """While this lasts SIGTERM is taken for Ctrl-C, and both are remembered. ``serve`` has handlers of its own.

    Where Python drops the exception it would print a traceback; nobody needs that, as the wish is asked for again.
    """
    _asked.clear()
    before, sys.unraisablehook = sys.unraisablehook, _dropped
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _take)
    try:
        yield
    finally:
        sys.unraisablehook = before
        while _timers:
            _timers.pop().cancel()


def check() -> None:
    """Raises ``KeyboardInterrupt`` if it was asked for a while ago and nothing came of it."""
    if _asked and time.monotonic() - _asked[-1] > AGAIN_AFTER:
        _asked[-1] = time.monotonic()
        raise KeyboardInterrupt


def _dropped(unraisable: sys.UnraisableHookArgs) -> None:
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)


def _take(number: int, frame: FrameType | None) -> None:
    if not _asked:
        timer = threading.Timer(ENOUGH, _end)
        timer.daemon = True
        timer.start()
        _timers.append(timer)
    _asked.append(time.monotonic())
    raise KeyboardInterrupt


def _end() -> None:
    print("cancelled, without waiting any longer", file=sys.stderr, flush=True)
    os._exit(130)

"""How long the steps of something took, for its report."""

from __future__ import annotations

import time


class Timings:
    """A stopwatch that starts when it is made.

    Attributes:
        seconds: Wall time by step, rounded to milliseconds; of a step that comes several times all of it.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._exact: dict[str, float] = {}
        self._last = time.perf_counter()

    def end(self, name: str) -> float:
        """Ends a step; the next one begins. Gives the seconds that it took."""
        now = time.perf_counter()
        passed, self._last = now - self._last, now
        self._exact[name] = self._exact.get(name, 0.0) + passed
        self.seconds[name] = round(self._exact[name], 3)
        return passed

"""How long the steps of something took, for its report."""

from __future__ import annotations

import time


class Laps:
    """A clock that starts when it is made.

    Attributes:
        seconds: Wall time by step, rounded to milliseconds.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Ends a step; the next one begins."""
        now = time.perf_counter()
        self.seconds[name], self._last = round(now - self._last, 3), now

"""What the command line prints: progress bars on a terminal, plain lines elsewhere, errors on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ...shared.errors import BacklotError
from ...shared.events import Progress as ProgressEvent
from . import interrupt

PLAIN_EVERY = 1.0
"""Seconds between two lines of progress where there is no terminal."""


def say_error(error: BacklotError) -> None:
    """Prints an error to stderr."""
    print(f"backlot: {error}", file=sys.stderr)


class Reporter:
    """Shows a job's progress."""

    def __init__(self, label: str, bar: Progress | None) -> None:
        self._bar, self._label, self._said = bar, label, 0.0
        self._task = bar.add_task(label, total=1.0, stage="", eta="") if bar else None

    def __call__(self, event: ProgressEvent) -> None:
        """Takes one progress event."""
        interrupt.check()
        eta = f"about {event.eta:.0f} s left" if event.eta is not None and event.fraction < 1 else ""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=event.fraction, stage=event.stage, eta=eta)
        elif time.monotonic() - self._said > PLAIN_EVERY:
            self._said = time.monotonic()
            print(f"progress {event.fraction * 100:5.1f}%  {event.stage}  {eta}".rstrip(), file=sys.stderr, flush=True)


@contextmanager
def progress(label: str) -> Iterator[Reporter]:
    """A progress bar on a terminal, lines on stderr elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Reporter(label, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
               TextColumn("{task.fields[stage]}"), TextColumn("{task.fields[eta]}"), TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        yield Reporter(label, bar)


def table(rows: list[list[str]], head: list[str]) -> None:
    """Prints rows in aligned columns."""
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

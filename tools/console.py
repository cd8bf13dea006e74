"""Progress lines, logged commands, and errors that say what to do."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from .paths import LOGS, ROOT

TAIL_LINES = 30  # of a failed command's log: enough for a compiler's or pip's last word
_terminal = threading.Lock()


class StepError(Exception):
    """A step of dev.py failed. Says what failed and what to do about it."""

    def __init__(self, *, what: str, fix: str = "", log_tail: str = "") -> None:
        self.what, self.fix, self.log_tail = what, fix, log_tail
        parts = [what]
        if log_tail:
            parts = [f"{log_tail}\n", what]
        if fix:
            parts.append(f"  -> {fix}")
        super().__init__("\n".join(parts))


def say(text: str, end: str = "\n") -> None:
    """Print at once, even into a pipe, and whatever the terminal's encoding."""
    encoding = sys.stdout.encoding or "utf-8"
    with _terminal:
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + end)
        sys.stdout.flush()


@contextlib.contextmanager
def output(title: str) -> Iterator[BinaryIO | None]:
    """Give a command's output under a heading: None, the terminal, in the main thread; elsewhere a log, printed at the end."""
    if threading.current_thread() is threading.main_thread():
        say(f"\n== {title} ==")
        yield None
        return
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"tier-{title.replace(' ', '-')}.log"
    say(f"- {title}: running, see {_shown(path)}")
    try:
        with path.open("wb") as log:
            yield log
    finally:
        say(f"\n== {title} ==\n" + path.read_text(encoding="utf-8", errors="replace"))


def run_step(
    title: str,
    command: Sequence[str | Path],
    *,
    log: str,
    fix: str = "",
    env: Mapping[str, str] | None = None,
    timeout: float = 1800.0,
) -> str:
    """Run a command with its output in ``.cache/logs/LOG.log``; one line on the terminal says how long it took. Any thread may call it.

    Args:
        title: What is being done, for the progress line.
        command: Program and arguments; runs in the checkout's root, without standard input.
        log: Name of the log file; several steps may append to the same one within a run.
        fix: What to do if it fails, for the error's text.
        env: The whole environment; this process's own by default.
        timeout: Seconds until the command is killed.

    Returns:
        The command's output.

    Raises:
        StepError: The command failed, was not found or took too long.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{log}.log"
    alone = threading.active_count() == 1  # else other steps print between this one's begin and end
    if alone:
        say(f"- {title} ... ", end="")
    start = time.monotonic()
    with path.open("ab") as sink:
        sink.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        sink.flush()
        offset = sink.tell()
        try:
            code: int | str = subprocess.run(
                [str(part) for part in command],
                cwd=ROOT,
                env=dict(env) if env is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = f"killed after {timeout:.0f} s"
        except OSError as error:
            code = str(error)
    output = path.read_bytes()[offset:].decode("utf-8", "replace")
    said = "" if alone else f"- {title} ... "
    if code != 0:
        say(f"{said}failed")
        tail = "\n".join(f"    {line}" for line in output.splitlines()[-TAIL_LINES:])
        raise StepError(what=f"{title}: failed ({code}); the whole log is {_shown(path)}", fix=fix, log_tail=tail)
    say(f"{said}{time.monotonic() - start:.0f} s")
    return output


def _shown(path: Path) -> Path:
    """Return a path as seen from the checkout."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path

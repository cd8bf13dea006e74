"""Progress lines, logged commands, and errors that say what to do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .paths import LOGS, ROOT

TAIL_LINES = 30  # of a failed command's log: enough for a compiler's or pip's last word


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
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + end)
    sys.stdout.flush()


def run_step(
    title: str,
    command: Sequence[str | Path],
    *,
    log: str,
    fix: str = "",
    env: Mapping[str, str] | None = None,
    timeout: float = 1800.0,
) -> str:
    """Run a command with its output in ``.cache/logs/LOG.log``; one line on the terminal says how long it took.

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
    if code != 0:
        say("failed")
        tail = "\n".join(f"    {line}" for line in output.splitlines()[-TAIL_LINES:])
        raise StepError(what=f"{title}: failed ({code}); the whole log is {path.relative_to(ROOT)}", fix=fix, log_tail=tail)
    say(f"{time.monotonic() - start:.0f} s")
    return output

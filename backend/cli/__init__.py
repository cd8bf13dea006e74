"""The command ``backlot``."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ...shared.errors import BacklotError, StorageError
from ...shared.launch import record_backend
from ...shared.operations import OPERATIONS
from ...shared.stored import allow_many_files
from ...shared.version import __version__
from . import doctor, evaluate, interrupt, jobs, models, operations, reconstruct, run, server, train
from .report import say_error

OUTPUT_CLOSED = 141
"""Exit code when nobody reads the output any more: 128 and the number of SIGPIPE, as shells have it."""


def build_parser() -> argparse.ArgumentParser:
    """All verbs and flags; those of the operations come from their schemas."""
    parser = argparse.ArgumentParser(
        prog="backlot", description="Textures, style and reconstruction for Blender scenes.",
        epilog="Exit codes: 0 done, 2 unusable input, 3 no backend, 4 the job failed, 130 cancelled.",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"backlot {__version__}")
    parser.add_argument("--state", type=Path, metavar="FOLDER", help="the backend's folder (default: $BACKLOT_STATE_DIR, else per user)")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for module in (operations, run, reconstruct, train, evaluate, models, server, jobs, doctor):
        module.add_verbs(verbs)
    return parser


def _spell_out(words: Sequence[str]) -> list[str]:
    """Gives flags that may stand without a value theirs, so that ``--tile brick.jpg`` does not take the path for it."""
    bare = {f"--{p.name.replace('_', '-')}": p for o in OPERATIONS.values() for p in o.parameters if p.bare}
    spelt = []
    for word, following in zip(words, [*words[1:], ""], strict=False):
        parameter = bare.get(word)
        spelt.append(f"{word}={parameter.bare}" if parameter and following not in parameter.choices else word)
    return spelt


def _print_anything() -> None:
    """A name that the terminal's encoding lacks is printed with escapes; it is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(ValueError):
                stream.reconfigure(errors="backslashreplace")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; gives the exit code."""
    _print_anything()
    arguments = build_parser().parse_args(_spell_out(sys.argv[1:] if argv is None else argv))
    try:
        if arguments.state:
            os.environ["BACKLOT_STATE_DIR"] = str(arguments.state.absolute())
        record_backend()
        allow_many_files()
        with interrupt.listening():
            code: int = arguments.action(arguments)
            return code
    except BrokenPipeError:  # whoever read the output, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    except OSError as error:
        say_error(StorageError.of(error))
        return StorageError.exit_code
    except BacklotError as error:
        say_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("cancelled", file=sys.stderr)
        return 130

"""Temporary files for libraries that cannot work in memory; their paths are nobody's business, and get into no message."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator

from ...shared.errors import StorageError

_PREFIX = "backlot-"
_IN_BRACKETS = re.compile(rf"""\s*\(["']?{_PREFIX}\w+(\.\w+)?["']?\)""")
_ANYWHERE = re.compile(rf"""["']?{_PREFIX}\w+(\.\w+)?["']?""")


@contextlib.contextmanager
def temporary_file(suffix: str) -> Iterator[str]:
    """Gives the path of an empty file, which is removed at the end.

    Raises:
        StorageError: No room, no right to write, or no temporary folder.
    """
    try:
        handle, path = tempfile.mkstemp(prefix=_PREFIX, suffix=suffix)
    except OSError as error:
        raise no_room(error) from error
    os.close(handle)
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def no_room(error: OSError) -> StorageError:
    """What is said where a temporary file cannot be written."""
    message = f"The temporary folder cannot be written: {error.strerror or type(error).__name__}"
    return StorageError(message, fix="Free some space in it, or set TMPDIR to another folder")


def words_of(error: str) -> str:
    """The first line of an error of OpenImageIO or FFmpeg, without the names of temporary files."""
    folder = tempfile.gettempdir() + os.sep
    lines = [_ANYWHERE.sub("the file", _IN_BRACKETS.sub("", line.replace(folder, ""))) for line in error.splitlines()]
    words = (" ".join(line.split()).removeprefix("the file: ") for line in lines)
    return next((line for line in words if line), "data that no reader knows")[:200]

"""Folders of captures, and what everything that is captured step by step has in common. Imports no numpy."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ...shared.notes import Notes
from ..settings import working_folder

KEEP_CAPTURES = 14 * 24 * 3600.0
"""Seconds. A capture is kept for a while, because a job that is tried again reads it again."""


class Steps(Protocol):
    """What is captured step by step: frames of the scene, a clip, a plate, a mesh."""

    folder: Path
    total: int
    notes: Notes

    def steps(self) -> Iterator[int]:
        """Does one step at a time and gives how many of ``total`` are done."""

    def described(self, kind: str) -> dict[str, str]:
        """Where an input of that kind (``color``, or as in the schema) is, for the record of a job; empty where there is none."""


def new_folder() -> Path:
    """Where the files of a capture go; old ones are removed. It is not made yet."""
    captures = working_folder("captures")
    for old in captures.iterdir():
        if time.time() - old.stat().st_mtime > KEEP_CAPTURES:
            shutil.rmtree(old, ignore_errors=True)
    return captures / f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09d}"

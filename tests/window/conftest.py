"""A virtual screen for the tests of the window, or the reason why there is none."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import built_archives
import pytest
from window.harness import Window


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Return the folder that has the same path for Blender and for this process."""
    if "BACKLOT_WINDOW_ENTER" not in os.environ:
        pytest.skip("needs the Debian with Blender that `python3 dev.py test --all` makes (Linux, root)")
    return Path(os.environ["BACKLOT_WINDOW_SHARED"])


@pytest.fixture(scope="session")
def archive() -> Path:
    """Return the built extension for this machine."""
    return built_archives.for_this_machine(built_archives.build())


@pytest.fixture(scope="session")
def window(shared_folder: Path) -> Iterator[Window]:
    """Start a virtual screen."""
    with Window(shlex.split(os.environ["BACKLOT_WINDOW_ENTER"]), shared_folder) as started:
        yield started

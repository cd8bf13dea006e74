"""The command line's client, see ``shared/connect.py``."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager

from ...shared.client import Client
from ...shared.connect import connect

NAME = "command line"


def existing_backend() -> AbstractContextManager[Client]:
    """A client of the running backend; ``BackendUnavailable`` if there is none."""
    return connect(start=False, name=NAME)


def any_backend() -> AbstractContextManager[Client]:
    """A client of the running backend, or else of one that is started for the call, by this very Python."""
    return connect(name=NAME, command=[sys.executable, "-m", "backlot"])

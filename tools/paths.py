"""Where things are: the checkout and what dev.py makes inside it."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"  # the project: backend, tests, the command `backlot`
VENVS = ROOT / ".venvs"  # Blender as a module, benchmarks
CACHE = ROOT / ".cache"  # logs, downloaded wheels, the Debian that holds a real Blender
LOGS = CACHE / "logs"
DIST = ROOT / "dist"


def python_of(environment: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

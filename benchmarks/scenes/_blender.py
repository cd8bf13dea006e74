"""The Python that has Blender as a module, for the benchmarks that render."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "BACKLOT_BENCH_BLENDER"


def blender_python() -> Path:
    """The interpreter of ``.venvs/bpy-4.5``, or the one that ``BACKLOT_BENCH_BLENDER`` names.

    Raises:
        SystemExit: It is not there.
    """
    folder = ROOT / ".venvs" / "bpy-4.5"
    python = Path(os.environ.get(VARIABLE) or folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    if not python.exists():
        message = f"no Blender as a module at {python}: run python3 dev.py demo once, which installs it, or name a Python in {VARIABLE}"
        raise SystemExit(message)
    return python

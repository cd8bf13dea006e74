"""The extension's archives as an artist gets them, built with Blender's own tool."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build() -> list[Path]:
    """Return every platform's archive: those that dev.py built before its tests, else built here (``dev.py build``)."""
    if built := os.environ.get("BACKLOT_ARCHIVES"):
        return sorted(Path(built).glob("*.zip"))
    result = subprocess.run([sys.executable, ROOT / "dev.py", "build"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return sorted((ROOT / "dist").glob("*.zip"))


def for_this_machine(archives: list[Path]) -> Path:
    """Return the archive of the machine's own platform."""
    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}[sys.platform]
    machine = "arm64" if os.name != "nt" and os.uname().machine in {"arm64", "aarch64"} else "x64"
    return next(path for path in archives if path.stem.endswith(f"{system}_{machine}"))

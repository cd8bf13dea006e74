"""The built archives, and the Blenders (as a module) to install them into."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _blenders() -> dict[str, Path]:
    """Return version -> interpreter: what dev.py names, else every one that the checkout has."""
    if named := os.environ.get("BACKLOT_BLENDERS"):
        pairs = (entry.split("=", 1) for entry in named.split(os.pathsep))
        return {version: Path(python) for version, python in pairs}
    interpreter = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    found = {path.name.removeprefix("bpy-"): path / interpreter for path in sorted((ROOT / ".venvs").glob("bpy-*"))}
    return {version: python for version, python in found.items() if python.exists()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes ``blender`` once per Blender."""
    if "blender" in metafunc.fixturenames:
        blenders = _blenders()
        metafunc.parametrize("blender", list(blenders.values()), ids=list(blenders), scope="session")


@pytest.fixture(scope="session")
def archives() -> list[Path]:
    """Build and validate every platform's archive; ``dev.py build`` runs Blender's own tool for both."""
    result = subprocess.run([sys.executable, ROOT / "dev.py", "build"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return sorted((ROOT / "dist").glob("*.zip"))


@pytest.fixture(scope="session")
def archive(archives: list[Path]) -> Path:
    """Return this machine's archive."""
    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}[sys.platform]
    machine = "arm64" if os.name != "nt" and os.uname().machine in {"arm64", "aarch64"} else "x64"
    return next(path for path in archives if path.stem.endswith(f"{system}_{machine}"))

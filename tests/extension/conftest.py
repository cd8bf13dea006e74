"""The built archives, and the Blenders (as a module) to install them into."""

from __future__ import annotations

import os
from pathlib import Path

import built_archives
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
    """Build every platform's archive once."""
    return built_archives.build()


@pytest.fixture(scope="session")
def archive(archives: list[Path]) -> Path:
    """Return this machine's archive."""
    return built_archives.for_this_machine(archives)

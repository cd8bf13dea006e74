"""An artist installs the archive into a Blender that was never used, works with it, switches it off and removes it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_backend import live_backend

DRIVER = Path(__file__).with_name("driver.py")


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with live_backend(tmp_path_factory.mktemp("backend")) as state:
        yield state


@pytest.fixture(scope="module")
def seen(blender: Path, archive: Path, backend: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Install, use and remove in one Blender; return what driver.py saw."""
    folder = tmp_path_factory.mktemp("artist")
    user, report = folder / "user", folder / "report.json"
    user.mkdir()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("BLENDER_", "PYTHON"))}
    env = {**inherited, "HOME": str(folder), "BLENDER_USER_RESOURCES": str(user), "BACKLOT_STATE_DIR": str(backend)}
    command = [blender, DRIVER, archive, report]
    result = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Traceback" not in result.stderr, result.stderr  # Blender prints an add-on's errors and goes on
    return json.loads(report.read_text(encoding="utf-8"))


def test_it_registers(seen: dict[str, Any]) -> None:
    assert seen["enabled"]
    new = set(seen["registered"]) - set(seen["before"])
    assert {name for name in new if name.startswith("BACKLOT_PT_")}, "the extension registered no panel"
    assert {name for name in new if name.startswith("Scene.")}, "the extension keeps no settings in the scene"
    assert seen["operators"], "the extension has no operator"


def test_nothing_heavy_enters_blender(seen: dict[str, Any]) -> None:
    assert seen["heavy"] == []


def test_zmq_is_the_wheel_from_the_archive(seen: dict[str, Any], archive: Path) -> None:
    assert Path(seen["zmq"]["file"]).is_relative_to(Path(seen["inside"]) / "extensions" / ".local")


def test_a_picture_goes_to_the_backend_and_back(seen: dict[str, Any]) -> None:
    assert seen["echo"]["shape"] == [6, 8, 4]
    assert seen["echo"]["exact"]


def test_disabling_and_removing_leaves_nothing(seen: dict[str, Any]) -> None:
    assert seen["after_disable"] == seen["before"]
    assert seen["after_remove"] == []

"""The checks that read the code without running it: ruff (lint and layout) and mypy."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .console import say
from .paths import CACHE, ROOT, VENV, python_of

PACKAGES = ("backlot.shared", "backlot.backend", "backlot.addon", "backlot.tools")


def check() -> tuple[int, int]:
    """Run every check with its output on the terminal; return how many passed and how many failed."""
    python = str(python_of(VENV))
    commands = {
        "ruff check": [python, "-m", "ruff", "check", "--quiet", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "--quiet", "."],
    }
    outcomes = [_check(name, command, {}) for name, command in commands.items()]
    outcomes.append(_mypy(python))
    return sum(outcomes), len(outcomes) - sum(outcomes)


def _mypy(python: str) -> bool:
    """Check the package under its own name, whatever the checkout's folder is called."""
    link = CACHE / "mypy" / "backlot"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.unlink(missing_ok=True)
        _link_folder(link, ROOT)
    command = [python, "-m", "mypy", "--cache-dir", str(CACHE / "mypy-cache")]
    for package in PACKAGES:
        command += ["-p", package]
    return _check("mypy", command, {"MYPYPATH": str(link.parent)})


def _link_folder(link: Path, target: Path) -> None:
    if os.name == "nt":  # a junction needs no privilege, a symbolic link does
        subprocess.run(["cmd", "/c", "mklink", "/J", str(link), str(target)], check=True, capture_output=True)
    else:
        link.symlink_to(target, target_is_directory=True)


def _check(name: str, command: list[str], extra: dict[str, str]) -> bool:
    passed = subprocess.run(command, cwd=ROOT, env={**os.environ, **extra}, stdin=subprocess.DEVNULL, check=False).returncode == 0
    say(f"{name}: {'passed' if passed else 'FAILED'}")
    return passed

"""The checks that read the code without running it: ruff (lint and layout), mypy, and import-linter's contracts."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .console import say
from .paths import CACHE, ROOT, VENV, python_of

PACKAGES = ("backlot.shared", "backlot.backend", "backlot.addon", "backlot.tools", "backlot.benchmarks", "backlot.demo")


def check() -> tuple[int, int]:
    """Run every check, all at the same time; print what each said; return how many passed and how many failed."""
    link = _link()
    under_its_name = {"MYPYPATH": str(link.parent), "PYTHONPATH": str(link.parent)}
    with ThreadPoolExecutor() as pool:
        checks = {name: pool.submit(_run, command, under_its_name) for name, command in _commands(str(python_of(VENV))).items()}
    say("\n== style ==")
    for name, future in checks.items():
        passed, said = future.result()
        say(f"{said}{name}: {'passed' if passed else 'FAILED'}")
    passes = sum(future.result()[0] for future in checks.values())
    return passes, len(checks) - passes


def _commands(python: str) -> dict[str, list[str]]:
    mypy = [python, "-m", "mypy", "--config-file", str(ROOT / "mypy.ini"), "--cache-dir", str(CACHE / "mypy-cache")]
    for package in PACKAGES:
        mypy += ["-p", package]
    # import-linter has no __main__; its command is what its entry point calls.
    contracts = [python, "-c", "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"]
    contracts += ["--no-logo", "--cache-dir", str(CACHE / "import-linter"), str(ROOT / "pyproject.toml")]
    return {
        "ruff check": [python, "-m", "ruff", "check", "--quiet", str(ROOT)],
        "ruff format": [python, "-m", "ruff", "format", "--check", "--quiet", str(ROOT)],
        "mypy": mypy,
        "lint-imports": contracts,
    }


def _run(command: list[str], extra: dict[str, str]) -> tuple[bool, str]:
    """Run one check outside of the checkout: a package is found by its own name, never by the name of the checkout's folder."""
    done = subprocess.run(
        command, cwd=_link().parent, env={**os.environ, **extra}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.returncode == 0, done.stdout + done.stderr if done.returncode else ""


def _link() -> Path:
    """Return a link named ``backlot`` to the checkout, whatever the checkout's folder is called."""
    link = CACHE / "mypy" / "backlot"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists() or link.resolve() != ROOT:
        link.unlink(missing_ok=True)
        _link_folder(link, ROOT)
    return link


def _link_folder(link: Path, target: Path) -> None:
    if os.name == "nt":  # a junction needs no privilege, a symbolic link does
        subprocess.run(["cmd", "/c", "mklink", "/J", str(link), str(target)], check=True, capture_output=True)
    else:
        link.symlink_to(target, target_is_directory=True)

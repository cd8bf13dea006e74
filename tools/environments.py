"""The virtual environments inside the checkout, made once and reused while what they are made of stays the same."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from .console import StepError, run_step
from .paths import ROOT, VENV, VENVS, python_of
from .system import ensure_blender_libraries, ensure_venv_module

# torch goes first and pinned: a plain `torch` would take whatever is newest, with a build for a newer driver than the machine has.
TORCH = "torch==2.13.0"
# Blender's own releases as a module, all for Python 3.11. The LTS ones are the newest patch release of their line.
BLENDERS = {"4.2": "4.2.23", "4.5": "4.5.15", "5.0": "5.0.1"}
BLENDER_PYTHON = (3, 11)
# bpy 4.5 and 5.0 pin this numpy; 4.2 forgets to, and crashes with numpy 2.
BLENDER_NUMPY = "numpy==1.26.4"
# The pyzmq that the extension ships (blender_manifest.toml says why this one), so that the tests meet it.
BLENDER_TEST_PACKAGES = ["pyzmq==26.4.0", "pytest>=8", "pytest-timeout>=2.3", "pytest-xdist>=3.6"]
# Two editable installs of the same checkout at a time would write the same folders (build/, backlot.egg-info/).
_editable = threading.Lock()
_NETWORK_FIX = "check the network and the free disk space (about 2 GB), then run the same command again: it goes on where it stopped"


def project() -> Path:
    """Make ``.venv``: torch first, then the project itself, editable, with its tests' tools. Returns its folder."""
    return _environment(VENV, sys.executable, [[TORCH], ["-e", f"{ROOT}[test]"]], "the project")


def bench() -> Path:
    """Make ``.venvs/bench``: the project and the systems it is compared with (Open3D, plenoptic). Returns its folder."""
    return _environment(VENVS / "bench", sys.executable, [[TORCH], ["-e", f"{ROOT}[bench]"]], "the benchmarks")


def blender(version: str) -> Path:
    """Make ``.venvs/bpy-VERSION``: Blender as a module, the add-on's own dependencies, pytest. No torch. Returns its folder.

    Raises:
        StepError: There is no Python 3.11 here, or the installation failed.
    """
    interpreter = python_for_blender()
    if interpreter is None:
        raise StepError(
            what="Blender as a module needs Python 3.11 and none was found", fix="install Python 3.11 and put python3.11 on the PATH"
        )
    ensure_blender_libraries()
    # The project without its dependencies: those are the backend's, which never runs here.
    steps = [[f"bpy=={BLENDERS[version]}", BLENDER_NUMPY, *BLENDER_TEST_PACKAGES], ["--no-deps", "-e", str(ROOT)]]
    return _environment(blender_folder(version), interpreter, steps, f"Blender {BLENDERS[version]}")


def blender_folder(version: str) -> Path:
    """Return where ``blender`` makes the environment of a version."""
    return VENVS / f"bpy-{version}"


def python_for_blender() -> str | None:
    """Return a Python of the version that bpy's wheels are made for, or None."""
    if sys.version_info[:2] == BLENDER_PYTHON:
        return sys.executable
    candidates: list[Sequence[str]] = [["python3.11"], ["python3"], ["py", "-3.11"]]
    for candidate in candidates:
        if shutil.which(candidate[0]) is None:
            continue
        probe = [*candidate, "-c", "import sys; print(sys.executable if sys.version_info[:2] == (3, 11) else '')"]
        found = subprocess.run(probe, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False).stdout.strip()
        if found:
            return found
    return None


def _environment(folder: Path, interpreter: str, steps: list[list[str]], title: str) -> Path:
    """Make a virtual environment by a list of ``pip install`` calls, unless its stamp says that it is up to date."""
    python = python_of(folder)
    stamp = folder / "backlot-stamp.txt"
    recipe = repr((_interpreter_version(interpreter), [[part.replace(str(ROOT), ".") for part in step] for step in steps]))
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + recipe.encode() + str(ROOT).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest and python.exists():
        return folder
    log = f"environment-{folder.name.lstrip('.')}"
    name = folder.relative_to(ROOT)
    if not _usable(python, interpreter):
        ensure_venv_module()
        run_step(f"Making {name} for {title}", [interpreter, "-m", "venv", "--clear", folder], log=log)
    stamp.unlink(missing_ok=True)
    for step in steps:
        shown = " ".join(part.replace(str(ROOT), ".") for part in step if not part.startswith("-"))
        # --no-compile: Python compiles a module when it is first imported. Most never are, and compiling took half of pip's time.
        command: list[str | Path] = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-compile", *step]
        with _editable if "-e" in step else contextlib.nullcontext():
            run_step(f"Installing {shown} into {name}", command, log=log, fix=_NETWORK_FIX, env=_clean_environment())
    stamp.write_text(digest)
    return folder


def _usable(python: Path, interpreter: str) -> bool:
    """Whether the environment exists, runs, has pip, and is of the interpreter's version."""
    if not python.exists():
        return False
    probe: list[str | Path] = [python, "-c", "import pip, sys; print(*sys.version_info[:2])"]
    try:
        result = subprocess.run(probe, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0 and result.stdout.strip() == _interpreter_version(interpreter)


def _interpreter_version(interpreter: str) -> str:
    if interpreter == sys.executable:
        return f"{sys.version_info.major} {sys.version_info.minor}"
    command = [interpreter, "-c", "import sys; print(*sys.version_info[:2])"]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True).stdout.strip()


def _clean_environment() -> dict[str, str]:
    """Return this process's environment without what would send pip elsewhere."""
    return {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_USER"}}

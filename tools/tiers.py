"""The tiers of tests: what each runs, where, and which of them run side by side.

========== =========================== =====================================================
style      ruff, mypy, lint-imports    in .venv
pure       tests/, without the others  in .venv
blender V  tests/blender               in .venvs/bpy-V, with a backend in .venv
extension  tests/extension             in .venv, driving each .venvs/bpy-V
window     tests/window                in .venv, driving a Debian with Blender in .cache
========== =========================== =====================================================

Every run leaves out the tests that are marked ``slow``. One Blender runs the whole of tests/blender, the others run what is marked
``contract``: what depends on Blender's version. ``--slow`` runs everything on every version.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from . import environments, extension, style, suite, trixie
from .console import StepError, say
from .lanes import Lane, Preparations, Task, run_lanes
from .outcome import Outcome, summary
from .paths import CACHE, DIST, ROOT, VENV, python_of

WHOLE_BLENDER = "4.5"  # LTS; runs all of tests/blender
ALL_BLENDERS = ("4.5", "4.2", "5.0")
OWN_FOLDERS = ("blender", "extension", "window")  # of tests/; all else is the pure tier
NO_PYTHON = "Blender as a module needs Python 3.11, which is not on this machine"


@dataclass(frozen=True)
class Request:
    """What a person asked ``dev.py test`` for.

    Attributes:
        everything: Also the other versions of Blender, and a Blender with a window.
        slow: Also the tests marked slow, and all of tests/blender on every version.
        paths: tier -> chosen paths below tests/; an empty list stands for all of the tier.
        options: Further arguments of pytest.
    """

    everything: bool
    slow: bool
    paths: dict[str, list[str]]
    options: list[str]

    def marks(self, *, contract: bool = False) -> list[str]:
        """Return pytest's ``-m``. Tests that were chosen by a path or by a person's own ``-m`` run whatever their marks."""
        if any(self.paths.values()) or any(option.startswith("-m") for option in self.options):
            return []
        chosen = ["contract"] if contract and not self.slow else []
        chosen += [] if self.slow else ["not slow"]
        return ["-m", " and ".join(chosen)] if chosen else []


def run(*, everything: bool, slow: bool, arguments: list[str]) -> int:
    """Run the tiers, print a summary and return the exit code (1 if anything failed).

    Args:
        everything: Also the Blender versions and the window that not every machine can run.
        slow: Everything, and also the tests that are marked slow.
        arguments: Given to every tier's pytest; paths among them choose the tiers.
    """
    start = time.monotonic()
    chosen = [argument for argument in arguments if not argument.startswith("-") and suite.file_of(argument).exists()]
    options = [argument for argument in arguments if argument not in chosen]
    request = Request(everything or slow, slow, wanted(chosen), options)
    with Preparations() as preparations:
        lanes = _lanes(request, preparations, checks=not arguments)
        environments.project()  # Blender's environments are made meanwhile
        outcomes = run_lanes(lanes)
    return summary(outcomes + _left_out(request), time.monotonic() - start)


def wanted(chosen: list[str]) -> dict[str, list[str]]:
    """Return tier -> its chosen paths (an empty list: the tier's own folder)."""
    if not chosen:
        return {tier: [] for tier in ("pure", *OWN_FOLDERS)}
    found: dict[str, list[str]] = {}
    for argument in chosen:
        parts = suite.file_of(argument).resolve().relative_to(ROOT).parts
        tier = parts[1] if len(parts) > 1 and parts[1] in OWN_FOLDERS else "pure"
        found.setdefault(tier, []).append(argument)
    return found


def _lanes(request: Request, preparations: Preparations, *, checks: bool) -> list[Lane]:
    """Return what runs one after the other in each lane, and queue what it needs first."""
    quick: Lane = [Task("style", lambda: Outcome("style", *style.check()))] if checks else []
    pure: Lane = []
    if "pure" in request.paths:
        paths = request.paths["pure"]
        arguments = [*request.marks(), *request.options, *(paths or ["tests"])]
        pure.append(Task("pure", lambda: suite.run("pure", VENV, arguments, ignore=OWN_FOLDERS, spread=not paths)))
    return [pure, [*quick, *_blender_tasks(request, preparations)]]


def _blender_tasks(request: Request, preparations: Preparations) -> Lane:
    """Return the tiers that need a Blender. Each waits for its own installation, the next is installed while it runs."""
    tasks: Lane = []
    versions = ALL_BLENDERS if request.everything else (WHOLE_BLENDER,)
    made: list[Callable[[], object]] = []
    for version in versions if {"blender", "extension"} & request.paths.keys() else ():
        made.append(preparations.add(partial(_blender, version)))
        if "blender" in request.paths:
            tasks.append(_task(f"blender {version}", made[-1], partial(_blender_tier, version, request)))
    if "extension" in request.paths or ("window" in request.paths and (request.everything or request.paths["window"])):
        made.append(preparations.add(_archives))
    if "extension" in request.paths:
        tasks.append(_task("extension", lambda: [wait() for wait in made], lambda: _extension_tier(versions, request)))
    if "window" in request.paths and (request.everything or request.paths["window"]):
        debian = preparations.add(_debian)
        tasks.append(_task("window", lambda: [wait() for wait in (*made, debian)], lambda: _window_tier(request)))
    return tasks


def _task(tier: str, ready: Callable[[], object], tests: Callable[[], Outcome]) -> Task:
    """Return a task that waits for its installation; one that is impossible here gives a reason, one that failed a failure."""

    def run_tier() -> Outcome:
        try:
            ready()
        except Impossible as reason:
            return Outcome(tier, note=str(reason))
        except StepError as error:
            say(str(error))
            return Outcome(tier, failed=1, note=error.what)
        return tests()

    return Task(tier, run_tier)


class Impossible(Exception):
    """A tier cannot run on this machine: its text says why."""


def _blender(version: str) -> None:
    if environments.python_for_blender() is None:
        raise Impossible(NO_PYTHON)
    environments.blender(version)


def _archives() -> None:
    if environments.python_for_blender() is None:
        raise Impossible(NO_PYTHON)
    extension.build()


def _debian() -> None:
    if reason := trixie.impossible():
        raise Impossible(reason)
    trixie.ensure()


def _blender_tier(version: str, request: Request) -> Outcome:
    paths = request.paths["blender"]
    arguments = [*request.marks(contract=version != WHOLE_BLENDER), *request.options, *(paths or ["tests/blender"])]
    return suite.run(f"blender {version}", environments.blender_folder(version), arguments, spread=not paths)


def _extension_tier(versions: tuple[str, ...], request: Request) -> Outcome:
    arguments = [*request.marks(), *request.options, *(request.paths["extension"] or ["tests/extension"])]
    blenders = [f"{version}={python_of(environments.blender_folder(version))}" for version in versions]
    extra = {"BACKLOT_BLENDERS": os.pathsep.join(blenders), "BACKLOT_ARCHIVES": str(DIST)}
    return suite.run("extension", VENV, arguments, extra=extra)


def _window_tier(request: Request) -> Outcome:
    shared = CACHE / "window"
    shared.mkdir(parents=True, exist_ok=True)
    # The same path inside and outside: connection files and results mean the same to both sides.
    extra = {"BACKLOT_WINDOW_ENTER": shlex.join(trixie.enter(shared)), "BACKLOT_WINDOW_SHARED": str(shared), "BACKLOT_ARCHIVES": str(DIST)}
    arguments = [*request.marks(), *request.options, *(request.paths["window"] or ["tests/window"])]
    return suite.run("window", VENV, arguments, extra=extra)


def _left_out(request: Request) -> list[Outcome]:
    """Return a line for every tier that only ``--all`` runs."""
    if request.everything:
        return []
    left = [f"blender {version}" for version in ALL_BLENDERS if version != WHOLE_BLENDER] if "blender" in request.paths else []
    left += ["window"] if "window" in request.paths and not request.paths["window"] else []
    return [Outcome(tier, note="runs with --all") for tier in left]

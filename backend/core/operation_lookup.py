"""Where an operation's code is: every ``operations`` folder of the backend is looked through, by the names of its files."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...shared import operations
from ...shared.errors import UnknownOperation
from ...shared.operations.engines import read_engine
from .context import Context

Runner = Callable[[Mapping[str, Any], Mapping[str, Any], Context], dict[str, Any]]
"""``run(inputs, parameters, context) -> outputs``. Inputs are values of ``shared/values.py`` with files already decoded (``Image``,
``list[SceneFrame]`` whose channels are ``Image`` or ``EncodedFile``); parameters are complete and checked; outputs are ``Image``, ``Mesh``,
``EncodedFile`` or a JSON object, by name."""


def runner(name: str) -> Runner:
    """The function that runs an operation; its module is imported on first use.

    Raises:
        UnknownOperation: No schema in ``shared/operations`` has this name, or no file here has its code.
    """
    operations.find(name)
    return _run_of(name, _modules(operations.roots())[0].get(name.replace(".", "_")))


def engine(operation: str, name: str) -> Runner:
    """The function of an engine of an operation, found by its declaration; its module is imported on first use.

    Raises:
        UnknownOperation: No file has the code of this engine.
    """
    return _run_of(f"{operation} with the engine {name}", _modules(operations.roots())[1].get((operation, name)))


def _run_of(what: str, module: str | None) -> Runner:
    if module is None:
        message = f"{what} has a description and no code"
        raise UnknownOperation(message, fix="Add a file with run() to backend/<capability>/operations")
    run: Runner = importlib.import_module(module).run
    return run


@functools.cache
def _modules(roots: tuple[Path, ...]) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Modules of operations by file name without suffix, and of engines by operation and engine, in ``backend/<capability>/operations``."""
    backend = __package__.rpartition(".")[0]
    code: dict[str, str] = {}
    engines: dict[tuple[str, str], str] = {}
    for number, root in enumerate(roots):
        for folder in sorted(root.glob("backend/*/operations")):
            package = f"{backend}.{folder.parent.name}.operations"
            if number:  # a folder that was added: its files become modules of the capability's package
                path = importlib.import_module(package).__path__
                path += [] if str(folder) in path else [str(folder)]
            for file in sorted(folder.glob("[!_]*.py")):
                declared = read_engine(file)
                if declared is None:
                    code.setdefault(file.stem, f"{package}.{file.stem}")
                else:
                    engines[declared.operation, declared.name] = f"{package}.{file.stem}"
    return code, engines

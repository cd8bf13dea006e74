"""All operations of Backlot, by name, found by looking into folders.

A new operation is two files: ``shared/operations/NAME.py`` with an ``OPERATION`` and ``backend/<capability>/operations/NAME.py`` with
``run``, where NAME is the operation's name with ``_`` in place of the dot. A new engine of an operation is one file, see ``engines.py``.

The same files in a folder elsewhere are found too, with ``add_folder`` or the environment variable ``BACKLOT_OPERATIONS``: paths of such
folders, separated as in ``PATH``. They run with all rights of the process. Only the owner of a machine sets the variable; nothing that
comes over the wire or from a scene does.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

from ..errors import InputError, UnknownOperation
from .engines import CHOICE, Engine, find_engines, with_engines
from .schema import Input, Operation, Output, Parameter

__all__ = ["CHOICE", "OPERATIONS", "Engine", "Input", "Operation", "Output", "Parameter", "add_folder", "find", "roots"]

VARIABLE = "BACKLOT_OPERATIONS"
OPERATIONS: dict[str, Operation] = {}
"""In the order of panels, help and documentation."""
_roots = [Path(__file__).resolve().parents[2]]


def find(name: str) -> Operation:
    """The operation of that name, or ``UnknownOperation`` with the list of those there are."""
    try:
        return OPERATIONS[name]
    except KeyError:
        known = ", ".join(n for n, o in OPERATIONS.items() if not o.hidden)
        msg = f"There is no operation {name!r} in this version"
        raise UnknownOperation(msg, fix=f"Use one of: {known}") from None


def roots() -> tuple[Path, ...]:
    """The folders that hold operations: this package, then those that were added."""
    return tuple(_roots)


def add_folder(folder: Path | str) -> None:
    """Finds operations and engines in a further folder, laid out as this package: ``shared/operations``, ``backend/*/operations``.

    For this process only: its backend and its workers have processes of their own and read ``BACKLOT_OPERATIONS``.

    Raises:
        InputError: There is no such folder, or two operations in it have one name or one verb.
    """
    root = Path(folder).resolve()
    if root in _roots:
        return
    if not (root / "shared" / "operations").is_dir() and not (root / "backend").is_dir():
        raise InputError(expected=f"a folder with shared/operations or backend/*/operations at {root}", got="none", fix=f"See {VARIABLE}")
    _roots.append(root)
    __path__.append(str(root / "shared" / "operations"))  # so that its modules are part of this package, whatever that is called
    try:
        _find_all()
    except BaseException:
        _roots.pop()
        __path__.pop()
        raise


def _find_all() -> None:
    """Fills ``OPERATIONS`` anew."""
    modules = [importlib.import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)]
    found = [module.OPERATION for module in modules if hasattr(module, "OPERATION")]
    engines = find_engines(_roots)
    for unknown in {engine.operation for engine in engines} - {operation.name for operation in found}:
        raise InputError(expected=f"an engine of an operation that is there, not of {unknown!r}", got=unknown)
    complete = [with_engines(o, [e for e in engines if e.operation == o.name]) for o in found]
    for name in ("name", "verb"):
        values = [getattr(operation, name) for operation in complete]
        if twice := [value for value in values if values.count(value) > 1]:
            raise InputError(expected=f"a {name} of its own for every operation", got=f"{twice[0]!r} twice")
    OPERATIONS.clear()
    for operation in sorted(complete, key=lambda one: (one.order, one.name)):
        if not operation.known_if or os.environ.get(operation.known_if) == "1":
            OPERATIONS[operation.name] = operation


_find_all()
for _folder in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
    add_folder(_folder)

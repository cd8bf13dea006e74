"""Where an operation's code is: every ``operations`` folder of the backend is looked through once, by the names of its files."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...shared import operations
from ...shared.errors import UnknownOperation
from ..core.context import Context

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
    module = _modules().get(name.replace(".", "_"))
    if module is None:
        message = f"The operation {name} has a description and no code"
        raise UnknownOperation(message, fix=f"Add backend/<capability>/operations/{name.replace('.', '_')}.py with run()")
    run: Runner = importlib.import_module(module).run
    return run


@functools.cache
def _modules() -> dict[str, str]:
    """File name without suffix -> module, for every ``backend/<capability>/operations/*.py``."""
    package = __package__.rpartition(".")[0]
    folder = Path(__file__).resolve().parent.parent
    files = sorted(folder.glob("*/operations/*.py"))
    return {f.stem: f"{package}.{f.parent.parent.name}.operations.{f.stem}" for f in files if not f.stem.startswith("_")}

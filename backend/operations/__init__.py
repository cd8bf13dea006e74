"""One module per operation, each with ``run(inputs, parameters, context) -> outputs``."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from ...shared import operations
from ..context import Context

Runner = Callable[[Mapping[str, Any], Mapping[str, Any], Context], dict[str, Any]]


def runner(name: str) -> Runner:
    """The function that runs an operation; its module is imported on first use.

    ``inputs`` are values of ``shared/values.py`` with files already decoded (``Image``, ``list[SceneFrame]`` whose channels
    are ``Image`` or ``EncodedFile``), ``parameters`` are complete and checked, outputs are ``Image``, ``Mesh`` or a JSON object.
    """
    operations.find(name)
    module = importlib.import_module("." + name.replace(".", "_"), __package__)
    run: Runner = module.run
    return run

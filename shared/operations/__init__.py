"""All operations of Backlot, by name. Adding one is one file here and one in ``backend/runtime/runners``."""

from __future__ import annotations

import os

from ..errors import UnknownOperation
from . import (
    reconstruct_depth,
    reconstruct_footage,
    reconstruct_plate,
    reconstruct_texture,
    sequence_movie,
    style_image,
    style_keyframes,
    style_shot,
    style_vgg,
    system_echo,
    system_fault,
    texture_generate,
    texture_maps,
    texture_synthesize,
    texture_variations,
)
from .schema import Input, Operation, Output, Parameter

_MODULES = (
    texture_generate,
    texture_variations,
    texture_synthesize,
    texture_maps,
    style_image,
    style_vgg,
    style_shot,
    style_keyframes,
    sequence_movie,
    reconstruct_depth,
    reconstruct_footage,
    reconstruct_plate,
    reconstruct_texture,
    system_echo,
)
OPERATIONS: dict[str, Operation] = {module.OPERATION.name: module.OPERATION for module in _MODULES}
if os.environ.get("BACKLOT_FAULTS") == "1":
    OPERATIONS[system_fault.OPERATION.name] = system_fault.OPERATION

__all__ = ["OPERATIONS", "Input", "Operation", "Output", "Parameter", "find"]


def find(name: str) -> Operation:
    """The operation of that name, or ``UnknownOperation`` with the list of those there are."""
    try:
        return OPERATIONS[name]
    except KeyError:
        known = ", ".join(n for n, o in OPERATIONS.items() if not o.hidden)
        msg = f"There is no operation {name!r} in this version"
        raise UnknownOperation(msg, fix=f"Use one of: {known}") from None

"""Backlot: the Blender extension's entry, and the root of the Python package ``backlot``.

For scripts: ``from backlot import Client, Job, EncodedFile, connect`` (docs/python.md). These names are loaded when they are first used.
Importing this without Blender works; only ``register`` and ``unregister`` need bpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .shared.version import __version__

if TYPE_CHECKING:
    from .shared.client import Client
    from .shared.connect import connect
    from .shared.errors import BacklotError, InputError
    from .shared.jobs import Job
    from .shared.values import Camera, EncodedFile, Image, Mesh, SceneFrame

__all__ = [
    "BacklotError",
    "Camera",
    "Client",
    "EncodedFile",
    "Image",
    "InputError",
    "Job",
    "Mesh",
    "SceneFrame",
    "__version__",
    "connect",
    "register",
    "unregister",
]

_MODULES = {
    "client": ("Client",),
    "connect": ("connect",),
    "errors": ("BacklotError", "InputError"),
    "jobs": ("Job",),
    "values": ("Camera", "EncodedFile", "Image", "Mesh", "SceneFrame"),
}
_PUBLIC = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    # numpy and pyzmq are imported by the first use, so that enabling the extension stays quick (PEP 562).
    if name not in _PUBLIC:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(f".shared.{_PUBLIC[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import addon  # needs bpy

    addon.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import addon  # needs bpy

    addon.unregister()

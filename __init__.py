"""Backlot: the Blender extension's entry, and the root of the Python package ``backlot``.

Importing this without Blender works; only ``register`` and ``unregister`` need bpy.
"""

from .shared.version import __version__

__all__ = ["__version__", "register", "unregister"]


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import addon

    addon.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import addon

    addon.unregister()

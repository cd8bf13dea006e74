"""3D reconstruction: meshes from depth, from tracked footage and from one picture.

Without a server::

    from backlot.backend import reconstruct
    from backlot.backend.io.direct import save

    result = reconstruct.from_depth("capture/", texture=True)
    save(result["mesh"], "room.glb")

Importing this package is cheap: PyTorch is loaded by the first call. Every function takes the inputs and parameters of its operation by
name (docs/operations.md), and ``seed``, ``device`` and ``progress`` (see ``backend/io/direct.py``). Inputs are values of
``shared/values.py`` or paths. Wrong ones raise ``InputError``, which says what to do.
"""

from __future__ import annotations

from typing import Any

# Imports inside the functions: PyTorch takes seconds to load, and modules of this package are imported by name all the time.

__all__ = ["bake_texture", "from_depth", "from_footage", "from_picture"]


def from_depth(frames: Any, **options: Any) -> dict[str, Any]:
    """A mesh from depth maps with known cameras: ``reconstruct.depth``. Gives ``mesh``, what else was asked for, and ``report``."""
    from ..io.direct import call

    return call("reconstruct.depth", {"frames": frames} | options)


def from_footage(frames: Any, **options: Any) -> dict[str, Any]:
    """A mesh from a clip whose camera is solved: ``reconstruct.footage``."""
    from ..io.direct import call

    return call("reconstruct.footage", {"frames": frames} | options)


def from_picture(**options: Any) -> dict[str, Any]:
    """A relief or cards from one picture: ``reconstruct.plate``. Takes ``image``, ``depth``, ``frames``, ``tracks`` by name."""
    from ..io.direct import call

    return call("reconstruct.plate", options)


def bake_texture(mesh: Any, frames: Any, **options: Any) -> dict[str, Any]:
    """The colour of frames baked onto a mesh: ``reconstruct.texture``."""
    from ..io.direct import call

    return call("reconstruct.texture", {"mesh": mesh, "frames": frames} | options)

"""Meshes of scenes far from zero (``Mesh.origin``) in files: coordinates stay near zero, a comment says where they belong.

Programs that know nothing of it, Blender among them, show the mesh near zero, where single precision is fine enough for it. Reading it
here gives the origin back. It is in Blender's axes, z up, whatever the format's are.
"""

from __future__ import annotations

import dataclasses
import re

from ....shared.notes import note
from ....shared.origin import ZERO, Origin
from ....shared.values import Mesh

_NUMBER = rb"(-?\d+(?:\.\d+)?)"
_COMMENT = re.compile(rb"Backlot origin " + rb" ".join([_NUMBER] * 3))
_WITHIN = 4096
"""Bytes of a file in which the comment is looked for."""


def comment(mesh: Mesh) -> str:
    """What a file says of its origin; empty where that is zero."""
    return "" if mesh.origin == ZERO else "Backlot origin " + " ".join(f"{k:.15g}" for k in mesh.origin)


def with_origin(mesh: Mesh, data: bytes, name: str) -> Mesh:
    """A mesh that was read, with the origin that its file states added to its own."""
    found = _COMMENT.search(data[:_WITHIN])
    if mesh.origin != ZERO:
        note(f"its coordinates are far from zero; they are taken relative to the origin ({_words(mesh.origin)})", name)
    if found is None:
        return mesh
    x, y, z = (float(text) + own for text, own in zip(found.groups(), mesh.origin, strict=True))
    return dataclasses.replace(mesh, origin=(x, y, z))


def _words(origin: Origin) -> str:
    return ", ".join(f"{k:.0f}" for k in origin)

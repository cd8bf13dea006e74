"""All or nothing: what a block made is removed and what it changed is put back if it fails.

Blender's undo cannot do it: an operator that fails is in the middle of its own step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import bpy

_KEPT = frozenset({"screens", "window_managers", "workspaces", "libraries"})
"""Collections of ``bpy.data`` that no result makes anything in."""
_restores: list[list[Callable[[], None]]] = []


@contextlib.contextmanager
def transaction() -> Iterator[None]:
    """Runs a block; if it raises, the file is as before: no datablock is left behind, and ``on_failure`` has undone the changes."""
    before = {name: {_identity(item) for item in getattr(bpy.data, name)} for name in _collections()}
    _restores.append([])
    try:
        yield
    except BaseException:
        for restore in reversed(_restores[-1]):
            with contextlib.suppress(ReferenceError, RuntimeError, AttributeError):  # the datablock itself is gone
                restore()
        made = [item for name in _collections() for item in getattr(bpy.data, name) if _identity(item) not in before[name]]
        if made:
            bpy.data.batch_remove(made)
        raise
    finally:
        _restores.pop()


def on_failure(restore: Callable[[], None]) -> None:
    """Notes how a change is taken back if the transaction fails; the last change is taken back first."""
    if _restores:
        _restores[-1].append(restore)


def set_value(owner: Any, name: str, value: Any) -> None:
    """Sets a property, which gets its old value back if the transaction fails."""
    before = getattr(owner, name)
    on_failure(lambda: setattr(owner, name, before))
    setattr(owner, name, value)


def set_note(owner: Any, name: str, value: Any) -> None:
    """Sets a custom property, which gets its old value back, or is removed, if the transaction fails."""
    before = owner.get(name)

    def restore() -> None:
        if before is None:
            owner.pop(name, None)
        else:
            owner[name] = before

    on_failure(restore)
    owner[name] = value


def _collections() -> list[str]:
    return [item.identifier for item in bpy.data.bl_rna.properties if item.type == "COLLECTION" and item.identifier not in _KEPT]


def _identity(item: bpy.types.ID) -> int:
    return int(item.session_uid)

"""The latest coarse mesh of a running job in the scene, if the artist wants it; removed when the result arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from ...shared.values import Mesh

MARK = "backlot_progress"


def show(scene: bpy.types.Scene, job_id: str, label: str, mesh: Mesh) -> bpy.types.Object | None:
    """Shows a coarse mesh instead of the last one of the same job; gives its object, None for an empty mesh."""
    from ..scene import mesh_object  # imports numpy

    if not len(mesh.faces):
        return None
    item = next((item for item in scene.objects if item.get(MARK) == job_id), None)
    if item is None:
        item = mesh_object.make(scene, mesh, f"{label} (in progress)")
        item[MARK] = job_id
        item.hide_select = item.hide_render = True
        return item
    item.location = mesh.origin
    before = item.data
    item.data = mesh_object.data(mesh, before.name)
    if before.users == 0:
        bpy.data.meshes.remove(before)
    return item


def forget(job_id: str) -> None:
    """Removes the coarse mesh of a job."""
    for item in [item for item in bpy.data.objects if item.get(MARK) == job_id]:
        _remove(item)


def repair(running: set[str]) -> None:
    """After undo, redo or loading: removes coarse meshes that came back although their jobs are over."""
    for item in [item for item in bpy.data.objects if item.get(MARK) and item[MARK] not in running]:
        _remove(item)


def _remove(item: bpy.types.Object) -> None:
    data = item.data
    bpy.data.objects.remove(item)
    if data is not None and data.users == 0:
        bpy.data.meshes.remove(data)

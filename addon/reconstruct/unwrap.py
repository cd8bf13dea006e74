"""Blender's Smart UV for a mesh, on a copy of it: selection and mode of the artist stay."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from ...shared.errors import InputError
from ...shared.notes import Notes, collect_notes
from ...shared.operations import OPERATIONS
from ...shared.origin import ZERO
from ...shared.values import Mesh
from ..images.temporary_scene import remove_scene
from ..jobs import records
from ..scene import mesh_file, mesh_object
from ..ui import controls
from . import facts
from .names import TEXTURE

ANGLE = math.radians(66)
MARGIN = 0.002
"""Between islands, as a part of the texture: 4 pixels of 2048, which the baking dilates."""


def smart(item: bpy.types.Object) -> Mesh:
    """Unwraps what an object shows; the object stays as it is.

    Args:
        item: A mesh object.

    Returns:
        Its triangles in its own space, with UVs.

    Raises:
        InputError: It has no faces, or Blender cannot unwrap it.
    """
    plain = mesh_object.read(item, uvs=False, local=True)
    scene = bpy.data.scenes.new("Backlot Unwrap")
    copy = bpy.data.objects.new("Backlot Unwrap", mesh_object.data(Mesh(plain.vertices, plain.faces), "Backlot Unwrap"))
    try:
        scene.collection.objects.link(copy)
        layer = scene.view_layers[0]
        layer.objects.active = copy
        copy.select_set(True, view_layer=layer)
        # A scene of its own, so that entering Edit Mode there leaves the artist's objects and mode alone.
        where: dict[str, Any] = {
            "scene": scene, "view_layer": layer, "active_object": copy, "object": copy, "selected_objects": [copy],
            "selected_editable_objects": [copy], "edit_object": None, "area": None, "region": None,
        }  # fmt: skip
        with bpy.context.temp_override(**where):
            bpy.ops.object.mode_set(mode="EDIT")
        try:
            with bpy.context.temp_override(**{**where, "edit_object": copy, "objects_in_mode_unique_data": [copy]}):
                bpy.ops.mesh.select_all(action="SELECT")
                bpy.ops.uv.smart_project(angle_limit=ANGLE, island_margin=MARGIN, area_weight=0.0, correct_aspect=False)
        finally:
            with bpy.context.temp_override(**where):
                bpy.ops.object.mode_set(mode="OBJECT")
        x, y, z = facts.note_of(item).get("mesh_origin") or ZERO  # its own space is that of its frames, relative to this
        return dataclasses.replace(mesh_object.read(copy, local=True), origin=(x, y, z))
    except RuntimeError as error:
        raise InputError(message=f"{item.name!r} cannot be unwrapped", got=str(error).strip()) from error
    finally:
        data = copy.data
        bpy.data.objects.remove(copy)
        bpy.data.meshes.remove(data)
        remove_scene(scene)


def bake(scene: bpy.types.Scene, job_id: str, request: dict[str, Any]) -> None:
    """Unwraps what a job made and sends it to have its texture baked, with the job's own settings. Errors are in its record."""
    item = next((item for item in scene.objects if facts.note_of(item).get("job") == job_id), None)
    operation = OPERATIONS[TEXTURE]
    if item is None:
        return
    names = {parameter.name for parameter in operation.parameters}
    given = {name: value for name, value in request["parameters"].items() if name in names and value is not None}
    verb = getattr(bpy.ops.backlot, controls.operator_name(operation).removeprefix("backlot."))
    try:
        verb("EXEC_DEFAULT", object=item.name, seed=int(request["seed"]), **given)
    except RuntimeError as error:  # what the operator reported
        print(f"Backlot: {error}")


class UnwrapCapture:
    """Unwraps an object's mesh and writes it to a folder; its frames stay where they are.

    Args:
        item: A mesh object.
        frames: The folder of its frames.
        folder: Where the mesh goes.

    Raises:
        InputError: The frames are gone.
    """

    total = 1

    def __init__(self, item: bpy.types.Object, frames: str, folder: Path) -> None:
        if not (Path(frames) / "transforms.json").is_file():
            fix = "Captures are kept for 14 days: reconstruct it again, with Bake Texture"
            raise InputError(expected=f"the frames that {item.name!r} was made of", got="they are gone", fix=fix)
        self.folder, self._frames, self.notes = folder, frames, Notes()
        self._target = records.targets([item])[0]

    def steps(self) -> Iterator[int]:
        """Unwraps. ``InputError`` if the object went away."""
        found, _ = records.resolve([self._target])
        if not found:
            raise InputError(message=f"The object {self._target['name']!r} is gone", fix="Unwrap and bake another one")
        with collect_notes() as self.notes:
            mesh_file.write_mesh(self.folder, smart(found[0]))
        yield 1

    def described(self, kind: str) -> dict[str, str]:
        """Where an input of that kind is, for the record of a job."""
        return {"mesh": str(self.folder)} if kind == "mesh" else {"frames": self._frames} if kind == "frames" else {}

    def origin(self) -> dict[str, Any]:
        """What the mesh belongs to, for the record of a job."""
        return {"kind": "object", "target": self._target}

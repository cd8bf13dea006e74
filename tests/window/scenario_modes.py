"""Played inside Blender (see stage.py): results arrive while the artist edits, sculpts and looks at one object; undo takes each back."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from typing import Any

import bpy

PACKAGE = "bl_ext.user_default.backlot"


def scenario(stage: Any) -> Generator[Any, None, None]:
    import numpy as np  # Blender's own

    queue, records = (importlib.import_module(f"{PACKAGE}.addon.jobs.{name}") for name in ("queue", "records"))
    values = importlib.import_module(f"{PACKAGE}.shared.values")
    picture = values.Image(np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8), "srgb")
    triangle = values.Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32))

    def arrive(job: str, operation: str, outputs: Any, **request: Any) -> None:
        request = {"parameters": {}, "seed": 1, "inputs": {}, "targets": records.receivers([bpy.data.objects["Cube"]]), **request}
        records.add(bpy.data.scenes[0], job, operation, job, "running", request)
        queue.RESULTS[job] = outputs

    def state(job: str) -> str:
        return str(bpy.data.scenes[0].backlot_jobs.items[job].state)

    def material() -> str:
        return str(bpy.data.objects["Cube"].material_slots[0].material.name)

    found: dict[str, Any] = {}
    for mode in ("EDIT", "SCULPT", "TEXTURE_PAINT"):
        with bpy.context.temp_override(**stage.view()):
            bpy.ops.object.mode_set(mode=mode)
            bpy.ops.ed.undo_push(message="mode")
        yield 0.5
        arrive(mode, "texture.synthesize", {"base_color": picture})
        yield 1.0
        seen = [state(mode), material(), bpy.data.objects["Cube"].mode]
        with bpy.context.temp_override(**stage.view()):
            bpy.ops.ed.undo()
        yield 0.5
        found[mode] = [*seen, material(), bpy.data.objects["Cube"].mode, state(mode)]
        with bpy.context.temp_override(**stage.view()):
            bpy.ops.object.mode_set(mode="OBJECT")
        yield 0.5
    stage.keep(modes=found)

    # The mesh of an object that is edited is replaced when its mode is left.
    with bpy.context.temp_override(**stage.view()):
        bpy.ops.object.mode_set(mode="EDIT")
    target = records.targets([bpy.data.objects["Cube"]])[0]
    arrive("mesh", "reconstruct.texture", {"mesh": triangle}, origin={"kind": "object", "target": target})
    yield 1.0
    yield from stage.open_tab("Backlot")
    yield stage.screenshot("ready")
    seen = [state("mesh"), bpy.data.scenes[0].backlot_jobs.items["mesh"].error]
    with bpy.context.temp_override(**stage.view()):
        bpy.ops.object.mode_set(mode="OBJECT")
    yield 1.0
    stage.keep(mesh=[*seen, state("mesh"), len(bpy.data.objects["Cube"].data.vertices)])

    # What arrives in local view is shown there.
    with bpy.context.temp_override(**stage.view()):
        bpy.ops.view3d.localview()
    yield 0.5
    arrive("local", "reconstruct.depth", {"mesh": triangle})
    yield 1.0
    item = bpy.data.scenes[0].collection.children["Backlot"].objects[0]
    with bpy.context.temp_override(**stage.view()):
        bpy.ops.object.select_all(action="SELECT")  # of what this view shows
    chosen = [one.select_get() for one in (bpy.data.objects["Cube"], item, bpy.data.objects["Light"])]
    stage.keep(local=[state("local"), stage.view()["area"].spaces.active.local_view is not None, *chosen])

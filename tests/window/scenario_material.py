"""Played inside Blender (see stage.py): an artist types a prompt, looks at variations, chooses one, and the cube wears the material."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from typing import Any

import bpy

PROMPT = "wet mossy cobblestone, quuxy"
TIMEOUT_S = 240.0


def scenario(stage: Any) -> Generator[Any, None, None]:
    scene, cube = bpy.context.scene, bpy.data.objects["Cube"]
    yield from stage.open_tab("Backlot")
    settings = scene.texture_generate
    settings.prompt, settings.model, settings.seed = PROMPT, os.environ["BACKLOT_STAGE_MODEL"], 5
    scene.backlot_materials.lock_seed = True  # so that every run shows the same pictures
    size = int(os.environ.get("BACKLOT_STAGE_SIZE", "128"))
    settings.size, scene.texture_variations.size = (2 * size, 2 * size), (size, size)
    yield from _send(stage, "variations")
    yield 1.0
    entry = scene.backlot_materials.items[0]
    with bpy.context.temp_override(**stage.view()):
        bpy.ops.backlot.pick_variation("EXEC_DEFAULT", True, entry_id=entry.name, number=4)
    settings.wear = 0.6  # a slider that the artist moves ticks itself
    yield 1.0
    yield stage.screenshot("variations")
    yield from _send(stage, "material")
    view = stage.view()["area"].spaces.active
    view.shading.color_type = "TEXTURE"
    view.region_3d.view_distance = 6.0
    yield 2.0
    yield stage.screenshot("material")
    with bpy.context.temp_override(**stage.view()):
        bpy.ops.backlot.mark_asset("EXEC_DEFAULT", True)
    material = cube.active_material
    stage.keep(
        sidebar=stage.sidebar_pixels(),
        name=material.name,
        maps=len([node for node in material.node_tree.nodes if node.type == "TEX_IMAGE"]),
        kinds=[item.kind for item in scene.backlot_materials.items],
        picked=entry.picked,
        seeds=[settings.seed, scene.backlot_materials.items[-1].seed],
        ticked=[settings.use_wear, settings.use_roughness],
        asset=material.asset_data is not None and tuple(material.preview.image_size) == (256, 256),
        errors=[job.error for job in scene.backlot_jobs.items if job.error],
    )
    with bpy.context.temp_override(**stage.view()):
        bpy.ops.ed.undo()  # the asset mark
        bpy.ops.ed.undo()  # the material
    stage.keep(undone=bpy.data.objects["Cube"].active_material.name, kept=[item.kind for item in bpy.context.scene.backlot_materials.items])


def _send(stage: Any, verb: str) -> Generator[Any, None, None]:
    """Presses a button of the panel and waits for the job's end, as the artist does."""
    before = len(bpy.context.scene.backlot_jobs.items)
    with bpy.context.temp_override(**stage.view()):
        getattr(bpy.ops.backlot, verb)("INVOKE_DEFAULT")
    start = time.monotonic()
    while time.monotonic() - start < TIMEOUT_S:
        jobs = bpy.context.scene.backlot_jobs.items
        if len(jobs) > before and jobs[len(jobs) - 1].state in ("done", "failed", "cancelled"):
            if jobs[len(jobs) - 1].error:
                raise RuntimeError(jobs[len(jobs) - 1].error)
            return
        yield 0.1
    raise RuntimeError(f"{verb} took more than {TIMEOUT_S:g} s")

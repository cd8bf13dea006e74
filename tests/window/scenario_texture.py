"""Played inside Blender (see stage.py): a photograph of bricks is sent, the cube gets the result, a second job is cancelled."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from typing import Any

import bpy

PHOTOGRAPH = os.environ["BACKLOT_STAGE_PHOTOGRAPH"]
TIMEOUT_S = 120.0


def scenario(stage: Any) -> Generator[Any, None, None]:
    scene, cube = bpy.context.scene, bpy.data.objects["Cube"]
    selected = [item.name for item in bpy.context.selected_objects]
    bystander = bpy.data.objects.new("Bystander", cube.data.copy())
    scene.collection.objects.link(bystander)
    bystander.location = (4, 3, 0)
    bystander_materials = [slot.material for slot in bystander.material_slots]

    yield from stage.open_tab("Backlot")
    yield from stage.quiet_gap()
    stage.keep(sidebar=stage.sidebar_pixels())
    yield stage.screenshot("before")

    # The panel's own settings: what an artist would choose there.
    exemplar = bpy.data.images.load(PHOTOGRAPH)
    settings = scene.texture_synthesize
    settings.input_exemplar = exemplar
    settings.size = (256, 256)
    settings.seed = 3
    with bpy.context.temp_override(**stage.view()):
        result = bpy.ops.backlot.texture("INVOKE_DEFAULT")
    stage.keep(result=sorted(result), selected=selected)

    start = time.monotonic()
    longest = 0.0  # a blocked window shows as a gap between two ticks of the timer
    states, shot, before = [], False, stage.clock()
    while True:
        job = scene.backlot_jobs.items[0]
        if not states or states[-1] != job.state:
            states.append(job.state)
        if job.state in ("done", "failed", "cancelled") or time.monotonic() - start > TIMEOUT_S:
            break
        if job.state == "running" and not shot:
            shot = True
            yield stage.screenshot("running")
            before = stage.clock()
            continue
        yield 0.05
        longest, before = max(longest, stage.clock() - before), stage.clock()
    stage.keep(states=states, error=job.error, seconds=time.monotonic() - start, longest_gap=longest)

    space = stage.view()["area"].spaces.active
    space.shading.color_type = "TEXTURE"
    space.shading.light = "FLAT"  # the texture as it is
    space.region_3d.view_distance = 7.0
    yield 1.0
    yield stage.screenshot("panel")
    material = cube.active_material
    images = [node.image for node in material.node_tree.nodes if node.type == "TEX_IMAGE"] if material and material.node_tree else []
    stage.keep(
        sizes=[list(image.size) for image in images],
        packed=[image.packed_file is not None for image in images],
        spread=[max(image.pixels[0:65536]) - min(image.pixels[0:65536]) for image in images],
        bystander_untouched=[slot.material for slot in bystander.material_slots] == bystander_materials,
        version=bpy.app.version_string,
    )

    settings.size = (1024, 1024)  # long enough to be cancelled
    with bpy.context.temp_override(**stage.view()):
        bpy.ops.backlot.texture("INVOKE_DEFAULT")
    cancelled = scene.backlot_jobs.items[-1].name
    start, pressed = time.monotonic(), False
    while (state := scene.backlot_jobs.items[cancelled].state) not in ("done", "failed", "cancelled"):
        if time.monotonic() - start > TIMEOUT_S:
            break
        if state == "running" and not pressed:
            pressed = bpy.ops.backlot.cancel_job(job_id=cancelled) == {"FINISHED"}
        yield 0.05
    stage.keep(cancelled=state, same_material=cube.active_material == material)

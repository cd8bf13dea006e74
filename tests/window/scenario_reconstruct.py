"""Played inside Blender (see stage.py): an artist rebuilds the cube, bakes it, cancels one, undoes, and looks at a solved clip."""

from __future__ import annotations

import importlib
import importlib.util
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import bpy

FOLDER = Path(os.environ["BACKLOT_STAGE_FOLDER"])
TIMEOUT_S = 240.0


def scenario(stage: Any) -> Generator[Any, None, None]:
    scene, cube = bpy.context.scene, bpy.data.objects["Cube"]
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    capture, settings = scene.backlot_capture, scene.reconstruct_depth
    capture.mode, capture.count, capture.resolution, capture.samples = "orbit", 9, (96, 96), 1
    settings.voxel = 0.05
    yield from stage.open_tab("Backlot")
    yield from stage.quiet_gap()
    selected, mode = [item.name for item in bpy.context.selected_objects], bpy.context.mode
    states: list[str] = []
    longest = yield from _send(stage, "reconstruct", states)
    item = scene.collection.children["Backlot"].objects[0]
    stage.keep(
        states=states, longest_gap=longest, faces=len(item.data.polygons),
        selected=[item.name for item in bpy.context.selected_objects] == selected,
        mode=bpy.context.mode == mode, result=scene.backlot_jobs.items[0].result,
    )  # fmt: skip
    # Smart UV in a window, while the artist is in Edit Mode of the cube.
    unwrap = importlib.import_module(f"{_package()}.addon.reconstruct.unwrap")
    with bpy.context.temp_override(**stage.view()):
        bpy.ops.object.mode_set(mode="EDIT")
    mesh = unwrap.smart(item)
    stage.keep(unwrapped=[len(mesh.faces), float(mesh.uvs.max())], edit_mode=bpy.context.mode, scenes=[s.name for s in bpy.data.scenes])
    with bpy.context.temp_override(**stage.view()):
        bpy.ops.object.mode_set(mode="OBJECT")
        item.select_set(True)
        bpy.context.view_layer.objects.active = item
    cube.hide_set(True)
    space = stage.view()["area"].spaces.active
    space.shading.color_type = "VERTEX"
    space.region_3d.view_distance = 7.0
    yield 1.5
    stage.keep(sidebar=stage.sidebar_pixels())
    yield stage.screenshot("result")
    with bpy.context.temp_override(**stage.view()):
        bpy.ops.ed.undo_push(message="look")
        bpy.ops.ed.undo()
        while "Backlot" in bpy.data.collections and bpy.ops.ed.undo.poll():
            bpy.ops.ed.undo()
    stage.keep(undone="Backlot" not in bpy.data.collections, jobs=len(bpy.context.scene.backlot_jobs.items))
    yield from _clip(stage)


def _clip(stage: Any) -> Generator[Any, None, None]:
    """The Clip Editor's tab with a solved clip."""
    spec = importlib.util.spec_from_file_location("solved_clip", FOLDER / "solved_clip.py")
    assert spec is not None
    assert spec.loader is not None
    solved_clip = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(solved_clip)
    clip = solved_clip.make(FOLDER / "shot")
    solved_clip.orient(clip, bpy.context.scene)
    area = next(area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == "CLIP_EDITOR")
    area.spaces.active.show_region_ui = True
    sidebar = next(region for region in area.regions if region.type == "UI")
    yield 1.5
    sidebar.active_panel_category = "Backlot"
    sidebar.tag_redraw()
    yield 1.5
    yield stage.screenshot("clip")
    window = bpy.context.window_manager.windows[0]
    clips = importlib.import_module(f"{_package()}.addon.reconstruct.clips")
    stage.keep(
        solved=len(clips.solve(clip, bpy.context.scene).poses),
        clip_sidebar=[sidebar.x, window.height - sidebar.y - sidebar.height, sidebar.width, sidebar.height],
    )


def _package() -> str:
    return next(name for name in bpy.context.preferences.addons.keys() if name.endswith(".backlot"))  # noqa: SIM118


def _send(stage: Any, verb: str, states: list[str]) -> Generator[Any, None, float]:
    """Presses a button of the panel and waits for the job's end; gives the longest pause between two ticks after the capture."""
    with bpy.context.temp_override(**stage.view()):
        getattr(bpy.ops.backlot, verb)("INVOKE_DEFAULT")
    start, before = time.monotonic(), stage.clock()
    longest = 0.0
    while time.monotonic() - start < TIMEOUT_S:
        job = bpy.context.scene.backlot_jobs.items[-1]
        if not states or states[-1] != job.state:
            states.append(job.state)
            before = stage.clock()
        if job.state in ("done", "failed", "cancelled"):
            if job.error:
                raise RuntimeError(job.error)
            return longest
        yield 0.05
        if job.state != "capturing":
            longest = max(longest, stage.clock() - before)
        before = stage.clock()
    raise RuntimeError(f"{verb} took more than {TIMEOUT_S:g} s")

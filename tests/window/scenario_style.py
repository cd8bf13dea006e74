"""Played inside Blender (see stage.py): an artist paints a keyframe, styles a shot, looks at it beside the render, and undoes."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import bpy

TIMEOUT_S = 240.0
UNFOLDED = ("style_shot", "style_keyframes", "style_image_{}_result")


def scenario(stage: Any) -> Generator[Any, None, None]:
    scene, cube = bpy.context.scene, bpy.data.objects["Cube"]
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.render.resolution_x, scene.render.resolution_y = 96, 64
    scene.frame_start, scene.frame_end = 1, 4
    cube.keyframe_insert("rotation_euler", frame=1)
    cube.rotation_euler.z = 0.4
    cube.keyframe_insert("rotation_euler", frame=4)
    style = bpy.data.images.new("Strokes", 64, 64)
    style.pixels.foreach_set([part for n in range(64 * 64) for part in ((n * 7 % 64) / 64, (n // 64 % 5) / 5, (n % 9) / 9, 1.0)])
    style.pack()
    scene.style_shot.input_style = style
    group = scene.backlot_style
    for frame, value in ((1, 0.5), (4, 1.0)):
        group.strength = value
        scene.keyframe_insert("backlot_style.strength", frame=frame)
    _unfold("view_3d")
    _unfold("image_editor")
    yield from stage.open_tab("Backlot")
    yield from stage.quiet_gap()
    states: list[str] = []
    longest = yield from _send(stage, "add_keyframe", [])
    key = group.keyframes[0]
    stage.keep(keyframe=[key.image.name, key.image.is_float, key.image.packed_file is not None])
    longest = yield from _send(stage, "style_shot", states)
    image = scene.backlot_style.result
    stage.keep(
        states=states, longest_gap=longest, source=image.source, scenes=[item.name for item in bpy.data.scenes], frame=scene.frame_current,
        result=scene.backlot_jobs.items[0].result, strength=scene.backlot_jobs.items[0].request,
    )  # fmt: skip
    yield 1.0
    stage.keep(sidebar=stage.sidebar_pixels())
    yield stage.screenshot("shot")
    area = next(area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == "VIEW_3D")
    area.type = "IMAGE_EDITOR"
    area.spaces.active.show_region_ui = True
    scene.frame_set(3)
    sidebar = next(region for region in area.regions if region.type == "UI")
    yield 1.5
    sidebar.active_panel_category = "Backlot"
    region = next(region for region in area.regions if region.type == "WINDOW")
    here = {"window": bpy.context.window_manager.windows[0], "area": area, "region": region}
    with bpy.context.temp_override(**here):
        bpy.ops.backlot.show_shot()
        bpy.ops.image.view_all(fit_view=True)
    yield 1.5
    stage.keep(painted=_middle(area.spaces.active.image))
    yield stage.screenshot("painted")
    with bpy.context.temp_override(**here):
        bpy.ops.backlot.compare_shot()
    yield 1.0
    stage.keep(compared=area.spaces.active.image.name)
    yield stage.screenshot("render")
    area.type = "VIEW_3D"
    yield 0.5
    with bpy.context.temp_override(**stage.view()):
        cube.select_set(True)
        bpy.ops.backlot.project_shot("EXEC_DEFAULT", True)
        bpy.ops.backlot.shot_to_compositor("EXEC_DEFAULT", True)
        bpy.ops.backlot.shot_to_sequencer("EXEC_DEFAULT", True)
    cube = bpy.data.objects["Cube"]
    stage.keep(projected=cube.active_material.name, strips=_strips(bpy.context.scene))
    stage.view()["area"].spaces.active.shading.type = "MATERIAL"
    stage.view()["area"].spaces.active.region_3d.view_perspective = "CAMERA"
    yield 6.0
    yield stage.screenshot("projected")
    undone = []
    for _ in range(3):
        with bpy.context.temp_override(**stage.view()):
            bpy.ops.ed.undo()
        undone.append([_strips(bpy.context.scene), bpy.data.objects["Cube"].active_material.name])
    stage.keep(undone=undone, jobs=len(bpy.context.scene.backlot_jobs.items))


def _strips(scene: bpy.types.Scene) -> int:
    editor = scene.sequence_editor
    return 0 if editor is None else len(editor.strips if hasattr(editor, "strips") else editor.sequences)


def _middle(image: bpy.types.Image) -> list[int]:
    return list(image.size)


def _unfold(space: str) -> None:
    """Registers panels that are folded at first again, open, so that they are seen."""
    for name in UNFOLDED:
        cls = getattr(bpy.types, f"BACKLOT_PT_{name.format(space)}" if "{}" in name else f"BACKLOT_PT_{name}_{space}")
        children = [item for item in bpy.types.Panel.__subclasses__() if getattr(item, "bl_parent_id", "") == cls.__name__]
        for item in (*children, cls):
            bpy.utils.unregister_class(item)
        cls.bl_options = set()
        for item in (cls, *children):
            bpy.utils.register_class(item)


def _send(stage: Any, verb: str, states: list[str]) -> Generator[Any, None, float]:
    """Presses a button of the panel and waits for its end; gives the longest pause between two ticks after the capture."""
    before = stage.clock()
    keys = len(bpy.context.scene.backlot_style.keyframes)
    with bpy.context.temp_override(**stage.view()):
        getattr(bpy.ops.backlot, verb)("INVOKE_DEFAULT")
    start, longest = time.monotonic(), 0.0
    while time.monotonic() - start < TIMEOUT_S:
        yield 0.05
        if verb == "add_keyframe":
            if len(bpy.context.scene.backlot_style.keyframes) > keys:
                return longest
            continue
        job = bpy.context.scene.backlot_jobs.items[-1]
        if not states or states[-1] != job.state:
            states.append(job.state)
            before = stage.clock()
        if job.state in ("done", "failed", "cancelled"):
            if job.error:
                raise RuntimeError(job.error)
            return longest
        if job.state != "capturing":
            longest = max(longest, stage.clock() - before)
        before = stage.clock()
    raise RuntimeError(f"{verb} took more than {TIMEOUT_S:g} s")

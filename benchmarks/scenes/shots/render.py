"""Render a shot or a look of it. Runs in Blender as a module; ``benchmarks.scenes.shots.ensure`` calls it.

    .venvs/bpy-4.5/bin/python -m backlot.benchmarks.scenes.shots.render figure FOLDER [--look toon] [--threads 1] [--frames 1 18]

A look is written as ``look_####.png``, the render as a capture.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import bpy
import numpy as np

from ....addon.capture import cameras, scene_copy
from ....addon.images.temporary_scene import set_output
from ....shared.frames import write_transforms
from ....shared.values import Camera
from . import FRAMES, LOOKS, SHOTS, SIZE, looks
from .scenes import SCENES

COLOR_SAMPLES, LOOK_SAMPLES = 16, 64
GEOMETRY = ("depth", "normal", "motion", "object_id")


def _settings(scene: bpy.types.Scene, samples: int, threads: int) -> None:
    scene.render.engine = "CYCLES"
    scene.render.threads_mode, scene.render.threads = ("FIXED", threads) if threads else ("AUTO", 1)
    scene.render.use_persistent_data = False
    scene.cycles.samples = samples
    scene.cycles.use_adaptive_sampling = scene.cycles.use_denoising = False
    scene.cycles.max_bounces, scene.cycles.caustics_reflective, scene.cycles.caustics_refractive = 2, False, False
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.5, 0.6, 0.75, 1)
    scene.world.node_tree.nodes["Background"].inputs[1].default_value = 0.25
    scene.view_layers[0].name = scene_copy.VIEW_LAYER
    scene.frame_start, scene.frame_end = 1, FRAMES


def _still(scene: bpy.types.Scene, number: int, path: Path) -> None:
    # An animation of one frame: a still would not see the neighbouring frames that the vectors lead to.
    scene.frame_start = scene.frame_end = number
    scene.render.filepath = str(path.with_name("part_####"))
    written = Path(scene.render.frame_path(frame=number))
    bpy.ops.render.render("EXEC_DEFAULT", animation=True)
    written.replace(path)


def _color(scene: bpy.types.Scene, folder: Path, numbers: list[int]) -> None:
    set_output(scene, "", layers=False)
    scene.render.image_settings.color_depth = "16"
    for number in numbers:
        scene.cycles.seed = number
        _still(scene, number, folder / f"color_{number:04d}.exr")


def _geometry(scene: bpy.types.Scene, folder: Path, numbers: list[int]) -> None:
    scene_copy.set_geometry(scene)
    layer = scene.view_layers[0]
    layer.use_pass_diffuse_color = True
    aov = layer.aovs.add()
    aov.name, aov.type = "Rest", "COLOR"
    set_output(scene, "", layers=True)
    metas = []
    with scene_copy.object_ids(scene) as ids:
        for number in numbers:
            name = f"geometry_{number:04d}.exr"
            _still(scene, number, folder / name)
            scene.frame_set(number)
            lens = cameras.intrinsics(scene.camera.data, *SIZE, (1.0, 1.0))
            pose = np.array(cameras.pose(scene.camera), np.float64)
            camera = Camera(*SIZE, lens["fl_x"], lens["fl_y"], lens["cx"], lens["cy"], pose)
            files = {"color": f"color_{number:04d}.exr", **dict.fromkeys(GEOMETRY, name)}
            metas.append({"camera": camera, "files": files, "number": number})
        meshes = {item.name for item in scene.objects if item.type == "MESH"}
        named = {name: number for name, number in ids.items() if name in meshes}
        (folder / "objects.json").write_text(json.dumps(named, indent=1) + "\n", encoding="utf-8")
    write_transforms(folder, metas)


def _look(scene: bpy.types.Scene, key: bpy.types.Object, folder: Path, numbers: list[int]) -> None:
    scene.cycles.max_bounces = 0
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "8"
    for number in numbers:
        scene.frame_set(number)
        looks.aim(key)
        scene.cycles.seed = number
        _still(scene, number, folder / f"look_{number:04d}.png")


def main() -> None:
    """Renders what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shot", choices=SHOTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--look", choices=LOOKS, default="")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--frames", type=int, nargs="+", default=[])
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    numbers = options.frames or list(range(1, FRAMES + 1))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    _settings(scene, LOOK_SAMPLES if options.look else COLOR_SAMPLES, options.threads)
    key, paints = SCENES[options.shot]()
    looks.apply(paints, options.look)
    if options.look:
        _look(scene, key, options.folder, numbers)
    else:
        _color(scene, options.folder, numbers)
        _geometry(scene, options.folder, numbers)


if __name__ == "__main__":
    main()

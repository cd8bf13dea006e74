"""Three textured Cycles shots with truth, for ``benchmarks/footage.py``. Runs in Blender as a module.

    .venvs/bpy-4.5/bin/python -m backlot.benchmarks.scenes.footage_scenes [FOLDER] [--samples 24] [--size 640 360] [--threads 2]

Each shot becomes a folder with ``transforms.json`` and one multilayer EXR for each frame: ``Combined`` (scene-linear) and ``Depth``
(planar z at the pixel's centre, 1e10 where there is nothing). What is there already is kept. All textures are procedural.

- ``wall``: a brick wall, a tiled floor, crates and balls; the camera goes sideways.
- ``table``: a monkey's head, rings and stones on boards; the camera goes around them.
- ``yard``: rocky ground that rises to a house with plain plaster, sky above; the camera goes forward and up.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path

import bpy
from mathutils import Vector, noise

Point = tuple[float, float, float]
LENS_MM, SENSOR_MM = 32.0, 36.0


def material(name: str, kind: str, scale: float, colors: tuple[Point, Point], contrast: float = 1.0) -> bpy.types.Material:
    """A rough surface with a pattern in object space: ``bricks``, ``noise``, ``voronoi`` or ``checker``, with fine noise over it."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    shader = nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = 0.9
    shader.inputs["Specular IOR Level"].default_value = 0.1
    position = nodes.new("ShaderNodeTexCoord").outputs["Object"]
    if kind == "bricks":
        pattern = nodes.new("ShaderNodeTexBrick")
        pattern.inputs["Color1"].default_value = (*colors[0], 1)
        pattern.inputs["Color2"].default_value = (*(0.6 * c for c in colors[0]), 1)
        pattern.inputs["Mortar"].default_value = (*colors[1], 1)
        pattern.inputs["Scale"].default_value = scale
        links.new(position, pattern.inputs["Vector"])
        color = pattern.outputs["Color"]
    else:
        types = {"noise": "ShaderNodeTexNoise", "voronoi": "ShaderNodeTexVoronoi", "checker": "ShaderNodeTexChecker"}
        pattern = nodes.new(types[kind])
        pattern.inputs["Scale"].default_value = scale
        links.new(position, pattern.inputs["Vector"])
        ramp = nodes.new("ShaderNodeValToRGB")
        ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (*colors[0], 1), (*colors[1], 1)
        ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = (0.3, 0.7) if kind == "noise" else (0.0, 1.0)
        if kind == "noise":
            pattern.inputs["Detail"].default_value = 8.0
        links.new(pattern.outputs[1 if kind == "checker" else 0], ramp.inputs["Fac"])
        color = ramp.outputs["Color"]
    grain = nodes.new("ShaderNodeTexNoise")
    grain.inputs["Scale"].default_value = 9.0
    grain.inputs["Detail"].default_value = 10.0
    links.new(position, grain.inputs["Vector"])
    span = nodes.new("ShaderNodeMapRange")
    span.inputs["From Min"].default_value, span.inputs["From Max"].default_value = 0.3, 0.7
    span.inputs["To Min"].default_value, span.inputs["To Max"].default_value = 1 - 0.6 * contrast, 1.0 + 0.2 * contrast
    links.new(grain.outputs[0], span.inputs["Value"])
    mix = nodes.new("ShaderNodeVectorMath")
    mix.operation = "SCALE"
    links.new(color, mix.inputs[0])
    links.new(span.outputs["Result"], mix.inputs["Scale"])
    links.new(mix.outputs["Vector"], shader.inputs["Base Color"])
    return made


def last(made: bpy.types.Material, smooth: bool = False) -> bpy.types.Object:
    """The object that an operator just added, with a material."""
    thing = bpy.context.object
    thing.data.materials.append(made)
    if smooth:
        for polygon in thing.data.polygons:
            polygon.use_smooth = True
    return thing


def box(center: Point, size: Point, made: bpy.types.Material, turn: float = 0.0) -> bpy.types.Object:
    """A box of full lengths ``size``; its scale is applied, so that patterns keep their size."""
    bpy.ops.mesh.primitive_cube_add(size=1, location=center, rotation=(0, 0, turn))
    thing = last(made)
    for vertex in thing.data.vertices:
        vertex.co = Vector(c * s for c, s in zip(vertex.co, size, strict=True))
    return thing


def ball(center: Point, radius: float, made: bpy.types.Material, bumps: float = 0.0) -> None:
    """A ball, or with bumps a stone."""
    bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=32, radius=radius, location=center)
    for vertex in last(made, smooth=True).data.vertices:
        vertex.co *= 1 + bumps * noise.noise(vertex.co * 2.5 / radius + Vector(center))


def sun(rotation: Point, strength: float, sky: float) -> None:
    """A soft sun and an even sky."""
    bpy.ops.object.light_add(type="SUN", rotation=rotation)
    bpy.context.object.data.energy, bpy.context.object.data.angle = strength, 0.15
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.55, 0.7, 1.0, 1)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = sky
    bpy.context.scene.world = world


def wall(count: int) -> list[tuple[Point, Point]]:
    """Build the scene; returns where the camera is in each frame and what it looks at."""
    brick = material("brick", "bricks", 3.0, ((0.5, 0.2, 0.12), (0.6, 0.57, 0.5)))
    tile = material("tile", "voronoi", 4.0, ((0.55, 0.5, 0.4), (0.2, 0.2, 0.22)))
    wood = material("wood", "noise", 5.0, ((0.35, 0.2, 0.08), (0.6, 0.42, 0.22)))
    paint = material("paint", "checker", 5.0, ((0.15, 0.3, 0.5), (0.7, 0.65, 0.5)))
    bpy.ops.mesh.primitive_plane_add(size=12, location=(0, 2.2, 0), rotation=(math.radians(90), 0, 0))
    last(brick)
    bpy.ops.mesh.primitive_plane_add(size=14, location=(0, 0, 0))
    last(tile)
    box((-1.4, 1.0, 0.45), (0.9, 0.9, 0.9), wood, 0.4)
    box((-1.3, 1.1, 1.15), (0.5, 0.5, 0.5), paint, -0.3)
    box((1.5, 1.3, 0.7), (0.7, 0.7, 1.4), paint, 0.7)
    ball((0.25, 0.4, 0.45), 0.45, material("ball", "voronoi", 7.0, ((0.7, 0.55, 0.2), (0.15, 0.35, 0.25))))
    ball((0.95, -0.3, 0.25), 0.25, material("small", "noise", 8.0, ((0.6, 0.15, 0.1), (0.8, 0.7, 0.6))))
    sun((0.9, 0.3, 0.5), 3.0, 0.7)
    return [
        ((1.6 * (2 * i / (count - 1) - 1), -4.2, 1.5 + 0.15 * math.sin(i)), (0.3 * (2 * i / (count - 1) - 1), 1.0, 0.85))
        for i in range(count)
    ]


def table(count: int) -> list[tuple[Point, Point]]:
    """Build the scene; returns where the camera is in each frame and what it looks at."""
    boards = material("boards", "bricks", 1.6, ((0.45, 0.28, 0.14), (0.1, 0.06, 0.03)))
    stone = material("stone", "voronoi", 9.0, ((0.3, 0.3, 0.32), (0.65, 0.6, 0.55)))
    bpy.ops.mesh.primitive_plane_add(size=7, location=(0, 0, 0))
    last(boards)
    bpy.ops.mesh.primitive_plane_add(size=16, location=(0, 5, 0), rotation=(math.radians(90), 0, 0))
    last(material("paper", "noise", 2.5, ((0.35, 0.4, 0.3), (0.65, 0.6, 0.45))))
    bpy.ops.mesh.primitive_monkey_add(size=1.5, location=(0, 0.1, 0.72), rotation=(-0.5, 0, 0.2))
    bpy.context.object.modifiers.new("round", "SUBSURF").render_levels = 2
    last(material("clay", "noise", 6.0, ((0.6, 0.3, 0.18), (0.75, 0.6, 0.4))), smooth=True)
    bpy.ops.mesh.primitive_torus_add(location=(-1.2, -0.3, 0.2), major_radius=0.45, minor_radius=0.2, major_segments=96, minor_segments=32)
    last(material("ring", "checker", 6.0, ((0.1, 0.25, 0.4), (0.7, 0.7, 0.6))), smooth=True)
    bpy.ops.mesh.primitive_cylinder_add(location=(1.2, 0.3, 0.5), radius=0.35, depth=1.0, vertices=64)
    last(material("tin", "bricks", 4.0, ((0.2, 0.45, 0.25), (0.75, 0.7, 0.5))), smooth=False)
    for i, (x, y, r) in enumerate([(-0.5, -1.1, 0.22), (0.55, -0.9, 0.18), (1.1, -0.8, 0.28), (-1.5, 0.8, 0.35)]):
        ball((x, y, r * 0.8), r, stone, 0.35 + 0.05 * i)
    sun((0.7, -0.4, 0.2), 3.0, 0.8)
    angles = [math.radians(-24 + 48 * i / (count - 1)) for i in range(count)]
    return [((3.9 * math.sin(a), -3.9 * math.cos(a), 1.9 + 0.1 * math.cos(5 * a)), (0, 0.1, 0.5)) for a in angles]


def yard(count: int) -> list[tuple[Point, Point]]:
    """Build the scene; returns where the camera is in each frame and what it looks at."""
    ground = material("ground", "voronoi", 2.2, ((0.25, 0.2, 0.13), (0.5, 0.45, 0.3)))
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=240, y_subdivisions=240, size=14, location=(0, 2, 0))
    for vertex in last(ground, smooth=True).data.vertices:
        p = vertex.co
        vertex.co.z = 0.35 * noise.noise(p * 0.6) + 0.12 * noise.noise(p * 2.3) + 0.03 * noise.noise(p * 7.0) + 0.05 * max(p.y, 0)
    plaster = material("plaster", "noise", 1.5, ((0.62, 0.58, 0.5), (0.7, 0.66, 0.58)), 0.12)
    roof = material("roof", "bricks", 2.5, ((0.4, 0.13, 0.08), (0.2, 0.1, 0.08)))
    box((0.8, 5.2, 1.1), (3.6, 2.4, 2.4), plaster, 0.35)
    box((0.8, 5.2, 2.45), (4.0, 2.8, 0.3), roof, 0.35)
    box((0.35, 3.95, 1.0), (0.7, 0.12, 1.5), material("door", "bricks", 3.0, ((0.2, 0.3, 0.2), (0.05, 0.07, 0.05))), 0.35)
    rock = material("rock", "noise", 3.0, ((0.3, 0.29, 0.27), (0.6, 0.58, 0.52)))
    for x, y, r in [(-1.3, 0.2, 0.45), (1.1, 0.0, 0.35), (-0.4, 1.8, 0.5), (-2.6, 2.6, 0.8), (2.2, 1.4, 0.5), (0.3, -1.2, 0.25)]:
        ball((x, y, 0.5 * r), r, rock, 0.45)
    sun((0.6, 0.5, 0.9), 3.5, 0.6)
    steps = [i / (count - 1) for i in range(count)]
    return [((-1.1 + 1.5 * s, -4.6 + 1.2 * s, 1.2 + 0.7 * s), (0.2, 1.5, 0.8)) for s in steps]


SHOTS: dict[str, Callable[[int], list[tuple[Point, Point]]]] = {"wall": wall, "table": table, "yard": yard}


def render(folder: Path, shot: str, count: int, size: tuple[int, int], samples: int, threads: int) -> None:
    """Renders what is missing of a shot."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    views = SHOTS[shot](count)
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = samples, True
    scene.cycles.max_bounces = 3
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.use_persistent_data = True
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = *size, 100
    scene.view_layers[0].use_pass_z = True
    scene.render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
    scene.render.image_settings.color_depth = "32"
    scene.render.image_settings.exr_codec = "ZIP"
    lens = bpy.data.cameras.new("camera")
    lens.lens, lens.sensor_width = LENS_MM, SENSOR_MM
    camera = bpy.data.objects.new("camera", lens)
    scene.collection.objects.link(camera)
    scene.camera = camera
    focal = LENS_MM / SENSOR_MM * size[0]
    entries = []
    for number, (centre, target) in enumerate(views):
        camera.location = centre
        camera.rotation_euler = (Vector(target) - Vector(centre)).to_track_quat("-Z", "Y").to_euler()
        bpy.context.view_layer.update()
        file = f"frame_{number:03d}.exr"
        entries.append({
            "frame_number": number, "file_path": file, "depth_file_path": file, "w": size[0], "h": size[1], "fl_x": focal, "fl_y": focal,
            "cx": size[0] / 2, "cy": size[1] / 2, "transform_matrix": [list(row) for row in camera.matrix_world],
        })  # fmt: skip
        if not (folder / shot / file).exists():
            scene.render.filepath = str(folder / shot / f"frame_{number:03d}.part")
            bpy.ops.render.render(write_still=True)
            next((folder / shot).glob(f"frame_{number:03d}.part*")).rename(folder / shot / file)
    (folder / shot / "transforms.json").write_text(json.dumps({"camera_model": "OPENCV", "frames": entries}, indent=1))


def main() -> None:
    """Renders all shots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).resolve().parents[2] / ".cache" / "footage")
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--size", type=int, nargs=2, default=(640, 360))
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shots", nargs="+", choices=tuple(SHOTS), default=list(SHOTS))
    options = parser.parse_args()
    for shot in options.shots:
        (options.folder / shot).mkdir(parents=True, exist_ok=True)
        render(options.folder, shot, options.frames, tuple(options.size), options.samples, options.threads)


if __name__ == "__main__":
    main()

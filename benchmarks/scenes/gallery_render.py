"""Cycles' pictures of the gallery: each material on a sphere and on a plane, under two lights. Runs in Blender as a module.

    .venvs/bpy-4.5/bin/python -m backlot.benchmarks.scenes.gallery_render FOLDER … [--side 240] [--samples 12] [--threads 1]

Each folder holds ``maps.npz`` (the maps of ``texture.generate`` by name) and ``report.json``, and gets ``sphere_studio.png``,
``plane_studio.png``, ``sphere_sun.png`` and ``plane_sun.png``; what is there already is kept. The material is made by the add-on's own
code, as when a job's result arrives, with displacement switched on: what is seen is what an artist gets.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from ... import register
from ...addon.jobs import records
from ...addon.materials import results
from ...shared.values import Image

SHOTS = ("sphere_studio", "plane_studio", "sphere_sun", "plane_sun")
SPHERE = (224, 112)
"""Faces around the sphere and from pole to pole."""
PLANE = 192
"""Faces along each side of the plane."""
Point = tuple[float, float, float]
AWAY = 60.0
"""Widths of the tile from the sphere to the plane: the lights of one do not reach the other."""


def grid_mesh(name: str, positions: np.ndarray, uv: np.ndarray) -> bpy.types.Object:
    """An object from a grid of points.

    Args:
        name: Of the object.
        positions: ``(rows, columns, 3)``.
        uv: ``(rows, columns, 2)``.
    """
    rows, columns = positions.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    faces = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], -1).reshape(-1, 4)
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(rows * columns)
    mesh.vertices.foreach_set("co", positions.astype(np.float32).ravel())
    mesh.loops.add(faces.size)
    mesh.loops.foreach_set("vertex_index", faces.astype(np.int32).ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 4, dtype=np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    layer = mesh.uv_layers.new(name="UVMap")
    layer.uv.foreach_set("vector", uv.reshape(-1, 2)[faces.ravel()].astype(np.float32).ravel())
    mesh.update(calc_edges=True)
    item = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(item)
    return item


def sphere(width: float) -> bpy.types.Object:
    """A sphere once around which the tile goes: its visible half shows a quarter of it. Its UVs have the same scale both ways.

    The poles are on the horizon as the camera sees it, out of view.
    """
    columns, rows = SPHERE
    radius = 0.5 * width / np.pi
    u, v = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 0.5, rows + 1))
    turn, rise = 2 * np.pi * (u + 0.25), 2 * np.pi * (v - 0.25)  # the seam is at the back
    unit = np.stack([np.cos(turn) * np.cos(rise), np.sin(turn) * np.cos(rise), np.sin(rise)], -1)
    item = grid_mesh("Sphere", unit * radius, np.stack([u, v], -1))
    item.rotation_euler = (math.radians(-14), 0, 0)
    item.location.z = radius
    return item


def plane(width: float) -> bpy.types.Object:
    """A square two tiles wide."""
    u, v = np.meshgrid(np.linspace(-1, 1, PLANE + 1), np.linspace(-1, 1, PLANE + 1))
    item = grid_mesh("Plane", np.stack([u, v, np.zeros_like(u)], -1) * width, np.stack([u, v], -1))
    item.location.x = AWAY * width
    return item


def aim(item: bpy.types.Object, at: Vector) -> None:
    """Turns a camera or a light towards a point."""
    item.rotation_euler = (at - item.location).to_track_quat("-Z", "Y").to_euler()


def camera(
    position: tuple[float, float, float], at: tuple[float, float, float], lens: float, width: float, x: float = 0.0
) -> bpy.types.Object:
    """A camera; positions are in widths of the tile."""
    data = bpy.data.cameras.new("Camera")
    data.lens, data.clip_start, data.clip_end = lens, 0.01 * width, 1000 * width
    item = bpy.data.objects.new("Camera", data)
    bpy.context.scene.collection.objects.link(item)
    item.location = (Vector(position) + Vector((x, 0, 0))) * width
    aim(item, (Vector(at) + Vector((x, 0, 0))) * width)
    return item


def area(position: Point, at: Point, size: float, power: float, width: float, x: float = 0.0) -> bpy.types.Object:
    """A soft square light; its power is in watts for a tile of one metre."""
    data = bpy.data.lights.new("Area", "AREA")
    data.size, data.energy = size * width, power * width * width
    item = bpy.data.objects.new("Area", data)
    bpy.context.scene.collection.objects.link(item)
    item.location = (Vector(position) + Vector((x, 0, 0))) * width
    aim(item, (Vector(at) + Vector((x, 0, 0))) * width)
    return item


def sun(azimuth: float, elevation: float) -> bpy.types.Object:
    """A low warm sun; degrees, azimuth counter-clockwise from +x."""
    data = bpy.data.lights.new("Sun", "SUN")
    data.energy, data.angle, data.color = 4.2, math.radians(1.0), (1.0, 0.80, 0.58)
    item = bpy.data.objects.new("Sun", data)
    bpy.context.scene.collection.objects.link(item)
    a, e = math.radians(azimuth), math.radians(elevation)
    item.location = (math.cos(a) * math.cos(e), math.sin(a) * math.cos(e), math.sin(e))
    aim(item, Vector())
    return item


def studio_world() -> bpy.types.World:
    """Grey surroundings, darker below: enough for metal to mirror."""
    world = bpy.data.worlds.new("Studio")
    world.use_nodes = True
    tree = world.node_tree
    coordinates, split = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeSeparateXYZ")
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[0].color = 0.35, (0.10, 0.10, 0.105, 1)
    ramp.color_ramp.elements[1].position, ramp.color_ramp.elements[1].color = 0.75, (0.62, 0.64, 0.68, 1)
    half = tree.nodes.new("ShaderNodeMapRange")
    half.inputs["From Min"].default_value = -1
    tree.links.new(coordinates.outputs["Generated"], split.inputs[0])
    tree.links.new(split.outputs["Z"], half.inputs["Value"])
    tree.links.new(half.outputs["Result"], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], tree.nodes["Background"].inputs["Color"])
    tree.nodes["Background"].inputs["Strength"].default_value = 0.55
    return world


def sky_world(azimuth: float, elevation: float) -> bpy.types.World:
    """A clear sky without the sun's disc, which is a lamp."""
    world = bpy.data.worlds.new("Sky")
    world.use_nodes = True
    tree = world.node_tree
    sky = tree.nodes.new("ShaderNodeTexSky")
    sky.sky_type, sky.sun_disc = "NISHITA", False
    sky.sun_elevation, sky.sun_rotation = math.radians(elevation), math.radians(90 - azimuth)
    tree.links.new(sky.outputs["Color"], tree.nodes["Background"].inputs["Color"])
    tree.nodes["Background"].inputs["Strength"].default_value = 0.16
    return world


def floor(width: float) -> None:
    """Matt ground under the sphere."""
    half = 12.0 * width
    corner = np.array([[[-half, -half, 0], [half, -half, 0]], [[-half, half, 0], [half, half, 0]]])
    item = grid_mesh("Floor", corner, np.zeros((2, 2, 2)))
    material = bpy.data.materials.new("Floor")
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (0.33, 0.325, 0.315, 1)
    shader.inputs["Roughness"].default_value = 0.9
    item.data.materials.append(material)


def set_up(side: int, samples: int, threads: int) -> bpy.types.Scene:
    """An empty scene with Cycles' settings."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = scene.render.resolution_y = side
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.use_persistent_data = True
    scene.render.image_settings.file_format = "PNG"
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.use_adaptive_sampling = "CPU", samples, False
    cycles.use_denoising, cycles.denoiser, cycles.denoising_prefilter = True, "OPENIMAGEDENOISE", "FAST"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 2, 1, 2
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 4.0
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    return scene


def render(folder: Path, side: int, samples: int, threads: int) -> None:
    """Makes the pictures of one folder that are not there yet."""
    missing = [shot for shot in SHOTS if not (folder / f"{shot}.png").exists()]
    if not missing:
        return
    began = time.monotonic()
    report = json.loads((folder / "report.json").read_text())
    with np.load(folder / "maps.npz") as data:
        maps = {name: Image(data[name], "srgb" if name == "base_color" else "data") for name in data.files}
    scene = set_up(side, samples, threads)
    width = float(report["width_m"])
    ball, board = sphere(width), plane(width)
    floor(width)
    scene.backlot_materials.displacement = "BOTH"
    wanted = {"prompt": report.get("prompt", "")}
    request = {"parameters": wanted, "seed": report.get("seed", 0), "inputs": {}, "targets": records.targets([ball, board])}
    results.apply(scene, "texture.generate", "Material", {**maps, "report": report}, request)
    cameras = {
        "sphere": camera((0, -1.30, 0.40), (0, 0, 0.158), 126, width),
        "plane": camera((0, -0.66, 0.50), (0, -0.06, 0), 50, width, AWAY),
    }
    azimuth, elevation = 152.0, 17.0
    lights = {
        "studio": [
            area((-0.55, -0.5, 0.75), (0, 0, 0.15), 0.55, 11.5, width),
            area((0.65, 0.25, 0.35), (0, 0, 0.15), 0.25, 2.5, width),
            area((-0.8, 0.6, 0.75), (0, 0, 0), 0.6, 20, width, AWAY),
        ],
        "sun": [sun(azimuth, elevation)],
    }
    worlds = {"studio": studio_world(), "sun": sky_world(azimuth, elevation)}
    for shot in missing:
        thing, light = shot.split("_")
        for name, lamps in lights.items():
            for lamp in lamps:
                lamp.hide_render = name != light
        scene.world, scene.camera = worlds[light], cameras[thing]
        scene.render.filepath = str(folder / f"{shot}.png")
        bpy.ops.render.render(write_still=True)
    spent = time.monotonic() - began
    print(f"{folder.name}: {len(missing)} pictures in {spent:.1f} s, processor so far {time.process_time():.1f} s", flush=True)


def main() -> None:
    """Render what is missing in each folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--side", type=int, default=240)
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    register()
    for folder in options.folders:
        render(folder, options.side, options.samples, options.threads)


if __name__ == "__main__":
    main()

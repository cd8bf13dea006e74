"""The demo's scene: a courtyard still life, lit by one of Blender's bundled HDRIs.

Objects: a brick wall and a gravel ground that wait for their textures, a glazed vase, a ceramic Suzanne on a stone
plinth, a brass ring, a terracotta pot. Units are metres.
"""

from __future__ import annotations

import math
from pathlib import Path

import bpy
from mathutils import Vector

WALL, GROUND, PLINTH = "Wall", "Ground", "Plinth"
STILL_LIFE = ("Suzanne", "Vase", "Ring", "Pot", PLINTH)


def build() -> bpy.types.Scene:
    """Makes the scene in a fresh file and gives it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    _light(scene)
    _plane(GROUND, (1.5, -1.4, 0), (0, 0, 0), 11.0, 6.0)
    _plane(WALL, (1.5, 1.6, 1.5), (math.pi / 2, 0, 0), 11.0, 3.0)
    _plinth()
    _suzanne()
    _vase()
    _ring()
    _pot()
    _camera(scene)
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces = 6
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.render.use_persistent_data = True
    return scene


def material(name: str, color: tuple[float, float, float], roughness: float, metallic: float = 0.0, coat: float = 0.0, bump: float = 0.0,
             scale: float = 40.0) -> bpy.types.Material:  # fmt: skip
    """A Principled material; ``color`` is scene-linear, ``bump`` in metres."""
    result = bpy.data.materials.new(name)
    result.use_nodes = True
    nodes, links = result.node_tree.nodes, result.node_tree.links
    shader = nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*color, 1)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    shader.inputs["Coat Weight"].default_value = coat
    if bump:
        noise, relief = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeBump")
        noise.inputs["Scale"].default_value = scale
        noise.inputs["Detail"].default_value = 8
        relief.inputs["Distance"].default_value = bump
        links.new(noise.outputs["Fac"], relief.inputs["Height"])
        links.new(relief.outputs["Normal"], shader.inputs["Normal"])
    return result


def _light(scene: bpy.types.Scene) -> None:
    world = bpy.data.worlds.new("Courtyard")
    scene.world = world
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    environment = nodes.new("ShaderNodeTexEnvironment")
    folder = Path(bpy.utils.resource_path("LOCAL")) / "datafiles" / "studiolights" / "world"
    if not folder.exists():
        folder = Path(bpy.utils.system_resource("DATAFILES")) / "studiolights" / "world"
    environment.image = bpy.data.images.load(str(folder / "courtyard.exr"))
    mapping, coordinates = nodes.new("ShaderNodeMapping"), nodes.new("ShaderNodeTexCoord")
    mapping.inputs["Rotation"].default_value = (0, 0, math.radians(140))
    links.new(coordinates.outputs["Generated"], mapping.inputs["Vector"])
    links.new(mapping.outputs["Vector"], environment.inputs["Vector"])
    links.new(environment.outputs["Color"], nodes["Background"].inputs["Color"])
    nodes["Background"].inputs["Strength"].default_value = 0.8
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.data.angle, sun.data.color = 2.6, math.radians(3), (1.0, 0.9, 0.76)
    sun.rotation_euler = (math.radians(48), 0, math.radians(-38))
    scene.collection.objects.link(sun)


def _link(name: str, mesh: bpy.types.Mesh, look: bpy.types.Material, smooth: bool = True) -> bpy.types.Object:
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    mesh.materials.append(look)
    mesh.shade_smooth() if smooth else mesh.shade_flat()
    return thing


def _plane(name: str, place: tuple[float, float, float], turn: tuple[float, float, float], width: float, height: float) -> None:
    mesh = bpy.data.meshes.new(name)
    w, h = width / 2, height / 2
    mesh.from_pydata([(-w, -h, 0), (w, -h, 0), (w, h, 0), (-w, h, 0)], [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new(name="UVMap")
    for loop, (u, v) in zip(layer.data, ((0, 0), (0, width), (height, width), (height, 0)), strict=True):
        loop.uv = (u, v)  # one unit of UV is one metre; turned, because the bricks in the photograph stand upright
    thing = _link(name, mesh, material(name, (0.45, 0.43, 0.4), 0.9), smooth=False)
    thing.location, thing.rotation_euler = place, turn


def _plinth() -> None:
    bpy.ops.mesh.primitive_cube_add(size=1, location=(-0.35, 0.55, 0.24))
    plinth = bpy.context.object
    plinth.name, plinth.scale = PLINTH, (0.62, 0.62, 0.48)
    plinth.modifiers.new("Bevel", "BEVEL").width = 0.02
    plinth.data.materials.append(material("Limestone", (0.52, 0.47, 0.4), 0.75, bump=0.006, scale=14))


def _suzanne() -> None:
    bpy.ops.mesh.primitive_monkey_add(size=0.62, location=(-0.35, 0.5, 0.74), rotation=(math.radians(-6), 0, math.radians(18)))
    head = bpy.context.object
    head.name = "Suzanne"
    head.modifiers.new("Subdivision", "SUBSURF").render_levels = 2
    head.modifiers["Subdivision"].levels = 2
    head.data.shade_smooth()
    head.data.materials.append(material("Celadon", (0.12, 0.36, 0.3), 0.22, coat=0.6))


def _turned(name: str, profile: list[tuple[float, float]], look: bpy.types.Material) -> bpy.types.Object:
    """A lathe: turns (radius, height) pairs around z."""
    steps = 64
    vertices = [(r * math.cos(a), r * math.sin(a), z) for r, z in profile for a in (2 * math.pi * s / steps for s in range(steps))]
    faces = [(i * steps + s, i * steps + (s + 1) % steps, (i + 1) * steps + (s + 1) % steps, (i + 1) * steps + s)
             for i in range(len(profile) - 1) for s in range(steps)]  # fmt: skip
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], faces)
    thing = _link(name, mesh, look)
    thing.modifiers.new("Subdivision", "SUBSURF").levels = 1
    return thing


def _vase() -> None:
    profile = [(0.001, 0), (0.11, 0), (0.14, 0.03), (0.19, 0.2), (0.2, 0.32), (0.15, 0.47), (0.08, 0.58), (0.075, 0.66), (0.115, 0.74),
               (0.105, 0.745), (0.06, 0.66), (0.065, 0.58)]  # fmt: skip
    vase = _turned("Vase", profile, material("Cobalt glaze", (0.02, 0.06, 0.32), 0.12, coat=1.0))
    vase.location = (0.42, 0.62, 0)


def _ring() -> None:
    bpy.ops.mesh.primitive_torus_add(
        major_radius=0.2, minor_radius=0.055, major_segments=72, minor_segments=28, location=(0.18, -0.1, 0.055)
    )
    ring = bpy.context.object
    ring.name = "Ring"
    ring.data.shade_smooth()
    ring.data.materials.append(material("Brass", (0.83, 0.55, 0.2), 0.24, metallic=1.0))


def _pot() -> None:
    profile = [(0.001, 0), (0.13, 0), (0.175, 0.22), (0.2, 0.22), (0.205, 0.28), (0.175, 0.28), (0.16, 0.24), (0.13, 0.06), (0.001, 0.05)]
    pot = _turned("Pot", profile, material("Terracotta", (0.5, 0.17, 0.075), 0.8, bump=0.003, scale=60))
    pot.location = (0.86, 0.28, 0)


def _camera(scene: bpy.types.Scene) -> None:
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    camera.location = (0.35, -2.9, 1.25)
    target = Vector((0.12, 0.5, 0.48))
    camera.rotation_euler = (target - camera.location).to_track_quat("-Z", "Y").to_euler()
    camera.data.lens = 46
    scene.camera = camera

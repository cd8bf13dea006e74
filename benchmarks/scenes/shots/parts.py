"""What the scenes are made of: meshes that remember where they rest, and materials with colours that are fixed to the surface."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

Colour = tuple[float, float, float]


def new_object(name: str, vertices: np.ndarray, faces: list[Any], smooth: bool = True) -> bpy.types.Object:
    """A mesh object in the scene."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(np.asarray(vertices, float).tolist(), [], [list(map(int, f)) for f in faces])
    mesh.polygons.foreach_set("use_smooth", [smooth] * len(mesh.polygons))
    mesh.update()
    item = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(item)
    return item


def ball(name: str, centre: Colour, radii: Colour, rings: int = 40) -> bpy.types.Object:
    """An ellipsoid."""
    theta = np.linspace(0, math.pi, rings + 1)
    phi = np.arange(2 * rings) * math.pi / rings
    t, p = np.meshgrid(theta, phi, indexing="ij")
    points = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], -1) * radii + centre
    return new_object(name, points.reshape(-1, 3), _grid_faces(rings + 1, 2 * rings, wrap=True))


def lathe(name: str, profile: list[tuple[float, float]], centre: Colour, sides: int = 48) -> bpy.types.Object:
    """A surface of revolution about z; ``profile`` lists radius and height from the bottom."""
    phi = np.arange(sides) * 2 * math.pi / sides
    rows = [[(r * math.cos(p) + centre[0], r * math.sin(p) + centre[1], z + centre[2]) for p in phi] for r, z in profile]
    return new_object(name, np.array(rows).reshape(-1, 3), _grid_faces(len(profile), sides, wrap=True))


def sheet(name: str, corner: Colour, along: Colour, up: Colour, counts: tuple[int, int] = (1, 1)) -> bpy.types.Object:
    """A flat parallelogram of ``counts`` faces."""
    u, v = np.meshgrid(np.linspace(0, 1, counts[0] + 1), np.linspace(0, 1, counts[1] + 1))
    points = np.array(corner) + u[..., None] * np.array(along) + v[..., None] * np.array(up)
    return new_object(name, points.reshape(-1, 3), _grid_faces(counts[1] + 1, counts[0] + 1, wrap=False), smooth=counts != (1, 1))


def block(name: str, centre: Colour, half: Colour, turn: float = 0.0) -> bpy.types.Object:
    """A box, turned about z."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float) * half
    c, s = math.cos(turn), math.sin(turn)
    points = signs @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + centre
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return new_object(name, points, faces, smooth=False)


def strands(name: str, roots: np.ndarray, directions: np.ndarray, length: float, radius: float, seed: int) -> bpy.types.Object:
    """Hair-like tubes that leave along ``directions`` and fall: all in one mesh."""
    rng = np.random.default_rng(seed)
    points, faces = list[np.ndarray](), list[tuple[int, ...]]()
    steps, sides = 9, 5
    for root, direction in zip(roots, directions, strict=True):
        d = np.array(direction, float) + rng.normal(0, 0.16, 3)
        here, reach, base = np.array(root, float), length * rng.uniform(0.65, 1.15), sum(len(p) for p in points)
        for step in range(steps):
            d = d / np.linalg.norm(d)
            a = np.cross(d, [0.3, 0.2, 1.0])
            a /= np.linalg.norm(a)
            b = np.cross(d, a)
            r = radius * (1 - 0.85 * step / (steps - 1))
            angles = np.arange(sides) * 2 * math.pi / sides
            points.append(here + r * (np.cos(angles)[:, None] * a + np.sin(angles)[:, None] * b))
            here = here + d * reach / steps
            d = d + np.array([0, 0, -0.24]) + rng.normal(0, 0.05, 3)
        faces += [tuple(base + corner for corner in face) for face in _grid_faces(steps, sides, wrap=True)]
    return new_object(name, np.concatenate(points), faces)


def _grid_faces(rows: int, columns: int, wrap: bool) -> list[tuple[int, int, int, int]]:
    last = columns if wrap else columns - 1
    return [
        (r * columns + c, r * columns + (c + 1) % columns, (r + 1) * columns + (c + 1) % columns, (r + 1) * columns + c)
        for r in range(rows - 1)
        for c in range(last)
    ]


def remember_rest() -> None:
    """Writes where every vertex is in the current frame, before modifiers, into the attribute ``rest``."""
    bpy.context.view_layer.update()
    for item in bpy.context.scene.objects:
        if item.type == "MESH":
            layer = item.data.attributes.new("rest", "FLOAT_VECTOR", "POINT")
            positions = np.array([item.matrix_world @ v.co for v in item.data.vertices], np.float32)
            layer.data.foreach_set("vector", positions.ravel())


class Nodes:
    """A material under construction; the surface's rest position is its coordinate."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()
        self.output = self.tree.nodes.new("ShaderNodeOutputMaterial")
        attribute = self.tree.nodes.new("ShaderNodeAttribute")
        attribute.attribute_name = "rest"
        self.rest = attribute.outputs["Vector"]
        aov = self.tree.nodes.new("ShaderNodeOutputAOV")
        aov.aov_name = "Rest"
        self.link(self.rest, aov.inputs["Color"])

    def link(self, source: Any, target: Any) -> None:
        """Connects two sockets, or sets a constant."""
        if isinstance(source, (int, float)):
            target.default_value = source
        elif isinstance(source, tuple):
            target.default_value = (*source, 1.0) if len(target.default_value) == 4 and len(source) == 3 else source
        else:
            self.tree.links.new(source, target)

    def node(self, kind: str, inputs: Mapping[Any, Any], out: str | int = 0, **settings: Any) -> Any:
        """Adds a node and gives one of its outputs."""
        node = self.tree.nodes.new("ShaderNode" + kind)
        for key, value in settings.items():
            setattr(node, key, value)
        for key, value in inputs.items():
            self.link(value, node.inputs[key])
        return node.outputs[out]

    def math(self, operation: str, a: Any, b: Any = 0.0) -> Any:
        """A scalar function."""
        return self.node("Math", {0: a, 1: b}, operation=operation)

    def mix(self, factor: Any, a: Any, b: Any) -> Any:
        """Between two colours."""
        return self.node("MixRGB", {"Fac": factor, "Color1": a, "Color2": b})

    def times(self, color: Any, value: Any) -> Any:
        """A colour times a number."""
        return self.node("VectorMath", {0: color, "Scale": value}, operation="SCALE")

    def noise(self, scale: float, detail: float = 3.0, shift: Colour = (0, 0, 0), stretch: Colour = (1, 1, 1), out: str = "Fac") -> Any:
        """Noise fixed to the surface."""
        at = self.node("Mapping", {"Vector": self.rest, "Location": shift, "Scale": stretch})
        return self.node("TexNoise", {"Vector": at, "Scale": scale, "Detail": detail}, out)

    def ramp(self, value: Any, stops: list[tuple[float, Colour]], constant: bool = False) -> Any:
        """Colours along a value."""
        node = self.tree.nodes.new("ShaderNodeValToRGB")
        node.color_ramp.interpolation = "CONSTANT" if constant else "LINEAR"
        while len(node.color_ramp.elements) < len(stops):
            node.color_ramp.elements.new(0.5)
        for element, (at, color) in zip(node.color_ramp.elements, stops, strict=True):
            element.position, element.color = at, (*color, 1.0)
        self.link(value, node.inputs["Fac"])
        return node.outputs["Color"]


def pigment(nodes: Nodes, kind: str, dark: Colour, light: Colour, scale: float) -> Any:
    """The albedo of a surface: a colour socket made of the rest position."""
    if kind == "wood":
        grain = nodes.noise(scale, 4.0, stretch=(1, 1, 0.12))
        rings = nodes.math("FRACT", nodes.math("MULTIPLY", grain, 9.0))
        return nodes.mix(nodes.math("ADD", nodes.math("MULTIPLY", rings, 0.7), 0.0), dark, light)
    if kind == "tiles":
        check = nodes.node("TexChecker", {"Vector": nodes.rest, "Color1": dark, "Color2": light, "Scale": scale})
        return nodes.mix(nodes.math("MULTIPLY", nodes.noise(scale * 5, 5.0), 0.55), check, (0.12, 0.1, 0.09))
    if kind == "stripes":
        wave = nodes.node("TexWave", {"Vector": nodes.rest, "Scale": scale, "Distortion": 2.5, "Detail": 2.0})
        return nodes.ramp(wave, [(0.0, dark), (0.45, dark), (0.55, light), (1.0, light)])
    if kind == "bricks":
        turned = nodes.node("Mapping", {"Vector": nodes.rest, "Rotation": (math.pi / 2, 0.0, 0.0)})
        mortar = (0.5, 0.48, 0.44)
        inputs = {"Vector": turned, "Color1": dark, "Color2": light, "Mortar": mortar, "Scale": scale, "Mortar Size": 0.03}
        wall = nodes.node("TexBrick", inputs)
        return nodes.mix(nodes.math("MULTIPLY", nodes.noise(scale * 6, 5.0), 0.5), wall, (0.2, 0.13, 0.1))
    return nodes.mix(nodes.ramp(nodes.noise(scale, 6.0), [(0.3, (0, 0, 0)), (0.7, (1, 1, 1))]), dark, light)


def lamp(name: str, kind: str, position: Colour, target: Colour, power: float, size: float, color: Colour = (1, 1, 1)) -> bpy.types.Object:
    """A light that looks at a point."""
    data = bpy.data.lights.new(name, kind)
    data.energy, data.color = power, color
    if kind == "AREA":
        data.size = size
    elif kind == "SUN":
        data.angle = size
    item = bpy.data.objects.new(name, data)
    item.location = position
    item.rotation_euler = (Vector(target) - Vector(position)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(item)
    return item

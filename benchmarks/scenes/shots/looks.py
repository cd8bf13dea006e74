"""Materials: as rendered, and the three looks, which are emission made of pigment, normal and the key light's direction."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from .parts import Nodes, pigment

Paint = tuple[str, tuple[float, float, float], tuple[float, float, float], float]
_LIGHT = "key direction"


def apply(paints: dict[str, Paint], look: str) -> None:
    """Gives every object its material in a look (``""``: as rendered)."""
    for item in bpy.context.scene.objects:
        if item.type == "MESH":
            name = item.name.rstrip("-0123456789 ")
            nodes = Nodes(f"{item.name} {look}")
            color = pigment(nodes, *paints[name])
            _SURFACES[look](nodes, color, paints[name], item)
            item.data.materials.clear()
            item.data.materials.append(nodes.material)


def aim(light: bpy.types.Object) -> None:
    """Tells the looks where the key light is now."""
    position = light.matrix_world.translation if light.data.type != "SUN" else light.matrix_world.to_3x3() @ Vector((0, 0, 1e3))
    color = light.data.color
    for material in bpy.data.materials:
        if material.use_nodes and _LIGHT in material.node_tree.nodes:
            material.node_tree.nodes[_LIGHT].inputs[1].default_value = position
            material.node_tree.nodes[_LIGHT + " tint"].outputs[0].default_value = (*color, 1.0)


def _render(nodes: Nodes, color: Any, paint: Paint, item: bpy.types.Object) -> None:
    rough = 0.35 if item.name.startswith(("Pupil", "Eye", "Orb", "Pot", "Nose")) else 0.75
    bump = nodes.node("Bump", {"Height": nodes.noise(paint[3] * 4, 3.0), "Strength": 0.25, "Distance": 0.05}, "Normal")
    surface = nodes.node("BsdfPrincipled", {"Base Color": color, "Roughness": rough, "Normal": bump}, "BSDF")
    nodes.link(surface, nodes.output.inputs["Surface"])


def _shade(nodes: Nodes) -> tuple[Any, Any]:
    """0..1 from shade to light, without cast shadows, and the light's colour."""
    geometry = nodes.tree.nodes.new("ShaderNodeNewGeometry")
    away = nodes.tree.nodes.new("ShaderNodeVectorMath")
    away.name, away.operation = _LIGHT, "SUBTRACT"
    nodes.tree.links.new(geometry.outputs["Position"], away.inputs[0])
    away.inputs[1].default_value = (3, -3, 4)
    direction = nodes.node("VectorMath", {0: away.outputs[0]}, operation="NORMALIZE")
    lambert = nodes.node("VectorMath", {0: geometry.outputs["Normal"], 1: direction}, "Value", operation="DOT_PRODUCT")
    tint = nodes.tree.nodes.new("ShaderNodeRGB")
    tint.name = _LIGHT + " tint"
    return nodes.math("ADD", nodes.math("MULTIPLY", lambert, -0.5), 0.5), tint.outputs[0]


def _emit(nodes: Nodes, color: Any) -> None:
    nodes.link(nodes.node("Emission", {"Color": color}), nodes.output.inputs["Surface"])


def _toon(nodes: Nodes, _: Any, paint: Paint, __: bpy.types.Object) -> None:
    shade, tint = _shade(nodes)
    middle = 0.4 * np.array(paint[1]) + 0.6 * np.array(paint[2])
    tones = 0.3 * middle + (0.0, 0.005, 0.03), middle, np.minimum(1.0, 1.35 * middle + 0.06)
    stops = [(at, (float(r), float(g), float(b))) for at, (r, g, b) in zip((0.0, 0.42, 0.82), tones, strict=True)]
    flat = nodes.ramp(shade, stops, constant=True)
    _emit(nodes, nodes.node("MixRGB", {"Fac": 0.5, "Color1": flat, "Color2": tint}, blend_type="MULTIPLY"))


def _hatched(nodes: Nodes, color: Any, _: Paint, __: bpy.types.Object) -> None:
    shade, _tint = _shade(nodes)
    grey = nodes.node("RGBToBW", {"Color": color})
    tone = nodes.math("MULTIPLY", nodes.math("POWER", nodes.math("ADD", grey, 0.05), 0.45), nodes.math("POWER", shade, 0.8))
    wobble = nodes.noise(3.0, 2.0)
    ink: Any = 0.0
    for number, (x, y, z) in enumerate([(0.5, 0.3, 1.0), (1.0, -0.4, -0.6), (-0.3, 1.0, 0.5)]):
        along = nodes.node("VectorMath", {0: nodes.rest, 1: (x, y, z)}, "Value", operation="DOT_PRODUCT")
        phase = nodes.math("ADD", nodes.math("MULTIPLY", along, 16.0), nodes.math("MULTIPLY", wobble, 1.2))
        saw = nodes.math("ABSOLUTE", nodes.math("SUBTRACT", nodes.math("FRACT", phase), 0.5))
        # The darker the tone, the wider the line; each further direction starts in a deeper shade.
        width = nodes.math("MULTIPLY", nodes.math("SUBTRACT", 0.72 - 0.2 * number, tone), 0.55)
        ink = nodes.math("MAXIMUM", ink, nodes.math("LESS_THAN", saw, width))
    _emit(nodes, nodes.mix(ink, (0.82, 0.77, 0.66), (0.025, 0.025, 0.05)))


def _painted(nodes: Nodes, color: Any, paint: Paint, __: bpy.types.Object) -> None:
    shade, tint = _shade(nodes)
    stretched = nodes.node("Mapping", {"Vector": nodes.rest, "Rotation": (0.4, 0.5, 0.3), "Scale": (1.0, 1.0, 0.45)})
    bent = nodes.node("VectorMath", {0: stretched, 1: nodes.times(nodes.noise(2.0, 1.0, out="Color"), 0.35)}, operation="ADD")
    cells = nodes.tree.nodes.new("ShaderNodeTexVoronoi")
    nodes.link(bent, cells.inputs["Vector"])
    cells.inputs["Scale"].default_value = 11.0
    dab = cells.outputs["Color"]
    value = nodes.node("SeparateColor", {"Color": dab}, 0)
    other = nodes.node("SeparateColor", {"Color": dab}, 1)
    # Each dab has one tone of its own around the shade, warm in the light and blue in the shadow.
    tone = nodes.math("ADD", shade, nodes.math("MULTIPLY", nodes.math("SUBTRACT", value, 0.5), 0.3))
    base = nodes.mix(0.65, color, tuple(0.5 * (a + b) for a, b in zip(paint[1], paint[2], strict=True)))
    lit = nodes.mix(nodes.math("MULTIPLY", other, 0.35), base, (0.85, 0.6, 0.3))
    dark = nodes.mix(nodes.math("ADD", nodes.math("MULTIPLY", other, 0.35), 0.3), nodes.times(base, 0.35), (0.05, 0.07, 0.2))
    edge = nodes.math("SUBTRACT", 1.08, nodes.math("MULTIPLY", cells.outputs["Distance"], 0.55))
    mixed = nodes.mix(nodes.ramp(tone, [(0.25, (0, 0, 0)), (0.75, (1, 1, 1))]), dark, nodes.times(lit, 1.15))
    tinted = nodes.node("MixRGB", {"Fac": 0.6, "Color1": nodes.times(mixed, edge), "Color2": tint}, blend_type="MULTIPLY")
    _emit(nodes, tinted)


_SURFACES = {"": _render, "toon": _toon, "hatched": _hatched, "painted": _painted}
